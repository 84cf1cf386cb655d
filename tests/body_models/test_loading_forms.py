"""Every form of a body model's file gives the same body; what does not fit together is refused."""

import json
import os
import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse
import torch

from lift3d.body import BodyParams
from lift3d.errors import FileFormatError, InputError, MissingDependencyError
from lift3d.protocols import BodyModel
from lift3d_body_models.family import FAMILY
from lift3d_body_models.model_files import read_model, write_model
from lift3d_body_models.smpl_family import (
    FlameBody,
    ManoBody,
    SmplBody,
    SmplhBody,
    SmplxBody,
    hand_poses,
)

KINDS = ("smpl", "smplh", "smplx", "mano", "flame")
FACTORIES: dict[str, Any] = {
    "smpl": SmplBody,
    "smplh": SmplhBody,
    "smplx": SmplxBody,
    "mano": ManoBody,
    "flame": FlameBody,
}


def params(kind: str, batch: tuple[int, ...] = (3,), expressions: int = 0) -> BodyParams:
    draw = torch.Generator().manual_seed(7)
    joints = len(FAMILY[kind].skeleton)
    return BodyParams(
        torch.randn(*batch, 10, generator=draw),
        torch.randn(*batch, joints - 1, 3, generator=draw) * 0.4,
        torch.randn(*batch, 3, generator=draw),
        torch.randn(*batch, 3, generator=draw),
        torch.randn(*batch, expressions, generator=draw),
    )


def written(family: Any, folder: Path, form: str, model: dict[str, Any]) -> Path:
    name, protocol = form, 2
    if form[-1].isdigit():
        name, protocol = form.split("-", maxsplit=1)[0], int(form[-1])
    path: Path = folder / f"{form}.bin"
    match name:
        case "npz":
            family.write_npz(folder / f"{form}.npz", model).rename(path)
        case "objects":
            family.write_object_npz(folder / f"{form}.npz", model).rename(path)
        case "pickle":
            family.write_pickle(path, model, protocol)
        case "old":
            family.write_old_pickle(path, model, protocol)
        case _:
            family.write_npz(folder / "before.npz", model)
            write_model(path, read_model(folder / "before.npz"))
    return path


@pytest.mark.parametrize("kind", KINDS)
def test_every_form_gives_the_same_body(family: Any, tmp_path: Path, kind: str) -> None:
    """To the last bit, whatever the file is called."""
    model = family.arrays(kind)
    forms = [
        "npz",
        "objects",
        "pickle-2",
        "pickle-5",
        "old-0",
        "old-1",
        "old-2",
        "old-4",
        "converted",
    ]
    bodies = [FACTORIES[kind](written(family, tmp_path, form, model)) for form in forms]
    pose = params(kind)
    first = bodies[0](pose)
    assert isinstance(bodies[0], BodyModel)
    assert bodies[0].skeleton == FAMILY[kind].skeleton
    for body in bodies[1:]:
        mesh = body(pose)
        assert torch.equal(mesh.vertices, first.vertices)
        assert torch.equal(mesh.joints, first.joints)
        assert torch.equal(mesh.faces, first.faces)
        assert torch.equal(body.surface.uv, bodies[0].surface.uv)
        assert torch.equal(body.surface.uv_faces, bodies[0].surface.uv_faces)


@pytest.mark.parametrize("kind", KINDS)
def test_the_arrays_are_those_of_the_file(family: Any, tmp_path: Path, kind: str) -> None:
    model = family.arrays(kind)
    arrays = read_model(family.write_old_pickle(tmp_path / "x.pkl", model))
    assert arrays.member.key == kind
    shapes = torch.cat([arrays.shapedirs, arrays.expressiondirs], -1)
    for ours, theirs in (
        (arrays.v_template, "v_template"),
        (shapes, "shapedirs"),
        (arrays.posedirs, "posedirs"),
        (arrays.j_regressor, "J_regressor"),
        (arrays.lbs_weights, "weights"),
        (arrays.faces, "f"),
    ):
        assert np.array_equal(ours.numpy(), model[theirs].astype(ours.numpy().dtype))


