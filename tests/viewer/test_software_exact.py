"""Which triangle each pixel shows: against rays cast in float64, and against cases done by hand."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.spatial import Delaunay

from lift3d.body import BodyMesh, BodyParams
from lift3d.camera import Camera
from lift3d.errors import InputError
from lift3d.geometry.rigid import rigid_from
from lift3d.geometry.rotations import rotmat_from_axis_angle
from lift3d_viewer.software import rasterise


def single(posed):
    return BodyMesh(posed.vertices[0], posed.joints[0], posed.faces, posed.skeleton)


@pytest.fixture(scope="module")
def capsule_mesh(capsules):
    return single(capsules.CapsuleBody()(capsules.walk(6)[5:6]))


@pytest.fixture(scope="module")
def coarse_mesh():
    folder = str(Path(__file__).parents[1] / "helpers")
    if folder not in sys.path:
        sys.path.insert(0, folder)
    body = importlib.import_module("coarse_body").coarse_body(0.03)
    turn = torch.tensor([[np.pi, 0.0, 0.0]])
    params = BodyParams(
        torch.zeros(1, 10), torch.zeros(1, 23, 3), turn, torch.tensor([[0, 0, 2.6]])
    )
    return single(body(params))


def nearest_by_rays(vertices, faces, rays, slack=1e-9):
    """Triangle, barycentrics and depth of the nearest front side that each ray from the origin meets
    (Moeller and Trumbore, 1997), and whether an edge or a second triangle lies within `slack`."""
    a, b, c = (vertices[faces[:, i]] for i in range(3))
    normal = np.cross(b - a, c - a)
    ids, doubtful = np.full(len(rays), -1), np.zeros(len(rays), bool)
    weights, depth = np.full((len(rays), 3), np.nan), np.full(len(rays), np.nan)
    for n in range(0, len(rays), 256):
        some = rays[n : n + 256]
        slope = some @ normal.T
        with np.errstate(divide="ignore", invalid="ignore"):
            t = np.einsum("fi,fi->f", normal, a) / slope
            v = some @ np.cross(c - a, a).T / slope
            w = some @ np.cross(a, b - a).T / slope
            inner = np.minimum(np.minimum(v, w), 1 - v - w)
        t = np.where((slope < 0) & (t > 0.02) & (inner > -slack), t, np.inf)
        met = np.where(inner >= 0, t, np.inf)
        first = met.min(1, keepdims=True)
        close = t < np.minimum(first, 1e9) + slack
        doubtful[n : n + 256] = (close & (inner < slack)).any(1) | (close.sum(1) > 1)
        for k in np.flatnonzero(first[:, 0] < np.inf):
            f = ids[n + k] = met[k].argmin()
            weights[n + k] = 1 - v[k, f] - w[k, f], v[k, f], w[k, f]
            depth[n + k] = met[k, f]
    return ids, weights, depth, doubtful


def pinhole_rays(camera):
    """Through pixel centres, of depth 1."""
    rows, columns = np.mgrid[: camera.image_size[0], : camera.image_size[1]]
    pixels = np.stack([columns, rows, np.ones_like(rows)], -1).reshape(-1, 3)
    return pixels @ np.linalg.inv(camera.intrinsics.double().numpy()).T


def assert_like_rays(mesh, camera, least=300):
    pose = camera.cam_from_world.double().numpy()
    vertices = mesh.vertices.double().numpy() @ pose[:3, :3].T + pose[:3, 3]
    ids, weights, depth, doubtful = nearest_by_rays(
        vertices, mesh.faces.numpy(), pinhole_rays(camera)
    )
    assert doubtful.mean() < 1e-3
    found = rasterise([mesh], camera)
    mine, here = found.face_ids.ravel(), ids >= 0
    assert here.sum() >= least
    np.testing.assert_array_equal(mine[~doubtful], ids[~doubtful])
    assert ((mine >= 0) & here).sum() >= 0.999 * ((mine >= 0) | here).sum()
    np.testing.assert_array_equal(found.mesh_ids >= 0, found.face_ids >= 0)
    same = here & (mine == ids)
    np.testing.assert_allclose(found.depth.ravel()[same], depth[same], atol=1e-4)
    np.testing.assert_allclose(found.barycentrics.reshape(-1, 3)[same], weights[same], atol=1e-4)
    assert np.isnan(found.depth[found.face_ids < 0]).all()
    assert np.isnan(found.barycentrics[found.face_ids < 0]).all()


def test_a_body_of_capsules_is_what_rays_meet(capsule_mesh):
    assert_like_rays(capsule_mesh, Camera.from_intrinsics((72, 64), 110.0, (30.0, 36.75)))


def test_a_turned_skewed_picture_in_a_turned_world(coarse_mesh):
    camera = Camera.from_intrinsics((80, 70), 90.0, dtype=torch.float64)
    camera = camera.warped(
        torch.tensor([[0.1, -1.0], [1.05, 0.2]]).double(), torch.tensor([65.0, 5.0]), (72, 76)
    )
    turn = rotmat_from_axis_angle(torch.tensor([0.05, 0.5, 0.1], dtype=torch.float64))
    middle = torch.tensor([0.0, 0.0, 2.6], dtype=torch.float64)
    pose = rigid_from(turn, middle - turn @ middle)
    assert_like_rays(
        coarse_mesh, Camera(camera.intrinsics, pose, camera.distortion, camera.image_size)
    )


@pytest.mark.parametrize("depth", [-0.1, 0.0, 0.1, 0.35])
def test_a_camera_inside_or_close_to_the_body(capsule_mesh, depth):
    move = torch.tensor([0.0, -0.15, depth]) - capsule_mesh.joints[0]
    near = BodyMesh(
        capsule_mesh.vertices + move, capsule_mesh.joints, capsule_mesh.faces, capsule_mesh.skeleton
    )
    assert_like_rays(near, Camera.from_intrinsics((36, 40), 30.0), least=0)


def test_a_mesh_drawn_from_both_sides_shows_its_inside(capsule_mesh):
    flipped = BodyMesh(
        capsule_mesh.vertices,
        capsule_mesh.joints,
        capsule_mesh.faces.flip(1),
        capsule_mesh.skeleton,
    )
    camera = Camera.from_intrinsics((72, 64), 110.0)
    both, outer = rasterise([flipped], camera, both_sides=True), rasterise([capsule_mesh], camera)
    closed = outer.face_ids >= 0
    assert (both.face_ids[closed] == outer.face_ids[closed]).mean() > 0.995
    np.testing.assert_allclose(both.depth[closed], outer.depth[closed], atol=1e-5)


# A camera that sees (x, y, 1) at pixel (64 x, 64 y), both exactly.
GRID = Camera.from_intrinsics((64, 64), 64.0, (0.0, 0.0), dtype=torch.float64)


def flat(mesh_of, pixels, faces, depth=1.0):
    points = np.column_stack([np.asarray(pixels) / 64, np.ones(len(pixels))]) * depth
    return mesh_of(points, faces)


def test_edges_through_pixel_centres_belong_to_the_right_and_below(mesh_of):
    corners = [[10, 5], [20, 5], [20, 9], [10, 9]]
    found = rasterise([flat(mesh_of, corners, [[0, 2, 1], [0, 3, 2]])], GRID)
    expected = np.zeros((64, 64), bool)
    expected[5:9, 10:20] = True
    np.testing.assert_array_equal(found.mesh_ids == 0, expected)


def times_drawn(mesh_of, pixels):
    """How many triangles between the corners hold each pixel's centre, each drawn alone."""
    faces = []
    for face in Delaunay(pixels).simplices:
        u, v = pixels[face[1:]] - pixels[face[0]]
        faces.append((face if u[0] * v[1] - u[1] * v[0] < 0 else face[::-1]).tolist())
    meshes = [flat(mesh_of, pixels, [face]) for face in faces]
    together = rasterise([flat(mesh_of, pixels, faces)], GRID)
    return sum((rasterise([one], GRID).face_ids == 0).astype(int) for one in meshes), together


