"""What an evaluation gives, and the means it is made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from lift3d.evaluation.config import EvaluationConfig
from lift3d.evaluation.figures import figure_named
from lift3d.evaluation.protocol import ProtocolCard

__all__ = ["Evaluation", "Group", "WindowErrors", "summarised"]


@dataclass(frozen=True, slots=True)
class Group:
    """Means over the frames of one action, person, clip or view."""

    frames: int
    mpjpe_mm: float
    pa_mpjpe_mm: float


@dataclass(frozen=True, slots=True)
class WindowErrors:
    """Errors of one window, frame by frame, in metres and shares; what was not lifted is NaN.

    `frames` are the frames' numbers in the clip. `figures` that take several frames are shorter.
    """

    subject: str
    action: str
    clip: str
    view: str
    frames: Int[Tensor, " frames"]
    figures: Mapping[str, Tensor]
    joints: Float[Tensor, "frames joints"]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Errors of a lifter, and the `protocol` by which they were taken.

    `figures` are means over frames, `action_means` means over actions of those; their units stand in
    `lift3d.evaluation.FIGURES`. The groups and `per_joint_mm` are of plain MPJPE, with perfect or
    given keypoints. `windows` holds every frame's errors.
    """

    figures: Mapping[str, float]
    action_means: Mapping[str, float]
    per_joint_mm: Mapping[str, float]
    per_action: Mapping[str, Group]
    per_subject: Mapping[str, Group]
    per_clip: Mapping[str, Group]
    per_view: Mapping[str, Group]
    frames: int
    windows: tuple[WindowErrors, ...]
    config: EvaluationConfig
    protocol: ProtocolCard


def summarised(
    windows: Sequence[WindowErrors], config: EvaluationConfig, protocol: ProtocolCard
) -> Evaluation:
    """All means of some windows, of which there must be one."""
    names = config.joint_set.names
    joints = torch.cat([w.joints for w in windows]).nanmean(0) * 1000
    per_action = _split(windows, "action")
    means = [figure_means(some) for some in per_action.values()]
    return Evaluation(
        figure_means(windows),
        {key: _mean_of([mean[key] for mean in means]) for key in means[0]},
        {name: round(float(value), 2) for name, value in zip(names, joints, strict=True)},
        _groups(per_action),
        _groups(_split(windows, "subject")),
        _groups(_split(windows, "clip")),
        _groups(_split(windows, "view")),
        sum(len(w.frames) for w in windows),
        tuple(windows),
        config,
        protocol,
    )


def figure_means(windows: Sequence[WindowErrors]) -> dict[str, float]:
    """Means over frames, in the figures' units."""
    values = {key: torch.cat([w.figures[key] for w in windows]) for key in windows[0].figures}
    means = {key: _mean(frames, key) for key, frames in values.items()}
    return means | {"lifted_share": float(values["mpjpe_mm"].isfinite().float().mean())}


def _mean(values: Tensor, key: str) -> float:
    return round(float(values.nanmean()) * figure_named(key).factor, 3)


def _mean_of(values: list[float]) -> float:
    return round(float(torch.tensor(values, dtype=torch.float64).nanmean()), 3)


def _split(windows: Sequence[WindowErrors], key: str) -> dict[str, list[WindowErrors]]:
    groups: dict[str, list[WindowErrors]] = {}
    for window in windows:
        groups.setdefault(str(getattr(window, key)), []).append(window)
    return dict(sorted(groups.items()))


def _groups(split: Mapping[str, list[WindowErrors]]) -> dict[str, Group]:
    return {name: _group(windows) for name, windows in split.items()}


def _group(windows: list[WindowErrors]) -> Group:
    errors = [
        _mean(torch.cat([w.figures[key] for w in windows]), key)
        for key in ("mpjpe_mm", "pa_mpjpe_mm")
    ]
    return Group(sum(len(w.frames) for w in windows), errors[0], errors[1])
