"""Laws of datasets: clips of motion capture, or annotated pictures, one at a time."""

import math
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import PurePosixPath
from typing import Final, TypeVar

import torch
from torch import Tensor

from lift3d.capture import AnnotatedPerson, AnnotatedPicture, Capture, CapturedView
from lift3d.errors import Lift3dError
from lift3d.motion import Motion
from lift3d.pose import Pose3D
from lift3d.protocols import Dataset, MotionClip, PictureDataset
from lift3d.testing.laws import all_alike, demand, demand_joints, demand_kind

__all__ = ["check_dataset"]

T = TypeVar("T")
_HEIGHTS: Final = (0.5, 3.0)
_DRAWN: Final = 1.0
"""Pixels by which keypoints that were projected may differ from where the camera puts the joints."""
_NO_SPLIT: Final = "no such split"


def check_dataset(dataset: Dataset | PictureDataset, *, most: int = 3) -> None:
    """`BrokenLawError` where a dataset does not obey `Dataset` or `PictureDataset`.

    `most` clips or pictures of each split are looked at.

    - `splits` are names, one each; clips or pictures come one at a time, by the same order and with the
      same values each time; a split that does not exist is refused with one of lift3d's errors.
    - Clips: a name, a subject and an action; joints in metres in the y-up world, finite or NaN, at least
      one in every observed frame; views with the clip's frames, whose projected keypoints are where
      their camera sees the joints.
    - Pictures: a file name inside the dataset's folder, a size, people without a batch, boxes.
    """
    splits = dataset.splits
    demand_kind(splits, tuple, "names of splits as a tuple", 'give ("train",) at least')
    demand(
        all(splits) and 0 < len(splits) == len(set(splits)),
        "names of splits as a tuple, each once",
        splits,
        'give ("train",) at least',
    )
    if isinstance(dataset, Dataset):
        _clips(dataset, most)
    else:
        demand(
            hasattr(dataset, "pictures"),
            "clips(split) or pictures(split)",
            "a dataset with neither",
            "write one of them",
        )
        _pictures(dataset, most)


def _clips(dataset: Dataset, most: int) -> None:
    _refuses(lambda: dataset.clips(_NO_SPLIT))
    heights: list[float] = []
    seen = 0
    for split in dataset.splits:
        clips = list(islice(_one_at_a_time(dataset.clips(split)), most))
        seen += len(clips)
        names = [clip.name for clip in clips]
        demand(len(set(names)) == len(names), "clips of different names", names, "number them")
        for clip in clips:
            _clip(clip)
            heights.append(_height(clip))
        again = list(islice(dataset.clips(split), most))
        demand(
            all(all_alike(a.motion, b.motion) for a, b in zip(clips, again, strict=True)),
            f"the same clips of '{split}' each time",
            "others",
            "read them in a fixed order, from a fixed seed",
        )
    demand(seen > 0, "a clip in some split", "none", "check the folder")
    typical = float(torch.tensor(heights).nanmedian())
    demand(
        math.isnan(typical) or _HEIGHTS[0] < typical < _HEIGHTS[1],
        f"people who reach {_HEIGHTS[0]} to {_HEIGHTS[1]} metres in y",
        f"{typical:.3g}",
        "give joints in metres, in a world with y up",
    )


def _pictures(dataset: PictureDataset, most: int) -> None:
    _refuses(lambda: dataset.pictures(_NO_SPLIT))
    seen = 0
    for split in dataset.splits:
        pictures = list(islice(_one_at_a_time(dataset.pictures(split)), most))
        seen += len(pictures)
        for picture in pictures:
            _picture(picture)
        again = list(islice(dataset.pictures(split), most))
        demand(
            all_alike(pictures, again),
            f"the same pictures of '{split}' each time",
            "others",
            "read them in a fixed order",
        )
    demand(seen > 0, "a picture in some split", "none", "check the folder")


def _one_at_a_time(values: Iterator[T]) -> Iterator[T]:
    demand(
        hasattr(values, "__next__"),
        "an iterator, which reads one at a time",
        type(values).__name__,
        "write a generator (yield)",
    )
    return values


