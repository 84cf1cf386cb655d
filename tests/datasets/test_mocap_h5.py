"""The motion-capture reader: the file layout, forward kinematics, sides, and what it refuses."""

import math
import re
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from lift3d.errors import FileFormatError, InputError
from lift3d.protocols import Dataset, MotionClip
from lift3d.skeletons import LIFT_23
from lift3d_datasets.mocap_h5 import MocapClip, MocapH5
from lift3d_datasets.rigs import RIGS, rig_of

# A person of the UI-PRMD family in a T-pose, in metres: joint, parent, offset from the parent.
BODY = (
    ("pelvis", "", (0, 0, 0)),
    ("rhip", "pelvis", (-0.09, 0, 0)), ("rknee", "rhip", (0, -0.42, 0)),
    ("rankle", "rknee", (0, -0.42, 0)), ("rtoe_end", "rankle", (0, -0.05, 0.14)),
    ("lhip", "pelvis", (0.09, 0, 0)), ("lknee", "lhip", (0, -0.42, 0)),
    ("lankle", "lknee", (0, -0.42, 0)), ("ltoe_end", "lankle", (0, -0.05, 0.14)),
    ("lowerback", "pelvis", (0, 0.1, 0)), ("spine", "lowerback", (0, 0.2, 0)),
    ("thorax", "spine", (0, 0.22, 0)), ("neck", "thorax", (0, 0.13, 0)),
    ("head", "neck", (0, 0.18, 0)),
    ("lclavicle", "thorax", (0, 0, 0)), ("lshoulder", "lclavicle", (0.17, 0, 0)),
    ("lelbow", "lshoulder", (0.28, 0, 0)), ("lwrist", "lelbow", (0.25, 0, 0)),
    ("lhand_end", "lwrist", (0.08, 0, 0)),
    ("rclavicle", "thorax", (0, 0, 0)), ("rshoulder", "rclavicle", (-0.17, 0, 0)),
    ("relbow", "rshoulder", (-0.28, 0, 0)), ("rwrist", "relbow", (-0.25, 0, 0)),
    ("rhand_end", "rwrist", (-0.08, 0, 0)),
)  # fmt: skip
NAMES = [joint for joint, _, _ in BODY]


def write(path: Path, turns: dict[str, tuple[float, float, float]], split: str = "train") -> Path:
    """Two frames of one clip; the second is marked as bad."""
    rotvec = np.zeros((2, len(BODY), 3), np.float32)
    for joint, turn in turns.items():
        rotvec[:, NAMES.index(joint)] = turn
    with h5py.File(path, "w") as file:
        clip = file.create_group("clips/jump")
        clip["rotvec"] = rotvec
        clip["root_trans"] = np.array([[1, 0.95, 2]] * 2, np.float32)
        clip["frame_ok"] = np.array([True, False])
        clip["joint_names"] = np.array(NAMES, "S9")
        parents = [NAMES.index(parent) if parent else -1 for _, parent, _ in BODY]
        clip["parents"] = np.array(parents, np.int16)
        clip["offsets"] = np.array([offset for *_, offset in BODY], np.float32)
        about = {"subject": "s1", "description": "a jump", "fidelity": "marker-fitted (x)"}
        clip.attrs.update(about | {"split": split, "fps": 30.0})
    return path


def only(path: Path, split: str = "train") -> MocapClip:
    (clip,) = MocapH5(path).clips(split)
    return clip


def joint(clip: MocapClip, name: str) -> list[float]:
    values: list[float] = clip.motion.pose.joints[0, LIFT_23.index(name)].tolist()
    return values


def test_a_resting_person_is_where_the_offsets_say(tmp_path: Path) -> None:
    clip = only(write(tmp_path / "open_motion_30hz.h5", {}))
    assert joint(clip, "pelvis") == pytest.approx([1, 0.95, 2])
    assert joint(clip, "left_ankle") == pytest.approx([1.09, 0.11, 2])
    assert joint(clip, "right_wrist") == pytest.approx([0.3, 1.47, 2])
    assert joint(clip, "spine") == pytest.approx([1, 1.25, 2])
    assert joint(clip, "head") == pytest.approx([1, 1.6, 2])
    assert all(map(math.isnan, joint(clip, "thorax")))


def test_synthesised_points_of_a_resting_person(tmp_path: Path) -> None:
    """Legs of 0.84 m, so the offsets of face and feet apply as they are written."""
    clip = only(write(tmp_path / "x.h5", {}))
    assert joint(clip, "nose") == pytest.approx([1, 1.635, 2.13])
    assert joint(clip, "left_ear") == pytest.approx([1.075, 1.65, 2.02])
    assert joint(clip, "right_ear") == pytest.approx([0.925, 1.65, 2.02])
    assert joint(clip, "left_big_toe") == pytest.approx([1.075, 0.06, 2.195], abs=1e-6)
    assert joint(clip, "right_big_toe") == pytest.approx([0.925, 0.06, 2.195], abs=1e-6)
    assert joint(clip, "right_heel") == pytest.approx([0.91, 0.055, 1.95])


