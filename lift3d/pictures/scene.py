"""Who is drawn, and on what floor: a clip's people, each ready to be painted in any view."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from inspect import signature
from typing import Any, Final

import cv2
import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor

from lift3d.body import BodyMesh
from lift3d.camera import Camera
from lift3d.clip import Clip
from lift3d.errors import InputError
from lift3d.pictures.clothes import dressed
from lift3d.pictures.compose import frame_of_video
from lift3d.pictures.draw import draw_keypoints, enlarge, shrink
from lift3d.pictures.floor_marks import Footing, draw_marks, footing_of
from lift3d.pictures.ground import Floor, floor_under
from lift3d.pictures.panels import Look
from lift3d.pictures.people import bodies_seen, enlarged, finite, tinted
from lift3d.pictures.skeleton3d import draw_skeletons, points_on_bones
from lift3d.pictures.theme import Picture, person_colors
from lift3d.pictures.uncertainty import draw_uncertainty
from lift3d.pictures.view import Window, camera_through
from lift3d.protocols import BodyModel, Viewer

__all__ = ["Bodies", "Scene", "Shadows", "camera_of"]

Bodies = list[tuple[int, BodyMesh]]
"""The bodies of one frame, each with its person's place in the clip."""

Shadows = tuple[list[Float[Tensor, "points 3"]], float]
"""Points, and how much wider than they the shadow is (metres)."""

_SAMPLES: Final = 24  # frames whose bodies settle views and floor
_CHUNK: Final = 16  # bodies posed at once: enough for speed, little enough for memory
_SPREAD: Final = 0.035  # metres: what makes a skeleton's shadow as wide as a body's