SQUARE = np.array([[1, 1], [61, 1], [1, 61], [61, 61]], float)


def test_every_centre_belongs_to_exactly_one_of_neighbouring_triangles(mesh_of):
    inner = np.random.default_rng(3).integers(4, 60, (40, 2))  # on centres: the worst case
    count, _ = times_drawn(mesh_of, np.unique(np.concatenate([SQUARE, inner]), axis=0))
    expected = np.zeros((64, 64), int)
    expected[1:61, 1:61] = 1
    np.testing.assert_array_equal(count, expected)


def test_corners_that_rounding_moves_off_centres_leave_no_gaps(mesh_of):
    draw = np.random.default_rng(4)
    on, off = draw.integers(4, 60, (40, 2)), draw.uniform(4, 60, (40, 2))
    pixels = np.unique(np.concatenate([SQUARE, on, off]), axis=0)
    count, together = times_drawn(mesh_of, pixels)
    inner = np.s_[2:60, 2:60]
    assert (count[inner] >= 1).all()
    assert (together.face_ids[inner] >= 0).all()
    twice = np.argwhere(count > 1)[:, ::-1]
    assert (np.abs(twice[:, None] - pixels).max(-1).min(1) < 1e-9).all()


def test_a_floor_of_two_huge_triangles_that_reaches_behind_the_camera(mesh_of):
    """1.5 m below the eye: row r shows depth f * 1.5 / (r - horizon), with f 50 and horizon 20."""
    far = 1e5
    corners = [[-far, 1.5, -far], [far, 1.5, -far], [far, 1.5, far], [-far, 1.5, far]]
    camera = Camera.from_intrinsics((60, 80), 50.0, (33.3, 20.0), dtype=torch.float64)
    found = rasterise([mesh_of(corners, [[0, 2, 1], [0, 3, 2]])], camera)
    other = rasterise([mesh_of(corners, [[0, 1, 2], [0, 2, 3]])], camera)
    seen = found if (found.face_ids >= 0).any() else other
    assert ((found.face_ids >= 0).any()) != ((other.face_ids >= 0).any())
    assert (seen.face_ids[:21] == -1).all()
    assert (seen.face_ids[21:] >= 0).all()
    expected = np.repeat(75.0 / np.arange(1, 40)[:, None], 80, 1)
    np.testing.assert_allclose(seen.depth[21:], expected, rtol=1e-6)


