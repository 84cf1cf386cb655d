"""The one door for keypoint files: `read_keypoints` finds the format by looking at the content."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Final

import numpy as np
from jaxtyping import Int64
from numpy import ndarray

from lift3d.conventions import FPS_RANGE, MAX_SIDE
from lift3d.errors import InputError
from lift3d.io.files.limits import LIMITS
from lift3d.io.keypoints.detections import Detections, PixelSpace
from lift3d.io.keypoints.layout import choose_skeleton
from lift3d.io.keypoints.people import (
    MIN_KEYPOINTS,
    Settled,
    by_prominence,
    identities,
    motion_of,
    without_scraps,
)
from lift3d.io.keypoints.pixels import Source, pixels_from, settle_image_size, share_outside
from lift3d.io.keypoints.sniff import Recognised, read_detections
from lift3d.io.keypoints.spatial import Spatial, spatial_of
from lift3d.motion import Motion
from lift3d.pose import Pose2D
from lift3d.skeleton import Skeleton
from lift3d.skeletons import skeleton_named
from lift3d.tracking import Tracker, repair_sides

__all__ = ["KeypointFile", "ReadReport", "keypoints_of", "read_keypoints", "settled_detections"]

DEFAULT_FPS: Final = 30.0

MAX_KEYPOINTS: Final = LIMITS.values // 6 * 5
"""People x frames x joints that are handed on: about 0.6 GB."""


@dataclass(frozen=True, slots=True)
class ReadReport:
    """What was read, and what had to be assumed. `str(report)` is for people.

    `format_reason` says by what the format was known. `image_size` is (height, width) in pixels;
    `pixel_space` is the unit that the file had.
    """

    format: str
    format_reason: str
    skeleton: str
    skeleton_reason: str
    people: int
    frames: int
    first_frame: int
    pixel_space: PixelSpace
    image_size: tuple[int, int]
    image_size_from: Source
    fps: float
    fps_from: Source
    notes: tuple[str, ...]

    def __str__(self) -> str:
        height, width = self.image_size
        last = self.first_frame + self.frames - 1
        people = "1 person" if self.people == 1 else f"{self.people} people"
        lines = [
            f"{self.format}: {people} over {self.frames} frames ({self.first_frame} to {last})",
            f"format known by: {self.format_reason}",
            f"skeleton {self.skeleton}: {self.skeleton_reason}",
            f"coordinates: {self.pixel_space}",
            f"picture: {width} wide, {height} high ({_SOURCES[self.image_size_from]})",
            f"frames per second: {self.fps:g} ({_SOURCES[self.fps_from]})",
        ]
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])


_SOURCES: Final[dict[Source, str]] = {
    "file": "from the file",
    "caller": "as given",
    "assumed": "assumed, the file does not say",
}


@dataclass(frozen=True, slots=True)
class KeypointFile:
    """Everybody in a keypoint file, over the same frames, the most prominent first (id 0).

    `spatial` are the same people's joints in space, where the file has them too; else it is empty.
    """

    people: tuple[Motion[Pose2D], ...]
    report: ReadReport
    spatial: tuple[Spatial, ...] = ()


def read_keypoints(
    path: str | PathLike[str],
    skeleton: Skeleton | str | None = None,
    *,
    format: str | None = None,  # noqa: A002 - the word that users know
    fps: float | None = None,
    image_size: tuple[int, int] | None = None,
    tracker: Tracker = "greedy",
    repair_swaps: bool = False,
) -> KeypointFile:
    """Read people's 2D keypoints in pixels from a file, or from a folder with one file per frame.

    Formats (`lift3d.io.keypoints.sniff.FORMATS`) are told apart by content. `skeleton`, `format` (one
    of their names), `fps` and `image_size` (height, width) overrule what the file says. The file's
    ids tell people apart; where it has none, `tracker` (see `lift3d.tracking`) follows them. They
    come out ordered by the number of keypoints that were seen of them over the clip, numbered from
    0. With `repair_swaps`, left and right are exchanged back where they leap over time. In frames
    without people, keypoints are NaN, confidence is 0 and `observed` is false. A null in the file
    is a missing keypoint, as are numbers that are not finite.

    Memory: 24 bytes for every keypoint of the file, and up to eight times that while people are told
    apart; no parsed text. Beside them a folder takes 200 bytes per file and one file at a time, a
    list of people one block of 256 KB, and a JSON object its text.

    Raises `FileFormatError` for missing, broken and unknown files, `SkeletonError` where the joints
    cannot be told or have another number than `skeleton`, and `InputError` where an argument is
    wrong, or where coordinates are normalised and nobody says the size of the picture.
    """
    _check(fps, image_size)
    asked = skeleton_named(skeleton) if isinstance(skeleton, str) else skeleton
    return keypoints_of(
        read_detections(Path(path), format),
        f"'{Path(path)}'",
        asked,
        fps=fps,
        image_size=image_size,
        tracker=tracker,
        repair_swaps=repair_swaps,
    )


def keypoints_of(
    recognised: Recognised,
    where: str,
    asked: Skeleton | None = None,
    *,
    fps: float | None = None,
    image_size: tuple[int, int] | None = None,
    tracker: Tracker = "greedy",
    repair_swaps: bool = False,
) -> KeypointFile:
    """As `read_keypoints`, of detections that were read or made already; `where` is for messages."""
    _check(fps, image_size)
    found, settled, reason, scraps, size_from = _settled(recognised, where, asked, fps, image_size)
    ids, how = identities(found, settled.points, tracker)
    order = by_prominence(ids, settled.points)
    kept = order[: _affordable(settled)]
    people = tuple(motion_of(settled, ids == person, n) for n, person in enumerate(kept))
    mended = [repair_sides(motion) for motion in people] if repair_swaps else []
    people = tuple(motion for motion, _ in mended) or people
    remarks = [*_body_only(recognised.found, settled.skeleton)]
    remarks += _remarks(found, settled, size_from, scraps)
    if repair_swaps:
        swapped = sum(int((marks & motion.pose.seen).sum()) for motion, marks in mended)
        remarks.append(f"left and right were exchanged back for {swapped} keypoints")
    if len(order) > 1:
        remarks.append(f"people were told apart {how}")
    if len(kept) < len(order):
        remarks.append(f"{len(order) - len(kept)} more people, seen the least, were left out")
    report = ReadReport(
        format=found.facts.format,
        format_reason=recognised.signs,
        skeleton=settled.skeleton.name,
        skeleton_reason=reason,
        people=len(people),
        frames=settled.length,
        first_frame=settled.first_frame,
        pixel_space=found.facts.space,
        image_size=settled.image_size,
        image_size_from=size_from,
        fps=settled.fps,
        fps_from="caller" if fps else "file" if found.facts.fps else "assumed",
        notes=(*found.facts.notes, *remarks),
    )
    return KeypointFile(people, report, _spatial(found, settled, ids, kept))


def settled_detections(
    recognised: Recognised,
    where: str,
    asked: Skeleton | None = None,
    *,
    image_size: tuple[int, int] | None = None,
) -> Settled:
    """Detections as they come, in pixels and in a known layout, before anybody is followed."""
    return _settled(recognised, where, asked, None, image_size)[1]


def _settled(
    recognised: Recognised,
    where: str,
    asked: Skeleton | None,
    fps: float | None,
    image_size: tuple[int, int] | None,
) -> tuple[Detections, Settled, str, int, Source]:
    """Everything that the file left open, decided; why that layout, scraps, whose picture size."""
    bodies, scraps = _without_scraps(recognised.found, where)
    choice = choose_skeleton(bodies, asked, where)
    found, faces = _body_joints(bodies, choice.skeleton, where)
    size, size_from = settle_image_size(found, image_size, where)
    settled = Settled(
        found.frames,
        pixels_from(found.points, found.facts.space, size),
        found.first_frame,
        found.last_frame,
        choice.skeleton,
        size,
        float(fps or found.facts.fps or DEFAULT_FPS),
    )
    return found, settled, choice.reason, scraps + faces, size_from


def _without_scraps(found: Detections, where: str) -> tuple[Detections, int]:
    """As `without_scraps`, with what the same people have in space."""
    rows, scraps = without_scraps(found, where)
    if found.spatial is None or not scraps:
        return rows, scraps
    kept = (found.points[..., 2] > 0).sum(1) >= MIN_KEYPOINTS
    return replace(rows, spatial=found.spatial[kept]), scraps


def _body_joints(found: Detections, body: Skeleton, where: str) -> tuple[Detections, int]:
    """The body's joints of a whole-body layout, where they come first, and the number of scraps."""
    joints = len(body)
    if joints == found.points.shape[1]:
        return found, 0
    spatial = None if found.spatial is None else found.spatial[:, :joints]
    return _without_scraps(replace(found, points=found.points[:, :joints], spatial=spatial), where)


