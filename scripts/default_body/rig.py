"""Forward kinematics, linear and dual-quaternion skinning, and the T-pose of a drawn body."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from .layout import JOINT_COUNT, PARENTS, index

Array = NDArray[np.float64]

# (joint, child, joint whose twist is spread, share at the joint, share at the child): along the
# segment joint -> child the skin takes a growing share of a rotation about the segment's axis.
TWISTS = tuple(
    (f"{side}_{joint}", f"{side}_{child}", f"{side}_{source}")
    for side in ("left", "right")
    for joint, child, source in (
        ("shoulder", "elbow", "shoulder"),
        ("elbow", "wrist", "wrist"),
        ("hip", "knee", "hip"),
        ("knee", "ankle", "ankle"),
    )
)
TWIST_STEPS = 5


def forward(rotations: Array, joints: Array) -> tuple[Array, Array]:
    """Return world positions (24, 3) and skinning transforms (24, 4, 4) of local rotations."""
    world = np.tile(np.eye(4), (JOINT_COUNT, 1, 1))
    for j, parent in enumerate(PARENTS):
        local = np.eye(4)
        local[:3, :3] = rotations[j]
        local[:3, 3] = joints[j] - (joints[parent] if parent >= 0 else 0.0)
        world[j] = local if parent < 0 else world[parent] @ local
    skin = world.copy()
    skin[:, :3, 3] -= np.einsum("jab,jb->ja", world[:, :3, :3], joints)
    return world[:, :3, 3], skin


def blend_matrices(transforms: Array, weights: Array) -> Array:
    """Return the blended 3x4 matrices (V, 3, 4) of linear blend skinning."""
    flat = transforms[:, :3].reshape(len(transforms), 12)
    return np.asarray((weights @ flat).reshape(-1, 3, 4))


def dual_quaternions(transforms: Array) -> Array:
    """Return unit dual quaternions (J, 8), real part wxyz first, of rigid 4x4 transforms."""
    real = Rotation.from_matrix(transforms[:, :3, :3]).as_quat()[:, [3, 0, 1, 2]]
    x, y, z = transforms[:, :3, 3].T
    w, i, j, k = real.T
    dual = 0.5 * np.stack(
        [
            -x * i - y * j - z * k,
            x * w + y * k - z * j,
            y * w + z * i - x * k,
            z * w + x * j - y * i,
        ],
        axis=1,
    )
    return np.concatenate([real, dual], axis=1)


def blended_rigid(transforms: Array, weights: Array) -> tuple[Array, Array]:
    """Return a unit quaternion wxyz (V, 4) and a shift (V, 3) for every vertex.

    Dual-quaternion linear blending (Kavan et al. 2008).
    """
    quats = dual_quaternions(transforms)
    strongest = quats[weights.argmax(axis=1), :4]
    signs = np.where(strongest @ quats[:, :4].T < 0, -1.0, 1.0)
    blended = (weights * signs) @ quats
    blended /= np.linalg.norm(blended[:, :4], axis=1, keepdims=True)
    real, dual = blended[:, :4], blended[:, 4:]
    w, axis = real[:, :1], real[:, 1:]
    return real, 2.0 * (w * dual[:, 1:] - dual[:, :1] * axis + np.cross(axis, dual[:, 1:]))


def turned(quats: Array, points: Array) -> Array:
    """Return points (V, 3) rotated by unit quaternions wxyz (V, 4)."""
    w, axis = quats[:, :1], quats[:, 1:]
    return np.asarray(points + 2.0 * np.cross(axis, np.cross(axis, points) + w * points))


def dual_quaternion_skin(vertices: Array, transforms: Array, weights: Array) -> Array:
    """Return vertices skinned by dual quaternions."""
    quats, shift = blended_rigid(transforms, weights)
    return turned(quats, vertices) + shift


def dual_quaternion_unskin(vertices: Array, transforms: Array, weights: Array) -> Array:
    """Return the vertices that `dual_quaternion_skin` brings to `vertices`."""
    quats, shift = blended_rigid(transforms, weights)
    return turned(quats * np.array([1.0, -1.0, -1.0, -1.0]), vertices - shift)


def twist_about(rotation: Array, axis: Array) -> Rotation:
    """Return the part of a rotation that turns about the unit `axis` (swing-twist split)."""
    x, y, z, w = Rotation.from_matrix(rotation).as_quat()
    along = np.dot([x, y, z], axis) * axis
    quat = np.array([*along, w])
    norm = np.linalg.norm(quat)
    return Rotation.identity() if norm < 1e-9 else Rotation.from_quat(quat / norm)


def aligning(first: Array, second: Array) -> Array:
    """Return the smallest rotation matrix that turns direction `first` into `second`."""
    first, second = first / np.linalg.norm(first), second / np.linalg.norm(second)
    axis = np.cross(first, second)
    sine = np.linalg.norm(axis)
    if sine < 1e-12:
        return np.eye(3)
    return Rotation.from_rotvec(axis / sine * np.arctan2(sine, first @ second)).as_matrix()


LEG_OUT = 0.05


def t_pose_rotations(joints: Array) -> Array:
    """Return local rotations (24, 3, 3) that bring a drawn body's A-pose to the T-pose."""
    rotations = np.tile(np.eye(3), (JOINT_COUNT, 1, 1))
    for side, sign in (("left", 1.0), ("right", -1.0)):
        shoulder, elbow, wrist, hand, hip, knee, ankle = (
            index(f"{side}_{name}")
            for name in ("shoulder", "elbow", "wrist", "hand", "hip", "knee", "ankle")
        )
        out = np.array([sign, 0.0, 0.0])
        upper = aligning(joints[elbow] - joints[shoulder], out)
        lower = aligning(upper @ (joints[wrist] - joints[elbow]), out) @ upper
        last = aligning(lower @ (joints[hand] - joints[wrist]), out) @ lower
        rotations[shoulder] = upper
        rotations[elbow] = upper.T @ lower
        rotations[wrist] = lower.T @ last
        down = np.array([sign * np.sin(LEG_OUT), -np.cos(LEG_OUT), 0.0])
        thigh = aligning(joints[knee] - joints[hip], down)
        shank = aligning(thigh @ (joints[ankle] - joints[knee]), down) @ thigh
        rotations[hip] = thigh
        rotations[knee] = thigh.T @ shank
        rotations[ankle] = shank.T
    return rotations
