"""Dependencies have a lowest and a highest version, and CONTRIBUTING says what each is for."""

import re
import sys
from itertools import chain
from pathlib import Path
from typing import Any, Final

import pytest

from tests.helpers.toml import tomllib

ROOT: Final = Path(__file__).parents[2]
REQUIREMENT: Final = re.compile(r"([A-Za-z0-9_.-]+)(?:\[[^]]*\])?([^;]*)(?:;.*)?")


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    path = ROOT / "pyproject.toml"
    if not path.is_file():
        pytest.skip("the project's own files are absent: tests run against an installed package")
    return dict(tomllib.loads(path.read_text(encoding="utf-8"))["project"])


def required(project: dict[str, Any]) -> list[tuple[str, str]]:
    """Names and versions of what is needed, extras too."""
    extras = chain.from_iterable(project["optional-dependencies"].values())
    found = []
    for text in (*project["dependencies"], *extras):
        match = REQUIREMENT.fullmatch(text)
        assert match is not None, text
        found.append((match[1], match[2]))
    return found


def test_each_has_a_lowest_and_a_highest_version(project: dict[str, Any]) -> None:
    for name, versions in required(project):
        if not name.startswith("lift3d"):
            assert re.fullmatch(r">=[\d.]+,<[\d.]+", versions), f"{name}{versions}"


def test_contributing_names_each(project: dict[str, Any]) -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").lower()
    missing = [name for name, _ in required(project) if name.lower() not in text]
    assert not missing


def test_pythons_are_claimed_from_the_lowest_on(project: dict[str, Any]) -> None:
    lowest = project["requires-python"].removeprefix(">=")
    claimed = re.findall(r"Python :: (3\.\d+)$", "\n".join(project["classifiers"]), re.MULTILINE)
    assert claimed[0] == lowest
    assert claimed == [f"3.{n}" for n in range(10, 10 + len(claimed))]
    assert f"{sys.version_info[0]}.{sys.version_info[1]}" in claimed
