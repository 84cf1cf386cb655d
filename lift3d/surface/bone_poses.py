"""How each bone stands, read off a surface map: where poses start, and keypoints without a detector.

The skin that one bone carries is nearly rigid, and under a small angle it is seen by an affine map of
its rest places, pixel = A x + b: eight numbers, by linear least squares over the cells that show it. The
rows of A are two rows of the bone's rotation, scaled by focal length over depth (scaled orthography: C.
Tomasi and T. Kanade, Shape and motion from image streams, IJCV 1992); the third is their cross product.
Skin is curved, so that one look tells whether a limb points towards the camera or away from it, which
keypoints do not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from jaxtyping import Float64
from numpy import ndarray
from torch import Tensor

from lift3d.body import BodyParams
from lift3d.camera import Camera
from lift3d.errors import InputError
from lift3d.fitting import PoseGuess
from lift3d.geometry.rotations import axis_angle_from_rotmat
from lift3d.pose import Pose2D
from lift3d.protocols import BodyModel
from lift3d.surface.body_points import points_of_map, sites_of_points
from lift3d.surface.lookup import Lookup
from lift3d.surface.surface_map import SurfaceMap

__all__ = ["guess_of_maps", "keypoints_of_map"]

_MOST: Final = 4000
_OWN: Final = 0.6
"""The share of a place's skinning weight that a bone needs to count it as its own."""
_FEWEST: Final = 12
_RIDGE: Final = 1e-4
"""Of a bone's squared extent: holds directions that were not seen."""
_BLUR: Final = 0.004
"""How far skin moves against its bone (metres), beside what residuals show."""
_UNSURE: Final = 10.0
_SURE: Final = 0.02
"""How far off a keypoint of confidence 1/2 is, as a share of the person's size in the picture."""


@dataclass(frozen=True, slots=True)
class _Bones:
    """The affine maps of the bones (NaN: not seen) and the covariance of their coefficients."""

    coefficients: Float64[ndarray, "joints 4 2"]
    covariance: Float64[ndarray, "joints 4 4"]

    def at(self, bone: int, rest: Float64[ndarray, "3"]) -> tuple[ndarray, float]:
        """Where a place that rides on a bone is seen, and its variance."""
        row = np.append(rest, 1.0)
        return row @ self.coefficients[bone], float(row @ self.covariance[bone] @ row)


def keypoints_of_map(surface: SurfaceMap, lookup: Lookup, body: BodyModel) -> Pose2D:
    """The body's joints in the picture (pixels), from the skin around them; no camera is needed.

    A joint is the mean of where its own bone and its parent's say it is. Its confidence is 1/2 where
    it may be off by 2 % of the person's size; joints whose bones nobody sees are missing.
    """
    rest, joints = _rest(body)
    pixels, vertices, weights = _seen(surface, lookup)
    bones = _bones(pixels, vertices, weights, rest, body)
    size = float(np.hypot(*(pixels.max(0) - pixels.min(0)))) if len(pixels) else 1.0
    parents = body.skeleton.parents
    places = np.full((len(parents), 2), np.nan)
    confidence = np.zeros(len(parents))
    for joint, parent in enumerate(parents):
        said = [bones.at(bone, joints[joint]) for bone in {joint, parent} if bone >= 0]
        known = [(place, variance) for place, variance in said if np.isfinite(variance)]
        if known:
            share = np.array([1 / variance for _, variance in known])
            places[joint] = (np.stack([place for place, _ in known]) * share[:, None]).sum(0)
            places[joint] /= share.sum()
            confidence[joint] = 1 / (1 + 1 / share.sum() / (_SURE * size) ** 2)
    return Pose2D.from_detections(
        torch.from_numpy(places).float(),
        torch.from_numpy(confidence).float(),
        body.skeleton,
        surface.image_size,
    )


def guess_of_maps(
    maps: Sequence[SurfaceMap | None], lookup: Lookup, body: BodyModel, camera: Camera
) -> PoseGuess:
    """Poses to start a fit from, one for each map (None: nobody), for a body of mean shape.

    Bones that are not seen go on as their parents do, and count for nothing. Frames in which no bone
    is seen are NaN: no idea.
    """
    rest, joints = _rest(body)
    found = [_guess(one, lookup, body, camera, rest, joints) for one in maps]
    if not found:
        raise InputError("expected at least one map, got none: give one for each frame")
    turns, transl, std = (torch.stack(column).float() for column in zip(*found, strict=True))
    betas = torch.zeros(1, body.articulation.joints_shapedirs.shape[-1])
    return PoseGuess(BodyParams(betas, turns[:, 1:], turns[:, 0], transl), std)


