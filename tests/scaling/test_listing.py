"""Which files are meant: patterns, lists, tables, folders, and one clip as before."""

from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from lift3d.errors import FileFormatError, InputError
from lift3d.scaling import Listing, listing_of


@pytest.fixture
def files(tmp_path: Path) -> Path:
    for name in ("a/x.json", "a/y.json", "b/x.json", "b/.hidden.json"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    return tmp_path


def places(listing: Listing | None) -> list[str]:
    assert listing is not None
    return [item.place for item in listing.items]


def test_a_file_and_a_folder_are_one_clip(files: Path) -> None:
    assert listing_of([files / "a" / "x.json"]) is None
    assert listing_of([files / "a"]) is None
    assert listing_of([files / "nothing.json"]) is None


def test_each_entry_of_a_folder(files: Path) -> None:
    listing = listing_of([files / "b"], each=True)
    assert places(listing) == ["x.json"]
    assert places(listing_of([files], each=True)) == ["a", "b"]  # folders of frames
    assert listing is not None
    assert "every entry is a clip" in listing.understood
    with pytest.raises(InputError, match="--each"):
        listing_of([files / "a" / "x.json"], each=True)
    with pytest.raises(InputError, match="one folder"):
        listing_of([files / "a", files / "b"], each=True)


def test_a_pattern(files: Path) -> None:
    assert places(listing_of([f"{files}/a/*.json"])) == ["x.json", "y.json"]
    assert places(listing_of([f"{files}/**/x.json"])) == ["a/x.json", "b/x.json"]
    with pytest.raises(InputError, match="pattern"):
        listing_of([f"{files}/*.nothing"])


def test_a_name_with_signs_of_a_pattern_is_a_file(files: Path) -> None:
    odd = files / "a[1].json"
    odd.touch()
    assert listing_of([odd]) is None


def test_a_list_stands_beside_its_files(files: Path) -> None:
    listed = files / "names.txt"
    listed.write_text(f"# two of them\na/x.json\n\n{files}/b/x.json\na/x.json\n")
    listing = listing_of([listed])
    assert places(listing) == ["a/x.json", "b/x.json"]
    assert listing is not None
    assert [Path(item.path).exists() for item in listing.items] == [True, True]
    assert [item.name for item in listing.items] == ["a/x.json", f"{files}/b/x.json"]


def test_a_text_that_is_no_list_is_one_clip(files: Path) -> None:
    points = files / "points.txt"
    points.write_text("frame,x,y\n0,1,2\n")
    assert listing_of([points]) is None


def test_files_elsewhere_keep_their_whole_path(files: Path) -> None:
    (files / "b" / "names.txt").write_text("../a/x.json\n")
    where = str(files / "a" / "x.json").lstrip("/")
    assert places(listing_of([files / "b" / "names.txt"])) == [where]


def test_a_table(files: Path) -> None:
    table = pyarrow.table({"id": [1, 2], "path": ["a/x.json", "b/x.json"]})
    pyarrow.parquet.write_table(table, files / "t.parquet")
    assert places(listing_of([files / "t.parquet"])) == ["a/x.json", "b/x.json"]
    pyarrow.parquet.write_table(pyarrow.table({"name": ["a"]}), files / "u.parquet")
    with pytest.raises(FileFormatError, match="columns name"):
        listing_of([files / "u.parquet"])
    (files / "v.parquet").write_bytes(b"no table")
    with pytest.raises(FileFormatError, match="column 'path'"):
        listing_of([files / "v.parquet"])


def test_several_names(files: Path) -> None:
    two = [files / "a" / "x.json", files / "b" / "x.json"]
    assert len(places(listing_of(two))) == 2
