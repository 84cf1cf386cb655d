"""SLEAP's and DeepLabCut's HDF5: both of pandas' layouts, tracks, and files that reach elsewhere."""

import pickle
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lift3d.errors import FileFormatError
from lift3d.io.keypoints.deeplabcut import read_deeplabcut
from lift3d.io.keypoints.hdf5_keypoints import is_hdf5_keypoints, read_hdf5_keypoints
from tests.helpers.array_files import (
    BODY,
    JOINTS,
    dlc_csv,
    dlc_fixed_h5,
    dlc_table_h5,
    sleap_h5,
    walk,
)


@pytest.mark.parametrize("write_h5", [dlc_table_h5, dlc_fixed_h5])
@pytest.mark.parametrize("individuals", [(), ("ann", "bob")])
def test_deeplabcuts_h5_says_what_its_csv_says(
    tmp_path: Path, write, write_h5, individuals: tuple[str, ...]
) -> None:
    points = walk(5, 5, max(1, len(individuals)))
    points[3, 0, 2] = np.nan
    path = write_h5(tmp_path / "a.h5", points, BODY, individuals)
    assert is_hdf5_keypoints(path.read_bytes()[:65536], path)
    found = read_hdf5_keypoints(path)
    twin = read_deeplabcut(write("a.csv", dlc_csv(points, BODY, individuals)))
    np.testing.assert_array_equal(found.points, twin.points)
    np.testing.assert_array_equal(found.frames, twin.frames)
    np.testing.assert_array_equal(found.persons, twin.persons)
    assert found.facts.skeleton == twin.facts.skeleton
    assert found.facts.skeleton is not None


def test_sleap(tmp_path: Path) -> None:
    """tracks [tracks, x and y, nodes, frames]; the second track is there in one frame only."""
    points = walk(6, 5, 2)
    points[[0, 1, 2, 4, 5], 1] = np.nan
    tracks = points[..., :2].transpose(1, 3, 2, 0)
    scores = points[..., 2].transpose(1, 2, 0)
    found = read_hdf5_keypoints(sleap_h5(tmp_path / "a.h5", tracks, BODY, ["t0", "t1"], scores))
    assert found.facts.skeleton is not None
    assert found.facts.skeleton.joints == JOINTS
    assert found.frames.tolist() == [0, 1, 2, 3, 3, 4, 5]
    assert found.persons.tolist() == [0, 0, 0, 0, 1, 0, 0]
    np.testing.assert_array_equal(found.points[4], points[3, 1])
    np.testing.assert_array_equal(found.points[5], points[4, 0])


def test_sleap_without_scores_and_track_names(tmp_path: Path) -> None:
    tracks = walk(3, 5, 2)[..., :2].transpose(1, 3, 2, 0)
    found = read_hdf5_keypoints(sleap_h5(tmp_path / "a.h5", tracks, BODY, []))
    assert found.persons.tolist() == [-1] * 6
    assert (found.points[..., 2] == 1).all()


def test_points_set_by_hand_have_no_score_and_are_sure(tmp_path: Path) -> None:
    tracks = walk(3, 5, 1)[..., :2].transpose(1, 3, 2, 0)
    scores = np.full((1, 5, 3), np.nan)
    found = read_hdf5_keypoints(sleap_h5(tmp_path / "a.h5", tracks, BODY, ["a"], scores))
    assert (found.points[..., 2] == 1).all()


def test_the_pickled_names_are_not_run(tmp_path: Path) -> None:
    path = dlc_table_h5(tmp_path / "a.h5", walk(2, 5), BODY)
    canary = tmp_path / "ran"
    with h5py.File(path, "a") as file:
        attrs: Any = file["df_with_missing/table"].attrs
        attrs["values_block_0_kind"] = np.bytes_(f"cos\nsystem\n(Vtouch {canary}\ntR.".encode())
    with pytest.raises(FileFormatError, match=r"os\.system"):
        read_hdf5_keypoints(path)
    assert not canary.exists()


def _external_link(file: Any, secret: Path) -> None:
    del file["df_with_missing/table"]
    file["df_with_missing/table"] = h5py.ExternalLink(str(secret), "/df_with_missing/table")