def test_expressions_follow_the_betas(family: Any, tmp_path: Path) -> None:
    """Of 400 shapes the first 300 are betas; of 20 the first 10."""
    for kind, first in (("smplx", 300), ("flame", 10)):
        model = family.arrays(kind)
        arrays = read_model(family.write_npz(tmp_path / f"{kind}.npz", model))
        assert arrays.shapedirs.shape[2] == first
        assert np.allclose(
            arrays.expressiondirs.numpy(), model["shapedirs"][..., first:], atol=1e-7
        )
        body = FACTORIES[kind](tmp_path / f"{kind}.npz", num_expressions=10)
        zero = params(kind, ())
        smile = torch.zeros(10)
        smile[2] = 1.0
        neutral = BodyParams(zero.betas, zero.body_pose * 0, zero.transl * 0, zero.transl * 0)
        moved = BodyParams(neutral.betas, neutral.body_pose, neutral.transl, neutral.transl, smile)
        difference = body(moved).vertices - body(neutral).vertices
        # At rest a vertex moves by the expression alone, weighted over joints that moved with it.
        assert torch.allclose(
            difference, torch.tensor(model["shapedirs"][..., first + 2]).float(), atol=1e-5
        )


def test_a_converted_file_holds_all_that_is_used(family: Any, tmp_path: Path) -> None:
    for kind in KINDS:
        before = read_model(family.write_old_pickle(tmp_path / f"{kind}.pkl", family.arrays(kind)))
        write_model(tmp_path / f"{kind}.safetensors", before)
        after = read_model(tmp_path / f"{kind}.safetensors")
        for field in ("v_template", "shapedirs", "expressiondirs", "posedirs", "j_regressor",
                      "lbs_weights", "faces", "uv", "uv_faces"):  # fmt: skip
            assert torch.equal(getattr(before, field), getattr(after, field)), field
        assert before.hands.keys() == after.hands.keys()
        for hand, pca in before.hands.items():
            assert torch.equal(pca.components, after.hands[hand].components)
            assert torch.equal(pca.mean, after.hands[hand].mean)


