"""How good an answer is. Distances are in metres, one value per pose.

`mask` says which joints count; the others may hold anything, also NaN. A pose without a counted
joint gets NaN. Nothing is moved to a root here: give root-relative joints where that is meant.
`docs/evaluation.md` says what each figure means and why those of papers differ.
"""

from lift3d.metrics.average_precision import KeypointAp, PictureResult, keypoint_ap
from lift3d.metrics.bones import bone_length_error, bone_length_spread, bone_lengths
from lift3d.metrics.crowding import crowd_index
from lift3d.metrics.hypotheses import Metric, aggregated, best_joints_of, best_of
from lift3d.metrics.keypoints import COCO_SIGMAS, HALPE_26_SIGMAS, oks, pck_2d, pckh
from lift3d.metrics.over_time import acceleration_error, foot_contact_speed, mpjve
from lift3d.metrics.positions import (
    AUC_THRESHOLDS,
    CAPTURED_JOINTS,
    auc_3d,
    joint_errors,
    mpjpe,
    n_mpjpe,
    pa_joint_errors,
    pa_mpjpe,
    pck_3d,
)
from lift3d.metrics.surfaces import pa_pve, pve
from lift3d.metrics.uncertainty import coverage

__all__ = [
    "AUC_THRESHOLDS",
    "CAPTURED_JOINTS",
    "COCO_SIGMAS",
    "HALPE_26_SIGMAS",
    "KeypointAp",
    "Metric",
    "PictureResult",
    "acceleration_error",
    "aggregated",
    "auc_3d",
    "best_joints_of",
    "best_of",
    "bone_length_error",
    "bone_length_spread",
    "bone_lengths",
    "coverage",
    "crowd_index",
    "foot_contact_speed",
    "joint_errors",
    "keypoint_ap",
    "mpjpe",
    "mpjve",
    "n_mpjpe",
    "oks",
    "pa_joint_errors",
    "pa_mpjpe",
    "pa_pve",
    "pck_2d",
    "pck_3d",
    "pckh",
    "pve",
]
