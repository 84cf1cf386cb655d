"""Joint orders as plain facts, and correspondences that go by meaning, never by count."""

import itertools

import pytest
import torch
from torch import Tensor

from lift3d.errors import SkeletonError
from lift3d.geometry.kinematics import forward_kinematics
from lift3d.geometry.rotations import rotmat_from_axis_angle
from lift3d.pose import Pose2D, Pose3D
from lift3d.skeleton import Skeleton
from lift3d.skeletons import (
    BODY_25,
    BODY_25B,
    BODY_OF,
    COCO_17,
    COCO_18,
    H36M_17,
    H36M_17_LEFT_FIRST,
    HALPE_26,
    LIFT_23,
    MEDIAPIPE_33,
    MPII_16,
    SKELETONS,
    SMPL_24,
    correspondence,
    skeleton_named,
)
from lift3d.skeletons.correspondences import RULES, Rule
from lift3d_body_models import DefaultBody

PAIRS = list(itertools.permutations(SKELETONS.values(), 2))
pair_names = [f"{a.name}-{b.name}" for a, b in PAIRS]
over_pairs = pytest.mark.parametrize(("source", "target"), PAIRS, ids=pair_names)
over_skeletons = pytest.mark.parametrize("skeleton", SKELETONS.values(), ids=list(SKELETONS))

