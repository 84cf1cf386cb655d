"""Whole clips to joints: the single-frame answers, corrected by what happens before and after.

The network is described in `temporal_net`; the weights are ours, see `weights/temporal.md`. The network
sees 30 frames per second. Faster clips are dealt out to several runs of about that rate, slower ones
get empty frames in between, which are filled like any gap.

`temporal` looks 40 frames both ways; `streaming` waits for 4 and gives the same answers frame by frame
(`TemporalLifter.live`), from activations that it keeps.
"""

from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Final, Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lift3d.camera import Camera
from lift3d.geometry.rays import root_from_rays
from lift3d.lifting.live import Live, rate_of
from lift3d.lifting.packed_temporal import PackedTemporal
from lift3d.lifting.pretrained import Pretrained
from lift3d.lifting.seen import in_camera, seen_through
from lift3d.lifting.temporal_net import (
    TemporalNet,
    bridged,
    load_temporal,
    predict_clips,
    save_temporal,
)
from lift3d.lifting.universal import packaged_weights
from lift3d.lifting.universal_net import Answer
from lift3d.lifting.view import View
from lift3d.motion import Motion
from lift3d.pose import Pose2D, Pose3D
from lift3d.skeleton import Skeleton
from lift3d.skeletons import LIFT_23

__all__ = ["StreamingLifter", "TemporalLifter", "TemporalOptions"]

_CHUNK: Final = 2048
"""Frames per pass, beside those that overlap: memory stays bounded, whatever the clip."""


@dataclass(frozen=True, slots=True)
class TemporalOptions:
    """How a trained network is used."""

    flip: bool = True
    """Average with the mirrored clip's answer: a little better, twice the time."""
    min_confidence: float = 0.2
    """Keypoints below count as missing."""
    min_keypoints: int = 6
    """A frame with fewer seen keypoints is a gap."""
    max_gap: float = 0.5
    """Gaps of up to so many seconds are filled; their frames have joints but are not observed."""
    skeleton: Skeleton = LIFT_23
    """The layout of the joints that come out."""


