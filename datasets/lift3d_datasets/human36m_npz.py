"""Human3.6M in VideoPose3D's archives: `data_3d_h36m.npz` and `data_2d_h36m_<detections>.npz`.

3D: `positions_3d`, people -> actions -> (frames, 32 or 17, 3), world, metres, z up. 2D:
`positions_2d`, people -> actions -> one (frames, joints, 2 or more) per camera in their usual order,
and `metadata` that tells the layout. Numpy keeps both as pickled objects; they are read as data only.
Cameras are not in these files: they come from `metadata.xml` or `cameras.h5` beside them, else from
the built-in table.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy import ndarray

from lift3d.errors import FileFormatError, SkeletonError
from lift3d.io.files.safe_pickle import read_object_npz
from lift3d.skeleton import Skeleton
from lift3d.skeletons import COCO_17, H36M_17, H36M_17_LEFT_FIRST, MPII_16
from lift3d_datasets.human36m_cameras import Rig, turned
from lift3d_datasets.human36m_facts import (
    CAMERAS,
    FPS,
    HOURGLASS_16,
    MOVING,
    Take,
    subject_named,
    take_named,
)
from lift3d_datasets.human36m_recording import Recording, Seen

__all__ = ["Human36mNpz", "NpzDetections", "detection_file"]

FILE_3D: Final = "data_3d_h36m.npz"

_Symmetry = tuple[frozenset[int], frozenset[int]]


class Human36mNpz:
    """VideoPose3D's archive of 3D joints, and the detections beside it."""

    name = "npz"
    measured = True

    def __init__(self, root: Path, rig: Rig) -> None:
        self.root, self.rig = root, rig

    @staticmethod
    def found(root: Path) -> bool:
        """Whether the archive is there."""
        return _file(root).is_file()

    @cached_property
    def _stored(self) -> dict[Take, Any]:
        path = _file(self.root)
        return _by_take(read_object_npz(path), path, "positions_3d")

    def takes(self) -> Sequence[Take]:
        return tuple(self._stored)

    def expected(self, subject: str) -> int:  # noqa: ARG002 - everybody did everything twice
        return 2

    def detections(self) -> tuple[str, ...]:
        return _detections_in(self.root)

    def recording(self, take: Take) -> Recording:
        stored = np.asarray(self._stored[take])
        where = f"{take.subject} {take.name} of '{_file(self.root)}'"
        if (
            stored.dtype.kind != "f"
            or stored.ndim != 3
            or stored.shape[1:] not in {(32, 3), (17, 3)}
        ):
            raise FileFormatError(
                f"expected joints of shape (frames, 32 or 17, 3) for {where}, got {stored.dtype} of "
                f"shape {stored.shape}: prepare the file again"
            )
        moving = stored[:, list(MOVING)] if stored.shape[1] == 32 else _right_first(stored)
        if np.nanmax(np.abs(moving), initial=0) > 100:
            raise FileFormatError(
                f"expected metres in {where}, got a joint more than 100 m away: "
                "divide millimetres by 1000"
            )
        cameras = {c: self.rig[take.subject, c] for c in CAMERAS if (take.subject, c) in self.rig}
        return Recording(turned(moving), FPS, cameras)

    def keypoints(self, take: Take, detections: str) -> Mapping[str, Seen] | None:
        del take, detections
        return None  # `NpzDetections` reads the archives of detections for every form


def _right_first(stored: ndarray) -> ndarray:
    """17 joints in the order of `H36M_17`: two orders circulate, and the body tells which it is.

    Shoulders stand in the same place in both; a hip lies on the side of its own shoulder.
    """
    shoulders = stored[:, 14] - stored[:, 11]
    hips = stored[:, 1] - stored[:, 4]
    if float(np.nansum(shoulders * hips)) > 0:
        return stored
    return stored[:, [H36M_17_LEFT_FIRST.index(joint) for joint in H36M_17.joints]]


def detection_file(root: Path, name: str) -> Path:
    """Where VideoPose3D keeps detections of that name."""
    folder = root if root.is_dir() else root.parent
    return folder / f"data_2d_h36m_{name}.npz"


