"""Acclaim skeletons and motions: `.asf` with `.amc`, as the CMU motion capture database gives them.

Layout: an ASF has sections that start with a colon (`:units`, `:root`, `:bonedata`, `:hierarchy`); a
bone has a direction, a length, an axis frame and the degrees of freedom (`dof`) that an AMC gives
angles for. Lengths are divided by `length` to inches: one unit is 0.0254 / length metres (CMU: 0.45).
Angles are about fixed axes in the order listed, so the first one acts first: XYZ is Rz Ry Rx. With a
bone's axis frame C and the rotation M of its angles, its local rotation is C M C^-1; it starts where
its parent ends, and ends at start + G direction length.

Bones become joints at their starts; the end of a bone without children is a joint `<bone>_end`.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from os import PathLike
from pathlib import Path
from typing import Final, NoReturn

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.errors import FileFormatError
from lift3d.geometry.rotations import rotmat_from_axis_angle
from lift3d.io.files.limits import LIMITS
from lift3d.io.files.zip_entries import check_regular
from lift3d.io.motion.rotation_clip import RotationClip

__all__ = ["AsfBone", "AsfSkeleton", "read_amc", "read_asf"]

_INCH: Final = 0.0254
_DIGITS: Final = 18
_TURNS: Final = ("rx", "ry", "rz")
_MAX_BONES: Final = LIMITS.joints
_FEW_ROTATIONS: Final = 500_000
"""Bones times frames; beyond, one for each character of the file. One that moves takes at least six."""


@dataclass(frozen=True, slots=True)
class AsfBone:
    """One bone: `vector` is direction times length in metres, `axis` its frame's rotation matrix."""

    name: str
    vector: tuple[float, float, float]
    axis: Float[Tensor, "3 3"]
    dof: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AsfSkeleton:
    """A skeleton: `bones` in the order of the file, `parents` names each bone's parent or "root".

    `metres` is the length of one unit, `radian` the size of one unit of angle. `root_order` lists the
    root's six values in the AMC; `root_place` (metres) and `root_axis` are where it starts from.
    """

    bones: tuple[AsfBone, ...]
    parents: dict[str, str]
    metres: float
    radian: float
    root_order: tuple[str, ...]
    root_place: tuple[float, ...]
    root_axis: Float[Tensor, "3 3"]

    def joints(self) -> tuple[tuple[str, ...], tuple[int, ...], Float[Tensor, "joints 3"]]:
        """Names, parents and offsets (metres) of the joints: starts of bones, then the tips."""
        bones = {bone.name: bone for bone in self.bones}
        children: dict[str, list[str]] = {}
        for child in bones:
            if child in self.parents:
                children.setdefault(self.parents[child], []).append(child)
        order = ["root"]
        for name in order:
            order += children.get(name, [])
        tips = [name for name in order[1:] if name not in children]
        names = [*order, *(f"{name}_end" for name in tips)]
        place = {name: number for number, name in enumerate(order)}
        above = [-1, *(place[self.parents[name]] for name in order[1:])]
        parents = [*above, *(place[name] for name in tips)]
        offsets = torch.zeros(len(names), 3, dtype=torch.float64)
        for joint, parent in enumerate(parents):
            if parent > 0:
                offsets[joint] = torch.tensor(bones[order[parent]].vector, dtype=torch.float64)
        return tuple(names), tuple(parents), offsets


def _turned(angles: Tensor, axes: Iterable[int]) -> Tensor:
    """Rotations about fixed axes, the first angle first: [..., n] radians -> [..., 3, 3]."""
    eye = torch.eye(3, dtype=torch.float64)
    out = eye.expand(*angles.shape[:-1], 3, 3)
    for place, axis in enumerate(axes):
        out = rotmat_from_axis_angle(angles[..., place, None] * eye[axis]) @ out
    return out


def _refuse(file: Path, wanted: str, got: str) -> NoReturn:
    raise FileFormatError(f"expected {wanted} in '{file}', got {got:.80}: download the file again")


def _read_text(path: Path) -> str:
    try:
        check_regular(path)
        return path.read_text(encoding="latin1")
    except OSError as error:
        raise FileFormatError(
            f"expected a motion file at '{path}', got {error.strerror or error}: check the path"
        ) from error


