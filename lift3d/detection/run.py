"""From pictures to keypoints over time: read ahead, look, follow people.

Decoding, detection and whatever takes the answers work in threads of their own, a few pictures apart
(as in the pipeline of Fang et al., AlphaPose, TPAMI 2022, section 6): OpenCV and the networks' runtimes
let other threads work meanwhile. An error of a thread is raised where its picture was due, and threads
end before a call does, by Ctrl-C as well.
"""

import os
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import count, islice
from typing import Final

import numpy as np
import torch
from jaxtyping import Float64
from numpy import ndarray

from lift3d.detected import DetectedPeople
from lift3d.detection.following import FollowingDetector, FollowingOptions
from lift3d.detection.found import Found, Keeper
from lift3d.detection.sources import Numbered, PictureSource, VideoReader, open_pictures
from lift3d.errors import FileFormatError, InputError
from lift3d.io.keypoints.detections import ANONYMOUS, FileFacts, assembled
from lift3d.io.keypoints.person_boxes import PersonBoxes
from lift3d.io.keypoints.reading import KeypointFile, keypoints_of
from lift3d.io.keypoints.sniff import Recognised
from lift3d.pictures.ahead import ahead
from lift3d.protocols import Detector, TopDownDetector, VideoDetector
from lift3d.tracking import Tracker

__all__ = ["DetectOptions", "DetectedPicture", "detect", "detect_pictures"]

_AHEAD: Final = 4
"""Pictures that wait between two threads, at most."""

Progress = Callable[[int, int], None]
"""Called with the pictures looked at and those in all, 0 where nobody knows."""

_FOLLOWING: Final = FollowingOptions()

_Inputs = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]


@dataclass(frozen=True, slots=True)
class DetectOptions:
    """How to look at pictures.

    Every `every`-th picture is looked at, and becomes a frame of its own: frame k is picture k * every,
    and there are so many fewer frames per second. `boxes` are where people are, by picture number; in
    pictures of which they say nothing a detector that finds nobody by itself follows those it had.
    `following` is for such detectors (`FollowingDetector`). `batch` pictures are handed over at once.
    `fps` overrules what a video says, `tracker` and `repair_swaps` are as in `read_keypoints`.
    """

    every: int = 1
    batch: int = 1
    fps: float | None = None
    reader: VideoReader = "auto"
    boxes: PersonBoxes | None = None
    following: FollowingOptions = _FOLLOWING
    tracker: Tracker = "greedy"
    repair_swaps: bool = False

    def __post_init__(self) -> None:
        if self.every < 1 or self.batch < 1:
            raise InputError(
                f"expected every and batch of at least 1, got {self.every} and {self.batch}: correct "
                "them"
            )


@dataclass(frozen=True, slots=True)
class DetectedPicture:
    """A picture, its number, and who is in it; both None where it cannot be decoded."""

    seen: Numbered
    people: DetectedPeople | None


