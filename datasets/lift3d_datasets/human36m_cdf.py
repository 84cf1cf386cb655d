"""Human3.6M as its owners give it: CDF files in `S*/MyPoseFeatures/`, millimetres, z up.

`D3_Positions` holds world joints, `D3_Positions_mono` those of each camera's frame,
`D3_Positions_mono_universal` the same motion on one and the same skeleton: that one does not project
onto the pictures, has no views here, and judges no accuracy. `D2_Positions` are the owners' pixels.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import cdflib
import numpy as np
from numpy import ndarray

from lift3d.errors import FileFormatError
from lift3d.io.files.zip_entries import check_regular
from lift3d.skeletons import H36M_17
from lift3d_datasets.human36m_cameras import Rig, to_world
from lift3d_datasets.human36m_facts import CAMERAS, FPS, Take, take_named
from lift3d_datasets.human36m_recording import Recording, Seen, moving_joints

__all__ = ["FOLDERS", "Human36mCdf", "read_cdf_pose"]

FOLDERS: Final = {
    "cdf": "D3_Positions",
    "cdf_mono": "D3_Positions_mono",
    "cdf_universal": "D3_Positions_mono_universal",
}
_PIXELS: Final = "D2_Positions"


class Human36mCdf:
    """The owners' files; `name` chooses among the three kinds of 3D."""

    def __init__(self, root: Path, rig: Rig, name: str = "cdf") -> None:
        self.root, self.rig, self.name = root, rig, name
        self.measured = name != "cdf_universal"

    @staticmethod
    def found(root: Path, name: str) -> bool:
        """Whether there are files of this kind under a folder."""
        return any(root.glob(f"S*/MyPoseFeatures/{FOLDERS[name]}/*.cdf"))

    @cached_property
    def _files(self) -> dict[Take, dict[str, Path]]:
        """The file of each take by camera; "" is the world's."""
        files: dict[Take, dict[str, Path]] = {}
        for path in sorted(self.root.glob(f"S*/MyPoseFeatures/{FOLDERS[self.name]}/*.cdf")):
            take, camera = take_of(path, self.name != "cdf")
            if take is not None:
                files.setdefault(take, {})[camera] = path
        return files

    def takes(self) -> Sequence[Take]:
        return tuple(self._files)

    def expected(self, subject: str) -> int:  # noqa: ARG002 - everybody did everything twice
        return 2

    def detections(self) -> tuple[str, ...]:
        return ("gt",) if any(self.root.glob(f"S*/MyPoseFeatures/{_PIXELS}/*.cdf")) else ()

    def recording(self, take: Take) -> Recording:
        files = self._files[take]
        cameras = {c: self.rig[take.subject, c] for c in CAMERAS if (take.subject, c) in self.rig}
        if self.name == "cdf":
            joints = to_world(_joints(files[""], 3))
            return Recording(joints, FPS, cameras)
        seen = {name: cameras[name] for name in CAMERAS if name in files and name in cameras}
        if not seen:
            raise FileFormatError(
                f"expected a camera of {', '.join(CAMERAS)} for {take.subject} {take.name} in "
                f"'{self.root}', got {', '.join(files)}: get the files again"
            )
        first = next(iter(seen))
        return Recording(seen[first].world(_joints(files[first], 3)), FPS, seen)

    def keypoints(self, take: Take, detections: str) -> Mapping[str, Seen] | None:
        if detections != "gt":
            return None
        seen: dict[str, Seen] = {}
        for path in self.root.glob(f"{take.subject}/MyPoseFeatures/{_PIXELS}/*.cdf"):
            found, camera = take_of(path, True)
            if found == take:
                pixels = _joints(path, 2)
                seen[camera] = Seen(pixels, np.ones(pixels.shape[:2]), H36M_17)
        return seen


def take_of(path: Path, with_camera: bool) -> tuple[Take | None, str]:
    """The take and the camera that a file's name and place say (`S1/.../Directions 1.54138969.cdf`)."""
    stem, camera = path.stem, ""
    if with_camera:
        stem, _, camera = stem.rpartition(".")
        if camera not in CAMERAS:
            return None, ""
    subject = path.parents[2].name
    return take_named(subject, stem), camera


def _joints(path: Path, axes: int) -> ndarray:
    return moving_joints(read_cdf_pose(path), axes, f"'{path}'")


def read_cdf_pose(path: Path) -> ndarray:
    """The variable `Pose` of a CDF file in double precision, `FileFormatError` where there is none."""
    try:
        check_regular(path)
        values: Any = cdflib.CDF(path).varget("Pose")
        return np.asarray(values, np.float64)
    except Exception as error:  # a parser of an old binary format raises whatever it runs into
        raise FileFormatError(
            f"expected a CDF file with the variable 'Pose' at '{path}', got "
            f"{type(error).__name__} ({error}): download it again"
        ) from error
