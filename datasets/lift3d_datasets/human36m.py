"""Human3.6M, in whichever form it lies on the disk: the one door to `human36m_*`.

Forms are told by their files: the owners' CDF, Martinez's HDF5, VideoPose3D's archives, MMPose's
archives, MotionBERT's pickle. All give the same: joints of the 17 in a y-up world in metres, one view
per camera with Human3.6M's own lens, and 2D that is projected or a detector's.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import Final, Literal

import torch

from lift3d.capture import Capture, Finding
from lift3d.errors import FileFormatError, InputError, Lift3dError
from lift3d.skeleton import Skeleton
from lift3d.skeletons import H36M_17
from lift3d_datasets.human36m_cameras import Rig, cameras_of
from lift3d_datasets.human36m_cdf import FOLDERS, Human36mCdf
from lift3d_datasets.human36m_facts import ACTIONS, TEST, TRAIN, Take
from lift3d_datasets.human36m_h5 import Human36mH5
from lift3d_datasets.human36m_mmpose import Human36mMmpose
from lift3d_datasets.human36m_motionbert import Human36mMotionBert
from lift3d_datasets.human36m_npz import Human36mNpz, NpzDetections, detection_file
from lift3d_datasets.human36m_recording import Form, capture_of

__all__ = ["Human36m", "Source"]

Source = Literal["cdf", "cdf_mono", "cdf_universal", "h5", "npz", "mmpose", "motionbert"]

_OTHERS: Final = (Human36mH5, Human36mNpz, Human36mMmpose, Human36mMotionBert)
_TAKES: Final = {"S11": {"Directions": 1}}
"""Of the fewer takes that S11 has: one of Directions is damaged."""


class Human36m:
    """Human3.6M under a folder (or in one file of it).

    `source` chooses among several forms in one folder, else the first of those in `Source` is taken;
    "cdf_universal" is taken only by name, has no views, and its clips are not `measured`.
    `detections`: "projected" from the joints, "none", "gt" (the files' own), a detector's name
    ("cpn_ft_h36m_dbb", "sh_pt_mpii", "sh_ft_h36m", "joint_2d"), or the path of an archive in
    VideoPose3D's layout. `skeleton`: any whose joints are among `H36M_17`'s.

    Splits: "train", "val", "test" (S9, S11) and "trainval". Human3.6M has no validation split:
    `val_subjects` are taken out of the five people to train on. Papers train on "trainval".

    A set that lacks clips is refused with their names, unless `partial`. S11's damaged take is left
    out. Frames with NaN are not observed. 2D that runs on a second longer than 3D is cut, where it
    stops early keypoints are missing, and more than that is refused.
    """

    def __init__(
        self,
        root: str | PathLike[str],
        *,
        source: Source | None = None,
        detections: str | PathLike[str] = "projected",
        skeleton: Skeleton = H36M_17,
        val_subjects: tuple[str, ...] = ("S8",),
        partial: bool = False,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.root = Path(root)
        self.skeleton, self.partial, self.dtype = skeleton, partial, dtype
        strange = [joint for joint in skeleton.joints if joint not in H36M_17.joints]
        if strange:
            raise InputError(
                f"expected a skeleton of Human3.6M's joints, got '{skeleton.name}' with "
                f"{', '.join(strange[:5])}: read h36m_17 and convert it with Pose3D.to"
            )
        if not set(val_subjects) < set(TRAIN):
            raise InputError(
                f"expected some of {', '.join(TRAIN)} to validate on, got "
                f"{', '.join(val_subjects)}: never tune on people of the test split"
            )
        self.val_subjects = val_subjects
        rig, self.cameras_from = cameras_of(self.root)
        self.form = _form_of(self.root, rig, source)
        self.detections, self._archive = self._chosen(detections)

    def _chosen(self, detections: str | PathLike[str]) -> tuple[str, NpzDetections | None]:
        """The detections' name, and their archive where they lie in one."""
        name = str(detections)
        own = () if isinstance(self.form, Human36mNpz) else self.form.detections()
        if name in {"projected", "none", *own}:
            return name, None
        path = detection_file(self.root, name)
        if not path.is_file() and Path(detections).is_file():
            path = Path(detections)
            name = path.stem.removeprefix("data_2d_h36m_")
        if path.is_file():
            return name, NpzDetections(path)
        known = ", ".join(["projected", "none", *self.form.detections()])
        raise InputError(
            f"expected detections of {known} in '{self.root}', or the path of an archive, got "
            f"'{name}': put data_2d_h36m_{name}.npz into the folder"
        )

    @property
    def splits(self) -> tuple[str, ...]:
        return ("train", "val", "test", "trainval") if self.val_subjects else ("train", "test")

    def subjects(self, split: str) -> tuple[str, ...]:
        """The people of a split."""
        if split not in self.splits:
            raise InputError(
                f"expected a split of {', '.join(self.splits)}, got '{split}': Human3.6M validates "
                "on people that you choose with val_subjects"
            )
        return {
            "train": tuple(s for s in TRAIN if s not in self.val_subjects),
            "val": self.val_subjects,
            "test": TEST,
            "trainval": TRAIN,
        }[split]

    def clips(self, split: str) -> Iterator[Capture]:
        """The clips of a split by person and file name, read one at a time."""
        people = self.subjects(split)
        takes = [t for t in self.form.takes() if t.subject in people and not t.broken]
        lacking = [part for who in people for part in _lacking(self.form, who)]
        if lacking and not self.partial:
            raise FileFormatError(
                f"expected all of Human3.6M's '{split}' in '{self.root}', got a set without "
                f"{_listed(lacking)}: get the rest, or pass partial=True (--reader partial=true) to "
                "read what is there"
            )
        for take in sorted(takes, key=lambda t: (int(t.subject[1:]), t.name)):
            other = self._archive.keypoints(take) if self._archive else None
            yield capture_of(self.form, take, self.detections, self.skeleton, other, self.dtype)

    @staticmethod
    def examine(root: str | PathLike[str]) -> Iterator[Finding]:
        """Which forms lie under a folder, whose clips are there, with which cameras and detections."""
        place = Path(root)
        try:
            rig, cameras_from = cameras_of(place)
            forms = _forms_in(place, rig)
        except Lift3dError as error:
            yield Finding("Human3.6M", False, str(error))
            return
        if not forms:
            yield Finding("Human3.6M", False, _nothing(place))
            return
        yield Finding("cameras", True, f"{len(rig)} from {cameras_from}")
        for form in forms:
            yield from _examined(form)
        found = sorted({name for form in forms for name in form.detections()})
        yield Finding(
            "2D detections", bool(found), ", ".join(found) or "none: joints are projected"
        )


def _forms_in(root: Path, rig: Rig) -> list[Form]:
    forms: list[Form] = []
    if root.is_dir():
        forms += [Human36mCdf(root, rig, name) for name in FOLDERS if Human36mCdf.found(root, name)]
    forms += [form(root, rig) for form in _OTHERS if form.found(root)]
    return forms


def _form_of(root: Path, rig: Rig, source: str | None) -> Form:
    forms = _forms_in(root, rig)
    chosen = [f for f in forms if (f.measured if source is None else f.name == source)]
    if chosen:
        return chosen[0]
    if forms:
        raise FileFormatError(
            f"expected Human3.6M as '{source or 'measured joints'}' in '{root}', got only "
            f"{', '.join(f.name for f in forms)}: pass one of them as source"
        )
    raise FileFormatError(_nothing(root))


def _nothing(root: Path) -> str:
    return (
        f"expected Human3.6M in '{root}', got none of its forms: it takes S1/MyPoseFeatures/"
        "D3_Positions/*.cdf, S1/MyPoses/3D_positions/*.h5, data_3d_h36m.npz, h36m_train.npz and "
        "h36m_test.npz, or h36m_*.pkl"
    )


def _lacking(form: Form, subject: str) -> list[str]:
    """What a person's recordings lack, in words."""
    got = Counter(t.action for t in form.takes() if t.subject == subject and not t.broken)
    if not got:
        return [f"all of {subject}"]
    wanted: Mapping[str, int] = dict.fromkeys(ACTIONS, form.expected(subject))
    few = _TAKES.get(subject, {})
    counts = {action: min(count, few.get(action, count)) for action, count in wanted.items()}
    return [
        f"{subject} {action} ({got[action]} of {count})"
        for action, count in counts.items()
        if got[action] < count
    ]


def _listed(parts: list[str]) -> str:
    more = f" and {len(parts) - 6} more" if len(parts) > 6 else ""
    return ", ".join(parts[:6]) + more


def _examined(form: Form) -> Iterator[Finding]:
    """One person after the other; the first clip of each is really read."""
    try:
        takes: list[Take] = list(form.takes())
    except Lift3dError as error:
        yield Finding(form.name, False, str(error))
        return
    for subject in (*TRAIN, *TEST):
        own = [t for t in takes if t.subject == subject and not t.broken]
        lacking = _lacking(form, subject)
        detail = f"{len(own)} clips" if not lacking else f"without {_listed(lacking)}"
        wrong = _read_one(form, own)
        yield Finding(f"{form.name} {subject}", not lacking and not wrong, wrong or detail)
    strangers = sorted({t.subject for t in takes} - {*TRAIN, *TEST})
    if strangers:
        yield Finding(f"{form.name} others", True, f"{', '.join(strangers)}: in no split")


def _read_one(form: Form, takes: list[Take]) -> str:
    """What is wrong with a person's first clip, or nothing."""
    try:
        if takes:
            form.recording(takes[0])
    except Lift3dError as error:
        return str(error)
    return ""
