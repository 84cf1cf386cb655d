"""The site builds without a warning, and its pages ask for nothing from the network."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OUTSIDE = re.compile(
    r"""(?:<(?:script|img|iframe|source|video)[^>]*\ssrc=|<link[^>]*rel="?(?:stylesheet|preload|preconnect|icon)"""
    r"""[^>]*href=|url\()\s*["']?(?:https?:)?//[^"')\s>]+"""
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    missing = [n for n in ("mkdocs", "material", "mkdocstrings") if not importlib.util.find_spec(n)]
    if missing:
        pytest.skip(f"{', '.join(missing)} absent: scripts/setup docs installs the site's builder")
    folder = tmp_path_factory.mktemp("site")
    build = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert build.returncode == 0, build.stderr
    return folder


@pytest.mark.timeout(900)
def test_the_site_builds_strictly(site: Path) -> None:
    assert (site / "index.html").is_file()
    assert "lift3d.lift" in (site / "reference" / "values.html").read_text()


@pytest.mark.timeout(900)
def test_pages_ask_for_nothing_from_outside(site: Path) -> None:
    for file in [*site.rglob("*.html"), *site.rglob("*.css")]:
        assert not OUTSIDE.findall(file.read_text()), file.name


@pytest.mark.timeout(900)
def test_every_room_has_a_page_of_reference(site: Path) -> None:
    rooms = {path.parent.name for path in (ROOT / "lift3d").glob("*/__init__.py")}
    for room in rooms - {"cli"}:
        assert (site / "reference" / f"{room}.html").is_file(), room
