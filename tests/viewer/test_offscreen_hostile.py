"""What may go wrong below and above the renderer: drivers that crash or hang, and odd meshes."""

import ctypes.util
import shutil
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest
import torch

from lift3d.camera import Camera
from lift3d.errors import InputError, MissingDependencyError
from lift3d_viewer import egl, gl
from lift3d_viewer.offscreen import OffscreenViewer

CAMERA = Camera.from_intrinsics((120, 160), 150.0)
GREY = torch.full((1, 3), 0.5)
DRIVERS = {
    "abort();": "ended its process with code -6",
    "*(volatile int *)0 = 0;": "ended its process with code -11",
    "for (;;) sleep(1);": "did not answer within 2 seconds",
    "return 0;": "of which none makes a GL context",
}


@pytest.fixture
def ball(mesh_of):
    """Makes a ball at a place: 162 vertices, 320 triangles."""
    import trimesh

    sphere = trimesh.creation.icosphere(subdivisions=2, radius=0.4)

    def make(centre=(0.0, 0.0, 3.0)):
        return mesh_of(np.asarray(sphere.vertices) + np.asarray(centre), np.asarray(sphere.faces))

    return make


def draw(viewer, meshes, camera=CAMERA):
    return viewer.render(meshes, [GREY.expand(len(m.vertices), 3) for m in meshes], camera)


