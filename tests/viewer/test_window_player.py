"""Keys, mouse and time, as changes of a value: no display is needed."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lift3d.camera import Camera
from lift3d.conventions import WORLD_FROM_CAMERA
from lift3d_viewer.player import (
    KEYS,
    Show,
    camera_for,
    dragged,
    passed,
    pressed,
    scrolled,
    scrubbed,
)

START = Show(frames=100, fps=50.0, people=2)
NAMES = [name for key in KEYS for name in key.names] + ["_1", "_2", "_9", "_0", "X"]


def keys(show, *names):
    for name in names:
        show = pressed(show, name)
    return show


def test_time_plays_at_the_clips_pace_and_begins_anew():
    assert passed(START, 0.5).number == 25
    assert passed(START, 2.1).number == 5
    assert passed(keys(START, "UP"), 0.5).number == 50
    assert passed(keys(START, "DOWN"), 0.5).number == 12


def test_space_pauses_and_plays():
    paused = keys(START, "SPACE")
    assert passed(paused, 3.0).number == 0
    assert passed(keys(paused, "SPACE"), 0.5).number == 25


@pytest.mark.parametrize(
    ("names", "frame"),
    [
        (("RIGHT",), 1),
        (("RIGHT", "RIGHT", "LEFT"), 1),
        (("LEFT",), 0),
        (("PAGEDOWN",), 50),
        (("PAGEDOWN", "PAGEDOWN"), 99),
        (("END",), 99),
        (("END", "RIGHT"), 99),
        (("END", "PAGEUP"), 49),
        (("END", "HOME"), 0),
    ],
)
def test_keys_step_through_frames_and_wait_there(names, frame):
    show = keys(START, *names)
    assert show.number == frame
    assert not show.playing


@pytest.mark.parametrize(("share", "frame"), [(-1.0, 0), (0.0, 0), (0.5, 50), (1.0, 99), (7.0, 99)])
def test_the_time_line_is_scrubbed_from_end_to_end(share, frame):
    assert scrubbed(START, share).number == frame


def test_switches_switch_and_switch_back():
    for name, field in (("M", "mesh"), ("K", "skeleton"), ("F", "floor"), ("H", "help")):
        assert getattr(keys(START, name), field) is not getattr(START, field)
        assert keys(START, name, name) == START


def test_people_go_and_come_back():
    assert keys(START, "_2").hidden == {1}
    assert keys(START, "_2", "_2").hidden == frozenset()
    assert keys(START, "_1", "_2", "_0").hidden == frozenset()
    assert keys(START, "_9") == START


def test_an_unknown_key_changes_nothing():
    assert keys(START, "X") == START


@given(st.lists(st.sampled_from(NAMES), max_size=30), st.floats(0, 1e6), st.floats(-1e6, 1e6))
def test_whatever_is_pressed_the_frame_exists_and_the_camera_is_one(names, seconds, drag):
    show = passed(keys(START, *names), seconds)
    show = scrolled(dragged(show, drag, -drag), drag)
    assert 0 <= show.number < 100
    camera = camera_for(show, torch.zeros(3), 1.0, WORLD_FROM_CAMERA, (90, 120))
    assert isinstance(camera, Camera)


def seen(show, point):
    """Where a world point (y up) appears, from a camera around a ball of 1 m at the origin."""
    world = WORLD_FROM_CAMERA.double()
    camera = camera_for(show, torch.zeros(3), 1.0, world, (400, 600))
    place = torch.tensor([point], dtype=torch.float64) @ world
    return camera.project(place.float())[0]


def test_all_there_is_to_see_is_in_the_middle_of_the_picture():
    torch.testing.assert_close(seen(START, (0.0, 0.0, 0.0)), torch.tensor([299.5, 199.5]))
    low, high = seen(START, (0.0, -0.85, 0.0)), seen(START, (0.0, 0.85, 0.0))
    assert 0 < high[1] < 40
    assert 360 < low[1] < 400


def test_dragging_moves_the_near_side_with_the_mouse():
    """The side towards the camera (+z of the world from the camera's side) follows the hand."""
    front = (0.0, 0.0, 0.5)
    right, down = dragged(START, 0.05, 0.0), dragged(START, 0.0, -0.05)
    assert seen(right, front)[0] > seen(START, front)[0]
    assert seen(down, front)[1] > seen(START, front)[1]


def test_panning_moves_the_picture_by_what_the_mouse_went():
    moved = dragged(START, 0.1, 0.05, pan=True)
    shift = seen(moved, (0.3, 0.2, 0.1)) - seen(START, (0.3, 0.2, 0.1))
    torch.testing.assert_close(shift, torch.tensor([40.0, -20.0]), atol=1e-3, rtol=0)


def test_the_wheel_brings_things_nearer():
    away = seen(START, (0.2, 0.0, 0.0))[0] - 299.5
    assert seen(scrolled(START, 3.0), (0.2, 0.0, 0.0))[0] - 299.5 == pytest.approx(
        float(away) * 1.12**3, rel=1e-3
    )


def test_the_side_view_is_a_quarter_turn():
    side = keys(START, "V")
    assert side.yaw == pytest.approx(math.pi / 2)
    assert keys(dragged(scrolled(side, 2.0), 0.1, 0.1), "C").zoom == 1
    assert seen(side, (0.0, 0.0, 0.5))[0] < 299.5  # what was near lies left


def test_each_key_is_told_of_once():
    names = [name for key in KEYS for name in key.names]
    assert len(names) == len(set(names))
    assert all(key.words and key.shown for key in KEYS)
