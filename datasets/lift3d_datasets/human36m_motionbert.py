"""Human3.6M in MotionBERT's pickle (`h36m_*.pkl`, after LCN): pixels, and depth in pixels.

`train` and `test` hold `joint_2d` (pictures, 17, 2) of a detector, `confidence`, `joint3d_image`
(pictures, 17, 3), `camera_name` and `source` ("s_09_act_02_subact_01_ca_01"). Its 3D is the picture:
x and y are exact projections without the lens, and no scale to metres is given for `train`. But four
calibrated cameras saw every frame, so joints are triangulated here from the exact projections; how
well they project back is checked. In `train` a source is both takes of an action, one after the other.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor

from lift3d.camera import Camera
from lift3d.errors import FileFormatError
from lift3d.geometry.projection import pixels_from_points
from lift3d.geometry.rays import rays_from_pixels
from lift3d.geometry.rigid import inverse_rigid, transform_points
from lift3d.geometry.triangulation import triangulate_rays
from lift3d.io.files.safe_pickle import read_pickle
from lift3d.skeletons import H36M_17
from lift3d_datasets.human36m_cameras import Rig
from lift3d_datasets.human36m_facts import ACTION_CODES, CAMERAS, FPS, TRAIN, Take
from lift3d_datasets.human36m_recording import Recording, Seen

__all__ = ["Human36mMotionBert"]

_SOURCE: Final = re.compile(r"s_(\d+)_act_(\d+)_(?:subact_(\d+)_)?cam?_?(\d+)")
_KEYS: Final = ("joint_2d", "joint3d_image", "camera_name", "source")
_LIMIT: Final = 8 << 30
_STEPS: Final = 9_000_000
_DAMAGED: Final = ("S11", "Directions subaction 2")
_CLOSE: Final = 0.5
"""Triangulated joints must project back to within this (pixels, median)."""


@dataclass(frozen=True, slots=True)
class _Run:
    """Consecutive pictures of one take through one camera."""

    part: str
    start: int
    stop: int


class Human36mMotionBert:
    """MotionBERT's pickle."""

    name = "motionbert"
    measured = True

    def __init__(self, root: Path, rig: Rig) -> None:
        self.root, self.rig = root, rig

    @classmethod
    def found(cls, root: Path) -> bool:
        """Whether there is a pickle of that name."""
        return cls.file(root) is not None

    @staticmethod
    def file(root: Path) -> Path | None:
        """The pickle, or the first of several."""
        if root.is_file():
            return root if root.suffix == ".pkl" else None
        found = sorted(root.glob("h36m_*.pkl")) + sorted(root.glob("motion3d/h36m_*.pkl"))
        return found[0] if found else None

    @cached_property
    def _content(self) -> dict[str, dict[str, Any]]:
        path = self.file(self.root)
        content: Any = read_pickle(path, limit_bytes=_LIMIT, limit_steps=_STEPS) if path else None
        parts = [p for p in ("train", "test") if isinstance(content, dict) and p in content]
        if not parts or not all(_complete(content[part]) for part in parts):
            raise FileFormatError(
                f"expected 'train' and 'test' with {', '.join(_KEYS)} of one length in '{path}', "
                "got something else: get the file again"
            )
        return {part: content[part] for part in parts}

    @cached_property
    def _runs(self) -> dict[Take, dict[str, _Run]]:
        out: dict[Take, dict[str, _Run]] = {}
        for part, values in self._content.items():
            sources = np.asarray(values["source"]).astype(str)
            starts = np.concatenate([[0], np.flatnonzero(sources[1:] != sources[:-1]) + 1])
            for start, stop in zip(starts, [*starts[1:], len(sources)], strict=True):
                take = _take(str(sources[start]), str(self.file(self.root)))
                camera = str(values["camera_name"][start])
                if camera not in CAMERAS or camera in out.get(take, {}):
                    raise FileFormatError(
                        f"expected each source once per camera ({', '.join(CAMERAS)}) in "
                        f"'{self.file(self.root)}', got '{sources[start]}' through '{camera}' "
                        "again: make it again"
                    )
                out.setdefault(take, {})[camera] = _Run(part, int(start), int(stop))
        return out

    def takes(self) -> Sequence[Take]:
        return tuple(self._runs)

    def expected(self, subject: str) -> int:
        return 1 if subject in TRAIN else 2

    def detections(self) -> tuple[str, ...]:
        return ("joint_2d",)

    def recording(self, take: Take) -> Recording:
        runs = self._runs[take]
        rig = {c: self.rig[take.subject, c] for c in runs if (take.subject, c) in self.rig}
        lengths = {run.stop - run.start for name, run in runs.items() if name in rig}
        if len(rig) < 2 or len(lengths) != 1:
            raise FileFormatError(
                f"expected two or more known cameras with equally many frames for {take.subject} "
                f"{take.name}, got {len(rig)} with {sorted(lengths)}: this file holds pixels, and "
                "metres come from several views"
            )
        pixels = torch.stack(
            [torch.from_numpy(self._values(runs[c], "joint3d_image")) for c in rig]
        )
        cameras = [rig[name].camera(name, torch.float64) for name in rig]
        joints = _triangulated(pixels[..., :2].double(), cameras, f"{take.subject} {take.name}")
        return Recording(joints.numpy(), FPS, rig)

    def keypoints(self, take: Take, detections: str) -> Mapping[str, Seen] | None:
        if detections != "joint_2d":
            return None
        seen: dict[str, Seen] = {}
        for camera, run in self._runs[take].items():
            pixels = self._values(run, "joint_2d")[..., :2]
            known = "confidence" in self._content[run.part]
            confidence = self._values(run, "confidence") if known else np.ones(pixels.shape[:2])
            seen[camera] = Seen(pixels, confidence.reshape(pixels.shape[:2]), H36M_17)
        return seen

    def _values(self, run: _Run, key: str) -> ndarray:
        return np.asarray(self._content[run.part][key][run.start : run.stop], np.float64)


