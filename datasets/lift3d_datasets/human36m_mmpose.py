"""Human3.6M in MMPose's archives: `h36m_train.npz`, `h36m_test.npz` and `cameras.pkl`.

`S` (pictures, 17, 4) holds joints of the camera's frame in metres, `part` (pictures, 17, 3) pixels,
`imgname` says who, what, which camera and which frame of 50 Hz: frames are usually every fifth. The
cameras of a take are put together again in the world, where they must agree.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
from jaxtyping import Int
from numpy import ndarray

from lift3d.errors import FileFormatError
from lift3d.io.files.plain_npz import load_arrays
from lift3d.skeletons import H36M_17
from lift3d_datasets.human36m_cameras import Rig
from lift3d_datasets.human36m_facts import CAMERAS, FPS, Take, subject_named, take_named
from lift3d_datasets.human36m_recording import Recording, Seen

__all__ = ["Human36mMmpose"]

_NAME: Final = re.compile(r"(S\d+)_(.+)\.(\d{8})_(\d+)\.\w+")
_FILES: Final = ("h36m_train.npz", "h36m_test.npz")
_AGREE: Final = 0.02
"""Cameras of one take must show the same joints within this (metres, median)."""


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """Which rows of an archive show a take through one camera, and their frame numbers at 50 Hz."""

    archive: int
    rows: Int[ndarray, "pictures"]
    frames: Int[ndarray, "pictures"]


class Human36mMmpose:
    """MMPose's archives."""

    name = "mmpose"
    measured = True

    def __init__(self, root: Path, rig: Rig) -> None:
        self.root, self.rig = root, rig

    @classmethod
    def found(cls, root: Path) -> bool:
        """Whether an archive is there."""
        return bool(cls.files(root))

    @staticmethod
    def files(root: Path) -> tuple[Path, ...]:
        """The archives under a folder; of several frame rates the highest."""
        if root.is_file():
            return (root,) if root.name in _FILES else ()
        rates = sorted(root.glob("fps*"), key=_rate) + sorted(
            root.glob("annotation_body3d/fps*"), key=_rate
        )
        for folder in (root, *reversed(rates)):
            there = tuple(folder / name for name in _FILES if (folder / name).is_file())
            if there:
                return there
        return ()

    @cached_property
    def _archives(self) -> tuple[dict[str, ndarray], ...]:
        return tuple(_checked(load_arrays(path), path) for path in self.files(self.root))

    @cached_property
    def _rows(self) -> dict[Take, dict[str, _Rows]]:
        out: dict[Take, dict[str, _Rows]] = {}
        for index, archive in enumerate(self._archives):
            for (take, camera), pairs in _index(archive["imgname"]).items():
                rows, frames = (np.array(x) for x in zip(*sorted(pairs, key=_frame), strict=True))
                out.setdefault(take, {})[camera] = _Rows(index, rows, frames)
        return out

    def takes(self) -> Sequence[Take]:
        return tuple(self._rows)

    def expected(self, subject: str) -> int:  # noqa: ARG002 - everybody did everything twice
        return 2

    def detections(self) -> tuple[str, ...]:
        return ("gt",)

    def recording(self, take: Take) -> Recording:
        cameras = self._rows[take]
        first, step, count = _timing(cameras)
        rig = {c: self.rig[take.subject, c] for c in cameras if (take.subject, c) in self.rig}
        worlds = [
            rig[name].world(self._spread(rows, "S", 3, first, step, count) * 1000)
            for name, rows in cameras.items()
            if name in rig
        ]
        if not worlds:
            raise FileFormatError(
                f"expected cameras for {take.subject} {take.name}, got none in the camera file: "
                "put cameras.pkl or metadata.xml beside the archives"
            )
        joints = worlds[0]
        for other in worlds[1:]:
            apart = np.linalg.norm(joints - other, axis=-1)
            if np.isfinite(apart).any() and float(np.nanmedian(apart)) > _AGREE:
                raise FileFormatError(
                    f"expected the cameras of {take.subject} {take.name} to show the same joints, "
                    f"got them {np.nanmedian(apart):.2f} m apart: the camera file is not of this set"
                )
            joints = np.where(np.isnan(joints), other, joints)
        return Recording(joints, FPS / step, rig)

    def keypoints(self, take: Take, detections: str) -> Mapping[str, Seen] | None:
        if detections != "gt":
            return None
        cameras = self._rows[take]
        first, step, count = _timing(cameras)
        seen: dict[str, Seen] = {}
        for name, rows in cameras.items():
            pixels = self._spread(rows, "part", 2, first, step, count)
            known = np.asarray(np.isfinite(pixels).all(-1), np.float64)
            seen[name] = Seen(pixels, known, H36M_17)
        return seen

    def _spread(
        self, rows: _Rows, key: str, axes: int, first: int, step: int, count: int
    ) -> ndarray:
        """Values on evenly spaced frames; NaN where a picture lacks or is marked as unseen."""
        values = self._archives[rows.archive][key][rows.rows]
        spread = np.full((count, 17, axes), np.nan)
        kept = np.where(values[..., axes:] > 0, values[..., :axes], np.nan)
        spread[(rows.frames - first) // step] = kept
        return spread


def _rate(folder: Path) -> int:
    digits = re.sub(r"\D", "", folder.name)
    return int(digits or 0)


def _frame(pair: tuple[int, int]) -> int:
    return pair[1]


def _timing(cameras: Mapping[str, _Rows]) -> tuple[int, int, int]:
    """First frame, step between frames (of 50 Hz) and number of frames of a take."""
    frames = np.unique(np.concatenate([rows.frames for rows in cameras.values()]))
    step = int(np.gcd.reduce(np.diff(frames))) if len(frames) > 1 else 5
    return int(frames[0]), step, int(frames[-1] - frames[0]) // step + 1


def _index(names: ndarray) -> dict[tuple[Take, str], list[tuple[int, int]]]:
    """(row, frame) by take and camera."""
    found: dict[tuple[Take, str], list[tuple[int, int]]] = {}
    for row, name in enumerate(names):
        text = name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name)
        match = _NAME.fullmatch(text.replace("\\", "/").rpartition("/")[2])
        take = take_named(subject_named(match[1]), match[2]) if match else None
        if match is None or match[3] not in CAMERAS:
            raise FileFormatError(
                "expected picture names like S1_Directions_1.54138969_000001.jpg in MMPose's "
                f"archive of Human3.6M, got '{text[:60]}': prepare the archive again"
            )
        if take is not None:
            found.setdefault((take, match[3]), []).append((row, int(match[4])))
    return found


def _checked(arrays: dict[str, ndarray], path: Path) -> dict[str, ndarray]:
    count = len(arrays["imgname"]) if "imgname" in arrays and arrays["imgname"].ndim == 1 else -1
    shapes = {"S": (count, 17, 4), "part": (count, 17, 3)}
    for key, shape in shapes.items():
        got = arrays[key].shape if key in arrays else "nothing"
        if got != shape:
            raise FileFormatError(
                f"expected 'imgname', 'S' (pictures, 17, 4) and 'part' (pictures, 17, 3) in "
                f"'{path}', got {got} for '{key}': prepare the archive again"
            )
    return arrays
