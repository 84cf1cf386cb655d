"""Motion capture at 30 Hz in HDF5: `cmu_mocap_30hz.h5` and `open_motion_30hz.h5`.

Each clip holds local rotation vectors, a root path and a skeleton; forward kinematics gives joints
in a y-up world in metres, and `rigs` says which of them are joints of `LIFT_23`. The pelvis is the
middle of the hip joints in every source.

Not captured but synthesised, rigidly with the solved head and foot joints and in proportion to the
legs: nose, ears, big toes and heels. They train a lifter to use what detectors see; no accuracy is
judged by them. What a source does not give, or defines elsewhere, is NaN. Frames with marker flips
(`frame_ok` false) are NaN and not observed.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Final

import h5py
import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.errors import FileFormatError, InputError
from lift3d.geometry.kinematics import forward_kinematics
from lift3d.geometry.rotations import rotmat_from_axis_angle
from lift3d.motion import Motion
from lift3d.pose import Pose3D
from lift3d.skeletons import LIFT_23
from lift3d_datasets.rigs import Face, Rig, rig_of

__all__ = ["MocapClip", "MocapH5"]

FILES: Final = ("cmu_mocap_30hz.h5", "open_motion_30hz.h5")
SPLITS: Final = ("train", "val", "test")

_LEG: Final = 0.84
"""Thigh and shank (metres) of the body that offsets of face and feet are written for."""
_EAR: Final = (0.075, 0.02)
"""An ear lies so far to the side and before the head joint (metres)."""
_NOSE: Final = (-0.015, 0.13)
"""The nose lies so far above the ears and before the head joint."""
_HEEL: Final = (0.055, 0.05)
"""The back of the heel lies so far below and behind the ankle."""
_BIG_TOE_INWARDS: Final = 0.015


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
            raise InputError(f"expected a split of {', '.join(SPLITS)}, got '{split}'")
        for path in self.files:
            yield from _clips_of(path, split, self.subjects)


def _clips_of(path: Path, split: str, subjects: Collection[str] | None) -> Iterator[MocapClip]:
    try:
        with h5py.File(path) as file:
            clips: Any = file["clips"]
            for name in clips:
                about = clips[name].attrs
                chosen = subjects is None or str(about["subject"]) in subjects
                if chosen and str(about["split"]) == split:
                    yield _read_clip(name, clips[name], path)
    except (OSError, KeyError, AttributeError, TypeError) as error:
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
            f"parents before children in clip '{name}' of '{path}', got shapes {shapes}"
        )
    joints = _lift23_joints(_Solved.of(rotvec, root, offsets, parents, names), rig)
    joints[~observed] = torch.nan
    pose = Pose3D.certain(joints, LIFT_23, "world")
    motion = Motion(pose, float(clip.attrs["fps"]), 0, observed)
    about = [str(clip.attrs[key]) for key in ("subject", "description", "fidelity", "split")]
    return MocapClip(name, about[0], about[1], motion, about[2], about[3])


def _array(clip: Any, key: str, kinds: str, path: Path) -> Any:
    """An array of a plain type; HDF5 objects, references and strings of any length are refused."""
    data = clip[key]
    if data.dtype.kind not in kinds:
        raise FileFormatError(
            f"expected '{clip.name}/{key}' in '{path}' to hold plain values of kind '{kinds}', "
            f"got {data.dtype}: write it as a fixed type"
        )
    return np.asarray(data[()])


@dataclass(frozen=True, slots=True)
class _Solved:
    """A clip's skeleton after forward kinematics, its joints by name; `rest` is its rest pose."""

    names: tuple[str, ...]
    parents: list[int]
    rotmats: Float[Tensor, "frames joints 3 3"]
    joints: Float[Tensor, "frames joints 3"]
    rest: Float[Tensor, "joints 3"]

    @classmethod
    def of(
        cls,
        rotvec: Tensor,
        root: Tensor,
        offsets: Tensor,
        parents: list[int],
        names: tuple[str, ...],
    ) -> "_Solved":
        placed = offsets.repeat(len(root), 1, 1)
        placed[:, 0] = root
        rotmats, joints = forward_kinematics(rotmat_from_axis_angle(rotvec), placed, parents)
        still = torch.eye(3).expand(len(names), 3, 3)
        return cls(names, parents, rotmats, joints, forward_kinematics(still, offsets, parents)[1])

    def at(self, name: str) -> Tensor:
        return self.joints[:, self.names.index(name)]

    def rest_at(self, name: str) -> Tensor:
        return self.rest[self.names.index(name)]

    def attached(self, name: str, offset: Tensor) -> Tensor:
        """The path of a point that is fixed in a joint's frame."""
        return self.at(name) + self.rotmats[:, self.names.index(name)] @ offset


