"""OpenPose folders and COCO results: what we write, our readers read back equal."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lift3d.errors import InputError, OutputError
from lift3d.io import read_keypoints
from lift3d.io.clips.table_write import write_table
from lift3d.io.keypoints.coco_write import write_coco
from lift3d.io.keypoints.openpose_write import write_openpose
from lift3d.io.motion.clip_build import clip_of_keypoints
from lift3d.motion import Motion
from lift3d.pose import Pose2D
from lift3d.samples import balancing
from lift3d.skeleton import Skeleton
from lift3d.skeletons import BODY_25, COCO_17, LIFT_23
from tests.io.conftest import WALKER

FASTER = settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def walkers(layout: Skeleton, seed: int, people: int = 2, first: int = 5) -> list[Motion[Pose2D]]:
    """People who stand side by side and shake, the first one seen most; single precision."""
    torch.manual_seed(seed)
    made: list[Motion[Pose2D]] = []
    for person in range(people):
        still = torch.tensor([WALKER[joint] for joint in layout.joints], dtype=torch.float32)
        xy = still + torch.rand(6, len(layout), 2) * 3 + torch.tensor([100.0 * person - 80, 0])
        level = 0.5 + torch.rand(6, len(layout)) / 2
        level[person:, 4] *= person == 0  # the second one's missing joint
        seen = torch.ones(6, dtype=torch.bool)
        if person:
            level[3], seen[3] = 0, False
        pose = Pose2D.from_detections(xy, level, layout, (480, 640))
        made.append(Motion(pose, 25.0, person, seen, first))
    return made


def expect_equal(read: tuple[Motion[Pose2D], ...], written: list[Motion[Pose2D]]) -> None:
    assert len(read) == len(written)
    for again, motion in zip(read, written, strict=True):
        assert again.person == motion.person
        assert again.first_frame == motion.first_frame
        assert again.pose.skeleton == motion.pose.skeleton
        assert torch.equal(again.observed, motion.observed)
        assert torch.equal(again.pose.confidence, motion.pose.confidence)
        assert torch.equal(again.pose.keypoints.nan_to_num(), motion.pose.keypoints.nan_to_num())


@FASTER
@given(st.integers(0, 10**6))
def test_openpose_reads_back_equal(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    folder = tmp_path_factory.mktemp("out") / "clip"
    written = walkers(BODY_25, seed)
    write_openpose(folder, written, name="walk 2")
    expect_equal(read_keypoints(folder, image_size=(480, 640)).people, written)


@FASTER
@given(st.integers(0, 10**6))
def test_coco_reads_back_equal(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    path = tmp_path_factory.mktemp("out") / "results.json"
    written = walkers(COCO_17, seed)
    write_coco(path, written)
    expect_equal(read_keypoints(path, image_size=(480, 640)).people, written)


@FASTER
@given(st.integers(0, 10**6))
def test_a_table_reads_back_equal(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    folder = tmp_path_factory.mktemp("out")
    written = walkers(BODY_25, seed)
    write_openpose(folder / "frames", written)
    file = read_keypoints(folder / "frames", fps=25.0, image_size=(480, 640))
    write_table(folder / "keypoints.csv", clip_of_keypoints(file))
    again = read_keypoints(folder / "keypoints.csv", image_size=(480, 640))
    assert again.report.fps == pytest.approx(25.0)
    expect_equal(again.people, written)


def test_openpose_files_are_as_openpose_writes_them(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    write_openpose(tmp_path / "clip", walkers(BODY_25, 0), progress=lambda *step: told.append(step))
    names = sorted(path.name for path in (tmp_path / "clip").iterdir())
    assert names[0] == "frame_000000000005_keypoints.json"
    assert len(names) == 6
    assert told[-1] == (6, 6)
    document = json.loads((tmp_path / "clip" / names[3]).read_text())
    assert document["version"] == 1.3
    assert [person["person_id"] for person in document["people"]] == [[0]]
    person = document["people"][0]
    assert len(person["pose_keypoints_2d"]) == 75
    assert person["hand_left_keypoints_2d"] == []
    second = json.loads((tmp_path / "clip" / names[0]).read_text())["people"][1]
    assert json.loads((tmp_path / "clip" / names[2]).read_text())["people"][1]["pose_keypoints_2d"][
        12:15
    ] == [0, 0, 0]
    assert second["person_id"] == [1]


def test_coco_entries_are_as_coco_asks(tmp_path: Path) -> None:
    write_coco(tmp_path / "a.json", walkers(COCO_17, 0))
    entries = json.loads((tmp_path / "a.json").read_text())
    assert [entry["image_id"] for entry in entries] == [5, 5, 6, 6, 7, 7, 8, 9, 9, 10, 10]
    assert {entry["category_id"] for entry in entries} == {1}
    assert all(len(entry["keypoints"]) == 51 for entry in entries)
    scores = entries[0]["keypoints"][2::3]
    assert entries[0]["score"] == pytest.approx(sum(scores) / 17, rel=1e-6)


@pytest.mark.parametrize("write", [write_openpose, write_coco])
def test_another_layout_is_turned_into_the_formats_own(
    write: Callable[..., None], tmp_path: Path
) -> None:
    with balancing() as sample:
        original = read_keypoints(sample)
    write(tmp_path / "out", original.people)
    again = read_keypoints(tmp_path / "out", image_size=original.report.image_size).people[0]
    assert again.pose.skeleton in (BODY_25, COCO_17)
    before = original.people[0].pose
    for joint in ("left_knee", "right_wrist", "nose"):
        torch.testing.assert_close(
            again.pose.keypoints[:, again.pose.skeleton.index(joint)],
            before.keypoints[:, before.skeleton.index(joint)],
            rtol=0,
            atol=0,
        )


def test_nobody_and_unlike_people_are_refused(tmp_path: Path) -> None:
    nobody = Pose2D.from_detections(torch.zeros(3, 23, 2), torch.zeros(3, 23), LIFT_23)
    unseen = Motion(nobody, 30.0, 0, torch.zeros(3, dtype=torch.bool))
    with pytest.raises(InputError, match="got nobody"):
        write_coco(tmp_path / "a.json", [unseen])
    with pytest.raises(InputError, match="over the same frames"):
        write_openpose(tmp_path / "a", [unseen, walkers(BODY_25, 0)[1]])
    assert not any(tmp_path.iterdir())


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "clip").mkdir()
    (tmp_path / "clip" / "mine.txt").write_text("mine")
    with pytest.raises(OutputError, match="new or an empty folder"):
        write_openpose(tmp_path / "clip", walkers(BODY_25, 0))
    assert [path.name for path in (tmp_path / "clip").iterdir()] == ["mine.txt"]
    assert [path.name for path in tmp_path.iterdir()] == ["clip"]


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    def stop(done: int, _: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_openpose(tmp_path / "clip", walkers(BODY_25, 0), progress=stop)
    assert not any(tmp_path.iterdir())
