"""AMASS: both layouts and spellings, the turn from z up to y up, splits, and what is broken."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lift3d.errors import FileFormatError
from lift3d.protocols import Dataset
from lift3d.skeletons import LIFT_23, SMPL_24
from lift3d_body_models import DefaultBody
from lift3d_datasets.amass import Amass

FRAMES = 4


def upright(width: int = 156) -> np.ndarray:
    """Rotations of a person who stands in a z-up world and looks along -y: a quarter turn about x."""
    poses = np.zeros((FRAMES, width))
    poses[:, 0] = math.pi / 2
    return poses


def motion(**changes: Any) -> dict[str, Any]:
    """The SMPL+H layout; a value of None takes a key away."""
    arrays = {
        "poses": upright(),
        "trans": np.tile([1.0, 2.0, 3.0], (FRAMES, 1)),
        "betas": np.linspace(-1, 1, 16),
        "dmpls": np.zeros((FRAMES, 8)),
        "gender": np.array("female"),
        "mocap_framerate": np.array(120.00004577),
        "marker_labels": np.array([b"LFHD"]),
    } | changes
    return {key: value for key, value in arrays.items() if value is not None}


def save(root: Path, name: str = "CMU/01/01_01_poses.npz", **changes: Any) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **motion(**changes))
    return path


def joint(points: Any, name: str) -> torch.Tensor:
    values: torch.Tensor = points.joints[0, points.skeleton.index(name)]
    return values


def test_a_standing_person_stands_along_y(tmp_path: Path) -> None:
    save(tmp_path)
    dataset = Amass(tmp_path)
    assert isinstance(dataset, Dataset)
    (clip,) = dataset.clips("train")
    assert (clip.name, clip.subject, clip.action) == ("CMU/01/01_01", "CMU/01", "01_01")
    assert (clip.body_format, clip.measured) == ("smplh", False)
    assert clip.motion.fps == pytest.approx(120.00004577)
    pose = clip.motion.pose
    # The default body's root lies at its origin: the place (1, 2, 3) goes to (1, 3, -2).
    assert joint(pose, "pelvis").tolist() == pytest.approx([1, 3, -2], abs=1e-5)
    tall = joint(pose, "head") - joint(pose, "pelvis")
    assert tall[1] > 0.6
    assert abs(float(tall[0])) < 0.01
    assert joint(pose, "nose")[2] > joint(pose, "head")[2]  # -y becomes +z
    assert joint(pose, "left_wrist")[0] > joint(pose, "right_wrist")[0]
    assert pose.to(LIFT_23).joints.isfinite().all()


def test_body_parameters_pose_the_given_body_to_the_same_joints(tmp_path: Path) -> None:
    """With a body of one's own: measured, its betas used, and a root joint away from the origin."""
    generator = np.random.default_rng(0)
    poses = upright() + generator.normal(0, 0.3, (FRAMES, 156))
    save(tmp_path, poses=poses, betas=np.array([1.0, -1, 0.5] + [0.0] * 13))
    body = DefaultBody()
    (clip,) = Amass(tmp_path, body=body).clips("train")
    assert clip.measured
    assert clip.bodies is not None
    assert clip.bodies.body_pose.shape == (FRAMES, 51, 3)
    # The world of the file: pose the body there, then turn its joints.
    table = torch.from_numpy(poses).reshape(FRAMES, 52, 3).float()
    turns = torch.cat([table[:, 1:22], torch.zeros(FRAMES, 2, 3)], 1)
    from lift3d.body import BodyParams

    betas = torch.tensor([1.0, -1, 0.5] + [0.0] * 7)
    params = BodyParams(betas, turns, table[:, 0], torch.tensor([1.0, 2, 3]).repeat(FRAMES, 1))
    joints = body.joints(params)
    wanted = torch.stack([joints[..., 0], joints[..., 2], -joints[..., 1]], -1)
    got = clip.motion.pose.joints[:, : len(SMPL_24)]
    assert float((got - wanted).abs().max()) < 1e-5
    again = BodyParams(betas, turns, clip.bodies.global_orient, clip.bodies.transl)
    assert float((body.joints(again) - wanted).abs().max()) < 1e-5


