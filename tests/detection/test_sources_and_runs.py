"""From files of pictures to people over time: every source, threads, resuming, what cannot be read."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import cv2
import imageio_ffmpeg
import numpy as np
import pytest
import torch

from lift3d.detected import DetectedPeople
from lift3d.detection import (
    DetectOptions,
    Keeper,
    PictureSource,
    detect,
    detect_pictures,
    holds_pictures,
    open_pictures,
)
from lift3d.detection.sources import Numbered
from lift3d.errors import FileFormatError, InputError, Lift3dError
from lift3d.io.keypoints.person_boxes import PersonBoxes, read_person_boxes
from lift3d.pictures import write_png, write_video
from lift3d.pictures.video_av import AvStream, has_pyav
from lift3d.skeletons import COCO_17

SHAPE = torch.rand(17, 2, generator=torch.Generator().manual_seed(3)) * torch.tensor([8.0, 20.0])
SIZE = (48, 96)


def grey(number: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """A picture whose number is its shade, in steps that survive H.264."""
    return np.full((*size, 3), 20 + 6 * number, dtype=np.uint8)


def shade(picture: np.ndarray) -> int:
    return round((float(picture.mean()) - 20) / 6)


class ShadeDetector:
    """Finds one person whose place tells the picture's shade; nobody where it is black."""

    skeleton = COCO_17

    def __call__(self, pictures: Sequence[np.ndarray], boxes=None) -> list[DetectedPeople]:
        assert boxes is None or len(boxes) == len(pictures)
        return [self._look(picture) for picture in pictures]

    def _look(self, picture: np.ndarray) -> DetectedPeople:
        size = (picture.shape[0], picture.shape[1])
        if picture.mean() < 8:
            return DetectedPeople.nobody(COCO_17, size)
        points = torch.cat([SHAPE + 10 + shade(picture), torch.full((17, 1), 0.9)], -1)
        return DetectedPeople.from_points(points[None], COCO_17, size)


def places(file) -> list[int]:
    x = file.people[0].pose.keypoints[:, 0, 0] - SHAPE[0, 0] - 10
    return [round(float(each)) if each.isfinite() else -1 for each in x]