# ---- what does not fit ----


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weights": None}, r"the array 'weights' in .*none of that name"),
        ({"J_regressor": None}, "the array 'J_regressor'"),
        ({"posedirs": None}, "the array 'posedirs'"),
        ({"f": np.array([[0, 1, 60]])}, r"indices of 60 vertices in 'f'.*0 to 60"),
        ({"f": np.array([[0, 1, -1]])}, "indices of 60 vertices in 'f'"),
        ({"J_regressor": np.zeros((24, 61))}, r"'J_regressor' of shape \(24 60\).*\(24, 61\)"),
        ({"J_regressor": np.zeros((23, 60))}, r"'J_regressor' of shape \(24 60\)"),
        ({"weights": np.zeros((61, 24))}, r"'weights' of shape \(60 any\).*\(61, 24\)"),
        ({"weights": np.zeros((60, 24))}, "rows sum to 1"),
        ({"weights": np.full((60, 23), 1 / 23)}, r"as many joints as 24 \(SMPL\).*got 23"),
        ({"shapedirs": np.zeros((61, 3, 10))}, "'shapedirs' of shape"),
        ({"posedirs": np.zeros((60, 3, 93))}, r"'posedirs' of shape \(60 3 207\).*\(60, 3, 93\)"),
        ({"posedirs": "text"}, "'posedirs' of shape.*str"),
        ({"v_template": np.full((60, 3), np.nan)}, "finite numbers in 'v_template'"),
        ({"v_template": np.full((60, 3), 1e300)}, "body's size in 'v_template'"),
        ({"v_template": np.array([["a", "b", "c"]] * 60)}, "finite numbers in 'v_template'"),
        ({"kintree_table": np.array([[0] * 24, range(24)])}, "tree of SMPL in 'kintree_table'"),
        ({"f": np.array([[0, 1, 2.5]])}, "whole numbers in 'f'"),
        ({"v_template": np.zeros((0, 3))}, "vertices in 'v_template'.*none"),
        ({"v_template": scipy.sparse.csc_matrix((2**40, 3))}, "dense array 'v_template'.*sparse"),
        ({"weights": scipy.sparse.csr_matrix((60, 2**40))}, "dense array 'weights'.*sparse"),
    ],
)
def test_arrays_that_do_not_fit_are_named(
    family: Any, tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    model = family.arrays("smpl") | change
    model = {key: value for key, value in model.items() if value is not None}
    path = family.write_pickle(tmp_path / "SMPL_NEUTRAL.pkl", model)
    with pytest.raises(FileFormatError, match=message) as caught:
        SmplBody(path)
    assert "SMPL_NEUTRAL.pkl" in str(caught.value)


def test_a_sparse_regressor_of_giant_shape_stays_sparse(family: Any, tmp_path: Path) -> None:
    giant = scipy.sparse.csc_matrix((10**9, 10**6))
    path = family.write_pickle(tmp_path / "x.pkl", family.arrays("smpl") | {"J_regressor": giant})
    with pytest.raises(FileFormatError, match=r"'J_regressor' of shape \(24 60\)"):
        SmplBody(path)


def test_a_sparse_regressor_of_16_bits_is_refused(family: Any, tmp_path: Path) -> None:
    """SciPy cannot spread it."""
    model = family.arrays("smpl")
    model["J_regressor"] = scipy.sparse.csc_matrix(model["J_regressor"])
    model["J_regressor"].data = model["J_regressor"].data.astype(np.float16)
    with pytest.raises(FileFormatError, match="unpacked in 'J_regressor'"):
        SmplBody(family.write_pickle(tmp_path / "x.pkl", model))


@pytest.mark.parametrize(
    ("parents", "kind"), [("[" * 100_000, "F32"), ("[-1]", "F8_E4M3"), ("5", "F32")]
)
def test_a_header_that_makes_no_sense(tmp_path: Path, parents: str, kind: str) -> None:
    metadata = {"format": "lift3d-body-arrays", "format_version": "1", "parents": parents}
    shape = [16 if kind == "F32" else 64]
    tensor = {"dtype": kind, "shape": shape, "data_offsets": [0, 64]}
    header = json.dumps({"__metadata__": metadata, "v_template": tensor}).encode()
    path = tmp_path / "x.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(64))
    with pytest.raises(FileFormatError, match="convert it again"):
        read_model(path)


def test_pipes_in_a_folder_are_passed_over(family: Any, tmp_path: Path) -> None:
    """Opening one would wait for ever."""
    os.mkfifo(tmp_path / "SMPL_NEUTRAL.pkl")
    (tmp_path / "SMPL_NEUTRAL.npz").symlink_to("/dev/zero")
    with pytest.raises(FileFormatError, match="a pipe or a device"):
        SmplBody(tmp_path / "SMPL_NEUTRAL.pkl")
    with pytest.raises(MissingDependencyError, match="got none"):
        SmplBody(tmp_path)
    family.write_npz(tmp_path / "body.npz", family.arrays("smpl"))
    assert SmplBody(tmp_path).skeleton.name == "smpl_24"


def test_content_decides_what_a_file_is(family: Any, tmp_path: Path) -> None:
    path = family.write_npz(tmp_path / "SMPL_NEUTRAL.npz", family.arrays("flame"))
    with pytest.raises(
        FileFormatError, match=r"expected SMPL in .*got FLAME \(5 joints\): use FlameBody"
    ):
        SmplBody(path)
    assert FlameBody(path).skeleton.name == "flame_5"


@pytest.mark.parametrize("form", ["npz", "old-2", "converted"])
def test_truncated_files(family: Any, tmp_path: Path, form: str) -> None:
    whole = written(family, tmp_path, form, family.arrays("mano")).read_bytes()
    for share in (0.0, 0.01, 0.4, 0.99):
        path = tmp_path / f"cut{share}.pkl"
        path.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(FileFormatError, match="cut"):
            ManoBody(path)


def test_other_files_are_refused(tmp_path: Path) -> None:
    for content in (pickle.dumps([1, 2]), b"hello", b"{}", bytes(50)):
        path = tmp_path / "other.pkl"
        path.write_bytes(content)
        with pytest.raises(FileFormatError, match=r"other\.pkl"):
            SmplBody(path)
    with pytest.raises(FileFormatError, match="nothing there"):
        SmplBody(tmp_path / "none.pkl")


def test_a_hostile_body_is_refused_by_name(family: Any, tmp_path: Path) -> None:
    class Attack:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (tmp_path / "canary",)

    for model in (family.arrays("smpl") | {"J": Attack()}, family.arrays("smpl") | {"f": Attack()}):
        path = family.write_pickle(tmp_path / "x.pkl", model)
        with pytest.raises(FileFormatError, match=r"getattr|pathlib"):
            SmplBody(path)
    assert not (tmp_path / "canary").exists()


def test_more_betas_than_there_are(family: Any, tmp_path: Path) -> None:
    path = family.write_npz(tmp_path / "x.npz", family.arrays("smpl"))
    assert SmplBody(path, num_betas=12).articulation.joints_shapedirs.shape[2] == 12
    with pytest.raises(InputError, match="at most 12 betas"):
        SmplBody(path, num_betas=13)
    with pytest.raises(InputError, match="backend of lift3d, smplx"):
        SmplBody(path, backend="other")


# ---- the meshes that are published ----


@pytest.mark.parametrize(
    ("kind", "vertices", "nose"), [("smpl", 6890, 332), ("smplx", 10475, 9120)]
)
def test_a_published_mesh_has_landmarks(
    family: Any, tmp_path: Path, kind: str, vertices: int, nose: int
) -> None:
    """The body's own functions of betas give the vertices that smplx's table lists."""
    reference = pytest.importorskip("smplx.vertex_ids").vertex_ids[
        "smplh" if kind == "smpl" else kind
    ]
    model = family.arrays(kind, vertices)
    path = family.write_npz(tmp_path / "x.npz", model)
    body = FACTORIES[kind](path)
    landmarks = body.articulation.landmarks
    assert landmarks[0] == "nose"
    assert set(landmarks) >= {"left_eye", "right_ear", "left_heel", "right_big_toe"}
    names = {"reye": "right_eye", "lear": "left_ear", "LBigToe": "left_big_toe",
             "RSmallToe": "right_small_toe", "RHeel": "right_heel", "nose": "nose"}  # fmt: skip
    for theirs, ours in names.items():
        place = body.articulation.landmarks_template[landmarks.index(ours)]
        assert torch.equal(place, torch.tensor(model["v_template"][reference[theirs]]).float())
    weights = model["weights"][nose]
    assert body.articulation.landmark_joints[0] == int(weights.argmax())


def test_other_meshes_have_none(family: Any, tmp_path: Path) -> None:
    body = SmplBody(family.write_npz(tmp_path / "x.npz", family.arrays("smpl")))
    assert body.articulation.landmarks == ()
    assert len(body.surface.uv) == 0
    assert body.surface.part_names == body.skeleton.joints


# ---- hands ----


def test_hand_poses_of_principal_components(family: Any, tmp_path: Path) -> None:
    model = family.arrays("smplh")
    path = family.write_npz(tmp_path / "x.npz", model)
    hands = hand_poses(path)
    assert set(hands) == {"left", "right"}
    pca = hands["left"]
    coefficients = torch.randn(2, 6, generator=torch.Generator().manual_seed(3))
    expected = coefficients.numpy() @ model["hands_componentsl"][:6] + model["hands_meanl"]
    assert np.allclose(pca.pose(coefficients).numpy().reshape(2, 45), expected, atol=1e-5)
    assert torch.allclose(pca.pose(torch.zeros(6), flat=True), torch.zeros(15, 3))
    assert torch.allclose(pca.coefficients(pca.pose(coefficients), 6), coefficients, atol=1e-4)
    with pytest.raises(InputError, match="at most 45"):
        pca.pose(torch.zeros(46))
    assert (
        hand_poses(family.write_npz(tmp_path / "s.npz", family.arrays("smpl")), model="smpl") == {}
    )
    mano = family.write_pickle(tmp_path / "m.pkl", family.arrays("mano"))
    assert set(hand_poses(mano, model="mano", variant="right")) == {"hand"}


# ---- the reference ----


@pytest.mark.parametrize("kind", KINDS)
def test_the_backend_smplx_agrees(family: Any, tmp_path: Path, kind: str) -> None:
    pytest.importorskip("smplx")
    path = family.write_npz(tmp_path / "x.npz", family.arrays(kind))
    ours, theirs = FACTORIES[kind](path), FACTORIES[kind](path, backend="smplx")
    assert isinstance(theirs, BodyModel)
    for batch in ((), (3,), (2, 2)):
        pose = params(kind, batch, expressions=10 if FAMILY[kind].expressive else 0)
        a, b = ours(pose), theirs(pose)
        assert a.vertices.shape == b.vertices.shape
        assert torch.allclose(a.vertices, b.vertices, atol=1e-5)
        assert torch.allclose(a.joints, b.joints, atol=1e-5)
    shared = BodyParams(pose.betas[:1, :1], pose.body_pose, pose.global_orient, pose.transl)
    assert torch.allclose(ours(shared).vertices, theirs(shared).vertices, atol=1e-5)
    with pytest.raises(InputError, match="betas"):
        theirs(BodyParams(torch.zeros(3), pose.body_pose, pose.global_orient, pose.transl))


def test_the_class_smpl_of_smplx_agrees(family: Any, tmp_path: Path) -> None:
    """The package's own front door, with its tree of extra joints bent to our small mesh."""
    smplx = pytest.importorskip("smplx")
    model = family.arrays("smpl")
    body = SmplBody(family.write_npz(tmp_path / "x.npz", model))
    names = smplx.vertex_ids.vertex_ids["smplh"]
    reference = smplx.SMPL(
        "", data_struct=smplx.utils.Struct(**model), vertex_ids=dict.fromkeys(names, 0)
    )
    pose = params("smpl")
    out = reference(
        betas=pose.betas,
        body_pose=pose.body_pose.flatten(1),
        global_orient=pose.global_orient,
        transl=pose.transl,
    )
    mesh = body(pose)
    assert torch.allclose(mesh.vertices, out.vertices, atol=1e-5)
    assert torch.allclose(mesh.joints, out.joints[:, :24], atol=1e-5)
