"""Pose blend shapes: what linear skinning must be given to look like a better teacher.

The teacher skins the drawn A-pose by dual quaternions and spreads the twist of a limb along it.
The blend shapes are linear in the entries of `R - I` of one joint each (SMPL's pose features).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from . import rig
from .layout import JOINT_COUNT, JOINT_NAMES, index, mirrored_joints
from .shape import MIRROR

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

RIDGE = 0.02
DROP = 2e-4

# Rotations drawn for a joint: (axis, smallest, largest angle) of its everyday movements, left
# side, beside which a share of free rotations keeps every direction pinned down.
_X, _Y, _Z = np.eye(3)
MOVES: dict[str, tuple[tuple[Array, float, float], ...]] = {
    "hip": ((-_X, -0.6, 2.1), (_Z, -0.5, 1.1), (_Y, -0.8, 0.8)),
    "knee": ((_X, 0.0, 2.5), (_Y, -0.3, 0.3)),
    "ankle": ((_X, -0.7, 0.8), (_Y, -0.6, 0.6), (_Z, -0.4, 0.4)),
    "foot": ((_X, -0.8, 0.5),),
    "collar": ((_Z, -0.4, 0.6), (_Y, -0.5, 0.5), (_X, -0.3, 0.3)),
    "shoulder": ((_Z, -1.6, 1.5), (_Y, -2.0, 0.8), (_X, -1.5, 1.5)),
    "elbow": ((-_Y, 0.0, 2.4), (_X, -0.5, 0.5)),
    "wrist": ((_X, -1.7, 1.7), (_Z, -1.2, 1.2), (_Y, -0.6, 0.6)),
    "hand": ((_Z, -1.3, 0.4),),
    "head": ((_Y, -1.0, 1.0), (_X, -0.7, 0.7), (_Z, -0.5, 0.5)),
    "neck": ((_Y, -0.9, 0.9), (_X, -0.6, 0.7), (_Z, -0.5, 0.5)),
    "spine": ((_Y, -0.6, 0.6), (_X, -0.4, 0.9), (_Z, -0.5, 0.5)),
}


@dataclass(frozen=True, slots=True)
class Teacher:
    """The drawn A-pose body, its T-pose transforms, and weights with the limbs' sub-bones."""

    drawn: Array
    lift: Array
    weights: Array
    joints: Array

    def pose(self, rotations: Array) -> Array:
        """Return the posed vertices (V, 3) of local rotations (24, 3, 3) from the T-pose."""
        _, skin = rig.forward(rotations, self.joints)
        parts = [skin @ self.lift]
        for name, child, source in rig.TWISTS:
            parts.append(self._spread(rotations, skin, index(name), index(child), index(source)))
        transforms = np.concatenate(parts)
        return rig.dual_quaternion_skin(self.drawn, transforms, self.weights)

    def _spread(self, rotations: Array, skin: Array, joint: int, child: int, source: int) -> Array:
        start, end = self.joints[joint], self.joints[child]
        axis = (end - start) / np.linalg.norm(end - start)
        twist = rig.twist_about(rotations[source], axis).as_rotvec()
        out = np.empty((rig.TWIST_STEPS, 4, 4))
        for k, share in enumerate(np.linspace(0.0, 1.0, rig.TWIST_STEPS)):
            # A joint's own twist is given back near its root; a child's is taken on towards it.
            turn = (share - 1.0) * twist if source == joint else share * twist
            local = np.eye(4)
            local[:3, :3] = Rotation.from_rotvec(turn).as_matrix()
            local[:3, 3] = start - local[:3, :3] @ start
            out[k] = skin[joint] @ local @ self.lift[joint]
        return out


def twist_weights(weights: Array, rest: Array, joints: Array) -> Array:
    """Return weights (V, 24 + sub-bones): a limb's weight is dealt out along its segment."""
    out = [weights.copy()]
    for name, child, _ in rig.TWISTS:
        start, end = joints[index(name)], joints[index(child)]
        axis = end - start
        along = np.clip((rest - start) @ axis / (axis @ axis), 0.0, 1.0) * (rig.TWIST_STEPS - 1)
        hats = np.clip(1.0 - np.abs(along[:, None] - np.arange(rig.TWIST_STEPS)), 0.0, 1.0)
        out.append(weights[:, [index(name)]] * hats)
        out[0][:, index(name)] = 0.0
    return np.concatenate(out, axis=1)


