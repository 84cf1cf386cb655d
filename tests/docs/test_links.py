"""Links of the pages lead somewhere: files, anchors, pictures. No network, no site."""

import re
from pathlib import Path

import pytest

from tests.helpers.markdown import LINK, anchors, pages, prose

ROOT = Path(__file__).resolve().parents[2]
HERE = {str(page.relative_to(ROOT)): page for page in pages(ROOT) if page.is_file()}
MADE = re.compile(r"docs/reference/\w+\.md")  # scripts/docs_site.py makes these pages


@pytest.mark.parametrize("name", HERE)
def test_links_lead_somewhere(name: str) -> None:
    page = HERE[name]
    text = page.read_text()
    wrong = []
    for target in LINK.findall(prose(text)):
        if re.match(r"\w+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        place = file.relative_to(ROOT).as_posix()
        if MADE.fullmatch(place):
            continue
        if not file.exists() or (anchor and anchor not in anchors(file.read_text())):
            wrong.append(target)
    assert not wrong, f"{name} has links to what is not there"


def test_pictures_are_used_and_small() -> None:
    shown = "".join(page.read_text() for page in HERE.values())
    total = 0
    for picture in (ROOT / "docs" / "images").rglob("*.*"):
        assert picture.name in shown, f"no page shows {picture.name}"
        total += picture.stat().st_size
        assert picture.stat().st_size < 2_000_000
    assert total < 8_000_000
