"""MPI-INF-3DHP: eight people before fourteen calibrated cameras, six test sequences before one.

Mehta et al., "Monocular 3D human pose estimation in the wild using improved CNN supervision", 3DV
2017. Train: `S*/Seq*/annot.mat` (MATLAB 5: cells per camera of flat frames, millimetres of the
camera's frame) and `camera.calibration`. Test: `TS*/annot_data.mat` (HDF5), whose cameras are not
given: focal lengths and centre are fitted to its own 2D and 3D.

`univ_annot3` is the motion on a skeleton of one size. It does not project onto `annot2`; with
`joints="universal"` clips have it, no views, and are not `measured`. Papers differ in which of the two
they report, so say which.
"""

from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import Final, Literal

import torch
from torch import Tensor

from lift3d.camera import Camera
from lift3d.capture import Capture, CapturedView, Finding
from lift3d.errors import FileFormatError, InputError, Lift3dError
from lift3d.motion import Motion
from lift3d.pose import Pose2D, Pose3D
from lift3d.skeleton import Skeleton
from lift3d_datasets.mpi_inf_3dhp_files import (
    MPI_INF_3DHP_17,
    MPI_INF_3DHP_28,
    Joints,
    Sequence,
    read_test,
    read_train,
)

__all__ = ["MPI_INF_3DHP_17", "MPI_INF_3DHP_28", "MpiInf3dhp"]

_TRAIN: Final = tuple(f"S{number}" for number in range(1, 9))
_TEST: Final = tuple(f"TS{number}" for number in range(1, 7))
_SEQUENCES: Final = ("Seq1", "Seq2")
_USUAL_CAMERAS: Final = (0, 1, 2, 4, 5, 6, 7, 8)
Detections = Literal["projected", "annot2", "none"]


