"""AIST++: dancers seen by nine cameras (R. Li et al., ICCV 2021).

Layout, read from google/aistplusplus_api, loader.py: `keypoints3d/<sequence>.pkl` with
`keypoints3d_optim` and `keypoints3d` [N, 17, 3] (COCO, centimetres, y up), `keypoints2d/...` with
`keypoints2d` [9, N, 17, 3] (pixels and confidence), `motions/...` with `smpl_poses` [N, 24, 3] or
[N, 72], `smpl_scaling` [1] and `smpl_trans` [N, 3], `cameras/mapping.txt` (sequence, setting) and
`cameras/<setting>.json` (name, size (width, height), matrix, rotation vector, translation, distortions),
`ignore_list.txt`, `splits/pose_{train,val,test}.txt`. 60 Hz.
"""

import json
from collections.abc import Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.body import BodyParams
from lift3d.camera import Camera
from lift3d.capture import Capture, CapturedView, Finding
from lift3d.errors import FileFormatError, Lift3dError
from lift3d.geometry.rotations import rotmat_from_axis_angle
from lift3d.io.files.safe_pickle import read_pickle
from lift3d.io.files.zip_entries import check_regular
from lift3d.motion import Motion
from lift3d.pose import Pose2D, Pose3D
from lift3d.skeletons import COCO_17
from lift3d_datasets.folders import checked_split, existing_folder, read_each

__all__ = ["Aistpp"]

FPS: Final = 60.0
VIEWS: Final = tuple(f"c{number:02d}" for number in range(1, 10))
_SPLITS: Final = ("train", "val", "test")
_CM: Final = 0.01
_SEQUENCES: Final = 1408
_CONFIDENT: Final = 0.15
"""Keypoints below this confidence were not used for the 3D joints either."""
_LOST: Final[Mapping[str, str]] = {
    "gBR_sBM_cAll_d04_mBR0_ch01": "c05",
    "gJB_sBM_cAll_d07_mJB3_ch05": "c07",
}
"""Views that are out of step or of another size; the dataset's own tools leave them out."""


class Aistpp:
    """All sequences of the annotation folder, with the views of the cameras that are there.

    Splits are those of `splits/pose_*.txt`; without that folder there is one, "all". Sequences of
    `ignore_list.txt` are left out. `bodies` are SMPL's in the body's own scale: AIST++ fits a
    person's size as a factor on the whole body (`smpl_scaling` / 100 makes it metres), which SMPL's
    parameters do not hold, so they are about 6 % larger than the joints. A broken file raises
    `FileFormatError`; with `skip_broken` it is left out, and `skipped` says why.
    """

    def __init__(self, root: str | PathLike[str], *, skip_broken: bool = False) -> None:
        self.root = existing_folder(root, "AIST++'s annotations")
        self.files = tuple(sorted((self.root / "keypoints3d").glob("*.pkl")))
        if not self.files:
            raise FileFormatError(
                f"expected keypoints3d/<sequence>.pkl in '{self.root}', got none: unpack the "
                "annotations there"
            )
        self.ignored = _words(self.root / "ignore_list.txt")
        self._members = {
            split: {_sequence(word) for word in _words(self.root / f"splits/pose_{split}.txt")}
            for split in _SPLITS
            if (self.root / f"splits/pose_{split}.txt").is_file()
        }
        self._settings = _settings(self.root)
        self.skipped: dict[str, str] | None = {} if skip_broken else None

    @property
    def splits(self) -> tuple[str, ...]:
        return tuple(self._members) or ("all",)

    def clips(self, split: str) -> Iterator[Capture]:
        """The clips of a split, in the order of their names."""
        checked_split(split, self.splits)
        members = self._members.get(split)
        chosen = (
            path
            for path in self.files
            if path.stem not in self.ignored and (members is None or path.stem in members)
        )
        yield from read_each(chosen, self._read, self.skipped)

    def _read(self, path: Path) -> Capture:
        joints = _joints(path)
        observed = joints.isfinite().all(-1).sum(-1) >= 2
        if not observed.any():
            raise _wrong(path, "numbers", "none in any frame")
        words = path.stem.split("_")
        dancer = next((word for word in words if word[:1] == "d" and word[1:].isdigit()), "")
        joints = torch.where(observed[:, None, None], joints, torch.nan)
        pose = Pose3D.certain(joints.float(), COCO_17, "world")
        return Capture(
            path.stem,
            dancer or path.stem,
            words[0],
            Motion(pose, FPS, 0, observed),
            views=tuple(self._views(path.stem, len(joints))),
            bodies=_bodies(self.root / "motions" / path.name, len(joints)),
            body_format="smpl" if (self.root / "motions" / path.name).is_file() else "",
        )

    def _views(self, sequence: str, frames: int) -> Iterator[CapturedView]:
        path = self.root / "keypoints2d" / f"{sequence}.pkl"
        if not path.is_file() or sequence not in self._settings:
            return
        data = _pickled(path)
        points = _array(data, "keypoints2d", ((len(VIEWS), frames, 17, 3),), path)
        for name, camera in _cameras(self.root, self._settings[sequence]).items():
            if name not in VIEWS or _LOST.get(sequence) == name:
                continue
            seen = torch.from_numpy(points[VIEWS.index(name)].astype(np.float32))
            sure = torch.where(seen[..., 2] >= _CONFIDENT, seen[..., 2], 0.0)
            pose = Pose2D.from_detections(seen[..., :2], sure, COCO_17, camera.image_size)
            motion = Motion(pose, FPS, 0, pose.seen.any(-1))
            yield CapturedView(name, camera, motion, "AIST++'s detector")

    @staticmethod
    def examine(root: str | PathLike[str]) -> Iterator[Finding]:
        """Which parts of the annotations are there, and how many files of each."""
        folder = Path(root)
        for part in ("keypoints3d", "keypoints2d", "motions"):
            count = len(list((folder / part).glob("*.pkl")))
            yield Finding(part, count > 0, f"{count} of {_SEQUENCES} sequences")
        cameras = len(list((folder / "cameras").glob("*.json")))
        yield Finding("cameras", cameras > 0, f"{cameras} settings")
        for name in ("cameras/mapping.txt", "ignore_list.txt", "splits/pose_train.txt"):
            found = (folder / name).is_file()
            yield Finding(name, found, "there" if found else f"not at '{folder / name}'")


