"""Folders of Acclaim and BVH files: subjects, splits, units, up axes, and what is broken."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from lift3d.capture import Capture
from lift3d.errors import FileFormatError, InputError
from lift3d.protocols import Dataset, MotionClip
from lift3d.skeletons import LIFT_23
from lift3d_datasets.asf_amc import CMU_SPLITS, AsfAmc
from lift3d_datasets.bvh_folder import BvhFolder
from lift3d_datasets.mocap_h5 import MocapH5

# A person in a T-pose in the Daz rig, in centimetres: joint, parent, offset.
DAZ = (
    ("hip", "", (0, 0, 0)), ("chest", "hip", (0, 50, 0)), ("head", "chest", (0, 15, 0)),
    ("lShldr", "chest", (17, 0, 0)), ("lForeArm", "lShldr", (28, 0, 0)),
    ("lHand", "lForeArm", (25, 0, 0)),
    ("rShldr", "chest", (-17, 0, 0)), ("rForeArm", "rShldr", (-28, 0, 0)),
    ("rHand", "rForeArm", (-25, 0, 0)),
    ("lThigh", "hip", (9, -5, 0)), ("lShin", "lThigh", (0, -42, 0)), ("lFoot", "lShin", (0, -42, 0)),
    ("rThigh", "hip", (-9, -5, 0)), ("rShin", "rThigh", (0, -42, 0)), ("rFoot", "rShin", (0, -42, 0)),
)  # fmt: skip
TIPS = {"head": (0, 15, 0), "lHand": (8, 0, 0), "rHand": (-8, 0, 0)}
TIPS |= {"lFoot": (0, -5, 14), "rFoot": (0, -5, 14)}


def bvh(
    path: Path, rows: list[str], names: dict[str, str] | None = None, z_up: bool = False
) -> Path:
    """A BVH of the person above; all rows give the root's place and turn, other joints are still."""

    def offset(xyz: tuple[float, float, float]) -> str:
        x, y, z = xyz
        return "OFFSET {} {} {}".format(*((x, -z, y) if z_up else (x, y, z)))

    def joint(name: str, parent: str, place: tuple[float, float, float]) -> str:
        word = (names or {}).get(name, name)
        position = "" if parent else "Xposition Yposition Zposition "
        head = f"{'JOINT' if parent else 'ROOT'} {word}\n{{\n{offset(place)}\n"
        head += f"CHANNELS {3 if parent else 6} {position}Zrotation Xrotation Yrotation\n"
        inside = "".join(joint(*row) for row in DAZ if row[1] == name)
        tip = f"End Site\n{{\n{offset(TIPS[name])}\n}}\n" if name in TIPS else ""
        return f"{head}{inside}{tip}}}\n"

    still = " 0" * (3 * (len(DAZ) - 1))
    frames = "".join(f"{row}{still}\n" for row in rows)
    head = f"MOTION\nFrames: {len(rows)}\nFrame Time: 0.01\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"HIERARCHY\n{joint(*DAZ[0])}{head}{frames}")
    return path


def at(clip: Capture, joint: str, frame: int = -1) -> list[float]:
    values: list[float] = clip.motion.pose.joints[frame, LIFT_23.index(joint)].tolist()
    return values


def test_a_known_rig_in_metres(tmp_path: Path) -> None:
    bvh(tmp_path / "anna" / "jump.bvh", ["10 90 20 0 0 0"] * 2)
    dataset = BvhFolder(tmp_path)
    assert isinstance(dataset, Dataset)
    (clip,) = dataset.clips("train")
    assert isinstance(clip, MotionClip)
    assert (clip.name, clip.subject, clip.measured, clip.motion.fps) == ("jump", "anna", False, 100)
    assert at(clip, "pelvis") == pytest.approx([0.1, 0.85, 0.2])
    assert at(clip, "left_ankle") == pytest.approx([0.19, 0.01, 0.2])
    assert at(clip, "right_wrist") == pytest.approx([-0.6, 1.4, 0.2])
    assert at(clip, "nose")[2] > at(clip, "head")[2]
    assert list(dataset.clips("val")) == []