def _lift23_joints(solved: _Solved, rig: Rig) -> Float[Tensor, "frames 23 3"]:
    out = torch.full((len(solved.joints), len(LIFT_23), 3), torch.nan)
    for joint, source in rig.joints.items():
        out[:, LIFT_23.index(joint)] = solved.at(source)
    hips = [solved.at(rig.joints[f"{side}_hip"]) for side in ("left", "right")]
    out[:, LIFT_23.index("pelvis")] = (hips[0] + hips[1]) / 2
    scale = _leg_length(solved, rig) / _LEG
    extra = _face_points(solved, rig.face, scale) if rig.face else {}
    for side, toe in zip(("left", "right"), rig.toe or (), strict=False):
        extra |= _foot_points(solved, rig, side, toe, scale)
    for joint, path in extra.items():
        out[:, LIFT_23.index(joint)] = path
    return out


def _leg_length(solved: _Solved, rig: Rig) -> float:
    at = {part: solved.rest_at(rig.joints[f"left_{part}"]) for part in ("hip", "knee", "ankle")}
    return float((at["hip"] - at["knee"]).norm() + (at["knee"] - at["ankle"]).norm())


def _face_points(solved: _Solved, face: Face, scale: float) -> dict[str, Tensor]:
    up, forward = _face_axes(solved, face)
    left = torch.linalg.cross(up, forward)
    ears = up * face.ear_height + forward * _EAR[1]
    nose = up * (face.ear_height + _NOSE[0]) + forward * _NOSE[1]
    offsets = {"nose": nose, "left_ear": ears + left * _EAR[0], "right_ear": ears - left * _EAR[0]}
    return {joint: solved.attached(face.joint, offset * scale) for joint, offset in offsets.items()}


def _face_axes(solved: _Solved, face: Face) -> tuple[Tensor, Tensor]:
    """The skull's up and forward in the frame of its joint.

    Up is the axis nearest to the head's tip: y, but for ACCAD's Male1, whose rest pose bows.
    """
    joint = solved.names.index(face.joint)
    up = torch.tensor([0.0, 1.0, 0.0])
    if joint in solved.parents:
        tip = solved.rest[solved.parents.index(joint)] - solved.rest[joint]
        up = torch.nn.functional.one_hot(tip[:2].abs().argmax(), 3) * tip.abs().max().sign()
    forward = torch.tensor([0.0, 0.0, 1.0])
    cos, sin = np.cos(face.pitch), np.sin(face.pitch)
    return up * cos - forward * sin, forward * cos + up * sin


def _foot_points(solved: _Solved, rig: Rig, side: str, toe: str, scale: float) -> dict[str, Tensor]:
    """Big toe and heel, fixed in the ankle's and the toe's frames.

    At rest the shank stands upright on the foot in every family, so it gives the foot's up.
    """
    ankle = rig.joints[f"{side}_ankle"]
    at_ankle = solved.rest_at(ankle)
    up = torch.nn.functional.normalize(solved.rest_at(rig.joints[f"{side}_knee"]) - at_ankle, dim=0)
    along = solved.rest_at(toe) - at_ankle
    forward = torch.nn.functional.normalize(along - up * (up @ along), dim=0)
    inwards = torch.linalg.cross(forward, up) * (1.0 if side == "left" else -1.0)
    tip = forward * rig.toe_gap + inwards * _BIG_TOE_INWARDS
    heel = -up * _HEEL[0] - forward * _HEEL[1]
    return {
        f"{side}_big_toe": solved.attached(toe, tip * scale),
        f"{side}_heel": solved.attached(ankle, heel * scale),
    }