def test_rotations_turn_what_hangs_below(tmp_path: Path) -> None:
    quarter = math.pi / 2
    turns = {"pelvis": (0.0, quarter, 0.0), "lknee": (quarter, 0.0, 0.0)}
    clip = only(write(tmp_path / "x.h5", turns))
    # Facing +x now: the left is at -z, the nose before the head, the bent shank behind the knee.
    assert joint(clip, "left_hip") == pytest.approx([1, 0.95, 1.91])
    assert joint(clip, "nose") == pytest.approx([1.13, 1.635, 2])
    assert joint(clip, "left_knee") == pytest.approx([1, 0.53, 1.91])
    assert joint(clip, "left_ankle") == pytest.approx([0.58, 0.53, 1.91])


def test_bad_frames_are_not_observed(tmp_path: Path) -> None:
    motion = only(write(tmp_path / "x.h5", {})).motion
    assert motion.observed.tolist() == [True, False]
    assert motion.pose.joints[1].isnan().all()


def test_clips_say_what_they_are(tmp_path: Path) -> None:
    dataset = MocapH5(write(tmp_path / "x.h5", {}, split="val"))
    assert isinstance(dataset, Dataset)
    assert dataset.splits == ("train", "val", "test")
    (clip,) = dataset.clips("val")
    assert isinstance(clip, MotionClip)
    assert (clip.name, clip.subject, clip.action) == ("jump", "s1", "a jump")
    assert (clip.split, clip.measured, clip.weight) == ("val", True, 1.0)
    assert clip.motion.pose.frame == "world"
    assert not list(dataset.clips("train"))


def test_a_folder_gives_the_files_it_has(tmp_path: Path) -> None:
    write(tmp_path / "cmu_mocap_30hz.h5", {})
    assert len(list(MocapH5(tmp_path).clips("train"))) == 1
    write(tmp_path / "open_motion_30hz.h5", {})
    assert len(list(MocapH5(tmp_path).clips("train"))) == 2


def test_subjects_can_be_chosen(tmp_path: Path) -> None:
    path = write(tmp_path / "x.h5", {})
    assert len(list(MocapH5(path, subjects=["s1"]).clips("train"))) == 1
    assert not list(MocapH5(path, subjects=["s2"]).clips("train"))


def test_missing_files_and_splits_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=re.escape("cmu_mocap_30hz.h5 or")):
        MocapH5(tmp_path)
    dataset = MocapH5(write(tmp_path / "x.h5", {}))
    with pytest.raises(InputError, match="train, val, test, got 'validation'"):
        list(dataset.clips("validation"))


def broken(path: Path, key: str, value: object) -> Path:
    write(path, {})
    with h5py.File(path, "a") as file:
        del file[f"clips/jump/{key}"]
        if value is not None:
            file[f"clips/jump/{key}"] = value
    return path


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("rotvec", None, "expected motion capture in"),
        ("rotvec", np.zeros((2, 3), np.float32), "parents before children"),
        ("parents", np.full(len(BODY), 23, np.int16), "parents before children"),
        ("joint_names", np.array(["a"] * len(BODY), "S1"), "expected a known skeleton"),
        ("joint_names", ["any", "length"], "plain values of kind 'S'"),
        ("frame_ok", np.array([1.0, 2.0]), "plain values of kind 'b'"),
    ],
)
def test_broken_clips_are_refused(tmp_path: Path, key: str, value: object, message: str) -> None:
    path = broken(tmp_path / "x.h5", key, value)
    with pytest.raises(FileFormatError, match=message):
        list(MocapH5(path).clips("train"))


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.h5").write_text("no HDF5")
    with pytest.raises(FileFormatError, match="expected motion capture"):
        list(MocapH5(tmp_path / "text.h5").clips("train"))


def test_families_are_told_apart_by_names() -> None:
    for rig in RIGS:
        assert rig_of(tuple(rig.required)) == rig
    assert rig_of(("hip", "knee")) is None


# Real files ---------------------------------------------------------------------------------------