# Typed from each project's own documentation, index by index.
COCO_ORDER = {
    0: "nose", 1: "left_eye", 2: "right_eye", 3: "left_ear", 4: "right_ear",
    5: "left_shoulder", 6: "right_shoulder", 7: "left_elbow", 8: "right_elbow",
    9: "left_wrist", 10: "right_wrist", 11: "left_hip", 12: "right_hip",
    13: "left_knee", 14: "right_knee", 15: "left_ankle", 16: "right_ankle",
}  # fmt: skip
ORDERS = {
    "coco_17": COCO_ORDER,
    "coco_18": {
        0: "nose", 1: "mid_shoulder", 2: "right_shoulder", 3: "right_elbow", 4: "right_wrist",
        5: "left_shoulder", 6: "left_elbow", 7: "left_wrist", 8: "right_hip", 9: "right_knee",
        10: "right_ankle", 11: "left_hip", 12: "left_knee", 13: "left_ankle", 14: "right_eye",
        15: "left_eye", 16: "right_ear", 17: "left_ear",
    },
    "body_25": {
        0: "nose", 1: "mid_shoulder", 2: "right_shoulder", 3: "right_elbow", 4: "right_wrist",
        5: "left_shoulder", 6: "left_elbow", 7: "left_wrist", 8: "mid_hip", 9: "right_hip",
        10: "right_knee", 11: "right_ankle", 12: "left_hip", 13: "left_knee", 14: "left_ankle",
        15: "right_eye", 16: "left_eye", 17: "right_ear", 18: "left_ear", 19: "left_big_toe",
        20: "left_small_toe", 21: "left_heel", 22: "right_big_toe", 23: "right_small_toe",
        24: "right_heel",
    },
    "body_25b": COCO_ORDER | {
        17: "upper_neck", 18: "head_top", 19: "left_big_toe", 20: "left_small_toe",
        21: "left_heel", 22: "right_big_toe", 23: "right_small_toe", 24: "right_heel",
    },
    "halpe_26": COCO_ORDER | {
        17: "head_top", 18: "mid_shoulder", 19: "mid_hip", 20: "left_big_toe", 21: "right_big_toe",
        22: "left_small_toe", 23: "right_small_toe", 24: "left_heel", 25: "right_heel",
    },
    "crowdpose_14": {
        0: "left_shoulder", 1: "right_shoulder", 2: "left_elbow", 3: "right_elbow",
        4: "left_wrist", 5: "right_wrist", 6: "left_hip", 7: "right_hip", 8: "left_knee",
        9: "right_knee", 10: "left_ankle", 11: "right_ankle", 12: "head_top", 13: "thorax",
    },
    "aic_14": {
        0: "right_shoulder", 1: "right_elbow", 2: "right_wrist", 3: "left_shoulder",
        4: "left_elbow", 5: "left_wrist", 6: "right_hip", 7: "right_knee", 8: "right_ankle",
        9: "left_hip", 10: "left_knee", 11: "left_ankle", 12: "head_top", 13: "thorax",
    },
    "mpii_16": {
        0: "right_ankle", 1: "right_knee", 2: "right_hip", 3: "left_hip", 4: "left_knee",
        5: "left_ankle", 6: "pelvis", 7: "thorax", 8: "upper_neck", 9: "head_top",
        10: "right_wrist", 11: "right_elbow", 12: "right_shoulder", 13: "left_shoulder",
        14: "left_elbow", 15: "left_wrist",
    },
    "mpi_15": {
        0: "head_top", 1: "upper_neck", 2: "right_shoulder", 3: "right_elbow", 4: "right_wrist",
        5: "left_shoulder", 6: "left_elbow", 7: "left_wrist", 8: "right_hip", 9: "right_knee",
        10: "right_ankle", 11: "left_hip", 12: "left_knee", 13: "left_ankle", 14: "spine",
    },
    "mediapipe_33": {
        0: "nose", 1: "left_eye_inner", 2: "left_eye", 3: "left_eye_outer", 4: "right_eye_inner",
        5: "right_eye", 6: "right_eye_outer", 7: "left_ear", 8: "right_ear", 9: "left_mouth",
        10: "right_mouth", 11: "left_shoulder", 12: "right_shoulder", 13: "left_elbow",
        14: "right_elbow", 15: "left_wrist", 16: "right_wrist", 17: "left_pinky",
        18: "right_pinky", 19: "left_index", 20: "right_index", 21: "left_thumb",
        22: "right_thumb", 23: "left_hip", 24: "right_hip", 25: "left_knee", 26: "right_knee",
        27: "left_ankle", 28: "right_ankle", 29: "left_heel", 30: "right_heel",
        31: "left_foot_index", 32: "right_foot_index",
    },
    "h36m_17": {
        0: "pelvis", 1: "right_hip", 2: "right_knee", 3: "right_ankle", 4: "left_hip",
        5: "left_knee", 6: "left_ankle", 7: "spine", 8: "thorax", 9: "neck_nose", 10: "head_top",
        11: "left_shoulder", 12: "left_elbow", 13: "left_wrist", 14: "right_shoulder",
        15: "right_elbow", 16: "right_wrist",
    },
    "h36m_17_left_first": {
        0: "pelvis", 1: "left_hip", 2: "left_knee", 3: "left_ankle", 4: "right_hip",
        5: "right_knee", 6: "right_ankle", 7: "spine", 8: "thorax", 9: "neck_nose",
        10: "head_top", 11: "left_shoulder", 12: "left_elbow", 13: "left_wrist",
        14: "right_shoulder", 15: "right_elbow", 16: "right_wrist",
    },
    "smpl_24": {
        0: "pelvis", 1: "left_hip", 2: "right_hip", 3: "spine1", 4: "left_knee", 5: "right_knee",
        6: "spine2", 7: "left_ankle", 8: "right_ankle", 9: "spine3", 10: "left_foot",
        11: "right_foot", 12: "neck", 13: "left_collar", 14: "right_collar", 15: "head",
        16: "left_shoulder", 17: "right_shoulder", 18: "left_elbow", 19: "right_elbow",
        20: "left_wrist", 21: "right_wrist", 22: "left_hand", 23: "right_hand",
    },
}  # fmt: skip

# kintree_table of the SMPL model, the root's parent as -1.
SMPL_PARENTS = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21)


# ---- layouts ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ORDERS)
def test_the_order_of_a_layout_is_that_of_its_project(name: str) -> None:
    assert dict(enumerate(SKELETONS[name].joints)) == ORDERS[name]


def test_every_foreign_layout_has_its_order_checked() -> None:
    family = {"smplh_52", "smplx_55", "mano_16", "flame_5"}  # checked below, by smplx itself
    whole = {skeleton.name for skeleton in BODY_OF}  # checked below, part by part
    assert SKELETONS.keys() - ORDERS.keys() == {"lift_23"} | family | whole


