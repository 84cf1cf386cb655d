"""PNG and H.264 files: what is in them, and that they appear whole or not at all."""

import re
import subprocess

import cv2
import imageio_ffmpeg
import numpy as np
import pytest

from lift3d.errors import InputError, MissingDependencyError, OutputError
from lift3d.pictures import write_png, write_video


def moving_square(count, height=64, width=96):
    for i in range(count):
        frame = np.full((height, width, 3), 30, np.uint8)
        frame[20:40, 4 * i : 4 * i + 20] = (220, 60, 40)
        yield frame


def test_a_video_is_h264_for_every_player_with_all_its_frames(tmp_path):
    path = tmp_path / "deep" / "square.mp4"
    assert write_video(path, moving_square(12), 29.97) == 12
    told = subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-i", str(path)],
        check=False,
        capture_output=True,
        text=True,
    ).stderr
    assert re.search(r"Video: h264 .*yuv420p\(?.* 96x64.* 29\.97 fps", told), told
    video = cv2.VideoCapture(str(path))
    read = []
    while (frame := video.read())[0]:
        read.append(frame[1][..., ::-1])
    assert len(read) == 12
    np.testing.assert_allclose(read[5][30, 30].astype(int), (220, 60, 40), atol=25)
    assert [p.name for p in path.parent.iterdir()] == ["square.mp4"]


def test_odd_sizes_become_even(tmp_path):
    write_video(tmp_path / "odd.mp4", moving_square(3, 63, 95), 25.0)
    video = cv2.VideoCapture(str(tmp_path / "odd.mp4"))
    assert (video.get(3), video.get(4)) == (96, 64)


def failing_frames(count):
    yield from moving_square(count)
    raise RuntimeError("the lights went out")


def test_a_failure_on_the_way_leaves_the_old_video_and_nothing_else(tmp_path):
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"the old one")
    with pytest.raises(RuntimeError, match="lights"):
        write_video(path, failing_frames(4), 25.0)
    assert path.read_bytes() == b"the old one"
    assert [p.name for p in tmp_path.iterdir()] == ["clip.mp4"]


def test_frames_of_different_sizes_and_no_frames_are_refused(tmp_path):
    mixed = [np.zeros((64, 96, 3), np.uint8), np.zeros((64, 98, 3), np.uint8)]
    with pytest.raises(InputError, match="expected all frames to be"):
        write_video(tmp_path / "mixed.mp4", mixed, 25.0)
    with pytest.raises(InputError, match="at least one frame"):
        write_video(tmp_path / "none.mp4", [], 25.0)
    assert not list(tmp_path.iterdir())


def test_without_ffmpeg_a_sentence_says_so(tmp_path, monkeypatch):
    def absent():
        raise RuntimeError("No ffmpeg exe could be found.")

    monkeypatch.setattr(imageio_ffmpeg, "get_ffmpeg_exe", absent)
    with pytest.raises(MissingDependencyError, match="pip install imageio-ffmpeg"):
        write_video(tmp_path / "clip.mp4", moving_square(2), 25.0)
    assert not list(tmp_path.iterdir())


def test_a_png_holds_exactly_the_pixels(tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (17, 23, 3), dtype=np.uint8)
    write_png(tmp_path / "noise.png", picture)
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / "noise.png"))[..., ::-1], picture)


def test_a_png_that_cannot_be_written_leaves_nothing(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(OutputError, match="choose another output folder"):
        write_png(tmp_path / "file" / "a.png", np.zeros((4, 4, 3), np.uint8))
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
