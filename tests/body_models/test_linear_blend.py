"""Laws of a body of SMPL's format, on the shipped body and on one small enough to do by hand."""

import math

import pytest
import torch
from torch import Tensor

from lift3d.body import BodyParams, Surface
from lift3d.errors import InputError
from lift3d.skeleton import Skeleton
from lift3d.skeletons import SMPL_24
from lift3d_body_models import DefaultBody, LinearBlendBody

QUARTER = math.pi / 2
DOUBLE = torch.float64


def params(batch: tuple[int, ...] = (), scale: float = 0.0, shape: float = 0.0) -> BodyParams:
    draw = torch.Generator().manual_seed(1)
    return BodyParams(
        torch.randn(*batch, 10, generator=draw, dtype=DOUBLE) * shape,
        torch.randn(*batch, 23, 3, generator=draw, dtype=DOUBLE) * scale,
        torch.randn(*batch, 3, generator=draw, dtype=DOUBLE) * scale,
        torch.randn(*batch, 3, generator=draw, dtype=DOUBLE) * scale,
    )


def surface(faces: Tensor, weights: Tensor) -> Surface:
    count = len(weights)
    return Surface(
        faces=faces,
        lbs_weights=weights,
        colors=torch.zeros(count, 3, dtype=weights.dtype),
        uv=torch.zeros(count, 2, dtype=weights.dtype),
        uv_faces=faces,
        parts=torch.zeros(len(faces), dtype=torch.long),
        part_names=("all",),
    )


def stick() -> LinearBlendBody:
    """Two bones along x, at 0 and 1; vertices at 0, 1 (half each), and 2; beta stretches x."""
    places = torch.tensor([[0.0, 0, 0], [1.0, 0, 0], [2.0, 0, 0]], dtype=DOUBLE)
    posedirs = torch.zeros(3, 3, 9, dtype=DOUBLE)
    posedirs[2, 2, 0] = 0.5  # vertex 2 rises along z with the first entry of R - I
    return LinearBlendBody.from_smpl_arrays(
        "stick",
        Skeleton("stick", ("root", "tip"), (-1, 0)),
        v_template=places,
        shapedirs=places[..., None] * 0.1,
        posedirs=posedirs,
        j_regressor=torch.tensor([[1.0, 0, 0], [0, 1.0, 0]], dtype=DOUBLE),
        surface=surface(
            torch.tensor([[0, 1, 2]]),
            torch.tensor([[1.0, 0], [0.5, 0.5], [0, 1.0]], dtype=DOUBLE),
        ),
    )


def test_a_bent_stick_lies_where_it_does_on_paper() -> None:
    bend = torch.tensor([[0.0, 0, QUARTER]], dtype=DOUBLE)
    zero = torch.zeros(3, dtype=DOUBLE)
    mesh = stick()(BodyParams(torch.zeros(1, dtype=DOUBLE), bend, zero, zero))
    # cos 90 - 1 = -1 lifts the tip to z = -0.5 before it is turned about (1, 0, 0).
    expected = torch.tensor([[0.0, 0, 0], [1, 0, 0], [1, 1, -0.5]], dtype=DOUBLE)
    assert torch.allclose(mesh.vertices, expected, atol=1e-12)
    assert torch.allclose(mesh.joints, expected[:2], atol=1e-12)


def test_betas_move_joints_and_vertices_of_the_stick() -> None:
    bend = torch.tensor([[0.0, 0, QUARTER]], dtype=DOUBLE)
    shift = torch.tensor([0.0, 0, 3], dtype=DOUBLE)
    zero = torch.zeros(3, dtype=DOUBLE)
    mesh = stick()(BodyParams(torch.full((1,), 2.0, dtype=DOUBLE), bend, zero, shift))
    expected = torch.tensor([[0.0, 0, 3], [1.2, 0, 3], [1.2, 1.2, 2.5]], dtype=DOUBLE)
    assert torch.allclose(mesh.vertices, expected, atol=1e-12)


