"""The table of everything that a clip can be written as, but pictures.

`FORMATS` says what each ending is, what a clip must hold for it, and whether a file holds everybody or
one person; of the latter several people get a file each, `name_person0.bvh` and so on.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from lift3d.clip import Clip
from lift3d.errors import InputError

__all__ = [
    "FORMATS",
    "FormatName",
    "OutputFormat",
    "format_of",
    "known_endings",
    "paths_of",
    "reason_against",
]

FormatName = Literal[
    "clip", "csv", "parquet", "angles", "mot", "trc", "c3d", "openpose", "coco",
    "bvh", "glb", "usd", "amass", "wham", "obj", "ply",
]  # fmt: skip

Needs = Literal["anything", "keypoints", "joints", "body"]


@dataclass(frozen=True, slots=True)
class OutputFormat:
    """One row of the table of outputs.

    `endings` are those that may be written ("" is a folder); `by_ending` are those of them that mean
    this format where nobody names one. `everybody` is whether a file holds all people.
    """

    name: FormatName
    endings: tuple[str, ...]
    by_ending: tuple[str, ...]
    needs: Needs
    everybody: bool
    what: str


def _row(
    name: FormatName,
    needs: Needs,
    what: str,
    *endings: str,
    everybody: bool = True,
    named: bool = False,
) -> OutputFormat:
    """A format; one that is `named` is no ending's own and must be asked for."""
    return OutputFormat(name, endings, () if named else endings, needs, everybody, what)


FORMATS: Final = (
    _row("clip", "joints", "joints and body parameters", ".npz"),
    _row("csv", "anything", "a table of joints and keypoints", ".csv"),
    _row("parquet", "anything", "a table of joints and keypoints", ".parquet"),
    _row("trc", "anything", "a table of points for OpenSim", ".trc", everybody=False),
    _row("c3d", "joints", "points of motion capture", ".c3d"),
    _row("mot", "joints", "joint angles for OpenSim", ".mot", everybody=False),
    _row("angles", "joints", "a table of joint angles", ".csv", named=True),
    _row("coco", "keypoints", "COCO keypoint results", ".json"),
    _row("openpose", "keypoints", "a folder of OpenPose frames", ""),
    _row("bvh", "body", "a skeleton's rotations", ".bvh", everybody=False),
    _row("glb", "body", "skinned, animated bodies", ".glb"),
    _row("usd", "body", "skinned, animated bodies as USD", ".usda", ".usdc", ".usd"),
    _row("amass", "body", "an AMASS motion", ".npz", everybody=False, named=True),
    _row("wham", "body", "a person as WHAM writes them", ".npz", everybody=False, named=True),
    _row("obj", "body", "a mesh per frame", "", ".zip", named=True),
    _row("ply", "body", "a mesh per frame", "", ".zip", named=True),
)


def format_of(path: str | os.PathLike[str], name: str = "") -> OutputFormat:
    """The format of that name, or by the ending of `path`; `InputError` says which there are."""
    ending = Path(path).suffix.lower()
    if name:
        found = next((row for row in FORMATS if row.name == name), None)
        if found is None:
            names = ", ".join(row.name for row in FORMATS)
            raise InputError(f"expected a format out of {names}, got '{name}': name one of them")
        if ending not in found.endings:
            endings = " or ".join(_called(each) for each in found.endings)
            raise InputError(
                f"expected {endings} for the format {name}, got '{path}': rename the output"
            )
        return found
    found = next((row for row in FORMATS if ending in row.by_ending), None)
    if found is None:
        raise InputError(
            f"expected an output ending in {', '.join(known_endings())} (or a folder), got '{path}': "
            "rename it"
        )
    return found


def known_endings() -> tuple[str, ...]:
    """Endings that mean a format by themselves, the folder's left out."""
    return tuple(dict.fromkeys(each for row in FORMATS for each in row.by_ending if each))


def _called(ending: str) -> str:
    return f"a name ending in {ending}" if ending else "a folder's name"


def reason_against(found: OutputFormat, clip: Clip) -> str:
    """What a clip lacks for a format, "" where it lacks nothing."""
    first = clip.people[0] if clip.people else None
    has = {
        "anything": first is not None,
        "keypoints": first is not None and len(first.keypoints.pose.skeleton) > 0,
        "joints": first is not None and len(first.joints.pose.skeleton) > 0,
        "body": bool(clip.body_model) and any(person.body is not None for person in clip.people),
    }
    if has[found.needs]:
        return ""
    if first is None:
        return "nobody"
    held = [name for name in ("keypoints", "joints") if has[name]]
    return f"{' and '.join(held)} only"


def paths_of(path: Path, found: OutputFormat, clip: Clip) -> list[Path]:
    """The files that `write_output` writes: one, or one per person."""
    if found.everybody or len(clip.people) == 1:
        return [path]
    return [path.with_stem(f"{path.stem}_person{person.id}") for person in clip.people]