class TemporalLifter(Pretrained):
    """Lifts whole clips of one person to joints in the camera frame.

    `weights` is a file that `save_temporal` or `lift3d train --lifter temporal` wrote; without it,
    the weights in the package. Frames without enough keypoints are filled from those around them where
    the gap is short (see `TemporalOptions`), and are not marked as observed; longer gaps, and what lies
    before the first observed frame or after the last, stay NaN. The covariance is that of the joints
    against the root, calibrated on validation data, larger in gaps.
    """

    packaged: Literal["temporal", "streaming"] = "temporal"
    pretrained = "temporal"

    def __init__(
        self,
        weights: str | PathLike[str] | None = None,
        options: TemporalOptions | None = None,
    ) -> None:
        self.options = options if options is not None else TemporalOptions()
        self.network: TemporalNet = load_temporal(weights or packaged_weights(self.packaged))
        self._packed = PackedTemporal(self.network)

    @property
    def skeleton(self) -> Skeleton:
        return self.options.skeleton

    def _save_weights(self, path: Path) -> None:
        save_temporal(self.network, path)

    def giving(self, skeleton: Skeleton) -> "TemporalLifter":
        """The same lifter, whose joints come out in another layout."""
        other = copy(self)
        other.options = replace(self.options, skeleton=skeleton)
        return other

    @torch.inference_mode()
    def __call__(self, keypoints: Motion[Pose2D], camera: Camera) -> Motion[Pose3D]:
        """Joints in metres in the frame of `camera`, for keypoints of any layout in pixels."""
        seen = seen_through(keypoints.pose, camera, self.options.min_confidence)
        enough = seen.enough(self.options.min_keypoints)
        frames = len(seen)
        view = bridged(seen.view, enough, frames, hold=not self.network.config.waits)
        answer = self._answer(view, enough, keypoints.fps / self.network.config.fps)
        root = root_from_rays(answer.joints, view.rays, seen.confidence * enough[:, None])
        observed = enough & (root[:, 2] > 0)
        root = (root[:, None] @ view.virtual)[:, 0]
        root, here = _bridged_root(root, observed, round(self.options.max_gap * keypoints.fps))
        here3 = here[:, None, None]
        joints = torch.where(here3, answer.joints @ view.virtual + root[:, None], torch.nan)
        turn = view.virtual[:, None]
        covariance = torch.where(here3[..., None], turn.mT @ answer.covariance @ turn, torch.nan)
        pose = in_camera(joints, covariance, self.options.skeleton, keypoints.pose.keypoints.dtype)
        return Motion(pose, keypoints.fps, keypoints.person, observed, keypoints.first_frame)

    def live(self, camera: Camera, fps: float) -> Live:
        """A session for frames that come one by one; see `lift3d.lifting.live.Live`."""
        options = self.options
        return Live(
            self.network,
            camera,
            fps,
            options.skeleton,
            min_confidence=options.min_confidence,
            min_keypoints=options.min_keypoints,
            flip=options.flip,
        )

    def _answer(self, view: View, enough: Bool[Tensor, " frames"], rate: float) -> Answer:
        """Answers at the network's frame rate, whatever the clip's (`rate` times as many frames)."""
        frames = len(view)
        joints = torch.zeros(frames, view.points.shape[1], 3)
        covariance = torch.zeros(*joints.shape, 3)
        for rows, spread in _runs(frames, rate):
            some, there = _spread_out(view[rows], enough[rows], spread)
            said = self._whole(some, there)
            joints[rows] = said.joints[::spread]
            covariance[rows] = said.covariance[::spread]
        return Answer(joints, covariance)

    def _whole(self, view: View, enough: Bool[Tensor, " frames"]) -> Answer:
        """One run at the network's frame rate, in pieces that overlap as far as the network looks."""
        config, frames = self.network.config, len(view)
        parts: list[tuple[Tensor, Tensor]] = []
        for start in range(0, frames, _CHUNK):
            first = max(0, start - config.lookback)
            last = min(frames, start + _CHUNK + config.lookahead)
            piece = slice(first, last)
            said = predict_clips(
                self._packed, view[piece], enough[piece], last - first, flip=self.options.flip
            )
            kept = slice(start - first, min(start + _CHUNK, frames) - first)
            parts.append((said.joints[kept], said.covariance[kept]))
        joints, covariance = (torch.cat(column) for column in zip(*parts, strict=True))
        return Answer(joints, covariance)


class StreamingLifter(TemporalLifter):
    """Lifts clips as `live` sessions do: each frame from those before it and 4 after it."""

    packaged = "streaming"
    pretrained = "streaming"


def _runs(frames: int, rate: float) -> Iterator[tuple[slice, int]]:
    """Rows that form runs of about the network's rate, and how far apart these are in the run."""
    several, spread = rate_of(rate)
    for first in range(min(several, frames)):
        yield slice(first, None, several), spread


def _spread_out(
    view: View, enough: Bool[Tensor, " frames"], spread: int
) -> tuple[View, Bool[Tensor, " _"]]:
    """With empty frames in between, whose camera looks where that of the frame before does."""
    if spread == 1:
        return view, enough
    rows = torch.arange((len(view) - 1) * spread + 1)
    real = rows % spread == 0
    near = view[rows // spread]
    there = enough[rows // spread] & real
    seen = near.seen & real[:, None]
    return bridged(View(near.points * seen[..., None], seen, near.virtual), there, len(rows)), there


def _bridged_root(
    root: Float[Tensor, "frames 3"], known: Bool[Tensor, " frames"], longest: int
) -> tuple[Float[Tensor, "frames 3"], Bool[Tensor, " frames"]]:
    """Places in short gaps on straight lines, and which frames have a place now."""
    frames = len(root)
    at = torch.arange(frames)
    before = torch.where(known, at, -1).cummax(0).values
    after = torch.where(known, at, frames).flip(0).cummin(0).values.flip(0)
    short = (before >= 0) & (after < frames) & (after - before - 1 <= longest)
    first, last = before.clamp(min=0), after.clamp(max=frames - 1)
    share = ((at - first) / (last - first).clamp(min=1))[:, None]
    between = torch.lerp(root[first], root[last], share.to(root))
    return torch.where(known[:, None], root, between), known | short
