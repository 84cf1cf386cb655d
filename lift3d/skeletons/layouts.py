"""Every named joint layout, as a constant.

Orders are facts read from the projects that define them: COCO's annotation format, OpenPose's
`poseParameters.cpp`, AlphaPose's `docs/output.md`, MediaPipe's pose page, MPII, VideoPose3D and
mmhuman3d for the two Human3.6M orders, and smplx's `joint_names.py` for the SMPL family. One name
means one place on the body in all of them; where projects use one word for two places (`neck`,
`head`), ours differ:

`thorax` base of the neck, between the shoulders (H36M, MPII) · `mid_shoulder` what OpenPose and
Halpe call neck, the middle of the shoulders · `neck` SMPL's joint, a hand's breadth higher ·
`upper_neck` where the neck meets the skull (MPII, BODY_25B) · `neck_nose` H36M's ninth joint, at
the height of the chin or nose · `head_top` top of the skull · `head` SMPL's joint in the skull's
base · `mid_hip` middle of a detector's hips · `pelvis` the root of H36M, MPII and SMPL.
"""

from typing import Final

from lift3d.skeleton import Skeleton

__all__ = [
    "AIC_14",
    "BODY_25",
    "BODY_25B",
    "COCO_17",
    "COCO_18",
    "CROWDPOSE_14",
    "FLAME_5",
    "H36M_17",
    "H36M_17_LEFT_FIRST",
    "HALPE_26",
    "LIFT_23",
    "MANO_16",
    "MEDIAPIPE_33",
    "MPII_16",
    "MPI_15",
    "SMPLH_52",
    "SMPLX_55",
    "SMPL_24",
]


def _skeleton(name: str, tree: str) -> Skeleton:
    """Read `joint<parent` words in the layout's order; a word without a parent is a root."""
    pairs = [(word + "<").split("<")[:2] for word in tree.split()]
    joints = tuple(joint for joint, _ in pairs)
    parents = tuple(joints.index(parent) if parent else -1 for _, parent in pairs)
    return Skeleton(name, joints, parents)


COCO_17: Final = _skeleton(
    "coco_17",
    """nose left_eye<nose right_eye<nose left_ear<left_eye right_ear<right_eye
    left_shoulder<nose right_shoulder<nose left_elbow<left_shoulder right_elbow<right_shoulder
    left_wrist<left_elbow right_wrist<right_elbow left_hip<left_shoulder right_hip<right_shoulder
    left_knee<left_hip right_knee<right_hip left_ankle<left_knee right_ankle<right_knee""",
)

COCO_18: Final = _skeleton(
    "coco_18",
    """nose<mid_shoulder mid_shoulder right_shoulder<mid_shoulder
    right_elbow<right_shoulder right_wrist<right_elbow
    left_shoulder<mid_shoulder left_elbow<left_shoulder left_wrist<left_elbow
    right_hip<mid_shoulder right_knee<right_hip right_ankle<right_knee
    left_hip<mid_shoulder left_knee<left_hip left_ankle<left_knee
    right_eye<nose left_eye<nose right_ear<right_eye left_ear<left_eye""",
)

BODY_25: Final = _skeleton(
    "body_25",
    """nose<mid_shoulder mid_shoulder<mid_hip right_shoulder<mid_shoulder
    right_elbow<right_shoulder right_wrist<right_elbow
    left_shoulder<mid_shoulder left_elbow<left_shoulder left_wrist<left_elbow mid_hip
    right_hip<mid_hip right_knee<right_hip right_ankle<right_knee
    left_hip<mid_hip left_knee<left_hip left_ankle<left_knee
    right_eye<nose left_eye<nose right_ear<right_eye left_ear<left_eye
    left_big_toe<left_ankle left_small_toe<left_big_toe left_heel<left_ankle
    right_big_toe<right_ankle right_small_toe<right_big_toe right_heel<right_ankle""",
)