def test_the_folder_of_a_split_is_that_split(tmp_path: Path) -> None:
    bvh(tmp_path / "test" / "ben" / "a_1.bvh", ["0 90 0 0 0 0"] * 2)
    bvh(tmp_path / "c_1.bvh", ["0 90 0 0 0 0"] * 2)
    found = {
        (split, clip.subject) for split in BvhFolder(tmp_path).splits
        for clip in BvhFolder(tmp_path).clips(split)
    }  # fmt: skip
    assert found == {("test", "ben"), ("train", "c")}


def test_a_rig_that_stands_along_z_is_turned(tmp_path: Path) -> None:
    bvh(tmp_path / "up.bvh", ["10 90 20 0 0 0"] * 2)
    bvh(tmp_path / "z.bvh", ["10 -20 90 0 0 0"] * 2, z_up=True)
    up, turned = BvhFolder(tmp_path).clips("train")
    assert torch.allclose(
        up.motion.pose.joints, turned.motion.pose.joints, atol=1e-6, equal_nan=True
    )


def test_another_rig_needs_a_mapping(tmp_path: Path) -> None:
    bvh(tmp_path / "a.bvh", ["0 90 0 0 0 0"] * 2, {"lThigh": "upper leg L"})
    with pytest.raises(FileFormatError, match=r"got the joints hip.*upper leg L.*joints="):
        list(BvhFolder(tmp_path).clips("train"))
    limbs = dict(zip(("shoulder", "elbow", "wrist"), ("Shldr", "ForeArm", "Hand"), strict=True))
    limbs |= dict(zip(("hip", "knee", "ankle"), ("Thigh", "Shin", "Foot"), strict=True))
    names = {f"{s}_{limb}": s[0] + word for s in ("left", "right") for limb, word in limbs.items()}
    with pytest.raises(InputError, match="no left_hip"):
        BvhFolder(tmp_path, joints={k: v for k, v in names.items() if k != "left_hip"})
    mapping = names | {"left_hip": "upper leg L"}
    (clip,) = BvhFolder(tmp_path, joints=mapping).clips("train")
    assert at(clip, "left_knee") == pytest.approx([0.09, 0.43, 0])
    assert np.isnan(at(clip, "nose")).all()


def test_unit_and_axis_can_be_given(tmp_path: Path) -> None:
    bvh(tmp_path / "a.bvh", ["0 90 0 0 0 0"] * 2)
    (clip,) = BvhFolder(tmp_path, unit=0.02, up="z").clips("train")
    assert at(clip, "left_ankle") == pytest.approx([0.18, 0, -0.02], abs=1e-6)


def test_a_t_pose_before_the_motion_and_broken_numbers_are_not_observed(tmp_path: Path) -> None:
    rows = ["0 90 0 0 0 0"] * 20
    rows[0] = "0 190 0 0 0 0"
    rows[7] = "0 nan 0 0 0 0"
    bvh(tmp_path / "a.bvh", rows)
    (clip,) = BvhFolder(tmp_path).clips("train")
    assert (~clip.motion.observed).nonzero().flatten().tolist() == [0, 7]
    assert clip.motion.pose.joints[7].isnan().all()
    bvh(tmp_path / "a.bvh", ["0 nan 0 0 0 0"] * 3)
    with pytest.raises(FileFormatError, match="at least one frame of numbers"):
        list(BvhFolder(tmp_path).clips("train"))


def test_a_broken_file_stops_or_is_skipped_and_named(tmp_path: Path) -> None:
    bvh(tmp_path / "a.bvh", ["0 90 0 0 0 0"] * 2)
    cut = bvh(tmp_path / "b.bvh", ["0 90 0 0 0 0"] * 2)
    cut.write_text(cut.read_text()[:-20])
    with pytest.raises(FileFormatError, match=r"b\.bvh.*cut off"):
        list(BvhFolder(tmp_path).clips("train"))
    kind = BvhFolder(tmp_path, skip_broken=True)
    assert [clip.name for clip in kind.clips("train")] == ["a"]
    assert kind.skipped is not None
    assert list(kind.skipped) == [str(cut)]


def test_empty_folders_files_and_splits_are_named(tmp_path: Path) -> None:
    for reader, what in ((BvhFolder, ".bvh"), (AsfAmc, ".amc")):
        with pytest.raises(FileFormatError, match=re.escape(what)):
            reader(tmp_path)
        with pytest.raises(FileFormatError, match="nothing there"):
            reader(tmp_path / "none")
    bvh(tmp_path / "a.bvh", ["0 90 0 0 0 0"] * 2)
    with pytest.raises(InputError, match="train, val, test, got 'dev'"):
        list(BvhFolder(tmp_path).clips("dev"))


