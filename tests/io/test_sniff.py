"""Formats by content, the reason in the report, and the caller's word against it."""

from pathlib import Path

import numpy as np
import pytest

from lift3d.errors import FileFormatError, InputError
from lift3d.io import read_keypoints
from lift3d.io.keypoints.sniff import FORMATS, format_named
from lift3d.skeletons import BODY_25, COCO_17


def test_the_name_of_a_file_does_not_matter(walker, write, openpose_frame) -> None:
    path = write("holiday.txt", openpose_frame(walker(BODY_25)))
    report = read_keypoints(path).report
    assert report.format == "OpenPose JSON"
    assert report.format_reason.startswith("a JSON object with 'people'")
    assert "format known by: a JSON object with 'people'" in str(report)


def test_every_real_file_is_known_for_its_format(shared: Path) -> None:
    for folder in ("openpose_body25/clip_a", "pose2sim/balancing/cam03_json"):
        report = read_keypoints(shared / "keypoints" / folder).report
        assert report.format == "OpenPose JSON"
        assert report.format_reason.endswith(f"in each of {report.frames} files")


def test_the_caller_overrules_the_content(walker, write) -> None:
    """Results of COCO whose pictures have names are taken for AlphaPose's; both read them."""
    rows = [{"image_id": n, "keypoints": walker(COCO_17, dx=n)} for n in (3, 4)]
    path = write("r.json", rows)
    assert read_keypoints(path).report.format == "COCO results"
    report = read_keypoints(path, format="COCO").report
    assert report.format_reason == "the caller named the format"
    with pytest.raises(FileFormatError, match="'image_id' as a picture's name"):
        read_keypoints(path, format="alphapose")


def test_an_unknown_format_gets_the_nearest_and_all() -> None:
    with pytest.raises(InputError, match=r"openpose, .*csv, got .*did you mean 'openpose'"):
        format_named("openpos")
    with pytest.raises(InputError, match="give one of those names"):
        format_named("xyz")


def test_a_format_of_one_file_for_a_folder_of_many(walker, write, openpose_frame) -> None:
    for n in range(2):
        path = write(f"clip/{n}.json", openpose_frame(walker(BODY_25)))
    with pytest.raises(FileFormatError, match=r"'coco', .* got 2 files"):
        read_keypoints(path.parent, format="coco")
    assert read_keypoints(path.parent, format="openpose").report.frames == 2


@pytest.mark.parametrize("name", [kind.name for kind in FORMATS])
def test_a_named_format_refuses_what_it_cannot_read(name: str, tmp_path: Path) -> None:
    """Whatever the caller names, a file of another kind gives one sentence."""
    for number, content in enumerate(
        (b"", b"[1]", b'{"a": 1}', b"PK\x03\x04", b"\x93NUMPY\x01", b"a,b\n")
    ):
        path = tmp_path / f"{number}.dat"
        path.write_bytes(content)
        with pytest.raises(FileFormatError, match="expected"):
            read_keypoints(path, format=name)


def test_formats_have_names_of_their_own() -> None:
    assert len({kind.name for kind in FORMATS}) == len(FORMATS) >= 15


def test_arrays_and_tables_are_reached_too(walker, tmp_path: Path) -> None:
    points = np.reshape(walker(COCO_17), (1, 17, 3)).repeat(3, 0)
    np.save(tmp_path / "a.npy", points)
    np.savez(tmp_path / "a.npz", keypoints=points)
    header = ",".join(f"{joint}_{axis}" for joint in COCO_17.joints for axis in "xy")
    rows = "\n".join(",".join(f"{v}" for v in frame[:, :2].ravel()) for frame in points)
    (tmp_path / "a.csv").write_text(f"{header}\n{rows}\n")
    for name in ("a.npy", "a.npz", "a.csv"):
        file = read_keypoints(tmp_path / name, "coco_17")
        assert file.people[0].pose.keypoints[:, 0].tolist() == [[322, 92]] * 3, name
