"""Every bad input gives one sentence: what was expected, what came, what to do."""

import os
from pathlib import Path
from typing import Any

import pytest

from lift3d.errors import FileFormatError, InputError, Lift3dError, SkeletonError
from lift3d.io import read_keypoints
from lift3d.skeletons import BODY_25, COCO_18


def _refused(path: Path | str, message: str, **options: Any) -> None:
    with pytest.raises(FileFormatError, match=message) as caught:
        read_keypoints(path, **options)
    text = str(caught.value)
    assert text.startswith("expected")
    assert "\n" not in text
    assert len(text) < 400


def test_missing_path(tmp_path: Path) -> None:
    _refused(tmp_path / "nowhere.json", "got nothing there")
    _refused("a\0b", "expected a")


def test_folders_without_keypoints(tmp_path: Path, write) -> None:
    _refused(tmp_path, "got an empty folder")
    write("videos/cam1.mp4", b"1")
    _refused(tmp_path / "videos", r"got cam1.mp4")
    _refused(tmp_path, "got videos: give the folder that holds the keypoint files")


def test_hidden_files_are_not_looked_at(walker, write, openpose_frame) -> None:
    write("clip/.DS_Store", b"\0")
    write("clip/._0.json", b"\0")
    path = write("clip/0.json", openpose_frame(walker(BODY_25)))
    assert read_keypoints(path.parent).report.frames == 1


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="permissions do not bind here")
def test_unreadable_file(write, openpose_frame) -> None:
    path = write("1.json", openpose_frame())
    path.chmod(0)
    _refused(path, "check its permissions")


def test_a_file_taken_for_a_folder(write, openpose_frame) -> None:
    path = write("1.json", openpose_frame())
    _refused(path / "2.json", "got Not a directory")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "got an empty file"),
        (b"  \n", "got an empty file"),
        (b"\x89PNG\r\n\x1a\n\0\0", "got a PNG picture: run a keypoint detector"),
        (b"PK\x03\x04 a zip", "npz|zip archive"),
        (b"hello", r"expected keypoints \(openpose, .* got text that begins with 'hello'"),
        (b'{"people": [{"pose_key', "expected whole JSON"),
        (b'{"people": [\xff\xfe]}', "expected whole JSON"),
        (b'{"people": [{"pose_keypoints_2d": [NaN, 1, 1]}]}', "write null instead"),
        (b'{"people": [{"pose_keypoints_2d": [1, Infinity, 1]}]}', "write null instead"),
        (b"[" * 5000, "expected whole JSON"),
        (b"[]", "at least one person"),
        (b"{}", "at least one person"),
        (b"[1, 2, 3]", "got other JSON"),
        (b'{"keypoints": [1, 2, 3]}', "got other JSON"),
        (b'{"people": {}}', "expected a list of people"),
        (b'{"people": null}', "expected a list of people"),
        (b'{"people": []}', "1 frames without anybody"),
        (b'{"people": [[1, 2, 3]]}', "named lists of keypoints .* person 0"),
        (b'{"people": [{"hand_left_keypoints_2d": []}]}', "expected 'pose_keypoints_2d'"),
        (b'{"people": [{"pose_keypoints_2d": [1, 2]}]}', "got 2 numbers"),
        (b'{"people": [{"pose_keypoints_2d": [[1, 2, 3]]}]}', "x, y, confidence"),
        (b'{"people": [{"pose_keypoints_2d": [[1, 2], 3]}]}', "expected a list of numbers"),
        (b'{"people": [{"pose_keypoints_2d": ["1", "2", "3"]}]}', "expected a list of numbers"),
        (b'{"people": [{"pose_keypoints_2d": [true, true, true]}]}', "expected a list of numbers"),
        (b'{"people": [{"pose_keypoints_2d": [true, 1, null]}]}', "expected a list of numbers"),
        (b'{"people": [{"pose_keypoints_2d": {"a": 1}}]}', "expected a list of numbers"),
        (b'{"people": [{"pose_keypoints_2d": 7}]}', "expected a list of numbers"),
    ],
)
def test_broken_files(content: bytes, message: str, write) -> None:
    _refused(write("frame_000000000001_keypoints.json", content), message)


