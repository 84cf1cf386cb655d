"""Arrays of a pickle: NumPy's, SciPy's sparse matrices, and what chumpy wrapped around them.

Arrays are made from their raw bytes, here; NumPy's own `__setstate__` never sees a stranger's state.
Sparse indices are checked, since SciPy's compiled loops trust them. All come back in the machine's byte
order, as arrays of their own.
"""

import math
import re
from collections.abc import Mapping
from typing import Any, Final, Literal

import numpy as np
from numpy import ndarray

from lift3d.io.files.unpickling.notes import ABSENT, Name, shown
from lift3d.io.files.unpickling.values import Maker, Wish

__all__ = ["ARRAY_MAKERS", "ARRAY_NAMES", "array_of_bytes"]

_TYPE: Final = re.compile(r"[biufc]\d{1,2}|[SUa]\d{1,6}|[?bBhHiIlLqQefdgFD]|O\d?")
_MOST_AXES: Final = 32
_LARGEST: Final = 1 << 48
_MODULES: Final = ("numpy.core.", "numpy._core.")
_LAST_CHARACTER: Final = 0x10FFFF


def array_of_bytes(
    data: bytes | memoryview,
    dtype: np.dtype[Any],
    shape: tuple[int, ...],
    order: Literal["C", "F"],
) -> ndarray:
    """An array of its own in the machine's byte order; `ValueError` for bits that mean nothing.

    NumPy trusts bits: characters beyond Unicode crash it later on, and so may flags that are neither
    0 nor 1.
    """
    if dtype.kind not in "biufcSU" or dtype.itemsize == 0:
        raise ValueError("an array of neither numbers nor texts")
    flat = np.frombuffer(data, dtype) if len(data) else np.empty(0, dtype)
    if dtype.kind == "U" and np.any(flat.view(f"{dtype.byteorder}u4") > _LAST_CHARACTER):
        raise ValueError("a text of characters beyond Unicode")
    if dtype.kind == "b":
        flat = flat.view(np.uint8) != 0
    array = flat.reshape(shape[::-1]).T if order == "F" else flat.reshape(shape)
    return array.astype(dtype.newbyteorder("="), copy=True)


def _dtype(wish: Wish) -> object:
    code = wish.args[0] if wish.args else None
    if isinstance(code, bytes):
        code = code.decode("latin1")
    if not isinstance(code, str):
        raise ValueError("an array of an unknown type")
    if not _TYPE.fullmatch(code):
        raise ValueError(f"an array of the type {shown(code)}")
    dtype = np.dtype("O" if code.startswith("O") else code.replace("a", "S"))
    match wish.state:
        case (int(), "<" | ">" | "|" | "=" as order, None, None, None, *_):
            return dtype.newbyteorder(order)
        case _ if wish.state is ABSENT:
            return dtype
        case _:
            raise ValueError("an array whose type has fields")


def _reconstructed(wish: Wish) -> object:
    match wish.args:
        case (Name(_, "ndarray" | "matrix"), *_):
            pass
        case _:
            raise ValueError("an array of an unknown class")
    match wish.state:
        case (int(), tuple() as shape, np.dtype() as dtype, bool() | int() as fortran, raw):
            pass
        case (tuple() as shape, np.dtype() as dtype, bool() | int() as fortran, raw):
            pass
        case _:
            raise ValueError("an array without its numbers")
    if dtype.hasobject:
        return _objects(wish, shape, raw)
    return _from_bytes(wish, raw, dtype, shape, "F" if fortran else "C")


def _from_bytes(
    wish: Wish,
    raw: object,
    dtype: np.dtype[Any],
    shape: tuple[object, ...],
    order: Literal["C", "F"],
) -> ndarray:
    data = raw.encode("latin1") if isinstance(raw, str) else raw
    lengths = _lengths(shape)
    count = math.prod(lengths)
    if not isinstance(data, bytes) or dtype.hasobject or len(data) != count * dtype.itemsize:
        raise ValueError(f"an array of shape {lengths} whose bytes do not fit")
    wish.spend(len(data))
    return array_of_bytes(data, dtype, lengths, order)


def _lengths(shape: tuple[object, ...]) -> tuple[int, ...]:
    lengths = tuple(n for n in shape if isinstance(n, int) and 0 <= n < _LARGEST)
    if len(lengths) != len(shape) or len(shape) > _MOST_AXES:
        raise ValueError("an array of an impossible shape")
    return lengths


def _objects(wish: Wish, shape: tuple[object, ...], values: object) -> ndarray:
    lengths = _lengths(shape)
    if not isinstance(values, list) or len(values) != math.prod(lengths):
        raise ValueError(f"an array of shape {lengths} whose objects do not fit")
    wish.spend(64 * len(values))  # more than the 8 they take: filling in takes time
    array = np.empty(len(values), dtype=object)
    for place, value in enumerate(values):
        array[place] = value
    return array.reshape(lengths)


def _buffer(wish: Wish) -> object:
    """What protocol 5 writes: bytes, type, shape and order; "K" comes with an order of the axes."""
    match wish.args:
        case (bytes() as raw, np.dtype() as dtype, tuple() as shape, str() as order, *rest):
            pass
        case _:
            raise ValueError("an array without its numbers")
    match order, rest:
        case ("C" | "F" as known, _):
            return _from_bytes(wish, raw, dtype, shape, known)
        case ("K", [tuple() as axes]):
            array = _from_bytes(wish, raw, dtype, shape, "C")
            return np.ascontiguousarray(array.transpose(_lengths(axes)))
        case _:
            raise ValueError("an array of an unknown order")