BODY_25B: Final = _skeleton(
    "body_25b",
    """nose<upper_neck left_eye<nose right_eye<nose left_ear<left_eye right_ear<right_eye
    left_shoulder<upper_neck right_shoulder<upper_neck
    left_elbow<left_shoulder right_elbow<right_shoulder
    left_wrist<left_elbow right_wrist<right_elbow left_hip<left_shoulder right_hip<right_shoulder
    left_knee<left_hip right_knee<right_hip left_ankle<left_knee right_ankle<right_knee
    upper_neck head_top<upper_neck
    left_big_toe<left_ankle left_small_toe<left_big_toe left_heel<left_ankle
    right_big_toe<right_ankle right_small_toe<right_big_toe right_heel<right_ankle""",
)

HALPE_26: Final = _skeleton(
    "halpe_26",
    """nose<mid_shoulder left_eye<nose right_eye<nose left_ear<left_eye right_ear<right_eye
    left_shoulder<mid_shoulder right_shoulder<mid_shoulder
    left_elbow<left_shoulder right_elbow<right_shoulder
    left_wrist<left_elbow right_wrist<right_elbow left_hip<mid_hip right_hip<mid_hip
    left_knee<left_hip right_knee<right_hip left_ankle<left_knee right_ankle<right_knee
    head_top<mid_shoulder mid_shoulder<mid_hip mid_hip left_big_toe<left_ankle right_big_toe<right_ankle
    left_small_toe<left_big_toe right_small_toe<right_big_toe
    left_heel<left_ankle right_heel<right_ankle""",
)

MPII_16: Final = _skeleton(
    "mpii_16",
    """right_ankle<right_knee right_knee<right_hip right_hip<pelvis
    left_hip<pelvis left_knee<left_hip left_ankle<left_knee pelvis thorax<pelvis upper_neck<thorax
    head_top<upper_neck right_wrist<right_elbow right_elbow<right_shoulder right_shoulder<thorax
    left_shoulder<thorax left_elbow<left_shoulder left_wrist<left_elbow""",
)

# OpenPose's MPI model was trained on MPII's head top, upper neck and limbs; its "chest" is the middle
# of MPII's pelvis and thorax (the transformer of its training data), which is our spine.
MPI_15: Final = _skeleton(
    "mpi_15",
    """head_top<upper_neck upper_neck<spine right_shoulder<upper_neck right_elbow<right_shoulder
    right_wrist<right_elbow left_shoulder<upper_neck left_elbow<left_shoulder
    left_wrist<left_elbow right_hip<spine right_knee<right_hip right_ankle<right_knee
    left_hip<spine left_knee<left_hip left_ankle<left_knee spine""",
)

# CrowdPose and AI Challenger place their "neck" between the collar bones: MMPose makes Human3.6M's
# thorax of it by going a quarter of the way to the top of the head.
CROWDPOSE_14: Final = _skeleton(
    "crowdpose_14",
    """left_shoulder<thorax right_shoulder<thorax left_elbow<left_shoulder right_elbow<right_shoulder
    left_wrist<left_elbow right_wrist<right_elbow left_hip<thorax right_hip<thorax
    left_knee<left_hip right_knee<right_hip left_ankle<left_knee right_ankle<right_knee
    head_top<thorax thorax""",
)

AIC_14: Final = _skeleton(
    "aic_14",
    """right_shoulder<thorax right_elbow<right_shoulder right_wrist<right_elbow
    left_shoulder<thorax left_elbow<left_shoulder left_wrist<left_elbow
    right_hip<thorax right_knee<right_hip right_ankle<right_knee
    left_hip<thorax left_knee<left_hip left_ankle<left_knee head_top<thorax thorax""",
)

MEDIAPIPE_33: Final = _skeleton(
    "mediapipe_33",
    """nose left_eye_inner<nose left_eye<left_eye_inner left_eye_outer<left_eye
    right_eye_inner<nose right_eye<right_eye_inner right_eye_outer<right_eye
    left_ear<left_eye_outer right_ear<right_eye_outer left_mouth<nose right_mouth<nose
    left_shoulder<nose right_shoulder<nose left_elbow<left_shoulder right_elbow<right_shoulder
    left_wrist<left_elbow right_wrist<right_elbow left_pinky<left_wrist right_pinky<right_wrist
    left_index<left_wrist right_index<right_wrist left_thumb<left_wrist right_thumb<right_wrist
    left_hip<left_shoulder right_hip<right_shoulder left_knee<left_hip right_knee<right_hip
    left_ankle<left_knee right_ankle<right_knee left_heel<left_ankle right_heel<right_ankle
    left_foot_index<left_heel right_foot_index<right_heel""",
)

