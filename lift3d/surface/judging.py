"""How good surface maps are: GPS of points, and AP and AR of people, as DensePose-COCO counts them.

Truth is what people annotated: points with part, U and V (`capture.SurfacePoints`), and the person's
mask where there is one. `metrics.geodesic` has the formulas.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import torch
from jaxtyping import Bool, Float64, Int64
from numpy import ndarray
from torch import Tensor

from lift3d.capture import AnnotatedPerson, SurfacePoints
from lift3d.errors import InputError
from lift3d.metrics.geodesic import gps, gpsm, mask_iou
from lift3d.metrics.precision_recall import AveragePrecision, Judged, average_precision
from lift3d.surface.rulers import Ruler
from lift3d.surface.surface_map import SurfaceMap

__all__ = ["JudgedPicture", "TruePerson", "gps_of_map", "surface_ap"]

_MOST: Final = 20


@dataclass(frozen=True, slots=True)
class TruePerson:
    """An annotated person with the mask of the body over the box, where it is known."""

    person: AnnotatedPerson
    mask: Bool[ndarray, "rows columns"] | None = None


@dataclass(frozen=True, slots=True)
class JudgedPicture:
    """The people that are there, the maps that were found, and the picture's (height, width)."""

    truth: tuple[TruePerson, ...]
    found: tuple[SurfaceMap, ...]
    image_size: tuple[int, int]


def gps_of_map(points: SurfacePoints, surface: SurfaceMap, ruler: Ruler) -> float:
    """GPS of a map on annotated points: what it says at each one's pixel against what belongs there."""
    part, uv = _said_at(surface, points.pixels)
    seen = part > 0
    belongs, at = points.part.numpy().astype(np.int64), points.uv.double().numpy()
    distances = np.full(len(part), np.inf)
    distances[seen] = ruler.between(belongs[seen], at[seen], part[seen], uv[seen])
    return gps(distances, belongs)


def surface_ap(
    pictures: Iterable[JudgedPicture],
    ruler: Ruler,
    by: Literal["gps", "gpsm"] = "gpsm",
) -> AveragePrecision:
    """AP and AR over thresholds 0.5 to 0.95; of each picture the 20 best scored maps count.

    People without annotated points do not count. Raises `InputError` where "gpsm" is asked for and
    the mask of a person with points is not known.
    """
    return average_precision([_judged(one, ruler, by) for one in pictures])


def _judged(picture: JudgedPicture, ruler: Ruler, by: Literal["gps", "gpsm"]) -> Judged:
    found = sorted(picture.found, key=lambda one: -one.score)[:_MOST]
    table = np.zeros((len(found), len(picture.truth)))
    for column, true in enumerate(picture.truth):
        for row, one in enumerate(found):
            table[row, column] = _likeness(true, one, picture.image_size, ruler, by)
    people = [true.person for true in picture.truth]
    return Judged(
        table,
        np.array([one.score for one in found], dtype=np.float64),
        np.array([float(one.box[2:].prod()) for one in found], dtype=np.float64),
        np.array([person.area or float(person.box[2:].prod()) for person in people], np.float64),
        np.array([person.crowd for person in people], dtype=bool),
        np.array([person.surface is None for person in people], dtype=bool),
    )


def _likeness(
    true: TruePerson,
    found: SurfaceMap,
    image_size: tuple[int, int],
    ruler: Ruler,
    by: Literal["gps", "gpsm"],
) -> float:
    if true.person.surface is None:
        return 0.0
    similarity = gps_of_map(true.person.surface, found, ruler)
    if by == "gps":
        return similarity
    if true.mask is None:
        raise InputError(
            "expected the masks of people with points for GPSm, got none: count by gps"
        )
    mask = SurfaceMap(
        torch.from_numpy(true.mask.astype(np.int64)),
        torch.zeros(2, *true.mask.shape),
        true.person.box.float(),
    )
    seen = found.on_picture(image_size).seen.numpy()
    return gpsm(similarity, mask_iou(mask.on_picture(image_size).seen.numpy(), seen))


def _said_at(
    surface: SurfaceMap, pixels: Tensor
) -> tuple[Int64[ndarray, " points"], Float64[ndarray, "points 2"]]:
    """Part (0: nobody), U and V of the cells that pixels lie in."""
    rows, columns = surface.part.shape
    at = (pixels.double() + 0.5 - surface.box[:2]) / surface.box[2:]
    cell = (at * torch.tensor([columns, rows])).floor().long()
    inside = ((cell >= 0) & (cell < torch.tensor([columns, rows]))).all(-1)
    x, y = cell[:, 0].clamp(0, columns - 1), cell[:, 1].clamp(0, rows - 1)
    part = torch.where(inside, surface.part[y, x].long(), 0)
    return part.numpy(), surface.uv[:, y, x].T.double().numpy()
