"""What our writers write, our readers read: any people, any gaps, to the last bit of a float32."""

from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lift3d.io import read_keypoints
from lift3d.io.keypoints.coco_write import write_coco
from lift3d.io.keypoints.openpose_write import write_openpose
from lift3d.motion import Motion
from lift3d.pose import Pose2D
from lift3d.skeleton import Skeleton
from lift3d.skeletons import BODY_25, COCO_17

SIZE = (480, 640)
several = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@st.composite
def clips(draw: st.DrawFn, skeleton: Skeleton) -> list[Motion[Pose2D]]:
    """Up to three people over the same frames, with unseen joints and unseen frames."""
    frames, first = draw(st.integers(1, 6)), draw(st.sampled_from([0, 7, 999]))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
    people = []
    for number in range(draw(st.integers(1, 3))):
        keypoints = torch.rand(frames, len(skeleton), 2, generator=generator) * 470 + 5
        confidence = torch.rand(frames, len(skeleton), generator=generator) * 0.9 + 0.1
        confidence[torch.rand(confidence.shape, generator=generator) < 0.3] = 0
        confidence[:, :4] = 0.9  # three joints make a person
        there = torch.rand(frames, generator=generator) < 0.7
        there[0] = there[-1] = True
        confidence[~there] = 0
        pose = Pose2D.from_detections(keypoints, confidence, skeleton, SIZE)
        people.append(Motion(pose, 30.0, number, there, first))
    return people


def same(ours: Motion[Pose2D], read: Motion[Pose2D]) -> bool:
    return (
        ours.first_frame == read.first_frame
        and torch.equal(ours.observed, read.observed)
        and torch.equal(ours.pose.confidence, read.pose.confidence)
        and torch.equal(ours.pose.keypoints.nan_to_num(), read.pose.keypoints.nan_to_num())
    )


def all_are_there(people: list[Motion[Pose2D]], path: Path, skeleton: Skeleton) -> None:
    file = read_keypoints(path, skeleton, image_size=SIZE)
    assert len(file.people) == len(people)
    for ours in people:
        assert any(same(ours, read) for read in file.people)


@several
@given(people=clips(BODY_25))
def test_openpose(people: list[Motion[Pose2D]], tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("openpose") / "clip"
    write_openpose(folder, people)
    all_are_there(people, folder, BODY_25)


@several
@given(people=clips(COCO_17))
def test_coco(people: list[Motion[Pose2D]], tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    write_coco(path, people)
    all_are_there(people, path, COCO_17)
