"""Long clips in bounded memory: what a further entry costs is its numbers, not its parsed text."""

import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lift3d.io import read_keypoints
from lift3d.io.keypoints.sniff import read_detections
from lift3d.skeletons import BODY_25, COCO_17

ROW_COCO, ROW_BODY = 17 * 3 * 8, 25 * 3 * 8
"""Bytes of one person's numbers, which are kept."""


def peak(path: Path) -> int:
    read_detections(path)  # what is loaded once
    tracemalloc.start()
    read_detections(path)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


def per_item(make: Callable[[int], Path], few: int, many: int) -> float:
    return (peak(make(many)) - peak(make(few))) / (many - few)


@pytest.fixture
def entry(walker) -> Callable[..., dict[str, Any]]:
    def one(number: int, image: Any) -> dict[str, Any]:
        flat = [value + 0.125 for value in walker(COCO_17, dx=number % 50)]
        return {"image_id": image, "keypoints": flat, "score": 2.5, "box": [1, 2, 3, 4]}

    return one


@pytest.mark.parametrize("form", ["alphapose", "coco", "annotations", "mmpose"])
def test_an_entry_costs_its_numbers(form: str, entry, write) -> None:
    """Parsed, it would be 51 floats of 24 bytes with 8 for each place in a list: 1,600 and more."""

    def clip(count: int) -> Path:
        if form == "mmpose":
            pairs = [[123.0001220703125, 45.0001220703125]] * 17
            rows: Any = [{"frame_id": n, "instances": [{"keypoints": pairs}]} for n in range(count)]
        else:
            rows = [entry(n, f"{n}.jpg" if form == "alphapose" else n) for n in range(count)]
        return write(f"{count}.json", {"annotations": rows} if form == "annotations" else rows)

    text = len(json.dumps(entry(0, 0))) if form == "annotations" else 0
    assert per_item(clip, 1000, 3000) < 2.2 * ROW_COCO + 350 + text


def test_a_frame_file_costs_its_numbers_and_its_name(walker, write, openpose_frame) -> None:
    def clip(count: int) -> Path:
        for frame in range(count):
            path = write(f"{count}/{frame:012d}_keypoints.json", openpose_frame(walker(BODY_25)))
        return path.parent

    assert per_item(clip, 200, 600) < 2.2 * ROW_BODY + 500


def test_a_long_list_is_read_whole(entry, write) -> None:
    rows = [entry(n, f"{n}.jpg") for n in range(2000)]  # three blocks
    path = write("r.json", rows)
    assert path.stat().st_size > 2 << 18
    file = read_keypoints(path)
    assert file.report.frames == 2000
    xs = file.people[0].pose.keypoints[:, 0, 0].tolist()
    assert xs == [322.125 + n % 50 for n in range(2000)]
