"""How far apart points of the charts are on the body, in metres along the skin.

Either worked out on a body (`ruler_of`), or from DensePose's own tables (`read_densepose_ruler`), for
those who hold them.
"""

from dataclasses import dataclass
from os import PathLike
from typing import Final, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64, Int64
from numpy import ndarray
from scipy.spatial import cKDTree

from lift3d.body import BodyParams
from lift3d.io.files.safe_pickle import read_pickle
from lift3d.metrics.geodesic import Geodesics
from lift3d.protocols import BodyModel
from lift3d.surface.densepose_tables import mat_variables, refused
from lift3d.surface.lookup import Lookup
from lift3d.surface.surface_map import PARTS

__all__ = ["BodyRuler", "Ruler", "TableRuler", "read_densepose_ruler", "ruler_of"]

Parts = Int64[ndarray, " points"]
Uv = Float64[ndarray, "points 2"]

_PAIRS_BYTES: Final = 4 << 30


@runtime_checkable
class Ruler(Protocol):
    """Distances between points of the charts: metres, infinite where a part is not known."""

    def between(
        self, part_a: Parts, uv_a: Uv, part_b: Parts, uv_b: Uv
    ) -> Float64[ndarray, " points"]: ...


@dataclass(frozen=True, slots=True)
class BodyRuler:
    """Distances between the vertices nearest to the points, on a body at rest."""

    lookup: Lookup
    geodesics: Geodesics

    def between(
        self, part_a: Parts, uv_a: Uv, part_b: Parts, uv_b: Uv
    ) -> Float64[ndarray, " points"]:
        (a, known_a), (b, known_b) = self._vertices(part_a, uv_a), self._vertices(part_b, uv_b)
        return np.where(known_a & known_b, self.geodesics.between(a, b), np.inf)

    def _vertices(self, part: Parts, uv: Uv) -> tuple[Int64[ndarray, " points"], ndarray]:
        found = self.lookup.places(part, uv)
        corner = found.barycentric.argmax(1)
        return self.lookup.atlas.faces[found.faces, corner].astype(np.int64), found.faces >= 0


def ruler_of(body: BodyModel, lookup: Lookup) -> BodyRuler:
    """Distances on the body of mean shape; a second of work, worth keeping."""
    still = torch.zeros(len(body.skeleton), 3)
    betas = torch.zeros(body.articulation.joints_shapedirs.shape[-1])
    rest = body(BodyParams(betas, still[1:], still[0], still[0])).vertices
    faces = lookup.atlas.faces.astype(np.int64)
    return BodyRuler(lookup, Geodesics(rest.double().numpy(), faces))


class TableRuler:
    """Distances of all pairs of some vertices in a table, found by what is nearest in U and V.

    `row` says which row of the table each vertex has, -1 for none. Pair (i, j) with i > j stands at
    i (i - 1) / 2 + j of `pairs` (metres).
    """

    def __init__(
        self,
        part: Parts,
        uv: Uv,
        row: Int64[ndarray, " points"],
        pairs: Float[ndarray, " pairs"],
    ) -> None:
        self._row, self._pairs = row, pairs
        self._own = {k: np.flatnonzero(part == k) for k in range(1, PARTS + 1)}
        self._trees = {k: cKDTree(uv[own]) for k, own in self._own.items() if len(own)}

    def between(
        self, part_a: Parts, uv_a: Uv, part_b: Parts, uv_b: Uv
    ) -> Float64[ndarray, " points"]:
        """See `Ruler`."""
        a, b = self._rows(part_a, uv_a), self._rows(part_b, uv_b)
        high, low = np.maximum(a, b), np.minimum(a, b)
        out = np.where(high == low, 0.0, np.inf)
        apart: Bool[ndarray, " points"] = (low >= 0) & (high > low)
        out[apart] = self._pairs[high[apart] * (high[apart] - 1) // 2 + low[apart]]
        return np.where(low >= 0, out, np.inf)

    def _rows(self, part: Parts, uv: Uv) -> Int64[ndarray, " points"]:
        out = np.full(len(part), -1, np.int64)
        for k, tree in self._trees.items():
            here = part == k
            if here.any():
                out[here] = self._row[self._own[k][tree.query(uv[here])[1]]]
        return out


def read_densepose_ruler(
    vertices: str | PathLike[str], rows: str | PathLike[str], distances: str | PathLike[str]
) -> TableRuler:
    """DensePose's own distances: `SMPL_subdiv.mat`, `SMPL_SUBDIV_TRANSFORM.mat`, `Pdist_matrix.pkl`.

    The first has part, U and V of SMPL's vertices with each triangle in four (`Part_ID_subdiv`,
    `U_subdiv`, `V_subdiv`), the second their rows from 1 (`index`), the third the pairs (metres).
    The files are large: a few gigabytes of memory. Raises `FileFormatError`; nothing in them is run.
    """
    charts = mat_variables(vertices, ("Part_ID_subdiv", "U_subdiv", "V_subdiv"))
    index = mat_variables(rows, ("index",))["index"]
    pairs = read_pickle(distances, limit_bytes=_PAIRS_BYTES)
    if not isinstance(pairs, ndarray) or pairs.dtype.kind != "f":
        raise refused(distances, "an array of distances", type(pairs).__name__)
    try:
        part = np.asarray(charts["Part_ID_subdiv"], np.int64).ravel()
        uv = np.stack([np.asarray(charts[k], float).ravel() for k in ("U_subdiv", "V_subdiv")], -1)
        row = np.asarray(index, np.int64).ravel() - 1
    except (ValueError, TypeError) as error:
        raise refused(vertices, "part, U and V of vertices", error) from error
    count = int(row.max(initial=-1)) + 1
    if not len(part) == len(uv) == len(row) or pairs.size < count * (count - 1) // 2:
        raise refused(
            distances, f"{count * (count - 1) // 2} distances of {len(part)} vertices", pairs.size
        )
    return TableRuler(part, uv, np.maximum(row, -1), pairs.ravel())
