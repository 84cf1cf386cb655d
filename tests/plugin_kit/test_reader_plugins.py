"""Readers that other packages bring: they are asked last, and a broken one spoils nothing."""

from pathlib import Path

import pytest

from lift3d.errors import FileFormatError, InputError, PluginError
from lift3d.io import read_keypoints
from lift3d.plugins import readers

GOOD = """
import numpy as np
from lift3d.io.keypoints.detections import Detection, FileFacts, gather
from lift3d.skeletons import COCO_17

class Walk:
    def signs(self, specimen):
        return "a first word 'walk'" if specimen.head.startswith((b"walk", b"[{")) else ""

    def read(self, specimen):
        one = Detection(0, np.full((17, 3), 0.9))
        return gather([one], [0], FileFacts("walk", "pixels", COCO_17), specimen.where)

class Broken(Walk):
    def read(self, specimen):
        return 1 / 0

class Empty(Walk):
    def read(self, specimen):
        return []

def never():
    raise OSError("no such camera")
"""


@pytest.fixture(autouse=True)
def _module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lift3d_walktest.py").write_text(GOOD)
    monkeypatch.syspath_prepend(str(tmp_path))


def install(folder: Path, *entries: str) -> None:
    info = folder / "lift3d_walktest-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: lift3d-walktest\nVersion: 1.0\n")
    lines = [f"{name} = lift3d_walktest:{what}" for name, what in (e.split("=") for e in entries)]
    (info / "entry_points.txt").write_text("[lift3d.readers]\n" + "\n".join(lines) + "\n")


def file(folder: Path, content: bytes = b"walk") -> Path:
    path = folder / "clip.dat"
    path.write_bytes(content)
    return path


def test_a_file_is_recognised_and_read(tmp_path: Path) -> None:
    install(tmp_path, "walk=Walk")
    assert list(readers) == ["walk"]
    report = read_keypoints(file(tmp_path)).report
    assert (report.format, report.format_reason) == ("walk", "a first word 'walk'")
    assert read_keypoints(file(tmp_path), format="walk").report.people == 1


def test_files_that_lift3d_knows_stay_its_own(tmp_path: Path) -> None:
    install(tmp_path, "walk=Walk")
    keypoints = ", ".join(["10, 20, 0.5"] * 17)
    entry = f'[{{"image_id": "1.jpg", "category_id": 1, "keypoints": [{keypoints}], "score": 1.0}}]'
    assert read_keypoints(file(tmp_path, entry.encode())).report.format == "AlphaPose results"


def test_names_are_told(tmp_path: Path) -> None:
    install(tmp_path, "walk=Walk")
    with pytest.raises(InputError, match=r"walk.*did you mean 'walk'"):
        read_keypoints(file(tmp_path), format="wallk")
    with pytest.raises(FileFormatError, match=r"csv, walk\)"):
        read_keypoints(file(tmp_path, b"prose"))


@pytest.mark.parametrize(
    ("what", "said"), [("Broken", "got ZeroDivisionError"), ("Empty", "got list")]
)
def test_a_reader_that_breaks_its_promise_is_named(tmp_path: Path, what: str, said: str) -> None:
    install(tmp_path, f"walk={what}")
    with pytest.raises(PluginError, match=f"'walk', {said}"):
        read_keypoints(file(tmp_path))


def test_a_reader_that_does_not_start_spoils_nothing(tmp_path: Path) -> None:
    install(tmp_path, "never=never", "nothing=nothing", "walk=Walk")
    assert read_keypoints(file(tmp_path)).report.format == "walk"
    with pytest.raises(FileFormatError, match="repair the reader 'never', which did not start"):
        read_keypoints(file(tmp_path, b"prose"))
    with pytest.raises(PluginError, match=r"OSError \(no such camera\)"):
        read_keypoints(file(tmp_path), format="never")
