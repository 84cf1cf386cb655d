"""Which format is it? Told by a file's content, never by its name; one table names all formats.

A line of `FORMATS` is a format's name for `--format`, the question by what a file is known to be such
a file, and its reader. The questions are asked in the table's order: a particular format stands before
the general one that would take its files too. Formats that other packages bring
(`lift3d.io.keypoints.reader_plugins`) are asked last.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Final

from lift3d.errors import FileFormatError, InputError
from lift3d.io.keypoints import mediapipe
from lift3d.io.keypoints.alphapose import read_alphapose, signs_of_alphapose
from lift3d.io.keypoints.coco import read_coco, signs_of_coco
from lift3d.io.keypoints.deeplabcut import is_deeplabcut, read_deeplabcut
from lift3d.io.keypoints.detections import Detections, load_json
from lift3d.io.keypoints.easymocap import EASYMOCAP, signs_of_easymocap
from lift3d.io.keypoints.frame_folder import FrameFormat, list_frames, read_frame, read_frames
from lift3d.io.keypoints.hdf5_keypoints import is_hdf5_keypoints, read_hdf5_keypoints
from lift3d.io.keypoints.mediapipe_csv import is_mediapipe_csv, read_mediapipe_csv
from lift3d.io.keypoints.mediapipe_npy import is_mediapipe_npy, read_mediapipe_npy
from lift3d.io.keypoints.mmpose import MMPOSE, read_mmpose, signs_of_mmpose
from lift3d.io.keypoints.npy_keypoints import is_npy_keypoints, read_npy_keypoints
from lift3d.io.keypoints.npz_keypoints import is_npz_keypoints, read_npz_keypoints
from lift3d.io.keypoints.openpose import OPENPOSE, signs_of_openpose
from lift3d.io.keypoints.pickle_keypoints import is_pickle_keypoints, read_pickle_keypoints
from lift3d.io.keypoints.reader_plugins import GuardedReader, installed_reader, installed_readers
from lift3d.io.keypoints.specimen import Specimen
from lift3d.io.keypoints.table_csv import is_table_csv, read_table_csv
from lift3d.io.keypoints.trc import is_trc, read_trc
from lift3d.io.keypoints.unknown_file import what_is_it
from lift3d.plugins import readers

__all__ = ["FORMATS", "Format", "Recognised", "format_named", "read_detections"]


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of keypoint file.

    `signs` says by what a file is known to be one, or nothing. `frames` is for those that come as
    a folder with one file per frame.
    """

    name: str
    signs: Callable[[Specimen], str]
    read: Callable[[Specimen], Detections]
    frames: FrameFormat | None = None


@dataclass(frozen=True, slots=True)
class Recognised:
    """What a file says, and by what its format was known."""

    found: Detections
    signs: str


def _by_frame(name: str, signs: Callable[[Specimen], str], frames: FrameFormat) -> Format:
    return Format(name, signs, partial(read_frame, frames), frames)


def _by_head(
    name: str,
    signs: str,
    recognises: Callable[[bytes, Path], bool],
    read: Callable[[Path], Detections],
) -> Format:
    """A format that is no JSON: its reader asks the head and takes the path."""

    def seen(specimen: Specimen) -> str:
        return signs if recognises(specimen.head, specimen.path) else ""

    return Format(name, seen, lambda specimen: read(specimen.path))


def _mediapipe_signs(specimen: Specimen) -> str:
    if mediapipe.is_mediapipe(dict.fromkeys(specimen.members)):
        return "a JSON object with 'frames'"
    if specimen.first is not None and mediapipe.is_mediapipe([specimen.first]):
        return "a JSON list of frames with landmarks"
    return ""


def _mediapipe(specimen: Specimen) -> Detections:
    document = load_json(specimen.content, specimen.path)
    return mediapipe.read_mediapipe_document(document, specimen.path)


