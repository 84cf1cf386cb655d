"""Finite in, finite out, and finite gradients, for every function of `lift3d.geometry`.

The drawn places and turns hold what breaks formulas: nothing at all, tiny and huge lengths, the same
point twice, angles of 0, half a turn and a whole one, points behind the camera and in its centre.
"""

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Final

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from torch import Tensor

import lift3d.geometry
from lift3d.geometry import (
    alignment,
    closest,
    contacts,
    filters,
    geodesics,
    kinematics,
    planes,
    projection,
    rays,
    rigid,
    rotations,
    skinning,
    smoothing,
    triangulation,
)
from tests.helpers.hard_numbers import COUNT, Draw, draws

NAMES: Final = ("left_ankle", "left_heel", "right_ankle", "right_heel", "pelvis", "head")
PARENTS: Final = (-1, 0, 1, 2, 0, 4)


CAMERA = torch.tensor([[900.0, 0, 500], [0, 900, 400], [0, 0, 1]], dtype=torch.float64)
LENS = torch.tensor([-0.1, 0.02, 0.001, -0.001, 0.0], dtype=torch.float64)


def quat(d: Draw) -> Tensor:
    return rotations.quat_wxyz_from_axis_angle(d.turns)


def seen(d: Draw) -> Tensor:
    """Points before the camera, as pixels of it have."""
    return torch.cat([d.points[:, :2], d.points[:, 2:].abs() + 0.1], -1)


def apart(d: Draw) -> Tensor:
    """Rays of which no two are the same, as the contract asks for."""
    across = torch.linspace(-0.5, 0.5, COUNT, dtype=d.points.dtype)[:, None]
    rays = torch.cat([across, across.square(), torch.ones_like(across)], -1)
    return rays / rays.norm(dim=-1, keepdim=True)


def covariances(d: Draw) -> Tensor:
    return torch.eye(3, dtype=d.points.dtype).expand(COUNT, 3, 3) * 1e-4


FLAT: Final = torch.tensor([[0, 1, 2], [3, 4, 5]])

# A function of lift3d.geometry that is not named here fails a test.
SMOOTH: Final[Mapping[str, Callable[[Draw], Any]]] = {
    "rotations.skew": lambda d: rotations.skew(d.points),
    "rotations.rotmat_from_axis_angle": lambda d: rotations.rotmat_from_axis_angle(d.turns),
    "rotations.quat_wxyz_from_axis_angle": quat,
    "rotations.axis_angle_from_quat_wxyz": lambda d: rotations.axis_angle_from_quat_wxyz(quat(d)),
    "rotations.rotmat_from_quat_wxyz": lambda d: rotations.rotmat_from_quat_wxyz(quat(d)),
    "rotations.quat_wxyz_from_rotmat": lambda d: rotations.quat_wxyz_from_rotmat(d.rotmats),
    "rotations.axis_angle_from_rotmat": lambda d: rotations.axis_angle_from_rotmat(d.rotmats),
    "rotations.rot6d_from_rotmat": lambda d: rotations.rot6d_from_rotmat(d.rotmats),
    "rotations.rotmat_from_rot6d": lambda d: rotations.rotmat_from_rot6d(
        torch.cat([d.points, d.points.flip(0)], -1)
    ),
    "rotations.rotation_angle": lambda d: rotations.rotation_angle(d.rotmats),
    "rotations.rotmat_between": lambda d: rotations.rotmat_between(d.unit, d.unit.flip(0)),
    "rigid.rigid_from": lambda d: rigid.rigid_from(d.rotmats, d.points),
    "rigid.inverse_rigid": lambda d: rigid.inverse_rigid(rigid.rigid_from(d.rotmats, d.points)),
    "rigid.transform_points": lambda d: rigid.transform_points(
        rigid.rigid_from(d.rotmats, d.points), d.points[None].expand(COUNT, COUNT, 3)
    ),
    "projection.distort": lambda d: projection.distort(d.unit[:, :2], LENS.to(d.points.dtype)),
    "projection.undistort": lambda d: projection.undistort(
        d.unit[:, :2] / 2, LENS.to(d.points.dtype)
    ),
    "rays.rays_from_pixels": lambda d: rays.rays_from_pixels(
        d.points[:, :2], CAMERA.to(d.points.dtype)
    ),
    "rays.virtual_from_camera": lambda d: rays.virtual_from_camera(d.unit),
    "kinematics.forward_kinematics": lambda d: kinematics.forward_kinematics(
        d.rotmats, d.points, PARENTS
    ),
    "skinning.linear_blend_skinning": lambda d: skinning.linear_blend_skinning(
        d.points, torch.softmax(d.points @ d.points.mT, -1), d.rotmats, d.points, d.points.flip(0)
    ),
    "smoothing.fill_gaps": lambda d: smoothing.fill_gaps(d.points, d.weights),
    "smoothing.smooth_gaussian": lambda d: smoothing.smooth_gaussian(
        d.points,
        d.weights.clamp(min=1e-6),
        2.0,  # a series without any weight is NaN by contract
    ),
    "closest.closest_on_triangles": lambda d: closest.closest_on_triangles(
        d.points, d.points.flip(0)[FLAT].repeat(3, 1, 1)
    ),
    "contacts.soles": lambda d: contacts.soles(NAMES, d.points[None].expand(4, COUNT, 3)),
    "projection.pixels_from_points": lambda d: projection.pixels_from_points(
        seen(d), CAMERA.to(d.points.dtype), LENS.to(d.points.dtype)
    ),
    "rays.root_from_rays": lambda d: rays.root_from_rays(
        d.points, apart(d), d.weights.clamp(min=1e-6)
    ),
}
"""Whose gradients are finite too."""

