"""Files in and out: keypoint files of detectors, lifted clips, motion and animation."""

from lift3d.io.clips.clip_npz import read_clip, write_clip
from lift3d.io.files.atomic import atomic_path
from lift3d.io.keypoints.reading import KeypointFile, ReadReport, read_keypoints
from lift3d.io.motion.amass_npz import write_amass
from lift3d.io.motion.bvh_write import write_bvh
from lift3d.io.scenes.glb import write_clip_glb, write_glb
from lift3d.io.scenes.mesh_sequence import write_meshes
from lift3d.io.scenes.usd_write import write_usd

__all__ = [
    "KeypointFile",
    "ReadReport",
    "atomic_path",
    "read_clip",
    "read_keypoints",
    "write_amass",
    "write_bvh",
    "write_clip",
    "write_clip_glb",
    "write_glb",
    "write_meshes",
    "write_usd",
]
