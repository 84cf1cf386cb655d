"""One frame of any keypoint layout to joints: a residual network on viewing rays.

The network is described in `universal_net`; the weights are ours, see `weights/universal.md`.

What differs from its model (Martinez et al. 2017): the input is not pixels but viewing rays, turned
so that the person is straight ahead and scaled to one size (what a shifted, cropped or turned camera
changes is undone exactly); keypoints of any layout are taken by name, and those that are missing are
a mask, never a guess; each joint has a covariance; the place of the person is not learned but
computed from the rays.
"""

from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass, replace
from importlib.resources import files
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import torch
from torch import Tensor

from lift3d.camera import Camera
from lift3d.errors import InputError, MissingDependencyError
from lift3d.lifting.packed import Packed, answering
from lift3d.lifting.pretrained import Pretrained
from lift3d.lifting.seen import Seen, lifted, seen_through
from lift3d.lifting.universal_net import (
    Answer,
    Numbers,
    UniversalNet,
    features_of,
    load_weights,
    placed,
    predict,
    save_weights,
)
from lift3d.lifting.view import View
from lift3d.motion import Motion
from lift3d.pose import Pose2D, Pose3D
from lift3d.skeleton import Skeleton
from lift3d.skeletons import LIFT_23

if TYPE_CHECKING:
    from lift3d.lifting.onnx_export import OnnxNetwork

__all__ = ["Runtime", "UniversalLifter", "UniversalOptions", "packaged_weights"]

Runtime = Literal["auto", "torch", "onnx"]
"""What runs a network."""

_CHUNK: Final = 512
"""Frames per pass: activations of that many stay in a processor's cache."""


@dataclass(frozen=True, slots=True)
class UniversalOptions:
    """How a trained network is used."""

    flip: bool = True
    """Average with the mirrored picture's answer: a little better, twice the time."""
    min_confidence: float = 0.2
    """Keypoints below count as missing."""
    min_keypoints: int = 6
    """A frame with fewer seen keypoints is not lifted."""
    skeleton: Skeleton = LIFT_23
    """The layout of the joints that come out."""


def packaged_weights(name: str) -> Path:
    """Where the weights lie that come with lift3d."""
    return Path(str(files("lift3d.lifting"))) / "weights" / f"{name}.safetensors"


class UniversalLifter(Pretrained):
    """Lifts each frame on its own to joints in the camera frame.

    `weights` is a file that `save_weights` or `lift3d train` wrote; without it, the weights in the
    package. Frames with too few keypoints come back as NaN and not observed. The covariance is that
    of the joints against the root, calibrated on validation data; the person's distance is less
    certain than that. Nothing is smoothed over time.

    `runtime` runs the network: torch, ONNX Runtime (several times as fast with single frames, little
    faster with whole clips; needs the extra `onnx`, else `MissingDependencyError`), or with "auto" the
    latter where it is installed. Both take the network as it is now, ONNX Runtime also `options.flip`.
    """

    pretrained = "universal"

    def __init__(
        self,
        weights: str | PathLike[str] | None = None,
        options: UniversalOptions | None = None,
        *,
        runtime: Runtime = "torch",
    ) -> None:
        self.options = options if options is not None else UniversalOptions()
        self.network = load_weights(weights or packaged_weights("universal"))
        self._packed = Packed(answering(self.network))
        self._onnx = _onnx_network(self.network, runtime, flip=self.options.flip)

    @property
    def skeleton(self) -> Skeleton:
        return self.options.skeleton

    def _save_weights(self, path: Path) -> None:
        save_weights(self.network, path)

    def giving(self, skeleton: Skeleton) -> "UniversalLifter":
        """The same lifter, whose joints come out in another layout."""
        other = copy(self)
        other.options = replace(self.options, skeleton=skeleton)
        return other

    @torch.inference_mode()
    def __call__(self, keypoints: Motion[Pose2D], camera: Camera) -> Motion[Pose3D]:
        """Joints in metres in the frame of `camera`, for keypoints of any layout in pixels."""
        seen = seen_through(keypoints.pose, camera, self.options.min_confidence)
        parts = [self.answer(part.view) for part in _chunks(seen)]
        joints, covariance = ([getattr(p, n) for p in parts] for n in ("joints", "covariance"))
        return self._lifted(Answer(torch.cat(joints), torch.cat(covariance)), seen, keypoints)

    def answer(self, view: View) -> Answer:
        """Root-relative joints in the virtual camera and their covariances, of views at once."""
        if self._onnx is not None:
            return Answer(*self._onnx(view.points, view.seen))
        return predict(self.network, view, flip=self.options.flip, forward=self._packed)

    @torch.inference_mode()
    def hypotheses(
        self, keypoints: Motion[Pose2D], camera: Camera, count: int
    ) -> Sequence[Motion[Pose3D]]:
        """Several different answers, the likeliest of each frame first: limbs that may point to the
        camera or away from it do so in some of them.

        Each answer has the covariance of the one answer that the lifter gives. Raises `InputError`
        for more answers than the network was trained for.
        """
        most = self.network.config.hypotheses
        if not 1 <= count <= most:
            raise InputError(
                f"expected 1 to {most} hypotheses of this network, got {count}: ask for as many"
            )
        seen = seen_through(keypoints.pose, camera, self.options.min_confidence)
        parts = [_several(self.network, part.view, count) for part in _chunks(seen)]
        joints = torch.cat(parts)
        covariance = torch.cat([self.answer(part.view).covariance for part in _chunks(seen)])
        return [
            self._lifted(Answer(joints[:, which], covariance), seen, keypoints)
            for which in range(count)
        ]

    def _lifted(self, answer: Answer, seen: Seen, keypoints: Motion[Pose2D]) -> Motion[Pose3D]:
        options = self.options
        return lifted(answer, seen, keypoints, options.skeleton, options.min_keypoints)


def _chunks(seen: Seen) -> Iterator[Seen]:
    for start in range(0, max(len(seen), 1), _CHUNK):
        yield seen[start : start + _CHUNK]


def _several(network: UniversalNet, view: View, count: int) -> Tensor:
    """[frames, count, 40, 3], the likeliest first."""
    said = Numbers.of(network(features_of(view)))
    best = said.odds.topk(count, dim=1).indices
    return placed(said.several.take_along_dim(best[..., None], 1), view)


def _onnx_network(network: UniversalNet, runtime: Runtime, *, flip: bool) -> "OnnxNetwork | None":
    """The network for ONNX Runtime, or nothing where torch shall run it."""
    if runtime == "torch":
        return None
    from lift3d.lifting.onnx_export import OnnxNetwork

    try:
        return OnnxNetwork(network, flip=flip)
    except MissingDependencyError:
        if runtime == "auto":
            return None
        raise