FAN: Final = np.array([[0, 1, 2], [0, 2, 3], [0, 3, 4], [0, 4, 5]])


def surface(d: Draw) -> Any:
    """A small mesh through the drawn points: without an area, folded, with corners on each other."""
    return geodesics.surface_graph(d.points.double().numpy()[:COUNT], FAN)


STEPS: Final[Mapping[str, Callable[[Draw], Any]]] = {
    # Two points on each other are 0 apart, which a sparse graph takes for no way at all.
    "geodesics.geodesic_distances": lambda d: torch.from_numpy(
        geodesics.geodesic_distances(surface(d), np.array([0]))
    ).nan_to_num(posinf=0.0),
    "geodesics.surface_graph": lambda d: torch.from_numpy(surface(d).data),
    # The best rotation jumps where singular values meet: it has no gradient there.
    "alignment.procrustes_align": lambda d: alignment.procrustes_align(d.points, d.turns),
    "alignment.procrustes": lambda d: alignment.procrustes(d.points, d.turns, d.weights),
    "triangulation.triangulate_rays": lambda d: triangulation.triangulate_rays(
        d.points, d.unit[:, None], d.weights[:, None]
    ).nan_to_num(),  # nothing known of a point is NaN by contract
    "closest.closest_on_mesh": lambda d: closest.closest_on_mesh(d.points, d.points, FLAT),
    "contacts.foot_points": lambda _: contacts.foot_points(NAMES, "left"),
    "contacts.find_contacts": lambda d: contacts.find_contacts(
        NAMES, d.points[None].expand(4, COUNT, 3), 30.0, d.unit[0]
    ),
    "contacts.runs": lambda d: contacts.runs(d.weights > 0),
    "contacts.contact_speed": lambda d: contacts.contact_speed(
        NAMES, d.points[None].expand(4, COUNT, 3), torch.ones(4, 2, dtype=torch.bool), 30.0
    ),
    "planes.fit_ground": lambda d: planes.fit_ground(d.points, d.unit[0]),
    "filters.one_euro": lambda d: filters.one_euro(d.points, 30.0),
    "filters.one_euro_step": lambda d: [
        filters.one_euro_step(
            filters.OneEuro(),
            filters.OneEuroState(d.points, d.turns, torch.zeros_like(d.points[:, :1])),
            d.turns,
            seconds,
        )
        for seconds in (0.0, 1 / 30, 1e4)
    ],
    "filters.kalman_step": lambda d: filters.kalman_step(
        filters.PointModel(), None, d.points, covariances(d), 1 / 30
    ),
    "filters.kalman_filter": lambda d: filters.kalman_filter(d.points, covariances(d), 30.0),
    "filters.kalman_smooth": lambda d: filters.kalman_smooth(d.points, covariances(d), 30.0),
}
"""Decisions, filters and searches: finite numbers, no gradients promised."""


def public_functions() -> set[str]:
    found: set[str] = set()
    for module in pkgutil.iter_modules(lift3d.geometry.__path__):
        if module.name in ("compiled", "raster"):  # a decorator, and kernels on arrays of pixels
            continue
        loaded = importlib.import_module(f"lift3d.geometry.{module.name}")
        for name in loaded.__all__:
            if inspect.isfunction(getattr(loaded, name)):
                found.add(f"{module.name}.{name}")
    return found


def tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, float):
        yield torch.tensor(value)
    elif is_dataclass(value):
        for each in fields(value):
            yield from tensors(getattr(value, each.name))
    elif isinstance(value, list | tuple):
        for each in value:
            yield from tensors(each)


def test_every_function_of_geometry_has_a_property() -> None:
    assert public_functions() == {*SMOOTH, *STEPS}


@pytest.mark.parametrize("name", [*SMOOTH, *STEPS])
@settings(max_examples=25, deadline=None)
@given(drawn=draws())
def test_finite_in_finite_out(name: str, drawn: Draw) -> None:
    for out in tensors((SMOOTH | STEPS)[name](drawn)):
        assert out.isfinite().all(), name


@pytest.mark.parametrize("name", SMOOTH)
@settings(max_examples=25, deadline=None)
@given(drawn=draws())
def test_gradients_are_finite(name: str, drawn: Draw) -> None:
    points, turns = drawn.points.requires_grad_(), drawn.turns.requires_grad_()
    total = sum(out.sum() for out in tensors(SMOOTH[name](Draw(points, turns, drawn.weights))))
    if not isinstance(total, Tensor) or not total.requires_grad:
        return
    for grad in torch.autograd.grad(total, (points, turns), allow_unused=True):
        assert grad is None or grad.isfinite().all(), name
