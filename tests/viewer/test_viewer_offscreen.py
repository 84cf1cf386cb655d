"""The viewer as a plug-in: no display, several at once, clear refusals."""

import ctypes.util
import os
import subprocess
import sys
import threading

import numpy as np
import pytest
import torch

from lift3d.camera import Camera
from lift3d.errors import InputError, MissingDependencyError
from lift3d.plugins import viewers
from lift3d.protocols import Viewer
from lift3d_viewer import gl
from lift3d_viewer.offscreen import OffscreenViewer

CAMERA = Camera.from_intrinsics((120, 160), 150.0)
FRONT = [[0, 3, 2], [0, 2, 1]]


def wall(depth, half=0.5):
    return torch.tensor(
        [[-half, -half, depth], [half, -half, depth], [half, half, depth], [-half, half, depth]],
        dtype=torch.float64,
    )


def plain(rgb):
    return torch.tensor(rgb).expand(4, 3)


def test_it_is_found_as_a_plugin_and_obeys_the_protocol(viewer):
    assert isinstance(viewer, Viewer)
    assert viewers["pyrender"] is OffscreenViewer


def test_an_empty_scene_is_the_background(viewer):
    rgb, mask = viewer.render([], [], CAMERA)
    assert not mask.any()
    assert (rgb == np.array(viewer.background, dtype=np.uint8)).all()


def test_it_draws_over_a_picture_and_leaves_the_rest_of_it_alone(viewer, mesh_of):
    behind = np.random.default_rng(1).integers(0, 256, (120, 160, 3), dtype=np.uint8)
    kept = behind.copy()
    mesh = mesh_of(wall(3.0), FRONT)
    rgb, mask = viewer.render([mesh], [plain([0.5, 0.5, 0.5])], CAMERA, background=behind)
    np.testing.assert_array_equal(behind, kept)
    away = ~np.any([np.roll(mask, s, a) for s in (-1, 0, 1) for a in (0, 1)], 0)
    np.testing.assert_array_equal(rgb[away], behind[away])
    assert np.ptp(rgb[58:62, 78:82].astype(int)) < 12


def test_the_nearer_body_hides_the_farther(viewer, mesh_of):
    near, far = mesh_of(wall(2.0, 0.3), FRONT), mesh_of(wall(3.0), FRONT)
    red, blue = plain([0.8, 0.02, 0.02]), plain([0.02, 0.02, 0.8])
    for meshes, colors in (([near, far], [red, blue]), ([far, near], [blue, red])):
        rgb, _ = viewer.render(meshes, colors, CAMERA)
        assert rgb[60, 80].argmax() == 0


def test_surfaces_are_seen_from_outside_only(viewer, mesh_of):
    inside = mesh_of(wall(3.0), [[2, 3, 0], [1, 2, 0]])
    _, mask = viewer.render([inside], [plain([0.5, 0.5, 0.5])], CAMERA)
    assert not mask.any()


def test_sizes_may_change_from_picture_to_picture(viewer, mesh_of):
    mesh, color = mesh_of(wall(3.0), FRONT), plain([0.5, 0.5, 0.5])
    for size in ((120, 160), (333, 77), (120, 160)):
        rgb, mask = viewer.render([mesh], [color], Camera.from_intrinsics(size, 150.0))
        assert rgb.shape == (*size, 3)
        assert rgb.dtype == np.uint8
        assert mask.shape == size
        assert mask.any()


def test_two_viewers_live_together_and_closing_one_spares_the_other(viewer, mesh_of):
    other = OffscreenViewer(background=(255, 255, 255))
    mesh, color = mesh_of(wall(3.0), FRONT), plain([0.5, 0.5, 0.5])
    first, _ = viewer.render([mesh], [color], CAMERA)
    white, _ = other.render([mesh], [color], CAMERA)
    assert (white[0, 0] == 255).all()
    other.close()
    again, _ = viewer.render([mesh], [color], CAMERA)
    np.testing.assert_array_equal(first, again)
    with pytest.raises(InputError, match="expected an open viewer"):
        other.render([mesh], [color], CAMERA)


