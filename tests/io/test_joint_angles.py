"""Joint angles of poses made by hand: zero, sign and size of each, from rotations and from points."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from lift3d.cli.moved_bodies import recording_on_body
from lift3d.clip import Clip
from lift3d.errors import InputError
from lift3d.geometry.rotations import axis_angle_from_rotmat, rotmat_from_axis_angle
from lift3d.io.motion.angles_write import ANGLE_COLUMNS, write_angles_csv, write_mot
from lift3d.io.motion.clip_build import clip_of_joints
from lift3d.io.motion.joint_angles import ANGLES, PelvisSequence, joint_angles
from lift3d.plugins import datasets
from lift3d.pose import Pose3D
from lift3d.skeleton import Skeleton
from lift3d.skeletons import LIFT_23
from lift3d_body_models import DefaultBody
from tests.helpers.world_clip import posed_clip, random_clip

# Axes of the body at rest: x to its left, y up, z forward.
LEFT, UP, FORWARD = torch.eye(3, dtype=torch.float64)
QUARTER = math.pi / 2
# Turns the body from looking along z to looking along x, where OpenSim's people look.
TO_X = rotmat_from_axis_angle(UP * QUARTER)
ARMS_DOWN = {"left_shoulder": -FORWARD * QUARTER, "right_shoulder": FORWARD * QUARTER}


def degrees(clip: Clip, sequence: PelvisSequence = "clinical") -> dict[str, float]:
    body = DefaultBody().articulation
    found = joint_angles(clip, clip.people[0], body, pelvis_sequence=sequence)
    return {name: float(np.degrees(found[name][0])) for name in ANGLES}


def stand(**turns: Tensor) -> dict[str, float]:
    """Angles of somebody who stands with hanging arms, but for some joints."""
    return degrees(posed_clip({**ARMS_DOWN, **turns}, TO_X))


def test_upright_stance_with_hanging_arms_is_zero() -> None:
    for name, value in stand().items():
        # The default body's legs stand 2.6 degrees apart at rest; its bones are not quite in line.
        assert abs(value) < 4, name


@pytest.mark.parametrize(
    ("joint", "turn", "name", "wanted"),
    [
        ("right_knee", LEFT * QUARTER, "knee_angle_r", 90),
        ("left_knee", LEFT * QUARTER, "knee_angle_l", 90),
        ("right_hip", -LEFT * math.radians(70), "hip_flexion_r", 70),
        ("left_hip", -LEFT * math.radians(70), "hip_flexion_l", 70),
        ("right_hip", -FORWARD * math.radians(30), "hip_adduction_r", -30),
        ("left_hip", FORWARD * math.radians(30), "hip_adduction_l", -30),
        ("right_hip", UP * math.radians(25), "hip_rotation_r", 25),
        ("left_hip", -UP * math.radians(25), "hip_rotation_l", 25),
        ("right_ankle", -LEFT * math.radians(20), "ankle_angle_r", 20),
        ("left_ankle", LEFT * math.radians(30), "ankle_angle_l", -30),
        ("spine1", LEFT * math.radians(40), "lumbar_extension", -40),
        ("spine1", FORWARD * math.radians(15), "lumbar_bending", 15),
        ("spine1", UP * math.radians(35), "lumbar_rotation", 35),
        ("pelvis", LEFT * math.radians(20), "pelvis_tilt", -20),
        ("pelvis", FORWARD * math.radians(10), "pelvis_list", 10),
        ("pelvis", UP * math.radians(50), "pelvis_rotation", 50),
    ],
)
def test_one_turned_joint_is_one_angle(joint: str, turn: Tensor, name: str, wanted: float) -> None:
    still, found = stand(), stand(**{joint: turn})
    assert found[name] - still[name] == pytest.approx(wanted, abs=0.6)
    others = {key for key in ANGLES if key != name and not key.startswith("pelvis")}
    if joint in ("right_ankle", "left_ankle", "right_knee", "left_knee"):
        assert all(abs(found[key] - still[key]) < 0.6 for key in others)


def test_arms() -> None:
    raised = degrees(posed_clip({}, TO_X))  # a T-pose
    assert raised["arm_add_r"] == pytest.approx(-90, abs=1)
    assert raised["arm_add_l"] == pytest.approx(-90, abs=1)
    forward = {"right_shoulder": UP * QUARTER, "left_shoulder": -UP * QUARTER}
    found = degrees(posed_clip(forward, TO_X))
    assert found["arm_flex_r"] == pytest.approx(90, abs=1)
    assert found["arm_flex_l"] == pytest.approx(90, abs=1)
    assert abs(found["arm_add_r"]) < 2
    # A hanging upper arm turns about its bone, the rest pose's x: a bent forearm swings inwards.
    bent = stand(right_elbow=UP * math.radians(100), left_elbow=-UP * math.radians(100))
    assert bent["elbow_flex_r"] == pytest.approx(100, abs=1)
    assert bent["elbow_flex_l"] == pytest.approx(100, abs=1)


def _inwards(angle: float) -> dict[str, Tensor]:
    """Arms hang, elbows bent by a quarter, and upper arms turned so that the hands move inwards."""
    turns: dict[str, Tensor] = {}
    for side, sign in (("left", -1.0), ("right", 1.0)):
        down = rotmat_from_axis_angle(sign * FORWARD * QUARTER)
        about_up = rotmat_from_axis_angle(sign * UP * angle)
        turns[f"{side}_shoulder"] = axis_angle_from_rotmat(about_up @ down)
        turns[f"{side}_elbow"] = sign * UP * QUARTER
    return turns


@pytest.mark.parametrize("angle", [-40.0, 30.0])
def test_upper_arms_turned_inwards(angle: float) -> None:
    clip = posed_clip(_inwards(math.radians(angle)), TO_X)
    found = degrees(clip)
    bare = with_joints_only(clip)
    points = joint_angles(bare, bare.people[0])
    for side in "rl":
        assert found[f"arm_rot_{side}"] == pytest.approx(angle, abs=1)
        assert found[f"elbow_flex_{side}"] == pytest.approx(90, abs=1)
    assert np.degrees(points["arm_rot_r"][0]) == pytest.approx(angle, abs=3)


@pytest.mark.parametrize("heading", [0.0, 90.0, -135.0, 170.0])
def test_tilt_and_list_do_not_depend_on_where_one_looks(heading: float) -> None:
    facing = rotmat_from_axis_angle(UP * math.radians(90 + heading))
    found = degrees(posed_clip({**ARMS_DOWN, "pelvis": LEFT * math.radians(20)}, facing))
    assert found["pelvis_tilt"] == pytest.approx(-20, abs=0.1)
    assert found["pelvis_list"] == pytest.approx(0, abs=0.1)
    assert found["pelvis_rotation"] == pytest.approx(heading, abs=0.1)


@settings(max_examples=25, deadline=None)
@given(st.tuples(*[st.floats(-1.2, 1.2)] * 3))
def test_opensims_sequence_makes_the_pelvis_again(turn: tuple[float, float, float]) -> None:
    """Rz(tilt) Rx(list) Ry(rotation), as the model's ground_pelvis joint lists its axes."""
    spin = rotmat_from_axis_angle(torch.tensor(turn, dtype=torch.float64))
    found = degrees(posed_clip({}, spin), "opensim")
    x, y, z = torch.eye(3, dtype=torch.float64)
    axes = {"pelvis_tilt": z, "pelvis_list": x, "pelvis_rotation": y}
    again = torch.eye(3, dtype=torch.float64)
    for name, axis in axes.items():
        again = again @ rotmat_from_axis_angle(axis * math.radians(found[name]))
    # The pelvis' axes in the world: forward, up, right.
    wanted = torch.stack([spin[:, 2], spin[:, 1], -spin[:, 0]], 1)
    torch.testing.assert_close(again, wanted, atol=1e-5, rtol=0)


