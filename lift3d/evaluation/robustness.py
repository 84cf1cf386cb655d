"""How a lifter's error grows when what it sees gets worse, one thing at a time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import torch
from torch import Generator, Tensor

from lift3d.errors import InputError
from lift3d.evaluation.clips import random_windows
from lift3d.evaluation.config import EvaluationConfig
from lift3d.evaluation.figures import judged
from lift3d.evaluation.protocol import ProtocolCard, protocol_of
from lift3d.evaluation.spoilt import AXES, Axis, Case, Sight, case_of
from lift3d.evaluation.views import root_relative
from lift3d.metrics import mpjpe, pa_mpjpe
from lift3d.motion import Motion
from lift3d.pose import Pose2D
from lift3d.protocols import Dataset, Lifter

__all__ = ["Curve", "Level", "Robustness", "evaluate_robustness"]

_WINDOWS: Final = 24


@dataclass(frozen=True, slots=True)
class Level:
    """Means over frames at one level; `seen_mpjpe_mm` is over joints whose keypoint was shown."""

    label: str
    mpjpe_mm: float
    pa_mpjpe_mm: float
    seen_mpjpe_mm: float
    lifted_share: float


@dataclass(frozen=True, slots=True)
class Curve:
    """One axis: what is made worse, and the levels; `values` place them on the axis, or none do."""

    axis: str
    unit: str
    values: tuple[float, ...]
    levels: tuple[Level, ...]


@dataclass(frozen=True, slots=True)
class Robustness:
    """The curves, and the frames that every level was shown (a quarter of them for frame rates)."""

    curves: tuple[Curve, ...]
    frames: int
    windows: int
    protocol: ProtocolCard


def evaluate_robustness(
    lifter: Lifter,
    dataset: Dataset,
    config: EvaluationConfig | None = None,
    *,
    windows: int = _WINDOWS,
    progress: Callable[[int, int], None] | None = None,
) -> Robustness:
    """Errors along each axis, over some windows of a split that the seed chooses.

    Cameras are random whatever `config.cameras` says. `progress` is told levels done and in all.

    Raises `InputError` for no windows, and what `evaluate_lifter` raises.
    """
    config = _through_random_cameras(config if config is not None else EvaluationConfig())
    if windows < 1:
        raise InputError(f"expected at least 1 window to try, got {windows}: ask for more")
    cases = _cases(dataset, config, windows)
    total, done, curves = sum(len(axis.values) for axis in AXES), 0, list[Curve]()
    for axis in AXES:
        levels: list[Level] = []
        for label, value in zip(axis.labels, axis.values, strict=True):
            levels.append(
                _level(lifter, [axis.spoil(c, value) for c in cases], config, label, axis)
            )
            done += 1
            if progress is not None:
                progress(done, total)
        curves.append(Curve(axis.name, axis.unit, axis.values, tuple(levels)))
    frames = sum(len(case.window.frames) for case in cases)
    return Robustness(tuple(curves), frames, len(cases), _card(config, len(cases)))


def _through_random_cameras(config: EvaluationConfig) -> EvaluationConfig:
    """With the joints that the configuration means, and one answer."""
    joints = config.joint_set.name
    return replace(
        config, cameras="random", joints=joints, source="", keypoints="given", hypotheses=1
    )


def _card(config: EvaluationConfig, windows: int) -> ProtocolCard:
    card = protocol_of(config)
    return replace(
        card,
        clips=f"{windows} windows, chosen by the seed, of {card.clips}",
        keypoints="limbs, nose, ears, big toes and heels; one thing is spoilt at a time",
        averaging="mean over the frames that were lifted of the mean over joints; lifted_share says "
        "how many were; frame rates are compared in every fourth frame",
    )


def _cases(dataset: Dataset, config: EvaluationConfig, most: int) -> list[Case]:
    windows = list(random_windows(dataset, config))
    generator = Generator().manual_seed(config.seed)
    chosen = torch.randperm(len(windows), generator=generator)[:most].sort().values.tolist()
    return [case_of(windows[index], generator) for index in chosen]


def _level(
    lifter: Lifter, sights: Sequence[Sight], config: EvaluationConfig, label: str, axis: Axis
) -> Level:
    errors = [_errors(lifter, sight, config, axis.judge_every) for sight in sights]
    plain, aligned, seen = (torch.cat(part) for part in zip(*errors, strict=True))
    lifted = float(plain.isfinite().float().mean())
    means = [round(float(values.nanmean()) * 1000, 2) for values in (plain, aligned, seen)]
    return Level(label, means[0], means[1], means[2], round(lifted, 4))


def _errors(
    lifter: Lifter, sight: Sight, config: EvaluationConfig, judge_every: int
) -> tuple[Tensor, Tensor, Tensor]:
    """MPJPE, PA-MPJPE and MPJPE of seen joints, in metres, of the frames that count."""
    joint_set, keypoints = config.joint_set, sight.keypoints
    motion = lifter(_every(keypoints, sight.step), sight.camera)
    found = root_relative(motion, joint_set)
    predicted = torch.full_like(sight.shot.true, torch.nan)
    predicted[:: sight.step] = found
    found, true, mask = judged(predicted, sight.shot, joint_set)
    seen = keypoints.pose.to(joint_set.skeleton).seen[:, list(joint_set.judged)]
    count = torch.zeros(len(mask), dtype=torch.bool)
    count[::judge_every] = True
    count &= sight.shot.known.any(-1)
    parts = (mpjpe(found, true, mask), pa_mpjpe(found, true, mask), mpjpe(found, true, mask & seen))
    return parts[0][count], parts[1][count], parts[2][count]


def _every(keypoints: Motion[Pose2D], step: int) -> Motion[Pose2D]:
    pose = keypoints.pose
    some = Pose2D(pose.keypoints[::step], pose.confidence[::step], pose.skeleton, pose.image_size)
    return Motion(some, keypoints.fps / step, keypoints.person, keypoints.observed[::step])
