"""The arrays of one body model of SMPL's family, checked against each other.

Whatever a file is written in, all loading meets here: names as in SMPL's files come in, typed tensors
go out (float32, as the field computes), or a `FileFormatError` that says which array does not fit.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy import ndarray
from scipy import sparse
from torch import Tensor

from lift3d.errors import FileFormatError
from lift3d_body_models.family import FAMILY, Member, member_of
from lift3d_body_models.hands import HandPca

__all__ = ["WANTED", "ModelArrays", "checked_arrays"]

WANTED: Final = (
    "v_template", "shapedirs", "posedirs", "J_regressor", "weights", "f", "kintree_table",
    "vt", "ft", "gender", "hands_components", "hands_mean",
    "hands_componentsl", "hands_meanl", "hands_componentsr", "hands_meanr",
)  # fmt: skip
"""All that is read of a file; the rest is not even unpacked."""
_MOST_SHAPES: Final = 300
"""Betas of SMPL-X and FLAME files with 400 shapes; expressions follow. Files with 20 have 10 and 10."""
_SPARSE: Final = (sparse.csc_matrix, sparse.csr_matrix, sparse.coo_matrix)
_VARIANTS: Final = ("neutral", "female", "male", "right", "left")
_HANDS: Final = {"left": "l", "right": "r", "hand": ""}


@dataclass(frozen=True, slots=True)
class ModelArrays:
    """One body model's arrays.

    `uv` is empty and `uv_faces` zero where a file has no texture coordinates. `gender` is a side for
    MANO, and "" where a file does not say it. `hands` has "left" and "right" for whole bodies, "hand"
    for MANO, and nothing where a file has none.
    """

    member: Member
    v_template: Float[Tensor, "vertices 3"]
    shapedirs: Float[Tensor, "vertices 3 betas"]
    expressiondirs: Float[Tensor, "vertices 3 expressions"]
    posedirs: Float[Tensor, "vertices 3 features"]
    j_regressor: Float[Tensor, "joints vertices"]
    lbs_weights: Float[Tensor, "vertices joints"]
    faces: Int[Tensor, "faces 3"]
    uv: Float[Tensor, "uv_vertices 2"]
    uv_faces: Int[Tensor, "faces 3"]
    gender: str = ""
    hands: Mapping[str, HandPca] = field(default_factory=dict[str, HandPca])


@dataclass(frozen=True, slots=True)
class _File:
    """Entries of a file, by the names that SMPL's files give them."""

    entries: Mapping[str, object]
    name: str

    def bad(self, expected: str, got: str) -> FileFormatError:
        return FileFormatError(
            f"expected {expected} in '{self.name}', got {got}: get the file again from its makers"
        )

    def numbers(self, key: str, *shape: int | None) -> ndarray:
        """A dense array with these lengths; None stands for any."""
        if key not in self.entries:
            raise self.bad(f"the array '{key}'", "none of that name")
        value = self.entries[key]
        given = getattr(value, "shape", None)
        if given is None or len(given) != len(shape) or not _fits(given, shape):
            axes = " ".join("any" if n is None else str(n) for n in shape)
            raise self.bad(f"'{key}' of shape ({axes})", _described(value))
        array = self._dense(key, value, shape) if isinstance(value, _SPARSE) else np.asarray(value)
        if array.dtype.kind not in "fiub" or not np.isfinite(array).all():
            raise self.bad(f"finite numbers in '{key}'", f"{array.dtype} with others")
        return array

    def _dense(self, key: str, value: Any, shape: tuple[int | None, ...]) -> ndarray:
        """A sparse matrix with its zeros, if its size is known beforehand: it may claim any."""
        if None in shape:
            raise self.bad(f"a dense array '{key}'", "a sparse one")
        try:
            out: ndarray = value.toarray()
        except (ValueError, MemoryError) as error:  # 16-bit numbers, which SciPy cannot spread
            raise self.bad(f"a matrix that can be unpacked in '{key}'", str(error)) from error
        return out

    def floats(self, key: str, *shape: int | None) -> Tensor:
        with np.errstate(over="ignore"):
            array = np.ascontiguousarray(self.numbers(key, *shape), dtype=np.float32)
        if not np.isfinite(array).all():
            raise self.bad(f"numbers of a body's size in '{key}'", "giant ones")
        return torch.from_numpy(array)

    def indices(self, key: str, below: int, of: str, *shape: int | None) -> Tensor:
        """Whole numbers that count something of which there are `below`."""
        array = self.numbers(key, *shape)
        if array.dtype.kind == "f" and bool((array % 1).any()):
            raise self.bad(f"whole numbers in '{key}'", "fractions")
        if array.size and not 0 <= array.min() <= array.max() < below:
            raise self.bad(f"indices of {below} {of} in '{key}'", f"{array.min()} to {array.max()}")
        return torch.from_numpy(np.ascontiguousarray(array, dtype=np.int64))


