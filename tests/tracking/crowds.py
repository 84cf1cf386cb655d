"""People from motion capture who walk through one picture and hide each other, as a detector sees them.

Everybody walks to and fro across the picture at a depth of their own, so that all pairs cross, with the
limbs of a captured clip. Who stands behind somebody loses the keypoints that are hidden; a detector
misses more, jitters, and now and then takes left for right.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Bool, Float64, Int64
from numpy import ndarray
from numpy.random import Generator

from lift3d.skeletons import BODY_25, LIFT_23, correspondence

__all__ = ["SIZE", "Crowd", "crowd", "motions_of", "walkers"]

SIZE: Final = (1080, 1920)
FOCAL: Final = 1100.0
FPS: Final = 30.0

LIMBS: Final = {
    ("pelvis", "thorax"): 0.15,
    ("thorax", "head"): 0.10,
    ("left_shoulder", "right_shoulder"): 0.08,
    ("left_hip", "right_hip"): 0.12,
    **{(f"{side}_shoulder", f"{side}_elbow"): 0.055 for side in ("left", "right")},
    **{(f"{side}_elbow", f"{side}_wrist"): 0.045 for side in ("left", "right")},
    **{(f"{side}_hip", f"{side}_knee"): 0.085 for side in ("left", "right")},
    **{(f"{side}_knee", f"{side}_ankle"): 0.06 for side in ("left", "right")},
}
"""Radii in metres of what hides others."""

ARMS: Final = ("shoulder", "elbow", "wrist")
LEGS: Final = ("hip", "knee", "ankle", "toe", "heel")
CHANGES: Final = (
    (*ARMS, *LEGS, "ear", "eye"),
    ARMS,
    LEGS,
    LEGS,
    ("knee",),
    ("ankle", "toe", "heel"),
)
"""What a detector swaps at once: all, arms, legs (twice as often), knees, feet."""


@dataclass(frozen=True, slots=True)
class Crowd:
    """Detections row by row in BODY_25, in shuffled order, and the truth about each.

    `swapped` marks keypoints that carry the name of the other side, where either of the two was seen.
    `true_points` are where the keypoints of a row really are, unseen ones too.
    """

    frames: Int64[ndarray, " rows"]
    points: Float64[ndarray, "rows joints 3"]
    person: Int64[ndarray, " rows"]
    swapped: Bool[ndarray, "rows joints"]
    true_points: Float64[ndarray, "rows joints 2"]


def motions_of(
    clips: Iterable[Float64[ndarray, "_ joints 3"]], length: int, count: int
) -> list[Float64[ndarray, "frames joints 3"]]:
    """`count` stretches of `length` frames of upright people, of LIFT_23, in a y-up world.

    Shorter clips, of 60 frames at least, run to and fro.
    """
    found: list[ndarray] = []
    for joints in clips:
        complete = np.isfinite(joints).all((1, 2))
        runs = np.split(np.arange(len(joints)), np.flatnonzero(np.diff(complete)) + 1)
        run = max((r for r in runs if complete[r[0]]), key=len, default=np.arange(0))[:length]
        if len(run) >= 60 and _upright(joints[run]):
            to_and_fro = np.concatenate([run, run[::-1]])
            found.append(joints[to_and_fro[np.arange(length) % len(to_and_fro)]])
        if len(found) == count:
            break
    return found


def _upright(joints: ndarray) -> bool:
    head, pelvis = LIFT_23.index("head"), LIFT_23.index("pelvis")
    return bool((joints[:, head, 1] - joints[:, pelvis, 1]).min() > 0.3)


def crowd(
    motions: list[Float64[ndarray, "frames joints 3"]],
    rng: Generator,
    *,
    misses: float = 0.1,
    swaps: float = 0.05,
    jitter: float = 0.012,
) -> Crowd:
    """Everybody's detections; `jitter` in metres, `misses` and `swaps` as shares of all sightings."""
    in_camera = np.stack([_walked(m, n, len(motions), rng) for n, m in enumerate(motions)])
    hidden = _hidden(in_camera)
    points = _layout(in_camera)
    lost = _layout_any(hidden)
    people, frames, joints = lost.shape
    pixels = _projected(points)
    swapped = np.stack([_swap_plan(frames, swaps, rng) for _ in range(people)])
    scale = jitter * FOCAL / points[..., 2:].mean(2, keepdims=True)
    far = np.where(rng.random((people, frames, joints, 1)) < 0.02, 5.0, 1.0)
    measured = pixels + rng.normal(size=pixels.shape) * scale * far
    guessed = rng.random(lost.shape) < 0.05
    seen = ~(lost & ~guessed) & (rng.random(lost.shape) >= misses) & np.isfinite(pixels).all(-1)
    seen &= ((measured >= 0) & (measured < SIZE[::-1])).all(-1)
    sure = np.where(lost, rng.uniform(0.1, 0.5, lost.shape), rng.uniform(0.6, 1.0, lost.shape))
    found = np.where(seen[..., None], np.concatenate([measured, sure[..., None]], -1), np.nan)
    found[..., 2] = np.nan_to_num(found[..., 2])
    mirrored = found[:, :, list(BODY_25.flip_permutation)]
    found = np.where(swapped[..., None], mirrored, found)
    either = seen | seen[:, :, list(BODY_25.flip_permutation)]
    kept = (seen.sum(-1) >= 4) & (rng.random((people, frames)) >= misses)
    who, when = (
        index[order] for order in [rng.permutation(kept.sum())] for index in kept.nonzero()
    )
    rows = (who, when)
    return Crowd(when, found[rows], who, (swapped & either)[rows], pixels[rows])


