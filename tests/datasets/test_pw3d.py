"""3DPW: the pickle's layout, several actors, the moving camera, and what is broken."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lift3d.errors import FileFormatError
from lift3d.protocols import Dataset
from lift3d.skeletons import COCO_18, SMPL_24
from lift3d_body_models import DefaultBody
from lift3d_datasets.pw3d import Pw3d

FRAMES = 5
REST = DefaultBody().articulation.joints_template.double().numpy() - np.array([0.0, 0.2, 0.0])
"""A body in its T-pose whose root joint does not lie at the origin, as SMPL's."""
K = np.array([[1960.0, 0, 540], [0, 1970, 960], [0, 0, 1]])


def camera(frame: int) -> np.ndarray:
    """Four metres before the person, upright, and moving to its right: y and z are turned around."""
    pose = np.diag([1.0, -1, -1, 1])
    pose[:3, 3] = [-0.1 * frame, 1, 4]
    return pose


def sequence(actors: int = 2, **changes: Any) -> dict[str, Any]:
    trans = [np.tile([a - 0.5, 1.2, 0.0], (FRAMES, 1)) for a in range(actors)]
    joints = [REST[None] + t[:, None] for t in trans]
    points = []
    for person in joints:
        cam = np.stack([p @ camera(f)[:3, :3].T + camera(f)[:3, 3] for f, p in enumerate(person)])
        pixels = cam @ K.T
        named = np.zeros((FRAMES, 3, 18))
        for i, name in enumerate(COCO_18.joints):
            if name in SMPL_24.joints:
                place = pixels[:, SMPL_24.index(name)]
                named[:, 0, i], named[:, 1, i] = (place[:, :2] / place[:, 2:]).T
                named[:, 2, i] = 0.9
        points.append(named)
    return {
        "sequence": "downtown_walk_00",
        "betas": [np.full(300 if a else 10, 0.1) for a in range(actors)],
        "poses": [np.zeros((FRAMES, 72)) for _ in range(actors)],
        "trans": trans,
        "poses_60Hz": [np.zeros((2 * FRAMES, 72)) for _ in range(actors)],
        "jointPositions": [person.reshape(FRAMES, 72) for person in joints],
        "poses2d": points,
        "genders": ["m", "f"][:actors],
        "campose_valid": [np.array([1, 1, 0, 1, 1])] * actors,
        "cam_poses": np.stack([camera(f) for f in range(FRAMES)]),
        "cam_intrinsics": K,
        "img_frame_ids": np.arange(FRAMES) * 2,
    } | changes


def save(root: Path, split: str = "train", **changes: Any) -> Path:
    path = root / "sequenceFiles" / split / "downtown_walk_00.pkl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(sequence(**changes), protocol=2))
    return path


def test_every_actor_is_a_clip(tmp_path: Path) -> None:
    save(tmp_path, "validation")
    dataset = Pw3d(tmp_path)
    assert isinstance(dataset, Dataset)
    assert not list(dataset.clips("train"))
    one, two = dataset.clips("val")
    assert (one.name, two.name) == ("downtown_walk_00_0", "downtown_walk_00_1")
    assert (two.subject, two.action) == ("downtown_walk_00_1_f", "downtown_walk_00")
    assert (two.motion.fps, two.motion.person, two.measured) == (30.0, 1, True)
    assert two.motion.pose.skeleton == SMPL_24
    assert two.motion.pose.joints[0, 0].tolist() == pytest.approx([0.5, 1.0, 0.0], abs=1e-6)
    assert two.bodies is not None
    assert two.body_format == "smpl"
    assert two.bodies.betas.tolist() == pytest.approx([0.1] * 10)
    assert two.bodies.transl[0].tolist() == pytest.approx([0.5, 1.2, 0.0])


def test_the_moving_camera_sees_the_keypoints(tmp_path: Path) -> None:
    save(tmp_path)
    clip = next(Pw3d(tmp_path).clips("train"))
    (view,) = clip.views
    assert view.camera.image_size == (1920, 1080)
    assert view.keypoints.observed.tolist() == [True, True, False, True, True]
    assert view.camera.cam_from_world[2].isnan().all()
    seen = view.keypoints.pose.seen
    assert not seen[:, COCO_18.index("nose")].any()
    wrist, other = COCO_18.index("left_wrist"), SMPL_24.index("left_wrist")
    pixels = view.camera.project(clip.motion.pose.joints)[:, other]
    got = view.keypoints.pose.keypoints[:, wrist]
    assert float((pixels - got)[[0, 1, 3, 4]].abs().max()) < 0.01


