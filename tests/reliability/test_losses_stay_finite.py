"""Losses and metrics of hard numbers are finite, with gradients; what is masked may be anything."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Final

import pytest
import torch
from hypothesis import given, settings
from torch import Tensor

from lift3d import losses, metrics
from lift3d.body import BodyParams
from lift3d.camera import Camera
from lift3d.errors import InputError
from lift3d.losses import Term
from lift3d.skeleton import Skeleton
from lift3d_body_models import DefaultBody
from tests.helpers.hard_numbers import COUNT, Draw, draws

CHAIN: Final = Skeleton("chain", tuple("abcdef"), (-1, 0, 1, 2, 3, 4))
ALL: Final = torch.ones(COUNT, dtype=torch.bool)
PINHOLE: Final = torch.tensor([[900.0, 0, 500], [0, 900, 400], [0, 0, 1]])


def spread(d: Draw) -> Tensor:
    """A covariance for each joint, from almost nothing to a metre."""
    eye = torch.eye(3, dtype=d.points.dtype)
    return eye * (d.weights.square() + 1e-6)[:, None, None]


def scales(d: Draw) -> Tensor:
    return (d.weights + 1e-3)[:, None].expand(COUNT, 3)


LOSSES: Final[Mapping[str, Callable[[Draw, Tensor], Any]]] = {
    "bone": lambda d, m: losses.bone(d.points, d.turns, m, CHAIN),
    "bones_from_joints": lambda d, _: losses.bones_from_joints(d.points, CHAIN),
    "compositional": lambda d, m: losses.compositional(d.points, d.turns, m),
    "gaussian_nll": lambda d, m: losses.gaussian_nll(d.points, d.turns, spread(d), m),
    "joint_bone": lambda d, m: losses.joint_bone(d.points, d.turns, m),
    "joint_values": lambda d, m: losses.joint_values(d.points, d.turns, m),
    "joints_from_bones": lambda d, _: losses.joints_from_bones(d.points, CHAIN),
    "laplace_nll": lambda d, m: losses.laplace_nll(d.points, d.turns, scales(d), m),
    "mean_of": lambda d, m: losses.mean_of(d.points[:, 0], m),
    "mpjpe_loss": lambda d, m: losses.mpjpe_loss(d.points, d.turns, m),
    "ohkm": lambda d, m: losses.ohkm(d.points[:, 0], m, 3),
    "reprojection": lambda d, m: losses.reprojection(
        d.points, d.turns[:, :2], PINHOLE.to(d.points), m
    ),
    "squared": lambda d, m: losses.squared(d.points, d.turns, m),
}
METRICS: Final[Mapping[str, Callable[[Draw], Any]]] = {
    "mpjpe": lambda d: metrics.mpjpe(d.points, d.turns, ALL),
    "n_mpjpe": lambda d: metrics.n_mpjpe(d.points, d.turns, ALL),
    "pa_mpjpe": lambda d: metrics.pa_mpjpe(d.points, d.turns, ALL),
    "pck_3d": lambda d: metrics.pck_3d(d.points, d.turns, ALL),
    "auc_3d": lambda d: metrics.auc_3d(d.points, d.turns, ALL),
    "mpjve": lambda d: metrics.mpjve(d.points[:, None], d.turns[:, None], ALL[:, None]),
    "acceleration_error": lambda d: metrics.acceleration_error(
        d.points[:, None], d.turns[:, None], ALL[:, None]
    ),
    "bone_lengths": lambda d: metrics.bone_lengths(d.points, ALL, CHAIN.bones),
    "pve": lambda d: metrics.pve(d.points, d.turns, d.points[0], d.turns[0]),
}


def total(found: Any) -> Tensor:
    value = found.mean if isinstance(found, Term) else found
    assert isinstance(value, Tensor)
    return value.sum()


def test_every_loss_has_a_property() -> None:
    functions = {n for n in losses.__all__ if inspect.isfunction(getattr(losses, n))}
    assert functions == set(LOSSES)


@pytest.mark.parametrize("name", LOSSES)
@settings(max_examples=25, deadline=None)
@given(drawn=draws())
def test_losses_and_their_gradients_are_finite(name: str, drawn: Draw) -> None:
    points = drawn.points.requires_grad_()
    loss = total(LOSSES[name](Draw(points, drawn.turns, drawn.weights), ALL))
    assert loss.isfinite()
    (grad,) = torch.autograd.grad(loss, points, allow_unused=True)
    assert grad is None or grad.isfinite().all()


@pytest.mark.parametrize("name", sorted(set(LOSSES) - {"bones_from_joints", "joints_from_bones"}))
@settings(max_examples=15, deadline=None)
@given(drawn=draws())
def test_what_is_masked_may_be_nan(name: str, drawn: Draw) -> None:
    mask = drawn.weights > 0.1
    points = torch.where(mask[:, None], drawn.points, torch.nan).requires_grad_()
    loss = total(LOSSES[name](Draw(points, drawn.turns, drawn.weights), mask))
    assert loss.isfinite()
    (grad,) = torch.autograd.grad(loss, points, allow_unused=True)
    assert grad is None or grad.isfinite().all()


@pytest.mark.parametrize("name", METRICS)
@settings(max_examples=25, deadline=None)
@given(drawn=draws())
def test_metrics_are_finite(name: str, drawn: Draw) -> None:
    found = METRICS[name](drawn)
    assert torch.as_tensor(found).isfinite().all()


@settings(max_examples=10, deadline=None)
@given(drawn=draws())
def test_cameras_give_finite_pixels_or_nan_behind_them(drawn: Draw) -> None:
    camera = Camera.from_intrinsics((800, 1000), 900.0)
    pixels = camera.project(drawn.points.float())
    before = drawn.points[:, 2] > 0.05
    assert pixels[before].isfinite().all()


@settings(max_examples=10, deadline=None)
@given(drawn=draws())
def test_bodies_in_any_pose_are_finite(drawn: Draw) -> None:
    turns = drawn.turns.float()
    pose = turns[None, torch.arange(23) % COUNT]
    betas = drawn.weights.float()[None].repeat(1, 2)[:, :10]
    params = BodyParams(betas, pose, turns[:1], drawn.points[:1].float())
    mesh = DefaultBody()(params)
    assert mesh.vertices.isfinite().all()
    assert mesh.joints.isfinite().all()


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@pytest.mark.parametrize("where", ["betas", "body_pose", "global_orient", "transl"])
def test_bodies_of_no_numbers_are_refused(bad: float, where: str) -> None:
    values = {
        "betas": torch.zeros(1, 10),
        "body_pose": torch.zeros(1, 23, 3),
        "global_orient": torch.zeros(1, 3),
        "transl": torch.zeros(1, 3),
    }
    values[where].view(-1)[1] = bad
    with pytest.raises(InputError, match="got"):
        DefaultBody()(BodyParams(**values))


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 0.0, -900.0])
def test_cameras_of_no_numbers_are_refused(bad: float) -> None:
    with pytest.raises(InputError):
        Camera.from_intrinsics((800, 1000), bad)
