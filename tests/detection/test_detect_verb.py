"""`lift3d detect` and `lift3d lift VIDEO`, on real videos whose keypoints are known."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import lift3d
from lift3d.cli import main
from lift3d.io import read_keypoints
from lift3d.pictures import write_png, write_video

SIZE = (48, 64)


def keypoints(path: Path, frames: int) -> Path:
    """A standing body in COCO's order, a list of results."""
    y = [5, 4, 4, 5, 5, 12, 12, 18, 18, 24, 24, 24, 24, 33, 33, 42, 42]
    x = [30, 31, 29, 32, 28, 35, 25, 37, 23, 38, 22, 33, 27, 33, 27, 33, 27]
    flat = [value for place in zip(x, y, [0.9] * 17, strict=True) for value in place]
    entries = [{"image_id": n, "category_id": 1, "keypoints": flat} for n in range(frames)]
    path.write_text(json.dumps(entries))
    return path


@pytest.fixture
def small(tmp_path: Path) -> tuple[Path, list[str]]:
    """A video, and a detector's options for it."""
    video = tmp_path / "small.mp4"
    write_video(video, [np.full((*SIZE, 3), 90, np.uint8)] * 12, 25.0)
    known = keypoints(tmp_path / "known.json", 12)
    return video, ["--detector", "files", "--detector-option", f"path={known}"]


def said(capsys: pytest.CaptureFixture[str]) -> str:
    error = capsys.readouterr().err.strip()
    assert error.startswith("lift3d: ")
    assert "expected" in error
    assert "\n" not in error
    return error


def test_detect_writes_every_format_of_keypoints(
    small: tuple[Path, list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    video, options = small
    out = tmp_path / "out"
    files = [out / "k.json", out / "k.csv", out / "frames"]
    assert main(["detect", str(video), "-o", *map(str, files), *options]) == 0
    told = capsys.readouterr().out
    assert "64 wide, 48 high (from the file)" in told
    assert "--image-size 48 64 --fps 25" in told
    assert "first try" not in told
    assert sorted(path.name for path in out.iterdir()) == ["frames", "k.csv", "k.json"]
    assert len(list((out / "frames").iterdir())) == 12
    again = read_keypoints(out / "k.json", image_size=SIZE, fps=25.0).people[0].pose
    known = read_keypoints(tmp_path / "known.json", image_size=SIZE, fps=25.0).people[0].pose
    torch.testing.assert_close(again.keypoints, known.keypoints)


def test_every_resume_and_boxes_are_taken(small: tuple[Path, list[str]], tmp_path: Path) -> None:
    video, options = small
    (tmp_path / "boxes.csv").write_text("frame,x,y,width,height\n0,20,2,20,44\n")
    out = tmp_path / "k.json"
    more = ["--every", "4", "--resume", "--boxes", str(tmp_path / "boxes.csv")]
    assert main(["detect", str(video), "-o", str(out), *options, *more]) == 0
    assert [entry["image_id"] for entry in json.loads(out.read_text())] == [0, 1, 2]


def test_bad_input_gets_a_sentence_and_nothing_is_written(
    small: tuple[Path, list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    video, options = small
    before = sorted(tmp_path.iterdir())

    def refused(*arguments: object) -> str:
        assert main([*map(str, arguments)]) == 2
        assert sorted(tmp_path.iterdir()) == before
        return said(capsys)

    out = tmp_path / "k.json"
    assert "nothing there" in refused("detect", tmp_path / "no.mp4", "-o", out, *options)
    assert "use lift3d lift" in refused("detect", video, "-o", tmp_path / "k.glb", *options)
    assert "NAME=VALUE" in refused("detect", video, "-o", out, *options, "nonsense")
    assert "detectors" in refused("detect", video, "-o", out, "--detector", "nobody")
    assert "every" in refused("detect", video, "-o", out, *options, "--every", "0")
    lift = ["lift", video, "-o", tmp_path / "b.npz", *options]
    assert "--image-size" in refused(*lift, "--image-size", "99", "99", "--body-model", "")


def test_a_picture_alone_is_lifted(tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", np.full((*SIZE, 3), 90, np.uint8))
    known = keypoints(tmp_path / "known.json", 1)
    out = tmp_path / "b.npz"
    options = ["--detector", "files", "--detector-option", f"path={known}", "--body-model", ""]
    assert main(["lift", str(tmp_path / "a.png"), "-o", str(out), *options]) == 0
    assert len(lift3d.read_clip(out)) == 1


@pytest.mark.parametrize(("camera", "width"), [("cam01", 1080), ("cam03", 1088)])
def test_a_real_video_gives_what_its_keypoint_files_give(
    camera: str, width: int, shared: Path, tmp_path: Path
) -> None:
    folder = shared / "keypoints" / "pose2sim" / "balancing"
    options = ["--detector", "files", "--skeleton", "body_25b"]
    options += ["--detector-option", f"path={folder / camera}_json"]
    seen, read = tmp_path / "seen.npz", tmp_path / "read.npz"
    lifted = ["--body-model", "", "--lifter", "universal"]
    assert main(["lift", str(folder / f"{camera}.mp4"), "-o", str(seen), *options, *lifted]) == 0
    known = [str(folder / f"{camera}_json"), "-o", str(read), "--skeleton", "body_25b"]
    assert main(["lift", *known, "--fps", "60", "--image-size", "1920", str(width), *lifted]) == 0
    one, other = lift3d.read_clip(seen), lift3d.read_clip(read)
    assert one.fps == other.fps == 60
    assert len(one) == 100
    assert len(one.people) == len(other.people)
    for a, b in zip(one.people, other.people, strict=True):
        assert torch.equal(a.joints.pose.joints.nan_to_num(), b.joints.pose.joints.nan_to_num())
