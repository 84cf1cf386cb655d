"""What a live view holds: people in viser's scene, a clip's frames, and the clock that plays them."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor

from lift3d.body import BodyParams
from lift3d.clip import Clip, Person
from lift3d.io.motion.world_body import lowest_place, people_in_world
from lift3d.io.motion.world_points import world_joints
from lift3d.pictures.draw import limbs_of
from lift3d.pictures.theme import LimbColors
from lift3d.protocols import BodyModel
from lift3d.skeleton import Skeleton

__all__ = ["MOST_PEOPLE", "SOLE", "Player", "Shown", "clip_drawer"]

MOST_PEOPLE: Final = 16
"""Each body is a message of some hundred kilobytes in every frame."""
SOLE: Final = 0.03
"""Metres from the lowest joints down to the floor."""
_THICK: Final = 0.03
_SPEEDS: Final = ("0.25", "0.5", "1", "2")


class Shown:
    """One person's skeleton and body in the scene; called with a frame's joints and vertices."""

    def __init__(
        self,
        server: Any,
        person: int,
        skeleton: Skeleton,
        colors: LimbColors,
        model: BodyModel | None,
    ) -> None:
        self._server, self._name, self._model = server, f"/person{person}", model
        self._limbs = limbs_of(skeleton)
        self._tone = colors.right
        tones = [getattr(colors, limb.side) for limb in self._limbs]
        self._tones = np.repeat(np.array(tones, np.uint8).reshape(-1, 1, 3), 2, 1)
        self._lines: Any = None
        self._mesh: Any = None

    def __call__(
        self,
        joints: Float[ndarray, "joints 3"],
        vertices: Float[ndarray, "vertices 3"] | None,
    ) -> None:
        with self._server.atomic():
            self._draw_limbs(joints)
            self._draw_body(vertices)

    def _draw_limbs(self, joints: Float[ndarray, "joints 3"]) -> None:
        pairs = [
            [joints[list(at)].mean(0) for at in (limb.start, limb.end)] for limb in self._limbs
        ]
        ends = np.array(pairs, np.float32).reshape(-1, 2, 3)
        known = np.asarray(np.isfinite(ends).all((1, 2)))
        if not known.any():
            if self._lines is not None:
                self._lines.visible = False
            return
        # Limbs that are missing shrink to a point, so that there are always as many.
        points = np.where(known[:, None, None], ends, ends[known][0, 0])
        if self._lines is None:
            self._lines = self._server.scene.add_line_segments(
                f"{self._name}/skeleton", points, self._tones, thickness=_THICK
            )
        self._lines.points = points
        self._lines.visible = True

    def _draw_body(self, vertices: ndarray | None) -> None:
        if vertices is None:
            if self._mesh is not None:
                self._mesh.visible = False
            return
        assert self._model is not None  # noqa: S101 - without a model nobody has vertices
        if self._mesh is None:
            faces = self._model.surface.faces.numpy().astype(np.uint32)
            self._mesh = self._server.scene.add_mesh_simple(
                f"{self._name}/body", vertices, faces, color=self._tone
            )
        self._mesh.vertices = vertices
        self._mesh.visible = True


def clip_drawer(
    clip: Clip, model: BodyModel | None, shown: Callable[[int, Skeleton], Shown]
) -> Callable[[int], None]:
    """A function that shows one frame of the clip, standing on its floor."""
    chosen = clip.people[:MOST_PEOPLE]
    bodies = _bodies(replace(clip, people=chosen), model)
    joints = {person.id: world_joints(clip, person) for person in chosen}
    floor = _floor(model, list(bodies.values()), list(joints.values()))

    @torch.no_grad()
    def draw(frame: int) -> None:
        for person in chosen:
            places = joints[person.id][frame] - floor
            vertices = None
            if model is not None and person.id in bodies and _has_body(person, frame):
                posed = model(bodies[person.id][frame : frame + 1]).vertices[0]
                vertices = (posed.double() - floor).float().numpy()
            shown(person.id, person.joints.pose.skeleton)(places.float().numpy(), vertices)

    return draw


def _bodies(clip: Clip, model: BodyModel | None) -> dict[int, BodyParams]:
    """Bodies in the world by their people's ids."""
    having = [p for p in clip.people if p.body is not None and bool(p.body.finite.any())]
    if model is None or not having:
        return {}
    found = people_in_world(replace(clip, people=tuple(having)), model, on_floor=False)
    return {person.id: body for person, body in zip(having, found, strict=True)}


def _has_body(person: Person, frame: int) -> bool:
    body = person.body
    return body is not None and bool(person.joints.shown[frame] & body.finite[frame])


def _floor(
    model: BodyModel | None, bodies: Sequence[BodyParams], joints: Sequence[Tensor]
) -> Float[Tensor, "3"]:
    """What to take away so that the lowest place lies at y = 0."""
    if model is not None and bodies:
        low = min(lowest_place(model, body) for body in bodies)
    else:
        heights = torch.cat([places[..., 1].flatten() for places in joints])
        heights = heights[heights.isfinite()]
        low = float(heights.min()) - SOLE if len(heights) else 0.0
    return torch.tensor([0.0, low, 0.0], dtype=torch.float64)


class Player:
    """Slider, play and speed of a clip, and the clock that moves the slider."""

    def __init__(self, server: Any, draw: Callable[[int], None], frames: int, fps: float) -> None:
        self._draw, self._frames, self._fps = draw, frames, fps
        self._frame = server.gui.add_slider("frame", 0, max(1, frames - 1), 1, 0)
        self._playing = server.gui.add_checkbox("play", frames > 1)
        self._speed = server.gui.add_dropdown("speed", _SPEEDS, initial_value="1")
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stand still for good."""
        self._over.set()
        self._thread.join(10)

    def _run(self) -> None:
        drawn, due = 0, time.monotonic()
        while not self._over.wait(max(0.0, due - time.monotonic())):
            due = max(due, time.monotonic() - 1) + 1 / (self._fps * float(self._speed.value))
            wanted = int(self._frame.value)
            if self._playing.value:
                wanted = (wanted + 1) % self._frames
                self._frame.value = wanted
            else:
                due = time.monotonic() + 0.03
            wanted = min(wanted, self._frames - 1)
            if wanted != drawn:
                self._draw(wanted)
                drawn = wanted