def _guess(
    surface: SurfaceMap | None,
    lookup: Lookup,
    body: BodyModel,
    camera: Camera,
    rest: ndarray,
    joints: ndarray,
) -> tuple[Tensor, Tensor, Tensor]:
    count = len(joints)
    unknown = (torch.full((count, 3), torch.nan), torch.full((3,), torch.nan), torch.ones(count))
    if surface is None or not bool(surface.seen.any()):
        return unknown
    pixels, vertices, weights = _seen(surface, lookup)
    rays = camera.rays(torch.from_numpy(pixels).to(camera.intrinsics)).double().numpy()
    bones = _bones(rays[:, :2] / rays[:, 2:], vertices, weights, rest, body)
    turns = np.stack([_rotation(map_.T[:, :3]) for map_ in bones.coefficients])
    known = np.asarray(np.isfinite(turns).all((1, 2)))
    if not known.any():
        return unknown
    trunk = int(np.argmax(known))  # the pelvis, or what is nearest to it in the skeleton's order
    turns[0], known[0] = turns[trunk], True
    scale = np.linalg.norm(bones.coefficients[:, :3], axis=(1, 2)) / np.sqrt(2)
    depth = float(np.nanmedian(1 / scale))
    root = np.append(bones.at(trunk, joints[0])[0], 1.0) * depth
    local = torch.from_numpy(_locals(turns, known, body.skeleton.parents))
    std = torch.where(torch.from_numpy(known), 0.3, _UNSURE)
    return axis_angle_from_rotmat(local), torch.from_numpy(root - joints[0]), std


def _locals(turns: ndarray, known: ndarray, parents: tuple[int, ...]) -> ndarray:
    """Rotations in the parents' frames; bones that nobody saw follow their parents."""
    world = turns.copy()
    local = np.tile(np.eye(3), (len(turns), 1, 1))
    for bone, parent in enumerate(parents):
        if parent < 0:
            local[bone] = world[bone]
        elif known[bone]:
            local[bone] = world[parent].T @ world[bone]
        else:
            world[bone] = world[parent]
    return local


def _rest(body: BodyModel) -> tuple[Float64[ndarray, "vertices 3"], Float64[ndarray, "joints 3"]]:
    betas = torch.zeros(body.articulation.joints_shapedirs.shape[-1])
    still = torch.zeros(len(body.skeleton), 3)
    mesh = body(BodyParams(betas, still[1:], still[0], torch.zeros(3)))
    return mesh.vertices.double().numpy(), mesh.joints.double().numpy()


def _seen(surface: SurfaceMap, lookup: Lookup) -> tuple[ndarray, ndarray, ndarray]:
    """Pixels of the cells, and the vertices and weights of what they show."""
    points = points_of_map(surface, _MOST)
    sites = sites_of_points(points, lookup)
    return points.pixels.double().numpy(), sites.vertices.numpy(), sites.weights.double().numpy()


def _bones(
    places: Float64[ndarray, "points 2"],
    vertices: ndarray,
    weights: ndarray,
    rest: Float64[ndarray, "vertices 3"],
    body: BodyModel,
) -> _Bones:
    carried = body.surface.lbs_weights.double().numpy()
    share = (carried[vertices] * weights[..., None]).sum(1)
    at = (rest[vertices] * weights[..., None]).sum(1)
    count = share.shape[1]
    coefficients, covariance = np.full((count, 4, 2), np.nan), np.full((count, 4, 4), np.nan)
    for bone in range(count):
        own = share[:, bone] > _OWN
        if own.sum() >= _FEWEST:
            coefficients[bone], covariance[bone] = _affine(at[own], places[own])
    return _Bones(coefficients, covariance)


def _affine(
    rest: Float64[ndarray, "points 3"], seen: Float64[ndarray, "points 2"]
) -> tuple[Float64[ndarray, "4 2"], Float64[ndarray, "4 4"]]:
    """The map (x, 1) -> place, and the covariance of its coefficients for one coordinate."""
    middle, centre = rest.mean(0), seen.mean(0)
    x, y = rest - middle, seen - centre
    inner = x.T @ x
    inverse = np.linalg.inv(inner + _RIDGE * np.trace(inner) * np.eye(3))
    linear = inverse @ x.T @ y
    scale = float(np.linalg.norm(linear) / np.sqrt(2))
    off = float(np.square(y - x @ linear).sum(1).mean() / 2) + (_BLUR * scale) ** 2
    coefficients = np.concatenate([linear, (centre - middle @ linear)[None]])
    shift = np.eye(4)
    shift[3, :3] = -middle  # the constant belongs to x - middle
    spread = np.zeros((4, 4))
    spread[:3, :3] = inverse * off
    spread[3, 3] = off / len(rest)
    return coefficients, shift @ spread @ shift.T


def _rotation(linear: Float64[ndarray, "2 3"]) -> Float64[ndarray, "3 3"]:
    """The rotation whose first two rows are nearest to these, up to scale; NaN for NaN."""
    if not np.isfinite(linear).all():
        return np.full((3, 3), np.nan)
    left, _, right = np.linalg.svd(linear, full_matrices=False)
    rows = left @ right
    return np.concatenate([rows, np.cross(rows[0], rows[1])[None]])
