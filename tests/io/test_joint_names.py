"""Spellings of joints, and skeletons made of any set of them."""

import pytest
import torch

from lift3d.io.keypoints.joint_names import joint_named, joints_named
from lift3d.pose import Pose2D
from lift3d.skeletons import COCO_17, COCO_WHOLEBODY_133, H36M_17, SKELETONS, SMPL_24

SPELLINGS = {
    "left_wrist": "LeftWrist left_wrist l_wrist L_Wrist LWrist wrist.L left-wrist leftwrist LEFT_WRIST "
    "lwrist wrist_left",
    "right_big_toe": "RBigToe right_big_toe RightBigToe R_Big_Toe bigtoe_r",
    "left_mouth": "MOUTH_LEFT mouth_left left_mouth",
    "mid_hip": "MidHip mid_hip Hip hips",
    "mid_shoulder": "Neck neck",
    "head_top": "Head HeadTop head_top",
    "nose": "Nose NOSE nose",
    "right_shoulder": "RShldr RShoulder RSho shoulder1",
    "left_hip": "hip2 LHip",
}


@pytest.mark.parametrize(("joint", "spellings"), SPELLINGS.items())
def test_spellings(joint: str, spellings: str) -> None:
    assert {joint_named(name) for name in spellings.split()} == {joint}


@pytest.mark.parametrize(
    "name", ["tailbase", "snout", "", "left", "LR_knee", "r_knee_study", "l" * 9999]
)
def test_other_names(name: str) -> None:
    assert joint_named(name) is None


@pytest.mark.parametrize("layout", SKELETONS.values(), ids=lambda layout: layout.name)
def test_every_layout_is_known_by_its_names(layout) -> None:
    found = joints_named(layout.joints)
    assert found.skeleton is not None
    assert found.skeleton.joints == layout.joints
    assert found.columns == tuple(range(len(layout)))
    assert found.notes == ()


def test_a_layout_in_another_order_gets_its_own_order() -> None:
    found = joints_named(COCO_17.joints[::-1])
    assert found.skeleton is COCO_17
    assert found.columns == tuple(range(16, -1, -1))
    assert joints_named(H36M_17.joints).skeleton is H36M_17


def test_pose2sim_markers_become_a_skeleton_of_their_own() -> None:
    names = ("RHip", "RKnee", "LHip", "LKnee", "Neck", "Head", "r.ASIS_study")
    found = joints_named(names)
    assert found.skeleton is not None
    assert found.skeleton.joints == (
        *("right_hip", "right_knee", "left_hip", "left_knee", "mid_shoulder", "head_top"),
    )
    assert found.skeleton.bones == ((0, 1), (2, 3), (4, 5))
    assert found.columns == (0, 1, 2, 3, 4, 5)
    assert found.notes == ("1 keypoints that are no joints were left out: r.ASIS_study",)


def test_a_subset_is_lifted_by_name() -> None:
    found = joints_named(["hip_r", "hip_l", "shoulder_r", "shoulder_l"])
    assert found.skeleton is not None
    points = torch.tensor([[200.0, 400.0], [100.0, 400.0], [210.0, 100.0], [90.0, 100.0]])
    pose = Pose2D(points, torch.ones(4), found.skeleton, None).to(H36M_17)
    pelvis = pose.keypoints[H36M_17.index("pelvis")]
    assert pelvis.tolist() == [150.0, 400.0]
    assert not bool(pose.seen[H36M_17.index("left_knee")])


def test_neck_is_smpls_only_beside_smpls_own_joints() -> None:
    assert joints_named(["neck", "head", "nose"]).skeleton.joints[:2] == (
        "mid_shoulder",
        "head_top",
    )
    assert joints_named(["neck", "head", "spine2"]).skeleton.joints[:2] == ("neck", "head")
    assert joints_named(["nose", "head", "neck"], ours=True).skeleton.joints == (
        "nose",
        "head",
        "neck",
    )
    assert joints_named(SMPL_24.joints[:20]).skeleton.joints == SMPL_24.joints[:20]


def test_the_fourteen_parts_of_deeplabcuts_human() -> None:
    parts = "ankle1 knee1 hip1 hip2 knee2 ankle2 wrist1 elbow1 shoulder1 shoulder2 elbow2 wrist2"
    found = joints_named([*parts.split(), "chin", "forehead"])
    assert found.skeleton.joints[:4] == ("right_ankle", "right_knee", "right_hip", "left_hip")
    assert found.skeleton.joints[-2:] == ("upper_neck", "head_top")


def test_a_chin_elsewhere_is_the_faces() -> None:
    names = ["chin", "nose", "left_eye", "forehead"][:3]
    assert "chin" in COCO_WHOLEBODY_133.joints
    assert joints_named(names).skeleton.joints == ("chin", "nose", "left_eye")


def test_animals_keep_all_their_keypoints_and_have_no_skeleton() -> None:
    found = joints_named(["snout", "leftear", "rightear", "tailbase"])
    assert found.skeleton is None
    assert found.columns == (0, 1, 2, 3)
    assert "no joints of a human body: snout" in found.notes[0]


def test_of_two_names_for_one_joint_the_first_counts() -> None:
    found = joints_named(["LWrist", "left_wrist", "nose", "RHip"])
    assert found.columns == (0, 2, 3)
