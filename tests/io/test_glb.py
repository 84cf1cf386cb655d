"""Animated GLB files, read back by a parser of their own and by trimesh."""

import importlib
import json
import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import trimesh
from scipy.spatial import cKDTree

from lift3d.body import BodyParams
from lift3d.conventions import WORLD_FROM_CAMERA
from lift3d.errors import InputError, OutputError
from lift3d.io.scenes.glb import write_glb
from lift3d.skeletons import SMPL_24

KINDS = {5121: "u1", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}


@pytest.fixture(scope="module")
def capsules() -> Any:
    folder = str(Path(__file__).parents[1] / "helpers")
    if folder not in sys.path:
        sys.path.insert(0, folder)
    return importlib.import_module("capsule_body")


@pytest.fixture(scope="module")
def body(capsules):
    return capsules.CapsuleBody()


@pytest.fixture(scope="module")
def walk(capsules):
    return capsules.walk(20)


class Read:
    """A GLB file by the letter of the glTF 2.0 specification, section 4."""

    def __init__(self, path):
        data = Path(path).read_bytes()
        magic, version, length = struct.unpack("<4sII", data[:12])
        assert (magic, version, length) == (b"glTF", 2, len(data))
        size, kind = struct.unpack("<I4s", data[12:20])
        assert kind == b"JSON"
        self.tree = json.loads(data[20 : 20 + size])
        rest = data[20 + size :]
        assert struct.unpack("<I4s", rest[:8])[1] == b"BIN\0"
        self.blob = rest[8:]

    def array(self, accessor):
        a = self.tree["accessors"][accessor]
        view = self.tree["bufferViews"][a["bufferView"]]
        start = view.get("byteOffset", 0) + a.get("byteOffset", 0)
        kind = np.dtype(KINDS[a["componentType"]])
        assert start % kind.itemsize == 0
        count = a["count"] * WIDTHS[a["type"]]
        values = np.frombuffer(self.blob, kind, count, start).reshape(a["count"], -1)
        for name, bound in (("min", values.min(0)), ("max", values.max(0))):
            if name in a:
                np.testing.assert_array_equal(np.float32(a[name]), bound)
        return values

    def node(self, name):
        return next(i for i, n in enumerate(self.tree["nodes"]) if n.get("name") == name)

    def parents(self):
        pairs = [(c, i) for i, n in enumerate(self.tree["nodes"]) for c in n.get("children", ())]
        assert len({c for c, _ in pairs}) == len(pairs), "a node has two parents"
        return dict(pairs)

    def channels(self):
        """(node, path) -> times and values."""
        (animation,) = self.tree["animations"]
        out = {}
        for channel in animation["channels"]:
            sampler = animation["samplers"][channel["sampler"]]
            assert sampler["interpolation"] == "LINEAR"
            target = channel["target"]["node"], channel["target"]["path"]
            out[target] = self.array(sampler["input"])[:, 0], self.array(sampler["output"])
        return out

    def global_matrices(self, frame):
        """World matrix of every node in a frame of the animation."""
        moved, parents = self.channels(), self.parents()
        local = []
        for index, node in enumerate(self.tree["nodes"]):
            matrix = np.eye(4)
            shift = node.get("translation", (0, 0, 0))
            turn = node.get("rotation", (0, 0, 0, 1))
            matrix[:3, 3] = moved[index, "translation"][1][frame] if (
                index, "translation") in moved else shift  # fmt: skip
            matrix[:3, :3] = matrix_of(
                moved[index, "rotation"][1][frame] if (index, "rotation") in moved else turn
            )
            local.append(matrix)

        def world(index):
            return (world(parents[index]) if index in parents else np.eye(4)) @ local[index]

        return np.stack([world(i) for i in range(len(local))])


def matrix_of(xyzw):
    x, y, z, w = np.asarray(xyzw, dtype=np.float64)
    assert x * x + y * y + z * z + w * w == pytest.approx(1, abs=1e-5)
    v = np.array([x, y, z])
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return (w * w - v @ v) * np.eye(3) + 2 * np.outer(v, v) + 2 * w * cross


def with_(params, **changes):
    parts = {
        name: getattr(params, name) for name in ("betas", "body_pose", "global_orient", "transl")
    }
    return BodyParams(**(parts | changes))


