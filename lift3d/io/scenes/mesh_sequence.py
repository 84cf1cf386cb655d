"""Posed surfaces as OBJ or PLY files, one per frame: a folder, a zip, or a single frame."""

import os
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, get_args

import numpy as np
import torch
from jaxtyping import Float32, UInt8
from numpy import ndarray

from lift3d.body import BodyParams, Surface
from lift3d.clip import Clip
from lift3d.errors import InputError
from lift3d.io.files.atomic import atomic_path
from lift3d.io.files.atomic_folder import atomic_folder
from lift3d.io.motion.world_body import people_in_world, person_in_world
from lift3d.protocols import BodyModel

__all__ = ["MeshKind", "write_meshes"]

MeshKind = Literal["obj", "ply"]

_CHUNK: Final = 16
"""Frames whose vertices are made at once."""
_DATE: Final = (1980, 1, 1, 0, 0, 0)  # the same clip gives the same zip


def write_meshes(
    path: str | os.PathLike[str],
    clip: Clip,
    body: BodyModel,
    *,
    kind: str = "obj",
    person: int | None = None,
    frame: int | None = None,
    on_floor: bool = True,
) -> None:
    """Write a clip's surfaces, y up and in metres, with one file per frame for everybody.

    `path` is a folder to make, or a `.zip`; its files are `frame_000000.obj` and so on, counted from
    the clip's first frame. With `frame` it is one file instead. `person`, a place in `clip.people`,
    leaves the others out. Every frame has the same triangles: frames with NaN hold the nearest known
    pose. OBJ files hold texture coordinates and one object per person, and floats that read back to
    the same bits; PLY files are binary, with colours per vertex. A folder or file appears whole or
    not at all. Raises `InputError` for an unknown kind, person or frame, and `OutputError` where
    nothing can be written, or where a folder already holds something.
    """
    if frame is not None and not 0 <= frame < len(clip):
        raise InputError(
            f"expected a frame between 0 and {len(clip) - 1}, got {frame}: choose one of them"
        )
    people = (
        people_in_world(clip, body, on_floor=on_floor)
        if person is None
        else [person_in_world(clip, body, person, on_floor=on_floor)]
    )
    form = _form(kind, body.surface, len(people))
    target = Path(path)
    if frame is not None:
        with atomic_path(target) as partial:
            partial.write_bytes(next(_files(form, body, people, range(frame, frame + 1))))
    elif target.suffix.lower() == ".zip":
        _write_zip(target, kind, _files(form, body, people, range(len(clip))))
    else:
        with atomic_folder(target) as folder:
            for number, data in enumerate(_files(form, body, people, range(len(clip)))):
                (folder / _name(number, kind)).write_bytes(data)


def _name(frame: int, kind: str) -> str:
    return f"frame_{frame:06d}.{kind}"


def _write_zip(path: Path, kind: str, files: Iterator[bytes]) -> None:
    with atomic_path(path) as partial, zipfile.ZipFile(partial, "w") as archive:
        for number, data in enumerate(files):
            entry = zipfile.ZipInfo(_name(number, kind), _DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, data, compresslevel=1)


def _files(
    form: "_Obj | _Ply", body: BodyModel, people: Sequence[BodyParams], frames: range
) -> Iterator[bytes]:
    """The files of some frames, one after the other."""
    for start in range(frames.start, frames.stop, _CHUNK):
        chunk = slice(start, min(start + _CHUNK, frames.stop))
        with torch.no_grad():
            posed = [body(person[chunk]).vertices.float().numpy() for person in people]
        for vertices in np.stack(posed, 1):
            yield form.bytes_of(vertices)


def _form(kind: str, surface: Surface, people: int) -> "_Obj | _Ply":
    if kind not in get_args(MeshKind):
        raise InputError(
            f"expected a kind of {', '.join(get_args(MeshKind))}, got '{kind}': name one of them"
        )
    return _obj_form(surface, people) if kind == "obj" else _ply_form(surface, people)


@dataclass(frozen=True, slots=True)
class _Obj:
    """An OBJ file's parts that stay the same: texture coordinates, and each person's triangles."""

    textures: bytes
    faces: tuple[bytes, ...]

    def bytes_of(self, vertices: Float32[ndarray, "people vertices 3"]) -> bytes:
        parts = [b"# metres, y up\n", self.textures]
        for number, (places, faces) in enumerate(zip(vertices, self.faces, strict=True)):
            # Nine digits name each single precision number (IEEE 754-2019, 5.12.2).
            lines = "v %.9g %.9g %.9g\n" * len(places) % tuple(places.ravel().tolist())
            parts += [b"o person%d\n" % (number + 1), lines.encode(), faces]
        return b"".join(parts)


def _obj_form(surface: Surface, people: int) -> _Obj:
    count = len(surface.lbs_weights)
    faces = surface.faces.numpy() + 1  # indices start at 1
    uv = surface.uv.double().numpy()
    textures = "vt %.6f %.6f\n" * len(uv) % tuple(uv.ravel().tolist())
    corners = [faces + person * count for person in range(people)]
    if len(uv):
        uv_faces = surface.uv_faces.numpy() + 1
        corners = [np.stack([places, uv_faces], -1) for places in corners]
    line = "f %d/%d %d/%d %d/%d\n" if len(uv) else "f %d %d %d\n"
    return _Obj(
        textures.encode(),
        tuple((line * len(faces) % tuple(c.ravel().tolist())).encode() for c in corners),
    )


@dataclass(frozen=True, slots=True)
class _Ply:
    """A binary PLY file's parts that stay the same: header, colours of all vertices, and triangles."""

    header: bytes
    colors: UInt8[ndarray, "all_vertices 3"]
    faces: bytes

    def bytes_of(self, vertices: Float32[ndarray, "people vertices 3"]) -> bytes:
        rows = np.empty(len(self.colors), [("place", "<f4", 3), ("color", "u1", 3)])
        rows["place"] = vertices.reshape(-1, 3)
        rows["color"] = self.colors
        return self.header + rows.tobytes() + self.faces


def _ply_form(surface: Surface, people: int) -> _Ply:
    count, faces = len(surface.lbs_weights), surface.faces.numpy()
    rows = np.empty(people * len(faces), [("count", "u1"), ("corners", "<i4", 3)])
    rows["count"] = 3
    rows["corners"] = np.concatenate([faces + person * count for person in range(people)])
    lines = [
        "ply",
        "format binary_little_endian 1.0",
        "comment metres, y up",
        f"element vertex {people * count}",
        *(f"property float {axis}" for axis in "xyz"),
        *(f"property uchar {color}" for color in ("red", "green", "blue")),
        f"element face {len(rows)}",
        "property list uchar int vertex_indices",
        "end_header",
    ]
    colors = np.tile(_display(surface.colors.double().numpy()), (people, 1))
    return _Ply("\n".join([*lines, ""]).encode(), colors, rows.tobytes())


def _display(linear: ndarray) -> UInt8[ndarray, "vertices 3"]:
    """Linear RGB as display RGB of 8 bits (IEC 61966-2-1)."""
    value = np.clip(linear, 0, 1)
    curve = np.where(value <= 0.0031308, 12.92 * value, 1.055 * value ** (1 / 2.4) - 0.055)
    shown: UInt8[ndarray, "vertices 3"] = np.round(255 * curve).astype(np.uint8)
    return shown
