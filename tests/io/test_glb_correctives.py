"""Pose correctives: a GLB's skin with its morph targets lies on the body, as near as the file says."""

import importlib

import numpy as np
import pygltflib
import pytest
import trimesh
from scipy.spatial.transform import Rotation

from lift3d.errors import InputError
from lift3d.io.motion.world_body import people_in_world
from lift3d.io.scenes.glb import write_clip_glb

FRAMES = 8
KINDS = {5121: "u1", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}


@pytest.fixture(scope="module")
def clip(helpers):
    return helpers.clip_of(
        helpers.swinging(FRAMES), helpers.swinging(FRAMES, aside=1.0, seed=1), fps=10.0
    )


def array(file, accessor: int) -> np.ndarray:
    a = file.accessors[accessor]
    view = file.bufferViews[a.bufferView]
    start = (view.byteOffset or 0) + (a.byteOffset or 0)
    count = a.count * WIDTHS[a.type]
    kind = np.dtype(KINDS[a.componentType])
    return np.frombuffer(file.binary_blob(), kind, count, start).reshape(a.count, -1)


def skinned(file, person: int, frame: int) -> np.ndarray:
    """The surface of a frame by glTF's equations (2.0, sections 3.7.2.2 and 3.7.3), with scipy."""
    mesh, skin = file.meshes[person], file.skins[person]
    node = next(i for i, n in enumerate(file.nodes) if n.mesh == person)
    moved = {
        (c.target.node, c.target.path): array(file, file.animations[0].samplers[c.sampler].output)
        for c in file.animations[0].channels
    }
    (primitive,) = mesh.primitives
    places = array(file, primitive.attributes.POSITION).astype(np.float64)
    if primitive.targets:
        weights = moved[node, "weights"].reshape(FRAMES, -1)[frame]
        for weight, target in zip(weights, primitive.targets, strict=True):
            places = places + weight * array(file, target["POSITION"])
    parents = {c: i for i, n in enumerate(file.nodes) for c in n.children or ()}
    world: dict[int, np.ndarray] = {}

    def matrix(at: int) -> np.ndarray:
        if at not in world:
            local = np.eye(4)
            if (at, "rotation") in moved:
                local[:3, :3] = Rotation.from_quat(moved[at, "rotation"][frame]).as_matrix()
            shift = moved[at, "translation"][frame] if (at, "translation") in moved else None
            local[:3, 3] = shift if shift is not None else file.nodes[at].translation or 0
            world[at] = (matrix(parents[at]) if at in parents else np.eye(4)) @ local
        return world[at]

    bind = array(file, skin.inverseBindMatrices).reshape(-1, 4, 4).transpose(0, 2, 1)
    joints = np.stack([matrix(at) for at in skin.joints]) @ bind
    weights = array(file, primitive.attributes.WEIGHTS_0)
    blended = np.einsum("vk,vkij->vij", weights, joints[array(file, primitive.attributes.JOINTS_0)])
    return np.einsum("vij,vj->vi", blended[:, :3, :3], places) + blended[:, :3, 3]


def gaps(file, body, clip, person: int) -> np.ndarray:
    """Millimetres between the file's corners of triangles and the body's, frame by frame."""
    mesh = body(people_in_world(clip, body)[person])
    indices = array(file, file.meshes[person].primitives[0].indices).ravel()
    wanted = mesh.vertices.numpy()[:, mesh.faces.numpy().ravel()]
    found = np.stack([skinned(file, person, frame)[indices] for frame in range(FRAMES)])
    return 1000 * np.linalg.norm(found - wanted, axis=-1)


def test_targets_bring_the_skin_onto_the_body(tmp_path, clip, body):
    """The error shrinks with more targets, and is the one that the file tells."""
    means = []
    for targets in (0, 3, FRAMES):
        write_clip_glb(tmp_path / "a.glb", clip, body, correctives=targets)
        file = pygltflib.GLTF2().load(tmp_path / "a.glb")
        error = gaps(file, body, clip, 1)
        means.append(error.mean())
        if targets:
            told = file.meshes[1].extras
            assert told["largest_error_mm"] == pytest.approx(error.max(), rel=0.02, abs=0.01)
            assert told["mean_error_mm"] == pytest.approx(error.mean(), rel=0.2, abs=0.005)
    assert means[0] > 0.5
    assert means[1] < 0.5 * means[0]
    assert means[2] < 0.02  # as many targets as frames hold everything


def test_targets_are_sound_gltf(tmp_path, clip, body):
    write_clip_glb(tmp_path / "a.glb", clip, body, correctives=3)
    file = pygltflib.GLTF2().load(tmp_path / "a.glb")
    assert [n.name for n in file.nodes if n.mesh is not None] == ["person0", "person1"]
    for mesh in file.meshes:
        (primitive,) = mesh.primitives
        assert mesh.extras["targetNames"] == [f"corrective{i}" for i in (1, 2, 3)]
        assert len(mesh.weights) == len(primitive.targets) == 3
        count = file.accessors[primitive.attributes.POSITION].count
        for target in primitive.targets:
            accessor = file.accessors[target["POSITION"]]
            assert accessor.count == count
            values = array(file, target["POSITION"])
            np.testing.assert_array_equal(np.float32(accessor.min), values.min(0))
    weights = [c for c in file.animations[0].channels if c.target.path == "weights"]
    assert len(weights) == 2
    for channel in weights:
        sampler = file.animations[0].samplers[channel.sampler]
        assert file.accessors[sampler.output].count == 3 * file.accessors[sampler.input].count
        assert np.abs(array(file, sampler.output)).max() == pytest.approx(1)
    assert len(trimesh.load(tmp_path / "a.glb", process=False).geometry) == 2


def test_a_body_that_skinning_alone_moves_has_no_error_to_correct(tmp_path, helpers):
    stand_in = importlib.import_module("capsule_body")
    clip = helpers.clip_of(stand_in.walk(6))
    body = stand_in.CapsuleBody()
    write_clip_glb(tmp_path / "a.glb", clip, body, correctives=2)
    told = pygltflib.GLTF2().load(tmp_path / "a.glb").meshes[0].extras
    assert told["largest_error_mm"] < 0.01


def test_a_wrong_number_is_refused(tmp_path, clip, body):
    with pytest.raises(InputError, match="correctives, got -1"):
        write_clip_glb(tmp_path / "a.glb", clip, body, correctives=-1)
