"""The example distribution, installed as a stranger's would be, in a folder and a process of its own."""

import ast
import os
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "plugin"
NAMES = ("boxes", "cardboard", "painter", "stickcam")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a process that finds the plug-ins."""
    for needed in ("hatchling", "pip"):
        # Not looked for as a module: older setuptools warn where pip is looked for.
        if not list(distributions(name=needed)):
            pytest.skip(f"installing the example needs {needed}")
    folder = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-index", "--no-deps"]
    done = subprocess.run(
        [*pip, "--no-build-isolation", "--target", str(folder), str(EXAMPLE)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return os.environ | {"PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"}


def lift3d(env: dict[str, str], *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "lift3d", *words],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_obeys_the_laws(installed: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(EXAMPLE),
         "-c", str(EXAMPLE / "pyproject.toml"), str(EXAMPLE / "tests")],
        env=installed, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "5 passed" in done.stdout


def test_it_is_listed_and_nobody_is_listed_without_it(installed: dict[str, str]) -> None:
    with_it = lift3d(installed, "list")
    without = lift3d({k: v for k, v in installed.items() if k != "PYTHONPATH"}, "list")
    for name in NAMES:
        assert name in with_it
        assert name not in without


def test_a_whole_journey_through_its_parts(installed: dict[str, str], tmp_path: Path) -> None:
    keypoints, clip = tmp_path / "clip.stickcam", tmp_path / "clip.npz"
    points = [f"{300 + 9 * j} {60 + 23 * j} 0.9" for j in range(17)]
    rows = [f"{frame} 0 {' '.join(points)}" for frame in range(8)]
    keypoints.write_text("\n".join(["stickcam 1 640 480 25", *rows]) + "\n")
    parts = ("--lifter", "cardboard", "--body-model", "boxes")
    said = lift3d(installed, "lift", str(keypoints), *parts, "-o", str(clip))
    assert "stickcam" in said
    assert clip.is_file()


def test_its_parts_take_thirty_lines_each() -> None:
    for part in ("body", "lifter", "reader", "viewer"):
        text = (EXAMPLE / "lift3d_example" / f"{part}.py").read_text(encoding="utf-8")
        assert len(text.splitlines()) <= 30
        assert ast.get_docstring(ast.parse(text))


def test_the_manual_shows_what_is_there() -> None:
    manual = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
    for name in (*NAMES, "CardboardLifter", "StickcamReader", "BoxBody", "PaintingViewer"):
        assert name in manual
    for check in (ROOT / "lift3d/testing/__init__.py").read_text().split('"'):
        if check.startswith("check_"):
            assert check in manual
