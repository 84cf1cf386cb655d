"""Conversions between rotation matrices, axis-angle, unit quaternions (w, x, y, z) and 6D.

Rotations act on column vectors: `rotated = rotmat @ vector`. All conversions are finite, with finite
gradients, at the identity and at half turns.
"""

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = [
    "axis_angle_from_quat_wxyz",
    "axis_angle_from_rotmat",
    "quat_wxyz_from_axis_angle",
    "quat_wxyz_from_rotmat",
    "rot6d_from_rotmat",
    "rotation_angle",
    "rotmat_between",
    "rotmat_from_axis_angle",
    "rotmat_from_quat_wxyz",
    "rotmat_from_rot6d",
    "skew",
]


def skew(vector: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3 3"]:
    """The matrix of the cross product: `skew(a) @ b == cross(a, b)`."""
    x, y, z = vector.unbind(-1)
    zero = torch.zeros_like(x)
    rows = [zero, -z, y, z, zero, -x, -y, x, zero]
    return torch.stack(rows, -1).reshape(*vector.shape[:-1], 3, 3)


def rotmat_from_axis_angle(
    axis_angle: Float[Tensor, "*batch 3"],
) -> Float[Tensor, "*batch 3 3"]:
    """Rodrigues' formula: R = I + sinc(t) K + (1 - cos t) / t^2 K K, for an angle t in radians."""
    squared = (axis_angle * axis_angle).sum(-1)
    # The series around zero keeps value and gradient exact where sin(t) / t would be 0 / 0.
    small = squared < 1e-8
    safe = torch.where(small, torch.ones_like(squared), squared)
    angle = safe.sqrt()
    a = torch.where(small, 1 - squared / 6, angle.sin() / angle)
    b = torch.where(small, 0.5 - squared / 24, (1 - angle.cos()) / safe)
    k = skew(axis_angle)
    eye = torch.eye(3, dtype=axis_angle.dtype, device=axis_angle.device)
    return eye + a[..., None, None] * k + b[..., None, None] * (k @ k)


def quat_wxyz_from_axis_angle(
    axis_angle: Float[Tensor, "*batch 3"],
) -> Float[Tensor, "*batch 4"]:
    """The unit quaternion (cos(t / 2), axis sin(t / 2))."""
    squared = (axis_angle * axis_angle).sum(-1, keepdim=True)
    small = squared < 1e-8
    angle = torch.where(small, torch.ones_like(squared), squared).sqrt()
    factor = torch.where(small, 0.5 - squared / 48, (angle / 2).sin() / angle)
    w = torch.where(small, 1 - squared / 8, (angle / 2).cos())
    return torch.cat([w, axis_angle * factor], -1)


def axis_angle_from_quat_wxyz(
    quat_wxyz: Float[Tensor, "*batch 4"],
) -> Float[Tensor, "*batch 3"]:
    """The rotation vector of a unit quaternion, its angle in [0, pi]."""
    # q and -q are one rotation; the half with w >= 0 gives the shorter way round.
    quat = torch.where(quat_wxyz[..., :1] < 0, -quat_wxyz, quat_wxyz)
    w, xyz = quat[..., :1], quat[..., 1:]
    squared = (xyz * xyz).sum(-1, keepdim=True)
    small = squared < 1e-12
    sine = torch.where(small, torch.ones_like(squared), squared).sqrt()
    factor = torch.where(small, 2 / w.clamp(min=0.5), 2 * torch.atan2(sine, w) / sine)
    return xyz * factor


def rotmat_from_quat_wxyz(
    quat_wxyz: Float[Tensor, "*batch 4"],
) -> Float[Tensor, "*batch 3 3"]:
    """The rotation matrix of a quaternion, which is normalised first.

    Raises nothing for a zero quaternion: the result is then not a number.
    """
    w, x, y, z = torch.nn.functional.normalize(quat_wxyz, dim=-1, eps=0).unbind(-1)
    rows = [
        1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y),
        2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x),
        2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y),
    ]  # fmt: skip
    return torch.stack(rows, -1).reshape(*quat_wxyz.shape[:-1], 3, 3)