def test_the_broken_file_of_a_folder_is_named(walker, write, openpose_frame) -> None:
    write("clip/0.json", openpose_frame(walker(BODY_25)))
    path = write("clip/1.json", '{"version": 1.3, "people": [')
    _refused(path.parent, r"clip/1\.json', got unexpected end of data")


def test_a_stranger_in_a_folder_is_named(walker, write, openpose_frame) -> None:
    write("clip/0.json", openpose_frame(walker(BODY_25)))
    path = write("clip/1.json", {"settings": 1})
    _refused(path.parent, r"clip/1\.json', got something else")
    path.rename(path.with_name("settings.json"))
    _refused(path.parent, "expected a frame number in every file name .* got 'settings.json'")


def test_mixed_skeletons_in_a_file_and_a_folder(walker, write, openpose_frame) -> None:
    one = write("mixed_1.json", openpose_frame(walker(BODY_25), walker(COCO_18)))
    _refused(one, "18 keypoints in frame 1 and 25 in frame 1")
    write("clip/0.json", openpose_frame(walker(BODY_25)))
    path = write("clip/1.json", openpose_frame(walker(COCO_18)))
    _refused(path.parent, "18 keypoints in frame 1 and 25 in frame 0")


def test_nobody_and_next_to_nobody(write, openpose_frame) -> None:
    for frame in range(3):
        path = write(f"empty/{frame}.json", openpose_frame())
    _refused(path.parent, "3 frames without anybody")
    one_joint = [0.0] * 75
    one_joint[:3] = [100, 100, 0.9]
    _refused(write("1.json", openpose_frame(one_joint)), "got at most 1")
    _refused(write("1.json", openpose_frame([None] * 75)), "got at most 0")


def test_scraps_beside_people_are_left_out_aloud(walker, write, openpose_frame) -> None:
    scrap = [0.0] * 75
    scrap[:6] = [10, 10, 0.9, 12, 10, 0.9]
    file = read_keypoints(write("1.json", openpose_frame(scrap, walker(BODY_25))))
    assert len(file.people) == 1
    assert "1 detections of fewer than 3 keypoints were left out" in file.report.notes


def test_too_many_people(walker, write, openpose_frame) -> None:
    path = write("1.json", openpose_frame(*[walker(BODY_25)] * 1001))
    _refused(path, "at most 1000 people .* got 1001")


def test_wrong_arguments(walker, write, openpose_frame) -> None:
    path = write("1.json", openpose_frame(walker(BODY_25)))
    for fps in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(InputError, match="frames per second above 0"):
            read_keypoints(path, fps=fps)
    with pytest.raises(InputError, match=r"\(height, width\)"):
        read_keypoints(path, image_size=(0, 640))
    with pytest.raises(SkeletonError, match="did you mean 'body_25b'"):
        read_keypoints(path, skeleton="body25b")


def test_all_these_errors_have_one_root() -> None:
    assert issubclass(FileFormatError, Lift3dError)
    assert issubclass(SkeletonError, Lift3dError)
    assert issubclass(InputError, Lift3dError)


def test_a_byte_order_mark_in_a_folder(walker, write, openpose_frame) -> None:
    for number in range(2):
        path = write(f"clip/{number}.json", openpose_frame(walker(BODY_25)))
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert read_keypoints(path.parent).report.frames == 2


@pytest.mark.parametrize("filler", [b"(", b"'", b"\\", b"[1,"])
def test_numpy_headers_that_do_not_parse(filler: bytes, write) -> None:
    header = (b"\x93NUMPY\x01\x00v\x00" + filler * 118)[:127] + b"\n"
    _refused(write("1.npy", header), "expected a plain numpy array")


def test_pictures_larger_than_any(walker, write, openpose_frame) -> None:
    path = write("1.json", openpose_frame(walker(BODY_25)))
    with pytest.raises(InputError, match="1 to 1000000"):
        read_keypoints(path, image_size=(10**9, 10**9))
    _refused(write("2.json", {"fps": 1e-9, "frames": [None]}), "frames per second")
    _refused(write("3.json", {"image_size": ["x" * 3000], "frames": [None]}), "height, width")
