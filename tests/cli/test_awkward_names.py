"""Names that mean something to a terminal, a file system or a library, and options in text."""

import os
from collections.abc import Collection, Iterator
from pathlib import Path

import pytest

from lift3d.cli import main
from lift3d.cli.doctor import examine_dataset
from lift3d.errors import InputError
from lift3d.plugins import body_models, datasets, open_dataset
from lift3d.protocols import MotionClip
from tests.helpers.family_files import arrays, write_pickle

SYNTHETIC = ("--dataset", "synthetic", "--unmeasured", "--reader", "count=1", "frames=4")


@pytest.mark.parametrize("name", ["a[/b].safetensors", "a[bold].safetensors", "[/].safetensors"])
def test_brackets_in_names_are_no_markup(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    source = write_pickle(tmp_path / "SMPL_NEUTRAL.pkl", arrays("smpl"))
    assert main(["convert", str(source), name]) == 0
    assert name in capsys.readouterr().out
    assert Path(name).exists()
    assert main(["doctor", "--dataset", "coco", "no[/b]"]) == 0
    assert "nothing at 'no[/b]'" in capsys.readouterr().out


def test_bytes_that_are_no_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    source = write_pickle(tmp_path / "SMPL_NEUTRAL.pkl", arrays("smpl"))
    name = os.fsdecode(b"o\xff.safetensors")
    assert main(["convert", str(source), name]) == 0
    assert Path(name).exists()


def test_a_name_that_is_too_long(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = write_pickle(tmp_path / "SMPL_NEUTRAL.pkl", arrays("smpl"))
    assert main(["convert", str(source), str(tmp_path / f"{'a' * 300}.safetensors")]) == 2
    said = capsys.readouterr().err
    assert "got File name too long" in said
    assert said.count("\n") == 1


def test_a_file_in_place_of_the_folder_of_bodies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_pickle(tmp_path / "model.pkl", arrays("smpl"))
    monkeypatch.setenv("LIFT3D_BODY_MODELS", str(source))
    assert body_models["smpl"]().name == "smpl"


@pytest.mark.parametrize("name", ["synthetic", "mocap_h5", "coco"])
def test_doctor_and_a_folder_that_is_not_there(name: str, tmp_path: Path) -> None:
    (check,) = examine_dataset(name, tmp_path / "none")
    assert not check.works
    assert "nothing at" in check.detail
    assert not any(c.works for c in examine_dataset("mocap_h5", tmp_path))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--plot", "x.xyz"), "a picture ending in .png"),
        (("--json", "."), "got '.', a folder"),
    ],
)
def test_reports_that_cannot_be_written_are_refused_before_the_work(
    options: tuple[str, ...],
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("lift3d.cli.evaluate.evaluate_lifter", lambda *_: pytest.fail("it worked"))
    assert main(["eval", *SYNTHETIC, *options]) == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "option", "sentence"),
    [
        ("synthetic", "count=x", "a whole number for count"),
        ("synthetic", "frames=1e9", "a whole number for frames"),
        ("synthetic", "frames=1000000000", "2 to 100000 frames"),
        ("synthetic", "fps=inf", "fps above 0"),
        ("synthetic", "body=smpl", r"NAME=VALUE \(count, frames, fps, seed\)"),
        ("human36m", "partial=yes", "true or false for partial"),
        ("human36m", "source=x", "one of cdf, "),
        ("human36m", "dtype=float32", "NAME=VALUE"),
        ("mpi_inf_3dhp", "cameras=0,x", "commas between them for cameras"),
    ],
)
def test_options_of_readers_have_types(
    name: str, option: str, sentence: str, tmp_path: Path
) -> None:
    root = None if name == "synthetic" else tmp_path
    with pytest.raises(InputError, match=sentence):
        open_dataset(name, root, [option])


def test_one_value_where_several_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """A single name must not be taken apart into its letters."""

    class Reader:
        def __init__(
            self,
            *,
            people: Collection[str] | None = None,
            cameras: tuple[int, ...] = (),
            year: str = "",
        ) -> None:
            self.given = (people, cameras, year)

        @property
        def splits(self) -> tuple[str, ...]:
            return ()

        def clips(self, split: str) -> Iterator[MotionClip]:
            raise NotImplementedError(split)

    monkeypatch.setattr(type(datasets), "__getitem__", lambda *_: Reader)
    data = open_dataset("x", None, ["people=S11", "cameras=3", "year=2017"])
    assert getattr(data, "given", None) == (("S11",), (3,), "2017")
    data = open_dataset("x", None, ["people=S9,S11", "cameras=0,2"])
    assert getattr(data, "given", None) == (("S9", "S11"), (0, 2), "")
