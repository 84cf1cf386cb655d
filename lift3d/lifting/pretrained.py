"""Weights in a folder, as hubs keep them: `model.safetensors` beside a `config.json`.

`from_pretrained` takes such a folder, a file of weights, the name of weights that come with lift3d, or
the name of a repository on the Hugging Face hub. Only the last asks the network, and only where the
package `huggingface_hub` is installed. Nothing in a folder is run: tensors and JSON are all there is.
"""

import hashlib
import importlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from os import PathLike
from pathlib import Path
from typing import Any, ClassVar, Final, TypeVar

from lift3d.errors import FileFormatError, InputError, MissingDependencyError
from lift3d.io.files.atomic import atomic_path
from lift3d.io.files.json_values import load_json, read_bytes

__all__ = ["CONFIG", "LIFTER", "WEIGHTS", "Pretrained", "Repository", "folder_of", "save_folder"]

WEIGHTS: Final = "model.safetensors"
CONFIG: Final = "config.json"
LIFTER: Final = "lifter"
"""The folder of the lifter that another one stands on."""

_FORMAT: Final = "lift3d pretrained 1"
_HUB_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}")
_MOST: Final = 1 << 20
"""Bytes of a `config.json`."""

T = TypeVar("T", bound="Pretrained")


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository on the Hugging Face hub, at a branch, a tag or a commit."""

    name: str
    revision: str = "main"

    def fetched(self) -> Path:
        """Where its files lie on this machine. `MissingDependencyError` without `huggingface_hub`."""
        try:
            hub: Any = importlib.import_module("huggingface_hub")
        except ImportError as error:
            raise MissingDependencyError(
                f"expected a folder, a file or the name of weights that come with lift3d, got "
                f"'{self.name}', which would have to be fetched, and no huggingface_hub: pip install "
                "huggingface_hub, or give a folder"
            ) from error
        wanted = [CONFIG, WEIGHTS, f"{LIFTER}/{CONFIG}", f"{LIFTER}/{WEIGHTS}"]
        try:
            found = hub.snapshot_download(self.name, revision=self.revision, allow_patterns=wanted)
        except (OSError, ValueError) as error:  # its own errors are of these
            raise InputError(
                f"expected the repository '{self.name}' on the hub at '{self.revision}', got "
                f"{type(error).__name__}: check its name and the network, or give a folder"
            ) from error
        return Path(str(found))


class Pretrained:
    """What lifters and the regressor share that can be saved to a folder and read from one.

    `pretrained` names the kind of weights, and those that come with lift3d.
    """

    pretrained: ClassVar[str]

    @classmethod
    def from_pretrained(
        cls: type[T], source: str | PathLike[str], *, revision: str = "main", **options: Any
    ) -> T:
        """One with the weights of a folder of `save_pretrained`, a file, a name or a repository.

        `options` go to the class. Raises `FileFormatError` for folders of something else and damaged
        ones, `InputError` for what is neither, `MissingDependencyError` for a repository without
        `huggingface_hub`.
        """
        if str(source) == cls.pretrained:
            return cls(**options)
        path = Path(source)
        if path.is_file():
            return cls._of(path, **options)
        return cls._from_folder(folder_of(source, cls.pretrained, revision), **options)

    @classmethod
    def _of(cls: type[T], path: Path, **options: Any) -> T:
        return cls(weights=path, **options)

    @classmethod
    def _from_folder(cls: type[T], folder: Path, **options: Any) -> T:
        return cls._of(folder / WEIGHTS, **options)

    def __init__(self, weights: str | PathLike[str] | None = None) -> None:
        raise NotImplementedError

    def save_pretrained(self, folder: str | PathLike[str]) -> Path:
        """Write `model.safetensors` and `config.json`; the folder may exist. Returns it."""
        place = Path(folder)
        with atomic_path(place / WEIGHTS) as partial:
            self._save_weights(partial)
        save_folder(place, self.pretrained)
        return place

    def _save_weights(self, path: Path) -> None:
        raise NotImplementedError


def save_folder(folder: Path, kind: str) -> None:
    """Write the `config.json` of weights that lie there already."""
    about = {
        "format": _FORMAT,
        "kind": kind,
        "weights": WEIGHTS,
        "sha256": hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest(),
        "library_name": "lift3d",
        "library_version": version("lift3d"),
    }
    with atomic_path(folder / CONFIG) as partial:
        partial.write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")


def folder_of(source: str | PathLike[str], kind: str, revision: str = "main") -> Path:
    """The folder that holds the weights of that kind, fetched where it is a repository."""
    path = Path(source)
    if not path.is_dir():
        if not _HUB_ID.fullmatch(str(source)):
            raise InputError(
                f"expected a folder, a file, '{kind}' or a repository as OWNER/NAME, got '{source}': "
                "correct it"
            )
        path = Repository(str(source), revision).fetched()
    _check(path, kind)
    return path


def _check(folder: Path, kind: str) -> None:
    """The folder is what its `config.json` says, and that is what was asked for."""
    about = _config(folder)
    if about.get("format") != _FORMAT or about.get("kind") != kind:
        raise FileFormatError(
            f"expected weights of '{kind}' ({_FORMAT}) in '{folder}', got '{about.get('kind')}' "
            f"({about.get('format')}): take the class that they were saved from"
        )
    found = hashlib.sha256(read_bytes(folder / WEIGHTS)).hexdigest()
    if about.get("sha256") != found:
        raise FileFormatError(
            f"expected '{folder / WEIGHTS}' as {CONFIG} beside it describes it, got other bytes: fetch "
            "or save the folder again"
        )


def _config(folder: Path) -> Mapping[str, Any]:
    path = folder / CONFIG
    text = read_bytes(path)
    about = load_json(text, path) if len(text) <= _MOST else None
    if not isinstance(about, dict):
        raise FileFormatError(
            f"expected an object of names in '{path}', got something else: save the folder again"
        )
    return about
