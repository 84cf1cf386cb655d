"""Outputs appear whole or not at all."""

from pathlib import Path

import pytest

from lift3d.errors import InputError, OutputError
from lift3d.io.files.atomic import atomic_path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def write_half(target: Path, error: BaseException) -> None:
    with atomic_path(target) as partial:
        partial.write_text("half of")
        raise error


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "walk.bvh"
    with atomic_path(target) as partial:
        partial.write_text("HIERARCHY")
        assert not target.exists()
        assert partial.parent == tmp_path  # the same disk: renaming cannot fail half-way
        assert partial.suffix == ".bvh"  # writers choose their format by it
    assert target.read_text() == "HIERARCHY"
    assert names(tmp_path) == ["walk.bvh"]


def test_folders_are_made_and_a_file_is_replaced(tmp_path: Path) -> None:
    target = tmp_path / "a" / "b" / "out.json"
    for text in ("old", "new"):
        with atomic_path(str(target)) as partial:
            partial.write_text(text)
    assert target.read_text() == "new"
    assert names(target.parent) == ["out.json"]


@pytest.mark.parametrize("error", [InputError("bad"), ValueError("bad"), KeyboardInterrupt()])
def test_an_error_leaves_nothing_and_passes_through(tmp_path: Path, error: BaseException) -> None:
    with pytest.raises(type(error)):
        write_half(tmp_path / "new.glb", error)
    assert names(tmp_path) == []


def test_an_error_keeps_the_file_that_was_there(tmp_path: Path) -> None:
    target = tmp_path / "video.mp4"
    target.write_text("good")
    with pytest.raises(RuntimeError):
        write_half(target, RuntimeError())
    assert target.read_text() == "good"
    assert names(tmp_path) == ["video.mp4"]


def test_a_full_disk_is_told_with_what_to_do(tmp_path: Path) -> None:
    with (
        pytest.raises(OutputError, match=r"No space left.*free some room") as caught,
        atomic_path(tmp_path / "big.npz"),
    ):
        raise OSError(28, "No space left on device")
    assert "big.npz" in str(caught.value)
    assert names(tmp_path) == []


def test_a_folder_that_cannot_be_made_is_told_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    ran = False
    with (
        pytest.raises(OutputError, match="choose another output folder"),
        atomic_path(tmp_path / "file" / "out.bvh"),
    ):
        ran = True
    assert not ran
    assert (tmp_path / "file").read_text() == "not a folder"


def test_a_folder_in_the_place_of_the_file_stays(tmp_path: Path) -> None:
    target = tmp_path / "out.glb"
    target.mkdir()
    (target / "keep").touch()
    with pytest.raises(OutputError, match=r"out\.glb"), atomic_path(target) as partial:
        partial.write_text("x")
    assert names(tmp_path) == ["out.glb"]
    assert names(target) == ["keep"]


def test_writing_to_a_file_without_a_suffix(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "README") as partial:
        partial.write_text("x")
    assert names(tmp_path) == ["README"]