def test_an_examination_says_rig_unit_and_axis(tmp_path: Path) -> None:
    bvh(tmp_path / "a.bvh", ["0 90 0 0 0 0"] * 2)
    count, first = BvhFolder.examine(tmp_path)
    assert (count.present, count.detail) == (True, "1 files")
    assert first.detail == "rig cmu_daz, unit centimetres (legs of 0.84 m), y up"
    assert not any(finding.present for finding in BvhFolder.examine(tmp_path / "none"))


# Real files ---------------------------------------------------------------------------------------


def test_real_rigs_stand_on_the_floor_in_metres(shared: Path) -> None:
    folder = shared / "mocap/original_files"
    units = {finding.what: finding.detail for finding in BvhFolder.examine(folder)}
    assert "0.45 inch" in units["'02_01.bvh'"]
    assert "decimetres" in units["'benchmark.bvh'"]
    assert "centimetres" in units["'06_05.bvh'"]
    (walk,) = (
        c for c in BvhFolder(folder / "bvh_motionbuilder").clips("train") if c.name == "02_01"
    )
    feet = walk.motion.pose.joints[:, LIFT_23.index("left_big_toe"), 1]
    assert -0.05 < float(feet.min()) < 0.1


@pytest.mark.parametrize("take", ["06_05", "12_02"])
def test_a_real_bvh_agrees_with_another_reader(shared: Path, tmp_path: Path, take: str) -> None:
    """The collection left out the T-pose of frame 0 and kept every fourth frame."""
    shutil.copy(shared / f"mocap/original_files/bvh_daz/{take}.bvh", tmp_path)
    (clip,) = BvhFolder(tmp_path).clips("train")
    assert not bool(clip.motion.observed[0])
    everybody = MocapH5(shared / "mocap/cmu_mocap_30hz.h5", subjects=[take[:2]]).clips("train")
    (other,) = (c for c in everybody if c.name == take)
    apart = (clip.motion.pose.joints[1::4] - other.motion.pose.joints).norm(dim=-1)
    assert float(apart[apart.isfinite()].max()) < 0.001


def test_a_real_asf_agrees_with_another_reader(shared: Path) -> None:
    folder = shared / "mocap/original_files/asfamc"
    clips = {c.name: c for c in AsfAmc(folder).clips("val")}
    assert list(clips) == ["17_03"]
    (other,) = (
        c
        for c in MocapH5(shared / "mocap/cmu_mocap_30hz.h5", subjects=["17"]).clips("val")
        if c.name == "17_03"
    )
    clip = clips["17_03"]
    assert (clip.subject, clip.action, clip.motion.fps) == ("17", "03", 120.0)
    assert clip.measured
    apart = (clip.motion.pose.joints[::4] - other.motion.pose.joints).norm(dim=-1)
    assert float(apart[apart.isfinite()].max()) < 0.001
    assert torch.equal(clip.motion.pose.joints[0].isnan(), other.motion.pose.joints[0].isnan())


def test_test_subjects_stay_test_subjects(shared: Path) -> None:
    """The split of the text files is that of the HDF5 collection."""
    for split in ("train", "val", "test"):
        for clip in MocapH5(shared / "mocap/cmu_mocap_30hz.h5", subjects=[*CMU_SPLITS]).clips(
            split
        ):
            assert CMU_SPLITS[clip.subject] == split


def test_a_motion_without_its_skeleton_is_named(shared: Path, tmp_path: Path) -> None:
    folder = shared / "mocap/original_files/asfamc"
    shutil.copy(folder / "09_01.amc", tmp_path)
    with pytest.raises(FileFormatError, match=r"skeleton '09\.asf' beside"):
        list(AsfAmc(tmp_path).clips("test"))
    assert [f.present for f in AsfAmc.examine(tmp_path)] == [False, True, False]
    shutil.copy(folder / "09.asf", tmp_path)
    (clip,) = AsfAmc(tmp_path, rates={"09_01": 60.0}).clips("test")
    assert clip.motion.fps == 60.0
    assert all(f.present for f in AsfAmc.examine(tmp_path))
