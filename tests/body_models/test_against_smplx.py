"""Bodies equal the reference implementation, smplx, used as a black box on random models."""

import contextlib
import io
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from lift3d.body import BodyParams, Surface
from lift3d.skeleton import Skeleton
from lift3d_body_models import LinearBlendBody

smplx: Any = pytest.importorskip("smplx", reason="needs the package smplx (lift3d[smplx])")
lbs: Any = pytest.importorskip("smplx.lbs").lbs

BODY = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19)
FINGERS = (0, 1, 2, 0, 4, 5, 0, 7, 8, 0, 10, 11, 0, 13, 14)


def hand(first: int, wrist: int) -> tuple[int, ...]:
    return tuple(wrist if up == 0 else first + up - 1 for up in FINGERS)


PARENTS = {
    "smpl": (*BODY, 20, 21),
    "smplh": (*BODY, *hand(22, 20), *hand(37, 21)),
    "smplx": (*BODY, 15, 15, 15, *hand(25, 20), *hand(40, 21)),
}
EXPRESSIONS = {"smpl": 0, "smplh": 0, "smplx": 10}


def random_model(kind: str, vertices: int, bones: int = 4) -> dict[str, Any]:
    """Arrays as the family's files hold them: SMPL-X's shapes are 10 betas, then 10 expressions."""
    draw, parents = np.random.default_rng(vertices), np.array(PARENTS[kind])
    joints, shapes = len(parents), 10 + EXPRESSIONS[kind]
    weights, regressor = np.zeros((vertices, joints)), np.zeros((joints, vertices))
    at = draw.random((vertices, joints)).argsort(1)[:, :bones]
    np.put_along_axis(weights, at, draw.dirichlet(np.ones(bones), vertices), 1)
    np.put_along_axis(regressor, draw.integers(0, vertices, (joints, 20)), 1 / 20, 1)
    regressor /= regressor.sum(1, keepdims=True)
    model = {
        "v_template": draw.normal(0, 0.4, (vertices, 3)),
        "shapedirs": draw.normal(0, 0.01, (vertices, 3, shapes)),
        "posedirs": draw.normal(0, 0.002, (vertices, 3, 9 * (joints - 1))),
        "J_regressor": regressor,
        "weights": weights,
        "kintree_table": np.stack([parents, np.arange(joints)]),
        "f": draw.integers(0, vertices, (20, 3)),
    }
    big = vertices > 1000  # as single floats, to be quick
    return {n: x.astype(np.float32) if big and x.dtype == float else x for n, x in model.items()}


def body_of(kind: str, model: dict[str, Any]) -> LinearBlendBody:
    arrays = {name: torch.from_numpy(np.asarray(values)) for name, values in model.items()}
    faces, none = arrays["f"], torch.zeros(0, 2)
    colors, parts = torch.zeros(len(arrays["v_template"]), 3), torch.zeros(len(faces)).long()
    names = tuple(f"joint{i}" for i in range(len(PARENTS[kind])))
    dirs = arrays["shapedirs"]
    return LinearBlendBody.from_smpl_arrays(
        kind,
        Skeleton(kind, names, PARENTS[kind]),
        v_template=arrays["v_template"],
        shapedirs=dirs[..., :10],
        expressiondirs=dirs[..., 10:] if EXPRESSIONS[kind] else None,
        posedirs=arrays["posedirs"],
        j_regressor=arrays["J_regressor"],
        surface=Surface(faces, arrays["weights"], colors, none, faces * 0, parts, ("all",)),
    )


def random_params(
    kind: str, batch: tuple[int, ...], dtype: torch.dtype = torch.float32
) -> BodyParams:
    draw = torch.Generator().manual_seed(math.prod(batch))

    def normal(*shape: int, scale: float = 1.0) -> Tensor:
        return scale * torch.randn(*batch, *shape, generator=draw, dtype=dtype)

    joints = len(PARENTS[kind])
    return BodyParams(
        normal(10),
        normal(joints - 1, 3, scale=0.4),
        normal(3),
        normal(3),
        normal(EXPRESSIONS[kind]) if EXPRESSIONS[kind] else torch.zeros(0, dtype=dtype),
    )


def reference(model: dict[str, Any], params: BodyParams) -> tuple[Tensor, Tensor]:
    """Vertices and joints by the function that all of smplx's bodies call."""
    dtype, betas = params.transl.dtype, params.betas
    if params.expression.shape[-1]:
        betas = torch.cat([betas, params.expression], -1)
    arrays = {name: torch.from_numpy(values).to(dtype) for name, values in model.items()}
    features = arrays["posedirs"].shape[-1]
    vertices, joints = lbs(
        betas,
        params.axis_angle.flatten(1),
        arrays["v_template"],
        arrays["shapedirs"],
        arrays["posedirs"].reshape(-1, features).T,
        arrays["J_regressor"],
        torch.from_numpy(model["kintree_table"][0]),
        arrays["weights"],
    )
    return vertices + params.transl[:, None], joints + params.transl[:, None]


