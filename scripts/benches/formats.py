"""Reading and telling apart: keypoint files against plain parsers, BVH, tracking, hostile files.

`openpose_vs_orjson` is the time of reading a folder of OpenPose files to detections over that of
`open`, `read` and `orjson.loads` of the same files; `alphapose_vs_json` the time of `json.loads` of an
AlphaPose list over that of reading it to detections. `..._door` are `read_keypoints`, with the layout
told, people followed and handed out as motions. The files are made up in a temporary folder: 10,000
frames of one person, and with `--full` a list of 170 MB instead of 17 MB. BVH and tracking are measured
by the benches next to this one; `hostile_files` counts the table in `tests/helpers`, and
`hostile_files_unclear` those of it that were not answered as promised.
"""

import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import orjson
from benches import bvh_reading, tracking_sim
from benches._harness import few, measure, report

from lift3d.io import read_keypoints
from lift3d.io.keypoints.sniff import read_detections
from tests.helpers.hostile_files import CASES, examine

FRAMES = few(10_000, 200)
ENTRIES = {False: few(20_000, 500), True: 200_000}
BODY_25_SHAPE = (25, 3)


def openpose_frames(folder: Path) -> None:
    """Frames as OpenPose 1.7 writes them: one person, numbers of three decimals."""
    rng = np.random.default_rng(0)
    empty = {f"{part}_keypoints_{axes}d": [] for axes in (2, 3) for part in ("face", "hand_left")}
    for frame in range(FRAMES):
        flat = (rng.random(BODY_25_SHAPE) * (1920, 1080, 1)).ravel().round(3).tolist()
        person = {"person_id": [-1], "pose_keypoints_2d": flat} | empty
        text = orjson.dumps({"version": 1.3, "people": [person]})
        (folder / f"clip_{frame:012d}_keypoints.json").write_bytes(text)


def alphapose_list(path: Path, entries: int) -> None:
    """Results as AlphaPose writes them: float32 numbers with all the digits that Python gives."""
    rng = np.random.default_rng(0)
    with path.open("w") as file:
        for number in range(entries):
            flat = (rng.random((17, 3), np.float32) * np.float32([1920, 1080, 1])).ravel()
            entry = {
                "image_id": f"{number // 2}.jpg",
                "category_id": 1,
                "keypoints": flat.astype(float).tolist(),
                "score": 2.5 + float(rng.random()),
                "box": rng.random(4).tolist(),
                "idx": number % 2,
            }
            file.write(("[" if number == 0 else ", ") + json.dumps(entry))
        file.write("]")


def of_folder(folder: Path) -> dict[str, float]:
    openpose_frames(folder)
    paths = sorted(str(path) for path in folder.iterdir())

    def alone() -> None:
        for path in paths:
            with open(path, "rb") as file:  # noqa: PTH123 - as quick as Python's own files go
                orjson.loads(file.read())

    seconds = measure(
        {
            "alone": alone,
            "read": lambda: read_detections(folder),
            "door": lambda: read_keypoints(folder, "body_25"),
        },
        5,
    )
    return {
        "openpose_vs_orjson": seconds["read"][1] / seconds["alone"][1],
        "openpose_vs_orjson_best": seconds["read"][0] / seconds["alone"][0],
        "openpose_files_per_second": FRAMES / seconds["read"][1],
        "openpose_door_files_per_second": FRAMES / seconds["door"][1],
    }


def of_list(path: Path, entries: int) -> dict[str, float]:
    alphapose_list(path, entries)
    seconds = measure(
        {
            "json": lambda: json.loads(path.read_bytes()),
            "orjson": lambda: orjson.loads(path.read_bytes()),
            "read": lambda: read_detections(path),
            "door": lambda: read_keypoints(path),
        },
        3,
    )
    size = path.stat().st_size / 1e6
    return {
        "alphapose_mb": size,
        "alphapose_vs_json": seconds["json"][1] / seconds["read"][1],
        "alphapose_vs_orjson": seconds["orjson"][1] / seconds["read"][1],
        "alphapose_mb_per_second": size / seconds["read"][1],
        "alphapose_door_mb_per_second": size / seconds["door"][1],
    }


def of_hostile_files() -> dict[str, float]:
    verdicts = []
    for case in CASES:
        with tempfile.TemporaryDirectory() as folder:
            verdicts.append((case.name, examine(case, Path(folder))))
    for name, verdict in verdicts:
        if not verdict.clear:
            print(f"unclear: {name} ({verdict.seconds:.2f} s): {verdict.told[:200]}")
    return {
        "hostile_files": len(verdicts),
        "hostile_files_unclear": sum(not verdict.clear for _, verdict in verdicts),
        "hostile_files_slowest_seconds": max(verdict.seconds for _, verdict in verdicts),
    }


def main() -> None:
    full = "--full" in sys.argv
    if full:
        sys.argv.remove("--full")
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        frames = Path(folder) / "frames"
        frames.mkdir()
        figures |= of_folder(frames)
        figures |= of_list(Path(folder) / "alphapose-results.json", ENTRIES[full])
    others: tuple[Mapping[str, float], ...] = (bvh_reading.figures(), tracking_sim.figures())
    for some in others:
        figures |= some
    report(figures | of_hostile_files())


if __name__ == "__main__":
    main()
