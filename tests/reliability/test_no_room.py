"""A full disk and folders that take no files: one sentence, exit code 2, nothing half-written."""

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lift3d.errors import OutputError
from lift3d.io.files.atomic import atomic_path
from tests.helpers.killed_stages import STAGES, Stage, lifted
from tests.helpers.killing import Moment, Workers, tree

OLD = b"what was there before"
NEEDS = {"parquet": "pyarrow", "usd": "pxr"}
DRAWN = (*STAGES["convert"], *STAGES["picture"], *STAGES["video"])

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="limits sizes of files by Linux's ways"
)


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    with Workers() as running:
        yield running


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("clip")
    lifted(folder)
    return (folder / "clip.npz").read_bytes()


@pytest.mark.parametrize("stage", DRAWN, ids=lambda stage: stage.name)
def test_a_full_disk(stage: Stage, clip: bytes, tmp_path: Path, workers: Workers) -> None:
    package = NEEDS.get(stage.name.split()[-1].split(".")[0])
    if package:
        pytest.importorskip(package, reason=f"needs {package}")
    (tmp_path / "clip.npz").write_bytes(clip)
    output = stage.outputs[0]
    if not output.endswith("/"):
        (tmp_path / output).write_bytes(OLD)
    before = tree(tmp_path)
    did = workers.do(replace(stage.job(tmp_path, Moment()), largest=700))
    assert did.code == 2, did.said
    sentence = did.said.splitlines()[-1]
    assert sentence.startswith("lift3d: expected")
    assert "free some room" in sentence
    assert tree(tmp_path) == before


def test_training_on_a_full_disk(tmp_path: Path, workers: Workers) -> None:
    stage = STAGES["train"][0]
    did = workers.do(replace(stage.job(tmp_path, Moment()), largest=20_000))
    assert did.code == 2, did.said
    assert "free some room" in did.said
    assert not [name for name in tree(tmp_path) if "partial" in name or ".raw" in name]


def test_a_folder_that_takes_no_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Root may write everywhere: the answer of the system is made up."""
    from lift3d.cli import main

    monkeypatch.setattr(os, "access", lambda *_: False)
    assert main(["lift", "none.json", "-o", str(tmp_path / "a.npz")]) == 2
    assert "which takes no files: choose another place" in capsys.readouterr().err
    assert not tree(tmp_path)


def test_a_file_in_a_folder_that_takes_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.npz").write_bytes(OLD)

    def refused(self: Path, *_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "touch", refused)
    with pytest.raises(OutputError, match="Permission denied"), atomic_path(tmp_path / "a.npz"):
        pytest.fail("nothing could be written")
    assert tree(tmp_path) == {"a.npz": OLD}
