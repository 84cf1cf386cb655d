"""Motion capture at 30 Hz in HDF5: `cmu_mocap_30hz.h5` and `open_motion_30hz.h5`.

Each clip holds local rotation vectors, a root path and a skeleton; forward kinematics gives joints
in a y-up world in metres, and `rigs` says which of them are joints of `LIFT_23`. The pelvis is the
middle of the hip joints in every source.

Not captured but synthesised, rigidly with the solved head and foot joints and in proportion to the
legs: nose, ears, big toes and heels (`landmarks`). They train a lifter to use what detectors see; no
accuracy is judged by them. What a source does not give, or defines elsewhere, is NaN. Frames with
marker flips (`frame_ok` false) are NaN and not observed.
"""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Final

import h5py
import torch

from lift3d.capture import Finding
from lift3d.errors import FileFormatError, InputError
from lift3d.geometry.rotations import rotmat_from_axis_angle
from lift3d.io.files.hdf5_check import check_hdf5
from lift3d.io.files.hdf5_values import attribute, dataset, group, values
from lift3d.io.files.limits import LIMITS
from lift3d.io.motion.rotation_clip import RotationClip
from lift3d.motion import Motion
from lift3d.pose import Pose3D
from lift3d.skeletons import LIFT_23
from lift3d_datasets.landmarks import Solved, lift23_joints
from lift3d_datasets.rigs import rig_of

__all__ = ["MocapClip", "MocapH5"]

FILES: Final = ("cmu_mocap_30hz.h5", "open_motion_30hz.h5")
SPLITS: Final = ("train", "val", "test")


@dataclass(frozen=True, slots=True)
class MocapClip:
    """One clip; `motion` is in skeleton `LIFT_23` and the world frame.

    `fidelity` says in the source's words how the joints came about. `measured` is true where they
    were solved from markers for this person's own skeleton: such clips judge accuracy. `weight` is
    how much a frame should count in training, 1 for measured ones.
    """

    name: str
    subject: str
    action: str
    motion: Motion[Pose3D]
    fidelity: str
    split: str

    @property
    def measured(self) -> bool:
        return not self.fidelity.startswith(
            ("retargeted", "BVH of unstated", "rotations original,")
        )

    @property
    def weight(self) -> float:
        return 0.3 if self.fidelity.startswith("retargeted") else 1.0


class MocapH5:
    """Clips of one file, or of the files named above that lie in a folder.

    With `subjects`, only clips of those people are read. Raises `FileFormatError` where there is no
    such file or it has another layout.
    """

    def __init__(
        self, root: str | PathLike[str], *, subjects: Collection[str] | None = None
    ) -> None:
        path = Path(root)
        found = [path] if path.is_file() else [path / f for f in FILES if (path / f).is_file()]
        if not found:
            raise FileFormatError(
                f"expected {' or '.join(FILES)} in '{path}', got neither: give the folder "
                "that holds them, or one such file"
            )
        self.files = tuple(found)
        self.subjects = subjects

    @property
    def splits(self) -> tuple[str, ...]:
        return SPLITS

    def clips(self, split: str) -> Iterator[MocapClip]:
        """The clips of a split, in the order of the files, then of their names."""
        if split not in SPLITS:
            raise InputError(
                f"expected a split of {', '.join(SPLITS)}, got '{split}': choose one of these"
            )
        for path in self.files:
            yield from _clips_of(path, split, self.subjects)

    @staticmethod
    def examine(root: str | PathLike[str]) -> Iterator[Finding]:
        """Which of the files are there, and how many clips each split has."""
        path = Path(root)
        for file in [path] if path.is_file() else [path / name for name in FILES]:
            if not file.is_file():
                yield Finding(file.name, False, f"not at '{file}'")
                continue
            try:
                splits = Counter(_splits_of(file))
            except FileFormatError as error:
                yield Finding(file.name, False, str(error))
                continue
            said = ", ".join(f"{splits[split]} to {split}" for split in SPLITS)
            yield Finding(file.name, bool(splits), f"{splits.total()} clips: {said}")


