"""The result file: what goes in comes out, numpy alone reads it, and broken ones are refused."""

import io
import zipfile
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lift3d.body import BodyParams
from lift3d.camera import Camera
from lift3d.clip import Clip, Person
from lift3d.errors import FileFormatError, InputError, OutputError
from lift3d.io import read_clip, write_clip
from lift3d.motion import Motion
from lift3d.pose import Pose2D, Pose3D
from lift3d.skeletons import BODY_25, COCO_17, LIFT_23

FRAMES = 5


def person(number: int, body: bool = True, dtype: torch.dtype = torch.float32) -> Person:
    xy = torch.rand(FRAMES, 25, 2, dtype=dtype) * 500
    confidence = torch.rand(FRAMES, 25, dtype=dtype).clamp(min=0.1)
    confidence[2] = 0
    confidence[:, 7] = 0
    seen = torch.tensor([True, True, False, True, True])
    flat = Pose2D.from_detections(xy, confidence, BODY_25, (480, 640))
    root = torch.rand(FRAMES, 23, 3, 3, dtype=dtype)
    deep = Pose3D(torch.rand(FRAMES, 23, 3, dtype=dtype), root @ root.mT, LIFT_23, "camera")
    params = BodyParams(
        torch.rand(1, 10, dtype=dtype),
        torch.rand(FRAMES, 23, 3, dtype=dtype),
        torch.rand(FRAMES, 3, dtype=dtype),
        torch.rand(FRAMES, 3, dtype=dtype),
    )
    return Person(
        Motion(flat, 50.0, number, seen, 90),
        Motion(deep, 50.0, number, torch.ones(FRAMES, dtype=torch.bool), 90),
        params if body else None,
    )


def clip(*people: Person) -> Clip:
    lens = replace(Camera.default((480, 640)), lens="human36m")
    return Clip(people, lens, 50.0, 90, "default" if people else "")


def same(a: Any, b: Any) -> bool:
    """Equal in all fields, NaN being equal to NaN, and dtypes too."""
    if isinstance(a, torch.Tensor):
        return a.dtype == b.dtype and torch.equal(a.nan_to_num(7e7), b.nan_to_num(7e7))
    if isinstance(a, tuple) and a and is_dataclass(a[0]):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    if is_dataclass(a):
        return type(a) is type(b) and all(
            same(getattr(a, f.name), getattr(b, f.name)) for f in fields(a)
        )
    return bool(a == b)


@pytest.mark.parametrize(
    "people",
    [
        [],
        [person(0)],
        [person(3), person(1)],
        [person(0), person(1, body=False)],
        [person(0, body=False)],
        [person(0, dtype=torch.float64)],
    ],
    ids=["nobody", "one", "two", "one body of two", "joints only", "float64"],
)
def test_round_trip(people: list[Person], tmp_path: Path) -> None:
    original = clip(*people)
    write_clip(tmp_path / "clip.npz", original)
    assert same(read_clip(tmp_path / "clip.npz"), original)


def test_unknown_picture_size_stays_unknown(tmp_path: Path) -> None:
    one = person(0)
    pose = replace(one.keypoints.pose, image_size=None)
    original = clip(replace(one, keypoints=replace(one.keypoints, pose=pose)))
    write_clip(tmp_path / "clip.npz", original)
    assert np.load(tmp_path / "clip.npz")["keypoint_image_size"].tolist() == [0, 0]
    assert same(read_clip(tmp_path / "clip.npz"), original)


def test_a_moving_camera(tmp_path: Path) -> None:
    still = Camera.default((480, 640))
    moving = Camera(
        still.intrinsics.expand(FRAMES, 3, 3).clone(),
        torch.eye(4).repeat(FRAMES, 1, 1),
        torch.zeros(FRAMES, 5),
        (480, 640),
    )
    original = replace(clip(person(0)), camera=moving)
    write_clip(tmp_path / "clip.npz", original)
    assert same(read_clip(tmp_path / "clip.npz"), original)


def test_numpy_alone_reads_it(tmp_path: Path) -> None:
    write_clip(tmp_path / "clip.npz", clip(person(3), person(1)))
    with np.load(tmp_path / "clip.npz", allow_pickle=False) as file:
        arrays = dict(file)
    assert arrays["person_ids"].tolist() == [3, 1]
    assert (float(arrays["fps"]), int(arrays["first_frame"])) == (50.0, 90)
    assert arrays["keypoints"].shape == (2, FRAMES, 25, 2)
    assert arrays["joints"].shape == (2, FRAMES, 23, 3)
    assert arrays["body_pose"].shape == (2, FRAMES, 23, 3)
    assert arrays["betas"].shape == (2, 10)
    assert str(arrays["body_model"]) == "default"
    assert arrays["keypoint_names"].tolist() == list(BODY_25.joints)
    assert arrays["joint_parents"].tolist() == list(LIFT_23.parents)
    assert arrays["observed"].dtype == np.bool_
    assert arrays["image_size"].tolist() == [480, 640]
    assert arrays["format_version"] == 1
    assert all(array.dtype.kind in "bifU" for array in arrays.values())


def test_every_key_is_documented(tmp_path: Path) -> None:
    from lift3d.io.clips import clip_npz

    write_clip(tmp_path / "clip.npz", clip(person(0)))
    with np.load(tmp_path / "clip.npz") as file:
        assert [key for key in file.files if f"`{key}`" not in str(clip_npz.__doc__)] == []