H36M_17: Final = _skeleton(
    "h36m_17",
    """pelvis right_hip<pelvis right_knee<right_hip right_ankle<right_knee
    left_hip<pelvis left_knee<left_hip left_ankle<left_knee
    spine<pelvis thorax<spine neck_nose<thorax head_top<neck_nose
    left_shoulder<thorax left_elbow<left_shoulder left_wrist<left_elbow
    right_shoulder<thorax right_elbow<right_shoulder right_wrist<right_elbow""",
)
"""Human3.6M, right leg first: VideoPose3D, MMPose, MotionBERT."""

H36M_17_LEFT_FIRST: Final = _skeleton(
    "h36m_17_left_first",
    """pelvis left_hip<pelvis left_knee<left_hip left_ankle<left_knee
    right_hip<pelvis right_knee<right_hip right_ankle<right_knee
    spine<pelvis thorax<spine neck_nose<thorax head_top<neck_nose
    left_shoulder<thorax left_elbow<left_shoulder left_wrist<left_elbow
    right_shoulder<thorax right_elbow<right_shoulder right_wrist<right_elbow""",
)
"""Human3.6M, left leg first: mmhuman3d's `human_data`."""

_BODY_22: Final = """pelvis left_hip<pelvis right_hip<pelvis spine1<pelvis left_knee<left_hip
    right_knee<right_hip spine2<spine1 left_ankle<left_knee right_ankle<right_knee spine3<spine2
    left_foot<left_ankle right_foot<right_ankle neck<spine3 left_collar<spine3
    right_collar<spine3 head<neck left_shoulder<left_collar right_shoulder<right_collar
    left_elbow<left_shoulder right_elbow<right_shoulder left_wrist<left_elbow
    right_wrist<right_elbow"""


SMPL_24: Final = _skeleton("smpl_24", f"{_BODY_22} left_hand<left_wrist right_hand<right_wrist")


def _hand(side: str) -> str:
    """The three joints of each finger, in the family's order; a `side` ends in an underscore."""
    fingers = ("index", "middle", "pinky", "ring", "thumb")
    return " ".join(
        f"{side}{finger}1<{side}wrist {side}{finger}2<{side}{finger}1 "
        f"{side}{finger}3<{side}{finger}2"
        for finger in fingers
    )


SMPLH_52: Final = _skeleton("smplh_52", f"{_BODY_22} {_hand('left_')} {_hand('right_')}")
"""SMPL-H: SMPL's body, and fingers in the place of its hands."""

SMPLX_55: Final = _skeleton(
    "smplx_55",
    f"""{_BODY_22} jaw<head left_eye_smplhf<head right_eye_smplhf<head
    {_hand("left_")} {_hand("right_")}""",
)
"""SMPL-X: the eyes with the odd names are the eyeballs' centres, not places on the skin."""

MANO_16: Final = _skeleton("mano_16", f"wrist {_hand('')}")
"""MANO: one hand, left or right; the joints' names do not say which."""

FLAME_5: Final = _skeleton(
    "flame_5",
    """flame_root flame_neck<flame_root jaw<flame_neck
    left_eye_smplhf<flame_neck right_eye_smplhf<flame_neck""",
)
"""FLAME: a head whose root and neck lie elsewhere than SMPL's joints of like names."""

LIFT_23: Final = _skeleton(
    "lift_23",
    """pelvis right_hip<pelvis right_knee<right_hip right_ankle<right_knee
    left_hip<pelvis left_knee<left_hip left_ankle<left_knee
    spine<pelvis thorax<spine head<thorax
    left_shoulder<thorax left_elbow<left_shoulder left_wrist<left_elbow
    right_shoulder<thorax right_elbow<right_shoulder right_wrist<right_elbow
    nose<head left_ear<head right_ear<head
    left_big_toe<left_ankle left_heel<left_ankle
    right_big_toe<right_ankle right_heel<right_ankle""",
)
"""What our lifter gives: H36M-17's limbs and trunk, with the points that turn head and feet."""
