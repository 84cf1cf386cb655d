"""What a hostile file is: how to build it, and what reading it must say."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["FLAT", "LONG", "Case", "file_of", "folder_of", "json_of"]

FLAT = [float(v) for n in range(17) for v in (100 + 7 * n, 50 + 11 * n % 90, 0.9)]
LONG = [float(v) for n in range(25) for v in (100 + 7 * n, 50 + 11 * n % 90, 0.9)]


@dataclass(frozen=True)
class Case:
    """`build` writes into a folder and returns what is to be read."""

    name: str
    build: Callable[[Path], Path]
    says: str
    reads: bool = False


def file_of(name: str, content: bytes | Callable[[], bytes]) -> Callable[[Path], Path]:
    """A file of that content, made when it is wanted."""

    def build(folder: Path) -> Path:
        path = folder / name
        path.write_bytes(content if isinstance(content, bytes) else content())
        return path

    return build


def json_of(document: Any, name: str = "clip_7.json") -> Callable[[Path], Path]:
    """A file of JSON."""

    return file_of(name, lambda: json.dumps(document).encode())


def folder_of(files: dict[str, bytes]) -> Callable[[Path], Path]:
    """A folder of files."""

    def build(folder: Path) -> Path:
        inside = folder / "clip"
        inside.mkdir()
        for name, content in files.items():
            (inside / name).write_bytes(content)
        return inside

    return build
