"""DensePose's own tables, made up in their layout."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat
from scipy.spatial.distance import cdist

from lift3d.errors import FileFormatError
from lift3d.surface.densepose_tables import read_symmetry_tables, read_uv_processed
from lift3d.surface.lookup import lookup_of
from lift3d.surface.rulers import read_densepose_ruler


def atlas_tables() -> dict[str, np.ndarray]:
    """Two triangles on five UV vertices, which stand for vertices 10 to 13 (one of them twice)."""
    return {
        "All_Faces": np.array([[1.0, 2, 3], [4, 3, 5]]),
        "All_FaceIndices": np.array([[2], [19]], np.uint8),
        "All_vertices": np.array([[11, 12, 13, 14, 12]], np.uint16),
        "All_U_norm": np.array([[0.0], [1], [1], [0.25], [0.5]]),
        "All_V_norm": np.array([[0.0], [0], [1], [0.25], [0.5]]),
    }


def test_uv_processed(tmp_path: Path) -> None:
    savemat(tmp_path / "UV_Processed.mat", atlas_tables())
    atlas = read_uv_processed(tmp_path / "UV_Processed.mat")
    assert atlas.part.tolist() == [2, 19]
    assert atlas.faces.tolist() == [[10, 11, 12], [13, 12, 11]]
    np.testing.assert_allclose(atlas.uv[1], [[0.25, 0.25], [1, 1], [0.5, 0.5]])
    found = lookup_of(atlas).places(np.array([2]), np.array([[0.75, 0.25]]))
    np.testing.assert_allclose(found.barycentric[0], [0.25, 0.5, 0.25], atol=1e-6)


@pytest.mark.parametrize(
    "spoilt",
    [
        {"All_Faces": np.array([[1.0, 2, 9], [4, 3, 5]])},
        {"All_Faces": np.array([[0.0, 2, 3], [4, 3, 5]])},
        {"All_Faces": np.array([[1.5, 2, 3], [4, 3, 5]])},
        {"All_FaceIndices": np.array([[2], [25]])},
        {"All_U_norm": np.full((5, 1), 2.0)},
        {"All_V_norm": np.zeros((4, 1))},
        {"All_vertices": "text"},
    ],
)
def test_other_tables_are_refused(tmp_path: Path, spoilt: dict[str, object]) -> None:
    savemat(tmp_path / "x.mat", atlas_tables() | spoilt)
    with pytest.raises(FileFormatError, match="expected"):
        read_uv_processed(tmp_path / "x.mat")


def test_files_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "x.mat").write_bytes(b"no table")
    for path in (tmp_path / "x.mat", tmp_path / "absent.mat"):
        with pytest.raises(FileFormatError):
            read_uv_processed(path)
        with pytest.raises(FileFormatError):
            read_symmetry_tables(path)
    savemat(tmp_path / "y.mat", {"All_Faces": np.ones((1, 3))})
    with pytest.raises(FileFormatError, match="All_vertices"):
        read_uv_processed(tmp_path / "y.mat")


def test_symmetry_tables(tmp_path: Path) -> None:
    cells = {}
    for name in ("U_transforms", "V_transforms"):
        cells[name] = np.empty((1, 24), dtype=object)
        for part in range(24):
            cells[name][0, part] = np.full((256, 256), part / 24)
    cells["U_transforms"][0, 4][51, 102] = 0.5  # row V, column U
    savemat(tmp_path / "s.mat", cells)
    tables = read_symmetry_tables(tmp_path / "s.mat")
    found = tables(np.array([5, 6]), np.array([[0.401, 0.201], [0.4, 0.2]]))
    np.testing.assert_allclose(found, [[0.5, 4 / 24], [5 / 24, 5 / 24]], atol=1e-6)


def test_tables_of_distances(tmp_path: Path) -> None:
    """Pairs (1, 0), (2, 0), (2, 1), (3, 0) ... in a column, rows counted from 1, some of none."""
    rng = np.random.default_rng(0)
    places = rng.random((4, 3))
    table = cdist(places, places)
    pairs = np.array([table[i, j] for i in range(4) for j in range(i)])[:, None]
    (tmp_path / "p.pkl").write_bytes(pickle.dumps(pairs.astype(np.float32)))
    uv = np.array([[0.1, 0.1], [0.9, 0.9], [0.1, 0.9], [0.5, 0.5], [0.5, 0.5]])
    charts = {"Part_ID_subdiv": np.array([[1], [1], [2], [2], [3]]), "U_subdiv": uv[:, :1]}
    savemat(tmp_path / "v.mat", charts | {"V_subdiv": uv[:, 1:]})
    savemat(tmp_path / "r.mat", {"index": np.array([[3, 1, 4, 2, 0]])})
    ruler = read_densepose_ruler(tmp_path / "v.mat", tmp_path / "r.mat", tmp_path / "p.pkl")
    a, b = np.array([1, 1, 2, 1, 1, 7]), np.array([1, 2, 2, 1, 3, 1])
    uv_a = np.array([[0.0, 0], [1, 1], [0, 1], [0, 0], [0, 0], [0, 0]])
    uv_b = np.array([[1.0, 1], [0, 1], [0.6, 0.6], [0.1, 0], [0, 0], [0, 0]])
    found = ruler.between(a, uv_a, b, uv_b)
    wanted = [table[2, 0], table[0, 3], table[3, 1], 0, np.inf, np.inf]
    np.testing.assert_allclose(found, wanted, rtol=1e-6)
    (tmp_path / "p.pkl").write_bytes(pickle.dumps(pairs[:3]))
    with pytest.raises(FileFormatError, match="distances"):
        read_densepose_ruler(tmp_path / "v.mat", tmp_path / "r.mat", tmp_path / "p.pkl")
