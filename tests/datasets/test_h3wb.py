"""H3WB: samples in JSON, clips in archives with Human3.6M's cameras, and the 133 points."""

import importlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
import torch

from lift3d.errors import FileFormatError, InputError
from lift3d.protocols import Dataset
from lift3d.skeletons import COCO_17
from lift3d_datasets.h3wb import H3wb
from lift3d_datasets.wholebody import COCO_WHOLEBODY_133


@pytest.fixture(scope="module")
def files() -> Any:
    folder = str(Path(__file__).parents[1] / "helpers")
    if folder not in sys.path:
        sys.path.insert(0, folder)
    return importlib.import_module("human36m_files")


def points(values: Any) -> dict[str, dict[str, float]]:
    return {str(i): dict(zip("xyz", map(float, row), strict=False)) for i, row in enumerate(values)}


def test_samples_stand_upright(tmp_path: Path) -> None:
    """Standing people have their noses at y = -1500 mm in these files."""
    stored = np.zeros((133, 3))
    stored[0] = [-41.7, -1502.8, -198.9]
    sample = {"keypoints_3d": points(stored)}
    path = "S5/Images/WalkingDog 1.54138969/frame_1005.jpg"
    content = {"0": sample, "7": {**sample, "image_path": path}}
    (tmp_path / "RGBto3D_train.json").write_bytes(orjson.dumps(content))
    dataset = H3wb(tmp_path, dtype=torch.float64)
    assert isinstance(dataset, Dataset)
    assert dataset.splits == ("train",)
    first, second = dataset.clips("train")
    assert first.motion.pose.skeleton == COCO_WHOLEBODY_133
    assert first.motion.pose.joints[0, 0].tolist() == pytest.approx([-0.0417, 1.5028, 0.1989])
    assert (first.name, first.subject, first.action, first.measured) == ("0", "", "", False)
    assert (second.name, second.subject, second.action) == ("7", "S5", "WalkDog")
    assert first.views == ()


def archive(files: Any, root: Path, world: Any, frames: list[int]) -> Path:
    cameras = {
        camera: {
            "camera_3d": files.in_camera(world, "S1", camera)[:, None],
            "pose_2d": files.pixels(world, "S1", camera)[:, None],
        }
        for camera in files.CAMERAS[:2]
    }
    content = {"S1": {"Directions 1": {"frame_id": frames, **cameras}}}
    path: Path = files.save_objects(root / "h3wb_train.npz", train_data=content)
    return path


def test_archives_have_cameras_and_gaps(files: Any, tmp_path: Path) -> None:
    world = np.random.default_rng(0).uniform(-500, 500, (3, 133, 3)) + np.array([0, 0, 900.0])
    dataset = H3wb(archive(files, tmp_path, world, [10, 15, 25]), dtype=torch.float64)
    assert dataset.splits == ("train", "test")
    (clip,) = dataset.clips("train")
    assert not list(dataset.clips("test"))
    assert (clip.name, clip.subject, clip.action) == ("S1 Directions 1", "S1", "Directions")
    assert clip.motion.fps == 10
    assert clip.motion.observed.tolist() == [True, True, False, True]
    x, y, z = np.moveaxis(world, -1, 0)
    got = clip.motion.pose.joints.numpy()[[0, 1, 3]]
    assert np.abs(got - np.stack([x, z, -y], -1) / 1000).max() < 1e-5
    assert [view.name for view in clip.views] == list(files.CAMERAS[:2])
    for view in clip.views:
        pixels = files.pixels(world, "S1", view.name)
        assert np.abs(view.keypoints.pose.keypoints.numpy()[[0, 1, 3]] - pixels).max() < 1e-9
        seen = view.camera.project(clip.motion.pose.joints).numpy()[[0, 1, 3]]
        assert np.abs(seen - pixels).max() < 1e-3


def test_archives_of_another_frame_are_refused(files: Any, tmp_path: Path) -> None:
    world = np.random.default_rng(0).uniform(-500, 500, (2, 133, 3)) + np.array([0, 0, 900.0])
    path = archive(files, tmp_path, world, [0, 1])
    content = np.load(path, allow_pickle=True)["train_data"].item()
    for camera in files.CAMERAS[:2]:
        content["S1"]["Directions 1"][camera]["camera_3d"] -= [[[0, 0, 5000.0]]]
    files.save_objects(path, train_data=content)
    with pytest.raises(FileFormatError, match=r"not in Human3.6M's camera frames"):
        list(H3wb(path).clips("train"))


def test_bad_files(files: Any, tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"none of its files"):
        H3wb(tmp_path)
    (finding,) = H3wb.examine(tmp_path)
    assert not finding.present
    path = tmp_path / "2Dto3D_train.json"
    path.write_bytes(b'{"0": {')
    with pytest.raises(FileFormatError, match=r"download it again"):
        list(H3wb(tmp_path).clips("train"))
    path.write_bytes(b'{"0": {"keypoints_2d": {}}}')
    with pytest.raises(FileFormatError, match=r"sample 0 .* hold none"):
        list(H3wb(tmp_path).clips("train"))
    with pytest.raises(InputError, match=r"got 'test'"):
        list(H3wb(tmp_path).clips("test"))
    files.save_objects(tmp_path / "h3wb.npz", train_data={"S1": {"Eating": {"frame_id": [1, 2]}}})
    with pytest.raises(FileFormatError, match=r"a camera of Human3.6M for S1 Eating"):
        list(H3wb(tmp_path).clips("train"))
    assert [f.what for f in H3wb.examine(tmp_path)] == ["h3wb.npz S1"]


def test_whole_body_layout() -> None:
    joints = COCO_WHOLEBODY_133.joints
    assert len(joints) == 133
    assert joints[:17] == COCO_17.joints
    assert joints[17:23] == (
        "left_big_toe", "left_small_toe", "left_heel", "right_big_toe", "right_small_toe", "right_heel",
    )  # fmt: skip
    mirror = COCO_WHOLEBODY_133.flip_permutation
    assert all(mirror[mirror[index]] == index for index in range(133))
    # Jaw, brows, eyes, mouth of iBUG's 68; hands.
    pairs = ((23, 39), (40, 49), (59, 68), (71, 77), (91, 112), (111, 132))
    assert all(mirror[a] == b for a, b in pairs)
    assert [mirror[i] for i in (31, 50, 53, 74)] == [31, 50, 53, 74]  # chin, bridge, tip, upper lip
