"""Human3.6M as Martinez et al. passed it on (`h36m.zip`): HDF5 in `S*/MyPoses/`, millimetres, z up.

3D: `3D_positions/<action>.h5`, dataset `3D_positions` (96, frames). Hourglass detections: dataset
`poses` (frames, 16, 2) in `StackedHourglass` (trained on MPII: its joints) and in
`StackedHourglassFineTuned240` (fine-tuned on Human3.6M: its trunk in MPII's order).
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Final

import h5py
import numpy as np
from numpy import ndarray

from lift3d.errors import FileFormatError
from lift3d.io.files.hdf5_check import check_hdf5
from lift3d.io.files.hdf5_values import values
from lift3d.io.files.limits import LIMITS
from lift3d.skeletons import MPII_16
from lift3d_datasets.human36m_cameras import Rig, to_world
from lift3d_datasets.human36m_facts import CAMERAS, FPS, HOURGLASS_16, Take, take_named
from lift3d_datasets.human36m_recording import Recording, Seen, moving_joints

__all__ = ["Human36mH5"]

_HOURGLASS: Final = {
    "sh_pt_mpii": ("StackedHourglass", MPII_16),
    "sh_ft_h36m": ("StackedHourglassFineTuned240", HOURGLASS_16),
}


class Human36mH5:
    """The old HDF5 files."""

    name = "h5"
    measured = True

    def __init__(self, root: Path, rig: Rig) -> None:
        self.root, self.rig = self.place(root), rig

    @staticmethod
    def place(root: Path) -> Path:
        """The folder with the people's folders: the archive holds them in `h36m`."""
        return root / "h36m" if (root / "h36m").is_dir() else root

    @classmethod
    def found(cls, root: Path) -> bool:
        """Whether there are such files under a folder."""
        return any(cls.place(root).glob("S*/MyPoses/3D_positions/*.h5"))

    @cached_property
    def _files(self) -> dict[Take, Path]:
        paths = sorted(self.root.glob("S*/MyPoses/3D_positions/*.h5"))
        takes = ((take_named(path.parents[2].name, path.stem), path) for path in paths)
        return {take: path for take, path in takes if take is not None}

    def takes(self) -> Sequence[Take]:
        return tuple(self._files)

    def expected(self, subject: str) -> int:  # noqa: ARG002 - everybody did everything twice
        return 2

    def detections(self) -> tuple[str, ...]:
        return tuple(
            name
            for name, (folder, _) in _HOURGLASS.items()
            if any(self.root.glob(f"S*/{folder}/*.h5"))
        )

    def recording(self, take: Take) -> Recording:
        path = self._files[take]
        stored = _dataset(path, "3D_positions")
        if stored.ndim != 2 or stored.shape[0] != 96:
            raise FileFormatError(
                f"expected '3D_positions' of shape (96, frames) in '{path}', got {stored.shape}: "
                "get the file again"
            )
        joints = to_world(moving_joints(np.ascontiguousarray(stored.T), 3, f"'{path}'"))
        cameras = {c: self.rig[take.subject, c] for c in CAMERAS if (take.subject, c) in self.rig}
        return Recording(joints, FPS, cameras)

    def keypoints(self, take: Take, detections: str) -> Mapping[str, Seen] | None:
        if detections not in _HOURGLASS:
            return None
        folder, skeleton = _HOURGLASS[detections]
        seen: dict[str, Seen] = {}
        for path in self.root.glob(f"{take.subject}/{folder}/*.h5"):
            stem, _, camera = path.stem.rpartition(".")
            if camera in CAMERAS and take_named(take.subject, stem) == take:
                poses = _dataset(path, "poses")
                if poses.ndim != 3 or poses.shape[1:] != (16, 2):
                    raise FileFormatError(
                        f"expected 'poses' of shape (frames, 16, 2) in '{path}', got "
                        f"{poses.shape}: get the file again"
                    )
                seen[camera] = Seen(poses, np.ones(poses.shape[:2]), skeleton)
        return seen


def _dataset(path: Path, key: str) -> ndarray:
    try:
        check_hdf5(path)
        with h5py.File(path) as file:
            data = values(file, key, LIMITS.values)
            if data.dtype.kind not in "fiu":
                raise TypeError(f"values of type {data.dtype}")
            return data.astype(np.float64)
    except (OSError, KeyError, TypeError, AttributeError, ValueError, RuntimeError) as error:
        raise FileFormatError(
            f"expected HDF5 with '{key}' at '{path}', got {type(error).__name__}: {error}"
        ) from error
