"""The compiled way of posing equals plain torch, and is taken only where it may be.

Doubles go through plain torch, so they are what the kernels are held against.
"""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from lift3d.body import BodyParams, Surface
from lift3d.errors import InputError
from lift3d.geometry.rotations import rotmat_from_axis_angle
from lift3d.skeleton import Skeleton
from lift3d_body_models import DefaultBody, LinearBlendBody
from lift3d_body_models.compiled import CompiledBody

PARENTS = (-1, 0, 1, 1, 0, 4)
NEAR = 1e-5  # metres


def random_body(
    vertices: int = 300, *, sparse: bool = False, move: float = 0.002, half: bool = False
) -> LinearBlendBody:
    """Six joints, five betas, two expressions; sparse pose shapes touch a tenth of the vertices."""
    draw = torch.Generator().manual_seed(vertices)
    joints = len(PARENTS)
    posedirs = move * torch.randn(vertices, 3, 9 * (joints - 1), generator=draw)
    if sparse:
        posedirs = posedirs.reshape(vertices, 3, joints - 1, 9)
        kept = torch.rand(vertices, 1, joints - 1, 1, generator=draw) < 0.1
        posedirs = (posedirs * kept).reshape(vertices, 3, -1)
    weights = torch.rand(vertices, joints, generator=draw) ** 6
    faces = torch.zeros(1, 3, dtype=torch.long)
    return LinearBlendBody.from_smpl_arrays(
        "random",
        Skeleton("six", tuple("abcdef"), PARENTS),
        v_template=torch.randn(vertices, 3, generator=draw) * 0.4,
        shapedirs=torch.randn(vertices, 3, 5, generator=draw) * 0.02,
        expressiondirs=torch.randn(vertices, 3, 2, generator=draw) * 0.02,
        posedirs=posedirs,
        j_regressor=torch.rand(joints, vertices, generator=draw).softmax(1),
        surface=Surface(
            faces,
            weights / weights.sum(1, keepdim=True),
            torch.zeros(vertices, 3),
            torch.zeros(0, 2),
            faces,
            torch.zeros(1, dtype=torch.long),
            ("all",),
        ),
        half_pose_shapes=half,
    )


def random_params(batch: tuple[int, ...], scale: float = 0.8) -> BodyParams:
    draw = torch.Generator().manual_seed(7)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*batch, *shape, generator=draw)

    return BodyParams(normal(5), scale * normal(5, 3), normal(3), normal(3), normal(2))


def doubled(params: BodyParams) -> BodyParams:
    return BodyParams(
        params.betas.double(),
        params.body_pose.double(),
        params.global_orient.double(),
        params.transl.double(),
        params.expression.double(),
    )


def assert_like_torch(body: LinearBlendBody, params: BodyParams, near: float = NEAR) -> None:
    mesh, exact = body(params), body(doubled(params))
    assert mesh.vertices.shape == exact.vertices.shape
    assert torch.allclose(mesh.vertices.double(), exact.vertices, rtol=0, atol=near)
    assert torch.allclose(mesh.joints.double(), exact.joints, rtol=0, atol=NEAR)
    assert torch.allclose(body.joints(params).double(), exact.joints, rtol=0, atol=NEAR)


@pytest.mark.parametrize("bodies", [1, 2, 4, 5, 15, 16, 17, 255, 257])
@pytest.mark.parametrize("sparse", [False, True])
def test_the_compiled_way_equals_plain_torch(bodies: int, sparse: bool) -> None:
    assert_like_torch(random_body(sparse=sparse), random_params((bodies,)))


@pytest.mark.parametrize("batch", [(), (0,), (3, 2), (2, 0), (2, 3, 4)])
def test_any_batch_axes(batch: tuple[int, ...]) -> None:
    assert_like_torch(random_body(), random_params(batch))


@pytest.mark.parametrize("vertices", [1, 127, 128, 129])
@pytest.mark.parametrize("bodies", [1, 20])
def test_any_number_of_vertices(vertices: int, bodies: int) -> None:
    assert_like_torch(random_body(vertices), random_params((bodies,)))


