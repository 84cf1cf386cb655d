"""lift3d: 2D keypoint files in, moving 3D bodies out.

The main path is `lift(path) -> Clip`, then `write_clip`, `write_glb` or `render_clip`. Units, axes
and frames are written down in `lift3d.conventions`.
"""

from lift3d.body import BodyMesh, BodyParams
from lift3d.camera import Camera
from lift3d.clip import Clip, Person
from lift3d.errors import Lift3dError
from lift3d.io import KeypointFile, read_clip, read_keypoints, write_clip, write_glb
from lift3d.motion import Motion
from lift3d.pictures import render_clip
from lift3d.pipeline import LiftOptions, lift, reprojection
from lift3d.plugins import body_models, datasets, lifters, viewers
from lift3d.pose import Pose2D, Pose3D
from lift3d.skeleton import Skeleton
from lift3d.skeletons import SKELETONS, correspondence, skeleton_named

__all__ = [
    "SKELETONS",
    "BodyMesh",
    "BodyParams",
    "Camera",
    "Clip",
    "KeypointFile",
    "Lift3dError",
    "LiftOptions",
    "Motion",
    "Person",
    "Pose2D",
    "Pose3D",
    "Skeleton",
    "body_models",
    "correspondence",
    "datasets",
    "lift",
    "lifters",
    "read_clip",
    "read_keypoints",
    "render_clip",
    "reprojection",
    "skeleton_named",
    "viewers",
    "write_clip",
    "write_glb",
]
