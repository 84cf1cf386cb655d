"""Folders of BVH files, of any rig that `rigs` knows or that the user maps.

Joints are those of `LIFT_23`: where the rig puts them, the pelvis in the middle of the hips. BVH says
neither its unit nor its up axis. The unit is taken from the list below so that the rig's legs come
nearest to 0.84 m; the up axis is z where the rig stands along z at rest, and y otherwise.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Final, Literal

import torch

from lift3d.capture import Capture, Finding
from lift3d.errors import FileFormatError, InputError, Lift3dError
from lift3d.io.motion.bvh import BvhMotion, read_bvh
from lift3d.io.motion.rotation_clip import RotationClip
from lift3d.skeletons import LIFT_23
from lift3d_datasets.folders import checked_split, existing_folder, files_below, read_each
from lift3d_datasets.landmarks import Solved, leg_length
from lift3d_datasets.rigs import Rig, rig_of
from lift3d_datasets.solved_clip import capture_of, turned_y_up

__all__ = ["UNITS", "BvhFolder", "BvhReading", "read_in_metres"]

SPLITS: Final = ("train", "val", "test")
UpAxis = Literal["auto", "y", "z"]

UNITS: Final[Mapping[str, float]] = {
    "metres": 1.0,
    "decimetres": 0.1,
    "0.45 inch": 0.0254 / 0.45,
    "centimetres": 0.01,
    "millimetres": 0.001,
}
"""Units of length found in BVH files, in metres; inches are told from centimetres by hand only."""

_LEG: Final = 0.84
"""Thigh and shank of a grown person, in metres."""
_RETARGETED: Final = ("cmu_daz", "cmu_motionbuilder", "makehuman")
"""Families whose files hold one body for many people: their joints are not these people's own."""


@dataclass(frozen=True, slots=True)
class BvhReading:
    """A BVH clip in metres in a y-up world, with what had to be guessed: unit and up axis."""

    clip: RotationClip
    rig: Rig
    unit: str
    up: str
    leg_m: float


class BvhFolder:
    """All BVH files in a folder and below it.

    Files in folders called train, val or test belong to these splits, all others to "train". The
    first folder below `root` names the subject, or what stands before the first "_" of the name.
    `joints` maps names of `LIFT_23` to the files' own where the rig is not known: at least hips, knees,
    ankles, shoulders, elbows and wrists. `unit` is in metres and `up` an axis where the guess is
    wrong. A broken file raises `FileFormatError`; with `skip_broken` it is left out, and `skipped`
    says why.
    """

    def __init__(
        self,
        root: str | PathLike[str],
        *,
        joints: Mapping[str, str] | None = None,
        unit: float | None = None,
        up: UpAxis = "auto",
        skip_broken: bool = False,
    ) -> None:
        self.root = existing_folder(root, ".bvh files")
        self.files = files_below(self.root, ".bvh")
        if not self.files:
            raise FileFormatError(
                f"expected .bvh files in '{self.root}' or below it, got none: give the folder that "
                "holds them"
            )
        self.rig = _rig_by_hand(joints) if joints else None
        self.unit = unit
        self.up: UpAxis = up
        self.skipped: dict[str, str] | None = {} if skip_broken else None

    @property
    def splits(self) -> tuple[str, ...]:
        return SPLITS

    def clips(self, split: str) -> Iterator[Capture]:
        """The clips of a split, in the order of their paths."""
        checked_split(split, SPLITS)
        chosen = (path for path in self.files if self._split(path) == split)
        yield from read_each(chosen, self._read, self.skipped)

    def reading(self, path: Path) -> BvhReading:
        """One file in metres, with its unit and up axis."""
        return read_in_metres(path, rig=self.rig, unit=self.unit, up=self.up)

    def _split(self, path: Path) -> str:
        folders = {part.lower() for part in path.relative_to(self.root).parts[:-1]}
        return next((split for split in SPLITS if split in folders), "train")

    def _read(self, path: Path) -> Capture:
        found = self.reading(path)
        folders = [p for p in path.relative_to(self.root).parts[:-1] if p.lower() not in SPLITS]
        subject = folders[0] if folders else path.stem.split("_")[0]
        measured = found.rig.name not in _RETARGETED
        about = {"name": path.stem, "subject": subject, "action": path.stem}
        return capture_of(found.clip, found.rig, measured=measured, **about)

    @staticmethod
    def examine(root: str | PathLike[str]) -> Iterator[Finding]:
        """How many files there are, and what rig, unit and up axis the first one of a folder has."""
        files = files_below(Path(root), ".bvh")
        yield Finding("BVH files", bool(files), f"{len(files)} files")
        for path in {file.parent: file for file in reversed(files)}.values():
            try:
                found = read_in_metres(path)
            except Lift3dError as error:
                yield Finding(f"'{path.name}'", False, str(error))
                continue
            guess = f"unit {found.unit} (legs of {found.leg_m:.2f} m), {found.up} up"
            yield Finding(f"'{path.name}'", True, f"rig {found.rig.name}, {guess}")