@pytest.mark.parametrize("shared", ["betas", "expression", "both", "repeated", "partly"])
@pytest.mark.parametrize("frames", [2, 20])
def test_shapes_shared_over_a_clip(shared: str, frames: int) -> None:
    own = random_params((frames, 3))
    betas, expression = own.betas, own.expression
    if shared in ("betas", "both"):
        betas = betas[:1, :1]
    if shared in ("expression", "both"):
        expression = expression[0, 0]
    if shared == "repeated":
        betas, expression = betas[:1, :1].expand(frames, 3, 5), expression[:1, :1]
    if shared == "partly":
        betas = betas[:, :1]
    params = BodyParams(betas, own.body_pose, own.global_orient, own.transl, expression)
    assert_like_torch(random_body(), params)


def test_strides_do_not_matter() -> None:
    own = random_params((40,))
    params = BodyParams(
        own.betas.flip(0)[::2],
        own.body_pose.transpose(1, 2).contiguous().transpose(1, 2)[::2],
        own.global_orient[::2],
        own.transl.T.contiguous().T[::2],
        own.expression[:20],
    )
    assert_like_torch(random_body(), params)


def test_no_pose_shapes_and_no_expression() -> None:
    body = random_body()
    own = random_params((20,))
    weights = torch.rand(50, 6).softmax(1)
    plain = LinearBlendBody.from_smpl_arrays(
        "plain",
        body.skeleton,
        v_template=torch.randn(50, 3),
        shapedirs=torch.randn(50, 3, 5),
        j_regressor=torch.rand(6, 50).softmax(1),
        surface=replace(body.surface, lbs_weights=weights, colors=torch.zeros(50, 3)),
    )
    for frames in (1, 20):
        assert_like_torch(
            plain,
            BodyParams(
                own.betas[:1] * 0.02,
                own.body_pose[:frames],
                own.global_orient[:frames],
                own.transl[:frames],
            ),
        )


@pytest.mark.parametrize("angle", [0.0, 1e-6, 1e-3, np.pi - 1e-4, np.pi, 6.3, 50.0])
@pytest.mark.parametrize("bodies", [1, 5])
def test_rotations_of_every_angle(angle: float, bodies: int) -> None:
    params = random_params((bodies,))
    axes = torch.nn.functional.normalize(params.body_pose, dim=-1)
    turned = BodyParams(
        params.betas, axes * angle, params.global_orient, params.transl, params.expression
    )
    assert_like_torch(random_body(), turned)


@pytest.mark.parametrize("bodies", [1, 20])
def test_angles_too_large_for_the_kernels_go_through_torch(bodies: int) -> None:
    params, body = random_params((bodies,), scale=5e3), random_body()
    wanted = BodyParams(
        params.betas.clone().requires_grad_(), params.body_pose, params.global_orient,
        params.transl, params.expression,
    )  # fmt: skip
    assert torch.allclose(body(params).vertices, body(wanted).vertices, rtol=0, atol=1e-5)


@pytest.mark.parametrize("bodies", [1, 20])
def test_rotation_matrices_by_the_lower_door(bodies: int) -> None:
    body, params = random_body(), random_params((bodies,))
    rotmats = rotmat_from_axis_angle(params.axis_angle)
    exact = body(doubled(params))
    for dtype in (torch.float32, torch.float64):
        given = (
            rotmats.to(dtype),
            params.betas.to(dtype),
            params.transl.to(dtype),
            params.expression.to(dtype),
        )
        mesh = body.mesh_from_rotmats(*given)
        assert torch.allclose(mesh.vertices.double(), exact.vertices, rtol=0, atol=NEAR)
        assert torch.allclose(body.joints_from_rotmats(*given), mesh.joints, rtol=0, atol=1e-6)


def test_gradients_with_respect_to_matrices_are_exact() -> None:
    body, params = random_body(40), doubled(random_params((2,)))
    rotmats = rotmat_from_axis_angle(params.axis_angle).requires_grad_()
    betas, transl = params.betas.requires_grad_(), params.transl.requires_grad_()
    expression = params.expression.requires_grad_()
    inputs = (rotmats, betas, transl, expression)
    assert torch.autograd.gradcheck(lambda *x: body.mesh_from_rotmats(*x).vertices[:, ::7], inputs)
    assert torch.autograd.gradcheck(body.joints_from_rotmats, inputs)


