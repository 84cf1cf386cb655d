"""Geodesic point similarity: how near on the body predicted surface points are to true ones.

As DensePose-COCO counts it (R. A. Gueler, N. Neverova, I. Kokkinos: DensePose, CVPR 2018; detectron2,
projects/DensePose/densepose/evaluation/densepose_coco_evaluation.py): a point at the geodesic
distance d (metres) from where it belongs scores exp(-d^2 / (2 kappa^2)), kappa by the coarse part it
belongs to; a point where nobody was seen scores 0. A person's GPS is the mean over the annotated points,
and GPSm the root of GPS times the overlap of the masks.
"""

from typing import TYPE_CHECKING, Final

import numpy as np
from jaxtyping import Bool, Float, Float64, Int64
from numpy import ndarray

from lift3d.errors import InputError
from lift3d.geometry.geodesics import geodesic_distances, surface_graph

if TYPE_CHECKING:
    from scipy.sparse import csr_array

__all__ = ["KAPPAS", "KAPPA_EVERYWHERE", "Geodesics", "gps", "gpsm", "mask_iou"]

_BY_COARSE_PART: Final = (0.351, 0.107, 0.126, 0.237, 0.173, 0.142, 0.128, 0.150)
_COARSE: Final = (0, 0, 1, 1, 2, 2, *(3,) * 4, *(4,) * 4, *(5,) * 4, *(6,) * 4, 7, 7)

KAPPAS: Final = tuple(_BY_COARSE_PART[coarse] for coarse in _COARSE)
"""Kappa (metres) of DensePose's parts 1 to 24: trunk, hands, feet, upper legs, lower legs, upper arms,
lower arms, head."""

KAPPA_EVERYWHERE: Final = 0.255
"""Kappa of the paper, and of continuous embeddings: 30 cm score one half."""

_FARTHEST: Final = 1.5
"""Metres after which a point scores less than 1 in 9,000 whatever its part: nobody looks further."""
_KEPT: Final = 2000


def gps(
    distances: Float[ndarray, " points"],
    part: Int64[ndarray, " points"] | None = None,
) -> float:
    """The similarity of one detection to one person; NaN without points.

    `distances` in metres, infinite where nobody was seen; `part` (1 to 24) is where the points belong.
    Without parts kappa is `KAPPA_EVERYWHERE`. Raises `InputError` for parts that are none.
    """
    if not len(distances):
        return float("nan")
    kappa = np.full(len(distances), KAPPA_EVERYWHERE)
    if part is not None:
        if part.shape != distances.shape or part.min() < 1 or part.max() > len(KAPPAS):
            raise InputError(
                f"expected a part from 1 to {len(KAPPAS)} for each of {len(distances)} distances, got "
                f"{len(part)} from {part.min()} to {part.max()}: give those of the true points"
            )
        kappa = np.asarray(KAPPAS)[part - 1]
    return float(np.exp(-(distances**2) / (2 * kappa**2)).mean())


def gpsm(similarity: float, overlap: float) -> float:
    """Geodesic point similarity with masks: sqrt(GPS IoU)."""
    return float(np.sqrt(similarity * overlap))


def mask_iou(a: Bool[ndarray, "height width"], b: Bool[ndarray, "height width"]) -> float:
    """Pixels in both masks by pixels in either; 0 where both are empty."""
    either = int((a | b).sum())
    return int((a & b).sum()) / either if either else 0.0


class Geodesics:
    """Distances over a body's surface between its vertices, worked out where they are asked for.

    They stop at 1.5 m, and are infinite beyond and between pieces without connection. Those of the
    2000 vertices asked for last are kept.
    """

    def __init__(
        self, vertices: Float64[ndarray, "vertices 3"], faces: Int64[ndarray, "faces 3"]
    ) -> None:
        """`vertices` of the body at rest, in metres."""
        self._graph: csr_array = surface_graph(vertices, faces)
        self._rows: dict[int, Float[ndarray, " vertices"]] = {}

    def between(
        self, a: Int64[ndarray, " points"], b: Int64[ndarray, " points"]
    ) -> Float64[ndarray, " points"]:
        """The distance of each vertex of `a` to that of `b`, in metres."""
        out = np.empty(len(a))
        for source in np.unique(a):
            out[a == source] = self._row(int(source))[b[a == source]]
        return out

    def _row(self, source: int) -> Float[ndarray, " vertices"]:
        row = self._rows.pop(source, None)
        if row is None:
            far = geodesic_distances(self._graph, np.array([source]), _FARTHEST)[0]
            row = far.astype(np.float32)
        self._rows[source] = row  # the last asked for is the last in the dict
        if len(self._rows) > _KEPT:
            del self._rows[next(iter(self._rows))]
        return row