@pytest.fixture
def driver(tmp_path, monkeypatch):
    """Puts a libEGL that does something before the system's."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler to make a broken driver with")

    def make(does):
        source = tmp_path / "egl.c"
        source.write_text(
            "#include <stdlib.h>\n#include <unistd.h>\n"
            f"void *eglGetProcAddress(const char *name) {{ {does} }}\n"
            "void *eglGetDisplay(void *native) { return 0; }\n"
        )
        library = str(tmp_path / "libEGL.so.1")
        subprocess.run([compiler, "-w", "-shared", "-fPIC", "-o", library, str(source)], check=True)
        monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path))

    return make


@pytest.mark.parametrize("does", DRIVERS)
def test_a_driver_that_crashes_hangs_or_is_empty_is_told_of(driver, does):
    driver(does)
    found, reason = egl.device_that_draws(timeout=2.0)
    assert found is None
    assert DRIVERS[does] in reason


def test_a_broken_driver_ends_in_a_sentence_and_not_in_a_crash(driver, monkeypatch):
    driver("abort();")
    for name in ("PYOPENGL_PLATFORM", "EGL_DEVICE_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(ctypes.util, "find_library", lambda _name: None)
    with pytest.raises(MissingDependencyError, match=r"code -6\): install the Debian packages"):
        gl.choose_platform()


def test_a_library_that_is_none_does_not_load(tmp_path, monkeypatch):
    (tmp_path / "libEGL.so.1").write_text("no library")
    monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path))
    found, reason = egl.device_that_draws()
    assert found is None
    assert "libEGL.so.1 does not load" in reason


def test_a_process_that_loaded_pyrender_itself_is_told_to_set_the_platform():
    script = (
        "import sys, types; sys.modules['OpenGL.GL'] = types.ModuleType('OpenGL.GL')\n"
        "from lift3d_viewer.gl import import_pyrender\n"
        "import_pyrender()\n"
    )
    environment = {"PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=False
    )
    assert "InputError: expected lift3d to choose the GL platform" in done.stderr


def test_triangles_with_a_corner_that_is_not_a_number_are_left_out(viewer, ball):
    whole, hole = ball(), ball()
    nearest = int(hole.vertices[:, 2].argmin())
    for bad in (float("nan"), float("inf"), 1e30):
        hole.vertices[nearest] = bad
        rgb, mask = draw(viewer, [hole])
        full, full_mask = draw(viewer, [whole])
        assert not mask[60, 80]
        assert full_mask[60, 80]
        assert 0 < (full_mask & ~mask).sum() < 0.2 * full_mask.sum()
        # Three triangles away nothing has changed.
        rim = full_mask & mask & (np.hypot(*np.mgrid[-60:60, -80:80]) > 15)
        np.testing.assert_allclose(rgb[rim].astype(int), full[rim].astype(int), atol=1)


def test_a_body_of_nothing_but_unknown_vertices_is_not_there(viewer, ball):
    lost = ball((float("nan"), 0.0, 3.0))
    rgb, mask = draw(viewer, [lost, ball()])
    alone, alone_mask = draw(viewer, [ball()])
    np.testing.assert_array_equal(rgb, alone)
    np.testing.assert_array_equal(mask, alone_mask)


def test_a_mesh_without_vertices_or_triangles_is_not_there(viewer, mesh_of):
    nothing = mesh_of(torch.zeros(0, 3), torch.zeros(0, 3, dtype=torch.int64))
    points = mesh_of(torch.tensor([[0.0, 0.0, 3.0]]), torch.zeros(0, 3, dtype=torch.int64))
    _, mask = draw(viewer, [nothing, points])
    assert not mask.any()


def test_a_camera_inside_a_body_sees_through_it(viewer, ball):
    """Surfaces are seen from outside only: from inside there is what stands farther away."""
    rgb, mask = draw(viewer, [ball((0.0, 0.0, 0.0)), ball()])
    alone, alone_mask = draw(viewer, [ball()])
    np.testing.assert_array_equal(mask, alone_mask)
    assert np.abs(rgb.astype(int) - alone).max() <= 2


def test_a_body_half_behind_the_camera_is_cut_off(viewer, ball):
    lens = Camera.from_intrinsics((120, 160), 150.0, None, (-0.2, 0.05))
    for camera in (CAMERA, lens):
        _, mask = draw(viewer, [ball((0.45, 0.0, 0.2))], camera)
        assert mask[60, -1]
        assert not mask[60, 0]


def test_fifty_people_are_all_there(viewer, ball):
    places = [(0.9 * (i % 10 - 4.5), 0.9 * (i // 10 - 2), 12.0) for i in range(50)]
    rgb, mask = draw(viewer, [ball(place) for place in places])
    pixels = CAMERA.project(torch.tensor(places)).round().int()
    assert all(mask[y, x] for x, y in pixels.tolist())
    assert len(np.unique(rgb.reshape(-1, 3), axis=0)) > 50


def test_pictures_larger_than_the_driver_draws_are_refused(viewer, ball):
    largest = gl._studio.largest
    assert largest >= 4096
    wide = Camera.from_intrinsics((8, largest + 1), 4.0 * largest)
    with pytest.raises(InputError, match=f"at most {largest} pixels a side"):
        draw(viewer, [ball()], wide)


def test_what_covers_less_than_half_a_pixel_still_tints_it(viewer, ball):
    far = Camera.from_intrinsics((120, 160), 150.0, (79.5, 59.5))
    rgb, mask = draw(viewer, [ball((0.0, 0.0, 140.0))], far)
    assert not mask.any()
    assert (rgb != np.array(viewer.background)).any()


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (3, 2), (65, 129)])
def test_tiny_and_odd_sizes_are_drawn(viewer, ball, size):
    camera = Camera.from_intrinsics(size, 20.0 * max(size))
    rgb, mask = draw(viewer, [ball()], camera)
    assert rgb.shape == (*size, 3)
    assert mask.all()


def test_a_picture_without_an_extent_is_refused_by_its_camera():
    with pytest.raises(InputError, match="expected a positive"):
        Camera.from_intrinsics((0, 160), 150.0)


def sum_of_a_picture(_turn):
    _, mask = OffscreenViewer().render([], [], CAMERA)
    return int(mask.sum()), gl._studio.renderer is not None


def test_spawned_processes_draw_with_a_renderer_each(viewer, ball):
    draw(viewer, [ball()])
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        assert list(pool.map(sum_of_a_picture, range(2))) == [(0, True)] * 2


def test_a_renderer_that_somebody_else_deletes_does_not_end_ours(viewer, ball):
    """pyrender terminates the display of the whole process with any of its renderers."""
    before, _ = draw(viewer, [ball()])
    with gl.borrowed_studio():
        gl.import_pyrender().OffscreenRenderer(32, 32).delete()
    for _ in range(2):
        after, _ = draw(viewer, [ball()])
        np.testing.assert_array_equal(before, after)
