"""Where figures come from: the machine, the versions, the weights and the data."""

import hashlib
import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from itertools import islice
from pathlib import Path
from typing import Final

import torch
from torch import nn

from lift3d.errors import FileFormatError

__all__ = ["DataFile", "Provenance", "provenance_of"]

_PACKAGES: Final = ("lift3d", "torch", "numpy", "h5py")
_MOST_FILES: Final = 100
_MOST_WALKED: Final = 10_000


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file of the dataset: its name below the root, and its size."""

    name: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Provenance:
    """What a reader needs to run the same evaluation again.

    `weights` names the file or says that they came with the lifter; `weights_sha256` is that of the
    file, where one was given, else of the network's tensors. Of a folder with many files the first
    hundred are named; `files_in_all` and `bytes_in_all` count every one, up to ten thousand.
    """

    dataset: str
    lifter: str
    weights: str
    weights_sha256: str
    files: tuple[DataFile, ...]
    files_in_all: int
    bytes_in_all: int
    machine: str
    versions: dict[str, str]


def provenance_of(
    root: Path | None, dataset: object, lifter: object, names: tuple[str, str], weights: Path | None
) -> Provenance:
    """Of a dataset read from `root` and a lifter; `names` are the plug-ins' names."""
    files = list(_files(root, dataset))
    return Provenance(
        names[0],
        names[1],
        str(weights) if weights is not None else "as they come with the lifter",
        _file_hash(weights) if weights is not None else _network_hash(lifter),
        tuple(files[:_MOST_FILES]),
        len(files),
        sum(file.size_bytes for file in files),
        f"{platform.machine()}, {os.cpu_count()} cores, {platform.platform()}",
        {"python": platform.python_version()} | {name: _version(name) for name in _PACKAGES},
    )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _files(root: Path | None, dataset: object) -> Iterator[DataFile]:
    """The files that the reader says it reads, or all that lie there."""
    told = getattr(dataset, "files", None)
    if isinstance(told, (tuple, list)) and told:
        paths = [Path(str(path)) for path in told]
    elif root is None or root.is_file():
        paths = [root] if root is not None else []
    else:
        inside = (path for path in root.rglob("*") if path.is_file())
        paths = sorted(islice(inside, _MOST_WALKED))
    for path in paths:
        if path.is_file():
            below = root is not None and root.is_dir() and path.is_relative_to(root)
            name = str(path.relative_to(root)) if root is not None and below else path.name
            yield DataFile(name, path.stat().st_size)


def _file_hash(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise FileFormatError(
            f"expected weights in '{path}', got {error.strerror or error}: give an existing file"
        ) from error


def _network_hash(lifter: object) -> str:
    """Of names and values of a lifter's `network`, in the order of the names."""
    network = getattr(lifter, "network", None)
    if not isinstance(network, nn.Module):
        return ""
    digest = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()
