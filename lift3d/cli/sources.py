"""Whatever `convert` reads, as a clip: lifted clips, keypoints of any detector, recorded motion."""

import zipfile
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Final, Literal

from lift3d.cli.moved_bodies import amass_on_body, recording_on_body
from lift3d.clip import Clip
from lift3d.errors import FileFormatError, InputError
from lift3d.fitting import convert_clip
from lift3d.io import read_clip, read_keypoints
from lift3d.io.keypoints.trc import read_trc
from lift3d.io.motion.clip_build import clip_of_keypoints
from lift3d.io.motion.recordings import read_recording
from lift3d.pipeline import make_body

__all__ = ["Kind", "Source", "SourceOptions", "kind_of", "read_source"]

Kind = Literal["clip", "keypoints", "amass", "recording"]
_RECORDINGS: Final = (".bvh", ".amc", ".c3d", ".trc")


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """How to read: the body asked for ("" for none), and what overrules the file."""

    body_model: str = ""
    body_path: str | PathLike[str] | None = None
    format: str | None = None
    skeleton: str | None = None
    fps: float | None = None
    image_size: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """What was read, and in words what was found and assumed."""

    kind: Kind
    clip: Clip
    remarks: tuple[str, ...] = ()


def kind_of(path: Path) -> Kind:
    """What a file is, by its content where its ending leaves that open."""
    suffix = path.suffix.lower()
    if suffix == ".npz" and path.is_file():
        keys = _keys(path)
        if {"format_version", "joints", "person_ids"} <= keys:
            return "clip"
        return "amass" if {"poses", "trans"} <= keys else "keypoints"
    if suffix == ".trc" and _in_pixels(path):
        return "keypoints"
    if suffix == ".asf":
        raise InputError(
            f"expected a motion, got the skeleton '{path}': give the .amc file that lies beside it"
        )
    return "recording" if suffix in _RECORDINGS else "keypoints"


def _keys(path: Path) -> set[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            return {name.removesuffix(".npy") for name in archive.namelist()}
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError):
        return set()  # whoever reads it will say what is wrong


def _in_pixels(path: Path) -> bool:
    try:
        read_trc(path)
    except FileFormatError:  # markers in space, or a broken file: the recording's reader says so
        return False
    return True


def read_source(path: Path, options: SourceOptions) -> Source:
    """Read a file of any kind, with the body asked for.

    Raises `InputError` where that body cannot be had from the file, and what the readers raise.
    """
    kind: Kind = "keypoints" if options.format else kind_of(path)
    readers = {"clip": _clip, "keypoints": _keypoints, "amass": _amass, "recording": _recording}
    return readers[kind](path, options)


def _clip(path: Path, options: SourceOptions) -> Source:
    clip = read_clip(path)
    if not options.body_model or options.body_model == clip.body_model:
        return Source("clip", clip)
    if not clip.body_model:
        raise InputError(f"expected a clip with bodies in '{path}', got joints only: lift again")
    old, new = make_body(clip.body_model), make_body(options.body_model, options.body_path)
    converted, done = convert_clip(clip, old, new, options.body_model)
    remarks = [
        f"person {person.id}: skins of {clip.body_model} and {options.body_model} lie "
        f"{1000 * float(conversion.error.nanmean()):.1f} mm apart in the mean"
        for person, conversion in zip(clip.people, done, strict=True)
        if conversion is not None
    ]
    return Source("clip", converted, tuple(remarks))


def _keypoints(path: Path, options: SourceOptions) -> Source:
    file = read_keypoints(
        path,
        options.skeleton,
        format=options.format,
        fps=options.fps,
        image_size=options.image_size,
    )
    if options.body_model:
        raise InputError(
            f"expected motion in space to move a body, got 2D keypoints in '{path}': lift them with "
            "lift3d lift"
        )
    return Source("keypoints", clip_of_keypoints(file), (str(file.report),))


def _amass(path: Path, options: SourceOptions) -> Source:
    """An AMASS motion, on the free default body where no other is asked for."""
    name = options.body_model or "default"
    clip = amass_on_body(path, make_body(name, options.body_path), name, options.fps)
    if name != "default":
        return Source("amass", clip)
    return Source("amass", clip, ("posed on the default body in its mean shape",))


def _recording(path: Path, options: SourceOptions) -> Source:
    """Recorded joints under their own names, or on the body that is asked for."""
    name = options.body_model
    if not name:
        clip = read_recording(path, fps=options.fps)
        return Source("recording", clip, (clip.note,) if clip.note else ())
    clip, error = recording_on_body(path, make_body(name, options.body_path), name, options.fps)
    remark = f"limb joints of the body '{name}' lie {1000 * error:.1f} mm off in the mean"
    return Source("recording", clip, (remark,))