FORMATS: Final = (
    _by_frame("openpose", signs_of_openpose, OPENPOSE),
    _by_frame("easymocap", signs_of_easymocap, EASYMOCAP),
    Format("alphapose", signs_of_alphapose, read_alphapose),
    Format("coco", signs_of_coco, read_coco),
    Format("mmpose", signs_of_mmpose, read_mmpose, MMPOSE),
    Format("mediapipe", _mediapipe_signs, _mediapipe),
    _by_head(
        "mediapipe_npy", "an .npy array of 33 landmarks", is_mediapipe_npy, read_mediapipe_npy
    ),
    _by_head("npy", "an .npy array", is_npy_keypoints, read_npy_keypoints),
    _by_head("npz", "a zip with arrays of keypoints", is_npz_keypoints, read_npz_keypoints),
    _by_head("hdf5", "the first bytes of HDF5", is_hdf5_keypoints, read_hdf5_keypoints),
    _by_head("pickle", "the first bytes of a pickle", is_pickle_keypoints, read_pickle_keypoints),
    _by_head("trc", "a first line with 'PathFileType'", is_trc, read_trc),
    _by_head("deeplabcut", "header rows 'scorer', 'bodyparts'", is_deeplabcut, read_deeplabcut),
    _by_head("mediapipe_csv", "columns of landmarks", is_mediapipe_csv, read_mediapipe_csv),
    _by_head("csv", "columns x, y of joints", is_table_csv, read_table_csv),
)


def format_named(name: str) -> Format:
    """The format of that name; `InputError` tells which there are, and the nearest."""
    known = {kind.name: kind for kind in FORMATS}
    key = name.lower().replace("-", "_")
    if key in known:
        return known[key]
    if name in readers:
        return _brought(name, installed_reader(name))
    names = (*known, *readers)
    near = get_close_matches(key, names, n=1)
    hint = f"did you mean '{near[0]}'?" if near else "give one of those names"
    raise InputError(f"expected one of {', '.join(names)}, got format '{name}': {hint}")


def _brought(name: str, reader: GuardedReader) -> Format:
    return Format(name, reader.signs, reader.read)


def _all_formats() -> Iterator[Format]:
    yield from FORMATS
    for name, reader in installed_readers():
        if isinstance(reader, GuardedReader):
            yield _brought(name, reader)


def read_detections(path: Path, name: str | None = None) -> Recognised:
    """Detections of a file in any format known, or of a folder with one file per frame.

    `name` overrules what the content says about the format.
    """
    asked = None if name is None else format_named(name)
    if path.is_dir():
        return _folder(path, asked)
    specimen = Specimen.of(path)
    if asked is not None:
        return Recognised(asked.read(specimen), "the caller named the format")
    for kind in _all_formats():
        if signs := kind.signs(specimen):
            return Recognised(kind.read(specimen), signs)
    raise _unknown(specimen)


def _folder(folder: Path, asked: Format | None) -> Recognised:
    names = list_frames(folder)
    first = folder / next(iter(names.values()))
    if len(names) == 1:
        return read_detections(first, asked.name if asked else None)
    how, signs = (asked, "the caller named the format") if asked else _frame_format(first)
    if how.frames is None:
        raise FileFormatError(
            f"expected one file of the format '{how.name}', which holds a whole clip, got "
            f"{len(names)} files in '{folder}': give one of them"
        )
    return Recognised(
        read_frames(how.frames, folder, names), f"{signs}, in each of {len(names)} files"
    )


def _frame_format(first: Path) -> tuple[Format, str]:
    specimen = Specimen.of(first)
    if specimen.start.startswith(b"[") and specimen.first is None:  # a picture without people
        return format_named("mmpose"), "a JSON list"
    for kind in _all_formats():
        if signs := kind.signs(specimen):
            return kind, signs
    raise _unknown(specimen)


def _unknown(specimen: Specimen) -> FileFormatError:
    empty_json = specimen.start.startswith((b"{", b"[")) and not specimen.members
    if empty_json and specimen.first is None:
        return FileFormatError(
            f"expected at least one person in {specimen.where}, got an empty list: "
            "check the detector's pictures"
        )
    names = ", ".join((*(kind.name for kind in FORMATS), *readers))
    got, hint = what_is_it(specimen)
    for name, reader in installed_readers():
        if not isinstance(reader, GuardedReader):
            hint += f", or repair the reader '{name}', which did not start"
    return FileFormatError(f"expected keypoints ({names}) in {specimen.where}, got {got}: {hint}")