def test_the_smplx_layout_and_its_spelling(tmp_path: Path) -> None:
    poses = upright(165)
    poses[:, 66] = 0.2  # the jaw, which the default body does not have
    poses[:, 3 * 18 + 1] = -1.0  # the left elbow
    save(
        tmp_path, "SFU/0005/walk_stageii.npz", poses=poses, mocap_framerate=None,
        mocap_frame_rate=np.array(60), surface_model_type=np.array("smplx"), gender=np.array(b"male"),
    )  # fmt: skip
    save(tmp_path, "SFU/0005/shape.npz")
    save(tmp_path, "SFU/0005/male_stagei.npz")
    (clip,) = Amass(tmp_path).clips("val")
    assert (clip.name, clip.body_format, clip.motion.fps) == ("SFU/0005/walk", "smplx", 60.0)
    assert clip.bodies is not None
    assert clip.bodies.body_pose.shape == (FRAMES, 54, 3)
    pose = clip.motion.pose
    reach = joint(pose, "left_wrist") - joint(pose, "left_elbow")
    assert reach[2] > 0.15  # the arm bends forwards


@pytest.mark.parametrize(
    ("folder", "split"),
    [
        ("CMU", "train"), ("HumanEva", "val"), ("MPI_HDM05", "val"), ("HDM05", "val"),
        ("MPI_mosh", "val"), ("MoSh", "val"), ("SFU", "val"), ("SSM_synced", "test"),
        ("SSM", "test"), ("Transitions_mocap", "test"), ("Transitions", "test"), ("GRAB", "train"),
    ],
)  # fmt: skip
def test_datasets_belong_to_the_recommended_splits(tmp_path: Path, folder: str, split: str) -> None:
    save(tmp_path, f"{folder}/s1/a_poses.npz")
    assert [s for s in Amass(tmp_path).splits if list(Amass(tmp_path).clips(s))] == [split]
    assert [s for s in Amass(tmp_path).splits if list(Amass(tmp_path / folder).clips(s))] == [split]


def test_genders_come_as_text_bytes_or_objects(tmp_path: Path) -> None:
    body = DefaultBody()
    for gender in ("female", b"female", np.array("b'female'"), np.array("female", dtype=object)):
        save(tmp_path, gender=np.array(gender))
        assert len(list(Amass(tmp_path, body={"female": body}).clips("train"))) == 1
        with pytest.raises(FileFormatError, match="one of gender 'female'"):
            list(Amass(tmp_path, body={"male": body}).clips("train"))


def test_frames_without_numbers_are_not_observed(tmp_path: Path) -> None:
    poses = upright()
    poses[2, 5] = np.nan
    save(tmp_path, poses=poses)
    (clip,) = Amass(tmp_path).clips("train")
    assert clip.motion.observed.tolist() == [True, True, False, True]
    assert clip.motion.pose.joints[2].isnan().all()
    assert clip.motion.pose.joints[[0, 1, 3]].isfinite().all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"poses": None}, "no poses"),
        ({"poses": np.zeros((FRAMES, 72))}, r"\[T, 156 or 165\]"),
        ({"poses": np.zeros((FRAMES, 156), int)}, r"\[T, 156 or 165\]"),
        ({"poses": np.zeros((0, 156))}, r"\[T, 156 or 165\]"),
        ({"trans": np.zeros((3, 3))}, r"trans \[T, 3\]"),
        ({"poses": np.full((FRAMES, 156), np.nan)}, "got none in any frame"),
        ({"mocap_framerate": None}, "got neither"),
        ({"mocap_framerate": np.array(0.0)}, "got 0.0"),
    ],
)
def test_broken_motions_are_refused_or_skipped(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    bad = save(tmp_path, "CMU/02/02_01_poses.npz", **changes)
    save(tmp_path)
    with pytest.raises(FileFormatError, match=message):
        list(Amass(tmp_path).clips("train"))
    dataset = Amass(tmp_path, skip_broken=True)
    assert len(list(dataset.clips("train"))) == 1
    assert dataset.skipped is not None
    assert list(dataset.skipped) == [str(bad)]


def test_a_half_downloaded_set_is_seen(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="expected motions"):
        Amass(tmp_path)
    save(tmp_path)
    cut = save(tmp_path, "SFU/1/a_poses.npz")
    cut.write_bytes(cut.read_bytes()[:500])
    with pytest.raises(FileFormatError, match="download it again"):
        list(Amass(tmp_path).clips("val"))
    findings = {finding.what: finding for finding in Amass.examine(tmp_path)}
    assert findings["CMU"].present
    assert not findings["SFU"].present
    assert "cut off: a_poses.npz" in findings["SFU"].detail
