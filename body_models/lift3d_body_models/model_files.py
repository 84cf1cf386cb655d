"""Body model files in and out: pickles, .npz archives, and our own safetensors; told apart by content.

Nothing in a file is run (`lift3d.io.files.safe_pickle`).

`lift3d-body-arrays`, version 1, is what `lift3d convert` writes: one safetensors file with `v_template`,
`shapedirs` (betas first, expressions after), `posedirs`, `j_regressor`, `lbs_weights` (float32), `faces`
(int32), where known `uv` and `uv_faces`, and `hands.<hand>.components` and `.mean`; shapes as in
`ModelArrays`. Its header says `format`, `format_version`, `model` (the member's key), `gender`,
`joint_names`, `parents`, `units`. Other forms hold float64, which is rounded to float32 whenever they
are loaded: a converted file gives the same body to the last bit.
"""

import json
import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
import torch
from safetensors import SafetensorError, safe_open

from lift3d.errors import FileFormatError
from lift3d.io.files.atomic import atomic_path
from lift3d.io.files.safe_pickle import read_object_npz, read_pickle
from lift3d.io.files.tensor_file import tensor_bytes
from lift3d.io.files.unpickling.notes import shown
from lift3d.io.files.zip_entries import check_regular
from lift3d_body_models.model_arrays import WANTED, ModelArrays, checked_arrays

__all__ = ["read_model", "write_model"]

FORMAT: Final = "lift3d-body-arrays"
VERSION: Final = "1"
# Our names for what SMPL's files call otherwise.
_RENAMED: Final = {
    "j_regressor": "J_regressor",
    "lbs_weights": "weights",
    "faces": "f",
    "uv": "vt",
    "uv_faces": "ft",
    "hands.left.components": "hands_componentsl",
    "hands.left.mean": "hands_meanl",
    "hands.right.components": "hands_componentsr",
    "hands.right.mean": "hands_meanr",
    "hands.hand.components": "hands_components",
    "hands.hand.mean": "hands_mean",
}


def read_model(path: str | os.PathLike[str]) -> ModelArrays:
    """The arrays of a body model file in any form.

    The last two files are remembered while they do not change. Raises `FileFormatError`.
    """
    try:
        state = Path(path).stat()
        check_regular(Path(path))
    except (OSError, ValueError) as error:
        said = "nothing there" if isinstance(error, FileNotFoundError) else shown(str(error))
        raise FileFormatError(
            f"expected a body model file at '{path}', got {said}: check the path"
        ) from error
    # Kept for later calls, which may want gradients: never as inference tensors.
    with torch.inference_mode(False):
        return _read(str(path), state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=2)
def _read(path: str, _changed: int, _size: int) -> ModelArrays:
    return checked_arrays(_entries(Path(path)), path)


def _entries(path: Path) -> Mapping[str, object]:
    try:
        with path.open("rb") as file:
            start = file.read(9)
    except OSError as error:
        raise FileFormatError(
            f"expected a body model file at '{path}', got {error.strerror}: check the path"
        ) from error
    if start[8:] == b"{":
        return _safetensors(path)
    if start.startswith(b"PK"):
        return read_object_npz(path, keys=WANTED)
    found = read_pickle(path, keys=WANTED)
    if not isinstance(found, dict):
        raise FileFormatError(
            f"expected a dict of arrays in '{path}', got a {type(found).__name__}: "
            "this is no body model"
        )
    return found


def _safetensors(path: Path) -> dict[str, object]:
    try:
        with safe_open(path, framework="numpy") as file:
            metadata: dict[str, str] = file.metadata() or {}
            said = metadata.get("format"), metadata.get("format_version")
            if said != (FORMAT, VERSION):
                raise ValueError(f"'{said[0]}' version {said[1]}")
            parents: list[int] = json.loads(metadata["parents"])
            entries: dict[str, object] = {
                _RENAMED.get(str(key), str(key)): file.get_tensor(key)
                for key in file.keys()  # noqa: SIM118 - it is no mapping
            }
            table = np.array([parents, range(len(parents))], dtype=np.int64)
    except (
        SafetensorError,
        OSError,
        ValueError,
        KeyError,
        TypeError,
        OverflowError,
        RecursionError,  # lists of lists of lists in the header
        AttributeError,  # 8-bit floats, which NumPy does not know
    ) as error:
        raise FileFormatError(
            f"expected {FORMAT} version {VERSION} in '{path}', got {error}: convert it again"
        ) from error
    return {**entries, "kintree_table": table, "gender": metadata.get("gender", "")}


def write_model(path: str | os.PathLike[str], arrays: ModelArrays) -> None:
    """Write `lift3d-body-arrays`; the file appears whole or not at all. Raises `OutputError`."""
    skeleton = arrays.member.skeleton
    tensors = {
        "v_template": arrays.v_template,
        "shapedirs": torch.cat([arrays.shapedirs, arrays.expressiondirs], -1),
        "posedirs": arrays.posedirs,
        "j_regressor": arrays.j_regressor,
        "lbs_weights": arrays.lbs_weights,
        "faces": arrays.faces.int(),
    }
    if len(arrays.uv):
        tensors |= {"uv": arrays.uv, "uv_faces": arrays.uv_faces.int()}
    for hand, pca in arrays.hands.items():
        tensors |= {f"hands.{hand}.components": pca.components, f"hands.{hand}.mean": pca.mean}
    metadata = {
        "format": FORMAT,
        "format_version": VERSION,
        "model": arrays.member.key,
        "gender": arrays.gender,
        "joint_names": json.dumps(skeleton.joints),
        "parents": json.dumps(skeleton.parents),
        "units": "metres",
    }
    with atomic_path(path) as partial:
        partial.write_bytes(tensor_bytes(tensors, metadata))