@pytest.mark.parametrize("betas", [(0.0, 0.0), (1.5, -0.7)])
def test_joints_and_skin_move_as_in_the_model(tmp_path, body, walk, betas):
    params = with_(walk, betas=torch.tensor([betas], dtype=torch.float64))
    write_glb(tmp_path / "a.glb", body, [params], 30.0, on_floor=False)
    read = Read(tmp_path / "a.glb")
    mesh = body(params)
    world = WORLD_FROM_CAMERA.numpy()
    (skin,), (primitive,) = read.tree["skins"], read.tree["meshes"][0]["primitives"]
    bind = read.array(skin["inverseBindMatrices"]).reshape(-1, 4, 4).transpose(0, 2, 1)
    attributes = {name: read.array(at) for name, at in primitive["attributes"].items()}
    rest = np.concatenate([attributes["POSITION"], np.ones((len(attributes["POSITION"]), 1))], 1)
    for frame in range(0, 20, 2):
        matrices = read.global_matrices(frame)[skin["joints"]]
        joints = mesh.joints[frame].numpy() @ world.T
        np.testing.assert_allclose(matrices[:, :3, 3], joints, atol=1e-4)
        blended = np.einsum(
            "vk,vkij->vij", attributes["WEIGHTS_0"], (matrices @ bind)[attributes["JOINTS_0"]]
        )
        skinned = np.einsum("vij,vj->vi", blended, rest)[:, :3]
        # Seams split vertices: compare as places, each with the nearest of the other side.
        posed = mesh.vertices[frame].numpy() @ world.T
        assert cKDTree(posed).query(skinned)[0].max() < 1e-4
        assert cKDTree(skinned).query(posed)[0].max() < 1e-4


def test_the_lowest_place_stands_on_the_floor_and_up_is_y(tmp_path, body, walk):
    write_glb(tmp_path / "a.glb", body, [walk], 30.0)
    read = Read(tmp_path / "a.glb")
    head, pelvis, foot = (read.node(name) for name in ("head", "pelvis", "left_foot"))
    places = np.stack([read.global_matrices(frame)[:, :3, 3] for frame in range(20)])
    assert (places[:, head, 1] > places[:, pelvis, 1] + 0.4).all()
    assert 1.4 < places[:, head, 1].mean() < 1.8
    lowest = float((body(walk).vertices @ WORLD_FROM_CAMERA[1]).min())
    joints = body.joints(walk) @ WORLD_FROM_CAMERA.T
    expected = joints[:, SMPL_24.index("left_foot"), 1] - lowest
    np.testing.assert_allclose(places[:, foot, 1], expected, atol=1e-4)


def test_another_world_may_be_given(tmp_path, body, walk):
    eye = torch.eye(3, dtype=torch.float64)
    write_glb(tmp_path / "a.glb", body, [walk], 30.0, world_from_camera=eye, on_floor=False)
    matrices = Read(tmp_path / "a.glb").global_matrices(4)
    read = Read(tmp_path / "a.glb")
    np.testing.assert_allclose(
        matrices[read.node("left_knee"), :3, 3],
        body.joints(walk)[4, SMPL_24.index("left_knee")],
        atol=1e-4,
    )


def test_times_are_frames_over_fps_and_shared_by_all_people(tmp_path, body, walk):
    aside = with_(walk, transl=walk.transl + torch.tensor([1.0, 0, 0]))
    write_glb(tmp_path / "two.glb", body, [walk, aside], 25.0, ["anna", "ben"])
    read = Read(tmp_path / "two.glb")
    inputs = {s["input"] for s in read.tree["animations"][0]["samplers"]}
    assert len(inputs) == 1
    np.testing.assert_allclose(read.array(inputs.pop())[:, 0], np.arange(20) / 25, rtol=1e-6)
    assert len(read.tree["meshes"]) == len(read.tree["skins"]) == 2
    matrices = read.global_matrices(7)
    gap = matrices[read.node("ben_pelvis"), :3, 3] - matrices[read.node("anna_pelvis"), :3, 3]
    np.testing.assert_allclose(gap, [1, 0, 0], atol=1e-5)


def test_joints_have_the_names_of_the_skeleton(tmp_path, body, walk):
    write_glb(tmp_path / "a.glb", body, [walk], 30.0)
    read = Read(tmp_path / "a.glb")
    names = [read.tree["nodes"][i]["name"] for i in read.tree["skins"][0]["joints"]]
    assert names == list(SMPL_24.joints)


def test_quaternions_take_the_short_way_between_frames(tmp_path, body):
    """A full turn about y passes the half turn, where axis-angle vectors flip their sign."""
    angle = torch.linspace(0, 2 * torch.pi, 40, dtype=torch.float64)
    flipped = torch.where(angle > torch.pi, angle - 2 * torch.pi, angle)
    pose = torch.zeros(40, 23, 3, dtype=torch.float64)
    pose[:, SMPL_24.index("left_elbow") - 1, 1] = flipped
    orient = torch.stack([0 * angle, flipped, 0 * angle], -1)
    params = BodyParams(torch.zeros(1, 2).double(), pose, orient, torch.zeros(40, 3).double())
    write_glb(tmp_path / "a.glb", body, [params], 30.0)
    for (_, path), (_, values) in Read(tmp_path / "a.glb").channels().items():
        if path == "rotation":
            assert (np.einsum("fi,fi->f", values[1:], values[:-1]) > 0.98).all()


