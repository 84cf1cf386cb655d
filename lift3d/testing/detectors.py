"""Laws of detectors: pictures to the keypoints of the people in each."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import torch
from jaxtyping import Float, UInt8
from numpy import ndarray
from torch import Tensor

from lift3d.detected import DetectedPeople
from lift3d.protocols import Detector, VideoDetector
from lift3d.testing.laws import Kept, all_alike, apart, demand, demand_kind, demand_skeleton

__all__ = ["check_detector"]

Pictures = Sequence[UInt8[ndarray, "_ _ 3"]]
Boxes = Sequence[Float[Tensor, "_ 4"] | None]

ALONE: Final = 0.5
"""Pixels by which a picture alone may differ from the same in a batch: networks sum in other orders."""
_SIZES: Final = ((120, 160), (97, 61), (64, 64))


def check_detector(
    detector: Detector,
    pictures: Pictures | None = None,
    boxes: Boxes | None = None,
    *,
    alone_tolerance: float = ALONE,
) -> None:
    """`BrokenLawError` where a detector does not obey `lift3d.protocols.Detector`.

    Noise of three sizes is shown where there are no `pictures`; `boxes` are where people are in them.

    - One `DetectedPeople` for each picture, in order, in the detector's `skeleton` and the picture's
      size; no pictures give an empty list. Keypoints are numbers of float32 or float64 with a confidence
      above 0, or NaN with 0.
    - With boxes there is one person for each, in their order, and none where there are no boxes.
    - A picture alone gives what it gives among others, up to `alone_tolerance` pixels; the same pictures
      give the same people, and stay as they are.

    A `VideoDetector` is shown the pictures as a video, through `over`. It may follow people, lose them,
    or know them by the number of a picture, so instead of the last two laws these are its own:

    - `over` starts afresh: the same video gives the same people.
    - Broken off anywhere and gone on with from the last answer, the video gives what it gives in one go,
      up to `alone_tolerance` pixels.
    """
    demand_skeleton(getattr(detector, "skeleton", None), "`skeleton` of a detector")
    shown = list(pictures) if pictures is not None else _noise()
    told = list(boxes) if boxes is not None else [_middle(picture) for picture in shown]
    demand(list(detector([])) == [], "nobody for no pictures", "something", "return an empty list")
    if isinstance(detector, VideoDetector):
        _video(detector, shown, told, alone_tolerance)
        return
    kept = Kept(shown, told)
    for given in (None, told):
        found = detector(shown, given)
        kept.demand_untouched("a detector")
        _form(detector, found, shown)
        demand(
            all_alike(found, detector(shown, given)),
            "the same people in the same pictures",
            "others",
            "keep no state between calls: `over` is for videos",
        )
        for number, picture in enumerate(shown):
            one = detector([picture], None if given is None else [given[number]])
            _alone(one[0], found[number], alone_tolerance)
    _boxed(detector, shown, told)


def _video(detector: VideoDetector, shown: Pictures, boxes: Boxes, tolerance: float) -> None:
    kept, count = Kept(shown, boxes), len(shown)
    for given in (None, boxes):
        found = detector.over(range(count), None)(shown, given)
        kept.demand_untouched("a detector")
        _form(detector, found, shown)
        demand(
            all_alike(found, detector.over(range(count), None)(shown, given)),
            "the same people in the same video",
            "others",
            "let `over` give a detector that remembers no other video",
        )
        for cut in range(1, count):
            rest = detector.over(range(cut, count), found[cut - 1])
            again = rest(shown[cut:], None if given is None else given[cut:])
            for one, other in zip(again, found[cut:], strict=True):
                where, do = "a video that was broken off as in one go", "go on from `before`"
                _alike(one, other, tolerance, where, do)


def _noise() -> list[UInt8[ndarray, "_ _ 3"]]:
    draw = np.random.default_rng(0)
    return [draw.integers(0, 256, (*size, 3), dtype=np.uint8) for size in _SIZES]


def _middle(picture: UInt8[ndarray, "_ _ 3"]) -> Float[Tensor, "people 4"]:
    height, width = picture.shape[:2]
    return torch.tensor([[0.2 * width, 0.1 * height, 0.6 * width, 0.8 * height]])


def _form(detector: Detector, found: list[DetectedPeople], pictures: Pictures) -> None:
    demand_kind(found, list, "a list of answers", "give one")
    demand(
        len(found) == len(pictures),
        f"a list of {len(pictures)} answers for {len(pictures)} pictures",
        f"{type(found).__name__} of {len(found)}",
        "answer each picture, DetectedPeople.nobody(...) where nobody is",
    )
    for people, picture in zip(found, pictures, strict=True):
        do = "return DetectedPeople.from_points(...)"
        demand_kind(people, DetectedPeople, "DetectedPeople for each picture", do)
        demand(
            people.pose.skeleton == detector.skeleton,
            f"keypoints of the detector's own skeleton '{detector.skeleton.name}'",
            f"'{people.pose.skeleton.name}'",
            "make both the same",
        )
        demand(
            people.pose.image_size == picture.shape[:2],
            f"the picture's (height, width), {picture.shape[:2]}",
            people.pose.image_size,
            "hand it on, and give pixels of that picture",
        )
        demand(
            people.pose.keypoints.dtype in (torch.float32, torch.float64)
            and not people.pose.keypoints.requires_grad,
            "keypoints as float32 or float64 without gradients",
            people.pose.keypoints.dtype,
            "detect under torch.no_grad()",
        )
        demand(
            bool(people.scores.isfinite().all()),
            "a score for each person",
            people.scores.tolist(),
            "say how sure the detector is",
        )


def _alone(one: DetectedPeople, among: DetectedPeople, tolerance: float) -> None:
    do = "let no picture of a batch touch another (networks: eval())"
    _alike(one, among, tolerance, "a picture alone as among others", do)


def _alike(
    one: DetectedPeople, other: DetectedPeople, tolerance: float, where: str, do: str
) -> None:
    same = len(one) == len(other)
    off = apart(one.pose.keypoints, other.pose.keypoints) if same else float("inf")
    demand(
        off <= tolerance,
        f"the same people in {where}, up to {tolerance:g} pixels",
        f"{off:.3g} pixels" if same else f"{len(one)} people and {len(other)}",
        do,
    )


def _boxed(detector: Detector, pictures: Pictures, boxes: Boxes) -> None:
    twice = [None if given is None else torch.cat([given, given]) for given in boxes]
    nobody = [torch.zeros(0, 4) for _ in pictures]
    for given in (boxes, twice, nobody):
        for people, asked in zip(detector(pictures, given), given, strict=True):
            demand(
                asked is None or len(people) == len(asked),
                "one person for each box, nobody without boxes",
                f"{len(people)} people for {0 if asked is None else len(asked)} boxes",
                "find the person of each box, all joints missing where nobody is",
            )