HAND = [f"{finger}{n}" for finger in ("thumb", "index", "middle", "ring", "pinky") for n in "1234"]
# Where the face, the left and the right hand begin, and whether the hands have a wrist of their own.
PARTS = {
    "coco_wholebody_133": (23, 91, 112, True),
    "halpe_136": (26, 94, 115, True),
    "body_135": (65, 25, 45, False),
}
# Mirrored pairs of the 68 points of a face as the 300-W data set numbers them (from 1).
FACE_PAIRS = [
    (1, 17), (2, 16), (3, 15), (4, 14), (5, 13), (6, 12), (7, 11), (8, 10), (18, 27), (19, 26),
    (20, 25), (21, 24), (22, 23), (32, 36), (33, 35), (37, 46), (38, 45), (39, 44), (40, 43),
    (41, 48), (42, 47), (49, 55), (50, 54), (51, 53), (60, 56), (59, 57), (61, 65), (62, 64),
    (68, 66),
]  # fmt: skip


@pytest.mark.parametrize("name", PARTS)
def test_the_parts_of_a_whole_body_are_where_its_project_has_them(name: str) -> None:
    skeleton, (face, left, right, wrists) = SKELETONS[name], PARTS[name]
    body = BODY_OF[skeleton]
    assert skeleton.joints[: len(body)] == body.joints
    for side, start in (("left", left), ("right", right)):
        root = ["hand_root"] if wrists else []
        hand = [f"{side}_{joint}" for joint in root + HAND]
        assert list(skeleton.joints[start : start + len(hand)]) == hand
    for a, b in FACE_PAIRS:
        assert skeleton.flip_permutation[face + a - 1] == face + b - 1
        assert skeleton.joints[face + a - 1].startswith("right_")
    middle = set(range(1, 69)) - {n for pair in FACE_PAIRS for n in pair}
    assert all(skeleton.flip_permutation[face + n - 1] == face + n - 1 for n in middle)
    marks = {9: "chin", 37: "right_eye_outer", 43: "left_eye_inner", 49: "right_mouth"}
    assert all(skeleton.joints[face + n - 1] == joint for n, joint in marks.items())


def test_the_feet_of_whole_bodies_and_their_pupils() -> None:
    feet = "left_big_toe left_small_toe left_heel right_big_toe right_small_toe right_heel"
    assert SKELETONS["coco_wholebody_133"].joints[17:23] == tuple(feet.split())
    assert SKELETONS["body_135"].joints[133:] == ("right_pupil", "left_pupil")


def test_the_family_of_smpl_has_the_joints_of_smplx() -> None:
    names = pytest.importorskip("smplx.joint_names")
    assert SKELETONS["smplh_52"].joints == tuple(names.SMPLH_JOINT_NAMES[:52])
    assert SKELETONS["smplx_55"].joints == tuple(names.JOINT_NAMES[:55])
    right = names.SMPLH_JOINT_NAMES[37:52]
    assert SKELETONS["mano_16"].joints[1:] == tuple(n.removeprefix("right_") for n in right)


def test_the_parents_of_the_family_are_its_kinematic_trees() -> None:
    hand = (-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 0, 10, 11, 0, 13, 14)
    assert SKELETONS["mano_16"].parents == hand
    assert SKELETONS["flame_5"].parents == (-1, 0, 1, 1, 1)
    body = SMPL_PARENTS[:22]

    def fingers(first: int, wrist: int) -> tuple[int, ...]:
        return tuple(wrist if p == 0 else first + p - 1 for p in hand[1:])

    assert SKELETONS["smplh_52"].parents == (*body, *fingers(22, 20), *fingers(37, 21))
    face = (15, 15, 15)
    assert SKELETONS["smplx_55"].parents == (*body, *face, *fingers(25, 20), *fingers(40, 21))


def test_the_parents_of_smpl_are_its_kinematic_tree() -> None:
    assert SMPL_24.parents == SMPL_PARENTS


@pytest.mark.parametrize("skeleton", [SMPL_24, H36M_17, H36M_17_LEFT_FIRST, LIFT_23])
def test_body_layouts_name_a_parent_before_its_child(skeleton: Skeleton) -> None:
    assert skeleton.topological
    assert skeleton.parents[0] == -1
    assert skeleton.joints[0] == "pelvis"


@over_skeletons
def test_every_layout_is_one_tree(skeleton: Skeleton) -> None:
    assert skeleton.parents.count(-1) == 1
    assert len(skeleton.bones) == len(skeleton) - 1
    assert [child for _, child in skeleton.bones] == [
        child for child, parent in enumerate(skeleton.parents) if parent >= 0
    ]


