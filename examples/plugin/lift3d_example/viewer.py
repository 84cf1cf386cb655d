"""A viewer that paints triangles from far to near, in one flat colour each."""

import cv2
import numpy as np

from lift3d.geometry.rigid import transform_points


class PaintingViewer:
    """Obeys `lift3d.protocols.Viewer`; slow, since it goes from triangle to triangle."""

    def render(self, meshes, colors, camera, background=None):
        """The picture, and which pixels a mesh covers."""
        picture = np.full((*camera.image_size, 3), 40, np.uint8)
        picture = picture if background is None else background.copy()
        mask = np.zeros(camera.image_size, np.uint8)
        triangles = []
        for mesh, color in zip(meshes, colors, strict=True):
            depth = transform_points(camera.cam_from_world, mesh.vertices)[:, 2].numpy()[mesh.faces]
            corners = np.clip(camera.project(mesh.vertices).numpy()[mesh.faces], -1e4, 1e4)
            rgb = 255 * color.clamp(0, 1).numpy()[mesh.faces].mean(1) ** (1 / 2.2)
            triangles += zip(depth.mean(1), depth.min(1) > 0.01, corners, rgb, strict=True)
        for _, before, corners, rgb in sorted(triangles, key=lambda one: -one[0]):
            if before and np.isfinite(corners).all():  # not behind the camera, and no NaN
                cv2.fillConvexPoly(picture, corners.round().astype(int), rgb.tolist())
                cv2.fillConvexPoly(mask, corners.round().astype(int), 1)
        return picture, mask.astype(bool)

    def close(self) -> None:
        """Nothing to give back."""
