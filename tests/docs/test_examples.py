"""The numbered examples and the notebooks run in empty folders; pages made of them are up to date."""

import ast
import json
import os
import runpy
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("[0-9][0-9]_*.py"))
NOTEBOOKS = sorted((ROOT / "examples" / "notebooks").glob("*.ipynb"))


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path) -> Iterator[None]:
    from matplotlib import pyplot as plt

    there = Path.cwd()
    os.chdir(tmp_path)
    yield
    os.chdir(there)
    plt.close("all")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_runs_and_leaves_its_picture(path: Path, tmp_path: Path) -> None:
    source = path.read_text()
    assert len(source.splitlines()) < 40
    title, _, words = (ast.get_docstring(ast.parse(source)) or "").partition("\n\n")
    assert title
    assert words
    runpy.run_path(str(path), run_name="__main__")
    assert (tmp_path / f"{path.stem}.png").stat().st_size > 2000
    assert (ROOT / "docs" / "images" / "gallery" / f"{path.stem}.png").is_file()


def test_examples_are_numbered_without_gaps() -> None:
    assert [int(path.name[:2]) for path in EXAMPLES] == list(range(len(EXAMPLES)))


def cells(path: Path) -> list[dict]:
    return json.loads(path.read_text())["cells"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_without_outputs(path: Path) -> None:
    for cell in cells(path):
        assert cell.get("outputs", []) == []
        assert cell.get("execution_count") is None
    assert json.loads(path.read_text())["nbformat"] == 4
    assert len({cell["id"] for cell in cells(path)}) == len(cells(path))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path: Path, tmp_path: Path) -> None:
    code = ["".join(cell["source"]) for cell in cells(path) if cell["cell_type"] == "code"]
    program = tmp_path / f"{path.stem}.py"
    program.write_text("\n\n".join(code) + "\n")
    runpy.run_path(str(program), run_name="__main__")


def test_pages_that_scripts_make_are_up_to_date(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    import make_conventions_page
    import make_gallery

    try:
        for made in (make_conventions_page, make_gallery):
            advice = f"run scripts/{made.__name__}.py, with --page for the gallery"
            assert made.PAGE.read_text() == made.page(), advice
    finally:
        for name in ("make_conventions_page", "make_gallery"):
            sys.modules.pop(name, None)
