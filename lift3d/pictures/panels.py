"""Side by side: 2D keypoints, the skeleton in space, the body mesh.

from lift3d.pictures import render_clip
render_clip(clip, model, viewer, "result.mp4")
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import torch
from jaxtyping import Float, UInt8
from numpy import ndarray
from torch import Tensor

from lift3d.body import BodyMesh
from lift3d.camera import Camera
from lift3d.clip import Clip
from lift3d.errors import InputError
from lift3d.pictures.compose import GAP, beside, caption, counter, cut, frame_of_video
from lift3d.pictures.draw import draw_keypoints, enlarge, shrink
from lift3d.pictures.ground import Floor, Room, floor_under
from lift3d.pictures.people import bodies_seen, enlarged, finite, projected, shown_keypoints, tinted
from lift3d.pictures.skeleton3d import draw_skeletons, points_on_bones
from lift3d.pictures.theme import (
    DARK,
    Theme,
    backdrop,
    person_colors,
    quantised,
)
from lift3d.pictures.uncertainty import draw_uncertainty
from lift3d.pictures.view import Window, camera_through, orbit, window_around
from lift3d.protocols import BodyModel, Viewer

__all__ = ["Look", "Panel", "Storyboard"]

Panel = Literal["keypoints", "skeleton", "mesh", "turned"]
Backdrop = Callable[[int], UInt8[ndarray, "height width 3"]]

_SAMPLES: Final = 24  # frames whose bodies settle views and floor
_CHUNK: Final = 16  # bodies posed at once: enough for speed, little enough for memory
_YAW_SKELETON: Final = math.radians(28)
_YAW_TURNED: Final = math.radians(62)
_ELEVATION: Final = math.radians(12)
_CAPTIONS: Final[dict[Panel, str]] = {
    "keypoints": "2D keypoints",
    "skeleton": "3D joints",
    "mesh": "body, camera view",
    "turned": "body, from the side",
}


@dataclass(frozen=True, slots=True)
class Look:
    """What a picture shows and how large: panels from left to right, each `height` pixels high.

    Panels become smaller together where the whole would be wider than `max_width`. Without
    `panels`, all that the clip holds are shown: with bodies `keypoints`, `skeleton` and `mesh`.
    """

    panels: tuple[Panel, ...] = ()
    height: int = 720
    max_width: int = 1920
    theme: Theme = DARK
    captions: bool = True


class Storyboard:
    """A clip made ready for drawing: views fixed for the whole clip, rooms painted once.

    `backdrop` gives the video's picture of a frame (display RGB of the camera's size), which is then
    shown under keypoints and mesh. `viewer` and `model` are needed for panels with a body only.
    """

    def __init__(
        self,
        clip: Clip,
        model: BodyModel | None = None,
        viewer: Viewer | None = None,
        look: Look | None = None,
        backdrop: Backdrop | None = None,
    ) -> None:
        look = look or Look()
        self._clip, self._model, self._viewer, self._backdrop = clip, model, viewer, backdrop
        self._theme, self._captions = look.theme, look.captions
        self.panels = _chosen_panels(clip, model, viewer, look.panels)
        space = self._space()
        shown = torch.cat([shown_keypoints(clip), projected(space, clip.camera)])
        size = _panel_size(shown, len(self.panels), look)
        self._window = window_around(shown, size, 0.09)
        self._camera = camera_through(_at_origin(clip.camera), self._window)
        self._world = clip.world_from_camera
        self._floor = floor_under(space, self._world, self._floor_height(space))
        views = {
            "mesh": self._camera,
            "skeleton": orbit(space, self._world, size, _YAW_SKELETON, _ELEVATION),
            "turned": orbit(space, self._world, size, _YAW_TURNED, _ELEVATION),
        }
        self._views: dict[str, Camera] = {p: views[p] for p in self.panels if p in views}
        self._rooms = {
            name: Room(view, self._floor, self._theme) for name, view in self._views.items()
        }

    @property
    def floor(self) -> Floor:
        """The floor below the people, in the clip's camera frame."""
        return self._floor

    def pictures(
        self, frames: Sequence[int] | None = None
    ) -> Iterator[UInt8[ndarray, "height width 3"]]:
        """One picture per frame (all frames where None is given), made as they are asked for."""
        wanted = list(range(len(self._clip)) if frames is None else frames)
        for start in range(0, len(wanted), _CHUNK):
            chunk = wanted[start : start + _CHUNK]
            for frame, bodies in zip(chunk, self._bodies(chunk), strict=True):
                yield self._picture(frame, bodies)

    def _picture(
        self, frame: int, bodies: list[tuple[int, BodyMesh]]
    ) -> UInt8[ndarray, "height width 3"]:
        drawn = [self._panel(panel, frame, bodies) for panel in self.panels]
        if self._captions:
            for panel, picture in zip(self.panels, drawn, strict=True):
                caption(picture, _CAPTIONS[panel], self._theme)
            counter(drawn[-1], frame, self._clip, self._theme)
        return beside(drawn, self._theme)

    def _panel(
        self, panel: Panel, frame: int, bodies: list[tuple[int, BodyMesh]]
    ) -> UInt8[ndarray, "height width 3"]:
        if panel == "keypoints":
            return self._keypoints(frame)
        if panel == "skeleton":
            return self._skeleton(frame)
        return self._mesh(panel, bodies, self._video(frame) if panel == "mesh" else None)

    def _video(self, frame: int) -> UInt8[ndarray, "height width 3"] | None:
        """The window's part of the video's picture, where there is one."""
        if self._backdrop is None:
            return None
        picture = self._backdrop(frame)
        if picture.shape != (*self._clip.camera.image_size, 3):
            raise InputError(
                f"expected a backdrop of shape {[*self._clip.camera.image_size, 3]}, got "
                f"{list(picture.shape)}: give pictures of the size that the keypoints belong to"
            )
        return cut(picture, self._window, self._theme)

    def _keypoints(self, frame: int) -> UInt8[ndarray, "height width 3"]:
        height, width = self._window.size
        behind = self._video(frame)
        if behind is None:
            behind = quantised(backdrop(height, width, self._theme))
        large = enlarge(behind, 2)
        frame_of_video(large, self._clip.camera.image_size, self._window, self._theme)
        for order, person in enumerate(self._clip.people):
            if bool(person.keypoints.observed[frame]):
                pose = enlarged(person.keypoints.pose, frame, self._window)
                colors = person_colors(order, self._theme)
                draw_keypoints(large, pose, colors, height * 0.0155, self._theme.outline)
        return shrink(large, 2)

    def _skeleton(self, frame: int) -> UInt8[ndarray, "height width 3"]:
        people = [
            (person.joints.pose.joints[frame], person.joints.pose.skeleton, order)
            for order, person in enumerate(self._clip.people)
            if bool(person.joints.shown[frame])
        ]
        dots = [points_on_bones(joints, skeleton) for joints, skeleton, _ in people]
        room = self._rooms["skeleton"].with_shadows(finite(dots), spread=0.035)
        large = enlarge(room, 2)
        colored = [(j, s, person_colors(order, self._theme)) for j, s, order in people]
        self._paint_uncertainty(large, frame)
        draw_skeletons(large, colored, _twice(self._views["skeleton"]))
        return shrink(large, 2)

    def _paint_uncertainty(self, picture: UInt8[ndarray, "height width 3"], frame: int) -> None:
        people = [
            (pose.joints[frame], pose.covariance[frame], pose.skeleton, order)
            for order, pose in enumerate(person.joints.pose for person in self._clip.people)
        ]
        colored = [(j, c, s, person_colors(order, self._theme)) for j, c, s, order in people]
        draw_uncertainty(picture, colored, _twice(self._views["skeleton"]))

    def _mesh(
        self, panel: Panel, bodies: list[tuple[int, BodyMesh]], behind: ndarray | None
    ) -> UInt8[ndarray, "height width 3"]:
        meshes = [mesh for _, mesh in bodies]
        if behind is None:
            behind = self._rooms[panel].with_shadows([mesh.vertices for mesh in meshes])
        assert self._model is not None  # noqa: S101 - settled in _chosen_panels
        assert self._viewer is not None  # noqa: S101
        base = self._model.surface.colors
        colors = [tinted(base, order) for order, _ in bodies]
        rgb, _ = self._viewer.render(meshes, colors, self._views[panel], background=behind)
        return np.array(rgb)

    def _bodies(self, frames: list[int]) -> list[list[tuple[int, BodyMesh]]]:
        """The bodies seen in each frame; nobody where no panel shows them."""
        if self._model is None or not {"mesh", "turned"} & set(self.panels):
            return [[] for _ in frames]
        return bodies_seen(self._clip, self._model, frames)

    def _space(self) -> Float[Tensor, "points 3"]:
        """All that views must show (metres): the joints, and the surfaces of some frames' bodies."""
        joints = [p.joints.pose.joints[p.joints.shown].reshape(-1, 3) for p in self._clip.people]
        skins = [mesh.vertices[::8].to(joints[0]) for mesh in self._sampled_bodies()]
        return torch.cat([*joints, *skins])

    def _sampled_bodies(self) -> list[BodyMesh]:
        count = min(_SAMPLES, len(self._clip))
        frames = np.linspace(0, len(self._clip) - 1, count).astype(int).tolist()
        return [mesh for bodies in self._bodies(frames) for _, mesh in bodies]

    def _floor_height(self, space: Tensor) -> float:
        """Where the floor lies along the world's up: the lowest place that feet really reach.

        With bodies from their soles; joints lie about 3 cm above them.
        """
        lows = [float((m.vertices.double() @ self._world[1]).min()) for m in self._sampled_bodies()]
        if lows:
            return float(np.quantile(lows, 0.1))
        heights = space[space.isfinite().all(-1)].double() @ self._world[1]
        return float(np.quantile(heights.numpy(), 0.005)) - 0.03