def test_pose_features_go_joint_by_joint_and_row_by_row_as_in_smpls_files() -> None:
    """Vertex k rises with feature k alone; all hang on the root, which does not turn."""
    weights = torch.zeros(18, 3, dtype=DOUBLE)
    weights[:, 0] = 1
    posedirs = torch.zeros(18, 3, 18, dtype=DOUBLE)
    posedirs[:, 2] = torch.eye(18, dtype=DOUBLE)
    body = LinearBlendBody.from_smpl_arrays(
        "features",
        Skeleton("three", ("root", "middle", "tip"), (-1, 0, 1)),
        v_template=torch.zeros(18, 3, dtype=DOUBLE),
        shapedirs=torch.zeros(18, 3, 1, dtype=DOUBLE),
        posedirs=posedirs,
        j_regressor=torch.full((3, 18), 1 / 18, dtype=DOUBLE),
        surface=surface(torch.tensor([[0, 1, 2]]), weights),
    )
    turns = torch.tensor([[QUARTER, 0, 0], [0, QUARTER, 0]], dtype=DOUBLE)
    zero = torch.zeros(3, dtype=DOUBLE)
    mesh = body(BodyParams(torch.zeros(1, dtype=DOUBLE), turns, zero, zero))
    about_x = [[0.0, 0, 0], [0, -1, -1], [0, 1, -1]]  # a quarter turn minus the identity
    about_y = [[-1.0, 0, 1], [0, 0, 0], [-1, 0, -1]]
    expected = torch.tensor([about_x, about_y], dtype=DOUBLE).flatten()
    assert torch.allclose(mesh.vertices[:, 2], expected, atol=1e-12)
    assert torch.allclose(mesh.vertices[:, :2], torch.zeros(18, 2, dtype=DOUBLE), atol=1e-12)


def test_a_joint_is_the_regressed_mean_of_the_shaped_vertices() -> None:
    """The tip lies between two vertices that beta moves apart unevenly, and turns about itself."""
    shapedirs = torch.zeros(2, 3, 1, dtype=DOUBLE)
    shapedirs[1, 0] = 1
    body = LinearBlendBody.from_smpl_arrays(
        "mean",
        Skeleton("stick", ("root", "tip"), (-1, 0)),
        v_template=torch.tensor([[0.0, 0, 0], [4, 0, 0]], dtype=DOUBLE),
        shapedirs=shapedirs,
        posedirs=torch.zeros(2, 3, 9, dtype=DOUBLE),
        j_regressor=torch.tensor([[1.0, 0], [0.25, 0.75]], dtype=DOUBLE),
        surface=surface(torch.tensor([[0, 1, 1]]), torch.eye(2, dtype=DOUBLE)),
    )
    bend = torch.tensor([[0.0, 0, QUARTER]], dtype=DOUBLE)
    zero = torch.zeros(3, dtype=DOUBLE)
    mesh = body(BodyParams(torch.full((1,), 4.0, dtype=DOUBLE), bend, zero, zero))
    # Beta 4 puts the second vertex at x = 8 and the tip at 6; the 2 left over turn up to y.
    joints = torch.tensor([[0.0, 0, 0], [6, 0, 0]], dtype=DOUBLE)
    vertices = torch.tensor([[0.0, 0, 0], [6, 2, 0]], dtype=DOUBLE)
    assert torch.allclose(mesh.joints, joints, atol=1e-12)
    assert torch.allclose(mesh.vertices, vertices, atol=1e-12)


def test_the_identity_returns_the_template() -> None:
    body = DefaultBody()
    mesh = body(params())
    rest = torch.zeros(24, 3)
    template = body(BodyParams(torch.zeros(10), rest[1:], rest[0], torch.zeros(3))).vertices
    assert torch.allclose(mesh.vertices.float(), template, atol=1e-6)
    assert torch.allclose(mesh.joints.float(), body.articulation.joints_template, atol=1e-6)


def test_global_orient_turns_everything_about_the_pelvis() -> None:
    body = DefaultBody()
    rest, turned = params(), params()
    turned = BodyParams(
        turned.betas, turned.body_pose, torch.tensor([0.0, QUARTER, 0], dtype=DOUBLE), turned.transl
    )
    before, after = body(rest), body(turned)
    pelvis = before.joints[0]
    # A quarter turn about y takes z to x and x to -z.
    expected = (before.vertices - pelvis)[:, [2, 1, 0]] * torch.tensor([1.0, 1, -1]) + pelvis
    assert torch.allclose(after.vertices, expected, atol=1e-9)


def test_shape_is_linear_in_betas() -> None:
    body = DefaultBody()
    zero = params()
    draws = torch.randn(2, 10, dtype=DOUBLE, generator=torch.Generator().manual_seed(5))

    def shaped(betas: Tensor) -> Tensor:
        return body(BodyParams(betas, zero.body_pose, zero.global_orient, zero.transl)).vertices

    template = shaped(torch.zeros(10, dtype=DOUBLE))
    total = shaped(2 * draws[0] - 3 * draws[1]) - template
    parts = 2 * (shaped(draws[0]) - template) - 3 * (shaped(draws[1]) - template)
    assert torch.allclose(total, parts, atol=1e-9)


