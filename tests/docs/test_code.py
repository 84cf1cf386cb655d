"""Code in the pages: Python compiles and finds what it imports, commands are what the parser takes.

On the pages of `RUN` the Python is run and so are the commands, in a folder with the files they name.
"""

import ast
import importlib
import inspect
import re
import runpy
from collections.abc import Callable
from pathlib import Path

import pytest
import tyro

from lift3d.cli import app, main
from tests.helpers.markdown import blocks, commands, pages

ROOT = Path(__file__).resolve().parents[2]
HERE = {str(page.relative_to(ROOT)): page for page in pages(ROOT) if page.is_file()}
RUN = (
    "docs/index.md", "docs/keypoints.md", "docs/animate.md", "docs/choose.md", "docs/smpl.md",
    "docs/conventions.md", "docs/faq.md",
)  # fmt: skip
NEED_MORE = re.compile(
    r"--(body-model smpl|path)|SMPL_|MOCAP|KEYPOINTS|lifter\.|usdc|mp4|view |html|demo|01_poses"
)
"""Commands with files that people must bring, extras, or long drawing: only parsed."""
DETECTED = """import numpy as np
body = [(np.random.rand(1, 17, 2) * 400 + 300, np.ones((1, 17)))]
found = body * 8
"""
BEFORE = {"np.savez(": DETECTED}
"""What some blocks take as given."""
NOT_RUN = ('["smpl"]',)
"""Python with files that people must bring."""


@pytest.mark.parametrize("name", HERE)
def test_python_compiles_and_finds_its_imports(name: str) -> None:
    for block in blocks(HERE[name].read_text(), "python"):
        for node in ast.walk(ast.parse(block)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("lift3d"):
                module = importlib.import_module(node.module or "")
                for alias in node.names:
                    if not hasattr(module, alias.name):
                        importlib.import_module(f"{node.module}.{alias.name}")


def told(word: str, verb: Callable[..., None], reached: list[str]) -> Callable[..., None]:
    """A verb of the same options that only tells that it was reached."""

    def stub(*_: object, **__: object) -> None:
        reached.append(word)

    # Not functools.wraps: the parser would look through it, and run the verb.
    stub.__signature__ = inspect.signature(verb)  # type: ignore[attr-defined]
    stub.__annotations__ = verb.__annotations__
    stub.__doc__ = verb.__doc__
    return stub


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The verbs do nothing but tell that they were reached."""
    reached: list[str] = []

    idle = tyro.extras.SubcommandApp()
    for name, verb in vars(app).items():
        if name.endswith("_verb"):
            word = name.removesuffix("_verb").replace("_", "-")
            idle.command(name=word)(told(word, verb, reached))
    monkeypatch.setattr(app, "app", idle)
    return reached


def pages_with_commands() -> list[str]:
    return [name for name, page in HERE.items() if any(commands(page.read_text()))]


@pytest.mark.parametrize("name", pages_with_commands())
def test_commands_are_what_the_parser_takes(name: str, parsed: list[str]) -> None:
    for words in commands(HERE[name].read_text()):
        assert main(words) == 0, f"{name}: lift3d {' '.join(words)}"
        assert parsed, f"{name}: lift3d {' '.join(words)}"
        parsed.clear()


@pytest.mark.parametrize("name", [name for name in RUN if name in HERE])
def test_python_of_the_pages_runs(name: str, at_desk: Path) -> None:
    for number, block in enumerate(blocks(HERE[name].read_text(), "python")):
        if any(word in block for word in NOT_RUN):
            continue
        before = "".join(text for mark, text in BEFORE.items() if mark in block)
        file = at_desk / f"block_{Path(name).stem}_{number}.py"
        file.write_text(before + block)
        runpy.run_path(str(file))


def test_the_readme_runs(at_desk: Path) -> None:
    first = blocks(HERE["README.md"].read_text(), "python")[0]
    assert len(first.splitlines()) == 8
    (at_desk / "readme.py").write_text(first)
    found = runpy.run_path(str(at_desk / "readme.py"))
    assert found["vertices"].shape[0] == found["joints"].shape[0]


@pytest.mark.parametrize("name", ["docs/keypoints.md", "docs/animate.md", "docs/index.md"])
def test_commands_of_the_pages_run(
    name: str, at_desk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = 0
    for words in commands(HERE[name].read_text()):
        line = " ".join(words)
        if NEED_MORE.search(line.replace("walk.mp4", "")):
            continue
        words = [word for word in words if word != "walk.mp4"]  # noqa: PLW2901 - a video takes long
        folder = at_desk / "meshes"
        if folder.exists():
            continue
        assert main(words) == 0, f"lift3d {line}: {capsys.readouterr().err}"
        ran += 1
    assert ran
