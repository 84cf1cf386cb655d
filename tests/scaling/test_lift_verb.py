"""`lift3d lift` with many clips, and `--resume` with one: what is said, and the exit code."""

from pathlib import Path

import pytest

from lift3d.cli import lift_many, main
from tests.helpers.many_files import Here, make_files

JOINTS = ["--lifter", "universal", "--body-model", ""]


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """No further processes."""
    monkeypatch.setattr(lift_many, "LocalEngine", lambda _workers: Here())


def lift(*words: str | Path) -> int:
    return main(["lift", *map(str, words), *JOINTS])


@pytest.mark.usefixtures("here")
def test_the_exit_code_counts_what_failed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = make_files(tmp_path / "in", 7, 3)
    assert lift(f"{tmp_path}/in/*.json", "-o", tmp_path / "out", "--to", "csv") == 10 + len(bad)
    said = " ".join(capsys.readouterr().out.split())
    assert "7 clips: the pattern" in said
    assert "_errors.csv" in said
    names = {path.name for path in (tmp_path / "out").iterdir() if path.name[0] != "_"}
    assert names == {f"{path.name}.csv" for path in good}
    for path in bad:
        path.write_bytes(good[0].read_bytes())
    assert lift(tmp_path / "in", "--each", "-o", tmp_path / "out", "--to", "csv", "--resume") == 0
    assert len(list((tmp_path / "out").glob("*.csv"))) == 7


@pytest.mark.usefixtures("here")
def test_several_names(tmp_path: Path) -> None:
    good, _ = make_files(tmp_path / "in", 2, 99)
    assert lift(*good, "-o", tmp_path / "out.parquet") == 0
    assert len(list((tmp_path / "out.parquet").glob("*.parquet"))) >= 1


def test_a_folder_is_one_clip_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_files(tmp_path / "in", 2, 99)
    assert lift(tmp_path / "in", "-o", tmp_path / "out", "--engine", "ray") == 2
    said = capsys.readouterr().err
    assert "one clip with a file per frame" in said
    assert "--each" in said
    assert lift(tmp_path / "in" / "clip00000.json", "-o", tmp_path / "o", "--workers", "2") == 2
    assert "got one" in capsys.readouterr().err


def test_outputs_that_do_not_fit_many_clips(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_files(tmp_path / "in", 2, 99)
    assert lift(tmp_path / "in", "--each", "-o", tmp_path / "one.npz") == 2
    assert "--to" in capsys.readouterr().err
    assert lift(tmp_path / "in", "--each", "-o", tmp_path / "a", tmp_path / "b") == 2
    assert "one output" in capsys.readouterr().err
    assert lift(tmp_path / "in", "--each", "-o", tmp_path / "a", "--gpus", "1") == 2
    assert "--engine ray" in capsys.readouterr().err
    assert not (tmp_path / "a").exists()


def test_one_clip_is_left_out_when_it_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, _ = make_files(tmp_path / "in", 2, 99)
    outputs = [tmp_path / "a.npz", tmp_path / "a.csv"]

    def again(*more: str) -> bool:
        """Whether anything was written."""
        before = [path.stat().st_mtime_ns if path.exists() else 0 for path in outputs]
        assert lift(good[1], "-o", *outputs, "--resume", *more) == 0
        told = "written already" in capsys.readouterr().out
        after = [path.stat().st_mtime_ns for path in outputs]
        assert told == (before == after)
        return not told

    assert again()
    assert not again()
    assert again("--smooth-seconds", "0.1")
    assert again()
    outputs[1].write_text("half")
    assert again()
    good[1].write_bytes(good[0].read_bytes())
    assert again()
    assert not again()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        ".a.npz.made", "a.csv", "a.npz", "in",
    ]  # fmt: skip


def test_without_resume_nothing_is_noted(tmp_path: Path) -> None:
    good, _ = make_files(tmp_path / "in", 1, 99)
    assert lift(good[0], "-o", tmp_path / "a.npz") == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.npz", "in"]