def asf_frame(folder: Path, asf: str, amc: str, frame: int) -> dict[str, np.ndarray]:
    """Bone ends (metres) of one frame, straight from the original text files.

    ASF: the axis C of a bone is Rz Ry Rx of its angles; local rotation L = C R C^-1; a bone ends at
    start + G direction length. Written here from the format alone, without the code under test.
    """
    scale = 2.54 / 100 / 0.45
    bones: dict[str, tuple[np.ndarray, float, np.ndarray, list[str]]] = {}
    text = (folder / asf).read_text()
    for block in re.findall(r"begin(.*?)end", text.split(":bonedata")[1], re.S)[:-1] + [
        b
        for b in re.findall(r"begin(.*?)end", text.split(":bonedata")[1], re.S)[-1:]
        if "name" in b
    ]:
        row = {
            line.split()[0]: line.split()[1:] for line in block.strip().splitlines() if line.split()
        }
        direction = np.array(row["direction"], float)
        axis = euler(np.radians(np.array(row["axis"][:3], float)))
        bones[row["name"][0]] = (direction, float(row["length"][0]), axis, row.get("dof", []))
    parents: dict[str, str] = {}
    for line in text.split(":hierarchy")[1].splitlines():
        words = line.split()
        if len(words) > 1:
            parents |= dict.fromkeys(words[1:], words[0])
    lines = (folder / amc).read_text().split(f"\n{frame}\n")[1].split(f"\n{frame + 1}\n")[0]
    values = {
        w[0]: np.array(w[1:], float) for w in map(str.split, lines.splitlines()) if len(w) > 1
    }
    turns = {"root": euler(np.radians(values["root"][3:]))}
    ends = {"root": values["root"][:3] * scale}
    for bone, parent in parents.items():
        direction, length, axis, dof = bones[bone]
        angles = dict(zip(dof, np.radians(values.get(bone, np.zeros(0))), strict=False))
        local = euler(np.array([angles.get(key, 0.0) for key in ("rx", "ry", "rz")]))
        turns[bone] = turns[parent] @ axis @ local @ axis.T
        ends[bone] = ends[parent] + turns[bone] @ direction * length * scale
    return ends


def euler(angles: np.ndarray) -> np.ndarray:
    """Rz Ry Rx of angles about x, y, z."""
    (cx, cy, cz), (sx, sy, sz) = np.cos(angles), np.sin(angles)
    x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    out: np.ndarray = z @ y @ x
    return out


@pytest.fixture(scope="module")
def real(shared: Path) -> dict[str, MocapClip]:
    """A few people of each family, by clip name."""
    people = ("02", "39", "102", "131", "06", "accad_Male1", "fair1", "uiprmd_s01")
    clips = MocapH5(shared / "mocap", subjects=people).clips("train")
    return {clip.name: clip for clip in clips}


def test_a_real_clip_agrees_with_its_original_file(
    real: dict[str, MocapClip], shared: Path
) -> None:
    folder = shared / "mocap/original_files/asfamc"
    ends = asf_frame(folder, "02.asf", "02_01.amc", 1)
    clip = real["02_01"]
    # Frame 1 of the text file is frame 0 at 30 Hz; joints start where the parent's bone ends.
    for name, bone in {
        "left_knee": "lfemur", "left_ankle": "ltibia", "right_ankle": "rtibia",
        "left_shoulder": "lclavicle", "right_elbow": "rhumerus", "left_wrist": "lwrist",
        "spine": "upperback", "thorax": "thorax", "head": "upperneck",
    }.items():  # fmt: skip
        assert joint(clip, name) == pytest.approx(ends[bone].tolist(), abs=2e-3), name
    hips = (ends["lhipjoint"] + ends["rhipjoint"]) / 2
    assert joint(clip, "pelvis") == pytest.approx(hips.tolist(), abs=2e-3)


def test_real_people_have_heads_up_noses_and_toes_forward(real: dict[str, MocapClip]) -> None:
    for name, clip in real.items():
        x = clip.motion.pose.joints[clip.motion.observed]
        at = {joint_name: x[:, i] for i, joint_name in enumerate(LIFT_23.joints)}
        chest = (at["left_shoulder"] + at["right_shoulder"]) / 2 - at["pelvis"]
        upright = chest[:, 1] > 0.9 * chest.norm(dim=-1)
        if int(upright.sum()) < 10:
            continue
        forward = torch.linalg.cross(at["left_hip"] - at["right_hip"], chest, dim=-1)
        ears = (at["left_ear"] + at["right_ear"]) / 2
        for ahead in (at["nose"] - ears, at["left_big_toe"] - at["left_heel"]):
            share = ((ahead * forward).sum(-1) > 0)[upright & ahead.isfinite().all(-1)]
            assert len(share) == 0 or share.float().mean() > 0.8, name
        leg = torch.nn.functional.normalize(at["left_ankle"] - at["left_hip"], dim=-1)
        knees = at["left_knee"] - at["left_hip"]
        knees = knees - leg * (knees * leg).sum(-1, keepdim=True)
        bent = upright & (knees.norm(dim=-1) > 0.05)
        assert ((knees * forward).sum(-1) > 0)[bent].float().mean() > 0.8 or not bent.any(), name


def test_feet_of_walkers_touch_the_floor(real: dict[str, MocapClip]) -> None:
    x = real["02_01"].motion.pose.joints
    feet = x[:, [LIFT_23.index(f"{s}_{p}") for s in ("left", "right") for p in ("heel", "big_toe")]]
    lowest = feet[..., 1].amin(-1)
    assert -0.05 < lowest.min() < 0.06
    assert lowest.median() < 0.08
