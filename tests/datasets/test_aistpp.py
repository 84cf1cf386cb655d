"""AIST++: the annotation folder's layout, centimetres, cameras, splits, and what is broken."""

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lift3d.errors import FileFormatError
from lift3d.protocols import Dataset
from lift3d.skeletons import COCO_17
from lift3d_datasets.aistpp import Aistpp

NAME = "gBR_sBM_cAll_d04_mBR0_ch02"
FRAMES = 3
JOINTS = np.random.default_rng(0).normal([0, 100, 0], 30, (FRAMES, 17, 3))
RVEC = [np.pi * 0.9, 0.1, -0.05]
CAMERA = {
    "name": "c01", "size": [1920, 1080], "matrix": [[1500, 0, 960], [0, 1500, 540], [0, 0, 1]],
    "rotation": RVEC, "translation": [5.0, 150.0, 500.0], "distortions": [0.05, 0, 0, 0, 0],
}  # fmt: skip


def dump(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(value))


def save(root: Path, name: str = NAME, **changes: Any) -> None:
    parts = {
        "keypoints3d": {"keypoints3d": JOINTS + 1, "keypoints3d_optim": JOINTS},
        "keypoints2d": {
            "keypoints2d": np.tile([10.0, 20, 0.5], (9, FRAMES, 17, 1)),
            "det_scores": np.ones((9, FRAMES)),
            "timestamps": np.arange(FRAMES),
        },
        "motions": {
            "smpl_poses": np.zeros((FRAMES, 72)),
            "smpl_scaling": np.array([94.0]),
            "smpl_trans": np.tile([47.0, 94, 0], (FRAMES, 1)),
        },
    }
    for part, value in (parts | changes).items():
        dump(root / part / f"{name}.pkl", value)
    (root / "cameras").mkdir(exist_ok=True)
    with (root / "cameras/mapping.txt").open("a") as file:
        file.write(f"{name} setting1\n")
    (root / "cameras/setting1.json").write_text(json.dumps([CAMERA, CAMERA | {"name": "c02"}]))


def test_a_sequence_in_metres(tmp_path: Path) -> None:
    save(tmp_path)
    dataset = Aistpp(tmp_path)
    assert isinstance(dataset, Dataset)
    assert dataset.splits == ("all",)
    (clip,) = dataset.clips("all")
    assert (clip.name, clip.subject, clip.action, clip.motion.fps) == (NAME, "d04", "gBR", 60.0)
    assert clip.motion.pose.skeleton == COCO_17
    assert np.abs(clip.motion.pose.joints.numpy() - JOINTS / 100).max() < 1e-6
    assert clip.bodies is not None
    assert clip.bodies.transl[0].tolist() == pytest.approx([0.5, 1, 0])
    assert clip.bodies.body_pose.shape == (FRAMES, 23, 3)


def test_cameras_project_as_opencv_does(tmp_path: Path) -> None:
    import cv2

    save(tmp_path)
    (clip,) = Aistpp(tmp_path).clips("all")
    assert [view.name for view in clip.views] == ["c01", "c02"]
    view = clip.views[0]
    assert view.camera.image_size == (1080, 1920)
    assert view.keypoints.pose.keypoints[0, 0].tolist() == [10, 20]
    matrix, lens = np.array(CAMERA["matrix"], float), np.array(CAMERA["distortions"])
    shift = np.array(CAMERA["translation"], float)
    wanted = cv2.projectPoints(JOINTS[0], np.array(RVEC), shift, matrix, lens)[0][:, 0]
    got = view.camera.project(clip.motion.pose.joints)[0].numpy()
    assert np.abs(got - wanted).max() < 0.02


def test_splits_and_the_list_of_bad_sequences(tmp_path: Path) -> None:
    names = [NAME.replace("ch02", f"ch{i:02d}") for i in range(3, 7)]
    for name in names:
        save(tmp_path, name)
    (tmp_path / "ignore_list.txt").write_text(names[3] + "\n")
    (tmp_path / "splits").mkdir()
    for split, words in (
        ("train", [names[0], names[3]]),
        ("val", [names[1].replace("cAll", "c05")]),
    ):
        (tmp_path / f"splits/pose_{split}.txt").write_text("\n".join(words))
    dataset = Aistpp(tmp_path)
    assert dataset.splits == ("train", "val")
    assert [clip.name for clip in dataset.clips("train")] == [names[0]]
    assert [clip.name for clip in dataset.clips("val")] == [names[1]]


def test_joints_alone_are_enough(tmp_path: Path) -> None:
    dump(tmp_path / f"keypoints3d/{NAME}.pkl", {"keypoints3d": JOINTS})
    (clip,) = Aistpp(tmp_path).clips("all")
    assert (clip.views, clip.bodies, clip.body_format) == ((), None, "")


def test_views_out_of_step_are_left_out(tmp_path: Path) -> None:
    name = "gBR_sBM_cAll_d04_mBR0_ch01"
    save(tmp_path, name)
    cameras = [CAMERA | {"name": word} for word in ("c04", "c05")]
    (tmp_path / "cameras/setting1.json").write_text(json.dumps(cameras))
    (clip,) = Aistpp(tmp_path).clips("all")
    assert [view.name for view in clip.views] == ["c04"]


def test_frames_without_numbers_are_not_observed(tmp_path: Path) -> None:
    joints = JOINTS.copy()
    joints[1] = np.nan
    joints[2, 4] = np.nan
    save(tmp_path, keypoints3d={"keypoints3d_optim": joints})
    (clip,) = Aistpp(tmp_path).clips("all")
    assert clip.motion.observed.tolist() == [True, False, True]
    assert int(clip.motion.pose.joints[2].isnan().any(-1).sum()) == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"keypoints3d": {"keypoints3d_optim": JOINTS[:, :14]}}, "keypoints3d_optim"),
        ({"keypoints3d": {"keypoints3d_optim": JOINTS * np.nan}}, "none in any frame"),
        ({"keypoints3d": [1]}, "a dictionary"),
        ({"motions": {"smpl_poses": np.zeros((2, 72))}}, "smpl_poses"),
        ({"keypoints2d": {"keypoints2d": np.zeros((8, FRAMES, 17, 3))}}, "keypoints2d"),
    ],
)
def test_broken_sequences_are_refused_or_skipped(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    save(tmp_path, **changes)
    with pytest.raises(FileFormatError, match=message):
        list(Aistpp(tmp_path).clips("all"))
    dataset = Aistpp(tmp_path, skip_broken=True)
    assert not list(dataset.clips("all"))
    assert dataset.skipped is not None
    assert len(dataset.skipped) == 1


def test_broken_cameras_and_missing_parts_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="keypoints3d/<sequence>"):
        Aistpp(tmp_path)
    save(tmp_path)
    (tmp_path / "cameras/setting1.json").write_text(json.dumps([{"name": "c01"}]))
    with pytest.raises(FileFormatError, match=r"setting1\.json.*KeyError"):
        list(Aistpp(tmp_path).clips("all"))
    found = {finding.what: finding.present for finding in Aistpp.examine(tmp_path)}
    assert found["motions"]
    assert not found["splits/pose_train.txt"]
