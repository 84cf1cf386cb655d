"""Poses of whole datasets in one HDF5 file that maps into memory, so that a corpus may be larger.

`/joints` [poses, joints, 3] float32 (root-relative, metres, 0 where unknown) and `/valid`
[poses, joints] are contiguous and uncompressed; `/clips` is a JSON table of the clips with their rows
and with what was skipped. The file belongs to certain source files (names, sizes, times) and to a
version of the readers; when these change it is built again.
"""

import json
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import h5py
import numpy as np
import torch
from numpy.typing import DTypeLike

from lift3d.errors import FileFormatError, InputError, OutputError
from lift3d.io.files.atomic import atomic_path, clear_abandoned, partial_path
from lift3d.skeleton import Skeleton
from lift3d.training.bank import ClipRows, Corpus
from lift3d.training.body import Poses
from lift3d.training.data import Source, clips_with_poses

__all__ = ["cached_corpus"]

_FORMAT: Final = "lift3d poses 1"
_BLOCK: Final = 65_536
"""Poses copied at once."""


def cached_corpus(
    path: Path, sources: Sequence[Source], splits: Sequence[str], skeleton: Skeleton
) -> Corpus:
    """The corpus of some splits, mapped from `path`, which is built where it is absent or outdated.

    Raises `InputError` where there is nothing to cache, `FileFormatError` where the file is not ours.
    """
    key = _key(sources, splits, skeleton)
    clear_abandoned(_raw(path))
    if not path.exists() or _stored_key(path) != key:
        _build(path, key, clips_with_poses(sources, splits, skeleton), len(skeleton))
    return _open(path)


def _key(sources: Sequence[Source], splits: Sequence[str], skeleton: Skeleton) -> str:
    """What a cache stands for, as text."""
    about = [
        {
            "reader": " ".join((source.name, *source.options)),
            "version": str(getattr(source.dataset, "version", "")),
            "files": _fingerprint(source.root),
        }
        for source in sources
    ]
    return json.dumps({"sources": about, "splits": list(splits), "skeleton": skeleton.joints})


def _fingerprint(root: Path | None) -> list[tuple[str, int, int]]:
    if root is None:
        return []
    files = [root] if root.is_file() else sorted(p for p in root.rglob("*") if p.is_file())
    stats = [(file.relative_to(root.parent), file.stat()) for file in files]
    return [(str(name), stat.st_size, stat.st_mtime_ns) for name, stat in stats]


def _stored_key(path: Path) -> str:
    try:
        with h5py.File(path) as file:
            if file.attrs.get("format") != _FORMAT:
                raise ValueError(f"format {file.attrs.get('format')}")
            return str(file.attrs["key"])
    except (OSError, KeyError, ValueError) as error:
        raise FileFormatError(
            f"expected a cache of poses in '{path}' ({_FORMAT}), got {type(error).__name__}: "
            f"{error}: delete it or choose another file"
        ) from error


def _build(
    path: Path, key: str, clips: Iterator[tuple[ClipRows, torch.Tensor]], joints: int
) -> None:
    """Clip by clip into a raw file, whose length is known only at the end, then into HDF5."""
    with _scratch(path) as raw:
        table: list[ClipRows] = []
        with raw.open("wb") as out:
            for rows, kept in clips:
                table.append(rows)
                out.write(kept.numpy().tobytes())
        count = sum(rows.count for rows in table)
        if not count:
            raise InputError(
                "expected at least one observed frame to cache, got none: "
                "check the dataset's path and split"
            )
        poses = np.memmap(raw, np.float32, "r", shape=(count, joints, 3))
        with atomic_path(path) as partial, h5py.File(partial, "w") as file:
            _fill(file, poses)
            file.create_dataset("clips", data=json.dumps([asdict(rows) for rows in table]))
            file.attrs["format"], file.attrs["key"] = _FORMAT, key


def _raw(path: Path) -> Path:
    return path.with_name(f"{path.name}.raw")


@contextmanager
def _scratch(path: Path) -> Generator[Path]:
    raw = partial_path(_raw(path))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield raw
    except OSError as error:
        raise OutputError(
            f"expected room for a cache of poses in '{path}', got {error.strerror or error}: free some, "
            "or choose another file"
        ) from error
    finally:
        with suppress(OSError):
            raw.unlink(missing_ok=True)


def _fill(file: Any, poses: Any) -> None:
    joints = file.create_dataset("joints", poses.shape, "f4")
    valid = file.create_dataset("valid", poses.shape[:2], "u1")
    for start in range(0, len(poses), _BLOCK):
        block = poses[start : start + _BLOCK]
        joints[start : start + _BLOCK] = np.nan_to_num(block)
        valid[start : start + _BLOCK] = np.isfinite(block).all(-1)


def _open(path: Path) -> Corpus:
    with h5py.File(path) as file:
        table: Any = json.loads(_text(file["clips"]))
        joints = _mapped(path, file["joints"], np.float32)
        valid = _mapped(path, file["valid"], np.bool_)
    return Corpus(Poses(joints, valid), tuple(ClipRows(**row) for row in table))


def _text(dataset: Any) -> str:
    return dataset.asstr()[()]  # type: ignore[no-any-return]


def _mapped(path: Path, dataset: Any, kind: DTypeLike) -> torch.Tensor:
    """A contiguous dataset as a tensor whose pages are read when they are touched.

    Mapped copy-on-write: torch warns about memory that cannot be written to.
    """
    offset = dataset.id.get_offset()
    return torch.from_numpy(np.memmap(path, kind, "c", offset, dataset.shape))
