"""`--resume` of one clip: are its outputs there, made of the same input with the same options?

A hidden file beside the first output, `.NAME.made`, says of what the outputs were made and how large
they are. It is written by runs with `--resume` only, after the outputs.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from lift3d.errors import Lift3dError
from lift3d.io.files.atomic import atomic_path
from lift3d.scaling.keys import input_key, options_key
from lift3d.scaling.sinks import outputs_are_whole
from lift3d.scaling.work import Work

__all__ = ["is_made", "made_of", "remember"]


def made_of(source: Path, outputs: Sequence[Path], work: Work, *further: str) -> str:
    """The key of a source, how it is lifted, and which outputs are asked for."""
    names = [output.name for output in outputs]
    return input_key(source, options_key(work, *names, *further))


def is_made(outputs: Sequence[Path], key: str) -> bool:
    """Whether all outputs of that key are there, as large as they were."""
    try:
        said = json.loads(_note(outputs).read_bytes())
        sizes = [(str(name), int(size)) for name, size in said["outputs"]]
        same = bool(said["key"] == key and sizes)
    except (OSError, ValueError, TypeError, KeyError):
        return False
    return same and outputs_are_whole(outputs[0].parent, sizes)


def remember(outputs: Sequence[Path], key: str) -> None:
    """Note what the outputs were made of; outputs of one file per person are found by their names."""
    found: list[Path] = []
    for output in outputs:
        several = sorted(output.parent.glob(f"{_plain(output.stem)}_person*{output.suffix}"))
        found += [output] if output.exists() else several
    sizes = [(str(path.absolute()), path.stat().st_size) for path in found if path.is_file()]
    if len(found) < len(outputs):
        raise Lift3dError(
            f"expected every output to be written, got {len(found)} of {len(outputs)}: lift again"
        )
    with atomic_path(_note(outputs)) as partial:
        partial.write_text(json.dumps({"key": key, "outputs": sizes}), encoding="utf-8")


def _note(outputs: Sequence[Path]) -> Path:
    return outputs[0].with_name(f".{outputs[0].name}.made")


def _plain(name: str) -> str:
    """A name as a pattern for itself."""
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in name)
