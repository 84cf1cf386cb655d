"""Network tensors to keypoints, for those who bring a network's outputs.

Heatmaps are `[*batch, joints, height, width]`; a single person's keypoints `[*batch, joints, 3]`, those
of several `[people, joints, 3]`: x (column), y (row) in heat-map pixels, and confidence. A joint that is
not there is NaN, NaN, 0. `to_picture` makes picture pixels of them. `docs/decoders.md` says which
decoder is for which network.
"""

from lift3d.decoders.argmax import decode_argmax
from lift3d.decoders.associative import TagGrouping, decode_associative
from lift3d.decoders.belief import decode_beliefs
from lift3d.decoders.candidates import associate_candidates, joint_candidates
from lift3d.decoders.centres import CentredPeople, decode_centres
from lift3d.decoders.dark import decode_dark
from lift3d.decoders.dekr import PoseSuppression, decode_dekr
from lift3d.decoders.flip import merge_flipped, unflip
from lift3d.decoders.flow import flow_to_neighbours, fuse_over_time, warp_maps
from lift3d.decoders.heatmaps import HeatmapMode, decode_heatmaps
from lift3d.decoders.hough import decode_offset_hough, hough_votes, pose_scores
from lift3d.decoders.limbs import BODY_25_LIMBS, COCO_18_LIMBS, MPI_15_LIMBS, LimbModel
from lift3d.decoders.openpose_maps import (
    HeatmapsScale,
    OpenPoseMaps,
    read_openpose_maps,
    split_openpose_maps,
)
from lift3d.decoders.paf import MAXIMIZE_POSITIVES, PafGrouping, decode_paf
from lift3d.decoders.people import People
from lift3d.decoders.pixels import Grid, to_picture
from lift3d.decoders.regression import BoxOrigin, decode_regression
from lift3d.decoders.shift import decode_quarter_shift
from lift3d.decoders.simcc import decode_simcc, merge_flipped_simcc
from lift3d.decoders.softargmax import decode_soft_argmax_2d, decode_soft_argmax_3d
from lift3d.decoders.targets import gaussian_maps, limb_fields

__all__ = [
    "BODY_25_LIMBS",
    "COCO_18_LIMBS",
    "MAXIMIZE_POSITIVES",
    "MPI_15_LIMBS",
    "BoxOrigin",
    "CentredPeople",
    "Grid",
    "HeatmapMode",
    "HeatmapsScale",
    "LimbModel",
    "OpenPoseMaps",
    "PafGrouping",
    "People",
    "PoseSuppression",
    "TagGrouping",
    "associate_candidates",
    "decode_argmax",
    "decode_associative",
    "decode_beliefs",
    "decode_centres",
    "decode_dark",
    "decode_dekr",
    "decode_heatmaps",
    "decode_offset_hough",
    "decode_paf",
    "decode_quarter_shift",
    "decode_regression",
    "decode_simcc",
    "decode_soft_argmax_2d",
    "decode_soft_argmax_3d",
    "flow_to_neighbours",
    "fuse_over_time",
    "gaussian_maps",
    "hough_votes",
    "joint_candidates",
    "limb_fields",
    "merge_flipped",
    "merge_flipped_simcc",
    "pose_scores",
    "read_openpose_maps",
    "split_openpose_maps",
    "to_picture",
    "unflip",
    "warp_maps",
]