class MpiInf3dhp:
    """The people's folders under `root` (or in its `train`, `test`, `mpi_inf_3dhp_test_set`).

    `detections`: "projected" from the joints, "annot2" (the set's own pixels) or "none". `cameras`
    are those of the training part to give as views: by default the eight that papers train on.
    Splits: "train", "val" (`val_subjects`, taken out of the eight), "test" (TS1 to TS6) and
    "trainval". Test frames that the set calls invalid are not observed. A set that lacks sequences
    of a split is refused with their names unless `partial`.
    """

    def __init__(
        self,
        root: str | PathLike[str],
        *,
        joints: Joints = "measured",
        detections: Detections = "projected",
        skeleton: Skeleton = MPI_INF_3DHP_17,
        cameras: tuple[int, ...] = _USUAL_CAMERAS,
        val_subjects: tuple[str, ...] = ("S8",),
        partial: bool = False,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.root = Path(root)
        if not _present(self.root):
            raise FileFormatError(_nothing(self.root))
        if not set(val_subjects) < set(_TRAIN):
            raise InputError(
                f"expected some of {', '.join(_TRAIN)} to validate on, got "
                f"{', '.join(val_subjects)}: never tune on the test sequences"
            )
        _expect(joints, ("measured", "universal"))
        _expect(detections, ("projected", "annot2", "none"))
        self.joints: Joints = joints
        self.detections, self.skeleton = detections, skeleton
        self.cameras, self.val_subjects = cameras, val_subjects
        self.partial, self.dtype = partial, dtype

    @property
    def splits(self) -> tuple[str, ...]:
        return ("train", "val", "test", "trainval") if self.val_subjects else ("train", "test")

    def clips(self, split: str) -> Iterator[Capture]:
        """The sequences of a split, read one at a time."""
        if split not in self.splits:
            raise InputError(
                f"expected a split of {', '.join(self.splits)}, got '{split}': choose one of these"
            )
        people = {
            "train": tuple(s for s in _TRAIN if s not in self.val_subjects),
            "val": self.val_subjects,
            "trainval": _TRAIN,
            "test": _TEST,
        }[split]
        wanted = [key for who in people for key in _sequences_of(who)]
        there = _present(self.root)
        lacking = [
            f"{who} {sequence}".strip() for who, sequence in wanted if (who, sequence) not in there
        ]
        if lacking and not self.partial:
            raise FileFormatError(
                f"expected all of MPI-INF-3DHP's '{split}' in '{self.root}', got a set without "
                f"{', '.join(lacking)}: get the rest, or pass partial=True (--reader partial=true) to "
                "read what is there"
            )
        for key in wanted:
            if key in there:
                yield self._clip(key, there[key])

    def _clip(self, key: tuple[str, str], folder: Path) -> Capture:
        seen = (
            read_test(folder, key[0], self.joints)
            if key[0] in _TEST
            else read_train(folder, key, self.joints, self.cameras)
        )
        joints = torch.from_numpy(seen.joints).to(self.dtype)
        observed = torch.from_numpy(seen.valid) & joints.isfinite().all(-1).all(-1)
        joints[~observed] = torch.nan
        pose = Pose3D.certain(joints, seen.skeleton, "world")
        motion = Motion(pose.to(self.skeleton), seen.fps, 0, observed)
        views = () if self.detections == "none" else tuple(self._views(seen, pose, observed))
        who, sequence = key
        measured = self.joints == "measured"
        name = f"{who} {sequence}".strip()
        return Capture(name, who, sequence or who, motion, views, measured=measured)

    def _views(self, seen: Sequence, pose: Pose3D, observed: Tensor) -> Iterator[CapturedView]:
        for name, (exact, pixels) in seen.views.items():
            camera = Camera(
                exact.intrinsics.to(self.dtype),
                exact.cam_from_world.to(self.dtype),
                exact.distortion.to(self.dtype),
                exact.image_size,
            )
            points = torch.from_numpy(pixels).to(self.dtype)
            if self.detections == "projected":
                points = camera.project(pose.joints)
            known = observed[:, None].expand(points.shape[:-1]).to(self.dtype)
            made = Pose2D.from_detections(points, known, seen.skeleton, camera.image_size)
            keypoints = made.to(self.skeleton)
            motion = Motion(keypoints, seen.fps, 0, keypoints.seen.any(-1))
            yield CapturedView(name, camera, motion, self.detections)

    @staticmethod
    def examine(root: str | PathLike[str]) -> Iterator[Finding]:
        """Which sequences lie under a folder; the first of each person is really read."""
        place = Path(root)
        there = _present(place)
        if not there:
            yield Finding("MPI-INF-3DHP", False, _nothing(place))
        for who in (*_TRAIN, *_TEST) if there else ():
            keys = _sequences_of(who)
            lacking = [sequence or who for _, sequence in keys if (who, sequence) not in there]
            wrong = _wrong_with(who, [there[key] for key in keys if key in there])
            detail = wrong or (f"without {', '.join(lacking)}" if lacking else "there")
            yield Finding(who, not lacking and not wrong, detail)


def _expect(value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise InputError(f"expected one of {', '.join(known)}, got '{value}': choose one of these")


def _sequences_of(who: str) -> list[tuple[str, str]]:
    return [(who, "")] if who in _TEST else [(who, sequence) for sequence in _SEQUENCES]


def _present(root: Path) -> dict[tuple[str, str], Path]:
    """The folders of the sequences that are there."""
    found: dict[tuple[str, str], Path] = {}
    for place in (root, root / "train", root / "test", root / "mpi_inf_3dhp_test_set"):
        for who in _TRAIN:
            for sequence in _SEQUENCES:
                if (place / who / sequence / "annot.mat").is_file():
                    found.setdefault((who, sequence), place / who / sequence)
        for who in _TEST:
            if (place / who / "annot_data.mat").is_file():
                found.setdefault((who, ""), place / who)
    return found


def _nothing(root: Path) -> str:
    return (
        f"expected MPI-INF-3DHP in '{root}', got none of it: it takes S1/Seq1/annot.mat with "
        "camera.calibration, and TS1/annot_data.mat"
    )


def _wrong_with(who: str, folders: list[Path]) -> str:
    try:
        for folder in folders[:1]:
            if who in _TEST:
                read_test(folder, who, "measured")
            else:
                read_train(folder, (who, folder.name), "measured", _USUAL_CAMERAS)
    except Lift3dError as error:
        return str(error)
    return ""
