"""How far joints turn: swing and twist of each joint, within ranges learned from motion capture.

A local rotation is split as R = swing * twist: the twist turns about the bone, the swing tilts the
bone, about an axis across it (Baerlocher and Boulic, Parametrization and range of motion of the ball-
and-socket joint, 2001). The twist is an angle, the swing a rotation vector with two components; each of
the three has a lower and an upper end. The root has none.
"""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files
from typing import Final

import torch
from jaxtyping import Float, Int
from safetensors import safe_open
from torch import Tensor

from lift3d.errors import InputError
from lift3d.geometry.rotations import (
    quat_wxyz_from_axis_angle,
    quat_wxyz_from_rotmat,
    rotation_angle,
    rotmat_from_quat_wxyz,
)
from lift3d.skeleton import Skeleton

__all__ = [
    "TWIST_AXES",
    "JointLimits",
    "clamp_to_limits",
    "joint_limits",
    "limit_violations",
    "swing_twist",
]

TWIST_AXES: Final = {
    "collar": 0,
    "shoulder": 0,
    "elbow": 0,
    "wrist": 0,
    "hand": 0,
    "ankle": 2,
    "foot": 2,
}
"""The axis of the rest frame along each bone: x along arms, z along feet, y (1) for all others."""


@dataclass(frozen=True, slots=True)
class JointLimits:
    """Ends of (twist, first swing, second swing) in radians, for joints in an order of their own.

    `axis` is the coordinate axis of the twist; the swings are about the other two, in their order.
    """

    axis: Int[Tensor, " joints"]
    low: Float[Tensor, "joints 3"]
    high: Float[Tensor, "joints 3"]

    def to(self, like: Tensor) -> "JointLimits":
        """The same limits in the dtype and on the device of a tensor."""
        return JointLimits(self.axis.to(like.device), self.low.to(like), self.high.to(like))


@cache
def joint_limits(skeleton: Skeleton) -> JointLimits:
    """The learned limits for a skeleton with SMPL's joint names; unknown joints have none."""
    asset = files("lift3d.fitting") / "assets" / "pose_prior.safetensors"
    with as_file(asset) as path, safe_open(path, framework="pt") as file:
        names: list[str] = json.loads((file.metadata() or {})["joint_names"])
        low, high = file.get_tensor("limits.low"), file.get_tensor("limits.high")
    ends = torch.full((2, len(skeleton), 3), torch.inf)
    ends[0] = -torch.inf
    for joint, name in enumerate(skeleton.joints):
        if name in names and skeleton.parents[joint] >= 0:
            ends[0, joint], ends[1, joint] = low[names.index(name)], high[names.index(name)]
    return JointLimits(twist_axes(skeleton), ends[0], ends[1])


def twist_axes(skeleton: Skeleton) -> Int[Tensor, " joints"]:
    """The axis along the bone of each joint, by its name."""
    kinds = [name.removeprefix("left_").removeprefix("right_") for name in skeleton.joints]
    return torch.tensor([TWIST_AXES.get(kind, 1) for kind in kinds])


def swing_twist(
    quat_wxyz: Float[Tensor, "*batch joints 4"], axis: Int[Tensor, " joints"]
) -> Float[Tensor, "*batch joints 3"]:
    """The twist angle, and the two components of the swing's rotation vector (radians)."""
    along = 1 + axis
    rest = _others(axis)
    w, t = quat_wxyz[..., 0], _pick(quat_wxyz, along)
    norm = torch.hypot(w, t)
    # Half a turn of pure swing goes with any twist: none is taken, and the swing stays.
    halfway = norm < 1e-12
    safe = torch.where(halfway, torch.ones_like(norm), norm)
    cosine = torch.where(halfway, torch.ones_like(norm), w / safe)
    sine = torch.where(halfway, torch.zeros_like(norm), t / safe)
    sign = torch.where(cosine < 0, -1.0, 1.0)
    twist = 2 * torch.atan2(sine * sign, cosine * sign)
    # swing = q * conjugate(twist); across the bone the twist turns the vector part.
    a, b = _pick(quat_wxyz, 1 + rest[0]), _pick(quat_wxyz, 1 + rest[1])
    a, b = a * cosine - b * sine, b * cosine + a * sine
    length = torch.hypot(a, b)
    angle = 2 * torch.atan2(length, norm)
    factor = torch.where(length < 1e-7, 2.0, angle / length.clamp(min=1e-7))
    return torch.stack([twist, a * factor, b * factor], -1)