@pytest.fixture(scope="module")
def video(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("video") / "shades.mp4"
    write_video(path, map(grey, range(30)), 30.0)
    return path


def ffmpeg(*arguments: object) -> None:
    exe = imageio_ffmpeg.get_ffmpeg_exe()
    subprocess.run([exe, "-y", "-v", "error", *map(str, arguments)], check=True)


def test_a_video_is_looked_at_picture_by_picture(video: Path) -> None:
    told: list[tuple[int, int]] = []
    file = detect(video, ShadeDetector(), progress=lambda done, total: told.append((done, total)))
    assert places(file) == list(range(30))
    assert (file.report.fps, file.report.image_size) == (30.0, SIZE)
    assert file.report.image_size_from == "file"
    assert told == [(n, 30) for n in range(1, 31)]


@pytest.mark.parametrize("batch", [1, 4])
def test_every_third_picture_is_a_slower_clip(video: Path, batch: int) -> None:
    file = detect(video, ShadeDetector(), DetectOptions(every=3, batch=batch))
    assert places(file) == list(range(0, 30, 3))
    assert (file.report.fps, file.report.first_frame) == (10.0, 0)


def test_pictures_of_a_folder_keep_the_numbers_in_their_names(tmp_path: Path) -> None:
    for number in (8, 9, 10, 11):
        write_png(tmp_path / f"img_{number}.png", grey(number))
    (tmp_path / "img_10.png").write_bytes(b"\x89PNG but no more")
    (tmp_path / "notes.txt").write_text("no picture")
    file = detect(tmp_path, ShadeDetector())
    assert file.report.first_frame == 8
    assert places(file) == [8, 9, -1, 11]
    assert any("img_10.png" in note and "left out" in note for note in file.report.notes)
    assert places(detect(tmp_path / "img_*1.png", ShadeDetector())) == [11]
    assert places(detect(tmp_path / "img_9.png", ShadeDetector())) == [9]
    listed = [tmp_path / "img_11.png", tmp_path / "img_8.png"]
    assert places(detect(listed, ShadeDetector())) == [8, -1, -1, 11]


def test_pictures_of_several_sizes_are_told_of(tmp_path: Path) -> None:
    write_png(tmp_path / "a1.png", grey(3))
    write_png(tmp_path / "a2.png", grey(3, (64, 80)))
    file = detect(tmp_path, ShadeDetector())
    assert file.report.image_size == (64, 96)
    assert any("2 sizes" in note for note in file.report.notes)


def test_a_moving_picture_is_a_video(tmp_path: Path) -> None:
    if not hasattr(cv2, "imwriteanimation"):
        pytest.skip("this OpenCV is older than 4.11, which reads no moving pictures")
    film = cv2.Animation()
    film.frames, film.durations = [grey(n) for n in (5, 9, 13)], [50, 50, 50]
    assert cv2.imwriteanimation(str(tmp_path / "a.png"), film)
    file = detect(tmp_path / "a.png", ShadeDetector())
    assert places(file) == [5, 9, 13]
    assert file.report.fps == pytest.approx(20)
    assert any("moves" in note for note in file.report.notes)


def test_nobody_anywhere_is_an_error_that_says_so(tmp_path: Path) -> None:
    write_video(tmp_path / "dark.mp4", [np.zeros((*SIZE, 3), np.uint8)] * 5, 30.0)
    with pytest.raises(FileFormatError, match="5 frames without anybody"):
        detect(tmp_path / "dark.mp4", ShadeDetector())


def test_nobody_for_a_while_is_a_gap(tmp_path: Path) -> None:
    shown = [grey(n) if n < 5 or n > 8 else np.zeros((*SIZE, 3), np.uint8) for n in range(12)]
    for number, picture in enumerate(shown):
        write_png(tmp_path / f"{number}.png", picture)
    file = detect(tmp_path, ShadeDetector())
    assert places(file) == [*range(5), -1, -1, -1, -1, 9, 10, 11]


def test_a_broken_tail_is_told_of_and_the_rest_is_used(tmp_path: Path) -> None:
    long = tmp_path / "long.mp4"
    noise = np.random.default_rng(0)
    shown = (grey(n // 10) ^ noise.integers(0, 3, (*SIZE, 3), np.uint8) for n in range(300))
    write_video(long, shown, 30.0)
    whole, half = long.read_bytes(), tmp_path / "half.mp4"  # its table stands at the front
    half.write_bytes(whole[: len(whole) * 2 // 3])
    file = detect(half, ShadeDetector())
    assert 60 < file.report.frames < 300
    assert any("breaks off" in note and "300" in note for note in file.report.notes)


def test_a_rotation_flag_turns_the_pictures(video: Path, tmp_path: Path) -> None:
    turned = tmp_path / "turned.mp4"
    ffmpeg("-display_rotation", "90", "-i", video, "-c", "copy", turned)
    assert detect(turned, ShadeDetector()).report.image_size == (96, 48)


@pytest.mark.parametrize("number", [0, 4])
def test_pyav_reads_the_same(number: int, video: Path, tmp_path: Path) -> None:
    if not has_pyav():
        pytest.skip("PyAV is not installed (pip install av)")
    turned = tmp_path / "turned.mp4"
    ffmpeg("-display_rotation", "90", "-i", video, "-c", "copy", turned)
    for path in (video, turned):
        one = next(open_pictures(path, reader="opencv").read(number, 1))
        other = next(open_pictures(path, reader="pyav").read(number, 1))
        assert one.picture is not None
        assert other.picture is not None
        assert one.picture.shape == other.picture.shape
        assert np.abs(one.picture.astype(int) - other.picture).max() <= 4
    assert places(detect(video, ShadeDetector(), DetectOptions(reader="pyav"))) == list(range(30))
    with pytest.raises(FileFormatError, match="expected a video"):
        AvStream(__file__)


@pytest.mark.parametrize("content", [b"", b"to be or not to be", b"#EXTM3U\nhttp://x/y.ts\n", None])
def test_what_holds_no_pictures_gets_a_sentence(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(FileFormatError, match="expected a video"):
        detect(path, ShadeDetector())
    with pytest.raises(FileFormatError, match="expected pictures"):
        detect(tmp_path / "*.png", ShadeDetector())


def test_what_is_a_picture_and_what_keypoints(video: Path, tmp_path: Path) -> None:
    renamed = tmp_path / "film.dat"
    renamed.write_bytes(video.read_bytes())
    assert holds_pictures(video)
    assert holds_pictures(renamed)
    (tmp_path / "k.json").write_text("[]")
    assert not holds_pictures(tmp_path / "k.json")
    assert not holds_pictures(tmp_path / "nothing.npz")
    folder = tmp_path / "pictures"
    folder.mkdir()
    assert not holds_pictures(folder)
    write_png(folder / "a.png", grey(1))
    assert holds_pictures(folder)
    assert holds_pictures(folder / "*.png")
    (folder / "a.json").write_text("{}")  # a detector's folder with drawings
    assert not holds_pictures(folder)


def endless(opened: list[int]) -> PictureSource:
    """Pictures without end."""

    def read(start: int, step: int) -> Iterator[Numbered]:
        number = start
        try:
            while True:
                opened.append(number)
                yield Numbered(number, grey(number % 30))
                number += step
        finally:
            opened.append(-1)

    return PictureSource("'endless'", 0, 30.0, read)


def test_decoding_goes_on_while_the_detector_looks() -> None:
    """The detector waits for the next picture to be decoded: without a thread that is never."""
    opened: list[int] = []

    class Waiting(ShadeDetector):
        def _look(self, picture: np.ndarray) -> DetectedPeople:
            until = time.monotonic() + 20
            while len(opened) < 2:
                assert time.monotonic() < until, "nothing was decoded meanwhile"
                time.sleep(0.001)
            return super()._look(picture)

    looked = detect_pictures(endless(opened), Waiting())
    assert [each.seen.number for each in islice(looked, 5)] == list(range(5))
    assert max(opened) < 25  # queues are bounded
    looked.close()
    assert opened[-1] == -1


def test_errors_of_threads_reach_the_caller_and_no_thread_stays(video: Path) -> None:
    before = threading.active_count()

    class Failing(ShadeDetector):
        def _look(self, picture: np.ndarray) -> DetectedPeople:
            if shade(picture) == 7:
                raise InputError("expected less, got this: stop")
            return super()._look(picture)

    seen: list[int] = []
    with pytest.raises(InputError, match="expected less"):
        detect(video, Failing(), progress=lambda done, _total: seen.append(done))
    assert seen == list(range(1, 8))

    def broken(start: int, step: int) -> Iterator[Numbered]:
        del start, step
        yield Numbered(0, grey(1))
        raise OSError("the disk has gone")

    with pytest.raises(OSError, match="the disk has gone"):
        detect(PictureSource("'x'", 2, 30.0, broken), ShadeDetector())

    def stop(done: int, _total: int) -> None:
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        detect(endless([]), ShadeDetector(), progress=stop)
    assert threading.active_count() == before


def test_a_run_goes_on_and_ends_in_the_same_result(video: Path, tmp_path: Path) -> None:
    told = {"source": "shades"}
    options = DetectOptions(every=2)
    whole = detect(video, ShadeDetector(), options)

    def stop(done: int, _total: int) -> None:
        if done == 6:
            raise KeyboardInterrupt

    keep = tmp_path / "k.progress"
    with pytest.raises(KeyboardInterrupt):
        detect(video, ShadeDetector(), options, keeper=Keeper(keep, told), progress=stop)
    shown: list[int] = []

    class Counting(ShadeDetector):
        def _look(self, picture: np.ndarray) -> DetectedPeople:
            shown.append(shade(picture))
            return super()._look(picture)

    again = detect(video, Counting(), options, keeper=Keeper(keep, told), resume=True)
    assert shown == list(range(12, 30, 2))
    assert torch.equal(again.people[0].pose.keypoints, whole.people[0].pose.keypoints)
    assert again.report == whole.report
    # And once more, when all is done.
    detect(video, Counting(), options, keeper=Keeper(keep, told), resume=True)
    assert len(shown) == 9


def test_the_progress_of_another_run_or_of_none_is_refused(tmp_path: Path, video: Path) -> None:
    keep = tmp_path / "k.progress"
    detect(video, ShadeDetector(), keeper=Keeper(keep, {"detector": "a"}))
    with pytest.raises(InputError, match="whose detector was a and is b"):
        detect(video, ShadeDetector(), keeper=Keeper(keep, {"detector": "b"}), resume=True)
    whole = keep.read_bytes()
    for data in (b"", b"no progress", whole[: len(whole) // 2]):
        keep.write_bytes(data)
        with pytest.raises(FileFormatError, match="leave --resume out"):
            detect(video, ShadeDetector(), keeper=Keeper(keep, {"detector": "a"}), resume=True)


KILLED = """
import sys, time
from lift3d.detection import Keeper, detect
from tests.detection.test_sources_and_runs import ShadeDetector
import lift3d.detection.found as found
found._PAUSE = 0.0
class Slow(ShadeDetector):
    def _look(self, picture):
        time.sleep(0.05)
        return super()._look(picture)
detect(sys.argv[1], Slow(), keeper=Keeper(__import__("pathlib").Path(sys.argv[2]), {"run": "x"}))
"""


@pytest.mark.skipif(os.name == "nt", reason="processes are not killed by SIGKILL here")
def test_what_a_killed_run_found_is_not_lost(video: Path, tmp_path: Path) -> None:
    keep = tmp_path / "k.progress"
    root = Path(__file__).parents[2]
    run = subprocess.Popen([sys.executable, "-c", KILLED, str(video), str(keep)], cwd=root)
    until = time.monotonic() + 200
    while not keep.exists() and time.monotonic() < until:
        time.sleep(0.01)
    run.send_signal(signal.SIGKILL)
    run.wait()
    shown: list[int] = []
    file = detect(
        video,
        ShadeDetector(),
        keeper=Keeper(keep, {"run": "x"}),
        resume=True,
        progress=lambda done, _total: shown.append(done),
    )
    assert shown[0] > 1
    assert places(file) == list(range(30))


def test_boxes_of_a_file_go_to_their_pictures(video: Path) -> None:
    seen: list[object] = []

    class Boxed(ShadeDetector):
        def __call__(self, pictures, boxes=None):
            seen.extend(None if each is None else each.tolist() for each in boxes or [None])
            return super().__call__(pictures)

    boxes = PersonBoxes({2: torch.tensor([[1.0, 2, 3, 4]]), 4: torch.zeros(0, 4)})
    detect(video, Boxed(), DetectOptions(every=2, boxes=boxes))
    assert seen[:4] == [None, [[1.0, 2, 3, 4]], [], None]


def test_options_that_cannot_be_are_refused() -> None:
    with pytest.raises(InputError, match="every and batch"):
        DetectOptions(every=0)


COCO = '[{"image_id": 0, "bbox": [1, 2, 3, 4], "category_id": 1, "score": 0.9},'
COCO += '{"image_id": 0, "bbox": [5, 6, 7, 8], "category_id": 3, "score": 0.9},'
COCO += '{"image_id": 2, "bbox": [5, 6, 7, 8], "score": 0.2}]'


@pytest.mark.parametrize(
    "text",
    [
        COCO,
        '{"images": [], "annotations": ' + COCO + "}",
        "1,-1,1,2,3,4,0.9,-1,-1,-1\n3,-1,5,6,7,8,0.2,-1,-1,-1\n",
        "frame,score,x,y,width,height\n0,0.9,1,2,3,4\n2,0.2,5,6,7,8\n",
    ],
)
def test_boxes_are_read_from_every_kind_of_file(text: str, tmp_path: Path) -> None:
    (tmp_path / "boxes").write_text(text)
    boxes = read_person_boxes(tmp_path / "boxes")
    assert {n: each.tolist() for n, each in boxes.of_picture.items()} == {
        0: [[1, 2, 3, 4]],
        2: [[5, 6, 7, 8]],
    }
    assert boxes.at(1) is None
    sure = read_person_boxes(tmp_path / "boxes", least=0.5).at(2)
    assert sure is not None
    assert not len(sure)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "[1, 2]", '[{"image_id": 0}]', "a,b\n1,2\n",
     '[{"image_id": 0, "bbox": [1, 2, 0, 4]}]', "1,1,1,1,nan,4,1\n", "\x00\x01",
     '[{"image_id": 0, "bbox": "none"}]'],
)  # fmt: skip
def test_files_without_boxes_get_a_sentence(text: str, tmp_path: Path) -> None:
    (tmp_path / "boxes").write_text(text)
    with pytest.raises(Lift3dError, match="expected"):
        read_person_boxes(tmp_path / "boxes")