def _wrong(path: Path, wanted: str, got: str) -> FileFormatError:
    return FileFormatError(f"expected {wanted} in '{path}', got {got:.80}: download it again")


def _words(path: Path) -> frozenset[str]:
    """The first word of each line of a list; an absent list is empty."""
    if not path.is_file():
        return frozenset()
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return frozenset(line.split()[0] for line in lines if line.split())


def _sequence(video: str) -> str:
    """A video's name with its camera's number replaced, which is the name of its sequence."""
    return "_".join("cAll" if word in VIEWS else word for word in video.split("_"))


def _pickled(path: Path) -> Mapping[Any, Any]:
    data = read_pickle(path)
    if not isinstance(data, dict):
        raise _wrong(path, "a dictionary", type(data).__name__)
    return data


def _array(
    data: Mapping[Any, Any], key: str, shapes: tuple[tuple[int, ...], ...], path: Path
) -> Any:
    """An array of numbers of one of these shapes; -1 stands for any length."""
    array = np.asarray(data.get(key))
    fits = any(
        len(shape) == array.ndim
        and all(want in (-1, have) for want, have in zip(shape, array.shape, strict=True))
        for shape in shapes
    )
    if not fits or array.dtype.kind not in "fiu":
        wanted = f"'{key}' of shape {' or '.join(str(list(shape)) for shape in shapes)}"
        raise _wrong(path, wanted, f"{array.dtype} {list(array.shape)}")
    return array


def _joints(path: Path) -> Float[Tensor, "frames 17 3"]:
    data = _pickled(path)
    key = "keypoints3d_optim" if "keypoints3d_optim" in data else "keypoints3d"
    joints = _array(data, key, ((-1, 17, 3),), path)
    return torch.from_numpy(joints.astype(np.float64)) * _CM


def _bodies(path: Path, frames: int) -> BodyParams | None:
    if not path.is_file():
        return None
    data = _pickled(path)
    poses = _array(data, "smpl_poses", ((frames, 24, 3), (frames, 72)), path)
    scale = float(_array(data, "smpl_scaling", ((1,), (1, 1)), path).reshape(-1)[0])
    trans = _array(data, "smpl_trans", ((frames, 3),), path)
    if not scale > 0:
        raise _wrong(path, "a smpl_scaling above 0", str(scale))
    turns = torch.from_numpy(poses.astype(np.float32)).reshape(frames, 24, 3)
    place = torch.from_numpy((trans / scale).astype(np.float32))
    return BodyParams(torch.zeros(10), turns[:, 1:], turns[:, 0], place)


def _settings(root: Path) -> dict[str, str]:
    path = root / "cameras" / "mapping.txt"
    if not path.is_file():
        return {}
    rows = [
        line.split() for line in path.read_text(encoding="utf-8", errors="replace").splitlines()
    ]
    return {row[0]: row[1] for row in rows if len(row) == 2}


def _cameras(root: Path, setting: str) -> dict[str, Camera]:
    path = root / "cameras" / f"{setting}.json"
    if path.parent != root / "cameras" or "\\" in setting:  # a list of names, not of places
        raise _wrong(root / "cameras" / "mapping.txt", "names of settings", setting)
    try:
        check_regular(path)
        entries = json.loads(path.read_text(encoding="utf-8"))
        return {str(entry["name"]): _camera(entry) for entry in entries}
    except (OSError, ValueError, LookupError, TypeError, RuntimeError, Lift3dError) as error:
        raise FileFormatError(
            f"expected cameras with name, size, matrix, rotation, translation and distortions in "
            f"'{path}', got {type(error).__name__} ({error}): download it again"
        ) from error


def _camera(entry: Mapping[str, Any]) -> Camera:
    turn = rotmat_from_axis_angle(torch.tensor(entry["rotation"], dtype=torch.float64))
    extrinsics = torch.eye(4, dtype=torch.float64)
    extrinsics[:3, :3] = turn
    extrinsics[:3, 3] = torch.tensor(entry["translation"], dtype=torch.float64) * _CM
    lens = torch.zeros(5)
    given = torch.tensor(entry["distortions"]).reshape(-1)
    lens[: len(given)] = given
    width, height = (int(side) for side in entry["size"])
    intrinsics = torch.tensor(entry["matrix"], dtype=torch.float32)
    return Camera(intrinsics, extrinsics.float(), lens, (height, width))
