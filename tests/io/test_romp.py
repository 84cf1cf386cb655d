"""ROMP's archives: pictures and videos, SMPL's joints first, ids where there are some."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lift3d.errors import FileFormatError
from lift3d.io import read_keypoints


def picture(people: int, shift: float = 0.0) -> dict[str, Any]:
    """People side by side, joint j of each 10 j pixels down."""
    points = np.zeros((people, 71, 2), dtype=np.float32)
    points[..., 0] = np.arange(people)[:, None] * 200 + 100 + shift + np.arange(71) % 2 * 30
    points[..., 1] = np.arange(71) * 10 + 50
    return {"pj2d_org": points, "smpl_thetas": np.zeros((people, 72))}


def saved(path: Path, results: Any) -> Path:
    np.savez(path, results=results)
    return path


def test_a_picture(tmp_path: Path) -> None:
    found = read_keypoints(saved(tmp_path / "a.npz", picture(2)))
    assert (found.report.skeleton, found.report.frames) == ("smpl_24", 1)
    assert len(found.people) == 2
    down = found.people[0].pose.keypoints[0, :, 1].tolist()
    assert down == [50.0 + 10 * joint for joint in range(24)]


def test_a_video_in_order_with_ids(tmp_path: Path) -> None:
    results = {
        f"{frame:06d}.jpg": picture(2, 5.0 * frame) | {"track_ids": np.array([7, 3])}
        for frame in reversed(range(12))
    }
    found = read_keypoints(saved(tmp_path / "v.npz", results))
    assert found.report.frames == 12
    left = [motion.pose.keypoints[:, 0, 0] for motion in found.people]
    assert sorted(row[0].item() for row in left) == [100.0, 300.0]
    assert all((row.diff() == 5.0).all() for row in left)


@pytest.mark.parametrize(
    "results",
    [{"a.jpg": 3}, {"a.jpg": {"cam": 1}}, {"pj2d_org": np.zeros((2, 5, 2))}, {"pj2d_org": "x"}],
)
def test_broken_results_are_refused(tmp_path: Path, results: Any) -> None:
    with pytest.raises(FileFormatError, match=r"b\.npz"):
        read_keypoints(saved(tmp_path / "b.npz", results))
