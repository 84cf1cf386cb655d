"""Files in and out: keypoint files of detectors, lifted clips, animation."""

from lift3d.io.atomic import atomic_path
from lift3d.io.clip_npz import read_clip, write_clip
from lift3d.io.glb import write_glb
from lift3d.io.keypoints import KeypointFile, ReadReport, read_keypoints

__all__ = [
    "KeypointFile",
    "ReadReport",
    "atomic_path",
    "read_clip",
    "read_keypoints",
    "write_clip",
    "write_glb",
]
