"""Hostile files of JSON, and folders of them."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.helpers.hostile_case import FLAT, LONG, Case, file_of, folder_of, json_of

__all__ = ["FOLDERS", "LISTS", "OPENPOSE"]


def _pipe(folder: Path) -> Path:
    path = folder / "pipe.json"
    os.mkfifo(path)
    return path


def _pipe_in_folder(folder: Path) -> Path:
    inside = folder_of({"1.json": _frame(LONG)})(folder)
    os.mkfifo(inside / "0.json")
    return inside


def _folder_in_folder(folder: Path) -> Path:
    inside = folder_of({"1.json": _frame(LONG)})(folder)
    (inside / "0.json").mkdir()
    return inside


def _frame(*people: Any, key: str = "pose_keypoints_2d") -> bytes:
    return json.dumps({"version": 1.3, "people": [{key: person} for person in people]}).encode()


def _entry(**changed: Any) -> dict[str, Any]:
    return {"image_id": "1.jpg", "category_id": 1, "keypoints": FLAT, "score": 1.0} | changed


def _result(**changed: Any) -> dict[str, Any]:
    return _entry(image_id=1) | changed


def _instance(**changed: Any) -> dict[str, Any]:
    pairs = [[x, y] for x, y in zip(FLAT[0::3], FLAT[1::3], strict=True)]
    return {"keypoints": pairs, "keypoint_scores": [0.9] * 17, "bbox": [[0, 0, 9, 9]]} | changed


def _video(*frames: dict[str, Any]) -> Callable[[Path], Path]:
    return json_of([{"frame_id": n, "instances": [_instance()]} | f for n, f in enumerate(frames)])


def million(start: bytes, entry: bytes, end: bytes) -> bytes:
    """A million times the same entry."""
    return start + (entry + b",") * 999_999 + entry + end


OPENPOSE = [
    Case("nothing", file_of("a.json", b""), "an empty file"),
    Case("white space", file_of("a.json", b" \n\t " * 100), "an empty file"),
    Case("cut in a frame", file_of("a.json", _frame(LONG)[:-30]), "whole JSON .* line 1 column"),
    Case("not a number", file_of("a.json", _frame([float("nan")] * 75)), "write null instead"),
    Case("infinite", file_of("a.json", _frame([float("inf")] * 75)), "write null instead"),
    Case("little-endian UTF-16", file_of("a.json", _frame(LONG).decode().encode("utf-16")), "UTF-8"),
    Case(
        "big-endian UTF-16",
        file_of("a.json", b"\xfe\xff" + _frame(LONG).decode().encode("utf-16-be")),
        "UTF-8",
    ),
    Case("broken UTF-8", file_of("a.json", b'{"people": [\xff\xfe]}'), "whole JSON"),
    Case("byte order mark", file_of("a.json", b"\xef\xbb\xbf" + _frame()), "without anybody"),
    Case("lists in lists", file_of("a.json", b"[" * 1_000_000), "whole JSON"),
    Case("objects in objects", file_of("a.json", b'{"a":' * 300_000), "whole JSON"),
    Case("depth within a frame", file_of("a.json", b'{"people":' + b"[" * 99_999), "whole JSON"),
    Case("depth in what is skipped", file_of("a.json", b'{"people":[],"x":' + b"[" * 9999), "JSON"),
    Case("too large a number",
        file_of("a.json", b'{"people":[{"pose_keypoints_2d":[1e999]}]}'), "person 0"),
    Case(
        "5000 digits",
        file_of("a.json", b'{"people":[{"pose_keypoints_2d":[' + b"9" * 5000 + b",1,1]}]}"),
        "person 0",
    ),
    Case("numbers off every picture", file_of("a.json", _frame([1e300] * 75)), "got at most 0"),
    Case("text for numbers", file_of("a.json", _frame(["1"] * 75)), "numbers.* person 0"),
    Case("truths for numbers", file_of("a.json", _frame([True] * 75)), "numbers.* person 0"),
    Case("lists for numbers", file_of("a.json", _frame([[1, 2, 3]] * 25)), "numbers.* person 0"),
    Case("two of three numbers", file_of("a.json", _frame([1.0] * 74)), "74 numbers"),
    Case("null for people", file_of("a.json", b'{"people": null}'), "a list of people"),
    Case("a number for people", file_of("a.json", b'{"people": 7}'), "a list of people"),
    Case("a list for a person", file_of("a.json", b'{"people": [[1]]}'), "person 0"),
    Case("no body", file_of("a.json", _frame([], key="face_keypoints_2d")), "pose_keypoints_2d"),
    Case("nobody", file_of("a.json", _frame()), "without anybody"),
    Case(
        "a million people",
        file_of("a.json", lambda: million(b'{"people":[', b'{"pose_keypoints_2d":[1,1,1]}', b"]}")),
        "at most 1000 people",
    ),
    Case(
        "a million nobodies",
        file_of("a.json", lambda: million(b'{"people":[', b'{"pose_keypoints_2d":[]}', b"]}")),
        "without anybody",
    ),
    Case("mixed layouts", file_of("a_3.json", _frame(LONG, FLAT)), "17 keypoints in frame 3"),
    Case("no known layout", file_of("a.json", _frame([1.0, 2.0, 0.5] * 19)), "19"),
    Case("joints in space for others", json_of({"people": [
        {"pose_keypoints_2d": LONG, "pose_keypoints_3d": [1.0] * 99}]}), "got 99 numbers"),
    Case("a second document", file_of("a.json", _frame(LONG) + b"\n" + _frame(LONG)), "whole JSON"),
    Case("Python's own writing", file_of("a.json", b"{'people': [{'pose_keypoints_2d': []}]}"), "JSON"),
    Case("a comment", file_of("a.json", b'// made by hand\n{"people": []}'), "text that begins with"),
    Case("an unknown object",
        json_of({"settings": 1, "other": 2}), "other JSON, an object with 'settings'"),
    Case("a number", file_of("a.json", b"7"), "text that begins with '7'"),
]  # fmt: skip

FOLDERS = [
    Case("an empty folder", folder_of({}), "an empty folder"),
    Case("videos", folder_of({"a.mp4": b"", "b.mp4": b""}), "a.mp4"),
    Case("one broken frame", folder_of({"0.json": _frame(LONG), "1.json": b'{"people": ['}), "1.json"),
    Case("one empty frame", folder_of({"0.json": _frame(LONG), "1.json": b""}), "1.json"),
    Case("a stranger", folder_of({"0.json": _frame(LONG), "1.json": b'{"a": 1}'}), "1.json"),
    Case("frames of two layouts",
        folder_of({"0.json": _frame(LONG), "1.json": _frame(FLAT)}), "frame 1"),
    Case("two clips", folder_of({"a_0.json": _frame(LONG), "b_1.json": _frame(LONG)}), "one clip"),
    Case("no numbers", folder_of({"a.json": _frame(LONG), "b.json": _frame(LONG)}), "a frame number"),
    Case("far apart",
        folder_of({"1.json": _frame(LONG), "20261120164024.json": _frame(LONG)}), "renumber"),
    Case("whole clips",
        folder_of({"0.json": json.dumps([_entry()]).encode(), "1.json": b"[]"}), "alphapose"),
    Case("a folder for a frame", _folder_in_folder, "0.json"),
    Case("a pipe for a frame", _pipe_in_folder, "0.json"),
    Case("a pipe", _pipe, "a pipe or a device"),
]  # fmt: skip

LISTS = [
    Case("AlphaPose cut in a number",
        file_of("a.json", json.dumps([_entry()] * 9).encode()[:-80]), "column"),
    Case("AlphaPose not a number", json_of([_entry(keypoints=[float("nan")] * 51)]), "write null"),
    Case("AlphaPose without keypoints", json_of([{"image_id": "1.jpg"}]), "'keypoints'|keypoints"),
    Case("AlphaPose text in entry 1", json_of([_entry(), _entry(keypoints=["a"] * 51)]), "entry 1"),
    Case("AlphaPose with a number's entry", json_of([_entry(), 5]), "entry 1"),
    Case("AlphaPose and COCO", json_of([_entry(), _result()]), "entry 1"),
    Case("COCO and AlphaPose", json_of([_result(), _entry()]), "entry 1"),
    Case(
        "AlphaPose, a million in one picture",
        file_of("a.json", lambda: million(b"[", b'{"image_id":"1.jpg","keypoints":[1,1,1]}', b"]")),
        "at most 1000 people",
    ),
    Case("an endless entry", file_of("a.json", b'[{"image_id":"' + b"a" * (34 << 20)), "whole JSON"),
    Case(
        "brackets in a name",
        json_of([_entry(image_id='}, {"[[ 1.jpg'), _entry(image_id="2.jpg")]),
        "AlphaPose results: 2 people|AlphaPose results: 1 person",
        reads=True,
    ),
    Case("a name twice", file_of("a.json", json.dumps([_entry()]).replace(
        '"image_id"', '"image_id": "0.jpg", "image_id"').encode()), r"frames \(1 to 1\)", reads=True),
    Case("a comma too many",
        file_of("a.json", json.dumps([_entry()]).encode()[:-1] + b",]"), "whole JSON"),
    Case("AlphaPose by picture, broken", json_of({"1.jpg": {"people": []}, "2.jpg": 5}), "2.jpg"),
    Case("COCO's picture of 30 digits", json_of([_result(image_id=10**30)]), "image_id"),
    Case("COCO's picture 1.5", json_of([_result(image_id=1.5)]), "image_id"),
    Case("COCO's negative pictures",
        json_of([_result(image_id=-n) for n in (5, 4)]), "order", reads=True),
    Case("COCO without lists", json_of({"annotations": {}, "images": []}), "lists of images and people"),
    Case("COCO, pictures of text", json_of({"annotations": [_result()], "images": ["a"]}), "picture 0"),
    Case("COCO, a wide picture", json_of({"annotations": [_result()], "images": [
        {"id": 1, "width": 10**12, "height": 5}]}), "width and height"),
    Case("COCO, two sizes", json_of({"annotations": [_result()], "images": [
        {"id": n, "width": n + 1, "height": 5} for n in (1, 2)]}), "several sizes"),
    Case("COCO without people", json_of({"annotations": [], "images": []}), "expected frames"),
    Case("COCO without keypoints", json_of([_result(), {"image_id": 2}]), "entry 1"),
    Case("an empty list", json_of([]), "at least one person"),
    Case("a list of nothing", json_of([None] * 5), "at least one person"),
    Case("MMPose's joints in space",
        _video({"instances": [_instance(keypoints=[[1, 2, 3]] * 17)]}), "3D"),
    Case("MMPose, a score too few",
        _video({"instances": [_instance(keypoint_scores=[1.0])]}), "1 scores"),
    Case("MMPose, a frame twice", _video({"frame_id": 1}, {"frame_id": 1}), "frame 1 twice"),
    Case("MMPose, a frame of text", _video({}, {"frame_id": "a"}), "frame 1"),
    Case("MMPose, frame -5", _video({"frame_id": -5}), "-5"),
    Case("MMPose, frame 10^18", _video({}, {"frame_id": 10**18}), "renumber"),
    Case("MMPose without a list", json_of({"instance_info": {"a": 1}}), "a list"),
    Case("EasyMocap, two of three", json_of({"annots": [{"keypoints": [[1, 2]] * 25}]}), "person 0"),
    Case("EasyMocap's bodies", json_of([{"id": 0, "Rh": [], "Th": [], "poses": []}]), "body parameters"),
    Case("EasyMocap's joints in space", json_of([{"id": 0, "keypoints3d": []}]), "in space"),
    Case("MediaPipe, 32 landmarks", json_of({"frames": [[[0.5, 0.5, 0, 1]] * 32]}), "frame 0"),
    Case("MediaPipe, no rate",
        json_of({"fps": 1e-9, "frames": [[[0.5] * 4] * 33]}), "frames per second"),
]  # fmt: skip