def _scalar(wish: Wish) -> object:
    match wish.args:
        case (np.dtype() as dtype, bytes() | str() as raw):
            return _from_bytes(wish, raw, dtype, (), "C")[()]
        case _:
            raise ValueError("a number without its bytes")


# ---- sparse ----


def _compressed(wish: Wish) -> object:
    state, columns = wish.fields, wish.what.name.startswith("csc")
    rows_, cols_ = _sparse_shape(state)
    data = _plain(state, "data", 1)
    indices, indptr = (_whole(state, key) for key in ("indices", "indptr"))
    wish.spend(data.nbytes + indices.nbytes + indptr.nbytes)
    major, minor = (cols_, rows_) if columns else (rows_, cols_)
    whole = len(indptr) == major + 1 and indptr[0] == 0 and bool((np.diff(indptr) >= 0).all())
    if not whole or not len(data) == len(indices) == indptr[-1]:
        raise ValueError("a sparse matrix whose rows do not fit")
    _check_indices(indices, minor)
    from scipy import sparse  # only for who has such arrays: it is slow to load

    kind = sparse.csc_matrix if columns else sparse.csr_matrix
    return kind((data, indices, indptr), shape=(rows_, cols_))


def _coordinates(wish: Wish) -> object:
    state = wish.fields
    shape = _sparse_shape(state)
    match state.get("coords"):
        case (ndarray() as row, ndarray() as col):
            state = {**state, "row": row, "col": col}
        case _:
            pass
    data, row, col = _plain(state, "data", 1), _whole(state, "row"), _whole(state, "col")
    wish.spend(data.nbytes + row.nbytes + col.nbytes)
    if not len(data) == len(row) == len(col):
        raise ValueError("a sparse matrix whose coordinates do not fit")
    _check_indices(row, shape[0])
    _check_indices(col, shape[1])
    from scipy import sparse

    return sparse.coo_matrix((data, (row, col)), shape=shape)


def _sparse_shape(state: dict[object, object]) -> tuple[int, int]:
    match state.get("_shape", state.get("shape")):
        case (int() as rows, int() as columns):
            lengths = _lengths((rows, columns))
            return lengths[0], lengths[1]
        case _:
            raise ValueError("a sparse matrix without a shape")


def _whole(state: dict[object, object], key: str) -> ndarray:
    """Whole numbers with a sign: differences of others wrap round, and hide that they fall."""
    array = _plain(state, key, 1)
    if array.dtype.kind not in "iu":
        raise ValueError(f"a sparse matrix whose '{key}' are no whole numbers")
    return array.astype(np.int64)


def _check_indices(indices: ndarray, length: int) -> None:
    if len(indices) and not 0 <= indices.min() <= indices.max() < length:
        raise ValueError("a sparse matrix with entries outside its shape")


def _plain(state: dict[object, object], key: str, axes: int | None = None) -> ndarray:
    """An attribute that is an array of numbers."""
    value = state.get(key)
    array = np.array(value) if isinstance(value, int | float | np.number) else value
    if not isinstance(array, ndarray) or array.dtype.kind not in "biufc":
        raise ValueError(f"'{key}' without numbers")
    if axes is not None and array.ndim != axes:
        raise ValueError(f"'{key}' with {array.ndim} axes")
    return array


# ---- chumpy: arrays that remember where they come from ----


def _chumpy(wish: Wish) -> object:
    return _plain(wish.fields, "x")


def _chumpy_select(wish: Wish) -> object:
    """Some entries of another array, by their places in its flat form."""
    state = wish.fields
    places = _plain(state, "idxs")
    source = _plain(state, "a").ravel()
    if places.dtype.kind not in "iu":
        raise ValueError("'idxs' without whole numbers")
    wish.spend(places.size * source.itemsize + source.nbytes)
    chosen = source[places.astype(np.int64, copy=False)]
    match state.get("preferred_shape"):
        case None:
            return chosen
        case int() as length:
            return chosen.reshape(_lengths((length,)))
        case tuple() | list() as shape:
            return chosen.reshape(_lengths(tuple(int(n) for n in shape)))
        case ndarray() as shape if shape.dtype.kind in "iu" and shape.ndim == 1:
            return chosen.reshape(_lengths(tuple(shape.tolist())))
        case _:
            raise ValueError("'preferred_shape' that is no shape")


_SPARSE_FIELDS: Final = (*("_shape", "shape", "data", "indices", "indptr", "row", "col", "coords"),)
_MATRIX: Final = tuple(f"{m}.defmatrix" for m in ("numpy.matrixlib", "numpy.core", "numpy"))

ARRAY_NAMES: Final = frozenset(
    {("numpy", "ndarray"), ("numpy", "matrix"), *((module, "matrix") for module in _MATRIX)}
)
"""What a pickle may name, but not call by itself."""

ARRAY_MAKERS: Final[Mapping[tuple[str, str], Maker]] = {
    ("numpy", "dtype"): Maker(_dtype),
    **{
        (root + module, name): Maker(make)
        for root in _MODULES
        for module, name, make in (
            ("multiarray", "_reconstruct", _reconstructed),
            ("multiarray", "scalar", _scalar),
            ("numeric", "_frombuffer", _buffer),
        )
    },
    **{
        (f"scipy.sparse.{dash}{kind}", f"{kind}_{form}"): Maker(make, _SPARSE_FIELDS)
        for kind, make in (("csc", _compressed), ("csr", _compressed), ("coo", _coordinates))
        for dash in ("", "_")
        for form in ("matrix", "array")
    },
    ("chumpy.ch", "Ch"): Maker(_chumpy, ("x",)),
    ("chumpy.reordering", "Select"): Maker(_chumpy_select, ("a", "idxs", "preferred_shape")),
}