def test_the_same_clip_gives_the_same_bytes(tmp_path: Path) -> None:
    original = clip(person(0))
    write_clip(tmp_path / "a.npz", original)
    write_clip(tmp_path / "b.npz", original)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.npz", "b.npz"]


def test_any_ending_is_kept(tmp_path: Path) -> None:
    write_clip(tmp_path / "clip.lifted", clip(person(0)))
    assert [path.name for path in tmp_path.iterdir()] == ["clip.lifted"]
    assert len(read_clip(tmp_path / "clip.lifted").people) == 1


def test_people_of_different_skeletons_are_refused(tmp_path: Path) -> None:
    other = person(1)
    pose = other.keypoints.pose.to(COCO_17)
    other = replace(other, keypoints=replace(other.keypoints, pose=pose))
    with pytest.raises(InputError, match="person 1 with others than person 0"):
        write_clip(tmp_path / "clip.npz", clip(person(0), other))
    assert list(tmp_path.iterdir()) == []


def test_shapes_that_change_are_refused(tmp_path: Path) -> None:
    one = person(0)
    assert one.body is not None
    constant = replace(one, body=replace(one.body, betas=one.body.betas.expand(FRAMES, 10)))
    write_clip(tmp_path / "clip.npz", clip(constant))
    varying = replace(one, body=replace(one.body, betas=torch.rand(FRAMES, 10)))
    with pytest.raises(InputError, match="betas that change over time"):
        write_clip(tmp_path / "clip.npz", clip(varying))


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError):
        write_clip(tmp_path / "file" / "clip.npz", clip(person(0)))


def _with(tmp_path: Path, **changes: np.ndarray | None) -> Path:
    write_clip(tmp_path / "good.npz", clip(person(0)))
    with np.load(tmp_path / "good.npz") as file:
        arrays = {**file, **changes}
    kept = {key: array for key, array in arrays.items() if array is not None}
    np.savez(tmp_path / "bad.npz", **kept)
    return tmp_path / "bad.npz"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"joints": None}, "expected the array 'joints'"),
        ({"format_version": None}, "expected format_version 1 .* got none"),
        ({"format_version": np.int64(2)}, "expected format_version 1 .* got 2"),
        ({"format_version": np.array("1")}, "expected format_version 1"),
        ({"joints": np.zeros((1, FRAMES, 22, 3))}, r"expected 'joints' with axes \(P F J 3\)"),
        ({"joints": np.zeros((1, FRAMES, 23, 3), dtype=np.int32)}, "expected 'joints'"),
        ({"transl": np.zeros((1, FRAMES + 1, 3))}, "expected 'transl'"),
        ({"lens": np.array("fisheye")}, "got 'fisheye'"),
        ({"fps": np.float64(0)}, "values that do not fit .*frame rate above 0"),
        ({"fps": np.zeros(3)}, "expected 'fps'"),
        ({"keypoint_parents": np.full(25, 99)}, "values that do not fit"),
        ({"keypoint_parents": np.array([1, 0] + [-1] * 23)}, "got a circle"),
        ({"keypoint_names": np.array(["a"] * 25)}, "unique joint names"),
        ({"confidence": np.zeros((1, FRAMES, 25), dtype=np.float32)}, "values that do not fit"),
        ({"image_size": np.array([0, 0])}, r"positive \(height, width\)"),
        ({"fps": np.float64(np.inf)}, "frame rate above 0"),
        ({"fps": np.float64(1e-9)}, "frame rate above 0"),
        ({"betas": np.full((1, 10), np.nan)}, "numbers in 'betas'"),
        ({"transl": np.full((1, FRAMES, 3), 1e30)}, "larger ones"),
        ({"transl": np.full((1, FRAMES, 3), np.inf)}, "larger ones"),
        ({"global_orient": np.full((1, FRAMES, 3), np.nan)}, "whole frames only"),
        ({"intrinsics": np.full((3, 3), np.nan)}, "numbers in 'intrinsics'"),
        ({"cam_from_world": np.full((4, 4), np.inf)}, "larger ones"),
    ],
)
def test_archives_that_are_no_clip(changes: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=message):
        read_clip(_with(tmp_path, **changes))


def test_files_that_are_no_archive(tmp_path: Path) -> None:
    array = io.BytesIO()
    np.save(array, np.zeros(3))
    good = tmp_path / "good.npz"
    write_clip(good, clip(person(0)))
    whole = good.read_bytes()
    pickled = io.BytesIO()
    np.savez(pickled, format_version=np.array([{}], dtype=object))
    damaged = bytearray(whole)
    damaged[len(whole) // 2] ^= 0xFF
    for content in (
        b"",
        b"hello",
        b'{"people": []}',
        array.getvalue(),
        whole[:100],
        whole[:-30],
        pickled.getvalue(),
    ):
        (tmp_path / "bad.npz").write_bytes(content)
        with pytest.raises(FileFormatError, match="expected"):
            read_clip(tmp_path / "bad.npz")
    (tmp_path / "bad.npz").write_bytes(damaged)
    with pytest.raises(FileFormatError, match="file of plain arrays"):
        read_clip(tmp_path / "bad.npz")
    with zipfile.ZipFile(tmp_path / "bad.npz", "w") as file:
        file.writestr("format_version.npy", b"not an array")
    with pytest.raises(FileFormatError, match="expected"):
        read_clip(tmp_path / "bad.npz")
    with pytest.raises(FileFormatError, match="got nothing there"):
        read_clip(tmp_path / "nowhere.npz")
    with pytest.raises(FileFormatError, match="expected"):
        read_clip(tmp_path)
