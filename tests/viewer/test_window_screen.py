"""The window on a display without a screen: it opens, plays, obeys and closes."""

import importlib
import os
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from lift3d.body import BodyParams
from lift3d.camera import Camera
from lift3d.clip import Clip, Person
from lift3d.errors import InputError, MissingDependencyError
from lift3d.motion import Motion
from lift3d.pose import Pose2D, Pose3D
from lift3d.protocols import Viewer
from lift3d_viewer import screen as screens
from lift3d_viewer.stage import Stage
from lift3d_viewer.window import Performance, WindowViewer

WIDTH, HEIGHT = 800, 600
SIZE = (300, 400)


@pytest.fixture(scope="module")
def display(tmp_path_factory):
    folder = str(Path(__file__).parents[1] / "helpers")
    if folder not in sys.path:
        sys.path.insert(0, folder)
    helper = importlib.import_module("virtual_display")
    try:
        with helper.virtual_display(tmp_path_factory.mktemp("x"), WIDTH, HEIGHT) as made:
            yield made
    except FileNotFoundError:
        pytest.skip("no Xvfb to open a window on: apt-get install xvfb")


@pytest.fixture
def window(display, viewer, monkeypatch):
    monkeypatch.setenv("DISPLAY", display.name)
    with WindowViewer(viewer, SIZE) as made:
        yield made


@pytest.fixture(scope="module")
def walk(capsules):
    """Two people beside each other with bodies, 20 frames, seen by a level camera."""
    body = capsules.CapsuleBody()
    people = []
    for number in range(2):
        params = capsules.walk(20)
        half_turn = torch.tensor([torch.pi, 0.0, 0.0]).expand(20, 3)
        beside = torch.tensor([1.2 * number - 0.6, 0.0, 4.0])
        params = BodyParams(params.betas, params.body_pose, half_turn, params.transl * 0 + beside)
        joints = body(params).joints
        keypoints = Pose2D(joints[..., :2] * 100, torch.ones(joints.shape[:2]), body.skeleton, SIZE)
        pose = Pose3D.certain(joints, body.skeleton, "camera")
        seen = torch.ones(20, dtype=torch.bool)
        tracks = Motion(keypoints, 10.0, number, seen), Motion(pose, 10.0, number, seen)
        people.append(Person(*tracks, params))
    return Clip(tuple(people), Camera.default(SIZE), 10.0, 0, "capsules"), body


class Hand:
    """Somebody at the window: presses keys and waits for what comes of it."""

    def __init__(self, window, clip, body, folder):
        stage = window._painter.submit(Stage, clip, body, window._viewer).result()
        self.screen = window._screen
        self.performance = Performance(stage, self.screen, window._painter, folder)
        self.key_codes = self.screen._pyglet.window.key

    @property
    def show(self):
        return self.performance.show

    def wait(self, seconds=0.0):
        """At least so long, and until a picture of what is wanted is on the screen."""
        end, latest, last = time.monotonic() + seconds, time.monotonic() + 30, time.monotonic()
        while time.monotonic() < latest:
            now = time.monotonic()
            self.performance.step(now - last)
            last = now
            performance = self.performance
            busy = performance._drawing is not None or performance._saving is not None
            if self.screen.closed or (now > end and not busy and performance._drawn is not None):
                return
            time.sleep(0.002)
        raise AssertionError("the window did not come to rest")

    def press(self, *names, wait=0.0):
        for name in names:
            code = getattr(self.key_codes, name)
            self.screen._window.dispatch_event("on_key_press", code, 0)
        self.wait(wait)

    def drag(self, x, y, dx, dy, button=1):
        self.screen._window.dispatch_event("on_mouse_press", x, y, button, 0)
        self.screen._window.dispatch_event("on_mouse_drag", x + dx, y + dy, dx, dy, button, 0)
        self.wait(0.4)


@pytest.fixture
def hand(window, walk, tmp_path):
    made = Hand(window, *walk, tmp_path)
    made.press("SPACE", wait=0.3)
    return made


@pytest.fixture
def look(display):
    """The window's part of the screen."""
    return lambda: display.picture()[: SIZE[0], : SIZE[1]].astype(int)


def changed(before, after):
    return float((np.abs(before - after).max(-1) > 12).mean())


@pytest.mark.usefixtures("hand")
def test_a_window_opens_and_shows_people(look):
    picture = look()
    assert picture.std() > 8
    middle = picture[60:240, 60:340].reshape(-1, 3)
    assert len(np.unique(middle, axis=0)) > 500


def test_it_plays_and_pauses(hand, look):
    still = look()
    hand.wait(0.3)
    assert changed(still, look()) == 0
    hand.press("SPACE", wait=0.5)
    assert hand.show.number != 0
    assert changed(still, look()) > 0.002
    hand.press("SPACE")
    paused = hand.show.number
    hand.wait(0.3)
    assert hand.show.number == paused