def with_joints_only(clip: Clip) -> Clip:
    """The same clip without its body, in the lifters' layout as far as SMPL's joints give it."""
    person = clip.people[0]
    pose = person.joints.pose
    ours = {"spine": "spine2", "thorax": "neck"}
    joints = torch.full((len(clip), len(LIFT_23), 3), torch.nan, dtype=pose.joints.dtype)
    for place, name in enumerate(LIFT_23.joints):
        if (known := ours.get(name, name)) in pose.skeleton.joints:
            joints[:, place] = pose.joints[:, pose.skeleton.index(known)]
    motion = replace(person.joints, pose=Pose3D.certain(joints, LIFT_23, "camera"))
    return replace(clip, people=(replace(person, joints=motion, body=None),), body_model="")


def test_points_alone_tell_the_same_limbs() -> None:
    """Within 8 degrees: the default body's spine leans back by 6 where its rotations say 0."""
    turns = {
        **ARMS_DOWN,
        "right_hip": -LEFT * math.radians(50),
        "right_knee": LEFT * math.radians(80),
        "left_hip": FORWARD * math.radians(20),
        "right_elbow": UP * math.radians(60),
    }
    clip = posed_clip(turns, TO_X)
    found = degrees(clip)
    bare = with_joints_only(clip)
    points = joint_angles(bare, bare.people[0])
    for name in ("hip_flexion", "hip_adduction", "knee_angle", "arm_add", "elbow_flex"):
        for side in "rl":
            wanted = found[f"{name}_{side}"]
            assert np.degrees(points[f"{name}_{side}"][0]) == pytest.approx(wanted, abs=8), name
    assert np.degrees(points["hip_rotation_r"][0]) == pytest.approx(0, abs=4)
    assert np.isnan(points["hip_rotation_l"][0])  # a straight leg does not tell


