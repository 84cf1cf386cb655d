"""Laws of keypoint readers: a file to people, frame by frame."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from lift3d.errors import Lift3dError
from lift3d.io.keypoints.detections import Detections
from lift3d.io.keypoints.reader_plugins import KeypointReader
from lift3d.io.keypoints.specimen import Specimen
from lift3d.testing.laws import demand, demand_kind

__all__ = ["check_reader"]

STRANGERS: Final = {
    "an empty file": b"",
    "a PNG picture": b"\x89PNG\r\n\x1a\n" + bytes(64),
    "a JPEG picture": b"\xff\xd8\xff\xe0" + bytes(64),
    "a PDF": b"%PDF-1.7\n",
    "zeros": bytes(256),
    "prose": b"Once upon a time there was a file without keypoints.\n" * 4,
    "a number": b"42",
    "an empty JSON list": b"[]",
    "an empty JSON object": b"{}",
    "other JSON": b'{"colour": "blue", "sizes": [1, 2, 3]}',
}
"""Files that no reader of keypoints may take for its own."""
_CUTS: Final = (0.9, 0.5, 0.1, 0.01)
_FIELDS: Final = ("frames", "points", "persons", "spatial")


def check_reader(reader: KeypointReader, file: Path) -> None:
    """`BrokenLawError` where a reader does not obey `KeypointReader`; `file` is one that it reads.

    - It knows the file, and none of `STRANGERS`; telling never raises, whatever the bytes.
    - `Detections` have one row per person and frame; points in [0, 1] confidence, NaN and 0 where
      missing; frames within first and last; nobody twice in a frame under one id.
    - The same file gives the same numbers, and is not written to. A file that was cut off is read or
      refused with one of lift3d's errors, and so is one with changed bytes.
    """
    content = file.read_bytes()
    signs = reader.signs(Specimen.of(file))
    demand_kind(signs, str, "a few words from signs()", "return a text")
    demand(
        bool(signs),
        f"the reader to say by what it knows '{file}'",
        repr(signs),
        "return a few words in signs()",
    )
    found = reader.read(Specimen.of(file))
    _form(found)
    again = reader.read(Specimen.of(file))
    demand(
        all(_same(getattr(found, name), getattr(again, name)) for name in _FIELDS),
        "the same detections of the same file",
        "others",
        "keep no state between files",
    )
    demand(file.read_bytes() == content, "a file left as it was", "another", "open it for reading")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / file.name
        _strangers(reader, place)
        for spoilt in _spoilt(content):
            place.write_bytes(spoilt)
            _survives(reader, place)


def _form(found: Detections) -> None:
    demand_kind(found, Detections, "Detections", "use gather()")
    rows, points = len(found.frames), found.points
    demand(
        points.ndim == 3 and points.shape[0] == rows == len(found.persons) and points.shape[2] == 3,
        f"points of shape (rows, joints, 3) for {rows} rows, and a person for each",
        f"{points.shape} and {len(found.persons)} persons",
        "give each person of each frame a row",
    )
    if found.facts.skeleton is not None:
        joints = len(found.facts.skeleton)
        demand(
            points.shape[1] == joints,
            f"{joints} keypoints, as '{found.facts.skeleton.name}' has",
            points.shape[1],
            "name the skeleton that they have",
        )
    confidence = points[..., 2]
    seen = confidence > 0
    demand(
        bool(((confidence >= 0) & (confidence <= 1)).all())
        and bool(np.isfinite(points[seen]).all())
        and bool(np.isnan(points[~seen][:, :2]).all()),
        "numbers and a confidence above 0 up to 1 where a keypoint was seen, NaN and 0 elsewhere",
        "a mixture",
        "use gather() or assembled() of lift3d.io.keypoints.detections",
    )
    demand(
        bool((found.frames >= found.first_frame).all())
        and bool((found.frames <= found.last_frame).all())
        and found.first_frame >= 0,
        f"frames from {found.first_frame} to {found.last_frame}",
        found.frames[:5],
        "count empty frames too",
    )
    named = found.persons >= 0
    pairs = np.stack([found.frames, found.persons], -1)[named]
    demand(
        len(np.unique(pairs, axis=0)) == len(pairs),
        "each person id at most once in a frame",
        f"{len(pairs) - len(np.unique(pairs, axis=0))} of them twice",
        "give ANONYMOUS where the file does not follow people",
    )


def _same(one: object, other: object) -> bool:
    if not isinstance(one, np.ndarray) or not isinstance(other, np.ndarray):
        return one is other
    return np.array_equal(one, other, equal_nan=one.dtype.kind == "f")


def _strangers(reader: KeypointReader, place: Path) -> None:
    for what, content in STRANGERS.items():
        place.write_bytes(content)
        try:
            signs = reader.signs(Specimen.of(place))
        except Exception as error:  # whatever a stranger's code raises
            signs = f"{type(error).__name__}: {error}"
        demand(signs == "", f'"" for {what}, which is no keypoint file', repr(signs), "look closer")


def _spoilt(content: bytes) -> Iterator[bytes]:
    """The file cut off, and with bytes changed in several places."""
    for share in _CUTS:
        yield content[: int(len(content) * share)]
    draw = np.random.default_rng(0)
    for _ in range(8):
        changed = bytearray(content)
        for at in draw.integers(0, max(1, len(content)), 4):
            if changed:
                changed[at] = int(draw.integers(0, 256))
        yield bytes(changed)


def _survives(reader: KeypointReader, place: Path) -> None:
    try:
        specimen = Specimen.of(place)
        if reader.signs(specimen):
            _form(reader.read(specimen))
    except Lift3dError as error:
        if isinstance(error, AssertionError):  # a broken law, told by `_form`
            raise
    except Exception as error:  # whatever a stranger's code raises
        demand(
            False,
            "one of lift3d's errors for a damaged file",
            f"{type(error).__name__} ({error})",
            "raise FileFormatError",
        )
