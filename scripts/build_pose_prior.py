"""Learn the pose prior and the joint limits from retargeted motion capture.

    python scripts/build_pose_prior.py poses.h5 [--target FILE]

`poses.h5` comes from `scripts/retarget_mocap.py`; only its train split is used. Left and right are
made alike by adding every pose's mirror image.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor

from lift3d.fitting.limits import swing_twist, twist_axes
from lift3d.fitting.pose_prior import FORMAT
from lift3d.fitting.prior import smpl_prior
from lift3d.geometry.rotations import quat_wxyz_from_axis_angle
from lift3d.io import atomic_path
from lift3d.skeletons import SMPL_24
from lift3d.training.pose_bank import RotationBank, read_rotations

TARGET = Path(__file__).parents[1] / "lift3d/fitting/assets/pose_prior.safetensors"
# Motion capture of limbs says nothing about these: they are taken from the hand-made table.
UNSEEN = ("wrist", "hand")
# Retargeting shares a bend among these by the table's spreads: their own is only a part of the truth.
GUESSED = ("spine1", "spine2", "spine3", "collar", "neck", "head")
# The prior counts half: measured best on the val split when joints are exact as well as noisy.
INFLATION = 2.0
FLOOR = 0.05
LIMIT_QUANTILE = 5e-4
LIMIT_SLACK = 0.10


def mirrored(axis_angle: Tensor) -> Tensor:
    flip = list(SMPL_24.flip_permutation)
    return axis_angle[:, flip] * torch.tensor([1.0, -1.0, -1.0])


def frames(bank: RotationBank, every: int) -> tuple[Tensor, Tensor]:
    """Good frames thinned out, with weights; long clips of one motion count less per frame."""
    counts = bank.clip_starts.diff()
    share = bank.weight / counts.clamp(min=1).double().sqrt()
    weights = share.repeat_interleave(counts) * bank.ok
    rows = torch.nonzero(weights > 0)[::every, 0]
    axis_angle = bank.axis_angle[rows].clone()
    both = torch.cat([axis_angle, mirrored(axis_angle)])
    return both, weights[rows].repeat(2)


def gaussian(axis_angle: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    flat = axis_angle.double().flatten(1)
    share = (weights / weights.sum())[:, None]
    mean = (flat * share).sum(0)
    away = flat - mean
    covariance = (away * share).T @ away
    table = smpl_prior(SMPL_24, torch.float64)
    for joint, name in enumerate(SMPL_24.joints):
        at = slice(3 * joint, 3 * joint + 3)
        kind = name.removeprefix("left_").removeprefix("right_")
        if joint == 0 or kind in UNSEEN:
            covariance[at], covariance[:, at] = 0, 0
            mean[at] = 0 if joint == 0 else table.mean[joint]
            covariance[at, at] = torch.eye(3) if joint == 0 else torch.diag(table.std[joint] ** 2)
        floor = FLOOR**2 + (0.25 * table.std[joint] ** 2 if kind in GUESSED else 0)
        covariance[at, at] += torch.eye(3) * floor
    return mean.unflatten(0, (-1, 3)), covariance


def limits(axis_angle: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Ends of twist and swings: rare quantiles and a little more; the table where nothing was seen."""
    parts = swing_twist(quat_wxyz_from_axis_angle(axis_angle), twist_axes(SMPL_24))
    parts = parts[weights > 0]
    low, high = quantile(parts, 0) - LIMIT_SLACK, quantile(parts, 1) + LIMIT_SLACK
    table = smpl_prior(SMPL_24)
    axes = twist_axes(SMPL_24)
    for joint, name in enumerate(SMPL_24.joints):
        if name.removeprefix("left_").removeprefix("right_") in UNSEEN:
            order = [(int(axes[joint]) + k) % 3 for k in range(3)]
            low[joint] = (table.mean - 2.5 * table.std)[joint, order]
            high[joint] = (table.mean + 2.5 * table.std)[joint, order]
    low[0], high[0] = -torch.inf, torch.inf
    return low, high


def quantile(parts: Tensor, end: int) -> Tensor:
    rank = max(1, int(len(parts) * LIMIT_QUANTILE))
    ordered = parts.flatten(1).kthvalue(rank if end == 0 else len(parts) + 1 - rank, dim=0).values
    return ordered.unflatten(0, (-1, 3))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("poses", type=Path)
    parser.add_argument("--target", type=Path, default=TARGET)
    parser.add_argument("--every", type=int, default=2, help="use every so many-th frame")
    args = parser.parse_args()
    torch.set_num_threads(1)
    bank = read_rotations(args.poses, "train")
    axis_angle, weights = frames(bank, args.every)
    mean, covariance = gaussian(axis_angle, weights)
    low, high = limits(axis_angle, weights)
    tensors = {
        "mean": mean.float(),
        "covariance": (covariance * INFLATION).float(),
        "limits.low": low,
        "limits.high": high,
    }
    about = {
        "format": FORMAT,
        "joint_names": json.dumps(SMPL_24.joints),
        "frames": str(len(axis_angle) // 2),
        "credit": "CMU Graphics Lab Motion Capture Database; ACCAD; UI-PRMD: see pose_prior.md",
    }
    with atomic_path(args.target) as partial:
        partial.write_bytes(save({k: v.contiguous() for k, v in tensors.items()}, metadata=about))
    for joint, name in enumerate(SMPL_24.joints):
        std = covariance.diagonal().sqrt()[3 * joint : 3 * joint + 3]
        rows = [mean[joint], std, low[joint], high[joint]]
        print(
            f"{name:16s}", *(" ".join(f"{x:6.2f}" for x in row.tolist()) for row in rows), sep="  "
        )


if __name__ == "__main__":
    main()
