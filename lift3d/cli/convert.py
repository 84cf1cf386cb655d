"""What the verb `convert` does: body models to .safetensors, lifters to .onnx, clips to another body."""

from collections.abc import Callable
from pathlib import Path

from lift3d.cli.console import show_table
from lift3d.errors import InputError, PluginError
from lift3d.fitting import convert_clip
from lift3d.io import read_clip, write_clip
from lift3d.io.body_files import BODY_MODEL_SUFFIXES
from lift3d.pipeline import make_body
from lift3d.plugins import body_models

__all__ = ["convert", "convert_bodies"]

Converter = Callable[[Path, Path], list[tuple[str, str]]]
"""Reads a file, writes another, and says in rows of name and value what was found."""


def convert(source: Path, target: Path) -> None:
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
            f"'{source}' and '{target}': nothing else is converted"
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


def convert_bodies(source: Path, target: Path, body_model: str, path: Path | None) -> None:
    """Write a clip with everybody in another body model, and show how far the skins lie apart.

    Raises `InputError` for other files than clips and for a clip without bodies, and what the body
    models raise.
    """
    if source.suffix.lower() != ".npz" or target.suffix.lower() != ".npz":
        raise InputError(
            f"expected two .npz clips with --body-model, got '{source}' and '{target}': lift first, "
            "convert then, and render the new clip to other formats"
        )
    clip = read_clip(source)
    if not clip.body_model:
        raise InputError(f"expected a clip with bodies in '{source}', got joints only: lift again")
    old = make_body(clip.body_model)
    new, done = convert_clip(clip, old, make_body(body_model, path), body_model)
    write_clip(target, new)
    rows = [
        (f"person {person.id}", f"{1000 * float(conversion.error.nanmean()):.1f}")
        for person, conversion in zip(clip.people, done, strict=True)
        if conversion is not None
    ]
    show_table(f"from {clip.body_model} to {body_model}", ("who", "skins apart, mean in mm"), rows)


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