def read_asf(path: str | PathLike[str]) -> AsfSkeleton:
    """Read a skeleton; `FileFormatError` says what is wrong with any other file."""
    file = Path(path)
    sections = _sections(_read_text(file))
    for name in ("units", "root", "bonedata", "hierarchy"):
        if name not in sections:
            _refuse(file, f"a section :{name}", ", ".join(sections) or "no section")
    units = {words[0]: words[1] for words in sections["units"] if len(words) == 2}
    radian = math.pi / 180 if units.get("angle", "deg").startswith("deg") else 1.0
    length = _numbers([units.get("length", "1")], 1, file)[0]
    if length <= 0:
        _refuse(file, "a unit of length above 0", str(length))
    metres = _INCH / length
    blocks = list(_blocks(sections["bonedata"]))
    if len(blocks) > _MAX_BONES:
        _refuse(file, f"at most {_MAX_BONES} bones", str(len(blocks)))
    bones = tuple(_bone(rows, metres, radian, file) for rows in blocks)
    if not 0 < len({bone.name for bone in bones}) == len(bones):
        _refuse(file, "every bone's name once", f"{len(bones)} bones")
    root = {words[0]: words[1:] for words in sections["root"]}
    turn = _axis([*root.get("orientation", "000"), *root.get("axis", ["XYZ"])], radian, file)
    order = tuple(word.lower() for word in root.get("order", ["TX", "TY", "TZ", "RX", "RY", "RZ"]))
    if sorted(order) != ["rx", "ry", "rz", "tx", "ty", "tz"]:
        _refuse(file, "TX TY TZ RX RY RZ in the root's order", " ".join(order))
    place = [x * metres for x in _numbers(root.get("position", ["0"] * 3), 3, file)]
    parents = _parents(sections["hierarchy"], [bone.name for bone in bones], file)
    return AsfSkeleton(bones, parents, metres, radian, order, tuple(place), turn)


def _sections(text: str) -> dict[str, list[list[str]]]:
    sections: dict[str, list[list[str]]] = {}
    rows: list[list[str]] = []
    for line in text.splitlines():
        words = line.split("#")[0].split()
        if words and words[0].startswith(":"):
            rows = sections.setdefault(words[0][1:].lower(), [])
        elif words:
            rows.append(words)
    return sections


def _blocks(rows: list[list[str]]) -> Iterator[list[list[str]]]:
    block: list[list[str]] = []
    for words in rows:
        if words[0] == "begin":
            block = []
        elif words[0] == "end":
            yield block
        else:
            block.append(words)


def _bone(rows: list[list[str]], metres: float, radian: float, file: Path) -> AsfBone:
    row = {words[0]: words[1:] for words in rows}
    name = " ".join(row.get("name", []))
    dof = tuple(word.lower() for word in row.get("dof", []))
    if not name or not set(dof) <= set(_TURNS):
        _refuse(file, "a name and dof of rx, ry, rz in every bone", f"'{name}' {' '.join(dof)}")
    direction = _numbers(row.get("direction", []), 3, file)
    length = _numbers(row.get("length", []), 1, file)[0] * metres
    x, y, z = (component * length for component in direction)
    axis = _axis(row.get("axis", ["0", "0", "0", "XYZ"]), radian, file)
    return AsfBone(name, (x, y, z), axis, dof)


def _axis(words: list[str], radian: float, file: Path) -> Tensor:
    order = words[3].upper() if len(words) == 4 else ""
    if sorted(order) != ["X", "Y", "Z"]:
        _refuse(file, "three angles and an order like XYZ for an axis", " ".join(words))
    angles = torch.tensor(_numbers(words[:3], 3, file), dtype=torch.float64) * radian
    return _turned(angles, ["XYZ".index(letter) for letter in order])


def _numbers(words: list[str], count: int, file: Path) -> list[float]:
    try:
        numbers = [float(word) for word in words]
    except ValueError:
        numbers = []
    if len(numbers) != count or not all(map(math.isfinite, numbers)):
        _refuse(file, f"{count} number{'s' * (count > 1)}", f"'{' '.join(words)}'")
    return numbers


def _parents(rows: list[list[str]], bones: list[str], file: Path) -> dict[str, str]:
    known = set(bones)
    if "root" in known:
        _refuse(file, "bones with names of their own", "one called root")
    parents: dict[str, str] = {}
    children: dict[str, list[str]] = {}
    for words in rows:
        if words[0] in ("begin", "end"):
            continue
        for child in words[1:]:
            if child in parents or child not in known:
                _refuse(file, "every bone once in the hierarchy", child)
            parents[child] = words[0]
            children.setdefault(words[0], []).append(child)
    reached = ["root"]
    for name in reached:
        reached += children.get(name, [])
    if lost := known - set(reached):
        _refuse(file, "all bones below the root", ", ".join(sorted(lost)))
    return parents