def test_another_thread_may_draw(viewer, mesh_of):
    mesh, color = mesh_of(wall(3.0), FRONT), plain([0.5, 0.5, 0.5])
    here, _ = viewer.render([mesh], [color], CAMERA)
    there = []
    thread = threading.Thread(
        target=lambda: there.append(viewer.render([mesh], [color], CAMERA)[0])
    )
    thread.start()
    thread.join()
    np.testing.assert_array_equal(here, there[0])
    viewer.render([mesh], [color], CAMERA)


def test_a_forked_process_is_refused(viewer, mesh_of, monkeypatch):
    monkeypatch.setattr(gl._studio, "owner", os.getpid() + 1)
    with pytest.raises(InputError, match="spawn"):
        viewer.render([mesh_of(wall(3.0), FRONT)], [plain([0.5, 0.5, 0.5])], CAMERA)


@pytest.mark.parametrize(
    ("vertices", "colors", "background", "message"),
    [
        (wall(3.0), torch.zeros(5, 3), None, "vertices and colours"),
        (wall(3.0), torch.zeros(4, 3), np.zeros((8, 8, 3), np.uint8), "expected a background"),
    ],
)
def test_wrong_shapes_are_refused(viewer, mesh_of, vertices, colors, background, message):
    with pytest.raises(InputError, match=message):
        viewer.render([mesh_of(vertices, FRONT)], [colors], CAMERA, background=background)


def test_meshes_and_colors_come_in_pairs(viewer):
    with pytest.raises(InputError, match="one array of colours per mesh"):
        viewer.render([], [torch.zeros(4, 3)], CAMERA)


SCRIPT = """
import numpy as np
from lift3d.camera import Camera
from lift3d_viewer.offscreen import OffscreenViewer
rgb, mask = OffscreenViewer().render([], [], Camera.from_intrinsics((40, 60), 50.0))
print(rgb.shape)
"""


@pytest.mark.usefixtures("viewer")
def test_a_program_without_a_display_draws_and_ends_well():
    clean = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "PYOPENGL_PLATFORM")}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT], capture_output=True, text=True, env=clean,
        check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "(40, 60, 3)", "")


def test_probe_tells_what_works(viewer):
    assert viewer.probe().startswith("works: ")


def test_probe_tells_why_not_and_does_not_raise(monkeypatch):
    def never_ends(*_args, **_kwargs):
        raise subprocess.TimeoutExpired("probe", 1)

    monkeypatch.setattr(subprocess, "run", never_ends)
    assert gl.probe().startswith("does not work: TimeoutExpired")


def test_probe_survives_a_broken_driver(monkeypatch):
    monkeypatch.setattr(gl, "_PROBE", "import os; os.abort()")
    assert gl.probe() == "does not work: the driver ended with code -6"


def without_platform(monkeypatch):
    for name in ("PYOPENGL_PLATFORM", "EGL_DEVICE_ID"):
        monkeypatch.setenv(name, "egl")  # restored by monkeypatch afterwards
        monkeypatch.delenv(name)


def test_a_machine_without_gl_names_the_packages(monkeypatch):
    without_platform(monkeypatch)
    monkeypatch.setattr(gl, "device_that_draws", lambda: (None, "no libEGL.so.1"))
    monkeypatch.setattr(ctypes.util, "find_library", lambda _name: None)
    with pytest.raises(MissingDependencyError, match="libegl1 libegl-mesa0 libgl1-mesa-dri"):
        gl.choose_platform()
    assert "PYOPENGL_PLATFORM" not in os.environ


def test_osmesa_is_taken_where_egl_is_missing(monkeypatch):
    without_platform(monkeypatch)
    monkeypatch.setattr(gl, "device_that_draws", lambda: (None, "none"))
    monkeypatch.setattr(ctypes.util, "find_library", lambda _name: "libOSMesa.so.8")
    assert gl.choose_platform() == "osmesa"


def test_a_platform_chosen_by_the_user_is_respected(monkeypatch):
    monkeypatch.setenv("PYOPENGL_PLATFORM", "osmesa")
    assert gl.choose_platform() == "osmesa"
    assert os.environ["PYOPENGL_PLATFORM"] == "osmesa"