def _complete(values: object) -> bool:
    if not isinstance(values, dict) or not all(key in values for key in _KEYS):
        return False
    try:
        count = len(values["source"])
        shapes = [np.shape(values[key])[:2] for key in ("joint_2d", "joint3d_image")]
        return shapes == [(count, 17)] * 2 and len(values["camera_name"]) == count > 0
    except (TypeError, ValueError):  # numbers where lists belong, and lists of several lengths
        return False


def _take(source: str, path: str) -> Take:
    match = _SOURCE.fullmatch(source)
    action = ACTION_CODES.get(int(match[2])) if match else None
    if match is None or action is None:
        raise FileFormatError(
            f"expected sources like s_09_act_02_subact_01_ca_01 in '{path}', got "
            f"'{source[:60]}': get the file again"
        )
    subject = f"S{int(match[1])}"
    name = f"{action} subaction {int(match[3])}" if match[3] else action
    # The damaged take of S11 has no number in its file name, and is the second in metadata.xml.
    return Take(subject, action, action if (subject, name) == _DAMAGED else name)


def _triangulated(
    pixels: Float[Tensor, "cameras frames 17 2"], cameras: Sequence[Camera], where: str
) -> Float[Tensor, "frames 17 3"]:
    """World joints from exact projections, through no lens or through Human3.6M's."""
    best = min((_through(pixels, cameras, lens) for lens in (False, True)), key=lambda x: x[1])
    joints, apart = best
    if not apart < _CLOSE:
        raise FileFormatError(
            f"expected 'joint3d_image' of {where} to be projections through the known cameras, got "
            f"joints that project {apart:.1f} px away: the file and the cameras are of two sets"
        )
    return joints


def _through(
    pixels: Tensor, cameras: Sequence[Camera], lens: bool
) -> tuple[Float[Tensor, "frames 17 3"], float]:
    """Joints, and how far (pixels, median) they project from where they were seen."""
    world_from_cam = [inverse_rigid(camera.cam_from_world) for camera in cameras]
    directions = [
        rays_from_pixels(seen, c.intrinsics, c.distortion if lens else None, c.lens)
        @ back[:3, :3].mT
        for seen, c, back in zip(pixels, cameras, world_from_cam, strict=True)
    ]
    known = pixels.isfinite().all(-1).to(pixels.dtype)
    origins = torch.stack([back[:3, 3] for back in world_from_cam])
    joints = triangulate_rays(origins, torch.stack(directions).nan_to_num(), known)
    apart = [
        pixels_from_points(
            transform_points(c.cam_from_world, joints),
            c.intrinsics,
            c.distortion if lens else None,
            c.lens,
        )
        - seen
        for seen, c in zip(pixels, cameras, strict=True)
    ]
    return joints, float(torch.stack(apart).norm(dim=-1).nanmedian())
