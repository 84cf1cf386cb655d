"""The software viewer as a plug-in: what it draws over what, what it refuses, who may draw at once."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from lift3d.body import BodyMesh
from lift3d.camera import Camera
from lift3d.errors import InputError
from lift3d.protocols import Viewer
from lift3d_viewer.software import SoftwareViewer, Texture, rasterise

CAMERA = Camera.from_intrinsics((120, 160), 150.0)
FRONT = [[0, 3, 2], [0, 2, 1]]
GREY = (0.5, 0.5, 0.5)


@pytest.fixture
def software():
    with SoftwareViewer() as viewer:
        yield viewer


def wall(depth, half=0.5):
    return torch.tensor(
        [[-half, -half, depth], [half, -half, depth], [half, half, depth], [-half, half, depth]],
        dtype=torch.float64,
    )


def plain(rgb, vertices=4):
    return torch.tensor(rgb).expand(vertices, 3)


@pytest.fixture(scope="module")
def walkers(capsules):
    """Six steps of a walker, and its colours."""
    body = capsules.CapsuleBody()
    posed = body(capsules.walk(6))
    meshes = [
        BodyMesh(v, j, posed.faces, posed.skeleton)
        for v, j in zip(posed.vertices, posed.joints, strict=True)
    ]
    return meshes, body.surface.colors


def test_it_obeys_the_protocol_and_says_that_it_works(software):
    assert isinstance(software, Viewer)
    assert SoftwareViewer.probe().startswith("works: numba")


def test_an_empty_scene_is_the_background(software):
    rgb, covered = software.render([], [], CAMERA)
    assert not covered.any()
    assert (rgb == np.array(software.background, dtype=np.uint8)).all()
    rgba, _ = software.render_rgba([], [], CAMERA)
    assert not rgba.any()


def test_covered_are_the_pixels_whose_centre_rasterise_finds_on_a_body(software, walkers):
    meshes, colors = walkers
    camera = Camera.from_intrinsics((90, 100), 120.0, (52.0, 40.0), (-0.2, 0.05, 0.001, 0.002))
    rgb, covered = software.render(meshes[5:], [colors], camera)
    np.testing.assert_array_equal(covered, rasterise(meshes[5:], camera).mesh_ids >= 0)
    grown = np.pad(covered, 1)
    near = np.any([np.roll(grown, (y, x), (0, 1)) for y in (-1, 0, 1) for x in (-1, 0, 1)], 0)
    assert (rgb[~near[1:-1, 1:-1]] == np.array(software.background)).all()


def test_it_draws_over_a_picture_and_leaves_the_rest_of_it_alone(software, mesh_of):
    behind = np.random.default_rng(1).integers(0, 256, (120, 160, 3), dtype=np.uint8)
    kept = behind.copy()
    rgb, covered = software.render([mesh_of(wall(3.0), FRONT)], [plain(GREY)], CAMERA, behind)
    np.testing.assert_array_equal(behind, kept)
    np.testing.assert_array_equal(rgb[~covered], behind[~covered])
    assert np.ptp(rgb[58:62, 78:82].astype(int)) < 12


def test_edges_show_the_share_of_the_pixel_that_is_covered(mesh_of):
    """A wall from x = 9.3 to 19.9 covers 0.2 of column 9 and 0.4 of column 20 (samples stand at -0.4,
    -0.2, 0, 0.2 and 0.4 of a pixel)."""
    camera = Camera.from_intrinsics((32, 32), 32.0, (0.0, 0.0), dtype=torch.float64)
    corners = torch.tensor([[9.3, 4], [19.9, 4], [19.9, 24], [9.3, 24]], dtype=torch.float64) / 32
    mesh = mesh_of(torch.cat([corners, torch.ones(4, 1)], 1), FRONT)
    rgba, _ = SoftwareViewer().render_rgba([mesh], [plain(GREY)], camera)
    np.testing.assert_array_equal(rgba[10, [8, 9, 10, 19, 20, 21], 3], [0, 51, 255, 255, 102, 0])
    np.testing.assert_allclose(rgba[10, [9, 20], :3].astype(int), rgba[10, [11, 18], :3], atol=6)


def test_alpha_and_colour_laid_over_a_picture_give_what_render_gives(software, walkers):
    meshes, colors = walkers
    behind = np.full((120, 160, 3), (200, 90, 20), np.uint8)
    rgba, covered = software.render_rgba(meshes[5:], [colors], CAMERA)
    rgb, also = software.render(meshes[5:], [colors], CAMERA, behind)
    np.testing.assert_array_equal(covered, also)
    alpha = rgba[..., 3:] / 255
    np.testing.assert_allclose(rgba[..., :3] * alpha + behind * (1 - alpha), rgb, atol=1.5)


def test_the_nearer_body_hides_the_farther(software, mesh_of):
    near, far = mesh_of(wall(2.0, 0.3), FRONT), mesh_of(wall(3.0), FRONT)
    red, blue = plain((0.8, 0.02, 0.02)), plain((0.02, 0.02, 0.8))
    for meshes, colors in (([near, far], [red, blue]), ([far, near], [blue, red])):
        rgb, _ = software.render(meshes, colors, CAMERA)
        assert rgb[60, 80].argmax() == 0


def test_surfaces_are_seen_from_outside_only(software, mesh_of):
    inside = mesh_of(wall(3.0), [[2, 3, 0], [1, 2, 0]])
    assert not software.render([inside], [plain(GREY)], CAMERA)[1].any()


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf, 1e30, 1e300])
def test_triangles_with_an_unknown_corner_are_left_out_and_others_stay(software, mesh_of, bad):
    points = torch.cat([wall(3.0), wall(2.0, 0.2)])
    points[3, 1] = bad
    mesh = mesh_of(points, [*FRONT, [4, 7, 6], [4, 6, 5], [3, 5, 4]])
    rgb, covered = software.render([mesh], [plain(GREY, 8)], CAMERA)
    good = mesh_of(points.nan_to_num(0, 0, 0), [FRONT[1], [4, 7, 6], [4, 6, 5]])
    expected = software.render([good], [plain(GREY, 8)], CAMERA)
    np.testing.assert_array_equal(covered, expected[1])
    np.testing.assert_array_equal(rgb, expected[0])
    shaded = SoftwareViewer(shadows=1.0).render([mesh], [plain(GREY, 8)], CAMERA)
    np.testing.assert_array_equal(shaded[1], covered)


def test_colours_that_are_no_numbers_are_black(software, mesh_of):
    rgb, covered = software.render([mesh_of(wall(3.0), FRONT)], [plain((torch.nan,) * 3)], CAMERA)
    assert (rgb[covered] == 0).all()


def test_fifty_people_one_of_them_around_the_camera(software, walkers):
    meshes, colors = walkers
    crowd = []
    for n in range(50):
        move = torch.tensor([n % 10 - 4.5, 0.1, n // 10 - 4.0], dtype=torch.float64)
        mesh = meshes[n % 6]
        crowd.append(BodyMesh(mesh.vertices + move, mesh.joints, mesh.faces, mesh.skeleton))
    _, covered = software.render(crowd, [colors] * 50, CAMERA)
    found = rasterise(crowd, CAMERA)
    np.testing.assert_array_equal(covered, found.mesh_ids >= 0)
    assert len(np.unique(found.mesh_ids)) > 10


@pytest.mark.parametrize(
    ("vertices", "colors", "background", "message"),
    [
        (wall(3.0), torch.zeros(5, 3), None, "vertices and colours"),
        (wall(3.0), torch.zeros(4, 3), np.zeros((8, 8, 3), np.uint8), "expected a background"),
    ],
)
def test_wrong_shapes_are_refused(software, mesh_of, vertices, colors, background, message):
    with pytest.raises(InputError, match=message):
        software.render([mesh_of(vertices, FRONT)], [colors], CAMERA, background=background)


def test_what_does_not_come_in_pairs_is_refused(software, mesh_of):
    with pytest.raises(InputError, match="one array of colours per mesh"):
        software.render([], [torch.zeros(4, 3)], CAMERA)
    mesh, uv = mesh_of(wall(3.0), FRONT), torch.zeros(3, 2)
    with pytest.raises(InputError, match="one texture or None per mesh"):
        software.render([mesh], [plain(GREY)], CAMERA, textures=[])
    texture = Texture(np.zeros((2, 2, 3), np.uint8), uv, torch.tensor([[0, 1, 2]]))
    with pytest.raises(InputError, match="uv_faces for 2 triangles"):
        software.render([mesh], [plain(GREY)], CAMERA, textures=[texture])


def test_pictures_without_pixels_are_refused():
    with pytest.raises(InputError, match=r"positive \(height, width\)"):
        Camera.from_intrinsics((0, 160), 150.0)


def test_nothing_is_drawn_after_close(software):
    software.close()
    with pytest.raises(InputError, match="expected an open viewer"):
        software.render([], [], CAMERA)


def test_threads_may_draw_at_once_and_sizes_may_change(software, walkers):
    meshes, colors = walkers
    cameras = [Camera.from_intrinsics(size, 150.0) for size in ((120, 160), (77, 213), (200, 64))]
    jobs = [(mesh, camera) for camera in cameras for mesh in meshes] * 3
    alone = [software.render([mesh], [colors], camera)[0] for mesh, camera in jobs]
    start = threading.Barrier(4)

    def draw(part):
        start.wait()
        return [software.render([mesh], [colors], camera)[0] for mesh, camera in jobs[part::4]]

    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(draw, range(4)))
    for part in range(4):
        for expected, found in zip(alone[part::4], together[part], strict=True):
            np.testing.assert_array_equal(found, expected)


SCRIPT = """
import hashlib, os, sys
import torch
from lift3d.body import BodyMesh
from lift3d.camera import Camera
from lift3d.skeleton import Skeleton
from lift3d_viewer.software import SoftwareViewer
assert not {"numba", "OpenGL", "pyrender", "trimesh"} & set(sys.modules), "loaded too early"
draw = torch.Generator().manual_seed(5)
points = torch.randn(60, 3, generator=draw) * 0.5 + torch.tensor([0.0, 0.0, 3.0])
faces = torch.randint(0, 60, (150, 3), generator=draw)
mesh = BodyMesh(points, points[:1], faces, Skeleton("point", ("root",), (-1,)))
colors, camera = torch.rand(60, 3, generator=draw), Camera.from_intrinsics((90, 120), 100.0)
viewer = SoftwareViewer(shadows=0.5)
def digest():
    return hashlib.sha256(viewer.render([mesh], [colors], camera)[0].tobytes()).hexdigest()
"""


def test_a_forked_process_and_a_fresh_one_draw_the_same_bits_without_gl():
    """The child answers by its exit code; whoever is spawned is as fresh as the second process."""
    forked = SCRIPT + (
        "before = digest()\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    os._exit(7 if digest() == before else 8)\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), before)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", forked], capture_output=True, text=True, check=True
    )
    fresh = SCRIPT + "print(7, digest())\n"
    again = subprocess.run(
        [sys.executable, "-c", fresh], capture_output=True, text=True, check=True
    )
    assert done.stdout == again.stdout
    assert again.stdout.startswith("7 ")