def limit_violations(
    rotmats: Float[Tensor, "*batch joints 3 3"], limits: JointLimits
) -> Float[Tensor, "*batch joints"]:
    """How far each joint is beyond its limits: the angle (radians) to what `clamp_to_limits` gives.

    Raises `InputError` for another number of joints than the limits have.
    """
    clamped = clamp_to_limits(rotmats, limits)
    angle = rotation_angle(clamped.mT @ rotmats)
    parts = swing_twist(quat_wxyz_from_rotmat(rotmats), limits.to(rotmats).axis)
    within = _within(parts, limits.to(rotmats))
    return torch.where(within, torch.zeros_like(angle), angle)


def clamp_to_limits(
    rotmats: Float[Tensor, "*batch joints 3 3"], limits: JointLimits
) -> Float[Tensor, "*batch joints 3 3"]:
    """The same rotations with twist and swing inside their ranges.

    Raises `InputError` for rotations of another number of joints than the limits.
    """
    if rotmats.shape[-3] != len(limits.axis):
        raise InputError(
            f"expected rotations of {len(limits.axis)} joints, got {rotmats.shape[-3]}: "
            "take the limits of the same skeleton"
        )
    limits = limits.to(rotmats)
    parts = swing_twist(quat_wxyz_from_rotmat(rotmats), limits.axis)
    inside = torch.minimum(torch.maximum(parts, limits.low), limits.high)
    clamped = rotmat_from_quat_wxyz(from_swing_twist(inside, limits.axis))
    return torch.where(_within(parts, limits)[..., None, None], rotmats, clamped)


def from_swing_twist(
    parts: Float[Tensor, "*batch joints 3"], axis: Int[Tensor, " joints"]
) -> Float[Tensor, "*batch joints 4"]:
    """The unit quaternion of a twist and a swing: the inverse of `swing_twist`."""
    order = torch.argsort(torch.stack([axis, *_others(axis)], -1), -1)
    zero = torch.zeros_like(parts)
    swing = torch.cat([zero[..., :1], parts[..., 1:]], -1)
    twist = torch.cat([parts[..., :1], zero[..., 1:]], -1)
    swing, twist = (x.gather(-1, order.expand(x.shape)) for x in (swing, twist))
    return _product(quat_wxyz_from_axis_angle(swing), quat_wxyz_from_axis_angle(twist))


def _others(axis: Tensor) -> tuple[Tensor, Tensor]:
    """The two other axes in cyclic order, so that (axis, first, second) is right-handed."""
    return (axis + 1) % 3, (axis + 2) % 3


def _pick(values: Tensor, index: Tensor) -> Tensor:
    shape = (*values.shape[:-1], 1)
    return values.gather(-1, index[:, None].expand(shape))[..., 0]


def _product(a: Tensor, b: Tensor) -> Tensor:
    aw, av = a[..., :1], a[..., 1:]
    bw, bv = b[..., :1], b[..., 1:]
    w = aw * bw - (av * bv).sum(-1, keepdim=True)
    return torch.cat([w, aw * bv + bw * av + torch.linalg.cross(av, bv)], -1)


def _within(parts: Tensor, limits: JointLimits) -> Tensor:
    slack = 1e-6
    return ((parts >= limits.low - slack) & (parts <= limits.high + slack)).all(-1)