def test_what_lies_wholly_behind_or_too_near_is_not_there(mesh_of):
    corners, faces = [[-30, -30], [90, -30], [30, 90]], [[0, 2, 1], [0, 1, 2]]
    for depth in (-1.0, -0.01, 0.019):
        assert (rasterise([flat(mesh_of, corners, faces, depth)], GRID).mesh_ids == -1).all()
    assert (rasterise([flat(mesh_of, corners, faces, 0.021)], GRID).mesh_ids >= 0).any()


def test_the_first_of_two_equal_triangles_counts(mesh_of):
    mesh = flat(mesh_of, [[3, 3], [60, 5], [7, 50]], [[0, 2, 1], [0, 2, 1]])
    found = rasterise([mesh, mesh], GRID)
    assert set(np.unique(found.face_ids)) == {-1, 0}
    assert set(np.unique(found.mesh_ids)) == {-1, 0}


def test_no_meshes_and_meshes_without_triangles_leave_nothing(mesh_of):
    for meshes in ([], [mesh_of(np.zeros((3, 3)), np.zeros((0, 3)))]):
        assert (rasterise(meshes, GRID).mesh_ids == -1).all()


def test_corners_that_are_no_vertices_are_refused(mesh_of):
    with pytest.raises(InputError, match="corners from 0 to 2"):
        rasterise([mesh_of(np.zeros((3, 3)), [[0, 1, 3]])], GRID)


def test_batches_and_unknown_places_are_refused(capsules):
    camera = Camera.from_intrinsics((8, 8), 9.0)
    lost = Camera(
        camera.intrinsics, torch.full((4, 4), torch.nan), camera.distortion, camera.image_size
    )
    with pytest.raises(InputError, match="whose place is known"):
        rasterise([], lost)
    posed = capsules.CapsuleBody()(capsules.walk(2))
    with pytest.raises(InputError, match="one by one"):
        rasterise([posed], camera)