def checked_arrays(entries: Mapping[str, object], name: str) -> ModelArrays:
    """The arrays of a model file; `name` stands in messages.

    Raises `FileFormatError` for a missing array, for arrays that do not fit together, and for a model
    that is none of the family; each says which.
    """
    file = _File(entries, name)
    v_template = file.floats("v_template", None, 3)
    count = len(v_template)
    if count == 0:
        raise file.bad("vertices in 'v_template'", "none")
    weights = file.floats("weights", count, None)
    member = _member(file, weights.shape[1])
    joints = len(member.skeleton)
    faces = file.indices("f", count, "vertices", None, 3)
    shapes = file.floats("shapedirs", count, 3, None)
    split = _betas(shapes.shape[2]) if member.expressive else shapes.shape[2]
    sums = weights.sum(1)
    if not bool(((sums - 1).abs() < 0.01).all()):
        raise file.bad("'weights' whose rows sum to 1", f"sums from {sums.min()} to {sums.max()}")
    uv, uv_faces = _texture(file, len(faces))
    return ModelArrays(
        member=member,
        v_template=v_template,
        shapedirs=shapes[..., :split].contiguous(),
        expressiondirs=shapes[..., split:].contiguous(),
        posedirs=file.floats("posedirs", count, 3, 9 * (joints - 1)),
        j_regressor=file.floats("J_regressor", joints, count),
        lbs_weights=weights,
        faces=faces,
        uv=uv,
        uv_faces=uv_faces,
        gender=_gender(entries.get("gender")),
        hands=_hands(file),
    )


def _member(file: _File, joints: int) -> Member:
    member = member_of(joints)
    if member is None:
        known = ", ".join(f"{len(m.skeleton)} ({m.title})" for m in FAMILY.values())
        raise file.bad(f"as many joints as {known}", str(joints))
    table = file.numbers("kintree_table", 2, joints).astype(np.int64)
    table = np.where(table == 2**32 - 1, -1, table)  # -1 as an unsigned number
    parents = dict(zip(table[1].tolist(), table[0].tolist(), strict=True))
    wanted = member.skeleton.parents
    # Some files give the root itself, or another joint, as the root's parent.
    given = tuple(-1 if child == 0 else parents.get(child) for child in range(joints))
    if given != wanted:
        raise file.bad(f"the tree of {member.title} in 'kintree_table'", f"parents {given}")
    return member


def _betas(shapes: int) -> int:
    """How many of the shapes are betas; expressions follow them."""
    if shapes == 20:
        return 10
    return min(shapes, _MOST_SHAPES)


def _texture(file: _File, faces: int) -> tuple[Tensor, Tensor]:
    if "vt" not in file.entries or "ft" not in file.entries:
        return torch.zeros(0, 2), torch.zeros(faces, 3, dtype=torch.long)
    uv = file.floats("vt", None, 2)
    return uv, file.indices("ft", len(uv), "texture coordinates", faces, 3)


def _hands(file: _File) -> dict[str, HandPca]:
    return {
        hand: HandPca(
            file.floats(f"hands_components{suffix}", None, 45),
            file.floats(f"hands_mean{suffix}", 45),
        )
        for hand, suffix in _HANDS.items()
        if f"hands_components{suffix}" in file.entries and f"hands_mean{suffix}" in file.entries
    }


def _gender(value: object) -> str:
    if isinstance(value, ndarray) and value.ndim == 0:
        value = value[()]
    text = value.decode("latin1") if isinstance(value, bytes) else value
    return text.lower() if isinstance(text, str) and text.lower() in _VARIANTS else ""


def _fits(given: tuple[int, ...], wanted: tuple[int | None, ...]) -> bool:
    return all(n is None or m == n for m, n in zip(given, wanted, strict=True))


def _described(value: object) -> str:
    shape = getattr(value, "shape", None)
    return type(value).__name__ if shape is None else f"shape {tuple(shape)}"
