"""Mirror symmetry, the shape space (PCA) and the joint regressor."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls
from scipy.spatial import cKDTree

from .layout import JOINT_COUNT, JOINT_NAMES, mirrored_joints

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

MIRROR = np.array([-1.0, 1.0, 1.0])
BETAS = 10


def mirror_map(vertices: Array) -> Ints:
    """Return for every vertex the index of its mirror image; refuse a mesh that has none."""
    distance, match = cKDTree(vertices).query(vertices * MIRROR)
    if distance.max() > 5e-4 or (match[match] != np.arange(len(match))).any():
        raise ValueError(
            f"expected a mirror-symmetric mesh, got a worst distance of {distance.max():.2e} m"
        )
    return np.asarray(match)


def symmetric(vertices: Array, mirror: Ints) -> Array:
    """Return the mean of bodies (..., V, 3) and their mirror images."""
    return np.asarray(0.5 * (vertices + vertices[..., mirror, :] * MIRROR))


def principal_shapes(bodies: Array) -> tuple[Array, Array, dict[str, float]]:
    """Return mean (V, 3), directions (V, 3, 10) in metres per standard deviation, and figures.

    A direction's sign is chosen so that a positive beta makes a taller body.
    """
    count = len(bodies)
    mean = bodies.mean(axis=0)
    centred = (bodies - mean).reshape(count, -1)
    values, vectors = np.linalg.eigh(centred @ centred.T)
    values, vectors = values[::-1], vectors[:, ::-1]
    chosen, spread = vectors[:, :BETAS], np.sqrt(values[:BETAS])
    basis = centred.T @ chosen / spread
    rest = centred - (centred @ basis) @ basis.T
    residual = np.linalg.norm(rest.reshape(count, -1, 3), axis=2)
    shapes = (basis * spread / np.sqrt(count - 1)).reshape(*mean.shape, BETAS)
    height = np.ptp(mean[:, 1])
    grow = np.array([np.ptp((mean + shapes[..., k])[:, 1]) - height for k in range(BETAS)])
    shapes *= np.where(grow < 0, -1.0, 1.0)
    explained = np.cumsum(values) / values.sum()
    figures = {f"explained_{k}": float(explained[k - 1]) for k in (1, 2, 3, 5, 10)}
    figures["residual_mean_mm"] = float(1e3 * residual.mean())
    figures["residual_max_mm"] = float(1e3 * residual.max())
    return mean, shapes, figures


def site_weights(
    bodies: Array, sites: Array, reaches: tuple[float, ...], limit: int = 240
) -> tuple[Ints, Array]:
    """Return non-negative weights on nearby vertices that give a site on every body.

    `bodies` (N, V, 3), `sites` (N, 3); the weights sum to 1. The smallest reach (metres) whose
    vertices surround the site well enough for a mean error of 1 mm is taken, else the best one.
    """
    found = []
    for reach in reaches:
        vertices, weights = _site_weights(bodies, sites, reach, limit)
        error = np.einsum("v,nvc->nc", weights, bodies[:, vertices]) - sites
        found.append((float(np.linalg.norm(error, axis=1).mean()), vertices, weights))
        if found[-1][0] < 1e-3:
            break
    _, vertices, weights = min(found, key=lambda item: item[0])
    return vertices, weights


def _site_weights(bodies: Array, sites: Array, reach: float, limit: int) -> tuple[Ints, Array]:
    """Pick among candidates thinned by farthest-point sampling (NNLS: Lawson and Hanson 1974)."""
    site = sites.mean(axis=0)
    distance = np.linalg.norm(bodies.mean(axis=0) - site, axis=1)
    near = np.flatnonzero(distance < max(reach, np.sort(distance)[60]))
    spread = _spread_out(bodies[0, near], int(distance[near].argmin()), min(limit, len(near)))
    candidates = near[spread]
    rows = bodies[:, candidates] - sites[:, None]
    anchor = np.full((1, len(candidates)), 30.0)
    # A small ridge spreads the weights, so that no joint hangs on two or three vertices.
    ridge = 2e-3 * np.sqrt(len(bodies)) * np.eye(len(candidates))
    left = np.concatenate([rows.transpose(0, 2, 1).reshape(-1, len(candidates)), ridge, anchor])
    right = np.zeros(len(left))
    right[-1] = anchor[0, 0]
    weights, _ = nnls(left, right, maxiter=20 * len(candidates))
    used = weights > 1e-4
    return candidates[used], weights[used] / weights[used].sum()


def _spread_out(points: Array, first: int, count: int) -> Ints:
    chosen = [first]
    nearest = np.full(len(points), np.inf)
    while len(chosen) < count:
        nearest = np.minimum(nearest, np.linalg.norm(points - points[chosen[-1]], axis=1))
        chosen.append(int(nearest.argmax()))
    return np.array(chosen)


def regressor(bodies: Array, joints: Array, mirror: Ints) -> Array:
    """Return a mirror-symmetric, local, non-negative joint regressor (24, V)."""
    out = np.zeros((JOINT_COUNT, bodies.shape[1]))
    partner = mirrored_joints()
    for j in range(JOINT_COUNT):
        if JOINT_NAMES[j].startswith("right"):
            continue
        vertices, weights = site_weights(bodies, joints[:, j], (0.11, 0.15, 0.19, 0.24))
        row = np.zeros(bodies.shape[1])
        row[vertices] = weights
        if partner[j] == j:
            row = 0.5 * (row + row[mirror])
        out[j] = row
        out[partner[j]] = row if partner[j] == j else row[mirror]
    return out


def regressor_error_mm(matrix: Array, bodies: Array, joints: Array) -> Array:
    """Return each joint's mean distance (24,) in mm between regressed and true positions."""
    error = np.einsum("jv,nvc->njc", matrix, bodies) - joints
    return np.asarray(1e3 * np.linalg.norm(error, axis=2).mean(axis=0))
