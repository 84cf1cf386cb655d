"""OBJ and PLY sequences, read by trimesh: vertices to the last bit, whole folders or none."""

import zipfile

import numpy as np
import pytest
import trimesh

from lift3d.errors import InputError, OutputError
from lift3d.io.motion.world_body import people_in_world, person_in_world
from lift3d.io.scenes.mesh_sequence import write_meshes


@pytest.fixture
def clip(helpers):
    return helpers.clip_of(helpers.swinging(3), helpers.swinging(3, aside=1.0, seed=1))


def obj_places(data: bytes) -> np.ndarray:
    """The vertices of an OBJ, by its letter."""
    rows = [line.split()[1:] for line in data.decode().splitlines() if line.startswith("v ")]
    return np.array(rows, dtype=np.float64).astype(np.float32)


@pytest.mark.parametrize("kind", ["obj", "ply"])
def test_every_frame_has_the_body_s_vertices(tmp_path, clip, body, kind):
    write_meshes(tmp_path / "out", clip, body, kind=kind)
    files = sorted((tmp_path / "out").iterdir())
    assert [file.name for file in files] == [f"frame_00000{i}.{kind}" for i in range(3)]
    meshes = [body(params) for params in people_in_world(clip, body)]
    for frame, file in enumerate(files):
        wanted = np.concatenate([mesh.vertices[frame].numpy() for mesh in meshes])
        read = trimesh.load(file, process=False, force="mesh")
        assert len(read.faces) == 2 * len(body.surface.faces)
        if kind == "obj":  # trimesh splits vertices at seams of the texture
            assert np.array_equal(obj_places(file.read_bytes()), wanted)
            corners = np.concatenate([mesh.vertices[frame].numpy()[mesh.faces] for mesh in meshes])
            assert np.array_equal(read.vertices[read.faces].astype(np.float32), corners)
            continue
        assert np.array_equal(read.vertices.astype(np.float32), wanted)
        count = len(body.surface.lbs_weights)
        faces = body.surface.faces.numpy()
        assert np.array_equal(read.faces, np.concatenate([faces, faces + count]))


def test_obj_has_the_texture_coordinates(tmp_path, clip, body):
    write_meshes(tmp_path / "a.obj", clip, body, person=0, frame=0)
    read = trimesh.load(tmp_path / "a.obj", process=False, force="mesh")
    wanted = body.surface.uv[body.surface.uv_faces].numpy()
    np.testing.assert_allclose(read.visual.uv[read.faces], wanted, atol=1e-6)


def test_ply_has_colours_for_display(tmp_path, clip, body):
    """Linear 0.2140 is display 0.5 (IEC 61966-2-1)."""
    write_meshes(tmp_path / "a.ply", clip, body, kind="ply", person=0, frame=0)
    read = trimesh.load(tmp_path / "a.ply", process=False)
    linear = body.surface.colors.numpy()
    shown = read.visual.vertex_colors[:, :3] / 255.0
    again = np.where(shown <= 0.04045, shown / 12.92, ((shown + 0.055) / 1.055) ** 2.4)
    assert np.abs(again - linear).max() < 0.01


def test_one_frame_of_one_person(tmp_path, clip, body):
    write_meshes(tmp_path / "a.ply", clip, body, kind="ply", person=1, frame=2)
    read = trimesh.load(tmp_path / "a.ply", process=False)
    wanted = body(person_in_world(clip, body, 1)).vertices[2].numpy()
    assert np.array_equal(read.vertices.astype(np.float32), wanted)


def test_a_zip_holds_the_same_files_and_the_same_bytes_again(tmp_path, clip, body):
    write_meshes(tmp_path / "out", clip, body)
    for name in ("a.zip", "b.zip"):
        write_meshes(tmp_path / name, clip, body)
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert sorted(archive.namelist()) == sorted(p.name for p in (tmp_path / "out").iterdir())
        for name in archive.namelist():
            assert archive.read(name) == (tmp_path / "out" / name).read_bytes()
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


class Breaking:
    """A body that fails after its first chunk of frames."""

    def __init__(self, body):
        self.body, self.calls = body, 0
        self.name, self.skeleton = body.name, body.skeleton
        self.articulation, self.surface = body.articulation, body.surface

    def joints(self, params):
        return self.body.joints(params)

    def __call__(self, params):
        self.calls += 1
        if self.calls > 5:
            raise RuntimeError("out of luck")
        return self.body(params)


@pytest.mark.parametrize("name", ["out", "out.zip"])
def test_what_breaks_off_leaves_nothing(tmp_path, helpers, body, name):
    clip = helpers.clip_of(helpers.swinging(80))
    with pytest.raises(RuntimeError, match="out of luck"):
        write_meshes(tmp_path / name, clip, Breaking(body), kind="ply", on_floor=True)
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_written_is_refused(tmp_path, clip, body):
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine.txt").write_text("kept")
    with pytest.raises(OutputError, match="new or an empty folder"):
        write_meshes(tmp_path / "full", clip, body)
    for options, message in (
        ({"kind": "stl"}, "kind of obj, ply"),
        ({"frame": 3}, "between 0 and 2"),
        ({"person": 2}, "between 0 and 1"),
    ):
        with pytest.raises(InputError, match=message):
            write_meshes(tmp_path / "new", clip, body, **options)
    assert [path.name for path in tmp_path.rglob("*")] == ["full", "mine.txt"]
