"""When feet stand, from where they are: slow, and near the lowest places they reach."""

import math
from typing import Final

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lift3d.geometry.smoothing import smooth_gaussian

__all__ = ["FEET", "contact_speed", "find_contacts", "foot_points", "runs", "soles"]

FEET: Final = ("left", "right")
_SOLES: Final = ("foot", "heel", "big_toe", "ankle")
_SLOW: Final = 0.35  # metres per second: a standing foot with what trembling smoothing leaves
_LOW: Final = 0.06  # metres above where this foot lies when it lies lowest
_SMOOTH: Final = 0.1  # seconds


def foot_points(names: tuple[str, ...], side: str) -> list[int]:
    """The points of a foot's sole among the body's points."""
    wanted = [f"{side}_{part}" for part in _SOLES]
    return [names.index(name) for name in wanted if name in names]


def soles(
    names: tuple[str, ...], places: Float[Tensor, "frames points 3"]
) -> Float[Tensor, "frames feet 3"]:
    """The middle of each foot's points; NaN where one of them is missing or there are none."""
    feet = [places[:, foot_points(names, side)].mean(1) for side in FEET]
    return torch.stack(feet, 1)


def find_contacts(
    names: tuple[str, ...],
    places: Float[Tensor, "frames points 3"],
    fps: float,
    up: Float[Tensor, "3"],
    *,
    slow: float = _SLOW,
    around: float = math.inf,
    along: float = 1.0,
) -> Bool[Tensor, "frames feet"]:
    """Frames in which the left and the right foot stand: slow, and near its lowest places.

    `places` in metres; frames that are NaN have no contact. Runs of a single frame do not count.
    Slow is below `slow` (m/s). The lowest places are each foot's own of the whole clip, or with a
    finite `around` (seconds) those of both feet that long before and after, which also holds where
    `up` is a little wrong and the way long. Motion towards the origin counts by the share `along`:
    less for what a camera there saw, which tells distances badly.
    """
    contacts = torch.zeros(len(places), len(FEET), dtype=torch.bool)
    if len(places) < 3:
        return contacts
    calm, known = _calm_feet(names, places, fps)
    height = torch.where(known, calm @ up.to(calm), torch.nan)
    ground = _ground(height, around * fps)
    for foot in range(len(FEET)):
        if int(known[:, foot].sum()) >= 3:
            ray = torch.nn.functional.normalize(calm[:, foot], dim=-1)
            step = torch.gradient(calm[:, foot], dim=0)[0]
            step = step - (1 - along) * (step * ray).sum(-1, keepdim=True) * ray
            speed = torch.linalg.vector_norm(step, dim=-1) * fps
            on = known[:, foot] & (speed < slow) & (height[:, foot] < ground[:, foot] + _LOW)
            contacts[:, foot] = _without_single(on)
    return contacts


def _calm_feet(
    names: tuple[str, ...], places: Tensor, fps: float
) -> tuple[Float[Tensor, "frames feet 3"], Bool[Tensor, "frames feet"]]:
    feet = soles(names, places)
    known = feet.isfinite().all(-1)
    return smooth_gaussian(feet, known.to(feet), _SMOOTH * fps), known


def _ground(height: Float[Tensor, "frames feet"], reach: float) -> Float[Tensor, "frames feet"]:
    if not math.isfinite(reach):
        return height.nanquantile(0.05, 0).expand_as(height)
    low = torch.where(height.isfinite(), height, torch.inf).amin(1)
    size = 2 * min(round(reach), len(low)) + 1
    lowest = -torch.nn.functional.max_pool1d(-low[None, None], size, 1, size // 2)[0, 0]
    return lowest[:, None].expand_as(height)


def _without_single(on: Tensor) -> Tensor:
    padded = torch.cat([on.new_zeros(1), on, on.new_zeros(1)])
    return on & (padded[:-2] | padded[2:])


def runs(on: Bool[Tensor, " frames"]) -> list[slice]:
    """Unbroken runs of frames."""
    steps = torch.diff(torch.cat([on.new_zeros(1), on, on.new_zeros(1)]).int())
    starts, stops = torch.nonzero(steps == 1)[:, 0], torch.nonzero(steps == -1)[:, 0]
    return [slice(int(a), int(b)) for a, b in zip(starts, stops, strict=True)]


def contact_speed(
    names: tuple[str, ...],
    places: Float[Tensor, "frames points 3"],
    contacts: Bool[Tensor, "frames feet"],
    fps: float,
) -> float:
    """How fast standing feet slide, in metres per second, in the mean; 0 where none stands."""
    speeds: list[Tensor] = []
    for foot, side in enumerate(FEET):
        step = torch.diff(places[:, foot_points(names, side)], dim=0).norm(dim=-1).mean(1) * fps
        speeds.append(step[contacts[1:, foot] & contacts[:-1, foot] & step.isfinite()])
    both = torch.cat(speeds)
    return float(both.mean()) if len(both) else 0.0