class Scene:
    """A clip's people, the floor below them, and how each of them is painted."""

    def __init__(
        self, clip: Clip, model: BodyModel | None, viewer: Viewer | None, look: Look
    ) -> None:
        self.clip, self.model, self.viewer, self.look = clip, model, viewer, look
        self.has_bodies = (
            model is not None
            and viewer is not None
            and any(p.body is not None for p in clip.people)
        )
        self._texture = None if look.texture is None else _texture(look.texture, model, viewer)
        self.camera = camera_of(clip, 0)
        self.world = _world(clip)

    @cached_property
    def space(self) -> Float[Tensor, "points 3"]:
        """All that views must show (metres): the joints, and the surfaces of some frames' bodies."""
        joints = [p.joints.pose.joints[p.joints.shown].reshape(-1, 3) for p in self.clip.people]
        skins = [mesh.vertices[::8].to(joints[0]) for mesh in self._sampled]
        return torch.cat([*joints, *skins])

    @cached_property
    def floor(self) -> Floor:
        """The floor at the lowest place that feet really reach.

        With bodies from their soles; joints lie about 3 cm above them.
        """
        lows = [float((m.vertices.double() @ self.world[1]).min()) for m in self._sampled]
        if lows:
            height = float(np.quantile(lows, 0.1))
        else:
            known = self.space[self.space.isfinite().all(-1)].double() @ self.world[1]
            height = float(np.quantile(known.numpy(), 0.005)) - 0.03
        return floor_under(self.space, self.world, height)

    @cached_property
    def _sampled(self) -> list[BodyMesh]:
        count = min(_SAMPLES, len(self.clip))
        frames = np.linspace(0, len(self.clip) - 1, count).astype(int).tolist()
        return [mesh for bodies in self.posed(frames) for _, mesh in bodies]

    @cached_property
    def _footing(self) -> list[Footing]:
        up = self.world[1]
        return [footing_of(self.clip, person, self.model, up) for person in self.clip.people]

    @cached_property
    def _colors(self) -> list[Float[Tensor, "vertices 3"]]:
        assert self.model is not None  # noqa: S101 - asked for where there are bodies
        surface, clothes = self.model.surface, self.look.clothes
        people = range(len(self.clip.people))
        if clothes == "own":
            return [tinted(surface.colors, person) for person in people]
        return [dressed(surface, clothes, person) for person in people]

    def posed(self, frames: Sequence[int]) -> Iterator[Bodies]:
        """The bodies seen in each frame, posed a few frames at a time; none where they are not drawn."""
        if self.model is None or not self.has_bodies:
            yield from ([] for _ in frames)
            return
        step = max(1, _CHUNK // max(1, len(self.clip.people)))
        for start in range(0, len(frames), step):
            yield from bodies_seen(self.clip, self.model, list(frames[start : start + step]))

    def seen_without(self, bodies: Bodies, frame: int) -> list[int]:
        """The people of a frame who are there and not among the bodies drawn."""
        drawn = {order for order, _ in bodies}
        people = enumerate(self.clip.people)
        return [n for n, p in people if n not in drawn and bool(p.joints.shown[frame])]

    def shadows(self, frame: int, bodies: Bodies, skeletons: Sequence[int]) -> Shadows:
        """What throws the shadows of bodies and of people who are skeletons."""
        poses = [self.clip.people[order].joints.pose for order in skeletons]
        bones = [points_on_bones(pose.joints[frame], pose.skeleton) for pose in poses]
        return finite([*(mesh.vertices for _, mesh in bodies), *bones]), 0.0 if bodies else _SPREAD

    def paint_marks(self, picture: Picture, frame: int, camera: Camera) -> None:
        """Rings around standing feet, in place, where they are asked for."""
        if self.look.contacts:
            colors = [person_colors(n, self.look.theme) for n in range(len(self._footing))]
            people = list(zip(self._footing, colors, strict=True))
            draw_marks(picture, people, frame, self.floor, camera)

    def with_keypoints(self, behind: Picture, frame: int, window: Window, edge: bool) -> Picture:
        """Everybody's keypoints over a picture; `edge` marks where the video's picture ends."""
        large = enlarge(behind, 2)
        if edge:
            frame_of_video(large, self.clip.camera.image_size, window, self.look.theme)
        for order, person in enumerate(self.clip.people):
            if bool(person.keypoints.observed[frame]):
                pose = enlarged(person.keypoints.pose, frame, window)
                colors = person_colors(order, self.look.theme)
                thickness = window.size[0] * 0.0155
                draw_keypoints(large, pose, colors, thickness, self.look.theme.outline)
        return shrink(large, 2)

    def with_joints(
        self, behind: Picture, frame: int, camera: Camera, people: Sequence[int]
    ) -> Picture:
        """Some people's skeletons over a picture, with their uncertainty."""
        if not people:
            return behind
        large = enlarge(behind, 2)
        height, width = camera.image_size
        twice = camera_through(camera, Window(0.0, 0.0, 2.0, (2 * height, 2 * width)))
        poses = [self.clip.people[order].joints.pose for order in people]
        colors = [person_colors(order, self.look.theme) for order in people]
        pairs = list(zip(poses, colors, strict=True))
        if self.look.uncertainty:
            sure = [(p.joints[frame], p.covariance[frame], p.skeleton, c) for p, c in pairs]
            draw_uncertainty(large, sure, twice)
        draw_skeletons(large, [(p.joints[frame], p.skeleton, c) for p, c in pairs], twice)
        return shrink(large, 2)

    def with_bodies(self, behind: Picture, bodies: Bodies, camera: Camera) -> Picture:
        """Bodies over a picture."""
        if not bodies:
            return behind
        assert self.viewer is not None  # noqa: S101 - bodies are posed only for a viewer
        meshes = [mesh for _, mesh in bodies]
        colors = [self._colors[order] for order, _ in bodies]
        more: dict[str, Any] = {}
        if self.look.texture is not None:
            more["textures"] = [self._texture] * len(meshes)
        rgb, _ = self.viewer.render(meshes, colors, camera, background=behind, **more)
        return np.array(rgb)

    def faded(self, drawn: Picture, behind: Picture) -> Picture:
        """What is drawn, as solid as the look asks for."""
        share = self.look.opacity
        if share >= 1:
            return drawn
        return np.asarray(cv2.addWeighted(drawn, share, behind, 1 - share, 0))


def camera_of(clip: Clip, frame: int) -> Camera:
    """The camera of a frame in its own axes, in which a clip's joints and bodies are."""
    camera = clip.camera
    if camera.intrinsics.ndim > 2:
        pick = min(frame, len(camera.intrinsics) - 1)
        lens = camera.distortion[pick] if camera.distortion.ndim > 1 else camera.distortion
        camera = replace(
            camera,
            intrinsics=camera.intrinsics[pick],
            distortion=lens,
            cam_from_world=torch.eye(4).to(camera.intrinsics),
        )
    return replace(camera, cam_from_world=torch.eye(4).to(camera.intrinsics))


def _world(clip: Clip) -> Float[Tensor, "3 3"]:
    """The rotation from the camera's axes to a y-up world; a moving camera's first."""
    if clip.camera.cam_from_world.ndim > 2:
        first = replace(camera_of(clip, 0), cam_from_world=clip.camera.cam_from_world[0])
        return replace(clip, camera=first).world_from_camera
    return clip.world_from_camera


def _texture(picture: ndarray, model: BodyModel | None, viewer: Viewer | None) -> Any:
    """The picture as the renderer takes it: some have a `texture(picture, uv, uv_faces)` for that."""
    make = getattr(viewer, "texture", None)
    if viewer is None or make is None or "textures" not in signature(viewer.render).parameters:
        name = type(viewer).__name__ if viewer is not None else "none"
        raise InputError(
            f"expected a renderer that draws textures, got {name}, which does not: leave the texture "
            "out or name another renderer"
        )
    if model is None or not len(model.surface.uv):
        raise InputError(
            "expected a body with UV coordinates for a texture, got one without: leave the texture out"
        )
    return make(picture, model.surface.uv, model.surface.uv_faces)
