"""The ground that people stand on, how large they are, and feet that do not slide.

Lifters that see one frame guess a person's size, and with it all distances: everything is right up to
one factor per person, which only a known height can tell. Where feet stand tells where the ground is
and, for a camera that does not move, how the root trembles. What this does to real motion is measured
in docs/time.md.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lift3d.errors import InputError
from lift3d.geometry.contacts import contact_speed, find_contacts, runs, soles
from lift3d.geometry.planes import Plane, fit_ground
from lift3d.lifting.footing import drift_of, foot_height, root_correction
from lift3d.lifting.upright import upright_world
from lift3d.motion import Motion
from lift3d.pose import Pose3D
from lift3d.skeleton import Skeleton

__all__ = ["Grounding", "ground_motions", "scaled", "stature"]

# Share of a person's height that thigh, shank and trunk (hips to shoulders) make up. The default body
# has 0.750, 0.737 to 0.760 over its shapes; a triangulated person 0.756 to 0.763. Tables of anatomy
# (Drillis and Contini 1966: 0.779) measure to other places than keypoints mark.
_UPRIGHT: Final = 0.755
_HEIGHT: Final = (1.66, 0.10)  # metres: grown people everywhere (NCD-RisC, eLife 2016), and spread
_LIFTED: Final = 0.07  # metres: how far lifted people are from their true height
_HEIGHTS: Final = (0.5, 2.6)  # metres a person may be told to have
_SLOW: Final = 0.35  # metres per second: standing feet are slower
_MAYBE: Final = 0.8  # metres per second: what is faster as lifted never stands
_ROUNDS: Final = 2  # standing feet are looked for again once they slide less
_AROUND: Final = 0.7  # seconds in which a foot comes down
_ALONG: Final = 0.4  # how much of the motion along the viewing ray is taken for true


@dataclass(frozen=True, slots=True)
class Grounding:
    """The ground of a clip and what was done for it.

    `plane` is the ground in the camera's frame, its offset the camera's height in metres; None where
    the camera moves or no foot was seen standing. `contacts` are the frames in which each person's
    left and right foot stand, `foot_speed_before` and `foot_speed_after` the mean speed of these feet
    in metres per second (NaN without any). `scale` is what each person's joints were multiplied by.
    `camera_moves` is what was taken for true, None where it could not be told. `note` says all this
    in words.
    """

    plane: Plane | None
    contacts: tuple[Bool[Tensor, "frames 2"], ...]
    foot_speed_before: float
    foot_speed_after: float
    scale: tuple[float, ...]
    camera_moves: bool | None
    note: str


def ground_motions(
    motions: Sequence[Motion[Pose3D]],
    *,
    camera_moves: bool | None = None,
    heights: Sequence[float | None] = (),
    up: Float[Tensor, "3"] | None = None,
) -> tuple[Grounding, tuple[Motion[Pose3D], ...]]:
    """Where the ground is, and the people at their size on it with feet that slide less.

    Motions are in the camera frame (metres). `heights` are the known heights of the people, in their
    order; those that are missing or None come from the lifted joints and a prior. `up` is the
    vertical in the camera frame where it is known; else people's balance tells it.

    `camera_moves` says whether the camera does. Where nobody says, standing feet tell (`drift_of`),
    and `Grounding.note` states what they told. Where the camera moves, or may, only sizes change. Raises
    `InputError` for heights that people do not have.
    """
    scale = _scales(motions, heights)
    sized = tuple(scaled(m, factor) for m, factor in zip(motions, scale, strict=True))
    names = [motion.pose.skeleton.joints for motion in sized]
    sizes = _of_sizes(scale, heights)
    moves, how = _camera(sized, camera_moves)
    none = tuple(torch.zeros(len(motion), 2, dtype=torch.bool) for motion in sized)
    if moves is not False:
        note = f"{how}: no ground was looked for; {sizes}"
        return Grounding(None, none, math.nan, math.nan, scale, moves, note), sized
    steep = upright_world(sized)[1] if up is None else torch.nn.functional.normalize(up, dim=0)
    held, plane, contacts = sized, Plane(steep.double(), 0.0), none
    perhaps = tuple(_contacts(motion, plane.normal, _MAYBE) for motion in sized)
    for _ in range(_ROUNDS):
        looked = (_contacts(motion, plane.normal, _SLOW) for motion in held)
        contacts = tuple(on & maybe for on, maybe in zip(looked, perhaps, strict=True))
        found = _ground(sized, contacts, steep, known=up is not None)
        if found is None:
            note = f"{how}; no foot was seen standing, so no ground was found; {sizes}"
            return Grounding(None, none, math.nan, math.nan, scale, moves, note), sized
        plane = found
        held = tuple(_held(motion, on, plane) for motion, on in zip(sized, contacts, strict=True))
    before, after = (_speed(people, names, contacts) for people in (sized, held))
    note = (
        f"{how}; camera {plane.offset:.2f} m above the ground, found from {_stands(contacts)} stands; "
        f"standing feet moved at "
        f"{before:.2f} m/s, now at {after:.2f} m/s; {sizes}"
    )
    return Grounding(plane, contacts, before, after, scale, moves, note), held


def stature(joints: Float[Tensor, "frames joints 3"], skeleton: Skeleton) -> float:
    """A person's height in metres from median lengths of legs and trunk; NaN where some are missing."""
    sides = ("left", "right")
    wanted = [f"{side}_{part}" for side in sides for part in ("hip", "knee", "ankle", "shoulder")]
    if not set(wanted) <= set(skeleton.joints):
        return math.nan
    places = {name: joints[:, skeleton.index(name)].double() for name in wanted}

    def length(a: Tensor, b: Tensor) -> float:
        return float(torch.linalg.vector_norm(a - b, dim=-1).nanmedian())

    leg = [
        length(places[f"{side}_{a}"], places[f"{side}_{b}"])
        for side in sides
        for a, b in (("hip", "knee"), ("knee", "ankle"))
    ]
    hips, shoulders = (
        (places[f"left_{part}"] + places[f"right_{part}"]) / 2 for part in ("hip", "shoulder")
    )
    return (sum(leg) / 2 + length(hips, shoulders)) / _UPRIGHT