def test_a_bent_elbow_carries_the_hand_on_a_circle_about_it() -> None:
    body = DefaultBody()
    rest = params()
    pose = rest.body_pose.clone()
    pose[SMPL_24.index("left_elbow") - 1] = torch.tensor([0.0, -QUARTER, 0])
    bent = body(BodyParams(rest.betas, pose, rest.global_orient, rest.transl))
    straight = body(rest)
    elbow = straight.joints[SMPL_24.index("left_elbow")]
    rigid = body.surface.lbs_weights[:, [SMPL_24.index("left_hand")]].squeeze(1) > 0.999
    moved = (straight.vertices - elbow)[rigid]
    # A quarter turn about -y takes x to z and z to -x: the fingers point forward.
    expected = torch.stack([-moved[:, 2], moved[:, 1], moved[:, 0]], 1) + elbow
    assert rigid.sum() > 100
    assert torch.allclose(bent.vertices[rigid], expected, atol=1e-3)


def test_the_joints_alone_are_the_joints_of_the_mesh() -> None:
    body, pose = DefaultBody(), params((3,), 0.5, 1.0)
    assert torch.allclose(body.joints(pose), body(pose).joints, atol=1e-12)


@pytest.mark.parametrize("batch", [(), (1,), (2, 3), (0,)])
def test_batch_axes_come_out_as_they_went_in(batch: tuple[int, ...]) -> None:
    body, pose = DefaultBody(), params(batch, 0.4, 1.0)
    mesh = body(pose)
    assert mesh.vertices.shape == (*batch, len(body.surface.colors), 3)
    assert mesh.joints.shape == (*batch, 24, 3)
    assert mesh.vertices.dtype == DOUBLE


def test_a_big_batch_is_the_same_as_its_bodies_one_by_one() -> None:
    body, pose = DefaultBody(), params((11,), 0.4, 1.0)
    whole = body(pose).vertices
    single = torch.cat([body(pose[i : i + 1]).vertices for i in range(11)])
    assert torch.allclose(whole, single, atol=1e-9)


def test_shared_betas_are_the_same_as_repeated_ones() -> None:
    body, pose = DefaultBody(), params((4,), 0.4, 1.0)
    shared = BodyParams(pose.betas[:1], pose.body_pose, pose.global_orient, pose.transl)
    repeated = BodyParams(
        pose.betas[:1].repeat(4, 1), pose.body_pose, pose.global_orient, pose.transl
    )
    assert torch.allclose(body(shared).vertices, body(repeated).vertices, atol=1e-12)


def test_gradients_reach_pose_and_shape() -> None:
    betas = torch.zeros(10, dtype=DOUBLE, requires_grad=True)
    pose = torch.full((2, 23, 3), 0.1, dtype=DOUBLE, requires_grad=True)
    zero = torch.zeros(2, 3, dtype=DOUBLE)
    DefaultBody()(BodyParams(betas[None], pose, zero, zero)).vertices.square().sum().backward()
    assert betas.grad is not None
    assert pose.grad is not None
    step = 1e-5
    bumped = pose.detach().clone()
    bumped[0, 3, 0] += step
    lowered = pose.detach().clone()
    lowered[0, 3, 0] -= step
    energy = [
        DefaultBody()(BodyParams(betas.detach()[None], p, zero, zero)).vertices.square().sum()
        for p in (bumped, lowered)
    ]
    slope = (energy[0] - energy[1]) / (2 * step)
    assert torch.allclose(pose.grad[0, 3, 0], slope, rtol=1e-5)


def test_a_first_use_without_gradients_does_not_spoil_later_ones() -> None:
    body = stick()
    bend = torch.full((1, 3), 0.3)
    zero = torch.zeros(3)
    with torch.inference_mode():
        body(BodyParams(torch.zeros(1), bend, zero, zero))
    bend.requires_grad_()
    body(BodyParams(torch.zeros(1), bend, zero, zero)).vertices.sum().backward()
    assert bend.grad is not None


def test_a_wrong_number_of_betas_is_refused() -> None:
    pose = params()
    with pytest.raises(InputError, match="expected 23 joint rotations and 10 betas"):
        DefaultBody()(BodyParams(pose.betas[:3], pose.body_pose, pose.global_orient, pose.transl))
