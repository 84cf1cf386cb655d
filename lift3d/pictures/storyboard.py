"""Side by side: 2D keypoints, the skeleton in space, the body mesh, from all sides.

from lift3d.pictures import render_clip
render_clip(clip, model, viewer, "result.mp4")
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Final

import numpy as np
import torch
from jaxtyping import UInt8
from numpy import ndarray

from lift3d.camera import Camera
from lift3d.clip import Clip
from lift3d.errors import InputError
from lift3d.pictures.ahead import ahead
from lift3d.pictures.captions import check_template, filled
from lift3d.pictures.compose import beside, caption, counter, cut, fitted, footnote
from lift3d.pictures.ground import Floor, Room
from lift3d.pictures.panels import (
    CAPTIONS,
    WITH_BODY,
    Look,
    Panel,
    bounded,
    chosen_panels,
    panel_sizes,
)
from lift3d.pictures.people import projected, shown_keypoints
from lift3d.pictures.scene import Bodies, Scene, Shadows, camera_of
from lift3d.pictures.theme import Picture, quantised
from lift3d.pictures.theme import backdrop as empty_room
from lift3d.pictures.view import Window, camera_through, orbit, window_around
from lift3d.protocols import BodyModel, Viewer

__all__ = ["Backdrop", "Storyboard"]

Backdrop = Callable[[int], UInt8[ndarray, "height width 3"]]

_ELEVATION: Final = math.radians(12)
_ORBITS: Final[dict[Panel, tuple[float, float]]] = {
    "skeleton": (math.radians(28), _ELEVATION),
    "turned": (math.radians(62), _ELEVATION),
    "side": (math.radians(90), math.radians(4)),
    "top": (0.0, math.radians(90)),
}
"""Yaw to the person's side and elevation of the cameras that walk around."""
_FILMED: Final = ("keypoints", "mesh", "overlay")
_AHEAD: Final = 4