@pytest.mark.parametrize("sparse", [False, True])
def test_gradients_with_respect_to_parameters_are_exact(sparse: bool) -> None:
    body, params = random_body(40, sparse=sparse), doubled(random_params((2,)))
    turned = params.axis_angle.clone()
    turned[0, 2] = 0  # no rotation at all
    inputs = (params.betas[:1], turned[:, 1:], turned[:, 0], params.transl, params.expression)
    inputs = tuple(values.clone().requires_grad_() for values in inputs)

    def vertices(*values: Tensor) -> Tensor:
        return body(BodyParams(*values)).vertices[:, ::7]

    assert torch.autograd.gradcheck(vertices, inputs)


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")  # torch's own
def test_torch_transforms_find_their_way() -> None:
    """Inside `torch.func` tensors hold no data that a kernel could read."""
    body, params = random_body(20), random_params((2,))

    def height(transl: Tensor) -> Tensor:
        moved = BodyParams(
            params.betas, params.body_pose, params.global_orient, transl, params.expression
        )
        return body(moved).vertices.sum()

    slope = torch.func.grad(height)(params.transl)
    assert torch.allclose(slope, torch.full((2, 3), 20.0))
    _, along = torch.func.jvp(height, (params.transl,), (torch.ones(2, 3),))
    assert torch.allclose(along, torch.tensor(120.0))


# ---- pose shapes in 16 bits ----


def test_small_pose_shapes_go_as_integers_and_big_ones_do_not() -> None:
    """One body keeps within 0.005 mm whatever the size of its pose shapes."""
    for move in (1e-4, 0.002, 0.05, 1.0):
        body = random_body(move=move)
        for scale in (0.3, 3.0):
            params = random_params((1,), scale)
            # Single floats themselves are as near as their digits allow.
            assert_like_torch(body, params, near=5e-6 + 3e-6 * move / 0.05)


def test_half_turns_of_all_joints_stay_within_a_hundredth_of_a_millimetre() -> None:
    body = DefaultBody()
    draw = torch.Generator().manual_seed(0)
    for _ in range(5):
        axes = torch.nn.functional.normalize(torch.randn(24, 3, generator=draw), dim=-1)
        params = BodyParams(torch.zeros(10), 3.1 * axes[1:], 3.1 * axes[0], torch.zeros(3))
        assert_like_torch(body, params)


@pytest.mark.parametrize("batch", [(), (1,), (3,), (2, 3), (40,), (0,)])
def test_a_body_without_betas(batch: tuple[int, ...]) -> None:
    like = random_body(50)
    body = LinearBlendBody.from_smpl_arrays(
        "one shape",
        like.skeleton,
        v_template=torch.rand(50, 3),
        shapedirs=torch.zeros(50, 3, 0),
        j_regressor=torch.rand(6, 50).softmax(1),
        surface=like.surface,
    )
    params = random_params(batch)
    for betas in (torch.zeros(0), torch.zeros(*batch, 0)):
        turns = (params.body_pose, params.global_orient, params.transl)
        assert_like_torch(body, BodyParams(betas, *turns))


def test_half_pose_shapes_stay_within_a_quarter_of_a_millimetre() -> None:
    body = random_body(half=True)
    for bodies in (1, 40):
        assert_like_torch(body, random_params((bodies,)), near=2.5e-4)
    exact = random_body()(random_params((40,))).vertices
    assert not torch.equal(body(random_params((40,))).vertices, exact)


# ---- what is refused ----


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
@pytest.mark.parametrize("field", ["betas", "body_pose", "global_orient", "transl", "expression"])
@pytest.mark.parametrize("double", [False, True])
def test_the_first_bad_frame_is_named(bad: float, field: str, double: bool) -> None:
    params, body = random_params((20,)), random_body()
    getattr(params, field)[17, ..., -1] = bad
    getattr(params, field)[18, ..., -1] = bad
    given = doubled(params) if double else params
    for pose in (body, body.joints):
        with pytest.raises(InputError, match=rf"infinity in {field} of frame 17: leave"):
            pose(given)
    assert params.finite.tolist() == [i not in (17, 18) for i in range(20)]
    assert torch.isfinite(body(params[params.finite]).vertices).all()


