"""The nearest place on a triangle mesh to each of many points."""

from typing import Final

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

__all__ = ["closest_on_mesh", "closest_on_triangles"]

_CANDIDATES: Final = 24
"""Triangles tried per point, by the distance of their middle."""


def closest_on_triangles(
    points: Float[Tensor, "*batch 3"], corners: Float[Tensor, "*batch 3 3"]
) -> Float[Tensor, "*batch 3"]:
    """Barycentric weights of the place on each triangle that is nearest to its point.

    The foot of the perpendicular where it lies inside, else the nearest place on the three edges;
    triangles without area work as the segments that they are.
    """
    a = corners[..., 0, :]
    u, v = corners[..., 1, :] - a, corners[..., 2, :] - a
    w = points - a
    uu, uv, vv = (u * u).sum(-1), (u * v).sum(-1), (v * v).sum(-1)
    wu, wv = (w * u).sum(-1), (w * v).sum(-1)
    area = uu * vv - uv * uv
    safe = torch.where(area > 1e-20, area, torch.ones_like(area))
    s, t = (vv * wu - uv * wv) / safe, (uu * wv - uv * wu) / safe
    inside = (s >= 0) & (t >= 0) & (s + t <= 1) & (area > 1e-20)
    plane = torch.stack([1 - s - t, s, t], -1)
    edges = [_on_edge(points, corners, edge) for edge in ((0, 1), (1, 2), (2, 0))]
    places = torch.stack([torch.where(inside[..., None], plane, edges[0]), *edges], -2)
    # Rounding moves the foot in a sliver anywhere inside it: it has to be nearer than the edges.
    away = (places @ corners - points[..., None, :]).square().sum(-1)
    index = away.argmin(-1)[..., None, None].expand(*area.shape, 1, 3)
    return places.gather(-2, index)[..., 0, :]


def _on_edge(points: Tensor, corners: Tensor, edge: tuple[int, int]) -> Tensor:
    start, along = corners[..., edge[0], :], corners[..., edge[1], :] - corners[..., edge[0], :]
    length = (along * along).sum(-1)
    share = ((points - start) * along).sum(-1) / length.clamp(min=1e-20)
    share = share.clamp(0, 1)
    out = torch.zeros_like(corners[..., 0])
    out[..., edge[0]], out[..., edge[1]] = 1 - share, share
    return out


def closest_on_mesh(
    points: Float[Tensor, "points 3"],
    vertices: Float[Tensor, "vertices 3"],
    faces: Int[Tensor, "faces 3"],
    normals: Float[Tensor, "points 3"] | None = None,
) -> tuple[Int[Tensor, " points"], Float[Tensor, "points 3"], Float[Tensor, " points"]]:
    """Triangle, barycentric weights and distance (metres) of the nearest place on a mesh.

    With `normals`, triangles that face more than 90 degrees away from a point's normal do not count,
    so that a thumb does not land on the other side of a thigh; where all candidates face away, the
    nearest one is taken with infinite distance. Triangles are found by their middles, which is exact
    as long as neighbours are of like size.
    """
    from scipy.spatial import KDTree  # a quarter of a second, which `import lift3d` need not pay

    corners = vertices[faces]
    tree = KDTree(corners.mean(1).numpy())
    count = min(_CANDIDATES, len(faces))
    found = np.asarray(tree.query(points.numpy(), k=count)[1]).reshape(len(points), count)
    candidates = torch.from_numpy(found)
    near = corners[candidates]
    weights = closest_on_triangles(points[:, None].expand(-1, count, 3), near)
    distance = ((weights[..., None] * near).sum(-2) - points[:, None]).norm(dim=-1)
    penalty = torch.zeros_like(distance)
    if normals is not None:
        across = torch.linalg.cross(
            near[..., 1, :] - near[..., 0, :], near[..., 2, :] - near[..., 0, :]
        )
        penalty[(across * normals[:, None]).sum(-1) <= 0] = torch.inf
    best = (distance + penalty).argmin(-1)
    rows = torch.arange(len(points))
    return candidates[rows, best], weights[rows, best], (distance + penalty)[rows, best]
