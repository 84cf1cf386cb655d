"""`lift3d eval` on a handful of flat frames, for which no weights and no motion capture are needed."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import lift3d.plugins
from lift3d.camera import Camera
from lift3d.capture import Capture
from lift3d.cli import evaluate, main
from lift3d.metrics import CAPTURED_JOINTS
from lift3d.motion import Motion
from lift3d.pose import Pose2D, Pose3D
from lift3d.skeletons import LIFT_23


class Data:
    """Ten frames of one person."""

    splits = ("test",)

    def __init__(self, root: Path, *, frames: str = "ten", loose: bool = False) -> None:
        self.files = (root,)
        self.frames = 5 if frames == "five" and loose is True else 10

    def clips(self, split: str) -> Iterator[Capture]:
        assert split == "test"
        joints = torch.randn(self.frames, 23, 3, generator=torch.Generator().manual_seed(1)) * 0.3
        observed = torch.ones(self.frames, dtype=torch.bool)
        pose = Pose3D.certain(joints, LIFT_23, "world")
        yield Capture("one", "s1", "walk", Motion(pose, 30.0, 0, observed))


class Points:
    """Puts all joints on the root."""

    skeleton = LIFT_23

    def __init__(self, weights: Path | None = None) -> None:
        self.weights = weights

    def __call__(self, keypoints: Motion[Pose2D], camera: Camera) -> Motion[Pose3D]:
        assert camera.image_size == (1000, 1000)
        pose = Pose3D.certain(torch.zeros(len(keypoints), 23, 3), LIFT_23, "camera")
        return Motion(pose, keypoints.fps, keypoints.person, keypoints.observed)


class Made:
    """Data without a folder."""

    splits = ("test",)

    def __init__(self, *, count: int = 2) -> None:
        self.count = count

    def clips(self, split: str) -> Iterator[Capture]:
        yield from [*Data(Path()).clips(split)] * self.count


class Pictures:
    """A dataset without clips."""

    splits = ("test",)

    def __init__(self, root: Path) -> None: ...


@pytest.fixture(autouse=True)
def plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    groups: dict[str, dict[str, Any]] = {
        "datasets": {"flat": Data, "made": Made, "pictures": Pictures},
        "lifters": {"points": Points},
    }
    monkeypatch.setattr(lift3d.plugins, "datasets", groups["datasets"])
    monkeypatch.setattr(evaluate, "lifters", groups["lifters"])


FLAT = ("--dataset", "flat", "--lifter", "points")


def test_everything_is_printed_and_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {name: tmp_path / "new" / f"r.{name}" for name in ("json", "markdown", "plot")}
    files["plot"] = files["plot"].with_suffix(".png")
    written = [word for name, path in files.items() for word in (f"--{name}", str(path))]
    assert main(["eval", str(tmp_path), *FLAT, "--robustness", *written]) == 0
    said = capsys.readouterr().out
    for words in ("MPJPE", "mean over actions", "protocol", "keypoint noise", "left_wrist"):
        assert words in said
    report = json.loads(files["json"].read_text())
    joints = next(Data(tmp_path).clips("test")).motion.pose.joints
    distance = (joints - joints[:, :1]).norm(dim=-1)[:, list(CAPTURED_JOINTS)]
    assert report["figures"]["mpjpe_mm"] == pytest.approx(1000 * float(distance.mean()), abs=0.01)
    assert report["robustness"]["frames"] == 10
    assert files["markdown"].read_text().startswith("# points on flat, split 'test'")
    assert files["plot"].read_bytes().startswith(b"\x89PNG")


def test_options_reach_the_reader(tmp_path: Path) -> None:
    target = tmp_path / "r.json"
    options = ("--reader", "frames=five", "loose=true", "--json", str(target))
    assert main(["eval", str(tmp_path), *FLAT, *options]) == 0
    report = json.loads(target.read_text())
    assert report["frames"] == 5
    assert report["dataset"]["name"] == "flat frames=five loose=true"


def test_a_dataset_may_have_no_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = ("--dataset", "made", "--lifter", "points")
    target = tmp_path / "r.json"
    assert main(["eval", *made, "--reader", "count=3", "--json", str(target)]) == 0
    assert json.loads(target.read_text())["frames"] == 30
    assert main(["eval", str(tmp_path), *made]) == 2
    assert "expected no folder or file for dataset 'made'" in capsys.readouterr().err
    assert main(["eval", *FLAT]) == 2
    assert "got none" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--split", "tset"), "a split of test, got 'tset'"),
        (("--subjects", "s7"), "it has subjects s1; actions walk"),
        (("--actions", "swim"), "it has subjects s1; actions walk"),
        (("--cameras", "captured"), "got clips without views"),
        (("--source", "cpn"), "with captured cameras only"),
        (("--hypotheses", "5"), "has no 'hypotheses'"),
        (("--window", "-1"), "a window of at least 0"),
        (("--every", "0"), "got 60, 0 and 1"),
        (("--weights", "absent.safetensors"), "expected weights in 'absent.safetensors'"),
        (("--dataset", "pictures"), "'pictures', which has no clips"),
        (("--reader", "colour=red"), "options of 'flat' as NAME=VALUE (frames, loose)"),
        (("--reader", "frames"), "got 'frames'"),
    ],
)
def test_nonsense_gets_one_sentence(
    options: tuple[str, ...], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["eval", str(tmp_path), *FLAT, *options, "--json", str(tmp_path / "f.json")]) == 2
    said = capsys.readouterr().err
    assert said.startswith("lift3d: expected")
    assert said.count("\n") == 1
    assert sentence in said
    assert not (tmp_path / "f.json").exists()