def _external_storage(file: Any, secret: Path) -> None:
    del file["df_with_missing/table"]
    file["df_with_missing"].create_dataset(
        "table", (4,), "<f8", external=[(str(secret), 0, h5py.h5f.UNLIMITED)]
    )


def _virtual(file: Any, secret: Path) -> None:
    del file["df_with_missing/table"]
    layout = h5py.VirtualLayout((2,), "<f8")
    layout[:] = h5py.VirtualSource(str(secret), "x", (2,))
    file["df_with_missing"].create_virtual_dataset("table", layout)


@pytest.mark.parametrize("reach", [_external_link, _external_storage, _virtual])
def test_other_files_are_never_read(tmp_path: Path, reach) -> None:
    """HDF5 lets a file name any other of the computer as a part of itself."""
    secret = dlc_table_h5(tmp_path / "secret.h5", walk(2, 5), BODY)
    path = dlc_table_h5(tmp_path / "a.h5", walk(2, 5), BODY)
    with h5py.File(path, "a") as file:
        reach(file, secret)
    with pytest.raises(FileFormatError, match=r"of its own|in another file"):
        read_hdf5_keypoints(path)


def _claims(path: Path, shape: tuple[int, ...], **entries: Any) -> Path:
    with h5py.File(path, "w") as file:
        file.create_dataset("tracks", shape, "<f8", chunks=True)
        file["node_names"], file["track_names"] = np.array(BODY, "S"), np.array(["a"], "S")
        for name, value in entries.items():
            file[name] = value
    return path


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((1, 2, 5, 10**12), "nothing was written"),
        ((1, 2, 5, 3), "nothing was written"),
    ],
)
def test_sizes_that_are_only_claimed(tmp_path: Path, shape, message: str) -> None:
    with pytest.raises(FileFormatError, match=message):
        read_hdf5_keypoints(_claims(tmp_path / "a.h5", shape))


def test_files_that_are_something_else(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["clips"], file["rigs"] = 1, 2
    with pytest.raises(FileFormatError, match="got clips, rigs, neither SLEAP's"):
        read_hdf5_keypoints(path)
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(FileFormatError, match="expected keypoints in the HDF5 file"):
        read_hdf5_keypoints(path)
    with pytest.raises(FileFormatError, match="got nothing there"):
        read_hdf5_keypoints(tmp_path / "none.h5")


def test_tables_whose_parts_do_not_fit(tmp_path: Path) -> None:
    points = walk(3, 5)
    for change, message in (
        ({"values_block_0_kind": np.bytes_(pickle.dumps([("a", "nose", "x")], 0))}, "1 names"),
        ({"values_block_0_kind": np.bytes_(pickle.dumps([1] * 15, 0))}, "whose name is not"),
        ({"values_block_0_kind": np.bytes_(pickle.dumps({}, 0))}, "no list"),
    ):
        path = dlc_table_h5(tmp_path / "a.h5", points, BODY)
        with h5py.File(path, "a") as file:
            for name, value in change.items():
                file["df_with_missing/table"].attrs[name] = value
        with pytest.raises(FileFormatError, match=message):
            read_hdf5_keypoints(path)
    path = dlc_fixed_h5(tmp_path / "b.h5", points, BODY)
    with h5py.File(path, "a") as file:
        file["df_with_missing/block0_items_label1"][0] = 77
    with pytest.raises(FileFormatError, match="beyond its names"):
        read_hdf5_keypoints(path)


@settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(frames=st.integers(1, 5), people=st.integers(1, 3), seed=st.integers(0, 999))
def test_round_trip(tmp_path: Path, frames: int, people: int, seed: int) -> None:
    points = walk(frames, 5, people, seed)
    tracks, scores = points[..., :2].transpose(1, 3, 2, 0), points[..., 2].transpose(1, 2, 0)
    path = sleap_h5(tmp_path / "a.h5", tracks, BODY, ["x"] * people, scores)
    np.testing.assert_array_equal(read_hdf5_keypoints(path).points, points.reshape(-1, 5, 3))
