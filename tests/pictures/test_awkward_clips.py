"""Clips that are hard to draw: broken bodies, cameras inside people, crowds, recordings."""

from dataclasses import replace

import pytest
import torch

from lift3d.body import BodyParams
from lift3d.camera import Camera
from lift3d.clip import Clip, Person
from lift3d.errors import InputError
from lift3d.motion import Motion
from lift3d.pictures import Look, Storyboard, still
from lift3d.pose import Pose2D, Pose3D
from lift3d.skeleton import Skeleton

QUIET = {"captions": False, "height": 160}


def test_fifty_people_are_drawn_a_few_at_a_time(clip_of, body, dots):
    clip = clip_of(frames=2, people=50)
    picture = still(clip, body, dots, look=Look(panels=("turned",), **QUIET))
    assert dots.calls[0][0] == 50
    assert picture.shape[0] <= 160


def with_body(clip: Clip, **changes: torch.Tensor) -> Clip:
    person = clip.people[0]
    assert person.body is not None
    values = {n: getattr(person.body, n).clone() for n in BodyParams.__dataclass_fields__}
    return replace(clip, people=(replace(person, body=BodyParams(**{**values, **changes})),))


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, 1e30])
@pytest.mark.parametrize("field", ["transl", "body_pose", "global_orient"])
def test_bodies_that_are_not_numbers_are_not_drawn(bad, field, clip_of, body, dots):
    clip = clip_of()
    assert clip.people[0].body is not None
    values = getattr(clip.people[0].body, field).clone()
    values[3] = bad
    board = Storyboard(with_body(clip, **{field: values}), body, dots, Look(**QUIET))
    assert len(list(board.pictures())) == 8


def test_a_camera_inside_a_body_still_gives_a_picture(clip_of, body, dots):
    clip = clip_of()
    person = clip.people[0]
    middle = person.joints.pose.joints[:, :1]
    joints = person.joints.pose.joints - middle
    assert person.body is not None
    moved = replace(person.body, transl=person.body.transl - middle[:, 0])
    pose = Pose3D.certain(joints, person.joints.pose.skeleton, "camera")
    inside = replace(person, joints=replace(person.joints, pose=pose), body=moved)
    look = Look(panels=("keypoints", "skeleton", "mesh", "side", "top", "overlay"), height=120)
    picture = still(replace(clip, people=(inside,)), body, dots, look=look, frame=0)
    assert picture.shape[1] <= 1920


def test_recordings_that_no_camera_saw_are_drawn_in_space(clip_of):
    clip = clip_of(with_body=False)
    person = clip.people[0]
    nothing = Pose2D(torch.zeros(8, 0, 2), torch.zeros(8, 0), Skeleton("", (), ()), None)
    bare = Person(Motion(nothing, 30.0, 0, torch.zeros(8, dtype=torch.bool)), person.joints, None)
    recording = replace(clip, people=(bare,))
    assert Storyboard(recording, look=Look(**QUIET)).panels == ("skeleton", "side")
    with pytest.raises(InputError, match="which no camera saw"):
        Storyboard(recording, look=Look(panels=("keypoints",), **QUIET))


def test_sizes_and_panels_that_make_no_sense_are_refused():
    for wrong in ({"height": 0}, {"max_width": -5}, {"opacity": 1.5}):
        with pytest.raises(InputError, match="expected"):
            Look(**wrong)


def test_a_tiny_picture_is_still_a_picture(clip_of, body, dots):
    picture = still(clip_of(), body, dots, look=Look(height=2, max_width=2))
    assert picture.size > 0
    overlay = Look(panels=("overlay",), height=3, max_width=3)
    assert still(clip_of(), body, dots, look=overlay).size > 0


def test_a_moving_camera_is_followed_by_the_overlay(clip_of, body, dots):
    clip = clip_of()
    camera = clip.camera
    zooming = camera.intrinsics.repeat(8, 1, 1)
    zooming[:, 0, 0] *= torch.linspace(1, 2, 8)
    zooming[:, 1, 1] *= torch.linspace(1, 2, 8)
    moving = Camera(
        zooming, torch.eye(4).repeat(8, 1, 1), camera.distortion.repeat(8, 1), (640, 480)
    )
    board = Storyboard(
        replace(clip, camera=moving), body, dots, Look(panels=("overlay",), height=640)
    )
    list(board.pictures([0, 7]))
    first, last = (float(camera.intrinsics[0, 0]) for _, camera in dots.calls[-2:])
    assert last / first == pytest.approx(2)