def draw(name: str, count: int, rng: np.random.Generator) -> Array:
    """Return `count` rotation matrices of a joint: everyday ones and some free ones."""
    kind = next(key for key in MOVES if key in name)
    out = []
    for k in range(count):
        turn = Rotation.identity()
        if k % 6 == 0:
            turn = Rotation.from_rotvec(rng.normal(size=3) * 0.35)
        else:
            only = k % 3 == 0
            chosen = rng.integers(len(MOVES[kind]))
            for m, (axis, low, high) in enumerate(MOVES[kind]):
                share = 1.0 if m == chosen else (0.0 if only else 0.4)
                turn = turn * Rotation.from_rotvec(axis * rng.uniform(low, high) * share)
        out.append(turn.as_matrix())
    return np.stack(out)


def fit(
    teacher: Teacher,
    rest: Array,
    weights: Array,
    mirror: Ints,
    rng: np.random.Generator,
    samples: int = 72,
) -> tuple[Array, dict[str, float]]:
    """Return posedirs (23, V, 9, 3) and the mean distance to the teacher before and after, mm."""
    out = np.zeros((JOINT_COUNT - 1, len(rest), 9, 3))
    partner = mirrored_joints()
    before, after = [], []
    for j in range(1, JOINT_COUNT):
        if JOINT_NAMES[j].startswith("right"):
            continue
        solved, errors = _fit_joint(teacher, rest, weights, j, draw(JOINT_NAMES[j], samples, rng))
        flipped = _mirrored(solved, mirror)
        if partner[j] == j:
            out[j - 1] = 0.5 * (solved + flipped)
        else:
            out[j - 1], out[partner[j] - 1] = solved, flipped
        before.append(errors[0])
        after.append(errors[1])
    return out, {
        "teacher_before_mm": float(np.mean(before)),
        "teacher_after_mm": float(np.mean(after)),
    }


def _fit_joint(
    teacher: Teacher, rest: Array, weights: Array, joint: int, drawn: Array
) -> tuple[Array, tuple[float, float]]:
    features, matrices, errors = [], [], []
    for rotation in drawn:
        rotations = np.tile(np.eye(3), (JOINT_COUNT, 1, 1))
        rotations[joint] = rotation
        _, skin = rig.forward(rotations, teacher.joints)
        matrix = rig.blend_matrices(skin, weights)
        linear = np.einsum("vab,vb->va", matrix[..., :3], rest) + matrix[..., 3]
        features.append((rotation - np.eye(3)).ravel())
        matrices.append(matrix[..., :3])
        errors.append(teacher.pose(rotations) - linear)
    moved = np.flatnonzero(np.max([np.abs(e).max(axis=1) for e in errors], axis=0) > 1e-4)
    f = np.stack(features)
    t = np.stack(matrices)[:, moved]
    e = np.stack(errors)[:, moved]
    solved = _solve(f, t, e)
    shapes = np.einsum("kf,vfd->kvd", f, solved)
    unseen = np.linalg.norm(shapes, axis=2).max(axis=0) < DROP
    solved[unseen], shapes[:, unseen] = 0.0, 0.0
    left = e - np.einsum("kvcd,kvd->kvc", t, shapes)
    out = np.zeros((len(rest), 9, 3))
    out[moved] = solved
    return out, (_mean_mm(e), _mean_mm(left))


def _solve(features: Array, matrices: Array, errors: Array) -> Array:
    """Least squares in posed space for every vertex: min sum_k |T_k (B f_k) - e_k|^2 + ridge."""
    gram = np.einsum("kvca,kvcb->kvab", matrices, matrices, optimize=True)
    outer = np.einsum("kf,kg->kfg", features, features)
    count = errors.shape[1]
    system = np.einsum("kfg,kvab->vfagb", outer, gram, optimize=True).reshape(count, 27, 27)
    right = np.einsum("kf,kvca,kvc->vfa", features, matrices, errors, optimize=True)
    system += RIDGE * len(features) * 0.05 * np.eye(27)
    return np.linalg.solve(system, right.reshape(count, 27, 1)).reshape(count, 9, 3)


def _mirrored(shapes: Array, mirror: Ints) -> Array:
    signs = np.outer(MIRROR, MIRROR).ravel()
    return np.asarray(shapes[mirror] * signs[:, None] * MIRROR)


def _mean_mm(errors: Array) -> float:
    return float(1e3 * np.linalg.norm(errors, axis=-1).mean()) if errors.size else 0.0