def read_in_metres(
    path: Path,
    *,
    rig: Rig | None = None,
    unit: float | None = None,
    up: UpAxis = "auto",
) -> BvhReading:
    """One file of a known rig, or of the one given; unit and up axis are guessed unless given."""
    motion = read_bvh(path)
    rig = rig or rig_of(motion.names)
    missing = sorted(rig.required - {*motion.names}) if rig else ()
    if rig is None or missing:
        raise FileFormatError(
            f"expected a known rig{f' with {missing[0]}' if missing else ''} in '{path}', got the "
            f"joints {', '.join(motion.names[:200])}: map them with joints={{'left_hip': ...}}"
        )
    rest = Solved.of(_at_rest(motion))
    leg = leg_length(rest, rig)
    word, metres = ("given", unit) if unit else _unit(leg, path)
    axis = _standing(rest, rig) if up == "auto" else up
    clip = motion.clip(metres)
    return BvhReading(clip if axis == "y" else turned_y_up(clip), rig, word, axis, leg * metres)


def _at_rest(motion: BvhMotion) -> RotationClip:
    offsets = torch.from_numpy(motion.offsets.copy())
    still = torch.eye(3, dtype=offsets.dtype).expand(1, len(offsets), 3, 3)
    return RotationClip(motion.names, motion.parents, offsets, offsets[None], still, motion.fps)


def _unit(leg: float, path: Path) -> tuple[str, float]:
    if not leg > 0:
        raise FileFormatError(
            f"expected legs of some length at rest in '{path}', got {leg}: correct their offsets"
        )
    word = min(UNITS, key=lambda name: abs(math.log(leg * UNITS[name] / _LEG)))
    if abs(math.log(leg * UNITS[word] / _LEG)) > math.log(2):
        raise FileFormatError(
            f"expected legs of about {_LEG} m in one of {', '.join(UNITS)} in '{path}', got "
            f"{leg:.3g} units: give unit= in metres"
        )
    return word, UNITS[word]


def _standing(rest: Solved, rig: Rig) -> str:
    """The axis along which the rig stands at rest."""
    height = rest.rest_at(rig.joints["left_shoulder"]) - rest.rest_at(rig.joints["left_ankle"])
    return "z" if float(height[2]) > 2 * abs(float(height[1])) else "y"


def _rig_by_hand(joints: Mapping[str, str]) -> Rig:
    limbs = ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")
    wanted = {f"{side}_{limb}" for side in ("left", "right") for limb in limbs}
    missing, strange = sorted(wanted - {*joints}), sorted({*joints} - {*LIFT_23.joints})
    if missing or strange:
        raise InputError(
            f"expected joints={{...}} to map {', '.join(sorted(wanted))} (and others of lift_23), got "
            f"{f'no {missing[0]}' if missing else strange[0]}: correct the mapping"
        )
    return Rig("by hand", dict(joints), None, None)
