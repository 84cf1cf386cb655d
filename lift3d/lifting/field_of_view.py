"""How wide a camera sees, from how people look who are near and far with parts of themselves.

A wrong focal length puts a person at a wrong distance in the same proportion: their size in the
picture still agrees, but not its perspective, the share by which a hand held out to the camera looks
larger than one held back. People of known poses would tell the focal length by it. Here the poses
are guessed: the most similar captured ones (`lift3d.lifting.matching`, not warped), under each of
several candidates. What is left between them and the keypoints says whether perspective is too weak
or too strong. One guess is wrong by much, so a clip's frames are pooled, what remains is a likelihood of
known width, and a prior (`DEFAULT_FOV`) keeps its say. How good it is stands in docs/cameras.md.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lift3d.camera import Camera
from lift3d.conventions import DEFAULT_FOV
from lift3d.lifting.matching import MatchingLifter, MatchingOptions
from lift3d.motion import Motion
from lift3d.pose import Pose2D
from lift3d.skeletons import LIFT_23

__all__ = [
    "PRIOR",
    "FieldOfView",
    "FieldOfViewChoice",
    "Perspective",
    "camera_for",
    "estimate_field_of_view",
    "perspective_of",
    "slope_at",
]

FieldOfViewChoice = Literal["prior", "estimate"]
"""What to take for the field of view of an unknown camera."""

PRIOR: Final = 0.3
"""The prior's standard deviation of the log of the focal length, about that of `DEFAULT_FOV`: two of
three cameras see 41 to 68 degrees."""

_CANDIDATES: Final = (100.0, 85.0, 72.0, 60.0, 50.0, 40.0, 30.0)  # degrees
_FINE: Final = 81  # steps between the candidates
_FRAMES: Final = 30  # per person, spread over the clip
_PEOPLE: Final = 4
_KEYPOINTS: Final = 10  # that a frame must show
_LEAST_FRAMES: Final = 5
_ROBUST: Final = 0.06  # of a person's size: how far off an exemplar's joint usually is
# `scripts/calibrate_field_of_view.py` measures these on the training split.
_BIAS: Final = 0.065
_SPREAD: Final = 0.10
_NOISE: Final = 3.2e-4
_WIDER: Final = 1.25  # people differ more than the calibration's do
_TOLD: Final = 0.85  # of the prior's spread: less is left once a clip told something


@dataclass(frozen=True, slots=True)
class FieldOfView:
    """An angle along the picture's longer side, and how sure it is; radians.

    More than half of true angles lie between `low` and `high` (docs/cameras.md). Where the clip does
    not tell (`told` is false) these are the prior's.
    """

    angle: float
    low: float
    high: float
    told: bool

    @property
    def note(self) -> str:
        """What was found or assumed, in words."""
        angle, low, high = (math.degrees(x) for x in (self.angle, self.low, self.high))
        if not self.told:
            return f"the clip does not tell the field of view: {angle:.1f} degrees assumed"
        return (
            f"field of view of {angle:.0f} degrees along the longer side estimated from people's "
            f"perspective, likely {low:.0f} to {high:.0f}"
        )


@dataclass(frozen=True, slots=True)
class Perspective:
    """By which share people look more in perspective than lifted, under each candidate.

    `slope` is 0 where it agrees, above where the true camera is nearer; `strength` is how much
    perspective there is to compare, per frame (squared shares of a person's size).
    """

    slope: Float[Tensor, " candidates"]
    strength: Float[Tensor, " candidates"]


def camera_for(
    people: Sequence[Motion[Pose2D]], image_size: tuple[int, int], choice: FieldOfViewChoice
) -> tuple[Camera, str]:
    """A camera for people of whose camera nothing is known, and in words what was assumed or found."""
    if choice == "prior":
        angle = math.degrees(DEFAULT_FOV)
        note = f"field of view of {angle:.1f} degrees along the longer side assumed, not known"
        return Camera.default(image_size), note
    found = estimate_field_of_view(people, image_size)
    return Camera.from_field_of_view(image_size, found.angle), found.note


def estimate_field_of_view(
    people: Sequence[Motion[Pose2D]], image_size: tuple[int, int]
) -> FieldOfView:
    """The field of view of a camera with square pixels, centred and without distortion.

    People (pixels of one picture of that size) count as independent, each of up to 30 frames; the
    first four are asked. Frames that show fewer than ten keypoints are not. Takes about a second.
    """
    lifter = _unwarped()
    logs = _log_focal(_candidates())
    fine = torch.linspace(float(logs[0]), float(logs[-1]), _FINE, dtype=torch.float64)
    evidence = -(fine.square()) / (2 * PRIOR**2)
    for person in people[:_PEOPLE]:
        found = perspective_of(person, image_size, lifter)
        if found is not None:
            evidence = evidence + _between(_likelihood_terms(found), logs, fine)
    share = evidence.softmax(0)
    mean = float((share * fine).sum())
    spread = float((share * (fine - mean).square()).sum().sqrt())
    if spread > _TOLD * PRIOR:
        return FieldOfView(DEFAULT_FOV, _angle(PRIOR), _angle(-PRIOR), told=False)
    wide = _WIDER * spread
    return FieldOfView(_angle(mean), _angle(mean + wide), _angle(mean - wide), told=True)


@lru_cache(maxsize=1)
def _unwarped() -> MatchingLifter:
    """Kept for the next clip: building its pictures takes longer than one estimate."""
    return MatchingLifter(options=MatchingOptions(warp=False))


def slope_at(found: Perspective, angle: float) -> tuple[float, float]:
    """Slope and strength of a perspective at an angle (radians) between the candidates."""
    logs = _log_focal(_candidates())
    place = _log_focal(torch.tensor([angle], dtype=torch.float64))
    slope, strength = (_between(x, logs, place) for x in (found.slope, found.strength))
    return float(slope), float(strength)


def perspective_of(
    person: Motion[Pose2D], image_size: tuple[int, int], lifter: MatchingLifter
) -> Perspective | None:
    """Of one person under each candidate; None where too few frames show enough of them."""
    pose = person.pose.to(LIFT_23)
    enough = torch.nonzero(pose.seen.sum(-1) >= _KEYPOINTS)[:, 0]
    if len(enough) < _LEAST_FRAMES:
        return None
    pick = enough[torch.linspace(0, len(enough) - 1, min(_FRAMES, len(enough))).round().long()]
    some = Pose2D(
        pose.keypoints[pick].double(), pose.confidence[pick].double(), LIFT_23, image_size
    )
    shown = Motion(some, person.fps, person.person, torch.ones(len(pick), dtype=torch.bool))
    cameras = [
        Camera.from_field_of_view(image_size, math.radians(angle), dtype=torch.float64)
        for angle in _CANDIDATES
    ]
    both = [_under(shown, camera, lifter) for camera in cameras]
    top, bottom = (torch.stack(part) for part in zip(*both, strict=True))
    strength = bottom / len(pick)
    return Perspective(top / bottom, strength) if bool((bottom > 0).all()) else None


def _under(
    shown: Motion[Pose2D], camera: Camera, lifter: MatchingLifter
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """Numerator and denominator of the slope, summed over frames, if that was the camera."""
    joints = lifter(shown, camera).pose.joints.double()
    rays = camera.rays(shown.pose.keypoints.nan_to_num())
    seen = shown.pose.seen & joints.isfinite().all(-1)
    return _slope_terms(joints, rays[..., :2] / rays[..., 2:], seen)


def _slope_terms(
    joints: Float[Tensor, "frames joints 3"],
    points: Float[Tensor, "frames joints 2"],
    seen: Bool[Tensor, "frames joints"],
) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """Regression of what is off in the picture on what perspective does to it.

    A joint x_j seen from Z lies at q_j = x_j / (Z + z_j) from the middle. If the true distance is
    Z (1 - k), and the size agrees, it lies at q_j (1 - k z_j / Z) about. Shift and size of each frame
    are left free; joints far off count less (Cauchy).
    """
    some = seen[..., None]
    joints, points = (torch.where(some, x, 1.0) for x in (joints, points))
    depth = joints[..., 2:]
    drawn = joints[..., :2] / depth
    flat = _centred(drawn, seen)
    size = torch.linalg.vector_norm(flat, dim=-1).sum(-1) / seen.sum(-1).clamp(min=1)
    size = size.clamp(min=1e-9)[:, None, None]
    flat = flat / size
    bent = _centred(flat * (depth - _mean(depth, seen)) / depth, seen)
    off = _centred((points - drawn) / size, seen)
    weight = 1 / (1 + (off / _ROBUST).square().sum(-1, keepdim=True))
    along = (weight * flat * flat).sum((-2, -1), keepdim=True).clamp(min=1e-9)
    bent, off = (
        x - flat * (weight * flat * x).sum((-2, -1), keepdim=True) / along for x in (bent, off)
    )
    return (weight * bent * off).sum(), (weight * bent * bent).sum()


def _mean(values: Tensor, seen: Tensor) -> Tensor:
    count = seen.sum(-1).clamp(min=1)[:, None, None]
    return torch.where(seen[..., None], values, 0.0).sum(-2, keepdim=True) / count


def _centred(values: Tensor, seen: Tensor) -> Tensor:
    """Less their mean over the seen joints of a frame; 0 at the others."""
    return torch.where(seen[..., None], values - _mean(values, seen), 0.0)


def _likelihood_terms(found: Perspective) -> Float[Tensor, " candidates"]:
    variance = _SPREAD**2 + _NOISE / found.strength
    return -(found.slope - _BIAS).square() / (2 * variance)


def _between(values: Tensor, places: Tensor, fine: Tensor) -> Tensor:
    """Straight lines between values at rising places."""
    after = torch.searchsorted(places, fine).clamp(1, len(places) - 1)
    share = (fine - places[after - 1]) / (places[after] - places[after - 1])
    return values[after - 1] + share * (values[after] - values[after - 1])


def _candidates() -> Float[Tensor, " candidates"]:
    return torch.tensor(_CANDIDATES, dtype=torch.float64).deg2rad()


def _log_focal(angle: Float[Tensor, " angles"]) -> Float[Tensor, " angles"]:
    """Log of the focal length over that of `DEFAULT_FOV`."""
    return (math.tan(DEFAULT_FOV / 2) / torch.tan(angle / 2)).log()


def _angle(log_focal: float) -> float:
    return 2 * math.atan(math.tan(DEFAULT_FOV / 2) * math.exp(-log_focal))
