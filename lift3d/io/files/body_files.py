"""Where the files of licensed body models are looked for.

In this order: the path that is given; the folder (or file) that `$LIFT3D_BODY_MODELS` names; the folder
`body_models` in lift3d's user data (`lift3d doctor` shows it). Folders are searched with all that is in
them.
"""

import os
from pathlib import Path
from typing import Final

import platformdirs

__all__ = ["BODY_MODEL_SUFFIXES", "body_model_files", "body_model_folders"]

BODY_MODEL_SUFFIXES: Final = (".safetensors", ".npz", ".pkl")
"""Endings of body model files, the quickest to read first."""
_VARIABLE: Final = "LIFT3D_BODY_MODELS"
_MOST_ENTRIES: Final = 20_000


def body_model_folders() -> tuple[Path, ...]:
    """The folders that are searched, first to last; they need not exist."""
    named = os.environ.get(_VARIABLE, "")
    own = platformdirs.user_data_path("lift3d") / "body_models"
    return (Path(named), own) if named else (own,)


def body_model_files(folder: Path) -> list[Path]:
    """All files in a folder, and in those inside it, that may hold a body model, sorted; or the file.

    Hidden folders are left out, links to folders are not followed.
    """
    if folder.is_file():  # $LIFT3D_BODY_MODELS may name the file itself
        return [folder]
    found: list[Path] = []
    seen = 0
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [
            Path(place) / name
            for name in sorted(names)
            if name.lower().endswith(BODY_MODEL_SUFFIXES)
            and not name.startswith(".")
            and (Path(place) / name).is_file()  # no pipes, no devices
        ]
        seen += len(names) + len(folders)
        if seen > _MOST_ENTRIES:  # somebody's whole disk
            break
    return found
