"""What the verb `convert` does: any motion or keypoints to any format, and weights to theirs."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from lift3d.cli.console import Stages, console, show_table
from lift3d.cli.convert_options import ConvertOptions
from lift3d.cli.sources import Kind, Source, SourceOptions, read_source
from lift3d.cli.writing import check_target, write_files
from lift3d.clip import Clip
from lift3d.errors import FileFormatError, InputError, PluginError
from lift3d.io.files.body_files import BODY_MODEL_SUFFIXES
from lift3d.io.output_formats import OutputFormat, format_of, reason_against
from lift3d.plugins import body_models

__all__ = ["convert", "convert_motion", "convert_weights"]

Converter = Callable[[Path, Path], list[tuple[str, str]]]
"""Reads a file, writes another, and says in rows of name and value what was found."""

_WEIGHTS: Final = (".safetensors", ".onnx")
_LIFT: Final = "lift them first with lift3d lift"
_NO_PICTURE: Final = "recordings have none, only lifted clips and keypoint files do"
_ADVICE: Final[dict[tuple[Kind, str], str]] = {
    ("keypoints", "joints"): _LIFT,
    ("keypoints", "body"): _LIFT,
    ("amass", "keypoints"): _NO_PICTURE,
    ("recording", "keypoints"): _NO_PICTURE,
    ("recording", "body"): "name a body for it to move, with --body-model default",
    ("clip", "body"): "lift again with a body model",
    ("clip", "keypoints"): "lift the keypoint file again",
    ("clip", "joints"): "lift again",
}


def convert(source: Path, target: Path, options: ConvertOptions) -> None:
    """Convert by the endings of both names; show what was found and written.

    Raises `InputError` for a pair that is not converted, saying why, and what readers and writers
    raise.
    """
    if target.suffix.lower() in _WEIGHTS:
        convert_weights(source, target)
    else:
        convert_motion(source, target, options)


def convert_motion(source: Path, target: Path, options: ConvertOptions) -> None:
    """Read a clip, keypoints or a recording and write it in another format."""
    if source.suffix.lower() in _WEIGHTS:
        raise InputError(
            f"expected motion or keypoints to write '{target}', got the weights '{source}': body models "
            "go to .safetensors and lifters to .onnx, nothing else is converted from them"
        )
    found = format_of(target, options.to or "")
    check_target(found, source, target)
    read = _read(source, options)
    clip = _of_person(read.clip, options.person, source)
    _check_pair(found, replace(read, clip=clip), source, target)
    for remark in read.remarks:
        console.print(remark, highlight=False)
    with Stages() as stages:
        rows = write_files(
            clip,
            target,
            found,
            stages,
            body_path=options.path,
            rig=options.rig,
            correctives=options.correctives,
        )
    show_table(f"written: {found.what}", ("file", "size", "seconds"), rows)


def _read(source: Path, options: ConvertOptions) -> Source:
    asked = SourceOptions(
        body_model=options.body_model,
        body_path=options.path,
        format=options.format,
        skeleton=options.skeleton,
        fps=options.fps,
        image_size=options.image_size,
    )
    try:
        return read_source(source, asked)
    except FileFormatError as error:
        if source.suffix.lower() != ".pkl":
            raise
        raise FileFormatError(
            f"{error} (a body model goes to .safetensors, nothing else is converted from it)"
        ) from error


def _of_person(clip: Clip, person: int | None, source: Path) -> Clip:
    if person is None:
        return clip
    chosen = tuple(each for each in clip.people if each.id == person)
    if not chosen:
        ids = ", ".join(str(each.id) for each in clip.people) or "nobody"
        raise InputError(
            f"expected a person in '{source}' ({ids}), got --person {person}: name one"
        )
    return replace(clip, people=chosen)


def _check_pair(found: OutputFormat, read: Source, source: Path, target: Path) -> None:
    lacks = reason_against(found, read.clip)
    if lacks:
        advice = _ADVICE.get((read.kind, found.needs), "choose another output")
        wanted = "bodies" if found.needs == "body" else found.needs
        raise InputError(
            f"expected {wanted} in '{source}' to write '{target}' ({found.what}), got {lacks}: {advice}"
        )


def convert_weights(source: Path, target: Path) -> None:
    """Write the body model or the lifter's weights in `source` to `target`; show what was found.

    Raises `InputError` for a pair of files that is not converted, `FileFormatError` for a source that
    holds neither, and `OutputError` where the target cannot be written.
    """
    body = source.suffix.lower() in BODY_MODEL_SUFFIXES and target.suffix == ".safetensors"
    lifter = source.suffix.lower() == ".safetensors" and target.suffix.lower() == ".onnx"
    if not (body or lifter):
        raise InputError(
            f"expected a body model ({', '.join(BODY_MODEL_SUFFIXES)}) and a .safetensors file to "
            "write, or a lifter's weights (.safetensors) and an .onnx file to write, got "
            f"'{source}' and '{target}': nothing else is converted to weights"
        )
    if _same(source, target):
        raise InputError(
            f"expected a target beside the source, got '{target}' for both: choose another name"
        )
    rows = (_lifter if lifter else _converter())(source, target)
    show_table("converted", ("what", "found"), [*rows, ("written", str(target))])


def _same(source: Path, target: Path) -> bool:
    try:
        return target.samefile(source)
    except (OSError, ValueError):  # one is not there, or cannot be: who reads or writes it will say
        return False


def _lifter(source: Path, target: Path) -> list[tuple[str, str]]:
    from lift3d.lifting.onnx_export import export_weights

    return export_weights(source, target)


def _converter() -> Converter:
    """The `convert` of the first body model that has one: packs bring it with their readers."""
    for name in body_models:
        try:
            found: Converter | None = getattr(body_models[name], "convert", None)
        except PluginError:  # somebody's broken plug-in
            continue
        if found is not None:
            return found
    raise PluginError(
        "expected a body model plug-in that converts files, got none: install lift3d again"
    )
