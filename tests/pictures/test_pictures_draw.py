"""2D keypoints: sides, colours, opacity, absence."""

import numpy as np
import pytest
import torch

from lift3d.pictures import DARK, LIGHT, draw_keypoints
from lift3d.pictures.draw import limbs_of
from lift3d.pictures.theme import LimbColors, person_colors
from lift3d.pose import Pose2D
from lift3d.skeletons import BODY_25, COCO_17, H36M_17, MEDIAPIPE_33, SKELETONS, SMPL_24

PURE = LimbColors(left=(255, 0, 0), right=(0, 0, 255), centre=(0, 255, 0))


def standing():
    """A person in COCO-17 who faces us: their left is on the right of the picture."""
    at = {
        "nose": (100, 30), "eye": (8, 24), "ear": (14, 27), "shoulder": (30, 60),
        "elbow": (40, 95), "wrist": (45, 130), "hip": (20, 130), "knee": (22, 180),
        "ankle": (24, 230),
    }  # fmt: skip
    points = torch.zeros(17, 2)
    for index, name in enumerate(COCO_17.joints):
        side, _, part = name.partition("_")
        x, y = at[part or side]
        points[index, 0] = x if not part else 100 + (x if side == "left" else -x)
        points[index, 1] = y
    return points


def drawn(confidence=1.0, points=None, **changes):
    picture = np.full((260, 200, 3), 40, dtype=np.uint8)
    values = torch.full((17,), confidence)
    for joint, value in changes.items():
        values[COCO_17.index(joint)] = value
    pose = Pose2D.from_detections(standing() if points is None else points, values, COCO_17)
    draw_keypoints(picture, pose, PURE, 5.0)
    return picture.astype(int)


def test_the_persons_left_is_red_and_on_our_right():
    picture = drawn()
    red = (picture[..., 0] > 200) & (picture[..., 2] < 60)
    blue = (picture[..., 2] > 200) & (picture[..., 0] < 60)
    # Everything below the face, where the sides are apart.
    assert np.nonzero(red[90:])[1].min() > 100
    assert np.nonzero(blue[90:])[1].max() < 100
    assert red.sum() > 500
    assert blue.sum() > 500


def test_a_missing_wrist_takes_its_forearm_along():
    whole, missing = drawn(), drawn(left_wrist=0.0)
    here = (slice(100, 140), slice(138, 160))
    assert (whole[here] != 40).any()
    assert (missing[118:140, 138:160] == 40).all()


def test_a_person_without_any_keypoint_leaves_the_picture_as_it_is():
    assert (drawn(0.0) == 40).all()


def test_confidence_is_opacity():
    sure, doubtful = drawn(1.0), drawn(0.3)
    shin = (205, 123)  # on the left shin, between knee and ankle
    assert sure[shin][0] == 255
    assert doubtful[shin][0] == pytest.approx(40 + 0.3 * (255 - 40), abs=2)


def test_keypoints_far_outside_the_picture_do_no_harm():
    points = standing()
    points[COCO_17.index("left_wrist")] = torch.tensor([1e7, -1e7])
    points[COCO_17.index("right_ankle")] = torch.tensor([-3000.0, 90.0])
    assert (drawn(points=points) != 40).any()


@pytest.mark.parametrize("name", SKELETONS)
def test_every_layout_draws_each_joint_with_some_limb(name):
    skeleton = SKELETONS[name]
    used = {joint for limb in limbs_of(skeleton) for joint in (*limb.start, *limb.end)}
    assert used == set(range(len(skeleton)))


@pytest.mark.parametrize("skeleton", [COCO_17, MEDIAPIPE_33])
def test_layouts_without_a_trunk_get_girdles_instead_of_a_beard(skeleton):
    nose = skeleton.index("nose")
    pairs = {(limb.start, limb.end) for limb in limbs_of(skeleton)}
    for pair in ("shoulder", "hip"):
        ends = skeleton.index(f"left_{pair}"), skeleton.index(f"right_{pair}")
        assert ((ends[0],), (ends[1],)) in pairs
        assert ((nose,), (ends[0],)) not in pairs


@pytest.mark.parametrize("skeleton", [BODY_25, H36M_17, SMPL_24])
def test_layouts_with_a_trunk_are_drawn_as_they_are(skeleton):
    assert {(limb.start[0], limb.end[0]) for limb in limbs_of(skeleton)} == set(skeleton.bones)


@pytest.mark.parametrize("theme", [DARK, LIGHT])
def test_people_have_colors_of_their_own_that_tell_left_from_right(theme):
    sides = [side for n in range(5) for side in (person_colors(n, theme).left,
                                                 person_colors(n, theme).right)]  # fmt: skip
    assert len(set(sides)) == 10
    for first, second in zip(sides[::2], sides[1::2], strict=True):
        assert np.abs(np.subtract(first, second)).max() > 80
