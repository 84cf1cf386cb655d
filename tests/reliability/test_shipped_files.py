"""What comes with the library: each file of data has a licence and a checksum, and builds repeat."""

import hashlib
import os
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

from lift3d.cli.licences import (
    SHIPPED,
    check_shipped,
    checksums,
    checksums_now,
    damaged,
    row_of,
    shipped_files,
    show_licences,
)
from lift3d.errors import FileFormatError

ROOT = Path(__file__).parents[2]
OWN = (".py", ".md", ".typed")
HOW = "run: python -c 'from lift3d.cli.licences import checksums_now as c; print(c(), end=\"\")'"


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The wheel, built twice from scratch."""
    if find_spec("hatchling") is None:
        pytest.skip("building a wheel needs hatchling")
    built: list[Path] = []
    for number in range(2):
        folder = tmp_path_factory.mktemp(f"wheel{number}")
        subprocess.run(
            [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
            cwd=ROOT,
            env=os.environ | {"SOURCE_DATE_EPOCH": "1700000000"},
            check=True,
            capture_output=True,
        )
        built += folder.glob("*.whl")
    return built


def test_every_file_of_data_has_a_licence_and_a_source() -> None:
    names = shipped_files()
    assert len(names) > 8
    for name in names:
        row = row_of(name)
        assert row.licence
        assert row.source


def test_the_table_has_no_row_without_files() -> None:
    rows = {row_of(name).pattern for name in shipped_files()}
    assert rows == {row.pattern for row in SHIPPED}


def test_cards_are_where_the_table_says() -> None:
    folders = {"lift3d": ROOT, "lift3d_body_models": ROOT / "body_models"}
    for row in SHIPPED:
        if row.card:
            assert list(folders[row.card.split("/", maxsplit=1)[0]].glob(row.card)), row.card


def test_a_file_that_nobody_knows_is_refused() -> None:
    with pytest.raises(FileFormatError, match=r"got 'lift3d/stranger\.bin', which is none"):
        row_of("lift3d/stranger.bin")


def test_credits_are_those_of_the_notice() -> None:
    notice = " ".join((ROOT / "NOTICE").read_text(encoding="utf-8").split())
    table = " ".join(row.source for row in SHIPPED)
    for credit in (
        "NSF EIA-0196217",
        "Open Motion Project by ACCAD/The Ohio State University",
        "Copyright (c) Meta Platforms, Inc. and affiliates",
        "perfanalytics",
        "Copyright NAVER Corp.",
    ):
        assert credit in notice
        assert credit in table


def test_the_verb_shows_every_file(capsys: pytest.CaptureFixture[str]) -> None:
    show_licences()
    shown = capsys.readouterr().out
    assert "BSD-3-Clause" in shown
    assert "CC0-1.0" in shown


def test_data_is_what_it_was_made_as() -> None:
    assert (
        "".join(f"{digest}  {name}\n" for name, digest in checksums().items()) == checksums_now()
    ), HOW
    assert damaged() == []
    assert "as they were made" in check_shipped()


def test_a_changed_byte_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {name: hashlib.sha256(name.encode()).hexdigest() for name in list(checksums())[:1]}
    monkeypatch.setattr("lift3d.cli.licences.checksums", lambda: wrong)
    with pytest.raises(FileFormatError, match="install lift3d again"):
        check_shipped()


def test_the_wheel_holds_nothing_that_has_no_row(wheels: list[Path]) -> None:
    names = zipfile.ZipFile(wheels[0]).namelist()
    data = {n for n in names if not n.endswith(OWN) and ".dist-info/" not in n}
    assert not [name for name in names if "__pycache__" in name]
    assert data == set(shipped_files())
    assert any(name.endswith("licenses/NOTICE") for name in names)


def test_two_builds_are_the_same_bytes(wheels: list[Path]) -> None:
    one, other = wheels
    assert one.name == other.name
    assert one.read_bytes() == other.read_bytes()
