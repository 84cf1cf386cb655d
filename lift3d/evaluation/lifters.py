"""`evaluate_lifter`: a lifter is shown a split, and its answers are held against the truth."""

from collections.abc import Sequence
from typing import Final, Protocol, runtime_checkable

import torch
from torch import Generator, Tensor

from lift3d.camera import Camera
from lift3d.errors import InputError
from lift3d.evaluation.clips import random_windows
from lift3d.evaluation.config import EvaluationConfig
from lift3d.evaluation.figures import figures_of, judged
from lift3d.evaluation.protocol import protocol_of
from lift3d.evaluation.result import Evaluation, WindowErrors, summarised
from lift3d.evaluation.views import (
    FOCAL,
    Shot,
    captured_shots,
    random_shot,
    random_view,
    root_relative,
)
from lift3d.metrics import (
    aggregated,
    best_joints_of,
    best_of,
    coverage,
    joint_errors,
    mpjpe,
    pa_mpjpe,
)
from lift3d.motion import Motion
from lift3d.pose import Pose2D, Pose3D
from lift3d.protocols import Dataset, Lifter
from lift3d.skeletons import LIFT_23

__all__ = ["DETECTED", "SeveralAnswers", "evaluate_lifter", "keeping"]

_LIMBS: Final = ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")
_NOISY: Final = ("mpjpe_mm", "pa_mpjpe_mm", "n_mpjpe_mm", "coverage_90_percent")
DETECTED: Final = (*_LIMBS, "nose", "ear", "toe", "heel")


@runtime_checkable
class SeveralAnswers(Protocol):
    """A lifter that can give several hypotheses."""

    def hypotheses(
        self, keypoints: Motion[Pose2D], camera: Camera, count: int
    ) -> Sequence[Motion[Pose3D]]: ...


def evaluate_lifter(
    lifter: Lifter, dataset: Dataset, config: EvaluationConfig | None = None
) -> Evaluation:
    """Judge a lifter by `protocol_of(config)`.

    Clips may say with `measured` whether they judge accuracy; those that do not say are used.
    Raises `InputError` where the split is unknown or nothing in it can be judged.
    """
    config = config if config is not None else EvaluationConfig()
    if config.hypotheses > 1 and not isinstance(lifter, SeveralAnswers):
        raise InputError(
            f"expected a lifter that gives several answers for {config.hypotheses} hypotheses, got "
            f"{type(lifter).__name__}, which has no 'hypotheses': ask for 1"
        )
    judge = _random if config.cameras == "random" else _captured
    windows, sources = judge(lifter, dataset, config)
    if not any(bool(w.figures["mpjpe_mm"].isfinite().any()) for w in windows):
        raise InputError(
            f"expected the lifter to answer for a frame of split '{config.split}', got none: see "
            "whether it takes these keypoints"
        )
    return summarised(windows, config, protocol_of(config, sources))


def _random(
    lifter: Lifter, dataset: Dataset, config: EvaluationConfig
) -> tuple[list[WindowErrors], tuple[str, ...]]:
    generator = Generator().manual_seed(config.seed)
    windows = random_windows(dataset, config)
    shots = (random_shot(window, *random_view(generator)) for window in windows)
    return [_seen_three_ways(lifter, shot, config, generator) for shot in shots], ()


def _captured(
    lifter: Lifter, dataset: Dataset, config: EvaluationConfig
) -> tuple[list[WindowErrors], tuple[str, ...]]:
    windows: list[WindowErrors] = []
    sources: set[str] = set()
    for shot, source in captured_shots(dataset, config):
        sources.add(source)
        if len(sources) > 1 and config.keypoints == "given":
            raise InputError(
                f"expected keypoints of one maker, got {' and '.join(sorted(sources))}: choose one "
                "with --source, since their figures do not belong in one mean"
            )
        figures, joints = _answered(lifter, shot, shot.keypoints, config)
        windows.append(_window(shot, figures, joints))
    return windows, tuple(sorted(sources))