def test_bad_matrices_are_refused() -> None:
    params, body = random_params((2, 3)), random_body()
    rotmats = rotmat_from_axis_angle(params.axis_angle)
    rotmats[1, 2, 3, 0, 0] = torch.nan
    with pytest.raises(InputError, match="infinity in rotmats of frame 1, 2"):
        body.mesh_from_rotmats(rotmats, params.betas, params.transl)


def test_a_single_bad_body_needs_no_number() -> None:
    params, body = random_params(()), random_body()
    params.transl[0] = torch.nan
    with pytest.raises(InputError, match="infinity in transl: leave"):
        body(params)


def test_wrong_numbers_of_features_and_expressions_are_refused() -> None:
    body, params = random_body(), random_params((1,))
    with pytest.raises(InputError, match=r"expected 2 expression coefficients or none .* got 3"):
        body(BodyParams(params.betas, params.body_pose, params.global_orient, params.transl,
                        torch.zeros(1, 3)))  # fmt: skip
    with pytest.raises(InputError, match=r"expected 45 pose features .* got 9"):
        LinearBlendBody.from_smpl_arrays(
            "short", body.skeleton, v_template=torch.zeros(4, 3), shapedirs=torch.zeros(4, 3, 1),
            posedirs=torch.zeros(4, 3, 9), j_regressor=torch.zeros(6, 4), surface=body.surface,
        )  # fmt: skip


# ---- the live door ----


@pytest.mark.parametrize("batch", [(), (1,), (2, 3), (20,), (0,)])
def test_a_body_in_one_shape_poses_numpy_arrays(batch: tuple[int, ...]) -> None:
    body, params = random_body(), random_params(batch)
    betas, expression = torch.randn(5), torch.randn(2)
    live = body.shaped(betas, expression)
    exact = body(
        BodyParams(betas, params.body_pose, params.global_orient, params.transl, expression)
    )
    turns, transl = params.axis_angle.numpy(), params.transl.numpy()
    assert np.allclose(live.joints(turns, transl), exact.joints, rtol=0, atol=NEAR)
    assert np.allclose(live.vertices(turns, transl), exact.vertices, rtol=0, atol=NEAR)


def test_the_live_door_refuses_what_it_cannot_do() -> None:
    live = random_body().shaped(torch.zeros(5))
    turns, transl = np.zeros((6, 3), np.float32), np.zeros(3, np.float32)
    with pytest.raises(InputError, match=r"axis_angle \[\*batch 6 3\] .* float32 \[5, 3\]"):
        live.joints(turns[:5], transl)
    for bad in (np.nan, np.inf, 1e9):
        with pytest.raises(InputError, match="finite rotations within 1000 radians"):
            live.joints(turns + np.float32(bad), transl)
        with pytest.raises(InputError, match="finite rotations within 1000 radians"):
            live.vertices(turns + np.float32(bad), transl)
    with pytest.raises(InputError, match="infinity in betas"):
        random_body().shaped(torch.full((5,), torch.nan))


# ---- where the kernels are used ----


def test_joints_alone_touch_no_vertex(monkeypatch: pytest.MonkeyPatch) -> None:
    body = random_body()

    def refuse(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(CompiledBody, "vertices", refuse)
    monkeypatch.setattr(CompiledBody, "fold", refuse)
    assert body.joints(random_params((4,))).shape == (4, 6, 3)


def test_shared_betas_are_folded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    body, params, folded = random_body(), random_params((600,)), []
    fold = CompiledBody.fold
    monkeypatch.setattr(CompiledBody, "fold", lambda *args: folded.append(1) or fold(*args))
    body(BodyParams(params.betas[:1], params.body_pose, params.global_orient, params.transl))
    assert len(folded) == 1


def test_the_default_body_equals_plain_torch() -> None:
    body = DefaultBody()
    draw = torch.Generator().manual_seed(3)
    for bodies in (1, 20):
        pose = 0.5 * torch.randn(bodies, 24, 3, generator=draw)
        params = BodyParams(
            torch.randn(1, 10, generator=draw), pose[:, 1:], pose[:, 0], torch.zeros(bodies, 3)
        )
        assert_like_torch(body, params)


def test_numba_is_imported_only_when_a_body_is_posed() -> None:
    code = (
        "import sys, lift3d, lift3d_body_models;"
        "lift3d_body_models.DefaultBody();"
        "sys.exit('lift3d_body_models.compiled' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
