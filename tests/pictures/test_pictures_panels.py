"""The side-by-side picture of a clip."""

from collections.abc import Iterator

import cv2
import numpy as np
import pytest
import torch

from lift3d.errors import InputError
from lift3d.pictures import Look, Storyboard, frames, render_clip, still, telling_frame

SMALL = Look(height=160)
QUIET = Look(height=160, captions=False)


def test_three_panels_of_one_height_stand_side_by_side(clip_of, body, dots):
    picture = still(clip_of(), body, dots, look=SMALL)
    height, width, _ = picture.shape
    assert height == 160
    assert picture.dtype == np.uint8
    (_, camera), *_ = dots.calls
    assert width == 3 * camera.image_size[1] + 2 * 2


def test_pictures_stay_within_the_width_asked_for(clip_of, body, dots):
    look = Look(panels=("keypoints", "skeleton", "mesh", "turned"), max_width=500)
    assert still(clip_of(), body, dots, look=look).shape[1] <= 500


def test_the_mesh_is_drawn_where_the_keypoints_are(clip_of, body, dots):
    """The wrist's keypoint and the wrist's vertices share their place in the two panels."""
    clip = clip_of()
    still(clip, body, dots, look=QUIET, frame=3)
    _, camera = dots.calls[-1]
    joints = clip.people[0].joints.pose.joints[3]
    board = Storyboard(clip, body, dots, QUIET)
    shown = board._windows["mesh"].through(clip.camera.project(joints))
    torch.testing.assert_close(camera.project(joints), shown, atol=1e-2, rtol=0)


def test_a_person_who_is_not_seen_is_not_drawn(clip_of, body, dots):
    clip = clip_of(people=2, unseen={1: (2, 3)})
    board = Storyboard(clip, body, dots, QUIET)
    both, alone, gone = list(board.pictures([1, 2, 3]))
    assert [count for count, _ in dots.calls] == [2, 1, 1]
    third = both.shape[1] // 3
    for panel in range(3):
        part = slice(panel * third, (panel + 1) * third)
        right = slice(panel * third + int(0.6 * third), (panel + 1) * third)
        change = np.abs(both[:, right].astype(int) - alone[:, right]).max(-1)
        assert (change > 30).sum() > 20, f"panel {panel} shows the second person"
        assert np.abs(alone[:, part].astype(int) - gone[:, part]).max() > 30


def test_a_clip_without_bodies_shows_keypoints_and_joints(clip_of):
    board = Storyboard(clip_of(with_body=False), look=QUIET)
    assert board.panels == ("keypoints", "skeleton")
    assert next(board.pictures([0])).shape[0] == 160


def test_bodies_asked_for_where_there_are_none_are_refused(clip_of, body, dots):
    for clip, viewer in ((clip_of(with_body=False), dots), (clip_of(), None)):
        with pytest.raises(InputError, match="fit bodies first"):
            Storyboard(clip, body, viewer, Look(panels=("mesh",)))


def test_frames_that_the_clip_does_not_have_are_refused(clip_of):
    clip = clip_of(with_body=False)
    with pytest.raises(InputError, match="expected a frame from 0 to 7, got 8"):
        still(clip, frame=8)


def test_a_clip_with_nobody_in_it_is_refused(clip_of):
    with pytest.raises(InputError, match="at least one person in one frame"):
        still(clip_of(frames=4, unseen={0: (0, 1, 2, 3)}, with_body=False))


def test_frames_come_one_at_a_time_and_all_of_them(clip_of, body, dots):
    made = frames(clip_of(frames=20), body, dots, look=QUIET)
    assert isinstance(made, Iterator)
    next(made)
    assert len(dots.calls) == 1
    assert sum(1 for _ in made) == 19


def test_the_telling_frame_shows_most_of_the_person(clip_of):
    clip = clip_of(frames=6, unseen={0: (4,)}, with_body=False)
    pose = clip.people[0].keypoints.pose
    wrist = pose.skeleton.index("left_wrist")
    pose.keypoints[2, wrist, 0] += 150
    pose.keypoints[4] *= 5
    assert telling_frame(clip) == 2


def test_the_videos_picture_lies_under_keypoints_and_mesh(clip_of, body, dots):
    clip = clip_of()
    video = np.zeros((640, 480, 3), np.uint8)
    video[..., 1] = 200
    picture = still(clip, body, dots, look=QUIET, backdrop=lambda _frame: video)
    third = picture.shape[1] // 3
    for panel, green in ((0, True), (1, False), (2, True)):
        # The middle row, a little inside: within the video, beside the person.
        pixel = picture[80, panel * third + third // 12].astype(int)
        assert (pixel[1] > 150 and pixel[0] < 80) == green


def test_a_backdrop_of_the_wrong_size_is_refused(clip_of):
    with pytest.raises(InputError, match="expected a backdrop of shape"):
        still(clip_of(with_body=False), backdrop=lambda _: np.zeros((10, 10, 3), np.uint8))


def test_the_ending_chooses_between_picture_and_video(clip_of, tmp_path):
    clip = clip_of(frames=5, with_body=False)
    told = []
    look = Look(height=120)
    render_clip(clip, None, None, tmp_path / "one.png", look=look)
    render_clip(
        clip, None, None, tmp_path / "all.mp4", look=look, progress=lambda *a: told.append(a)
    )
    png = cv2.imread(str(tmp_path / "one.png"))
    video = cv2.VideoCapture(str(tmp_path / "all.mp4"))
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) == 5
    assert video.get(cv2.CAP_PROP_FRAME_WIDTH) == png.shape[1]
    assert told == [(i, 5) for i in range(1, 6)]
    with pytest.raises(InputError, match="ending in"):
        render_clip(clip, None, None, tmp_path / "all.webm")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["all.mp4", "one.png"]