def scaled(motion: Motion[Pose3D], factor: float) -> Motion[Pose3D]:
    """The person made larger about the camera's centre: what is seen of them stays the same."""
    pose = motion.pose.require_frame("camera")
    larger = Pose3D(pose.joints * factor, pose.covariance * factor**2, pose.skeleton, pose.frame)
    return Motion(larger, motion.fps, motion.person, motion.observed, motion.first_frame)


def _scales(
    motions: Sequence[Motion[Pose3D]], heights: Sequence[float | None]
) -> tuple[float, ...]:
    if len(heights) > len(motions):
        raise InputError(
            f"expected at most {len(motions)} heights, one per person, got {len(heights)}: "
            "leave some out"
        )
    for height in heights:
        if height is not None and not _HEIGHTS[0] <= height <= _HEIGHTS[1]:
            raise InputError(
                f"expected a height of {_HEIGHTS[0]:g} to {_HEIGHTS[1]:g} metres, got {height:g}: "
                "give it in metres"
            )
    told = [*heights, *[None] * (len(motions) - len(heights))]
    return tuple(_scale(motion, height) for motion, height in zip(motions, told, strict=True))


def _scale(motion: Motion[Pose3D], height: float | None) -> float:
    """Known height over lifted height; else the most likely height over it, by both spreads."""
    lifted = stature(motion.pose.joints, motion.pose.skeleton)
    if not (math.isfinite(lifted) and lifted > 0):
        return 1.0
    if height is None:
        trust = _HEIGHT[1] ** 2 / (_HEIGHT[1] ** 2 + _LIFTED**2)
        height = trust * lifted + (1 - trust) * _HEIGHT[0]
    return height / lifted


def _of_sizes(scale: Sequence[float], heights: Sequence[float | None]) -> str:
    known = sum(height is not None for height in heights)
    if known == len(scale):
        return "sizes and distances from known heights"
    of = f"of {len(scale) - known} people " if known else ""
    return f"sizes and distances {of}are likely ones, not measured (a known height makes them so)"


def _camera(motions: Sequence[Motion[Pose3D]], told: bool | None) -> tuple[bool | None, str]:
    """Whether the camera moves, and how that is known: said, or by people's feet."""
    if told is not None:
        return told, f"camera {'moves' if told else 'stands still'} (as said)"
    drifts = [
        drift_of(soles(m.pose.skeleton.joints, m.pose.joints), m.pose.joints[:, 0], m.fps)
        for m in motions
    ]
    verdicts = {drift.camera_moves for drift in drifts} - {None}
    calm = min((drift.speed for drift in drifts), default=math.nan)
    seen = f"by feet whose slower one moves at {calm:.2f} m/s across the view"
    if len(verdicts) != 1:
        return None, f"whether the camera moves cannot be told {seen} (say it)"
    moves = verdicts.pop()
    return moves, f"camera seems to {'move' if moves else 'stand still'}, {seen}"


def _contacts(motion: Motion[Pose3D], up: Tensor, slow: float) -> Bool[Tensor, "frames 2"]:
    names, joints = motion.pose.skeleton.joints, motion.pose.joints.double()
    return find_contacts(names, joints, motion.fps, up, slow=slow, around=_AROUND, along=_ALONG)


def _stands(contacts: Sequence[Bool[Tensor, "frames 2"]]) -> int:
    return sum(len(runs(on[:, foot])) for on in contacts for foot in range(on.shape[1]))


def _ground(
    motions: Sequence[Motion[Pose3D]],
    contacts: Sequence[Bool[Tensor, "frames 2"]],
    up: Tensor,
    *,
    known: bool,
) -> Plane | None:
    """The plane under all stands; each counts once, since its frames are wrong together."""
    stands: list[Tensor] = []
    for motion, on in zip(motions, contacts, strict=True):
        names = motion.pose.skeleton.joints
        feet = soles(names, motion.pose.joints.double())
        lift = foot_height(names) * torch.nn.functional.normalize(up.double(), dim=0)
        for foot in range(on.shape[1]):
            stands += [feet[run, foot].nanmedian(0).values - lift for run in runs(on[:, foot])]
    if not stands:
        return None
    return fit_ground(torch.stack(stands), up, tilt=1e-4 if known else 0.09)


def _held(motion: Motion[Pose3D], on: Tensor, plane: Plane) -> Motion[Pose3D]:
    pose = motion.pose
    names = pose.skeleton.joints
    feet = soles(names, pose.joints)
    root = pose.joints[:, 0]
    move = root_correction(feet, on, root, motion.fps, (plane, foot_height(names)))
    moved = Pose3D(pose.joints + move[:, None], pose.covariance, pose.skeleton, pose.frame)
    return Motion(moved, motion.fps, motion.person, motion.observed, motion.first_frame)


def _speed(
    motions: Sequence[Motion[Pose3D]],
    names: Sequence[tuple[str, ...]],
    contacts: Sequence[Bool[Tensor, "frames 2"]],
) -> float:
    """The mean over people whose feet stand, each by the frames they stand."""
    total = count = 0.0
    for motion, joints, on in zip(motions, names, contacts, strict=True):
        weight = float(on.sum())
        total += weight * contact_speed(joints, motion.pose.joints, on, motion.fps)
        count += weight
    return total / count if count else math.nan