@over_skeletons
def test_the_flip_swaps_left_and_right_and_is_its_own_inverse(skeleton: Skeleton) -> None:
    flip = skeleton.flip_permutation
    assert [flip[flip[joint]] for joint in range(len(skeleton))] == list(range(len(skeleton)))
    for joint, name in enumerate(skeleton.joints):
        other = skeleton.joints[flip[joint]]
        if name.startswith("left_"):
            assert other == name.replace("left_", "right_")
        elif name.startswith("right_"):
            assert other == name.replace("right_", "left_")
        else:
            assert other == name


@over_skeletons
def test_the_tree_is_as_symmetric_as_the_body(skeleton: Skeleton) -> None:
    flip = skeleton.flip_permutation
    for child, parent in enumerate(skeleton.parents):
        assert skeleton.parents[flip[child]] == (flip[parent] if parent >= 0 else -1)


def test_the_flip_of_coco_by_hand() -> None:
    assert COCO_17.flip_permutation == (0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15)


# ---- the Skeleton itself ----------------------------------------------------------------------


def test_a_subset_hangs_joints_on_the_nearest_ancestor_that_is_kept() -> None:
    arm = Skeleton("arm", ("chest", "shoulder", "elbow", "wrist"), (-1, 0, 1, 2))
    short = arm.subset("short", ("wrist", "chest", "shoulder"))
    assert short.parents == (2, -1, 1)
    assert not short.topological
    assert arm.subset("hand", ("wrist",)).parents == (-1,)


def test_a_skeleton_is_a_value() -> None:
    one, other = (Skeleton("s", ("a", "b"), (-1, 0)) for _ in range(2))
    assert one == other
    assert hash(one) == hash(other)
    assert len({one, other, Skeleton("s", ("a", "b"), (1, -1))}) == 2
    with pytest.raises(AttributeError):
        one.name = "t"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("joints", "parents", "message"),
    [
        (("a", "b"), (-1,), "one parent per joint"),
        (("a", "a"), (-1, 0), "unique joint names"),
        (("a", "b", "c"), (-1, 2, 1), "circle through joint 'b'"),
        (("a", "b"), (-1, 1), "circle"),
        (("a", "b"), (-1, 2), "between -1 and 1"),
        (("a", "b"), (-2, 0), "between -1 and 1"),
    ],
)
def test_what_is_not_a_tree_is_refused(
    joints: tuple[str, ...], parents: tuple[int, ...], message: str
) -> None:
    with pytest.raises(SkeletonError, match=message):
        Skeleton("s", joints, parents)


def test_an_unknown_joint_is_answered_with_those_there_are() -> None:
    with pytest.raises(SkeletonError, match=r"nose.*got 'tail'"):
        COCO_17.index("tail")


def test_a_layout_is_found_by_name_and_a_wrong_name_gets_the_nearest() -> None:
    assert skeleton_named("BODY-25") is BODY_25
    assert skeleton_named("coco_17") is COCO_17
    with pytest.raises(SkeletonError, match="did you mean 'halpe_26'"):
        skeleton_named("halpe26")
    with pytest.raises(SkeletonError, match="25"):
        skeleton_named("25")


# ---- correspondences --------------------------------------------------------------------------


def made_of(source: Skeleton, target: Skeleton, joint: str) -> dict[str, float]:
    row = correspondence(source, target).sources[target.index(joint)]
    return {source.joints[index]: weight for index, weight in row}


def test_body_25_to_coco_17_only_selects() -> None:
    rows = correspondence(BODY_25, COCO_17).sources
    expected = [0, 16, 15, 18, 17, 5, 2, 6, 3, 7, 4, 12, 9, 13, 10, 14, 11]
    assert rows == tuple(((index, 1.0),) for index in expected)
    assert set(correspondence(BODY_25, COCO_17).error_m) == {0.0}


def test_layouts_of_one_length_are_not_taken_for_each_other() -> None:
    assert len(BODY_25) == len(BODY_25B)
    rows = correspondence(BODY_25B, BODY_25).sources
    assert rows[BODY_25.index("right_knee")] == ((14, 1.0),)
    assert made_of(BODY_25B, BODY_25, "mid_shoulder") == {
        "left_shoulder": 0.5,
        "right_shoulder": 0.5,
    }


