"""lift3d: 2D keypoint files in, moving 3D bodies out.

The main path is `lift(path) -> Clip`, then `write_clip`, `write_glb` or `render_clip`. Units, axes
and frames are written down in `lift3d.conventions`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from lift3d.body import BodyMesh, BodyParams
    from lift3d.camera import Camera
    from lift3d.clip import Clip, Person
    from lift3d.detection import detect
    from lift3d.errors import Lift3dError
    from lift3d.estimate import BodyEstimate
    from lift3d.io import KeypointFile, read_clip, read_keypoints, write_clip, write_glb
    from lift3d.motion import Motion
    from lift3d.pictures import render_clip
    from lift3d.pipeline import LiftOptions, lift, reprojection
    from lift3d.plugins import body_models, datasets, detectors, lifters, regressors, viewers
    from lift3d.pose import Pose2D, Pose3D
    from lift3d.skeleton import Skeleton
    from lift3d.skeletons import SKELETONS, correspondence, skeleton_named

__all__ = [
    "SKELETONS",
    "BodyEstimate",
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
    "detect",
    "detectors",
    "lift",
    "lifters",
    "read_clip",
    "read_keypoints",
    "regressors",
    "render_clip",
    "reprojection",
    "skeleton_named",
    "viewers",
    "write_clip",
    "write_glb",
]

_HOMES: Final = {
    "body": ("BodyMesh", "BodyParams"),
    "camera": ("Camera",),
    "clip": ("Clip", "Person"),
    "detection": ("detect",),
    "errors": ("Lift3dError",),
    "estimate": ("BodyEstimate",),
    "io": ("KeypointFile", "read_clip", "read_keypoints", "write_clip", "write_glb"),
    "motion": ("Motion",),
    "pictures": ("render_clip",),
    "pipeline": ("LiftOptions", "lift", "reprojection"),
    "plugins": ("body_models", "datasets", "detectors", "lifters", "regressors", "viewers"),
    "pose": ("Pose2D", "Pose3D"),
    "skeleton": ("Skeleton",),
    "skeletons": ("SKELETONS", "correspondence", "skeleton_named"),
}
"""Where each name lives. It is fetched when it is asked for, so that `import lift3d` is quick."""


def __getattr__(name: str) -> Any:
    home = next((module for module, names in _HOMES.items() if name in names), None)
    if home is None:
        raise AttributeError(f"module 'lift3d' has no attribute '{name}'")
    value = getattr(import_module(f"lift3d.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
