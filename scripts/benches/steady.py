"""Smoothing of lifted clips: how near to the truth, how calm, and how late, on the validation split.

Each clip of `mocap_h5` with 60 captured frames in a row (150 at most) is seen by one random camera that
stands still, with a detector's noise and gaps, lifted by `universal`, and smoothed. Figures are in
millimetres and frames, root-relative over the captured joints; `lag_ms` is the shift at which
velocities agree best with the true ones. Needs LIFT3D_TEST_DATA.
"""

import math
import os
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch
from benches._harness import few, measure, report
from torch import Generator, Tensor

from lift3d.camera import Camera
from lift3d.geometry.filters import one_euro
from lift3d.geometry.rotations import rotmat_from_axis_angle
from lift3d.lifting.steady import steady_motion
from lift3d.metrics import CAPTURED_JOINTS
from lift3d.motion import Motion
from lift3d.plugins import datasets, lifters
from lift3d.pose import Pose2D, Pose3D
from lift3d.protocols import MotionClip
from lift3d.skeletons import LIFT_23

FRAMES = (60, 150)
FOCAL = 1145.0
SIZE = (1000, 1000)
SEEN = torch.tensor([not n.endswith(("pelvis", "spine", "thorax", "head")) for n in LIFT_23.joints])
JUDGED = list(CAPTURED_JOINTS)
SHIFTS = range(-6, 7)


@dataclass
class Shown:
    """A clip in the frame of its camera, and as it was lifted."""

    true: Tensor
    lifted: Motion[Pose3D]


def shown(clip: MotionClip, generator: Generator) -> Shown | None:
    joints = longest_run(clip)
    if len(joints) < FRAMES[0]:
        return None
    points = before_camera(joints[: FRAMES[1]], generator)
    camera = Camera.from_intrinsics(SIZE, FOCAL)
    pixels = camera.project(points.float()).double()
    far = torch.rand(*pixels.shape[:2], 1, generator=generator) < 0.02
    noise = torch.randn(pixels.shape, generator=generator).double()
    noise = noise * torch.where(far, 6.0, 1.0) * 0.012 * FOCAL / points[:, :1, 2:]
    kept = torch.rand(pixels.shape[:2], generator=generator) >= 0.05
    seen = SEEN & kept & points.isfinite().all(-1) & (points[..., 2] > 0.1)
    pose = Pose2D.from_detections(pixels + noise, seen.double(), LIFT_23, SIZE)
    lifted = lifters["universal"]()(Motion(pose, clip.motion.fps, 0, seen.any(-1)), camera)
    return Shown(points, lifted)


def longest_run(clip: MotionClip) -> Tensor:
    joints = clip.motion.pose.to(LIFT_23).joints.double()
    frames = torch.nonzero(clip.motion.observed & joints[:, 0].isfinite().all(-1))[:, 0]
    breaks = torch.nonzero(frames.diff() > 1)[:, 0] + 1
    return joints[max(torch.tensor_split(frames, breaks.tolist()), key=len)]


def before_camera(joints: Tensor, generator: Generator) -> Tensor:
    """The clip before a camera that stands still and sees all of it."""

    def between(low: float, high: float) -> float:
        return float(torch.rand((), generator=generator)) * (high - low) + low

    yaw, pitch = between(-math.pi, math.pi), between(-0.35, 0.1)
    roll = float(torch.randn((), generator=generator)) * 0.03
    angles = [[0, 0, roll], [pitch + math.pi, 0, 0], [0, yaw, 0]]
    about_z, about_x, about_y = rotmat_from_axis_angle(torch.tensor(angles).double())
    middle = (joints[:, 0].amin(0) + joints[:, 0].amax(0)) / 2
    depth = between(3.5, 6.0) + 1.6 * float((joints[:, 0] - middle).norm(dim=-1).max())
    place = [between(-0.1, 0.1) * depth, between(-0.08, 0.08) * depth, depth]
    return (joints - middle) @ (about_z @ about_x @ about_y).T + torch.tensor(place).double()