def test_the_two_human36m_orders_swap_the_legs_and_nothing_else() -> None:
    there = [row[0][0] for row in correspondence(H36M_17, H36M_17_LEFT_FIRST).sources]
    assert there == [0, 4, 5, 6, 1, 2, 3, *range(7, 17)]
    back = [row[0][0] for row in correspondence(H36M_17_LEFT_FIRST, H36M_17).sources]
    assert [there[joint] for joint in back] == list(range(17))


def test_coco_17_to_human36m() -> None:
    hips = {"left_hip": 0.5, "right_hip": 0.5}
    shoulders = {"left_shoulder": 0.5, "right_shoulder": 0.5}
    assert made_of(COCO_17, H36M_17, "pelvis") == hips
    assert made_of(COCO_17, H36M_17, "thorax") == shoulders
    assert made_of(COCO_17, H36M_17, "spine") == {
        joint: weight / 2 for joint, weight in (hips | shoulders).items()
    }
    assert made_of(COCO_17, H36M_17, "neck_nose") == {"nose": 1.0}
    assert all(correspondence(COCO_17, H36M_17).known)
    for limb in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle"):
        for side in ("left", "right"):
            name = f"{side}_{limb}"
            assert made_of(COCO_17, H36M_17, name) == {name: 1.0}


def test_neck_and_upper_neck_are_two_places() -> None:
    assert "upper_neck" not in made_of(MPII_16, HALPE_26, "mid_shoulder")
    assert "mid_shoulder" not in made_of(HALPE_26, MPII_16, "upper_neck")


@pytest.mark.parametrize(
    ("source", "target", "unknown"),
    [
        (H36M_17, COCO_17, {"nose", "left_eye", "right_eye", "left_ear", "right_ear"}),
        (MPII_16, COCO_17, {"nose", "left_eye", "right_eye", "left_ear", "right_ear"}),
        (
            COCO_17,
            BODY_25,
            {f"{side}_{p}" for side in ("left", "right") for p in ("big_toe", "small_toe", "heel")},
        ),
        (COCO_18, HALPE_26, {j for j in HALPE_26.joints if "toe" in j or "heel" in j}),
        (COCO_17, MEDIAPIPE_33, {
            f"{side}_{p}" for side in ("left", "right")
            for p in ("mouth", "pinky", "index", "thumb", "heel", "foot_index")
        }),
    ],
)  # fmt: skip
def test_joints_that_cannot_be_made_stay_unknown(
    source: Skeleton, target: Skeleton, unknown: set[str]
) -> None:
    corr = correspondence(source, target)
    missing = {j for j, known in zip(target.joints, corr.known, strict=True) if not known}
    assert missing == unknown


@over_pairs
def test_a_correspondence_is_whole(source: Skeleton, target: Skeleton) -> None:
    corr = correspondence(source, target)
    assert len(corr.sources) == len(corr.definitions) == len(corr.error_m) == len(target)
    for joint, row, words, error in zip(
        target.joints, corr.sources, corr.definitions, corr.error_m, strict=True
    ):
        assert joint in words
        if not row:
            assert "not known" in words
            assert error != error  # noqa: PLR0124 (NaN: nothing is claimed)
            continue
        assert sum(weight for _, weight in row) == pytest.approx(1)
        assert 0 <= error < 0.2
        if joint in source.joints:
            assert row == ((source.index(joint), 1.0),)


@over_pairs
def test_a_mirrored_person_stays_mirrored(source: Skeleton, target: Skeleton) -> None:
    points = torch.randn(len(source), 3, dtype=torch.float64)
    pose = Pose3D.certain(points, source, "camera").to(target).joints
    mirror = torch.tensor([-1.0, 1, 1], dtype=torch.float64)
    flipped = points[list(source.flip_permutation)] * mirror
    again = Pose3D.certain(flipped, source, "camera").to(target).joints
    expected = pose[list(target.flip_permutation)] * mirror
    torch.testing.assert_close(again, expected, equal_nan=True)


@over_pairs
def test_a_pose_moves_with_its_person(source: Skeleton, target: Skeleton) -> None:
    points = torch.randn(len(source), 3, dtype=torch.float64)
    shift = torch.tensor([1.0, 2, 3], dtype=torch.float64)
    here = Pose3D.certain(points, source, "camera").to(target).joints
    there = Pose3D.certain(points + shift, source, "camera").to(target).joints
    torch.testing.assert_close(there, here + shift, equal_nan=True)