def test_curves_do_not_jump_over_half_a_turn() -> None:
    """Somebody who turns round and round, counter-clockwise from above."""
    clips = [
        posed_clip(ARMS_DOWN, rotmat_from_axis_angle(UP * math.radians(90 + a)))
        for a in range(0, 800, 40)
    ]
    orients = [body.global_orient for clip in clips if (body := clip.people[0].body) is not None]
    person = posed_clip(ARMS_DOWN, TO_X, frames=len(clips)).people[0]
    assert person.body is not None
    person = replace(person, body=replace(person.body, global_orient=torch.cat(orients)))
    found = joint_angles(clips[0], person, DefaultBody().articulation)
    assert np.allclose(np.degrees(found["pelvis_rotation"]), np.arange(0, 800, 40), atol=0.01)


def test_foreign_joints_are_refused() -> None:
    clip = random_clip(1)
    dog = Skeleton("dog", tuple(f"paw{n}" for n in range(23)), (-1,) * 23)
    pose = replace(clip.people[0].joints.pose, skeleton=dog)
    person = replace(clip.people[0], joints=replace(clip.people[0].joints, pose=pose))
    with pytest.raises(InputError, match="expected joints of a person"):
        joint_angles(clip, person)


def test_mot_has_opensims_header_and_numbers_everywhere(tmp_path: Path) -> None:
    clip = random_clip(1)
    write_mot(tmp_path / "a.mot", clip, clip.people[0])
    lines = (tmp_path / "a.mot").read_text().splitlines()
    end = lines.index("endheader")
    header = dict(line.split("=") for line in lines[1:end])
    names = lines[end + 1].split("\t")
    rows = np.array([[float(x) for x in line.split("\t")] for line in lines[end + 2 :]])
    assert header == {"version": "1", "nRows": "4", "nColumns": "28", "inDegrees": "yes"}
    assert tuple(names) == ("time", *ANGLE_COLUMNS)
    assert rows.shape == (4, 28)  # the frame without anybody is left out
    assert np.isfinite(rows).all()
    assert np.allclose(rows[:, 0], np.array([7, 8, 10, 11]) / 29.97)
    found = joint_angles(clip, clip.people[0], pelvis_sequence="opensim")
    at = names.index("knee_angle_r")
    assert np.allclose(rows[:, at], np.degrees(found["knee_angle_r"][[0, 1, 3, 4]]), atol=1e-6)


def test_table_of_angles_leaves_unknown_cells_empty(tmp_path: Path) -> None:
    clip = random_clip(2)
    write_angles_csv(tmp_path / "a.csv", clip)
    lines = [line.split(",") for line in (tmp_path / "a.csv").read_text().splitlines()]
    assert lines[0] == ["frame", "time", "person", *ANGLE_COLUMNS]
    assert {(row[0], row[2]) for row in lines[1:]} == {
        (str(frame), str(person)) for frame in (7, 8, 10, 11) for person in (0, 1)
    }
    # Joint 5 (the left knee) is missing in frame 10.
    row = next(row for row in lines if row[0] == "10")
    assert row[lines[0].index("knee_angle_l")] == ""
    assert row[lines[0].index("knee_angle_r")] != ""


def test_a_real_walk_has_the_curves_of_gait(shared: Path) -> None:
    """CMU's 02_01: hips swing and knees bend once a step, arms swing against the legs of their side.

    Ranges for level walking: hip flexion 35 to 60 degrees in all, knee 50 to 75 (Perry and Burnfield,
    Gait Analysis, 2010).
    """
    (clip,) = (
        each for each in datasets["asf_amc"](shared / "mocap/original_files/asfamc").clips("train")
        if each.name == "02_01"
    )  # fmt: skip
    pose = clip.motion.pose
    whole = clip_of_joints(pose.skeleton, pose.joints.double().numpy(), clip.motion.fps)
    found = joint_angles(whole, whole.people[0])
    for side in "rl":
        hip, knee = (np.degrees(found[f"{name}_{side}"]) for name in ("hip_flexion", "knee_angle"))
        assert 35 < np.ptp(hip) < 60
        assert 50 < np.ptp(knee) < 75
        arm = np.degrees(found[f"arm_flex_{side}"])
        assert np.corrcoef(hip, arm)[0, 1] < -0.5
    assert np.corrcoef(found["hip_flexion_r"], found["hip_flexion_l"])[0, 1] < -0.5


def test_both_ways_agree_on_a_real_walk(shared: Path) -> None:
    """From a body's rotations and from joints alone: medians over 02_01, in degrees."""
    model = DefaultBody()
    path = shared / "mocap/original_files/asfamc/02_01.amc"
    clip, _ = recording_on_body(path, model, "default")
    by_body = joint_angles(clip, clip.people[0], model.articulation)
    by_joints = joint_angles(clip, clip.people[0])
    apart = np.degrees(np.nanmedian(np.abs(by_body.values - by_joints.values), 0))
    found = {name.removesuffix("_r").removesuffix("_l"): apart[n] for n, name in enumerate(ANGLES)}
    told = {"lumbar_extension": 18, "arm_flex": 14, "hip_flexion": 4, "pelvis_tilt": 4}
    told |= {"ankle_angle": 3, "hip_rotation": 3}
    for name, value in found.items():
        assert value < told.get(name, 1) + 1, name