def quat_wxyz_from_rotmat(
    rotmat: Float[Tensor, "*batch 3 3"],
) -> Float[Tensor, "*batch 4"]:
    """The unit quaternion of a rotation matrix, with w >= 0.

    Each row of the 4 x 4 matrix below is the quaternion times a different one of its components
    (Shepperd 1978); the row with the largest component divides safely everywhere.
    """
    m = rotmat
    xx, yy, zz = m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]
    wx, wy, wz = (
        m[..., 2, 1] - m[..., 1, 2],
        m[..., 0, 2] - m[..., 2, 0],
        m[..., 1, 0] - m[..., 0, 1],
    )
    xy, xz, yz = (
        m[..., 0, 1] + m[..., 1, 0],
        m[..., 0, 2] + m[..., 2, 0],
        m[..., 1, 2] + m[..., 2, 1],
    )
    rows = torch.stack(
        [
            torch.stack([1 + xx + yy + zz, wx, wy, wz], -1),
            torch.stack([wx, 1 + xx - yy - zz, xy, xz], -1),
            torch.stack([wy, xy, 1 - xx + yy - zz, yz], -1),
            torch.stack([wz, xz, yz, 1 - xx - yy + zz], -1),
        ],
        -2,
    )
    best = rows.diagonal(dim1=-2, dim2=-1).argmax(-1)
    row = rows.gather(-2, best[..., None, None].expand(*best.shape, 1, 4)).squeeze(-2)
    quat = torch.nn.functional.normalize(row, dim=-1)
    return torch.where(quat[..., :1] < 0, -quat, quat)


def axis_angle_from_rotmat(
    rotmat: Float[Tensor, "*batch 3 3"],
) -> Float[Tensor, "*batch 3"]:
    """The rotation vector of a rotation matrix, its angle in [0, pi]."""
    return axis_angle_from_quat_wxyz(quat_wxyz_from_rotmat(rotmat))


def rot6d_from_rotmat(rotmat: Float[Tensor, "*batch 3 3"]) -> Float[Tensor, "*batch 6"]:
    """The first two columns, one after the other (Zhou et al., CVPR 2019)."""
    return torch.cat([rotmat[..., 0], rotmat[..., 1]], -1)


def rotmat_from_rot6d(rot6d: Float[Tensor, "*batch 6"]) -> Float[Tensor, "*batch 3 3"]:
    """Gram-Schmidt on two columns (Zhou et al., CVPR 2019, eq. 15): any two independent vectors."""
    first = torch.nn.functional.normalize(rot6d[..., :3], dim=-1)
    second = rot6d[..., 3:] - (first * rot6d[..., 3:]).sum(-1, keepdim=True) * first
    second = torch.nn.functional.normalize(second, dim=-1)
    return torch.stack([first, second, torch.linalg.cross(first, second)], -1)


def rotation_angle(rotmat: Float[Tensor, "*batch 3 3"]) -> Float[Tensor, "*batch"]:
    """The angle of a rotation in radians, in [0, pi]."""
    angle: Tensor = torch.linalg.vector_norm(axis_angle_from_rotmat(rotmat), dim=-1)
    return angle


def rotmat_between(
    source: Float[Tensor, "*batch 3"], target: Float[Tensor, "*batch 3"]
) -> Float[Tensor, "*batch 3 3"]:
    """The smallest rotation that turns the direction `source` into the direction `target`.

    Opposite directions have no smallest rotation: any half turn between them is returned.
    """
    a = torch.nn.functional.normalize(source, dim=-1)
    b = torch.nn.functional.normalize(target, dim=-1)
    # The half-way quaternion (1 + cos, cross), where 1 + cos = |a + b|^2 / 2 keeps its digits near a
    # half turn; at one, any axis orthogonal to a will do.
    one_plus_cosine = (a + b).square().sum(-1, keepdim=True) / 2
    helper = torch.eye(3, dtype=a.dtype, device=a.device)[a.abs().argmin(-1)]
    half_turn = torch.nn.functional.normalize(torch.linalg.cross(a, helper), dim=-1)
    opposite = one_plus_cosine < torch.finfo(a.dtype).eps
    xyz = torch.where(opposite, half_turn, torch.linalg.cross(a, b))
    w = torch.where(opposite, torch.zeros_like(one_plus_cosine), one_plus_cosine)
    return rotmat_from_quat_wxyz(torch.cat([w, xyz], -1))
