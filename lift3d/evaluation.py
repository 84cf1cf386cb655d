"""How accurate a lifter is: `evaluate_lifter` shows it a test split through random cameras.

The protocol is `PROTOCOL`, word for word part of every report, since figures mean nothing without it.
"""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Bool, Float
from torch import Generator, Tensor

from lift3d.camera import Camera
from lift3d.errors import InputError
from lift3d.geometry.projection import pixels_from_points
from lift3d.geometry.rotations import rotmat_from_axis_angle
from lift3d.metrics import CAPTURED_JOINTS, joint_errors, mpjpe, mpjve, n_mpjpe, pa_mpjpe
from lift3d.motion import Motion
from lift3d.pose import Pose2D
from lift3d.protocols import Dataset, Lifter, MotionClip
from lift3d.skeletons import LIFT_23

__all__ = ["PROTOCOL", "Evaluation", "EvaluationConfig", "evaluate_lifter"]

PROTOCOL: Final = (
    "Clips of the split whose joints were solved from markers on the person's own skeleton; root = "
    "middle of the hips; root-relative joints in the camera frame; mean over frames of the mean over "
    "joints. Joints: hips, knees, ankles, shoulders, elbows, wrists, and spine, thorax, head where the "
    "source defines them as CMU does; without the root, and without face and feet, which are "
    "synthesised. Input: those limbs, nose, ears, big toes and heels, projected without error "
    "('mpjpe_mm'), with the limbs only ('limbs_'), or detector-like ('noisy_': jitter of 12 mm at "
    "the person's distance, 2 % of keypoints six times as far off, 5 % missing). A new camera every "
    "60 frames, from the seed: yaw 360 degrees, from 26 degrees up to 11 degrees down, roll 3 "
    "degrees (standard deviation), 3 to 7 m away, up to 18 degrees off-centre, following the person, "
    "focal length 1145 pixels on 1000 x 1000. pa_: after Procrustes with scale; n_: after scale; "
    "mpjve in mm per frame at 30 Hz."
)

_SIZE: Final = (1000, 1000)
_FOCAL: Final = 1145.0
_LIMBS: Final = ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")
_DETECTED: Final = (*_LIMBS, "nose", "ear", "toe", "heel")


@dataclass(frozen=True, slots=True)
class EvaluationConfig:
    """What is shown to the lifter."""

    split: str = "test"
    """Split of the dataset."""
    seed: int = 0
    """Seed of cameras and noise."""
    window: int = 60
    """Frames per camera, at most."""
    every: int = 1
    """Use every n-th window only, for a quick look."""

    def __post_init__(self) -> None:
        if self.window < 1 or self.every < 1:
            raise InputError(
                f"expected a window and a step (every) of at least 1, got {self.window} and "
                f"{self.every}: correct them"
            )


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Errors of a lifter.

    `figures` holds means over frames (millimetres; `lifted_share` is a share); the other mappings
    hold MPJPE in millimetres with perfect keypoints. `protocol` says what was done.
    """

    figures: Mapping[str, float]
    per_joint_mm: Mapping[str, float]
    per_subject_mm: Mapping[str, float]
    per_clip_mm: Mapping[str, float]
    frames: int
    protocol: str = PROTOCOL


@dataclass(frozen=True, slots=True)
class _Shown:
    """A window of a clip in the frame of its camera; `true` is root-relative."""

    clip: MotionClip
    camera: Camera
    pixels: Float[Tensor, "frames 23 2"]
    distance: Float[Tensor, " frames"]
    true: Float[Tensor, "frames 23 3"]
    known: Bool[Tensor, "frames 23"]


@dataclass(frozen=True, slots=True)
class _Errors:
    """Per frame, in metres; `joints` per frame and joint."""

    subject: str
    clip: str
    figures: Mapping[str, Tensor]
    joints: Float[Tensor, "frames joints"]


def evaluate_lifter(
    lifter: Lifter, dataset: Dataset, config: EvaluationConfig | None = None
) -> Evaluation:
    """Judge a lifter by `PROTOCOL`.

    Clips may say with `measured` whether they judge accuracy; those that do not say are used.
    Raises `InputError` where the split has no such clip.
    """
    config = config if config is not None else EvaluationConfig()
    generator = Generator().manual_seed(config.seed)
    shown = [_errors(lifter, s, generator) for s in _windows(dataset, config, generator)]
    if not shown:
        raise InputError(
            f"expected clips with measured joints in split '{config.split}', got none: "
            "choose another split or dataset"
        )
    figures = {key: torch.cat([e.figures[key] for e in shown]) for key in shown[0].figures}
    per_frame = figures["mpjpe_mm"]
    joints = torch.cat([e.joints for e in shown]).nanmean(0) * 1000
    names = [LIFT_23.joints[i] for i in CAPTURED_JOINTS]
    return Evaluation(
        {key: _mean(values, key) for key, values in figures.items()}
        | {"lifted_share": float(per_frame.isfinite().float().mean())},
        {name: round(float(value), 2) for name, value in zip(names, joints, strict=True)},
        _grouped([(e.subject, e.figures["mpjpe_mm"]) for e in shown]),
        _grouped([(e.clip, e.figures["mpjpe_mm"]) for e in shown]),
        len(per_frame),
    )


def _mean(values: Tensor, key: str) -> float:
    return round(float(values.nanmean()) * (1000 if key.endswith("_mm") else 1), 3)


def _grouped(errors: list[tuple[str, Tensor]]) -> dict[str, float]:
    groups: dict[str, list[Tensor]] = defaultdict(list)
    for name, values in errors:
        groups[name].append(values)
    return {name: _mean(torch.cat(values), "_mm") for name, values in sorted(groups.items())}


def _windows(dataset: Dataset, config: EvaluationConfig, generator: Generator) -> Iterator[_Shown]:
    count = 0
    for clip in dataset.clips(config.split):
        if not getattr(clip, "measured", True):
            continue
        pose = clip.motion.pose.require_frame("world").to(LIFT_23)
        joints = pose.joints[clip.motion.observed]
        joints = joints[joints[:, 0].isfinite().all(-1)]
        for window in torch.split(joints, config.window):
            if count % config.every == 0:
                yield _shown(clip, window.float(), generator)
            count += 1


def _shown(clip: MotionClip, joints: Tensor, generator: Generator) -> _Shown:
    """The camera keeps the person's root where it is, so that nobody walks out of the picture."""
    camera = Camera.from_intrinsics(_SIZE, _FOCAL)
    turn, root = _random_view(generator)
    true = (joints - joints[:, :1]) @ turn.mT
    points = true + root
    pixels = pixels_from_points(points, camera.intrinsics)
    known = joints.isfinite().all(-1) & (points[..., 2] > 0.1)
    return _Shown(clip, camera, pixels, points[:, 0, 2], true, known)


