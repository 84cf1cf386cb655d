"""Whole poses regressed at people's centres.

Geng, Sun, Xiao, Zhang and Wang, Bottom-Up Human Pose Estimation via Disentangled Keypoint Regression
(DEKR, CVPR 2021), section 3: at each local maximum of the centre map (5 x 5 pixels) the offset maps
give a whole pose. Poses are scored by the heatmaps at their joints, and of poses that lie on each other
the best one stays.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float64
from numpy import ndarray
from torch import Tensor

from lift3d.decoders.checks import expect_shape, readable
from lift3d.decoders.peaks import find_peaks
from lift3d.decoders.people import People, sorted_people
from lift3d.decoders.sampling import bilinear
from lift3d.errors import InputError

__all__ = ["PoseSuppression", "decode_dekr"]


@dataclass(frozen=True, slots=True)
class PoseSuppression:
    """Centres above `threshold`, at most `most`; poses that are alike by `same` or more are one.

    Alike is the mean over joints of exp(-d^2 / 2 (tolerance size)^2), where size is the root of the
    area of the box around the better pose.
    """

    threshold: float = 0.01
    most: int = 30
    same: float = 0.5
    tolerance: float = 0.1

    def __post_init__(self) -> None:
        if not (0 < self.same <= 1 and self.tolerance > 0):
            raise InputError(
                f"expected same from above 0 to 1 and a tolerance above 0, got {self.same} and "
                f"{self.tolerance}: correct them"
            )


def decode_dekr(
    heatmaps: Float[Tensor, "joints_and_centre height width"],
    offsets: Float[Tensor, "joints 2 height width"],
    options: PoseSuppression | None = None,
) -> People:
    """The people of one picture.

    `heatmaps` are those of the joints and, last, that of people's centres. `offsets` (x, y in heat-map
    pixels) point from a centre's pixel to the joints; turn the sign where a network points the other
    way, as DEKR's own weights do. A joint's confidence is its heatmap's value there, 0 outside the map,
    where it is missing; a score is the centre's value times the joints' mean confidence.
    """
    options = options or PoseSuppression()
    maps = readable(heatmaps, "joints_and_centre height width")
    shifts = readable(offsets, "joints two height width", "offsets")
    expect_shape(shifts, (len(maps) - 1, 2, *maps.shape[1:]), "offsets", "heatmaps with a centre")
    centres = find_peaks(maps[-1:], options.threshold, options.most, window=5)
    values = maps.detach().cpu().numpy()
    away = shifts.detach().cpu().numpy()[..., centres.row, centres.column]
    points = (
        away.transpose(2, 0, 1).astype(np.float64)
        + np.stack([centres.column, centres.row], -1)[:, None]
    )
    confidence = _sampled(values[:-1], points)
    scores = confidence.mean(-1) * centres.points[:, 2]
    order = np.argsort(-scores, kind="stable")
    kept = order[_best_of_alike(points[order], options)]
    keypoints = np.concatenate([points, confidence[..., None]], -1)
    return sorted_people(keypoints[kept], scores[kept], maps)


def _sampled(
    maps: Float[ndarray, "joints height width"], points: Float64[ndarray, "people joints 2"]
) -> Float64[ndarray, "people joints"]:
    """Each joint's map at each person's joint; 0 outside the map."""
    height, width = maps.shape[1:]
    x, y = points[..., 0], points[..., 1]
    inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
    joint = np.arange(len(maps))[None]
    return np.where(
        inside, bilinear(maps, joint, np.where(inside, x, 0.0), np.where(inside, y, 0.0)), 0.0
    )


def _best_of_alike(
    points: Float64[ndarray, "people joints 2"], options: PoseSuppression
) -> list[int]:
    """Which poses stay, of poses with the best first."""
    sides = np.ptp(points, axis=1) if points.shape[1] else np.ones((len(points), 2))
    reach = options.tolerance * np.maximum(np.sqrt(sides.prod(-1)), 1.0)
    kept: list[int] = []
    for one in range(len(points)):
        squared = ((points[kept] - points[one]) ** 2).sum(-1)
        alike = np.exp(-squared / (2 * reach[kept, None] ** 2)).mean(-1)
        if not (alike >= options.same).any():
            kept.append(one)
    return kept