def _splits_of(path: Path) -> list[str]:
    try:
        check_hdf5(path)
        with h5py.File(path) as file:
            clips = group(file, "clips")
            return [str(attribute(group(clips, name).attrs, "split")) for name in clips]
    except (OSError, KeyError, AttributeError, TypeError, ValueError, RuntimeError) as error:
        raise FileFormatError(
            f"expected motion capture in '{path}' (HDF5 with /clips/<name> and its split), got "
            f"{type(error).__name__}: {error}"
        ) from error


def _clips_of(path: Path, split: str, subjects: Collection[str] | None) -> Iterator[MocapClip]:
    try:
        check_hdf5(path)
        with h5py.File(path) as file:
            clips = group(file, "clips")
            for name in clips:
                clip = group(clips, name)
                about = clip.attrs
                chosen = subjects is None or str(attribute(about, "subject")) in subjects
                if chosen and str(attribute(about, "split")) == split:
                    yield _read_clip(name, clip, path)
    except (OSError, KeyError, AttributeError, TypeError, ValueError, RuntimeError) as error:
        raise FileFormatError(
            f"expected motion capture in '{path}' (HDF5 with /clips/<name>/rotvec, root_trans, "
            f"frame_ok, offsets, parents, joint_names), got {type(error).__name__}: {error}"
        ) from error


def _read_clip(name: str, clip: Any, path: Path) -> MocapClip:
    names = tuple(word.decode("ascii") for word in _array(clip, "joint_names", "S", path))
    rig = rig_of(names)
    if rig is None:
        raise FileFormatError(
            f"expected a known skeleton in clip '{name}' of '{path}', got joints "
            f"{', '.join(names[:6])}, ...: add its family to lift3d_datasets.rigs"
        )
    parents = [int(p) for p in _array(clip, "parents", "iu", path)]
    rotvec = torch.from_numpy(_array(clip, "rotvec", "f", path)).float()
    offsets = torch.from_numpy(_array(clip, "offsets", "f", path)).float()
    root = torch.from_numpy(_array(clip, "root_trans", "f", path)).float()
    observed = torch.from_numpy(_array(clip, "frame_ok", "b", path))
    count, frames = len(names), len(observed)
    topological = len(parents) == count and all(p < c for c, p in enumerate(parents))
    shapes = [tuple(x.shape) for x in (rotvec, offsets, root)]
    if not topological or shapes != [(frames, count, 3), (count, 3), (frames, 3)]:
        raise FileFormatError(
            f"expected rotvec [frames, joints, 3], offsets [joints, 3], root_trans [frames, 3] and "
            f"parents before children in clip '{name}' of '{path}', got shapes {shapes}: "
            "write the file again"
        )
    placed = offsets.repeat(frames, 1, 1)
    placed[:, 0] = root
    rotmats = rotmat_from_axis_angle(rotvec)
    solved = RotationClip(names, tuple(parents), offsets, placed, rotmats, float(clip.attrs["fps"]))
    joints = lift23_joints(Solved.of(solved), rig)
    joints[~observed] = torch.nan
    pose = Pose3D.certain(joints, LIFT_23, "world")
    motion = Motion(pose, solved.fps, 0, observed)
    about = [str(clip.attrs[key]) for key in ("subject", "description", "fidelity", "split")]
    return MocapClip(name, about[0], about[1], motion, about[2], about[3])


def _array(clip: Any, key: str, kinds: str, path: Path) -> Any:
    """An array of a plain type; HDF5 objects, references and strings of any length are refused."""
    data = dataset(clip, key)
    if data.dtype.kind not in kinds:
        raise FileFormatError(
            f"expected '{clip.name}/{key}' in '{path}' to hold plain values of kind '{kinds}', "
            f"got {data.dtype}: write it as a fixed type"
        )
    return values(clip, key, LIMITS.values)