def _refuses(ask: Callable[[], Iterator[object]]) -> None:
    try:
        next(ask(), None)
    except Lift3dError:
        return
    except Exception as error:  # whatever a stranger's reader raises
        got = type(error).__name__
    else:
        got = "no error"
    demand(
        False,
        f"lift3d's InputError for the split '{_NO_SPLIT}'",
        got,
        "say which splits there are",
    )


def _clip(clip: MotionClip) -> None:
    for what in ("name", "subject", "action"):
        told = getattr(clip, what)
        demand(
            isinstance(told, str) and (bool(told) or what != "name"),
            f"a {what} of each clip",
            repr(told),
            'give it as text, "" for a subject or an action that nobody knows',
        )
    motion = clip.motion
    demand_kind(motion, Motion, "a Motion in each clip", "return Motion(Pose3D(...), ...)")
    demand_kind(motion.pose, Pose3D, "a Motion of Pose3D", "return Motion(Pose3D(...), ...)")
    demand(
        motion.pose.frame == "world",
        f"joints of clip '{clip.name}' in the world",
        f"the {motion.pose.frame} frame",
        "turn them into a world with y up",
    )
    demand_joints(motion, f"clip '{clip.name}'")
    if isinstance(clip, Capture):
        for view in clip.views:
            _view(clip, view)


def _height(clip: MotionClip) -> float:
    """How far apart the highest and the lowest joint are in y, in the middle of frames."""
    joints = clip.motion.pose.joints[clip.motion.observed]
    joints = joints[joints.isfinite().all(-1).any(-1)]
    if not len(joints):
        return float("nan")
    y = joints[..., 1]
    return float((_where(y, -1e9).amax(-1) - _where(y, 1e9).amin(-1)).median())


def _where(values: Tensor, else_: float) -> Tensor:
    return torch.where(values.isfinite(), values, else_)


def _view(clip: Capture, view: CapturedView) -> None:
    demand(
        len(view.keypoints) == len(clip.motion) and view.keypoints.fps == clip.motion.fps,
        f"the clip's frames and rate in view '{view.name}' of '{clip.name}'",
        f"{len(view.keypoints)} frames at {view.keypoints.fps:g} per second",
        "cut both to common frames",
    )
    pose = view.keypoints.pose
    if view.source != "projected" or pose.skeleton != clip.motion.pose.skeleton:
        return
    seen = pose.seen & clip.motion.pose.joints.isfinite().all(-1)
    pixels = view.camera.project(clip.motion.pose.joints.to(view.camera.intrinsics))
    off = (pixels - pose.keypoints.to(pixels)).norm(dim=-1)[seen]
    worst = float(off.max()) if len(off) else 0.0
    demand(
        worst <= _DRAWN,
        f"projected keypoints of view '{view.name}' where its camera sees the joints",
        f"{worst:.3g} pixels off",
        "check the camera's axes and units",
    )


def _picture(picture: AnnotatedPicture) -> None:
    path = PurePosixPath(picture.file_name)
    demand(
        bool(picture.file_name) and not path.is_absolute() and ".." not in path.parts,
        "a picture's file name inside the dataset's folder",
        repr(picture.file_name),
        "give it relative to the pictures",
    )
    demand(
        len(picture.image_size) == 2 and min(picture.image_size) >= 0,
        "a picture's (height, width)",
        picture.image_size,
        "give (0, 0) where it is not known",
    )
    for person in picture.people:
        _person(person)


def _person(person: AnnotatedPerson) -> None:
    shape = tuple(person.keypoints.keypoints.shape)
    demand(
        shape == (len(person.keypoints.skeleton), 2),
        "keypoints of one person, [joints 2]",
        shape,
        "leave out batch axes",
    )
    box = person.box
    demand(
        tuple(box.shape) == (4,) and bool(box.isfinite().all()) and bool((box[2:] >= 0).all()),
        "a box of left, top, width and height in pixels",
        box.tolist(),
        "correct it",
    )