@pytest.mark.parametrize(("key", "at_least"), [("M", 0.03), ("K", 0.01), ("F", 0.1), ("H", 0.2)])
def test_switches_change_the_picture_and_back(hand, look, key, at_least):
    before = look()
    hand.press(key, wait=0.1)
    assert changed(before, look()) > at_least
    hand.press(key, wait=0.1)
    assert changed(before, look()) < 0.001


def test_a_person_goes_and_comes_back(hand, look):
    both = look()
    hand.press("_1", wait=0.1)
    left, right = changed(both[:, :200], look()[:, :200]), changed(both[:, 200:], look()[:, 200:])
    assert left > 0.02
    assert right < 0.01
    hand.press("_0", wait=0.1)
    assert changed(both, look()) < 0.001


def test_dragging_walks_around_and_c_walks_back(hand, look):
    before = look()
    hand.drag(200, 150, 80, 10)
    assert changed(before, look()) > 0.03
    hand.press("C", wait=0.5)
    assert changed(before, look()) < 0.001


def test_the_time_line_is_dragged_to_a_moment(hand):
    hand.drag(30, 10, 0, 0)
    first = hand.show.number
    hand.drag(30, 10, 340, 60)
    assert first < 3
    assert hand.show.number > 17


def test_the_wheel_zooms(hand, look):
    before = look()
    hand.screen._window.dispatch_event("on_mouse_scroll", 200, 150, 0, 4)
    hand.wait(0.5)
    assert changed(before, look()) > 0.05


def test_s_saves_what_is_seen_without_the_controls(hand, tmp_path):
    hand.press("S")
    hand.press("S")
    files = sorted(path.name for path in tmp_path.glob("*.png"))
    assert files == ["frame_00000.png", "frame_00000_1.png"]
    saved = cv2.imread(str(tmp_path / files[0]))
    assert saved.shape == (*SIZE, 3)
    assert saved[-20:].max() < 140  # no time line


def test_a_folder_that_is_not_there_is_told_in_the_window(window, walk, tmp_path):
    hand = Hand(window, *walk, tmp_path / "missing")
    hand.press("S")
    assert hand.performance._note
    assert not hand.screen.closed


def test_a_changed_size_is_filled(hand, display):
    hand.screen._window.set_size(320, 240)
    hand.wait(0.5)
    assert hand.screen.size == (240, 320)
    assert display.picture()[200:240, 20:300].std() > 5


@pytest.mark.parametrize("key", ["Q", "ESCAPE"])
def test_keys_close_it(hand, key):
    hand.press(key)
    assert hand.screen.closed


def test_show_returns_when_somebody_closes_the_window(window, walk, monkeypatch):
    monkeypatch.setattr(Performance, "step", lambda self, _seconds: self._screen._shut())
    window.show(*walk)


def test_it_is_a_viewer_that_shows_what_it_draws(window, viewer, mesh_of, look):
    assert isinstance(window, Viewer)
    wall = torch.tensor([[-1, -1, 3], [1, -1, 3], [1, 1, 3], [-1, 1, 3]], dtype=torch.float64)
    scene = ([mesh_of(wall, [[0, 3, 2], [0, 2, 1]])], [torch.full((4, 3), 0.5)])
    camera = Camera.from_intrinsics(SIZE, 300.0)
    rgb, mask = window.render(*scene, camera)
    alone, alone_mask = viewer.render(*scene, camera)
    np.testing.assert_array_equal(rgb, alone)
    np.testing.assert_array_equal(mask, alone_mask)
    assert np.abs(look() - rgb).max() <= 2
    window.close()
    with pytest.raises(InputError, match="expected an open viewer"):
        window.render(*scene, camera)


def test_a_clip_without_people_is_refused(window):
    with pytest.raises(InputError, match="at least one person"):
        window.show(Clip((), Camera.default(SIZE), 25.0, 0, ""))


def test_probe_tells_of_a_display(display, monkeypatch):
    monkeypatch.setenv("DISPLAY", display.name)
    assert WindowViewer.probe().startswith("works")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only X11 names its display")
def test_without_a_display_a_sentence_says_what_to_do(monkeypatch):
    monkeypatch.setenv("DISPLAY", "")
    with pytest.raises(MissingDependencyError, match=r"expected a display .* use `lift3d render`"):
        screens.Screen((64, 64), "none")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only X11 names its display")
def test_a_display_that_does_not_answer_is_told_of(monkeypatch):
    monkeypatch.setenv("DISPLAY", ":9731")
    told = WindowViewer.probe()
    assert told.startswith("does not work: expected a display to open a window on, got none that")


def test_nothing_is_opened_by_importing():
    environment = {k: v for k, v in os.environ.items() if k != "DISPLAY"}
    script = "import sys, lift3d_viewer.window; print('pyglet' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=True
    )
    assert done.stdout.strip() == "False"