class NpzDetections:
    """One archive of detections."""

    def __init__(self, path: Path) -> None:
        content = read_object_npz(path)
        self.path = path
        self._frames = _by_take(content, path, "positions_2d")
        self.skeleton = _layout_of(content.get("metadata"), path)

    def keypoints(self, take: Take) -> dict[str, Seen]:
        """What each camera saw of a take; `FileFormatError` where the archive lacks it."""
        views = self._frames.get(take)
        if views is None:
            raise FileFormatError(
                f"expected detections of {take.subject} {take.name} in '{self.path}', got none: "
                "get the whole file"
            )
        pairs = zip(CAMERAS, views, strict=False)
        return {name: self._seen(view, take) for name, view in pairs if view is not None}

    def _seen(self, view: Any, take: Take) -> Seen:
        stored = np.asarray(view)
        joints = len(self.skeleton)
        if stored.dtype.kind != "f" or stored.ndim != 3 or stored.shape[1] != joints:
            raise FileFormatError(
                f"expected keypoints of shape (frames, {joints}, 2) for {take.subject} {take.name} "
                f"in '{self.path}', got {stored.dtype} of shape {stored.shape}: get the file again"
            )
        confidence = stored[..., 2] if stored.shape[2] > 2 else np.ones(stored.shape[:2])
        return Seen(stored[..., :2], confidence, self.skeleton)


_LAYOUTS: Final[tuple[Skeleton, ...]] = (H36M_17, H36M_17_LEFT_FIRST, COCO_17, MPII_16)


def _layout_of(metadata: Any, path: Path) -> Skeleton:
    """The layout of detections, told by which joints the file calls left and right.

    MPII's and the fine-tuned hourglass's sides are the same joints: there the file's name decides.
    """
    if not isinstance(metadata, dict) or "keypoints_symmetry" not in metadata:
        raise SkeletonError(
            f"expected 'metadata' with 'keypoints_symmetry' in '{path}', got none: the layout of "
            "the keypoints cannot be told without it"
        )
    left, right = (frozenset(int(i) for i in side) for side in metadata["keypoints_symmetry"])
    for skeleton in _LAYOUTS:
        if (left, right) == _sides(skeleton):
            fine_tuned = skeleton is MPII_16 and "ft_h36m" in path.stem
            return HOURGLASS_16 if fine_tuned else skeleton
    raise SkeletonError(
        f"expected the sides of {', '.join(s.name for s in _LAYOUTS)} in 'keypoints_symmetry' of "
        f"'{path}', got left {sorted(left)} and right {sorted(right)}: write the keypoints in one "
        "of these layouts"
    )


def _sides(skeleton: Skeleton) -> _Symmetry:
    left, right = (
        frozenset(i for i, joint in enumerate(skeleton.joints) if joint.startswith(side))
        for side in ("left_", "right_")
    )
    return left, right


def _file(root: Path) -> Path:
    return root if root.is_file() else root / FILE_3D


def _detections_in(root: Path) -> tuple[str, ...]:
    start = "data_2d_h36m_"
    folder = root if root.is_dir() else root.parent
    return tuple(sorted(p.stem.removeprefix(start) for p in folder.glob(f"{start}*.npz")))


def _by_take(content: Mapping[str, object], path: Path, key: str) -> dict[Take, Any]:
    stored = content.get(key)
    if not isinstance(stored, dict):
        raise FileFormatError(
            f"expected '{key}' with a dict of people in '{path}', got "
            f"{'nothing' if stored is None else type(stored).__name__}: prepare the file again"
        )
    takes: dict[Take, Any] = {}
    for key_of_subject, actions in stored.items():
        subject = subject_named(str(key_of_subject))
        if not isinstance(actions, dict):
            raise FileFormatError(
                f"expected a dict of actions for '{subject}' in '{path}', got "
                f"{type(actions).__name__}: prepare the file again"
            )
        for name, value in actions.items():
            take = take_named(subject, str(name))
            if take is not None:
                takes[take] = value
    return takes
