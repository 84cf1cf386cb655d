"""HDF5 files that reach for other files, or claim what they have not."""

import io
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import h5py
import numpy as np

from tests.helpers.attack_zeros import zlib_zeros

__all__ = ["CLAIMS", "moved_away"]

Move = Callable[[Any, str, Path], object]
"""Puts something of another file in the place of a part: the file, the part's path, the other file."""


def _linked(file: Any, part: str, other: Path) -> None:
    del file[part]
    file[part] = h5py.ExternalLink(str(other), part)


def _linked_softly(file: Any, part: str, other: Path) -> None:
    """Through a link inside the file to a link to another one."""
    _linked(file, part, other)
    file.move(part, "elsewhere_of_it")
    file[part] = h5py.SoftLink("/elsewhere_of_it")


def _stored_outside(file: Any, part: str, other: Path) -> None:
    old = file[part]
    if not isinstance(old, h5py.Dataset) or old.dtype.hasobject or not old.size:
        raise ValueError(part)
    shape, kind, about = old.shape, old.dtype, dict(old.attrs)
    (other.parent / "raw").write_bytes(np.asarray(old[()]).tobytes() or b"\0")
    del file[part]
    made = file.create_dataset(
        part, shape, kind, external=[(str(other.parent / "raw"), 0, 1 << 20)]
    )
    made.attrs.update(about)


def _virtual(file: Any, part: str, other: Path) -> None:
    old = file[part]
    if not isinstance(old, h5py.Dataset) or old.dtype.hasobject or not old.shape:
        raise ValueError(part)
    layout = h5py.VirtualLayout(old.shape, old.dtype)
    layout[...] = h5py.VirtualSource(str(other), part, old.shape, old.dtype)
    about = dict(old.attrs)
    del file[part]
    file.create_virtual_dataset(part, layout).attrs.update(about)


MOVES: Final[Mapping[str, Move]] = {
    "a link to another file": _linked,
    "a link to such a link": _linked_softly,
    "numbers in another file": _stored_outside,
    "a virtual data set": _virtual,
}


def moved_away(good: bytes) -> Iterator[tuple[str, Callable[[Path], bytes]]]:
    """A good file , one part after another of it moved to a file in a folder that is given later."""
    with h5py.File(io.BytesIO(good)) as file:
        parts: list[str] = []
        file.visit(parts.append)
    for part in parts:
        for what, move in MOVES.items():
            try:
                with TemporaryDirectory() as folder:
                    _moved(good, part, move, Path(folder))
            except ValueError:  # a group has no numbers to move
                continue
            yield f"{what}: {part}", lambda at, p=part, m=move: _moved(good, p, m, at)


def _moved(good: bytes, part: str, move: Move, secret: Path) -> bytes:
    other = secret / "other.h5"
    other.write_bytes(good)
    content = io.BytesIO(good)
    with h5py.File(content, "r+") as file:
        move(file, part, other)
    return content.getvalue()


def _file(fill: Callable[[Any], object]) -> bytes:
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        fill(file)
    return content.getvalue()


_PARTS: Final[Mapping[str, tuple[int, ...]]] = {
    "tracks": (100, 2, 5, 1_000_000), "df_with_missing/table": (10**12,),
    "annot2": (50_000_000, 17, 2), "annot3": (50_000_000, 17, 3), "univ_annot3": (50_000_000, 17, 3),
    "valid_frame": (50_000_000,), "3D_positions": (96, 50_000_000), "clips/jump/rotvec": (10**9, 24, 3),
    "subject1/camera1/R": (50_000, 50_000), "subject1/camera1/Name": (10**9, 1),
}  # fmt: skip
"""What readers look for, and sizes beyond any memory."""


def _claimed(*, written: bool) -> Callable[[Any], None]:
    """Data sets of giant sizes, of which one packed piece was written, or none."""

    def fill(file: Any) -> None:
        for part, shape in _PARTS.items():
            chunk = tuple(min(n, 100) for n in shape)
            made = file.create_dataset(part, shape, "<f8", chunks=chunk, compression="gzip")
            if written:
                made[tuple(slice(0, n) for n in chunk)] = 1.0
        file["node_names"] = np.array([f"n{n}" for n in range(5)], "S")
        file["track_names"] = np.empty(0)

    return fill


def _packed(file: Any) -> None:
    """400 MB of zeros in as many kilobytes."""
    piece = zlib_zeros(96 * 8 << 14)
    for part in ("annot2", "annot3", "univ_annot3", "valid_frame", "3D_positions"):
        shape, chunk = (96, 33 << 14), (96, 1 << 14)
        made = file.create_dataset(part, shape, "<f8", chunks=chunk, compression="gzip")
        for start in range(0, shape[1], chunk[1]):
            made.id.write_direct_chunk((0, start), piece)


def _ring(file: Any) -> None:
    for part in ("clips", "subject1", "df_with_missing"):
        group = file.create_group(part)
        group["again"] = group
        group["jump"] = h5py.SoftLink(f"/{part}/jump")


def _texts_for_numbers(file: Any) -> None:
    for part in _PARTS:
        file.create_dataset(part, (3,), h5py.string_dtype())
    file["node_names"] = np.array(["x"], h5py.string_dtype())


def _references(file: Any) -> None:
    thing = file.create_dataset("thing", data=np.ones(3))
    for part in _PARTS:
        file.create_dataset(part, (3,), h5py.ref_dtype)[:] = thing.ref


CLAIMS: Final[Mapping[str, Callable[[], bytes]]] = {
    "sizes of which nothing was written": lambda: _file(_claimed(written=False)),
    "sizes of which one piece was written": lambda: _file(_claimed(written=True)),
    "zeros packed a thousand to one": lambda: _file(_packed),
    "groups in a ring": lambda: _file(_ring),
    "texts for numbers": lambda: _file(_texts_for_numbers),
    "references for numbers": lambda: _file(_references),
    "the first bytes alone": lambda: b"\x89HDF\r\n\x1a\n" + bytes(600),
}
