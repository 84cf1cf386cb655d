"""Videos and GIFs: colours, bounded memory, Ctrl-C, and threads that end when they should."""

import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import cv2
import imageio_ffmpeg
import numpy as np
import pytest

from lift3d.errors import InputError, OutputError
from lift3d.pictures import StoppedByHandError, write_gif, write_png, write_video
from lift3d.pictures.ahead import ahead


def squares(count, color=(220, 60, 40), height=64, width=96):
    for i in range(count):
        frame = np.full((height, width, 3), 30, np.uint8)
        frame[20:40, 4 * (i % 16) : 4 * (i % 16) + 20] = color
        yield frame


def played(path: Path) -> list[np.ndarray]:
    video = cv2.VideoCapture(str(path))
    frames = []
    while (read := video.read())[0]:
        frames.append(read[1][..., ::-1])
    return frames


@pytest.mark.parametrize("color", [(200, 30, 30), (30, 190, 30), (40, 40, 210), (128, 128, 128)])
def test_a_video_says_which_colours_it_has_and_keeps_them(color, tmp_path):
    path = tmp_path / "color.mp4"
    write_video(path, squares(3, color), 25.0)
    told = subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-i", str(path)],
        check=False, capture_output=True, text=True,
    ).stderr  # fmt: skip
    assert "bt709" in told
    # Decoded as BT.709, which the file asks for.
    raw = subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(path), "-vf",
         "scale=in_color_matrix=bt709", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"],
        check=True, capture_output=True,
    ).stdout  # fmt: skip
    first = np.frombuffer(raw, np.uint8).reshape(-1, 64, 96, 3)[0]
    np.testing.assert_allclose(first[30, 10].astype(int), color, atol=6)


def test_a_gif_plays_all_frames_at_its_speed_for_ever(tmp_path):
    path = tmp_path / "new" / "square.gif"
    assert write_gif(path, squares(10), 20.0) == 10
    data = path.read_bytes()
    assert data.startswith(b"GIF89a")
    assert b"NETSCAPE2.0\x03\x01\x00\x00" in data  # repeats without end
    delays = [data[i + 4] for i in range(len(data) - 8) if data[i : i + 3] == b"\x21\xf9\x04"]
    assert delays[:9] == [5] * 9  # hundredths of a second
    frames = played(path)
    assert len(frames) == 10
    np.testing.assert_allclose(frames[3][30, 20].astype(int), (220, 60, 40), atol=12)
    assert [p.name for p in path.parent.iterdir()] == ["square.gif"]


@pytest.mark.parametrize("write", [write_gif, write_video])
def test_a_failure_on_the_way_leaves_nothing(write, tmp_path):
    def failing():
        yield from squares(4)
        raise RuntimeError("the lights went out")

    with pytest.raises(RuntimeError, match="lights"):
        write(tmp_path / f"a.{'gif' if write is write_gif else 'mp4'}", failing(), 25.0)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("write", "ending"), [(write_gif, "gif"), (write_video, "mp4")])
def test_ctrl_c_keeps_what_was_drawn_under_a_name_that_says_how_much(write, ending, tmp_path):
    def stopped():
        yield from squares(7)
        raise KeyboardInterrupt

    target = tmp_path / f"walk.{ending}"
    target.write_bytes(b"the old one")
    with pytest.raises(StoppedByHandError, match="first 7 frames were kept as") as stop:
        write(target, stopped(), 20.0)
    assert stop.value.path.name == f"walk_first_7_frames.{ending}"
    assert len(played(stop.value.path)) == 7
    assert target.read_bytes() == b"the old one"
    assert len(list(tmp_path.iterdir())) == 2


def test_ctrl_c_before_the_first_frame_leaves_nothing(tmp_path):
    def stopped():
        raise KeyboardInterrupt
        yield

    with pytest.raises(KeyboardInterrupt) as stop:
        write_video(tmp_path / "walk.mp4", stopped(), 20.0)
    assert not isinstance(stop.value, StoppedByHandError)
    assert not list(tmp_path.iterdir())


def test_a_real_ctrl_c_in_a_terminal_does_not_reach_ffmpeg(tmp_path):
    """The signal goes to the whole process group, as a terminal sends it."""
    program = textwrap.dedent("""
        import sys, time
        import numpy as np
        from lift3d.pictures import write_video
        def slowly():
            for i in range(1000):
                yield np.full((64, 64, 3), i % 255, np.uint8)
                if i == 5:
                    print("drawing", flush=True)
                if i > 5:
                    time.sleep(0.05)
        write_video(sys.argv[1], slowly(), 25.0)
    """)
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "a.mp4")],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == b"drawing\n"
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert b"StoppedByHandError" in told
    (kept,) = tmp_path.iterdir()
    assert kept.name.startswith("a_first_")
    assert len(played(kept)) >= 6


def test_an_encoder_that_fails_is_one_sentence_and_no_hanging(tmp_path, monkeypatch):
    monkeypatch.setattr("lift3d.pictures.video.h264", lambda: ("-c:v", "no_such_codec"))
    with pytest.raises(OutputError, match="expected ffmpeg to take the frames"):
        write_video(tmp_path / "a.mp4", squares(200), 25.0)
    assert not list(tmp_path.iterdir())


def test_frames_without_pixels_are_refused(tmp_path):
    with pytest.raises(InputError, match="frames with pixels"):
        write_video(tmp_path / "a.mp4", [np.zeros((0, 4, 3), np.uint8)], 25.0)


def test_frames_painted_into_the_same_memory_are_told_apart(tmp_path):
    def painted():
        frame = np.zeros((32, 32, 3), np.uint8)
        for tone in range(0, 250, 25):
            frame[:] = tone
            yield frame

    write_video(tmp_path / "a.mp4", painted(), 25.0)
    tones = [frame.mean() for frame in played(tmp_path / "a.mp4")]
    np.testing.assert_allclose(tones, range(0, 250, 25), atol=8)


def test_a_png_keeps_alpha(tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (9, 7, 4), dtype=np.uint8)
    write_png(tmp_path / "a.png", picture)
    read = cv2.imread(str(tmp_path / "a.png"), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(read[..., [2, 1, 0, 3]], picture)


def test_memory_does_not_grow_with_the_length(tmp_path):
    """Ten thousand frames that would be 300 MB together; measured from the hundredth on."""
    pages = []

    def long():
        for i, frame in enumerate(squares(10_000, height=72, width=144)):
            if i in (100, 9_999):
                pages.append(int(Path("/proc/self/statm").read_text().split()[1]))
            yield frame

    if not Path("/proc/self/statm").exists():
        pytest.skip("this system does not tell a process's memory in /proc")
    assert write_video(tmp_path / "long.mp4", ahead(long()), 60.0) == 10_000
    assert (pages[1] - pages[0]) * 4096 < 30e6


def test_work_done_ahead_keeps_its_order_and_its_bounds():
    made = []

    def numbers():
        for i in range(50):
            made.append(i)
            yield i

    waiting = ahead(numbers(), depth=3)
    assert next(waiting) == 0
    assert len(made) <= 1 + 3 + 2
    assert list(waiting) == list(range(1, 50))


def test_work_done_ahead_raises_in_its_turn_and_stops_when_closed():
    def failing():
        yield 1
        raise ValueError("broken")

    waiting = ahead(failing())
    assert next(waiting) == 1
    with pytest.raises(ValueError, match="broken"):
        next(waiting)

    def endless():
        while True:
            yield 0

    before = threading.active_count()
    waiting = ahead(endless(), depth=2)
    next(waiting)
    waiting.close()
    assert threading.active_count() == before