def test_a_wide_picture_is_told_from_the_intrinsics(tmp_path: Path) -> None:
    save(tmp_path, cam_intrinsics=np.array([[1960.0, 0, 960], [0, 1970, 540], [0, 0, 1]]))
    clip = next(Pw3d(tmp_path).clips("train"))
    assert clip.views[0].camera.image_size == (1080, 1920)


@pytest.mark.parametrize(("up", "turn"), [("-y", [1, -1, -1]), ("z", None)])
def test_another_up_axis_is_noticed_and_can_be_given(
    tmp_path: Path, up: Any, turn: list[int] | None
) -> None:
    """The same scene in a world that stands on its head, or in one with z up."""
    save(tmp_path)
    wanted = next(Pw3d(tmp_path).clips("train"))
    there = np.diag(turn) if turn else np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]])
    plain = sequence()
    joints = [j.reshape(FRAMES, 24, 3) @ there.T for j in plain["jointPositions"]]
    poses = [np.concatenate([np.tile([np.pi if turn else np.pi / 2, 0, 0], (FRAMES, 1)), p[:, 3:]], 1)
             for p in plain["poses"]]  # fmt: skip
    cameras = np.stack([camera(f) for f in range(FRAMES)])
    cameras[:, :3, :3] = cameras[:, :3, :3] @ there.T
    trans = [j[:, 0] - REST[0] for j in joints]
    changes = {"poses": poses, "trans": trans, "cam_poses": cameras}
    save(tmp_path, jointPositions=[j.reshape(FRAMES, 72) for j in joints], **changes)
    with pytest.raises(FileFormatError, match=f"give up='{up}'"):
        list(Pw3d(tmp_path).clips("train"))
    clip = next(Pw3d(tmp_path, up=up).clips("train"))
    assert torch.allclose(clip.motion.pose.joints, wanted.motion.pose.joints, atol=1e-5)
    assert clip.bodies is not None
    assert wanted.bodies is not None
    assert torch.allclose(clip.bodies.transl, wanted.bodies.transl, atol=1e-5)
    assert torch.allclose(clip.bodies.global_orient, wanted.bodies.global_orient, atol=1e-5)
    got, there_too = (c.views[0].camera.project(c.motion.pose.joints) for c in (clip, wanted))
    assert torch.allclose(got, there_too, atol=0.01, equal_nan=True)


def test_frames_without_numbers_are_not_observed(tmp_path: Path) -> None:
    joints = sequence()["jointPositions"]
    joints[0][1, 3] = np.nan
    save(tmp_path, jointPositions=joints)
    clip = next(Pw3d(tmp_path).clips("train"))
    assert clip.motion.observed.tolist() == [True, False, True, True, True]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"poses": np.zeros(0)}, "one entry per actor"),
        ({"poses": [np.zeros((FRAMES, 72))] * 3}, "for actor 2"),
        ({"trans": [np.zeros((FRAMES - 1, 3))] * 2}, r"trans of actor 0 of shape \[5, 3\]"),
        ({"cam_poses": np.zeros((FRAMES, 3, 4))}, "cam_poses"),
        ({"poses2d": [np.zeros((FRAMES, 18, 3))] * 2}, "poses2d"),
        ({"jointPositions": [np.full((FRAMES, 72), np.nan)] * 2}, "none in any frame"),
        ({"genders": None}, "genders"),
    ],
)
def test_broken_sequences_are_refused_or_skipped(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    path = save(tmp_path, **changes)
    with pytest.raises(FileFormatError, match=message):
        list(Pw3d(tmp_path).clips("train"))
    dataset = Pw3d(tmp_path, skip_broken=True)
    assert not list(dataset.clips("train"))
    assert dataset.skipped is not None
    assert list(dataset.skipped) == [str(path)]


def test_pickles_that_want_to_run_something_are_refused(tmp_path: Path) -> None:
    path = save(tmp_path)
    path.write_bytes(b"cos\nsystem\n(S'echo no'\ntR.")
    with pytest.raises(FileFormatError, match="system"):
        list(Pw3d(tmp_path).clips("train"))


def test_a_half_downloaded_set_is_seen(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="sequenceFiles"):
        Pw3d(tmp_path)
    path = save(tmp_path)
    assert [f.detail.split(" seq")[0] for f in Pw3d.examine(tmp_path)] == [
        "1 of 24",
        "0 of 12",
        "0 of 24",
    ]
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(FileFormatError):
        list(Pw3d(tmp_path).clips("train"))