def test_rules_are_weighted_means_with_an_error() -> None:
    for rule in RULES:
        assert sum(rule.sources.values()) == pytest.approx(1), rule.joint
        assert rule.joint not in rule.sources
        assert rule.joint in rule.definition
        assert 0 <= rule.error_m < 0.15


def test_every_joint_that_a_rule_names_exists_in_some_layout() -> None:
    known = {joint for skeleton in SKELETONS.values() for joint in skeleton.joints}
    for rule in RULES:
        assert {rule.joint, *rule.sources} <= known


def test_a_picture_pose_in_another_layout() -> None:
    keypoints = torch.arange(34, dtype=torch.float64).reshape(17, 2)
    confidence = torch.linspace(0.2, 1, 17, dtype=torch.float64)
    confidence[COCO_17.index("right_shoulder")] = 0
    pose = Pose2D.from_detections(keypoints, confidence, COCO_17, (480, 640))
    halpe = pose.to(HALPE_26)
    hips = [COCO_17.index("left_hip"), COCO_17.index("right_hip")]
    mid_hip, between = HALPE_26.index("mid_hip"), HALPE_26.index("mid_shoulder")
    assert halpe.keypoints[mid_hip].tolist() == keypoints[hips].mean(0).tolist()
    assert halpe.confidence[mid_hip] == confidence[hips].min()
    # One shoulder was not seen: neither is the point between the two. Feet were never there.
    for joint in (between, HALPE_26.index("left_heel")):
        assert halpe.keypoints[joint].isnan().all()
        assert halpe.confidence[joint] == 0
    assert halpe.image_size == (480, 640)
    assert pose.to(COCO_17) is pose


# ---- how far off the rules are ----------------------------------------------------------------


@pytest.fixture(scope="module")
def sites() -> dict[str, Tensor]:
    """Places [200 3] of joints and landmarks on the default body, in random shapes and poses."""
    body = DefaultBody().articulation
    generator = torch.Generator().manual_seed(0)
    betas = torch.randn(200, 10, generator=generator)
    rest = body.joints_template + torch.einsum("jcb,nb->njc", body.joints_shapedirs, betas)
    marks = body.landmarks_template + torch.einsum("jcb,nb->njc", body.landmarks_shapedirs, betas)
    parents = [max(parent, 0) for parent in SMPL_24.parents]
    offsets = rest - rest[:, parents] * (torch.arange(24) > 0)[:, None]
    axis_angle = torch.randn(200, 24, 3, generator=generator) * 0.25
    for limb in ("left_shoulder", "right_shoulder", "left_hip", "right_hip"):
        axis_angle[:, SMPL_24.index(limb)] *= 2
    world, joints = forward_kinematics(rotmat_from_axis_angle(axis_angle), offsets, SMPL_24.parents)
    on = list(body.landmark_joints)
    places = joints[:, on] + (world[:, on] @ (marks - rest[:, on])[..., None])[..., 0]
    named = dict(zip(SMPL_24.joints, joints.unbind(1), strict=True))
    return with_joints_of_others(named | dict(zip(body.landmarks, places.unbind(1), strict=True)))


def with_joints_of_others(sites: dict[str, Tensor]) -> dict[str, Tensor]:
    """Where the body has the joints that other layouts define, by the words of `layouts`."""

    def middle(a: str, b: str) -> Tensor:
        return (sites[a] + sites[b]) / 2

    return sites | {
        "mid_hip": middle("left_hip", "right_hip"),
        "mid_shoulder": middle("left_shoulder", "right_shoulder"),
        "thorax": middle("left_collar", "right_collar"),
        "spine": sites["spine2"],
        "upper_neck": middle("neck", "head"),  # from SMPL's neck to the base of its skull
        "neck_nose": middle("chin", "head"),
    }


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.definition)
def test_a_rule_is_as_far_off_as_it_says(rule: Rule, sites: dict[str, Tensor]) -> None:
    made = sum(sites[joint] * weight for joint, weight in rule.sources.items())
    assert isinstance(made, Tensor)
    measured = float((made - sites[rule.joint]).norm(dim=-1).median())
    assert measured == pytest.approx(rule.error_m, abs=0.01)
    if rule.error_m == 0:
        assert measured < 1e-6