def test_the_surface_is_sound(tmp_path, body, walk):
    write_glb(tmp_path / "a.glb", body, [walk], 30.0)
    read = Read(tmp_path / "a.glb")
    (primitive,) = read.tree["meshes"][0]["primitives"]
    a = {name: read.array(at) for name, at in primitive["attributes"].items()}
    assert len({len(values) for values in a.values()}) == 1
    np.testing.assert_allclose(a["WEIGHTS_0"].sum(1), 1, atol=1e-6)
    assert a["JOINTS_0"].max() < 24
    assert (a["JOINTS_0"][a["WEIGHTS_0"] == 0] == 0).all()
    np.testing.assert_allclose(np.linalg.norm(a["NORMAL"], axis=1), 1, atol=1e-5)
    indices = read.array(primitive["indices"]).reshape(-1, 3)
    assert indices.max() == len(a["POSITION"]) - 1
    # The corners of each triangle keep their place, colour and texture coordinates.
    surface = body.surface
    rest = body(with_(walk, body_pose=walk.body_pose[:1] * 0, global_orient=torch.zeros(1, 3).double(),
                      transl=torch.zeros(1, 3).double())).vertices[0]  # fmt: skip
    np.testing.assert_allclose(a["POSITION"][indices], rest[surface.faces], atol=1e-6)
    np.testing.assert_allclose(
        a["COLOR_0"][indices][..., :3] / 65535, surface.colors[surface.faces], atol=1e-5
    )
    uv = surface.uv[surface.uv_faces].numpy()
    np.testing.assert_allclose(a["TEXCOORD_0"][indices], np.stack([uv[..., 0], 1 - uv[..., 1]], -1),
                               atol=1e-6)  # fmt: skip


def test_trimesh_loads_it(tmp_path, body, walk):
    write_glb(tmp_path / "a.glb", body, [walk, walk], 30.0)
    scene = trimesh.load(tmp_path / "a.glb", process=False)
    assert len(scene.geometry) == 2
    mesh = next(iter(scene.geometry.values()))
    assert len(mesh.faces) == len(body.surface.faces)
    np.testing.assert_allclose(np.ptp(mesh.vertices[:, 1]), 1.65, atol=0.1)


def test_frames_without_the_person_hold_the_nearest_pose(tmp_path, body, walk):
    holes = walk.transl.clone()
    holes[:3] = torch.nan
    holes[10] = torch.nan
    write_glb(tmp_path / "a.glb", body, [with_(walk, transl=holes)], 30.0, on_floor=False)
    read = Read(tmp_path / "a.glb")
    knee = read.node("left_knee")
    for frame, held in ((0, 3), (2, 3), (10, 9)):
        np.testing.assert_allclose(
            read.global_matrices(frame)[knee], read.global_matrices(held)[knee], atol=1e-6
        )
    with pytest.raises(InputError, match="at least one finite frame"):
        write_glb(tmp_path / "b.glb", body, [with_(walk, transl=holes * torch.nan)], 30.0)
    with pytest.raises(InputError, match="at least one finite frame"):
        write_glb(tmp_path / "c.glb", body, [with_(walk, betas=walk.betas * torch.nan)], 30.0)


def test_who_made_it_is_written_down(tmp_path, body, walk):
    write_glb(tmp_path / "a.glb", body, [walk], 30.0, copyright="CC0")
    asset = Read(tmp_path / "a.glb").tree["asset"]
    assert asset["version"] == "2.0"
    assert asset["generator"].startswith("lift3d ")
    assert asset["copyright"] == "CC0"


def test_what_does_not_fit_is_refused(tmp_path, body, walk):
    for people, names, fps, message in (
        ([], [], 30.0, "of nobody"),
        ([walk, walk[:5]], [], 30.0, "cut them to common frames"),
        ([walk], ["a", "b"], 30.0, "one name per person"),
        ([walk], [], 0.0, "frame rate above 0"),
    ):
        with pytest.raises(InputError, match=message):
            write_glb(tmp_path / "a.glb", body, people, fps, names)
    assert not list(tmp_path.iterdir())


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path, body, walk):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(OutputError, match="choose another output folder"):
        write_glb(tmp_path / "file" / "a.glb", body, [walk], 30.0)
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_single_frame_is_a_file_too(tmp_path, body, walk):
    write_glb(tmp_path / "a.glb", body, [walk[:1]], 30.0)
    assert len(Read(tmp_path / "a.glb").channels()) == 25