class Storyboard:
    """A clip made ready for drawing: views fixed for the whole clip, rooms painted once.

    `backdrop` gives the video's picture of a frame (display RGB of the camera's size), which is then
    shown under keypoints, mesh and overlay; it is asked in a thread of its own, in the order of the
    frames. `viewer` and `model` are needed for panels with a body only.
    """

    def __init__(
        self,
        clip: Clip,
        model: BodyModel | None = None,
        viewer: Viewer | None = None,
        look: Look | None = None,
        backdrop: Backdrop | None = None,
    ) -> None:
        self._look = look or Look()
        check_template(self._look.template)
        self._backdrop, self._plain = backdrop, None
        self.panels = chosen_panels(clip, model, viewer, self._look.panels)
        drawn = set(self.panels) - {"keypoints", "skeleton"}
        self._scene = Scene(clip, model, viewer if drawn else None, self._look)
        self._camera = self._scene.camera
        space = self._scene.space
        seen = bounded(projected(space, self._camera), self._camera.image_size)
        shown = torch.cat([shown_keypoints(clip), seen])
        self._sizes = panel_sizes(shown, self.panels, self._camera.image_size, self._look)
        self._windows = {
            panel: _whole(self._camera.image_size, size)
            if panel == "overlay"
            else window_around(shown if len(shown) else _corners(self._camera), size, 0.09)
            for panel, size in self._sizes.items()
            if panel in _FILMED
        }
        self._rooms: dict[Panel, Room] = {}
        world = self._scene.world
        for panel, size in self._sizes.items():
            if panel in _ORBITS:
                view = orbit(space, world, size, *_ORBITS[panel])
                self._rooms[panel] = Room(view, self._scene.floor, self._look.theme)
            elif panel == "mesh":
                view = camera_through(self._camera, self._windows[panel])
                self._rooms[panel] = Room(view, self._scene.floor, self._look.theme)

    @property
    def floor(self) -> Floor:
        """The floor below the people, in the clip's camera frame."""
        return self._scene.floor

    def pictures(self, frames: Sequence[int] | None = None) -> Iterator[Picture]:
        """One picture per frame (all frames where None is given), made as they are asked for.

        Bodies are posed and the video is read a little ahead, in threads of their own.
        """
        wanted = list(range(len(self._scene.clip)) if frames is None else frames)
        filmed = self._backdrop if set(_FILMED) & set(self.panels) else None
        videos = map(filmed or _nothing, wanted)
        with (
            closing(ahead(self._scene.posed(wanted), _AHEAD)) as posed,
            closing(ahead(videos, _AHEAD)) as filming,
        ):
            for frame, bodies, video in zip(wanted, posed, filming, strict=True):
                yield self._picture(frame, bodies, self._checked(video))

    def cutout(self, frame: int) -> UInt8[ndarray, "height width 4"]:
        """One frame without room, floor, video and letters: RGB and alpha.

        Drawn over black and over white; what differs tells how much shines through.
        """
        bodies = next(iter(self._scene.posed([frame])))
        over: list[ndarray] = []
        for tone in (0, 255):
            panels = [self._panel(panel, frame, bodies, None, tone) for panel in self.panels]
            over.append(np.concatenate(panels, 1).astype(np.float32))
        alpha = np.clip(255 - (over[1] - over[0]).mean(-1), 0, 255)
        color = over[0] * 255 / np.maximum(alpha, 1)[..., None]
        return np.dstack([np.clip(color, 0, 255), alpha]).round().astype(np.uint8)

    def _checked(self, video: Picture | None) -> Picture | None:
        size = self._camera.image_size
        if video is not None and video.shape != (*size, 3):
            raise InputError(
                f"expected a backdrop of shape {[*size, 3]}, got {list(video.shape)}: give pictures of "
                "the size that the keypoints belong to"
            )
        return video

    def _picture(self, frame: int, bodies: Bodies, video: Picture | None) -> Picture:
        look, clip = self._look, self._scene.clip
        drawn = [self._panel(panel, frame, bodies, video) for panel in self.panels]
        if look.captions:
            for panel, picture in zip(self.panels, drawn, strict=True):
                caption(picture, CAPTIONS[panel], look.theme)
            if not look.template:
                counter(drawn[-1], frame, clip, look.theme)
        if look.template:
            number = clip.first_frame + frame
            ids = [person.id for person in clip.people if bool(person.joints.shown[frame])]
            text = filled(look.template, number, number / clip.fps, ids)
            footnote(drawn[0], text, look.theme)
        return beside(drawn, look.theme)

    def _panel(
        self,
        panel: Panel,
        frame: int,
        bodies: Bodies,
        video: Picture | None,
        tone: int | None = None,
    ) -> Picture:
        """One panel; over an even `tone` instead of room or video where one is given."""
        scene, camera = self._scene, self._view(panel, frame)
        shown = [] if panel == "skeleton" else bodies
        skeletons = scene.seen_without(shown, frame)
        behind = self._behind(panel, video, tone, scene.shadows(frame, shown, skeletons))
        if panel == "keypoints":
            return scene.with_keypoints(behind, frame, self._windows[panel], tone is None)
        if tone is None:
            scene.paint_marks(behind, frame, camera)
        bones = [] if panel in WITH_BODY else skeletons
        drawn = scene.with_joints(behind, frame, camera, bones)
        drawn = scene.with_bodies(drawn, shown, camera)
        return scene.faded(drawn, behind) if panel in ("mesh", "overlay") else drawn

    def _behind(
        self,
        panel: Panel,
        video: Picture | None,
        tone: int | None,
        shadows: Shadows,
    ) -> Picture:
        """What people are drawn on: an even tone, the video, their room, or the empty backdrop."""
        size = self._sizes[panel]
        if tone is not None:
            return np.full((*size, 3), tone, dtype=np.uint8)
        if video is not None and panel == "overlay":
            return fitted(video, size)
        if video is not None and panel in _FILMED:
            return cut(video, self._windows[panel], self._look.theme)
        room = self._rooms.get(panel)
        if room is None:
            return quantised(empty_room(*size, self._look.theme))
        return room.with_shadows(shadows[0], spread=shadows[1])

    def _view(self, panel: Panel, frame: int) -> Camera:
        room = self._rooms.get(panel)
        if panel in _FILMED:
            return camera_through(camera_of(self._scene.clip, frame), self._windows[panel])
        assert room is not None  # noqa: S101 - every view that walks around has a room
        return room.camera


def _nothing(_frame: int) -> None:
    return None


def _whole(image_size: tuple[int, int], size: tuple[int, int]) -> Window:
    """All of the video's picture, as large as fits."""
    scale = min(size[0] / image_size[0], size[1] / image_size[1])
    return Window(0.0, 0.0, scale, size)


def _corners(camera: Camera) -> torch.Tensor:
    height, width = camera.image_size
    return torch.tensor([[0.0, 0.0], [width - 1.0, height - 1.0]], dtype=torch.float64)
