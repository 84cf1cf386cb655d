"""A folder with the files that the pages speak of, by the names that they have there."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from lift3d.cli import main
from lift3d.io import read_keypoints
from lift3d.samples import balancing
from lift3d.skeletons import BODY_25, COCO_17

ROOT = Path(__file__).resolve().parents[2]
FRAMES = 8


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository; pages are tested where they are, beside what they link to."""
    if not (ROOT / "docs" / "index.md").is_file():
        pytest.skip("the documentation is absent: run the tests in the repository")
    return ROOT


@pytest.fixture(scope="session")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample's first frames in the formats of several detectors, and lifted."""
    folder = tmp_path_factory.mktemp("desk")
    with balancing() as path:
        document = json.loads(path.read_text())
    document["frames"] = document["frames"][:FRAMES]
    (folder / "landmarks.json").write_text(json.dumps(document))
    pose = read_keypoints(folder / "landmarks.json").people[0].pose
    write_arrays(folder, document)
    write_openpose(folder, pose.to(BODY_25))
    write_lists(folder, pose.to(COCO_17))
    there = Path.cwd()
    os.chdir(folder)
    try:
        assert main(["lift", "landmarks.json", "-o", "walk.npz", "dance.bvh"]) == 0
        torch.save(torch.randn(5, 17, 3) * 0.3 + torch.tensor([0.0, 0, 4]), "joints.pt")
    finally:
        os.chdir(there)
    return folder


def write_arrays(folder: Path, document: dict[str, object]) -> None:
    """MediaPipe's landmarks as an array, and as a table of one row per frame."""
    names = ("x", "y", "z", "visibility")
    frames = [frame["landmarks"] for frame in document["frames"]]  # type: ignore[attr-defined]
    array = np.array([[[mark[name] for name in names] for mark in frame] for frame in frames])
    np.save(folder / "landmarks.npy", array)
    head = ",".join(f"{name}{index}" for index in range(33) for name in names)
    rows = [",".join(f"{value:.6f}" for value in frame.ravel()) for frame in array]
    (folder / "landmarks.csv").write_text("\n".join([head, *rows]) + "\n")


def flat(pose, frame: int) -> list[float]:
    """x, y, confidence of a frame, missing ones as zeros."""
    points = torch.cat([pose.keypoints[frame], pose.confidence[frame][:, None]], -1)
    return [round(float(value), 3) for value in points.nan_to_num().flatten()]


def write_openpose(folder: Path, pose) -> None:
    """A folder as OpenPose's --write_json makes it, under the two names of the pages."""
    for name in ("keypoints", "openpose"):
        (folder / name).mkdir()
        for frame in range(FRAMES):
            people = [{"person_id": [-1], "pose_keypoints_2d": flat(pose, frame)}]
            file = folder / name / f"clip_{frame:012d}_keypoints.json"
            file.write_text(json.dumps({"version": 1.3, "people": people}))


def write_lists(folder: Path, pose) -> None:
    """AlphaPose's list, MMPose's predictions of a video, rtmlib's arrays, and a table."""
    found = [
        {"image_id": f"{frame}.jpg", "category_id": 1, "keypoints": flat(pose, frame), "score": 3.0}
        for frame in range(FRAMES)
    ]
    (folder / "alphapose-results.json").write_text(json.dumps(found))
    places, sure = pose.keypoints.nan_to_num(), pose.confidence
    frames = [
        {
            "frame_id": frame,
            "instances": [
                {"keypoints": places[frame].tolist(), "keypoint_scores": sure[frame].tolist()}
            ],
        }
        for frame in range(FRAMES)
    ]
    video = {"meta_info": {"dataset_name": "coco"}, "instance_info": frames}
    (folder / "predictions.json").write_text(json.dumps(video))
    lines = ["frame,person,joint,x,y,confidence"]
    for frame in range(FRAMES):
        for joint, name in enumerate(COCO_17.joints):
            x, y = places[frame, joint].tolist()
            lines.append(f"{frame},0,{name},{x:.2f},{y:.2f},{float(sure[frame, joint]):.2f}")
    (folder / "keypoints.csv").write_text("\n".join(lines) + "\n")


@pytest.fixture
def at_desk(desk: Path) -> Iterator[Path]:
    """The current folder is the desk's."""
    there = Path.cwd()
    os.chdir(desk)
    yield desk
    os.chdir(there)
