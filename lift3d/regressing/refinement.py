"""A few steps from a regressor's answer to one that covers the keypoints (`lift3d.fitting`)."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

import torch

from lift3d.body import Articulation
from lift3d.camera import Camera
from lift3d.errors import InputError
from lift3d.estimate import BodyEstimate
from lift3d.fitting import ContactOptions, FitOptions, PoseGuess, fit
from lift3d.motion import Motion
from lift3d.pose import Pose2D, Pose3D

__all__ = ["RefineOptions", "refine"]

_FOREIGN: Final = 0.1
"""Radians by which other bodies' bones may be turned at rest."""


def _steps() -> FitOptions:
    return FitOptions(iterations=3, prior_weight=0.5, beta_std=2.0)


@dataclass(frozen=True, slots=True)
class RefineOptions:
    """How an estimate is refined.

    `loose` multiplies the network's spreads, and lifted joints count `inflation` times less than their
    covariances say, since they err together. Frames whose skin is expected to be further off than
    `doubt` (metres) are fitted from the joints instead. `smooth_seconds` and `contacts` are as in
    `lift3d.fitting.fit`. Raises `InputError` for values out of range.
    """

    fit: FitOptions = field(default_factory=_steps)
    loose: float = 3.0
    inflation: float = 8.0
    doubt: float = 0.25
    smooth_seconds: float = 0.0
    contacts: ContactOptions | None = None

    def __post_init__(self) -> None:
        for name in ("loose", "inflation", "doubt"):
            if not getattr(self, name) > 0:
                raise InputError(f"expected {name} above 0, got {getattr(self, name)}: correct it")


def refine(
    estimate: BodyEstimate,
    body: Articulation,
    keypoints: Motion[Pose2D],
    camera: Camera,
    options: RefineOptions | None = None,
    *,
    progress: Callable[[float], None] = lambda _share: None,
) -> BodyEstimate:
    """The estimate after some steps on joints, keypoints and what the network believed.

    Betas are told by the bones of all frames, from the estimate's on. Raises what `fit` raises.
    """
    options = options or RefineOptions()
    knows_shape = bool(estimate.betas_std.isfinite().all())
    params, doubtful = estimate.params, estimate.error > options.doubt
    std = estimate.turn_std * options.loose + (0.0 if knows_shape else _FOREIGN)
    sure = torch.where(doubtful[:, None, None], torch.nan, params.body_pose)
    guess = PoseGuess(replace(params, body_pose=sure), std)
    found = fit(
        body,
        _inflated(estimate.joints, options.inflation),
        keypoints,
        camera,
        options.fit,
        guess=guess,
        contacts=options.contacts,
        smooth_seconds=options.smooth_seconds,
        progress=progress,
    )
    return replace(estimate, params=found.params, converged=found.converged, doubtful=doubtful)


def _inflated(joints: Motion[Pose3D], factor: float) -> Motion[Pose3D]:
    pose = joints.pose
    return replace(
        joints, pose=Pose3D(pose.joints, pose.covariance * factor, pose.skeleton, pose.frame)
    )
