"""H3WB: Human3.6M with 133 points of the whole body, on every few frames of S1, S5, S6, S7 (and S8).

Zhu, Samet and Picard, "H3WB: Human3.6M 3D WholeBody dataset and benchmark", ICCV 2023. Two forms:

- `2Dto3D_train.json`, `RGBto3D_train.json`: samples by number with `keypoints_2d`, `keypoints_3d`
  (dicts of points with x, y, z; millimetres, y down) and perhaps `image_path`. Nothing says which
  samples follow each other or which camera saw them: every sample is a clip of one frame, without
  views.
- the archive (`*.npz`) with `train_data`: people -> actions -> `frame_id` and per camera `pose_2d`
  and `camera_3d`. Its clips have all cameras of Human3.6M's calibration, whose worlds must agree.

Points were completed and triangulated by networks, not measured by markers: they do not judge
accuracy here (`measured` is false).
"""

import re
from collections.abc import Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson
import torch
from jaxtyping import Float
from numpy import ndarray

from lift3d.capture import Capture, CapturedView, Finding
from lift3d.conventions import WORLD_FROM_CAMERA
from lift3d.errors import FileFormatError, InputError, Lift3dError
from lift3d.io.files.safe_pickle import read_object_npz
from lift3d.motion import Motion
from lift3d.pose import Pose2D, Pose3D
from lift3d_datasets.human36m_cameras import Calibration, cameras_of
from lift3d_datasets.human36m_facts import CAMERAS, FPS, take_named
from lift3d_datasets.wholebody import COCO_WHOLEBODY_133

__all__ = ["H3wb"]

_JSON: Final = {"train": ("2Dto3D_train.json", "RGBto3D_train.json")}
_PATH: Final = re.compile(r"(?:.*/)?(S\d+)/(?:Images/)?([^/]+)\.(\d{8})/.*")
_AGREE: Final = 0.02
"""Cameras of one clip must show the same points within this (metres, median)."""


class H3wb:
    """A file of H3WB, or a folder with one. Splits: "train", and for an archive "test", which is S7."""

    def __init__(self, root: str | PathLike[str], *, dtype: torch.dtype = torch.float32) -> None:
        self.root, self.dtype = Path(root), dtype
        found = _file_of(self.root)
        if found is None:
            raise FileFormatError(_nothing(self.root))
        self.path = found

    @property
    def splits(self) -> tuple[str, ...]:
        return ("train",) if self.path.suffix == ".json" else ("train", "test")

    def clips(self, split: str) -> Iterator[Capture]:
        """Samples of a JSON file, or clips of an archive, in their order."""
        if split not in self.splits:
            raise InputError(
                f"expected a split of {', '.join(self.splits)}, got '{split}': H3WB's test files "
                "hold no 3D"
            )
        if self.path.suffix == ".json":
            for name, sample in _samples(self.path).items():
                yield _single(name, sample, self.path, self.dtype)
            return
        people = _people(self.path)
        rig, _ = cameras_of(self.path)
        for subject, actions in people.items():
            if (subject == "S7") == (split == "test"):
                cameras = {c: rig[subject, c] for c in CAMERAS if (subject, c) in rig}
                for name, action in actions.items():
                    yield _clip(subject, name, action, cameras, self)

    @staticmethod
    def examine(root: str | PathLike[str]) -> Iterator[Finding]:
        """Which file is there, and how much it holds."""
        path = _file_of(Path(root))
        if path is None:
            yield Finding("H3WB", False, _nothing(Path(root)))
            return
        try:
            if path.suffix == ".json":
                yield Finding(path.name, True, f"{len(_samples(path))} samples")
                return
            for subject, actions in _people(path).items():
                yield Finding(f"{path.name} {subject}", True, f"{len(actions)} clips")
        except Lift3dError as error:
            yield Finding(path.name, False, str(error))


def _file_of(root: Path) -> Path | None:
    if root.is_file():
        return root if root.suffix in {".json", ".npz"} else None
    archives = sorted(root.glob("*h3wb*.npz"))
    texts = [root / name for name in _JSON["train"] if (root / name).is_file()]
    return next(iter([*archives, *texts]), None)


def _nothing(root: Path) -> str:
    return (
        f"expected H3WB in '{root}', got none of its files: it takes 2Dto3D_train.json, "
        "RGBto3D_train.json or an archive *h3wb*.npz"
    )


def _samples(path: Path) -> Mapping[str, Any]:
    try:
        content: Any = orjson.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise FileFormatError(
            f"expected JSON at '{path}', got {error}: download it again"
        ) from error
    if not isinstance(content, dict) or not content:
        raise FileFormatError(f"expected samples by number in '{path}', got none: get it again")
    return content