def _random_view(generator: Generator) -> tuple[Tensor, Tensor]:
    def between(low: float, high: float) -> float:
        return float(torch.rand((), generator=generator)) * (high - low) + low

    yaw, pitch = between(-math.pi, math.pi), between(-0.45, 0.2)
    roll = float(torch.randn((), generator=generator)) * 0.05
    distance = between(3.0, 7.0)
    x, y = between(-0.33, 0.33), between(-0.25, 0.25)
    turns = torch.tensor([[0, 0, roll], [pitch + math.pi, 0, 0], [0, yaw, 0]])
    about_z, about_x, about_y = rotmat_from_axis_angle(turns)
    return about_z @ about_x @ about_y, torch.tensor([x, y, 1.0]) * distance


def _errors(lifter: Lifter, shown: _Shown, generator: Generator) -> _Errors:
    perfect = _seen(shown, _DETECTED)
    predicted = _lifted(lifter, shown, shown.pixels, perfect)
    limbs = _lifted(lifter, shown, shown.pixels, _seen(shown, _LIMBS))
    pixels, kept = _noise(shown, generator)
    noisy = _lifted(lifter, shown, pixels, perfect & kept)
    true, mask = (x[:, list(CAPTURED_JOINTS)] for x in (shown.true, shown.known))
    figures = {
        "mpjpe_mm": mpjpe(predicted, true, mask),
        "pa_mpjpe_mm": pa_mpjpe(predicted, true, mask),
        "n_mpjpe_mm": n_mpjpe(predicted, true, mask),
        "mpjve_mm": _velocity(predicted, true, mask),
        "limbs_mpjpe_mm": mpjpe(limbs, true, mask),
        "limbs_pa_mpjpe_mm": pa_mpjpe(limbs, true, mask),
        "noisy_mpjpe_mm": mpjpe(noisy, true, mask),
        "noisy_pa_mpjpe_mm": pa_mpjpe(noisy, true, mask),
        "noisy_n_mpjpe_mm": n_mpjpe(noisy, true, mask),
    }
    errors = joint_errors(predicted, true, mask)
    return _Errors(shown.clip.subject, shown.clip.name, figures, errors)


def _velocity(predicted: Tensor, true: Tensor, mask: Tensor) -> Tensor:
    if len(predicted) < 2:
        return torch.empty(0)
    return mpjve(predicted, true, mask)


def _seen(shown: _Shown, parts: tuple[str, ...]) -> Tensor:
    given = [name.split("_")[-1] in parts for name in LIFT_23.joints]
    return shown.known & torch.tensor(given)


def _noise(shown: _Shown, generator: Generator) -> tuple[Tensor, Tensor]:
    size = 0.012 * _FOCAL / shown.distance[:, None, None]
    far = torch.rand(*shown.pixels.shape[:2], 1, generator=generator) < 0.02
    noise = torch.randn(shown.pixels.shape, generator=generator) * size
    kept = torch.rand(shown.pixels.shape[:2], generator=generator) >= 0.05
    return shown.pixels + noise * torch.where(far, 6.0, 1.0), kept


def _lifted(lifter: Lifter, shown: _Shown, pixels: Tensor, seen: Tensor) -> Tensor:
    """Root-relative captured joints, as the lifter gives them for these keypoints."""
    pose = Pose2D.from_detections(pixels, seen.float(), LIFT_23, _SIZE)
    observed = seen.any(-1)
    motion = lifter(Motion(pose, shown.clip.motion.fps, 0, observed), shown.camera)
    joints = motion.pose.require_frame("camera").to(LIFT_23).joints.float()
    return (joints - joints[:, :1])[:, list(CAPTURED_JOINTS)]
