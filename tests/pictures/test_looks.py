"""What pictures can be asked for: sides, overlays, turns, sheets, cut-outs, captions, clothes."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from lift3d.errors import InputError
from lift3d.pictures import (
    Look,
    Storyboard,
    contact_sheet,
    cutout,
    frames_between,
    still,
    turntable,
)
from lift3d.pictures.captions import check_template, filled
from lift3d.pictures.clothes import dressed
from lift3d.pictures.theme import DARK, person_colors

QUIET = {"captions": False, "height": 160}


def test_the_overlay_shows_all_of_the_video_at_its_own_size(clip_of, body, dots):
    video = np.random.default_rng(0).integers(0, 255, (640, 480, 3), dtype=np.uint8)
    look = Look(panels=("overlay",), height=640, max_width=480, captions=False)
    picture = still(clip_of(), body, dots, look=look, frame=0, backdrop=lambda _: video)
    _, camera = dots.calls[-1]
    torch.testing.assert_close(camera.intrinsics, clip_of().camera.intrinsics)
    changed = (picture != video).any(-1)
    joints = clip_of().camera.project(clip_of().people[0].joints.pose.joints[0]).numpy()
    rows, columns = np.nonzero(changed)
    # Only where the body is, give or take its limbs' thickness.
    assert (columns >= joints[:, 0].min() - 40).all()
    assert (columns <= joints[:, 0].max() + 40).all()
    assert (rows >= joints[:, 1].min() - 60).all()
    assert changed.sum() > 200


def test_an_overlay_follows_lens_distortion_and_halved_sizes(clip_of, body, dots):
    clip = clip_of()
    lens = torch.tensor([-0.2, 0.05, 0.001, 0.0, 0.0])
    clip = replace(clip, camera=replace(clip.camera, distortion=lens))
    look = Look(panels=("overlay",), height=320, max_width=240, captions=False)
    still(clip, body, dots, look=look, frame=0)
    _, camera = dots.calls[-1]
    joints = clip.people[0].joints.pose.joints[0]
    half = (clip.camera.project(joints) + 0.5) / 2 - 0.5
    torch.testing.assert_close(camera.project(joints), half, atol=1e-2, rtol=0)


def test_bodies_over_a_video_can_be_faint(clip_of, body, dots):
    video = np.zeros((640, 480, 3), np.uint8)
    shown = {}
    for opacity in (1.0, 0.25):
        look = Look(panels=("overlay",), captions=False, opacity=opacity, height=640)
        shown[opacity] = still(clip_of(), body, dots, look=look, frame=0, backdrop=lambda _: video)
    bright = shown[1.0] > 100
    ratio = shown[0.25][bright] / shown[1.0][bright]
    assert ratio.mean() == pytest.approx(0.25, abs=0.01)


def test_side_and_top_look_along_the_worlds_axes(clip_of, body, dots):
    still(clip_of(), body, dots, look=Look(panels=("side", "top"), **QUIET), frame=0)
    side, top = (camera.cam_from_world[:3, :3] for _, camera in dots.calls[-2:])
    # OpenCV axes: the side camera looks along the clip's -x, the one above along its +y.
    assert side[2, 0] == pytest.approx(-1, abs=0.01)
    assert top[2, 1] == pytest.approx(1, abs=1e-4)


def test_one_frame_turns_round_once_and_never_changes_its_size(clip_of, body, dots):
    look = Look(height=120, captions=False)
    pictures = list(turntable(clip_of(), body, dots, frame=2, seconds=1.0, fps=8.0, look=look))
    assert len(pictures) == 8
    cameras = [camera for _, camera in dots.calls]
    focals = [float(camera.intrinsics[0, 0]) for camera in cameras]
    assert max(focals) / min(focals) < 1.01
    forward = torch.stack([camera.cam_from_world[2, :3] for camera in cameras])
    flat = torch.atan2(forward[:, 0], forward[:, 2])
    steps = torch.diff(flat).remainder(2 * torch.pi)
    torch.testing.assert_close(steps, torch.full((7,), 2 * torch.pi * 7 / 8), atol=1e-3, rtol=0)


def test_a_sheet_has_cells_in_rows_and_evenly_spaced_frames(clip_of, body, dots):
    clip = clip_of(frames=40)
    look = Look(height=300, max_width=400)
    sheet = contact_sheet(clip, body, dots, rows=2, columns=3, look=look)
    assert sheet.shape[0] <= 300
    assert sheet.shape[1] <= 400
    assert len(dots.calls) == 6
    short = contact_sheet(clip_of(frames=2), body, dots, rows=2, columns=2, look=look)
    assert (short[-20:, -20:] == DARK.bottom).all()
    with pytest.raises(InputError, match="1 to 400 cells"):
        contact_sheet(clip, body, dots, rows=0, columns=3, look=look)


def test_a_cutout_laid_over_a_colour_is_what_is_drawn_over_it(clip_of, body, dots):
    look = Look(panels=("skeleton",), **QUIET)
    picture = cutout(clip_of(), body, dots, frame=1, look=look).astype(float)
    alpha = picture[..., 3:] / 255
    assert alpha.min() == 0
    assert alpha.max() == 1
    assert 0.02 < (alpha > 0.5).mean() < 0.5
    board = Storyboard(clip_of(), body, dots, look)
    grey = board._panel("skeleton", 1, [], None, 128).astype(float)
    np.testing.assert_allclose(picture[..., :3] * alpha + 128 * (1 - alpha), grey, atol=6)


def test_standing_feet_are_marked_on_the_floor(clip_of, body, dots):
    clip = clip_of(frames=12, standing=True)
    look = Look(panels=("top",), **QUIET)
    plain = still(clip, body, dots, look=look, frame=6).astype(int)
    marked = still(clip, body, dots, look=replace(look, contacts=True), frame=6).astype(int)
    change = np.abs(marked - plain).max(-1) > 25
    assert 30 < change.sum() < 0.2 * change.size


def test_a_shared_clip_gives_everybody_colours_of_their_own():
    colors = [person_colors(n, DARK) for n in range(50)]
    assert len({c.right for c in colors}) == 50
    assert len({c.left for c in colors}) == 50


@pytest.mark.parametrize("text", [
    "{person.__class__}", "{person[0]}", "{0}", "{}", "{frame!r}", "{frame:{people}}", "{frame",
    "{frame:99999999}", "{time:0.999f}", "{nothing}", "{person:d}", "x" * 300,
])  # fmt: skip
def test_captions_fill_in_fields_and_nothing_else(text):
    with pytest.raises(InputError, match="expected a caption"):
        check_template(text)


def test_captions_say_frame_time_and_people():
    said = filled("{frame:04d} {time:.2f}s\n{person} of {people} {{}}", 7, 1.239, [3, 5])
    assert said == "0007 1.24s 3, 5 of 2 {}"


def test_captions_are_written_and_long_ones_shrink(clip_of):
    clip = clip_of(with_body=False)
    plain = still(clip, look=Look(**QUIET), frame=0)
    for template in ("{frame}", "a rather long caption, " * 6):
        written = still(clip, look=Look(template=template, **QUIET), frame=0)
        changed = (written != plain).any(-1)
        assert changed.any()
        assert not changed[: plain.shape[0] // 2].any()


def test_clothes_cover_their_parts_and_leave_skin(body):
    surface = body.surface
    for outfit in ("none", "sporty", "casual", "suit", "parts"):
        colors = dressed(surface, outfit)
        assert colors.shape == surface.colors.shape
        assert colors.isfinite().all()
        assert ((colors >= 0) & (colors <= 1)).all()
    sporty = dressed(surface, "sporty")
    torso = surface.lbs_weights[:, [body.skeleton.index("spine2")]].sum(-1) > 0.9
    hand = surface.lbs_weights[:, [body.skeleton.index("left_wrist")]].sum(-1) > 0.9
    assert (sporty[torso].mean(0).argmax()) == 0
    assert not torch.allclose(sporty[torso][0], sporty[hand][0])
    assert not torch.allclose(dressed(surface, "sporty", 1)[torso], sporty[torso])
    torch.testing.assert_close(dressed(surface, "sporty", 1)[hand], sporty[hand])


def test_textures_need_a_renderer_that_knows_them(clip_of, body, dots):
    look = Look(panels=("turned",), texture=np.zeros((4, 4, 3), np.uint8), **QUIET)
    with pytest.raises(InputError, match="expected a renderer that draws textures"):
        still(clip_of(), body, dots, look=look)


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ((None, None, None), list(range(8))),
        ((0.1, 0.2, None), [3, 4, 5, 6]),
        ((None, None, 10.0), [0, 3, 6]),
        ((None, None, 60.0), [0, 0, 1, 2, 2, 2, 3, 4, 4, 4, 5, 6, 6, 6, 7]),
        ((0.21, None, None), [7]),
    ],
)
def test_times_choose_frames_and_motion_keeps_its_speed(times, expected, clip_of):
    assert frames_between(clip_of(with_body=False), *times) == expected


@pytest.mark.parametrize("times", [(5.0, None), (0.2, 0.1), (None, -1.0), (float("nan"), None)])
def test_times_outside_the_clip_are_refused(times, clip_of):
    with pytest.raises(InputError, match="expected"):
        frames_between(clip_of(with_body=False), *times)