@pytest.mark.parametrize("kind", ["smpl", "smplh", "smplx"])
@pytest.mark.parametrize("bodies", [1, 2, 5, 16, 33, 1024])
def test_float32_bodies_equal_the_reference(kind: str, bodies: int) -> None:
    model = random_model(kind, vertices=150)
    body, params = body_of(kind, model), random_params(kind, (bodies,))
    vertices, joints = reference(model, params)
    mesh = body(params)
    assert torch.allclose(mesh.vertices, vertices, rtol=0, atol=1e-5)
    assert torch.allclose(mesh.joints, joints, rtol=0, atol=1e-5)
    assert torch.allclose(body.joints(params), joints, rtol=0, atol=1e-5)


@pytest.mark.parametrize("bones", [1, 3, 7, 24])
@pytest.mark.parametrize("bodies", [1, 20])
def test_any_number_of_bones_a_vertex_is_exact(bones: int, bodies: int) -> None:
    model, params = random_model("smpl", 150, bones), random_params("smpl", (bodies,))
    vertices, _ = reference(model, params)
    assert torch.allclose(body_of("smpl", model)(params).vertices, vertices, rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", ["smpl", "smplx"])
def test_double_precision_equals_the_reference(kind: str) -> None:
    model = random_model(kind, vertices=150)
    params = random_params(kind, (7,), torch.float64)
    vertices, joints = reference(model, params)
    mesh = body_of(kind, model)(params)
    # The reference adds 1e-8 to its rotation vectors.
    assert torch.allclose(mesh.vertices, vertices, rtol=0, atol=1e-6)
    assert torch.allclose(mesh.joints, joints, rtol=0, atol=1e-6)


def test_gradients_equal_the_reference() -> None:
    model = random_model("smplx", vertices=150)
    body, params = body_of("smplx", model), random_params("smplx", (3,), torch.float64)
    inputs = [params.betas, params.body_pose, params.global_orient, params.transl]
    inputs = [values.requires_grad_() for values in (*inputs, params.expression)]
    towards = torch.randn(3, 150, 3, dtype=torch.float64)
    ours = torch.autograd.grad((body(params).vertices * towards).sum(), inputs)
    theirs = torch.autograd.grad((reference(model, params)[0] * towards).sum(), inputs)
    for mine, other in zip(ours, theirs, strict=True):
        assert torch.allclose(mine, other, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("kind", "vertices"), [("smpl", 6890), ("smplh", 6890), ("smplx", 10475)])
def test_full_size_models_equal_the_packages_own_classes(
    kind: str, vertices: int, tmp_path: Path
) -> None:
    model = random_model(kind, vertices)
    body, params = body_of(kind, model), random_params(kind, (2,))
    mesh, rotations = body(params), params.body_pose.flatten(1)
    turns: dict[str, Tensor] = {"body_pose": rotations}
    extra: dict[str, Any] = {}
    if kind != "smpl":
        hands = {"left_hand_pose": rotations[:, -90:-45], "right_hand_pose": rotations[:, -45:]}
        turns = {"body_pose": rotations[:, :63], **hands}
        for side in "lr":
            extra[f"hands_components{side}"] = np.eye(45)
            extra[f"hands_mean{side}"] = np.zeros(45)
    if kind == "smplx":
        face = zip(("jaw_pose", "leye_pose", "reye_pose"), (63, 66, 69), strict=True)
        turns |= {name: rotations[:, at : at + 3] for name, at in face}
        turns["expression"] = params.expression
        # The package takes expressions from shape 300 on.
        dirs = np.zeros((vertices, 3, 400), np.float32)
        dirs[..., :10], dirs[..., 300:310] = np.split(model["shapedirs"], 2, axis=-1)
        extra |= {"shapedirs": dirs, "lmk_faces_idx": np.zeros(51, int)}
        extra["lmk_bary_coords"] = np.zeros((51, 3))
    theirs = {"smpl": smplx.SMPL, "smplh": smplx.SMPLH, "smplx": smplx.SMPLX}[kind]
    options: dict[str, Any] = {} if kind == "smpl" else {"use_pca": False, "flat_hand_mean": True}
    arrays, path = model | extra, tmp_path / "SMPLX_NEUTRAL.npz"
    if kind == "smplx":  # the one class that wants a file
        np.savez(path, **arrays)
    else:
        options["data_struct"] = smplx.utils.Struct(**arrays)
    with contextlib.redirect_stdout(io.StringIO()):  # it greets
        package = theirs(str(path), **options)
    out = package(
        betas=params.betas, global_orient=params.global_orient, transl=params.transl, **turns
    )
    assert torch.allclose(mesh.vertices, out.vertices, rtol=0, atol=1e-5)
    joints = out.joints[:, : len(PARENTS[kind])]
    assert torch.allclose(mesh.joints, joints, rtol=0, atol=1e-5)
