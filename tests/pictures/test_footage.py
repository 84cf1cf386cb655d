"""The picture under each frame of a clip: numbered pictures in videos of every kind, and in folders."""

import subprocess
from dataclasses import replace

import cv2
import imageio_ffmpeg
import numpy as np
import pytest

from lift3d.camera import Camera
from lift3d.errors import FileFormatError, InputError
from lift3d.pictures import Footage, write_png, write_video
from lift3d.pictures.video_stream import VideoStream

HEIGHT, WIDTH, BITS = 48, 96, 12


def numbered(number: int) -> np.ndarray:
    """A picture that says its number in binary, in stripes wide enough to survive H.264."""
    bits = [(number >> bit) & 1 for bit in range(BITS)]
    stripes = np.repeat(np.array(bits, dtype=np.uint8), WIDTH // BITS) * 200 + 25
    return np.repeat(np.tile(stripes, (HEIGHT, 1))[..., None], 3, -1)


def number_in(picture: np.ndarray) -> int:
    middle = picture[picture.shape[0] // 2, :, 1].reshape(BITS, -1)
    return int(((middle.mean(1) > 125) * 2 ** np.arange(BITS)).sum())


def ffmpeg(*arguments: object) -> None:
    exe = imageio_ffmpeg.get_ffmpeg_exe()
    subprocess.run([exe, "-y", "-v", "error", *map(str, arguments)], check=True)


@pytest.fixture(scope="module")
def long_video(tmp_path_factory):
    path = tmp_path_factory.mktemp("video") / "long.mp4"
    write_video(path, map(numbered, range(700)), 30.0)
    return path


@pytest.fixture(scope="module")
def uneven_video(long_video):
    """Frames 0 to 299 at 30 a second, then two seconds of nothing, then at 15 a second."""
    path = long_video.with_name("uneven.mp4")
    times = "setpts='if(lt(N,300),N,360+2*(N-300))/30/TB'"
    ffmpeg("-i", long_video, "-vf", times, "-fps_mode", "passthrough", "-bf", 2, "-g", 40, path)
    return path


@pytest.fixture
def clip(clip_of):
    def make(frames=8, first=0, fps=30.0, size=(HEIGHT, WIDTH)):
        made = clip_of(frames=frames, with_body=False)
        return replace(made, camera=Camera.default(size), first_frame=first, fps=fps)

    return make


@pytest.mark.parametrize("video", ["long_video", "uneven_video"])
@pytest.mark.parametrize(
    "frames", [range(4), (0, 3, 4, 9), (298, 299, 300, 301), (5, 640), (690, 2)]
)
def test_frame_k_is_picture_k_however_frames_are_spaced(video, frames, clip, request):
    with Footage(request.getfixturevalue(video), clip(700)) as footage:
        assert [number_in(footage(frame)) for frame in frames] == list(frames)
        assert footage.notes == () or "uneven" in video


def test_the_last_picture_is_the_last(long_video, clip):
    """Of the uneven video old releases of ffmpeg do not write it."""
    with Footage(long_video, clip(700)) as footage:
        assert [number_in(footage(frame)) for frame in (699, 2)] == [699, 2]


def test_clips_that_begin_later_see_the_picture_of_their_number(long_video, clip):
    with Footage(long_video, clip(8, first=350)) as footage:
        assert [number_in(footage(k)) for k in range(3)] == [350, 351, 352]


def test_by_time_each_frame_sees_what_is_shown_then(uneven_video, clip):
    with Footage(uneven_video, clip(700), by="time") as footage:
        # 10 s holds picture 299 until picture 300 comes at 12 s; then each stays two thirtieths.
        assert [number_in(footage(k)) for k in (7, 299, 330, 360, 361, 362)] == [
            7, 299, 299, 300, 300, 301
        ]  # fmt: skip
        assert any("matched by their times" in note for note in footage.notes)


def test_a_video_that_ends_early_gives_an_even_picture_and_a_note(long_video, clip):
    with Footage(long_video, clip(8, first=697), empty=(1, 2, 3)) as footage:
        assert number_in(footage(2)) == 699
        assert (footage(3) == (1, 2, 3)).all()
        footage(7)
        assert "no picture for 2 frames, the first of them frame 700" in footage.notes[-1]


def test_a_rotation_flag_is_obeyed_or_not_as_the_clips_size_asks(long_video, clip):
    turned = long_video.with_name("turned.mp4")
    ffmpeg("-display_rotation", 90, "-i", long_video, "-c", "copy", turned)
    with Footage(turned, clip(4, size=(WIDTH, HEIGHT))) as footage:
        assert footage(0).shape == (WIDTH, HEIGHT, 3)
        assert footage.notes == ()
    with Footage(turned, clip(4)) as footage:
        assert number_in(footage(3)) == 3
        assert "rotation flag" in footage.notes[0]


def test_another_size_is_refused_with_both_sizes_or_scaled_on_demand(long_video, clip):
    other = clip(4, size=(96, 192))
    with pytest.raises(InputError, match=r"192 x 96 pixels.*96 x 48.*--image-size 48 96"):
        Footage(long_video, other)
    with Footage(long_video, other, fit=True) as footage:
        assert footage(2).shape == (96, 192, 3)
        assert number_in(footage(2)) == 2


@pytest.mark.parametrize("content", [b"", b"to be or not to be", b"#EXTM3U\nhttp://x/y.ts\n", None])
def test_files_that_are_no_videos_are_refused(content, tmp_path, clip):
    path = tmp_path / "video.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(FileFormatError, match="expected a video"):
        Footage(path, clip(4))


def test_half_a_video_shows_what_it_holds(long_video, clip, tmp_path):
    """Fragments, since an ordinary MP4 has its table of contents at one end."""
    whole, half = tmp_path / "whole.mkv", tmp_path / "half.mkv"
    ffmpeg("-i", long_video, "-c", "copy", whole)
    half.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    with Footage(half, clip(700)) as footage:
        assert number_in(footage(10)) == 10
        footage(699)
        assert "no picture for 1 frames" in footage.notes[-1]


def test_pictures_in_a_folder_are_found_by_number_or_in_order(tmp_path, clip):
    for number in (8, 9, 10, 11):
        write_png(tmp_path / f"picture_{number}.png", numbered(number))
    (tmp_path / "notes.txt").write_text("not a picture")
    by_number = Footage(tmp_path, clip(4, first=8))
    assert [number_in(by_number(k)) for k in range(4)] == [8, 9, 10, 11]
    in_order = Footage(tmp_path, clip(5))
    assert [number_in(in_order(k)) for k in range(4)] == [8, 9, 10, 11]
    assert (in_order(4) == in_order(4)[0, 0]).all()
    assert "order of their names" in in_order.notes[0]
    assert "no picture for 1 frames" in in_order.notes[1]


def test_one_picture_serves_all_frames_and_a_broken_one_is_refused(tmp_path, clip):
    write_png(tmp_path / "one.png", numbered(77))
    footage = Footage(tmp_path / "one.png", clip(3))
    assert [number_in(footage(k)) for k in range(3)] == [77, 77, 77]
    (tmp_path / "one.png").write_bytes(b"\x89PNG but no more")
    with pytest.raises(FileFormatError, match="cannot be decoded"):
        Footage(tmp_path / "one.png", clip(3))
    with pytest.raises(FileFormatError, match="got none"):
        Footage(tmp_path / "nowhere.png", clip(3))


def test_a_far_leap_is_as_exact_as_counting(uneven_video):
    counted, leaping = VideoStream(uneven_video), VideoStream(uneven_video)
    for number in (400, 690):
        while counted.position < number:
            assert counted.step()
        assert leaping.go_to(number)
        np.testing.assert_array_equal(leaping.picture(), counted.picture())
    assert len(leaping.stamps) == 700
    assert leaping.stamps[300] == pytest.approx(12.0, abs=2e-3)
    leaping.close()
    counted.close()


def test_names_with_percent_signs_are_files(long_video, tmp_path, clip):
    path = tmp_path / "50%d of %03d.mp4"
    path.write_bytes(long_video.read_bytes())
    with Footage(path, clip(4)) as footage:
        assert number_in(footage(3)) == 3


def test_photographs_on_their_side_are_turned_as_their_camera_says(tmp_path, clip):
    done, data = cv2.imencode(".jpg", numbered(5))
    assert done
    # An EXIF segment with the single entry 0x0112 (orientation) = 6: a quarter turn.
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    jpeg = data.tobytes()
    segment = b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif
    (tmp_path / "a.jpg").write_bytes(jpeg[:2] + segment + jpeg[2:])
    assert Footage(tmp_path / "a.jpg", clip(2, size=(WIDTH, HEIGHT)))(0).shape[0] == WIDTH
    assert number_in(Footage(tmp_path / "a.jpg", clip(2))(0)) == 5


def test_a_far_leap_does_not_decode_all_that_lies_between(uneven_video, monkeypatch):
    steps = []
    step = VideoStream.step
    monkeypatch.setattr(VideoStream, "step", lambda self: steps.append(1) or step(self))
    stream = VideoStream(uneven_video)
    assert stream.go_to(690)
    assert number_in(stream.picture()) == 690
    assert len(steps) < 120
    stream.close()