def detect(
    source: _Inputs | PictureSource,
    detector: Detector | None = None,
    options: DetectOptions | None = None,
    *,
    keeper: Keeper | None = None,
    resume: bool = False,
    progress: Progress = lambda _done, _total: None,
) -> KeypointFile:
    """The people in a video, a folder of pictures or a picture, followed through time.

    What comes out is what `read_keypoints` gives for a file, and goes into `lift3d.lift`. Without a
    detector the built-in one looks, which is for a first try. A `keeper` keeps on disk what was found;
    with `resume` work goes on from there, and ends in the same result. Raises `FileFormatError` for
    sources without pictures and where nobody is found, and what the detector raises.
    """
    from lift3d.detection.builtin import BuiltinDetector

    told, detector = options or DetectOptions(), detector or BuiltinDetector()
    pictures = (
        source
        if isinstance(source, PictureSource)
        else open_pictures(source, reader=told.reader, fps=told.fps)
    )
    joints = len(detector.skeleton)
    found = keeper.kept(detector.skeleton) if keeper is not None and resume else Found()
    total = -(-pictures.count // told.every)
    try:
        with closing(detect_pictures(pictures, detector, told, after=found)) as looked:
            for each in looked:
                found.add(each.seen.number, each.people)
                progress(len(found.numbers), total)
                if keeper is not None:
                    keeper.tell(found, joints)
    finally:
        if keeper is not None and found.numbers:
            keeper.save(found, joints)
    return _over_time(found, pictures, detector, told)


def detect_pictures(
    pictures: PictureSource,
    detector: Detector,
    options: DetectOptions | None = None,
    *,
    after: Found | None = None,
) -> Generator[DetectedPicture]:
    """The pictures and who is in them, one by one as they come; `after` those that are done already.

    Two threads work ahead of whoever takes them, and end when the generator is closed.
    """
    told, done = options or DetectOptions(), after or Found()
    start = done.numbers[-1] + told.every if done.numbers else 0
    looking = _for_a_film(detector, told, start, done.last)
    return ahead(_looked_at(pictures, looking, told, start), _AHEAD)


def _for_a_film(
    detector: Detector, options: DetectOptions, start: int, before: DetectedPeople | None
) -> Detector:
    """The detector, following people where it does not find them, ready for the first picture."""
    if isinstance(detector, TopDownDetector) and not detector.finds_people:
        detector = FollowingDetector(detector, options.following)
    if isinstance(detector, VideoDetector):
        return detector.over(count(start, options.every), before)
    return detector


def _looked_at(
    pictures: PictureSource, detector: Detector, options: DetectOptions, start: int
) -> Iterator[DetectedPicture]:
    with closing(ahead(pictures.read(start, options.every), _AHEAD)) as decoded:
        while some := list(islice(decoded, options.batch)):
            yield from _answered(some, detector, options)


def _answered(
    some: Sequence[Numbered], detector: Detector, options: DetectOptions
) -> Iterator[DetectedPicture]:
    shown = [each.picture for each in some if each.picture is not None]
    known = options.boxes
    where = [known.at(each.number) for each in some if each.picture is not None] if known else None
    answers = iter(detector(shown, where) if shown else ())
    for each in some:
        yield DetectedPicture(each, None if each.picture is None else next(answers))


def _over_time(
    found: Found, pictures: PictureSource, detector: Detector, options: DetectOptions
) -> KeypointFile:
    size, notes = _one_size(found, pictures.where)
    looked = [(row, each) for row, each in enumerate(found.people) if each is not None]
    own = [frame for frame, each in looked for _ in range(len(each))]
    numbers = _frame_numbers(found, pictures, options)
    rate = pictures.fps / options.every if pictures.fps is not None else options.fps
    facts = FileFacts(
        "detected keypoints",
        "pixels",
        detector.skeleton,
        size,
        rate,
        notes=(*pictures.notes, *notes),
    )
    detections = assembled(
        np.array([numbers[row] for row in own], dtype=np.int64),
        _points(looked, len(detector.skeleton)),
        np.full(len(own), ANONYMOUS, dtype=np.int64),
        numbers,
        facts,
        pictures.where,
    )
    return keypoints_of(
        Recognised(detections, "the detector made them"),
        pictures.where,
        detector.skeleton,
        tracker=options.tracker,
        repair_swaps=options.repair_swaps,
    )


def _points(
    looked: Sequence[tuple[int, DetectedPeople]], joints: int
) -> Float64[ndarray, "rows joints 3"]:
    some = [
        torch.cat([each.pose.keypoints, each.pose.confidence[..., None]], -1)
        for _, each in looked
        if len(each)
    ]
    if not some:
        return np.zeros((0, joints, 3))
    return torch.cat(some).double().numpy()


def _frame_numbers(found: Found, pictures: PictureSource, options: DetectOptions) -> list[int]:
    """Of every frame: its place in time, or the number in the name of its picture."""
    if options.every == 1 and pictures.frames is not None:
        return [pictures.frames[number] for number in found.numbers]
    return [number // options.every for number in found.numbers]


def _one_size(found: Found, where: str) -> tuple[tuple[int, int], tuple[str, ...]]:
    sizes = {each.pose.image_size for each in found.people if each is not None}
    known = [size for size in sizes if size is not None]
    if not known:
        raise FileFormatError(
            f"expected pictures at {where}, got none that can be decoded: give others"
        )
    largest = (max(size[0] for size in known), max(size[1] for size in known))
    if len(known) == 1:
        return largest, ()
    return largest, (
        f"the pictures have {len(known)} sizes, the largest of which is taken: they are no one camera's",
    )
