"""What other systems do to files: other line ends, locks, companions, no links and no forks."""

import os
import re
import types
from collections.abc import Callable
from pathlib import Path, PureWindowsPath

import numpy as np
import pytest

from lift3d.errors import OutputError
from lift3d.io import read_keypoints
from lift3d.io.files import atomic
from lift3d.io.motion.bvh import read_bvh
from lift3d.io.motion.recordings import read_recording
from lift3d.pipeline import LiftOptions, lift
from lift3d.training.retarget_file import _part_path
from tests.helpers.attack_seeds import SMALL_AMC, SMALL_ASF
from tests.helpers.journey_files import short_sample

BVH = """HIERARCHY
ROOT Hips
{
OFFSET 0 0 0
CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
End Site
{
OFFSET 0 1 0
}
}
MOTION
Frames: 2
Frame Time: 0.1
0 1 0 10 20 30
0 2 0 11 21 31
"""


def as_windows(path: Path) -> Path:
    """The same text as an editor there saves it: a mark at the start, two characters at line ends."""
    text = path.read_bytes().replace(b"\n", b"\r\n")
    place = path.with_name(f"windows{path.suffix}")
    place.write_bytes(b"\xef\xbb\xbf" + text)
    return place


def test_a_recording_with_other_line_ends_is_the_same(tmp_path: Path) -> None:
    path = tmp_path / "a.bvh"
    path.write_text(BVH, encoding="utf-8", newline="\n")
    one, other = read_bvh(path), read_bvh(as_windows(path))
    assert one.names == other.names
    np.testing.assert_array_equal(one.values, other.values)


def test_a_skeleton_beside_its_motion_with_other_line_ends(tmp_path: Path) -> None:
    skeleton, motion = tmp_path / "take.asf", tmp_path / "take_01.amc"
    skeleton.write_bytes(SMALL_ASF)
    motion.write_bytes(SMALL_AMC)
    one = read_recording(motion)
    for path in (skeleton, motion):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert str(read_recording(motion)) == str(one)


def test_keypoints_with_other_line_ends_are_the_same(tmp_path: Path) -> None:
    """Tables of points have such tests of their own, in tests/io."""
    path = short_sample(tmp_path, 4)
    path.write_text(path.read_text(encoding="utf-8").replace("], ", "],\n"), encoding="utf-8")
    one, other = read_keypoints(path), read_keypoints(as_windows(path))
    for a, b in zip(one.people, other.people, strict=True):
        np.testing.assert_array_equal(a.pose.keypoints.numpy(), b.pose.keypoints.numpy())


@pytest.mark.parametrize("companion", ["._short.json", ".DS_Store", "Thumbs.db", "desktop.ini"])
def test_files_that_systems_put_beside_others_are_passed_over(
    companion: str, tmp_path: Path, openpose_frames: Callable[[Path], Path]
) -> None:
    folder = openpose_frames(tmp_path / "clip")
    frames = len(read_keypoints(folder, "body_25").people[0])
    (folder / companion).write_bytes(b"\0\5\x16\7\0")
    assert len(read_keypoints(folder, "body_25").people[0]) == frames


@pytest.fixture
def openpose_frames() -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        folder.mkdir()
        flat = [float(v) for n in range(25) for v in (600 + 7 * n, 300 + 20 * n, 0.9)]
        for frame in range(3):
            text = f'{{"version": 1.3, "people": [{{"pose_keypoints_2d": {flat}}}]}}'
            (folder / f"clip_{frame:012d}_keypoints.json").write_text(text, encoding="utf-8")
        return folder

    return make


def test_a_file_that_somebody_has_open_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows does not rename onto a file that another program looks at."""
    target = tmp_path / "a.npz"
    target.write_bytes(b"old")

    def locked(self: Path, to: Path) -> None:
        raise PermissionError(13, "The process cannot access the file", str(self), 32, str(to))

    monkeypatch.setattr(Path, "replace", locked)
    with (
        pytest.raises(OutputError, match=r"a\.npz.*cannot access.*: free some room or choose"),
        atomic.atomic_path(target) as partial,
    ):
        partial.write_bytes(b"new")
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("a.npz", b"old")]


def test_what_a_killed_process_left_is_cleared_without_asking_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To ask whether a process lives would end it on Windows."""

    def kill(*_: int) -> None:
        raise AssertionError("this would have ended a process")

    system = types.SimpleNamespace(name="nt", kill=kill, scandir=os.scandir, getpid=os.getpid)
    monkeypatch.setattr(atomic, "os", system)
    left = atomic.partial_path(tmp_path / "a.npz")
    left.write_bytes(b"half")
    atomic.clear_abandoned(tmp_path / "a.npz")
    assert not left.exists()


def test_a_file_in_use_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    left = atomic.partial_path(tmp_path / "a.npz").with_name(".a.00000000-1.partial.npz")
    left.write_bytes(b"half")
    os.utime(left, (0, 0))

    def locked(self: Path, **_: bool) -> None:
        raise PermissionError(13, "in use", str(self))

    monkeypatch.setattr(Path, "unlink", locked)
    atomic.clear_abandoned(tmp_path / "a.npz")
    assert left.exists()


@pytest.mark.parametrize("name", ["a:b", "..\\up", "con", "end. ", "what?*", "\u00e9", "e\u0301"])
def test_files_of_our_own_are_not_named_by_what_is_in_others(name: str, tmp_path: Path) -> None:
    path = _part_path(tmp_path, "train", name)
    assert re.fullmatch(r"[0-9a-f]+\.safetensors", path.name)
    assert not PureWindowsPath(path.name).drive
    assert path != _part_path(tmp_path, "train", f"{name}x")


def test_lifting_where_there_are_no_links_and_no_forks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(*_: object, **__: object) -> None:
        raise OSError(1314, "A required privilege is not held by the client")

    for name in ("symlink", "link", "fork", "mkfifo"):
        monkeypatch.setattr(os, name, absent)
    clip = lift(short_sample(tmp_path, 3), options=LiftOptions(lifter="universal", body_model=""))
    assert len(clip) == 3