def _spatial(
    found: Detections, settled: Settled, ids: Int64[ndarray, " rows"], kept: list[int]
) -> tuple[Spatial, ...]:
    if found.spatial is None:
        return ()
    points, unit = found.spatial, found.facts.unit_3d
    frames = settled.frames - settled.first_frame
    return tuple(spatial_of(points, frames, ids == who, settled.length, unit) for who in kept)


def _body_only(found: Detections, skeleton: Skeleton) -> Iterator[str]:
    whole = found.facts.skeleton
    if whole is not None and len(skeleton) < len(whole):
        yield (
            f"of {len(whole)} keypoints the first {len(skeleton)}, the body, were read: "
            f"name the skeleton {whole.name} to keep all (--skeleton)"
        )


def _check(fps: float | None, image_size: tuple[int, int] | None) -> None:
    slowest, fastest = FPS_RANGE
    if fps is not None and not slowest <= fps <= fastest:
        raise InputError(
            f"expected fps as frames per second above 0, {slowest:g} to {fastest:g}, got {fps}: "
            "correct it"
        )
    if image_size is not None and (
        len(image_size) != 2 or not 1 <= min(image_size) <= max(image_size) <= MAX_SIDE
    ):
        raise InputError(
            f"expected image_size as (height, width) in pixels, 1 to {MAX_SIDE}, got {image_size}: "
            "correct it"
        )


def _affordable(settled: Settled) -> int:
    return max(1, MAX_KEYPOINTS // (settled.length * len(settled.skeleton)))


def _remarks(found: Detections, settled: Settled, size_from: Source, scraps: int) -> Iterator[str]:
    height, width = settled.image_size
    said = found.facts.image_size
    if size_from == "assumed":
        yield (
            f"{width} x {height} is the smallest common video size that holds the keypoints: "
            "give the true one (--image-size) if it is another"
        )
    if said is not None and said != settled.image_size:
        yield f"the file itself says {said[1]} wide and {said[0]} high"
    outside = share_outside(settled.points, settled.image_size)
    if outside > 0.1:
        yield f"{outside:.0%} of the keypoints lie outside the picture: check its size"
    empty = settled.length - len(np.unique(settled.frames))
    if empty:
        yield f"nobody was seen in {empty} of {settled.length} frames"
    if scraps:
        yield f"{scraps} detections of fewer than {MIN_KEYPOINTS} keypoints were left out"
