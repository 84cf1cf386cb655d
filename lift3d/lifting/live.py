"""Frames one by one, as a camera gives them: the same answers as of whole clips."""

from collections import deque
from collections.abc import Iterator
from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.camera import Camera
from lift3d.errors import InputError
from lift3d.geometry.rays import root_from_rays
from lift3d.lifting.few_rows import FewRows
from lift3d.lifting.live_run import Run
from lift3d.lifting.packed_temporal import PackedTemporal
from lift3d.lifting.seen import Seen, in_camera, seen_through
from lift3d.lifting.temporal_net import TemporalNet
from lift3d.lifting.universal_net import Answer
from lift3d.lifting.view import View
from lift3d.lifting.vocabulary import VOCABULARY
from lift3d.motion import Motion
from lift3d.pose import Pose2D, Pose3D
from lift3d.skeleton import Skeleton

__all__ = ["Live", "rate_of"]

_MOST: Final = 1000.0
"""Frames per second that a live camera gives at most."""
_FASTER, _SLOWER = 1.5, 0.67
"""Beyond these shares of the network's frame rate, clips are dealt out or filled up."""


class Live:
    """One person, live: `push` a frame's keypoints, get the joints of the frame `latency` before.

    The network is used as it is now. The first session takes a second to start, as numba is loaded.

    The camera is as in `Lifter`; `fps` is how many frames per second will come. In frames without enough
    keypoints the person stays where they were last, `observed` is false, and joints are as the network
    expects them. Raises `InputError` for a frame rate that no camera has.
    """

    def __init__(
        self,
        network: TemporalNet,
        camera: Camera,
        fps: float,
        skeleton: Skeleton,
        *,
        min_confidence: float = 0.2,
        min_keypoints: int = 6,
        flip: bool = True,
    ) -> None:
        if not 0 < fps <= _MOST:
            raise InputError(
                f"expected frames per second above 0, at most {_MOST:g}, got {fps}: correct them"
            )
        self._lookahead = network.config.lookahead
        rate = fps / network.config.fps
        several, self._spread = rate_of(rate)
        packed = PackedTemporal(network, FewRows)
        self._runs = [Run(packed, flip=flip) for _ in range(several)]
        self._camera, self._skeleton, self._fps = camera, skeleton, fps
        self._min_confidence, self._min_keypoints = min_confidence, min_keypoints
        self._waiting: deque[tuple[Seen, bool]] = deque()
        self._pushed = self._given = 0
        self._over = False
        self._virtual = torch.eye(3)[None]
        self._root = torch.full((3,), torch.nan)

    @property
    def latency(self) -> int:
        """Frames between a frame and its answer."""
        return -(-self._lookahead // self._spread) * len(self._runs)

    @torch.inference_mode()
    def push(self, keypoints: Pose2D) -> Motion[Pose3D] | None:
        """The next frame's keypoints (batch shape () or (1,)); the answer that is due, if one is.

        Raises `InputError` after `finish`.
        """
        if self._over:
            raise InputError(
                "expected no frame after the last one, got one more: start a new session"
            )
        run = self._runs[self._pushed % len(self._runs)]
        seen, enough = self._looked_at(keypoints)
        if self._pushed >= len(self._runs):
            for _ in range(self._spread - 1):
                run.push(_empty(self._virtual), enough=False)
        self._virtual = seen.view.virtual
        run.push(seen.view, enough=enough)
        self._waiting.append((seen, enough))
        self._pushed += 1
        return next(self._due(), None)

    @torch.inference_mode()
    def finish(self) -> list[Motion[Pose3D]]:
        """The answers still due after the last frame, which stands still for the network."""
        if not self._over:
            self._over = True
            for run in self._runs:
                run.finish()
        return list(self._due())

    def _looked_at(self, keypoints: Pose2D) -> tuple[Seen, bool]:
        seen = seen_through(keypoints, self._camera, self._min_confidence)
        enough = bool(seen.enough(self._min_keypoints)[0])
        if enough:
            return seen, True
        return Seen(_empty(self._virtual), torch.zeros_like(seen.confidence)), False

    def _due(self) -> Iterator[Motion[Pose3D]]:
        while self._waiting:
            run = self._runs[self._given % len(self._runs)]
            answer = run.answer(self._given // len(self._runs) * self._spread)
            if answer is None:
                return
            seen, enough = self._waiting.popleft()
            placed = self._placed(answer, seen, enough)
            self._given += 1  # before the caller gets hold of it, who may ask for no more
            yield placed

    def _placed(self, answer: Answer, seen: Seen, enough: bool) -> Motion[Pose3D]:
        turn = seen.view.virtual
        if enough:
            root = root_from_rays(answer.joints, seen.view.rays, seen.confidence)
            enough = bool(root[0, 2] > 0)
            if enough:
                self._root = (root @ turn[0])[0]
        places = answer.joints @ turn + self._root
        pose = in_camera(
            places, turn.mT @ answer.covariance @ turn, self._skeleton, seen.confidence.dtype
        )
        return Motion(pose, self._fps, 0, torch.tensor([enough]), self._given)


def rate_of(rate: float) -> tuple[int, int]:
    """For clips of `rate` times the network's frames: runs to deal frames out to, and steps in a run."""
    several = max(1, round(rate)) if rate >= _FASTER else 1
    spread = max(1, round(1 / rate)) if rate <= _SLOWER else 1
    return several, spread


def _empty(virtual: Float[Tensor, "1 3 3"]) -> View:
    points = len(VOCABULARY)
    return View(torch.zeros(1, points, 2), torch.zeros(1, points, dtype=torch.bool), virtual)