def _single(name: str, sample: Any, path: Path, dtype: torch.dtype) -> Capture:
    """One sample: axes like a camera's (y down), turned upright."""
    try:
        points = sample["keypoints_3d"]
        stored = np.array(
            [[points[str(i)][axis] for axis in "xyz"] for i in range(133)], np.float64
        )
        where = _PATH.fullmatch(str(sample.get("image_path", "")))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise FileFormatError(
            f"expected 133 points x, y, z in 'keypoints_3d' of sample {name} of '{path}', got "
            f"{type(error).__name__} {error}: files of the test sets hold none"
        ) from error
    take = take_named(where[1], where[2]) if where else None
    world = torch.from_numpy(stored[None] / 1000 @ WORLD_FROM_CAMERA.numpy()).to(dtype)
    motion = _motion(world, FPS)
    subject, action = (take.subject, take.action) if take else ("", "")
    return Capture(name, subject, action, motion, measured=False)


def _motion(joints: torch.Tensor, fps: float) -> Motion[Pose3D]:
    observed = joints.isfinite().all(-1).all(-1)
    joints = torch.where(observed[:, None, None], joints, torch.nan)
    return Motion(Pose3D.certain(joints, COCO_WHOLEBODY_133, "world"), fps, 0, observed)


def _people(path: Path) -> Mapping[str, Mapping[str, Any]]:
    content = read_object_npz(path).get("train_data")
    if not isinstance(content, dict) or not all(isinstance(v, dict) for v in content.values()):
        raise FileFormatError(
            f"expected 'train_data' with people and actions in '{path}', got something else: "
            "get the archive again"
        )
    return {str(subject): actions for subject, actions in content.items()}


def _clip(
    subject: str, name: str, action: Any, rig: Mapping[str, Calibration], reader: H3wb
) -> Capture:
    try:
        frames = np.array([int(frame) for frame in np.ravel(action["frame_id"])])
        cameras = [c for c in rig if c in action]
        worlds = {c: rig[c].world(_points(action[c]["camera_3d"], len(frames), 3)) for c in cameras}
        pixels = {c: _points(action[c]["pose_2d"], len(frames), 2) for c in cameras}
    except (KeyError, TypeError, ValueError) as error:
        raise FileFormatError(
            f"expected 'frame_id', and 'camera_3d' and 'pose_2d' per camera, for {subject} {name} of "
            f"'{reader.path}', got {type(error).__name__}: {error}"
        ) from error
    joints = _agreeing(worlds, f"{subject} {name} of '{reader.path}'")
    step = int(np.gcd.reduce(np.diff(frames))) if len(frames) > 1 else 1
    places = (frames - frames[0]) // max(step, 1)
    if step <= 0 or (np.diff(places) <= 0).any():
        raise FileFormatError(
            f"expected rising frame numbers for {subject} {name} of '{reader.path}', got "
            "others: download it again"
        )
    fps = FPS / step
    motion = _motion(_spread(joints, places, reader.dtype), fps)
    views: list[CapturedView] = []
    for camera, seen in pixels.items():
        points = _spread(seen, places, reader.dtype)
        pose = Pose2D.from_detections(
            points, torch.ones_like(points[..., 0]), COCO_WHOLEBODY_133, CAMERAS[camera]
        )
        keypoints = Motion(pose, fps, 0, pose.seen.any(-1))
        views.append(
            CapturedView(camera, rig[camera].camera(camera, reader.dtype), keypoints, "h3wb")
        )
    take = take_named(subject, name)
    said = take.action if take else name
    return Capture(f"{subject} {name}", subject, said, motion, tuple(views), measured=False)


def _points(stored: Any, frames: int, axes: int) -> Float[ndarray, "frames 133 axes"]:
    points: ndarray = np.asarray(stored, np.float64).reshape(frames, 133, axes)
    return points


def _spread(points: ndarray, places: ndarray, dtype: torch.dtype) -> torch.Tensor:
    """Values on evenly spaced frames, NaN in between."""
    out = torch.full((int(places[-1]) + 1, *points.shape[1:]), torch.nan, dtype=dtype)
    out[torch.from_numpy(places)] = torch.from_numpy(points).to(dtype)
    return out


def _agreeing(worlds: Mapping[str, ndarray], where: str) -> Float[ndarray, "frames 133 3"]:
    if not worlds:
        raise FileFormatError(
            f"expected a camera of Human3.6M for {where}, got none: download it again"
        )
    first, *others = worlds.values()
    for other in others:
        apart = float(np.nanmedian(np.linalg.norm(first - other, axis=-1)))
        if not apart < _AGREE:
            raise FileFormatError(
                f"expected the cameras of {where} to show the same points, got them {apart:.2f} m "
                "apart: 'camera_3d' is not in Human3.6M's camera frames"
            )
    return first