def _chosen_panels(
    clip: Clip, model: BodyModel | None, viewer: Viewer | None, asked: tuple[Panel, ...]
) -> tuple[Panel, ...]:
    if not any(bool(p.joints.observed.any()) for p in clip.people):
        raise InputError("expected a clip with at least one person in one frame, got none to draw")
    bodies = any(p.body is not None for p in clip.people)
    drawable = bodies and model is not None and viewer is not None
    unknown = set(asked) - set(_CAPTIONS)
    if unknown:
        raise InputError(f"expected panels among {', '.join(_CAPTIONS)}, got {sorted(unknown)[0]}")
    if {"mesh", "turned"} & set(asked) and not drawable:
        raise InputError(
            "expected a clip with bodies, a body model and a viewer for the panels 'mesh' and "
            "'turned', got a clip or call without: fit bodies first or leave these panels out"
        )
    return asked or ("keypoints", "skeleton", *(("mesh",) if drawable else ()))


def _panel_size(points: Tensor, panels: int, look: Look) -> tuple[int, int]:
    """(height, width) of each panel: the people's proportions, within the picture's limits."""
    finite = points[points.isfinite().all(-1)]
    span = (finite.amax(0) - finite.amin(0)).clamp(min=1)
    aspect = min(1.6, max(0.72, float(span[0] / span[1])))
    room = (look.max_width - GAP * (panels - 1)) / panels
    height = min(float(look.height), room / aspect)
    return 2 * round(height / 2), 2 * int(height * aspect / 2)


def _at_origin(camera: Camera) -> Camera:
    """The camera in its own frame, in which a clip's joints and bodies are."""
    pose = torch.eye(4, dtype=camera.intrinsics.dtype)
    return Camera(camera.intrinsics, pose, camera.distortion, camera.image_size, camera.lens)


def _twice(camera: Camera) -> Camera:
    """The same view with twice as many pixels along each side."""
    height, width = camera.image_size
    return camera_through(camera, Window(0.0, 0.0, 2.0, (2 * height, 2 * width)))
