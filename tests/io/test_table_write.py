"""Tidy tables: every number of a clip is found again, in the row that its names say."""

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lift3d.clip import Clip
from lift3d.errors import InputError, MissingDependencyError
from lift3d.io import read_clip, write_clip
from lift3d.io.clips.table_write import JOINT_COLUMNS, KEYPOINT_COLUMNS, ROW_COLUMNS, write_table
from lift3d.io.motion.clip_build import clip_of_joints
from lift3d.skeletons import LIFT_23
from tests.helpers.world_clip import CAM_FROM_WORLD, random_clip

Rows = list[dict[str, Any]]


def from_csv(path: Path) -> Rows:
    text = {"joint"}
    with path.open(newline="") as file:
        return [
            {key: value if key in text else float(value or "nan") for key, value in row.items()}
            for row in csv.DictReader(file)
        ]


def from_parquet(path: Path) -> Rows:
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs pyarrow (extra parquet)")
    rows: Rows = parquet.read_table(path).to_pylist()
    return [{key: np.nan if value is None else value for key, value in row.items()} for row in rows]


def rows_of(clip: Clip, path: Path) -> Rows:
    if path.suffix == ".parquet":
        pytest.importorskip("pyarrow", reason="needs pyarrow (extra parquet)")
    write_table(path, clip)
    return from_csv(path) if path.suffix == ".csv" else from_parquet(path)


@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
def test_every_number_is_found_again(name: str, tmp_path: Path) -> None:
    clip = random_clip()
    rows = rows_of(clip, tmp_path / name)
    assert list(rows[0]) == [*ROW_COLUMNS, *JOINT_COLUMNS, *KEYPOINT_COLUMNS]
    found = {(row["frame"], row["person"], row["joint"]): row for row in rows}
    assert len(found) == len(rows)
    turn, shift = CAM_FROM_WORLD[:3, :3], CAM_FROM_WORLD[:3, 3]
    joints = keypoints = 0
    for person in clip.people:
        for (frame, joint), row in (
            ((f, j), found.get((7 + f, person.id, LIFT_23.joints[j])))
            for f in range(5) for j in range(23)
        ):  # fmt: skip
            camera = person.joints.pose.joints[frame, joint]
            if not bool(camera.isfinite().all()):
                assert row is None or np.isnan(row["x"])
                continue
            assert row is not None
            joints += 1
            assert row["time"] == pytest.approx((7 + frame) / 29.97, rel=1e-8)
            world = torch.tensor([row["x"], row["y"], row["z"]], dtype=torch.float64)
            torch.testing.assert_close(turn @ world + shift, camera, rtol=0, atol=1e-7)
            xx, xy, xz, yy, yz, zz = (row[key] for key in JOINT_COLUMNS[3:9])
            spread = torch.tensor([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]], dtype=torch.float64)
            wanted = person.joints.pose.covariance[frame, joint]
            torch.testing.assert_close(turn @ spread @ turn.T, wanted, rtol=1e-6, atol=1e-6)
            assert row["seen"] == 1
        pose = person.keypoints.pose
        for frame, joint in pose.seen.nonzero().tolist():
            row = found[7 + frame, person.id, pose.skeleton.joints[joint]]
            got = [row["x_px"], row["y_px"], row["confidence"]]
            wanted_px = [
                *pose.keypoints[frame, joint].tolist(),
                float(pose.confidence[frame, joint]),
            ]
            assert got == pytest.approx(wanted_px, rel=1e-7)
            keypoints += 1
    assert joints == np.isfinite([row["x"] for row in rows]).sum() == 2 * (4 * 23 - 1)
    assert keypoints == np.isfinite([row["x_px"] for row in rows]).sum()
    assert [row["frame"] for row in rows] == sorted(row["frame"] for row in rows)


def test_parquet_has_types_and_nulls(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs pyarrow (extra parquet)")
    write_table(tmp_path / "a.parquet", random_clip())
    table = parquet.read_table(tmp_path / "a.parquet")
    kinds = {field.name: str(field.type) for field in table.schema}
    assert (kinds["frame"], kinds["joint"], kinds["x"], kinds["seen"]) == (
        "int64", "string", "double", "bool",
    )  # fmt: skip
    assert table["x"].null_count > 0
    assert not np.isnan(table["x"].drop_null().to_numpy()).any()


def test_a_long_clip_is_written_in_pieces(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    clip = clip_of_joints(LIFT_23, rng.normal(size=(4_500, 23, 3)), 120.0, 10)
    told: list[tuple[int, int]] = []
    write_table(tmp_path / "a.csv", clip, progress=lambda done, total: told.append((done, total)))
    assert told == [(2000, 4500), (4000, 4500), (4500, 4500)]
    rows = from_csv(tmp_path / "a.csv")
    assert [row["frame"] for row in rows] == [10 + n // 23 for n in range(4_500 * 23)]
    assert "x_px" not in rows[0]


def test_a_clip_of_joints_alone_survives_our_own_file(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    clip = clip_of_joints(LIFT_23, rng.normal(size=(4, 23, 3)), 120.0, 10)
    write_clip(tmp_path / "a.npz", clip)
    again = read_clip(tmp_path / "a.npz")
    assert len(again.people[0].keypoints.pose.skeleton) == 0
    torch.testing.assert_close(
        again.people[0].joints.pose.joints, clip.people[0].joints.pose.joints, rtol=0, atol=0
    )


def test_what_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"ending in \.csv or \.parquet"):
        write_table(tmp_path / "a.xlsx", random_clip())
    with pytest.raises(InputError, match="expected people in a clip, got nobody"):
        write_table(tmp_path / "a.csv", replace(random_clip(), people=()))

    def without(_: str) -> None:
        raise ImportError("No module named 'pyarrow'")

    monkeypatch.setattr("lift3d.io.clips.table_write.import_module", without)
    with pytest.raises(MissingDependencyError, match=r"pip install 'lift3d\[parquet\]'"):
        write_table(tmp_path / "a.parquet", random_clip())
    assert not any(tmp_path.iterdir())