def _walked(motion: ndarray, number: int, people: int, rng: Generator) -> ndarray:
    """The motion on its way to and fro across the picture, in the camera frame."""
    frames = len(motion)
    depth = 3.5 + 4.5 * (number + rng.uniform(0.2, 0.8)) / people
    half = 0.75 * depth * SIZE[1] / 2 / FOCAL
    speed = rng.uniform(0.7, 1.5) / FPS
    way = rng.uniform(0, 4 * half) + speed * np.arange(frames)
    across = np.abs((way % (4 * half)) - 2 * half) - half
    towards = depth + 0.3 * np.sin(np.arange(frames) / FPS + rng.uniform(0, 6))
    yaw = rng.uniform(-np.pi, np.pi)
    turn = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    ground = motion[:, :1] * [1, 0, 1]
    body = (motion - ground) @ turn.T * [1, -1, -1]
    floor = 1.0 - body[..., 1].max()
    return body + np.stack([across, np.full(frames, floor), towards], -1)[:, None]


def _projected(points: ndarray) -> ndarray:
    centre = np.array([(SIZE[1] - 1) / 2, (SIZE[0] - 1) / 2])
    xy: ndarray = points[..., :2] / points[..., 2:] * FOCAL + centre
    return xy


def _hidden(people: ndarray) -> ndarray:
    """Which joints lie behind a limb of somebody who is nearer, [people frames joints]."""
    pixels = _projected(people)
    hidden = np.zeros(people.shape[:3], dtype=np.bool_)
    depth = people[:, :, LIFT_23.index("pelvis"), 2]
    for (a, b), radius in LIMBS.items():
        start, end = pixels[:, :, LIFT_23.index(a)], pixels[:, :, LIFT_23.index(b)]
        reach = radius * FOCAL / depth
        for front in range(len(people)):
            away = _distance(pixels, start[front][None, :, None], end[front][None, :, None])
            behind = depth > depth[front] + 0.05
            hidden |= (away < reach[front][None, :, None]) & behind[..., None]
    return hidden


def _distance(points: ndarray, start: ndarray, end: ndarray) -> ndarray:
    along = end - start
    share = ((points - start) * along).sum(-1) / np.maximum((along**2).sum(-1), 1e-9)
    nearest = start + np.clip(share, 0, 1)[..., None] * along
    distance: ndarray = np.linalg.norm(points - nearest, axis=-1)
    return distance


def _layout(people: ndarray) -> ndarray:
    """LIFT_23 to BODY_25; joints that it does not give are NaN."""
    out = np.full((*people.shape[:2], len(BODY_25), 3), np.nan)
    for joint, row in enumerate(correspondence(LIFT_23, BODY_25).sources):
        if row:
            out[:, :, joint] = sum(weight * people[:, :, index] for index, weight in row)
    known = ~np.isnan(out).all((0, 1, 3))
    out[..., ~known, 2] = 1.0
    return out


def _layout_any(hidden: ndarray) -> ndarray:
    out = np.zeros((*hidden.shape[:2], len(BODY_25)), dtype=np.bool_)
    for joint, row in enumerate(correspondence(LIFT_23, BODY_25).sources):
        for index, _ in row:
            out[:, :, joint] |= hidden[:, :, index]
    return out


def _swap_plan(frames: int, share: float, rng: Generator) -> ndarray:
    """Runs of 1 to about 10 frames; the mean length of 3 sets how often one begins."""
    plan = np.zeros((frames, len(BODY_25)), dtype=np.bool_)
    for start in np.flatnonzero(rng.random(frames) < share / 3):
        words = CHANGES[rng.integers(len(CHANGES))]
        sided = np.array(
            [n.startswith(("left", "right")) and n.endswith(words) for n in BODY_25.joints]
        )
        plan[start : start + rng.geometric(1 / 3)] |= sided
    return plan


def walkers(people: int, length: int) -> list[Float64[ndarray, "frames joints 3"]]:
    """People made of sticks who walk on the spot, for where there is no motion capture."""
    return [_walker(length, 1.0 + 0.06 * (n % 4), 0.9 + 0.07 * (n % 5), n) for n in range(people)]


def _walker(length: int, scale: float, rate: float, phase: float) -> ndarray:
    swing = 0.5 * np.sin(2 * np.pi * rate * np.arange(length) / FPS + phase)
    at: dict[str, tuple[ndarray | float, float, ndarray | float]] = {
        "pelvis": (0, 0.95, 0), "spine": (0, 1.2, 0), "thorax": (0, 1.45, 0), "head": (0, 1.6, 0.03),
        "nose": (0, 1.6, 0.12),
    }  # fmt: skip
    for side, sign in (("left", 1.0), ("right", -1.0)):
        leg, arm = sign * swing, -sign * swing
        at[f"{side}_hip"] = (0.1 * sign, 0.93, 0)
        at[f"{side}_knee"] = (0.1 * sign, 0.5, 0.42 * np.sin(leg))
        at[f"{side}_ankle"] = (0.1 * sign, 0.09, 0.7 * np.sin(leg))
        at[f"{side}_big_toe"] = (0.1 * sign, 0.03, 0.7 * np.sin(leg) + 0.17)
        at[f"{side}_heel"] = (0.1 * sign, 0.03, 0.7 * np.sin(leg) - 0.05)
        at[f"{side}_shoulder"] = (0.18 * sign, 1.42, 0)
        at[f"{side}_elbow"] = (0.22 * sign, 1.14, 0.27 * np.sin(arm))
        at[f"{side}_wrist"] = (0.22 * sign, 0.9, 0.5 * np.sin(arm))
        at[f"{side}_ear"] = (0.07 * sign, 1.62, 0.02)
    out = np.zeros((length, len(LIFT_23), 3))
    for joint, name in enumerate(LIFT_23.joints):
        for axis, value in enumerate(at[name]):
            out[:, joint, axis] = value
    return out * scale