def relative(joints: Tensor) -> Tensor:
    return (joints - joints[:, :1])[:, JUDGED].double()


def mean_mm(parts: list[Tensor]) -> float:
    return 1000 * float(torch.cat([part.flatten() for part in parts]).nanmean())


def lag_ms(pairs: list[tuple[Tensor, Tensor]], fps: float = 30.0) -> float:
    """Where the mean product of velocities is largest over shifts, between frames by a parabola."""
    edge = max(SHIFTS)
    agreed: list[float] = []
    for shift in SHIFTS:
        products = [
            (a[edge + shift : len(a) - edge + shift] * b[edge : len(b) - edge]).sum(-1).flatten()
            for a, b in ((p.diff(dim=0), t.diff(dim=0)) for p, t in pairs)
        ]
        agreed.append(float(torch.cat(products).nanmean()))
    best = min(max(agreed.index(max(agreed)), 1), len(agreed) - 2)
    low, middle, high = agreed[best - 1 : best + 2]
    return 1000 / fps * (SHIFTS[best] + (low - high) / (2 * (low - 2 * middle + high)))


def figures_of(name: str, clips: list[Shown], smoothed: list[Tensor]) -> dict[str, float]:
    pairs = [(relative(x), relative(clip.true)) for x, clip in zip(smoothed, clips, strict=True)]
    away = [p - t for p, t in pairs]
    speed = [(t[2:] - t[:-2]).norm(dim=-1) * 15 for _, t in pairs]
    fast = [a.norm(dim=-1)[1:-1][s > 1.5] for a, s in zip(away, speed, strict=True)]
    root = [x[:, 0].double() - clip.true[:, 0] for x, clip in zip(smoothed, clips, strict=True)]
    return {
        f"{name}_mpjpe_mm": mean_mm([a.norm(dim=-1) for a in away]),
        f"{name}_mpjve_mm": mean_mm([a.diff(dim=0).norm(dim=-1) for a in away]),
        f"{name}_acceleration_mm": mean_mm([a.diff(2, dim=0).norm(dim=-1) for a in away]),
        f"{name}_fast_mpjpe_mm": mean_mm(fast),
        f"{name}_lag_ms": lag_ms(pairs),
        f"{name}_root_acceleration_mm": mean_mm([r.diff(2, dim=0).norm(dim=-1) for r in root]),
    }


def main() -> None:
    where = os.environ.get("LIFT3D_TEST_DATA")
    if where is None:
        raise SystemExit("steady: motion capture is absent, set LIFT3D_TEST_DATA")
    torch.set_num_threads(1)
    generator = Generator().manual_seed(0)
    dataset = datasets["mocap_h5"](Path(where) / "mocap")
    some = (c for c in dataset.clips("val") if getattr(c, "measured", True))
    found = [shown(c, generator) for c in islice(some, few(None, 12))]
    clips = [clip for clip in found if clip is not None]
    ways = {
        "lifted": lambda m: m.pose.joints,
        "one_euro": lambda m: (
            one_euro(m.pose.joints - m.pose.joints[:, :1], m.fps) + m.pose.joints[:, :1]
        ),
        "gaussian": lambda m: steady_motion(m).pose.joints,
        "kalman": lambda m: steady_motion(m, smoothing="kalman").pose.joints,
    }
    frames = sum(len(clip.true) for clip in clips)
    figures: dict[str, float] = {"clips": len(clips), "frames": frames}
    for name, way in ways.items():
        figures |= figures_of(name, clips, [way(clip.lifted) for clip in clips])
    first = clips[:4]
    seconds = measure(
        {name: lambda w=way: [w(clip.lifted) for clip in first] for name, way in ways.items()}, 3
    )
    few_frames = sum(len(clip.true) for clip in first)
    figures |= {f"{n}_ms_per_frame": 1000 * s[1] / few_frames for n, s in seconds.items()}
    report(figures)


if __name__ == "__main__":
    main()
