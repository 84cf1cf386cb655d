"""People over time, from keypoints alone.

`track_people` tells who is who for files that do not follow people themselves, `repair_ids` mends ids
that jump. `repair_sides` puts left and right back where a detector took one for the other, and
`bridge_gaps` fills short absences. `oks_nms`, `soft_oks_nms` and `parametric_pose_nms` leave one
detection per person in a picture.
"""

from lift3d.tracking.flows import PoseFlow
from lift3d.tracking.following import Tracker, track_people
from lift3d.tracking.gaps import fill_keypoint_gaps
from lift3d.tracking.greedy import GreedyTracking, track_greedy
from lift3d.tracking.motions import bridge_gaps, repair_sides
from lift3d.tracking.nms import oks_nms, soft_oks_nms
from lift3d.tracking.pose_nms import FULL_BODY_POSE_NMS, PoseNms, parametric_pose_nms
from lift3d.tracking.poseflow import track_poseflow
from lift3d.tracking.repair import repair_ids
from lift3d.tracking.scores import id_switches, idf1
from lift3d.tracking.sides import SideSwaps, find_side_swaps, swap_sides
from lift3d.tracking.sides_at_once import find_swaps_at_once
from lift3d.tracking.similarity import oks_between, oks_sigmas, pose_areas

__all__ = [
    "FULL_BODY_POSE_NMS",
    "GreedyTracking",
    "PoseFlow",
    "PoseNms",
    "SideSwaps",
    "Tracker",
    "bridge_gaps",
    "fill_keypoint_gaps",
    "find_side_swaps",
    "find_swaps_at_once",
    "id_switches",
    "idf1",
    "oks_between",
    "oks_nms",
    "oks_sigmas",
    "parametric_pose_nms",
    "pose_areas",
    "repair_ids",
    "repair_sides",
    "soft_oks_nms",
    "swap_sides",
    "track_greedy",
    "track_people",
    "track_poseflow",
]
