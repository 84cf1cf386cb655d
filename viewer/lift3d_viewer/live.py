"""People in a browser while they move: a clip to play, or frames as they come, through viser.

viser (`pip install 'lift3d[live]'`) serves a page and keeps it up to date. It asks nobody who they
are, so it listens on this machine alone, at a port of its own, behind a gate (`live_gate`).
"""

import importlib
from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO
from types import TracebackType
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.body import BodyParams
from lift3d.clip import Clip
from lift3d.conventions import WORLD_FROM_CAMERA
from lift3d.errors import InputError, MissingDependencyError
from lift3d.motion import Motion
from lift3d.pictures.theme import DARK, person_colors
from lift3d.pose import Pose3D
from lift3d.protocols import BodyModel
from lift3d.skeleton import Skeleton
from lift3d_viewer.live_gate import Gate, Policy
from lift3d_viewer.live_scene import MOST_PEOPLE, SOLE, Player, Shown, clip_drawer

__all__ = ["LiveViewer"]


class LiveViewer:
    """A view that a browser opens at `url`; call `show` or `push`, and `close` at the end.

    It is open to this machine alone. At another `host` a `token` is required, which is part of the
    `url`; what passes is not encrypted. `model` draws bodies; without it there are skeletons.
    `world_from_camera` stands pushed frames upright. At most 16 people are shown.

    Raises `MissingDependencyError` without viser, `InputError` for an open address without a token,
    `OutputError` where the port is taken.
    """

    def __init__(
        self,
        model: BodyModel | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 8090,
        token: str = "",
        world_from_camera: Float[Tensor, "3 3"] = WORLD_FROM_CAMERA,
    ) -> None:
        policy = Policy(host, token)
        self._model, self._turn = model, world_from_camera.double()
        self._server = _closed_server()
        try:
            self._gate = Gate(policy, port, self._server.get_port())
        except Exception:
            self._server.stop()
            raise
        self.url = f"http://{host}:{self._gate.port}/" + (f"?token={token}" if token else "")
        self._people: dict[int, Shown] = {}
        self._player: Player | None = None
        self._floor: Any = None
        self._prepare()

    def show(self, clip: Clip) -> None:
        """Play a clip, with a slider for its frames; it replaces what was shown before.

        Raises `InputError` for a clip without people or frames.
        """
        if not len(clip):
            raise InputError(
                "expected a clip with people and frames to show, got nobody: check where it is from"
            )
        self._clear()
        draw = clip_drawer(clip, self._model, self._person)
        draw(0)
        self._player = Player(self._server, draw, len(clip), clip.fps)

    def push(self, joints: Motion[Pose3D], body: BodyParams | None = None) -> None:
        """Show the last frame of a motion (camera or world frame) and, with it, a body (camera frame).

        People are told apart by `joints.person`; more than 16 are left out. What `lift3d.lifting.live`
        answers can be pushed as it comes.
        """
        if self._player is not None:
            self._clear()
        if joints.person not in self._people and len(self._people) >= MOST_PEOPLE:
            return
        turn = torch.eye(3, dtype=torch.float64) if joints.pose.frame == "world" else self._turn
        places = joints.pose.joints[-1].detach().double() @ turn.mT
        vertices = None
        if body is not None and self._model is not None and bool(body.finite.reshape(-1)[-1]):
            posed = (
                self._model(body).vertices.detach().reshape(-1, *self._model.surface.colors.shape)
            )
            vertices = (posed[-1].double() @ turn.mT).float().numpy()
        self._lower(places if vertices is None else torch.from_numpy(vertices), vertices is None)
        self._person(joints.person, joints.pose.skeleton)(places.float().numpy(), vertices)

    def close(self) -> None:
        """End the view and let go of its port."""
        if self._player is not None:
            self._player.stop()
        self._gate.close()
        self._server.stop()

    def __enter__(self) -> "LiveViewer":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _prepare(self) -> None:
        self._server.scene.set_up_direction("+y")
        self._server.gui.configure_theme(dark_mode=True, show_logo=False, show_share_button=False)
        self._server.initial_camera.position = (0.0, 1.6, 0.5)
        self._server.initial_camera.look_at = (0.0, 0.9, -4.0)
        self._floor = self._server.scene.add_grid("/floor", 12.0, 12.0, plane="xz", cell_size=0.5)

    def _clear(self) -> None:
        if self._player is not None:
            self._player.stop()
            self._player = None
        self._server.gui.reset()
        self._server.scene.reset()
        self._people.clear()
        self._prepare()

    def _person(self, person: int, skeleton: Skeleton) -> "Shown":
        if person not in self._people:
            colors = person_colors(len(self._people), DARK)
            self._people[person] = Shown(self._server, person, skeleton, colors, self._model)
        return self._people[person]

    def _lower(self, points: Float[Tensor, "points 3"], joints: bool) -> None:
        """The floor lies below the lowest place seen so far."""
        known = points[points.isfinite().all(-1)]
        low = float(known[:, 1].min()) - (SOLE if joints else 0.0) if len(known) else 0.0
        if len(known) and (low < self._floor.position[1] or self._floor.position[1] == 0):
            middle = known.double().mean(0)
            self._floor.position = (float(middle[0]), low, float(middle[2]))


def _closed_server() -> Any:
    """viser on this machine alone, and deaf to whoever asks it to open a tunnel to the internet."""
    try:
        viser: Any = importlib.import_module("viser")
    except ImportError as error:
        raise MissingDependencyError(
            f"expected the package viser for a live view, got {error}: pip install 'lift3d[live]', or "
            "write a page (.html)"
        ) from error
    never: Callable[..., None] = lambda *_args, **_options: None  # noqa: E731
    closed: Any = type("ClosedServer", (viser.ViserServer,), {"request_share_url": never})
    # Its banner would send people to the port behind the gate.
    with redirect_stdout(StringIO()):
        return closed(host="127.0.0.1", port=0, verbose=False)
