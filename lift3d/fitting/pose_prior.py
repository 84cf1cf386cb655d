"""The pose prior that ships with lift3d: a Gaussian over all joint rotations, learned from mocap.

`scripts/build_pose_prior.py` writes the asset; its card, `assets/pose_prior.md`, says from which data,
how much it helps and what it does not know.
"""

import json
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import as_file, files
from typing import Final

import torch
from jaxtyping import Float
from safetensors import SafetensorError, safe_open
from torch import Tensor

from lift3d.errors import FileFormatError
from lift3d.fitting.prior import PosePrior, smpl_prior
from lift3d.skeleton import Skeleton

__all__ = ["LearnedPoses", "learned_poses", "learned_prior"]

FORMAT: Final = "lift3d-pose-prior"


@dataclass(frozen=True, slots=True)
class LearnedPoses:
    """Mean and covariance of local rotation vectors (radians); the root's rows are 0."""

    joint_names: tuple[str, ...]
    mean: Float[Tensor, "joints 3"]
    covariance: Float[Tensor, "directions directions"]


@cache
def learned_poses() -> LearnedPoses:
    """The statistics that ship with lift3d, read once. Raises `FileFormatError` for a broken asset."""
    asset = files("lift3d.fitting") / "assets" / "pose_prior.safetensors"
    try:
        with as_file(asset) as path, safe_open(path, framework="pt") as file:
            about: dict[str, str] = file.metadata() or {}
            if about["format"] != FORMAT:
                raise KeyError(about["format"])
            names = tuple(json.loads(about["joint_names"]))
            return LearnedPoses(names, file.get_tensor("mean"), file.get_tensor("covariance"))
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise FileFormatError(
            f"expected the learned pose prior in '{asset}', got {type(error).__name__}: {error}: "
            "install lift3d again"
        ) from error


def learned_prior(
    skeleton: Skeleton, dtype: torch.dtype = torch.float32, *, correlated: bool = True
) -> PosePrior:
    """The learned prior for a body with SMPL's joint names; hinges are those of `smpl_prior`.

    Joints that were not learned keep what `smpl_prior` says of them. Without `correlated` each axis
    of each joint stands alone, which is faster to solve. A body without a learned joint gets
    `smpl_prior` itself.
    """
    table, learned = smpl_prior(skeleton, dtype), learned_poses()
    at = [learned.joint_names.index(n) if n in learned.joint_names else -1 for n in skeleton.joints]
    ours = [joint for joint, source in enumerate(at) if source > 0 and skeleton.parents[joint] >= 0]
    if not ours:
        return table
    theirs = [at[joint] for joint in ours]
    mean, std = table.mean.clone(), table.std.clone()
    mean[ours] = learned.mean[theirs].to(dtype)
    directions = _directions(theirs)
    covariance = learned.covariance[directions][:, directions].double()
    if not correlated:
        std[ours] = covariance.diagonal().sqrt().reshape(-1, 3).to(dtype)
        return replace(table, mean=mean, std=std)
    # |U v|^2 = v' inv(C) v for the upper factor U of inv(C) = U' U.
    factor = torch.linalg.cholesky(torch.linalg.inv(covariance)).mT
    rows = torch.zeros(len(directions), 3 * len(skeleton), dtype=dtype)
    rows[:, _directions(ours)] = factor.to(dtype)
    std[ours] = torch.inf
    return replace(table, mean=mean, std=std, rows=rows)


def _directions(joints: list[int]) -> list[int]:
    return [3 * joint + axis for joint in joints for axis in range(3)]
