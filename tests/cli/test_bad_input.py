"""Whatever is wrong with the input: exit code 2, one sentence, and nothing half-written."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from lift3d.cli import main

Frame = dict[str, object]


def person(value: float = 100.0, count: int = 25) -> Frame:
    """A standing body in BODY_25: far from scrambled, so that only the planted fault is wrong."""
    place = {
        0: (0, 0), 1: (0, 40), 2: (-30, 40), 3: (-40, 90), 4: (-45, 140), 5: (30, 40), 6: (40, 90),
        7: (45, 140), 8: (0, 150), 9: (-20, 150), 10: (-22, 230), 11: (-24, 310), 12: (20, 150),
        13: (22, 230), 14: (24, 310), 15: (-6, -8), 16: (6, -8), 17: (-14, -4), 18: (14, -4),
        19: (34, 328), 20: (40, 326), 21: (22, 322), 22: (-34, 328), 23: (-40, 326), 24: (-22, 322),
    }  # fmt: skip
    flat = [x for j in range(count) for x in (value + place[j][0], value + place[j][1], 0.9)]
    return {"pose_keypoints_2d": flat}


def frame(*people: Frame) -> str:
    return json.dumps({"version": 1.3, "people": list(people)})


def one_joint() -> Frame:
    body = person()
    flat = body["pose_keypoints_2d"]
    assert isinstance(flat, list)
    return {"pose_keypoints_2d": flat[:3] + [0.0] * (len(flat) - 3)}


def write(folder: Path, *frames: str) -> Path:
    folder.mkdir()
    for number, text in enumerate(frames):
        (folder / f"clip_{number:012d}_keypoints.json").write_text(text)
    return folder


def _binary(tmp: Path) -> Path:
    path = tmp / "video.json"
    path.write_bytes(bytes(range(256)) * 10)
    return path


def _text(tmp: Path) -> Path:
    path = tmp / "notes.json"
    path.write_text("to be or not to be")
    return path


CASES: dict[str, Callable[[Path], Path]] = {
    "missing file": lambda tmp: tmp / "nowhere.json",
    "empty folder": lambda tmp: write(tmp / "in"),
    "truncated JSON": lambda tmp: write(tmp / "in", frame(person())[:-40]),
    "wrong nesting": lambda tmp: write(tmp / "in", json.dumps({"people": {"a": [1, 2]}})),
    "zero people": lambda tmp: write(tmp / "in", frame(), frame()),
    "one joint": lambda tmp: write(tmp / "in", frame(one_joint())),
    "NaN": lambda tmp: write(tmp / "in", frame(person(float("nan")))),
    "infinity": lambda tmp: write(tmp / "in", frame(person(float("inf")))),
    "two numbers": lambda tmp: write(tmp / "in", frame({"pose_keypoints_2d": [1.0, 2.0]})),
    "mixed skeletons": lambda tmp: write(tmp / "in", frame(person()), frame(person(count=18))),
    "a binary file": _binary,
    "a text file": _text,
}


def one_sentence(capsys: pytest.CaptureFixture[str]) -> str:
    """What was said on stderr: a single line that tells what was expected."""
    error = capsys.readouterr().err.strip()
    assert error.startswith("lift3d: ")
    assert "\n" not in error
    assert "expected" in error
    assert "Traceback" not in error
    return error


@pytest.mark.parametrize("case", CASES)
def test_bad_keypoints(case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = CASES[case](tmp_path)
    out = tmp_path / "out" / "result.npz"
    assert main(["lift", str(source), "-o", str(out)]) == 2
    one_sentence(capsys)
    assert not out.parent.exists() or not any(out.parent.iterdir())


def test_unwritable_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = write(tmp_path / "in", frame(person()))
    (tmp_path / "file").write_text("in the way")
    out = tmp_path / "file" / "result.npz"
    assert main(["lift", str(source), "-o", str(out)]) == 2
    assert "another place" in one_sentence(capsys)
    assert (tmp_path / "file").read_text() == "in the way"


def test_an_ending_that_nobody_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = write(tmp_path / "in", frame(person()))
    assert main(["lift", str(source), "-o", str(tmp_path / "out.docx")]) == 2
    assert ".glb" in one_sentence(capsys)


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--skeleton", "body_52", "body_25"),
        ("--lifter", "universel", "universal"),
        ("--body-model", "defualt", "default"),
    ],
)
def test_a_wrong_name_gets_the_nearest(
    option: str, value: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write(tmp_path / "in", frame(person()))
    out = tmp_path / "result.npz"
    assert main(["lift", str(source), "-o", str(out), option, value]) == 2
    assert f"'{said}'" in one_sentence(capsys)
    assert not out.exists()


@pytest.mark.parametrize(
    "options", [("--centre", "10", "10"), ("--focal", "900", "--distortion", *"123456")]
)
def test_half_a_camera_is_refused(
    options: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write(tmp_path / "in", frame(person()))
    assert main(["lift", str(source), "-o", str(tmp_path / "result.npz"), *options]) == 2
    one_sentence(capsys)


def test_render_refuses_what_is_no_clip(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "clip.npz"
    path.write_bytes(b"PK\x03\x04 not really")
    assert main(["render", str(path), "-o", str(tmp_path / "out.png")]) == 2
    one_sentence(capsys)
    assert not (tmp_path / "out.png").exists()


@pytest.mark.parametrize(
    "options",
    [
        ("--steps", "0"),
        ("--batch", "0"),
        ("--learning-rate", "nan"),
        ("--validate-every", "0"),
        ("--network.width", "0"),
    ],
)
def test_a_training_that_cannot_be_is_refused(
    options: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    assert main(["train", "--root", str(tmp_path), "--output", str(out), *options]) == 2
    assert options[0].removeprefix("--").replace("-", "_") in one_sentence(capsys)
    assert not out.exists()


@pytest.mark.parametrize("option", ["--every", "--window"])
def test_an_evaluation_of_nothing_is_refused(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["eval", str(tmp_path), option, "0"]) == 2
    one_sentence(capsys)


def test_eval_without_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eval", str(tmp_path), "--json", str(tmp_path / "figures.json")]) == 2
    one_sentence(capsys)
    assert not (tmp_path / "figures.json").exists()


def test_forty_people_in_a_frame_are_lifted(tmp_path: Path) -> None:
    crowd = [person(100.0 + 45.0 * number) for number in range(40)]
    source = write(tmp_path / "in", *[frame(*crowd)] * 2)
    out = tmp_path / "crowd.npz"
    assert main(["lift", str(source), "-o", str(out), "--image-size", "1080", "1920"]) == 0
    assert out.exists()


@pytest.mark.parametrize(
    "options",
    [
        ("--fps", "1e9"),
        ("--fps", "nan"),
        ("--image-size", "2000000", "2000000"),
        ("--focal", "0"),
        ("--focal", "-5"),
        ("--focal", "900", "--centre", "nan", "nan"),
        ("--focal", "900", "--distortion", "-10"),
        ("--focal", "900", "--distortion", "inf"),
        ("--smooth-seconds", "-1"),
        ("--smooth-seconds", "nan"),
        ("--smooth-seconds", "inf"),
        ("--max-people", "-3"),
        ("--skeleton", "a\nb"),
    ],
    ids=" ".join,
)
def test_numbers_that_mean_nothing(
    options: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write(tmp_path / "in", frame(person()))
    assert main(["lift", str(source), "-o", str(tmp_path / "result.npz"), *options]) == 2
    one_sentence(capsys)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in"]


@pytest.mark.parametrize(
    "outputs",
    [
        (),
        ("fine.npz", "folder.npz"),
        ("fine.npz", "fine.npz"),
        ("fine.npz", "a\0b.npz"),
        ("fine.npz", "n" * 300 + "/x.npz"),
        ("fine.npz", "ring/x.npz"),
    ],
    ids=["none", "a folder", "twice", "a zero byte", "too long", "a ring of links"],
)
def test_outputs_are_refused_before_any_work(
    outputs: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write(tmp_path / "in", frame(person()))
    (tmp_path / "folder.npz").mkdir()
    (tmp_path / "ring").symlink_to(tmp_path / "ring")
    assert main(["lift", str(source), "-o", *(str(tmp_path / name) for name in outputs)]) == 2
    one_sentence(capsys)
    assert not (tmp_path / "fine.npz").exists()


def test_the_input_is_never_written_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "keypoints_1.npz"
    source.write_text(frame(person()))
    (tmp_path / "link.npz").symlink_to(source)
    for name in ("keypoints_1.npz", "link.npz"):
        assert main(["lift", str(source), "-o", str(tmp_path / name)]) == 2
        one_sentence(capsys)
    assert source.read_text() == frame(person())


def test_an_ending_in_capitals(tmp_path: Path) -> None:
    source = write(tmp_path / "in", frame(person()))
    assert main(["lift", str(source), "-o", str(tmp_path / "A.NPZ"), str(tmp_path / "A.GLB")]) == 0
    assert (tmp_path / "A.GLB").read_bytes().startswith(b"glTF")


def test_people_left_out_and_bodies_that_do_not_fit_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write(tmp_path / "in", *[frame(person(), person(900.0))] * 2)
    out = str(tmp_path / "result.npz")
    assert main(["lift", str(source), "-o", out, "--max-people", "1"]) == 0
    assert "1 people, seen too briefly or the least, were left out" in capsys.readouterr().out
    assert main(["lift", str(source), "-o", out, "--image-size", "1", "1"]) == 0
    assert "do not cover their keypoints" in " ".join(capsys.readouterr().out.split())


def test_keypoints_all_on_one_height(tmp_path: Path) -> None:
    flat = person()["pose_keypoints_2d"]
    assert isinstance(flat, list)
    line = [500.0 if number % 3 == 1 else value for number, value in enumerate(flat)]
    source = write(tmp_path / "in", frame({"pose_keypoints_2d": line}))
    out = str(tmp_path / "result.npz")
    assert main(["lift", str(source), "-o", out, "--skeleton", "body_25"]) == 0
