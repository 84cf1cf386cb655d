"""MATLAB files say what SciPy reads in them, and whatever is broken in them ends no process."""

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from lift3d.io.files.mat_files import MatStruct, read_mat

VALUES: dict[str, Any] = {
    "doubles": np.random.default_rng(0).normal(size=(3, 4)),
    "whole": np.arange(12.0).reshape(2, 6),
    "many": np.zeros((300, 7)),
    "singles": np.float32([[1.5, -2]]),
    "bytes": np.uint8([[1], [255]]),
    "longs": np.int64([[1 << 60]]),
    "cube": np.arange(24).reshape(2, 3, 4),
    "empty": np.zeros((0, 3)),
    "text": "grün",
}


def saved(path: Path, **options: Any) -> Path:
    cells = np.empty((2, 2), object)
    cells[:] = [[1.0, "a"], [np.ones((2, 3)), np.zeros((0, 0))]]
    thing = {"inner": {"x": 2.5, "name": "b"}, "list": np.arange(3.0)}
    savemat(path, VALUES | {"cells": cells, "thing": thing}, **options)
    return path


@pytest.mark.parametrize("packed", [False, True])
def test_what_scipy_reads(packed: bool, tmp_path: Path) -> None:
    path = saved(tmp_path / "a.mat", do_compression=packed)
    wanted = loadmat(path)
    found = read_mat(path, (*VALUES, "cells", "thing"))
    for name in set(VALUES) - {"text"}:
        assert found[name].dtype == wanted[name].dtype, name
        assert np.array_equal(found[name], wanted[name]), name
    assert found["text"] == "grün"
    assert found["cells"].shape == (2, 2)
    assert found["cells"][0, 1] == "a"
    assert np.array_equal(found["cells"][1, 0], np.ones((2, 3)))
    (thing,) = found["thing"].ravel()
    assert isinstance(thing, MatStruct)
    assert thing.get("nothing", 7) == 7


def test_single_values_where_axes_are_left_out(tmp_path: Path) -> None:
    found = read_mat(saved(tmp_path / "a.mat"), ("thing", "singles"), squeezed=True)
    assert set(found) == {"thing", "singles"}
    inner = found["thing"].get("inner")
    assert (inner.get("x"), inner.get("name")) == (2.5, "b")
    assert found["thing"].get("list").tolist() == [0, 1, 2]
    assert found["singles"].tolist() == [1.5, -2]


def test_files_of_big_endian_machines(tmp_path: Path) -> None:
    """Two numbers, by hand."""

    def element(kind: int, data: bytes) -> bytes:
        return struct.pack(">II", kind, len(data)) + data + bytes(-len(data) % 8)

    parts = element(6, struct.pack(">II", 6, 0)) + element(5, struct.pack(">ii", 1, 2))
    parts += element(1, b"x") + element(9, struct.pack(">dd", 1.5, -2))
    head = b"MATLAB 5.0 MAT-file".ljust(124) + b"\x01\x00MI"
    (tmp_path / "a.mat").write_bytes(head + element(14, parts))
    assert read_mat(tmp_path / "a.mat", ("x",))["x"].tolist() == [[1.5, -2.0]]


def test_whatever_is_changed_or_cut_off(tmp_path: Path) -> None:
    """SciPy 1.17 ends the process over some of these."""
    file = io.BytesIO()
    savemat(file, {"thing": {"a": np.ones(3), "b": "x"}, "cells": np.array([[1, "a"]], object)})
    whole, draw = file.getvalue(), np.random.default_rng(0)
    path = tmp_path / "a.mat"
    for number in range(600):
        data = bytearray(whole)
        for place in draw.integers(128, len(data), 1 + number % 4):
            data[place] = draw.integers(0, 256)
        path.write_bytes(data[: draw.integers(100, len(data))] if number % 3 == 0 else data)
        try:
            read_mat(path, ("thing", "cells"))
        except (ValueError, struct.error):
            continue