def _seen_three_ways(
    lifter: Lifter, shot: Shot, config: EvaluationConfig, generator: Generator
) -> WindowErrors:
    """Perfect keypoints; limbs alone; keypoints with a detector's noise and gaps."""
    perfect, limbs = (keeping(shot.keypoints, parts) for parts in (DETECTED, _LIMBS))
    figures, joints = _answered(lifter, shot, perfect, config)
    for prefix, keypoints, keys in (
        ("limbs", limbs, ("mpjpe_mm", "pa_mpjpe_mm", "coverage_90_percent")),
        ("noisy", _noisy(perfect, shot, generator), _NOISY),
    ):
        more, _ = _answered(lifter, shot, keypoints, config)
        figures |= {f"{prefix}_{key}": more[key] for key in keys if key in more}
    return _window(shot, figures, joints)


def keeping(keypoints: Motion[Pose2D], parts: tuple[str, ...]) -> Motion[Pose2D]:
    """Only keypoints of `LIFT_23` whose name ends with one of some words."""
    given = torch.tensor([name.split("_")[-1] in parts for name in LIFT_23.joints])
    return showing(keypoints, keypoints.pose.keypoints, keypoints.pose.seen & given)


def showing(keypoints: Motion[Pose2D], pixels: Tensor, seen: Tensor) -> Motion[Pose2D]:
    """The same motion with other pixels, of which some are seen, all with confidence 1."""
    old = keypoints.pose
    pose = Pose2D.from_detections(pixels, seen.float(), old.skeleton, old.image_size)
    return Motion(pose, keypoints.fps, keypoints.person, seen.any(-1), keypoints.first_frame)


def _noisy(keypoints: Motion[Pose2D], shot: Shot, generator: Generator) -> Motion[Pose2D]:
    pixels = keypoints.pose.keypoints
    size = 0.012 * FOCAL / shot.distance[:, None, None]
    far = torch.rand(*pixels.shape[:2], 1, generator=generator) < 0.02
    noise = torch.randn(pixels.shape, generator=generator) * size
    kept = torch.rand(pixels.shape[:2], generator=generator) >= 0.05
    noisy = pixels + noise * torch.where(far, 6.0, 1.0)
    return showing(keypoints, noisy, keypoints.pose.seen & kept)


def _answered(
    lifter: Lifter, shot: Shot, keypoints: Motion[Pose2D], config: EvaluationConfig
) -> tuple[dict[str, Tensor], Tensor]:
    """Figures of what a lifter says to some keypoints, and the errors by joint."""
    joint_set = config.joint_set
    motions = _answers(lifter, shot, keypoints, config)
    several = torch.stack([root_relative(motion, joint_set) for motion in motions])
    predicted = several[0] if len(several) == 1 else aggregated(several)
    found, true, mask = judged(predicted, shot, joint_set)
    figures = figures_of(predicted, shot, joint_set)
    covariance = motions[0].pose.to(joint_set.skeleton).covariance[:, list(joint_set.judged)]
    if bool(covariance.isfinite().any()):
        figures["coverage_90_percent"] = coverage(found, true, covariance.float(), mask)
    if len(several) > 1:
        chosen = several[:, :, list(joint_set.judged)]
        name = f"of_{len(several)}"
        figures |= {
            f"best_{name}_mpjpe_mm": best_of(mpjpe, chosen, true, mask),
            f"best_{name}_pa_mpjpe_mm": best_of(pa_mpjpe, chosen, true, mask),
            f"best_joints_{name}_mpjpe_mm": best_joints_of(chosen, true, mask),
        }
    return figures, joint_errors(found, true, mask)


def _answers(
    lifter: Lifter, shot: Shot, keypoints: Motion[Pose2D], config: EvaluationConfig
) -> Sequence[Motion[Pose3D]]:
    if config.hypotheses > 1 and isinstance(lifter, SeveralAnswers):
        motions = lifter.hypotheses(keypoints, shot.camera, config.hypotheses)
    else:
        motions = [lifter(keypoints, shot.camera)]
    if any(len(motion) != len(shot.frames) for motion in motions):
        raise InputError(
            f"expected {len(shot.frames)} frames from the lifter, as it was shown, got "
            f"{', '.join(str(len(m)) for m in motions)}: a lifter answers for every frame"
        )
    return motions


def _window(shot: Shot, figures: dict[str, Tensor], joints: Tensor) -> WindowErrors:
    """Frames without truth (gaps of a whole clip) do not count, not even as not lifted."""
    keep = shot.known.any(-1)
    clip = shot.clip
    some = {key: v[keep] if len(v) == len(keep) else v for key, v in figures.items()}
    return WindowErrors(
        clip.subject, clip.action, clip.name, shot.view, shot.frames[keep], some, joints[keep]
    )
