"""Cards in one form: every asset that comes along has one, and so has every dataset that is read."""

import re
from pathlib import Path

import pytest

import lift3d
from lift3d.cli.licences import CHECKSUMS, SHIPPED, checksums, row_of

ROOT = Path(__file__).parents[2]
HOMES = {"lift3d": ROOT, "lift3d_body_models": ROOT / "body_models"}
ASSET = [
    "What it is",
    "Data and attribution",
    "Licence",
    "How it was made",
    "Figures",
    "Limits",
    "Checksum",
]
DATASET = ["What it is", "Where to get it, and licence", "Use", "Layout read", "What comes out",
           "What can be checked", "Faults"]  # fmt: skip
CARDS = sorted({
    path for row in SHIPPED if row.card for path in HOMES[row.card.split("/")[0]].glob(row.card)
})  # fmt: skip
NAMES = {"3dpw": "pw3d", "bvh": "bvh_folder"}
"""Cards of datasets whose names are no names of modules."""


def sections(path: Path) -> dict[str, str]:
    title, *parts = re.split(r"^## ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert re.fullmatch(r"# \S.*\n\s*", title), (
        f"{path}: a title and nothing else before the sections"
    )
    return {head: text.strip() for head, text in (part.split("\n", 1) for part in parts)}


@pytest.mark.parametrize("card", CARDS, ids=lambda path: path.stem)
def test_assets_have_cards_of_one_form(card: Path) -> None:
    found = sections(card)
    assert list(found) == ASSET
    assert all(found.values())
    assert re.search(r"scripts/|lift3d train|make_sample", found["How it was made"]), "the command"
    package = next(name for name, home in HOMES.items() if card.is_relative_to(home / name))
    folder = card.parent.relative_to(HOMES[package])
    title = card.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
    for name in title.split(", "):
        assert f"{folder}/{name}" in checksums()
        assert f"`{folder}/{name}`" in found["Checksum"]
    assert CHECKSUMS in found["Checksum"]
    if any(row_of(f"{folder}/{name}").licence == "MIT" for name in title.split(", ")):
        assert "MIT" in found["Licence"]


def test_every_asset_is_on_one_card() -> None:
    told: list[str] = []
    for card in CARDS:
        told += re.findall(r"`(lift3d\w*/[^`]+\.(?:json|safetensors))`", sections(card)["Checksum"])
    assert sorted(told) == sorted(checksums())


@pytest.mark.parametrize("name", lift3d.datasets)
def test_datasets_have_cards_of_one_form(name: str) -> None:
    card = ROOT / "datasets/lift3d_datasets" / f"{NAMES.get(name, name)}.md"
    found = sections(card)
    assert list(found) == DATASET
    assert all(found.values())
    assert card.read_text(encoding="utf-8").splitlines()[0] == f"# {name}"
    assert f'lift3d.datasets["{name}"]' in found["Use"]


def test_no_card_stands_for_nothing() -> None:
    cards = {path.stem for path in (ROOT / "datasets/lift3d_datasets").glob("*.md")}
    assert cards == {NAMES.get(name, name) for name in lift3d.datasets}