@dataclass(slots=True)
class _Frames:
    """The rows of an AMC: for each bone the column of its first value, for each frame its values."""

    columns: dict[str, slice] = field(default_factory=dict)
    values: list[list[float]] = field(default_factory=list)


def read_amc(path: str | PathLike[str], skeleton: AsfSkeleton, fps: float) -> RotationClip:
    """Read the motion of a skeleton; the file does not say its frame rate (CMU: mostly 120).

    `FileFormatError` where the file belongs to another skeleton or was cut off. Numbers that are not
    finite are kept: the caller decides about such frames.
    """
    file = Path(path)
    lines = _read_text(file).splitlines()
    header = {line.strip().upper() for line in lines[:50] if line.startswith(":")}
    radian = 1.0 if ":RADIANS" in header else math.pi / 180 if ":DEGREES" in header else None
    frames = _frames(lines, skeleton, file)
    values = torch.tensor(frames.values, dtype=torch.float64)
    names, parents, rest = skeleton.joints()
    _check_extent(len(values) * len(names), lines, file)
    place = {name: number for number, name in enumerate(names)}
    rotmats = torch.eye(3, dtype=torch.float64).repeat(len(values), len(names), 1, 1)
    bones = {bone.name: bone for bone in skeleton.bones}
    for name, columns in frames.columns.items():
        dof = skeleton.root_order if name == "root" else bones[name].dof
        frame = skeleton.root_axis if name == "root" else bones[name].axis
        turning = [place for place, word in enumerate(dof) if word in _TURNS]
        angles = values[:, columns][:, turning] * (skeleton.radian if radian is None else radian)
        turned = _turned(angles, [_TURNS.index(dof[place]) for place in turning])
        rotmats[:, place[name]] = frame @ turned @ frame.T
    offsets = rest.repeat(len(values), 1, 1)
    offsets[:, 0] = _root_path(values[:, frames.columns["root"]], skeleton)
    return RotationClip(names, parents, rest, offsets, rotmats, fps)


def _check_extent(rotations: int, lines: list[str], file: Path) -> None:
    """Bones that never move need no text: a small file could ask for all memory."""
    if rotations > _FEW_ROTATIONS + sum(map(len, lines)):
        _refuse(
            file, "a row for most bones in every frame", f"{rotations} rotations of few numbers"
        )


def _root_path(values: Tensor, skeleton: AsfSkeleton) -> Tensor:
    places = [skeleton.root_order.index(word) for word in ("tx", "ty", "tz")]
    start = torch.tensor(skeleton.root_place, dtype=torch.float64)
    return values[:, places] * skeleton.metres + start


def _frames(lines: list[str], skeleton: AsfSkeleton, file: Path) -> _Frames:
    starts = [index for index, line in enumerate(lines) if line.strip().isdecimal()]
    widths = {bone.name: len(bone.dof) for bone in skeleton.bones} | {"root": 6}
    frames = _Frames()
    expected: list[tuple[str, int]] = []
    for start, end in pairwise([*starts, len(lines)]):
        rows = [words for line in lines[start + 1 : end] if (words := line.split())]
        layout = [(words[0], len(words) - 1) for words in rows]
        if not frames.columns:
            frames.columns = _columns(layout, widths, file)
            expected = layout
        number, first = (int(lines[at].strip()[:_DIGITS]) for at in (start, starts[0]))
        if layout != expected or number != first + len(frames.values):
            wanted = (
                f"{len(expected)} bones as in the first frame, frame {first + len(frames.values)}"
            )
            _refuse(file, wanted, f"{len(layout)} bones, frame {number}")
        try:
            frames.values.append([float(word) for words in rows for word in words[1:]])
        except ValueError as error:
            _refuse(file, f"numbers in frame {number}", str(error))
    if not frames.values:
        _refuse(file, "frames, each below its number", "none")
    if not np.isfinite(np.array(frames.values)).any():
        _refuse(file, "numbers", "none that is finite")
    return frames


def _columns(layout: list[tuple[str, int]], widths: dict[str, int], file: Path) -> dict[str, slice]:
    columns: dict[str, slice] = {}
    column = 0
    for name, width in layout:
        if widths.get(name) != width or name in columns:
            wanted = f"bones of the skeleton with their values ({widths.get(name)} for '{name}')"
            _refuse(file, wanted, f"{width}; this motion has another skeleton")
        columns[name] = slice(column, column + width)
        column += width
    missing = {name for name, width in widths.items() if width} - set(columns)
    if missing:
        _refuse(file, "all bones that move", f"none of {', '.join(sorted(missing))}")
    return columns
