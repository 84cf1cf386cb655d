"""COCO keypoints: pictures with 17 keypoints per person (T.-Y. Lin et al., ECCV 2014).

Layout: `annotations/person_keypoints_{train,val}<year>.json` beside folders `train<year>`, `val<year>`
of pictures, year 2017 or 2014 (2014's pictures are named COCO_train2014_...). The two years hold the
same people in other splits. Boxes are x, y, width, height with the edges of pixels as whole numbers;
keypoints have pixel centres there.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any, Final

from lift3d.capture import AnnotatedPicture, Finding
from lift3d.errors import FileFormatError
from lift3d.skeletons import COCO_17
from lift3d_datasets.coco_json import pictures_in, read_person
from lift3d_datasets.folders import checked_split, existing_folder

__all__ = ["Coco", "annotation_file"]

SPLITS: Final = ("train", "val")
_YEARS: Final = ("2017", "2014")
_COUNTS: Final = {
    "train2017": 118_287,
    "val2017": 5_000,
    "train2014": 82_783,
    "val2014": 40_504,
}


def annotation_file(root: Path, name: str) -> Path | None:
    """An annotation file in `annotations` or in the folder itself."""
    places = (root / "annotations" / name, root / name)
    return next((path for path in places if path.is_file()), None)


class Coco:
    """Pictures with people of one year's annotations, 2017 where both are there.

    People without a labelled keypoint are given too, with all keypoints missing, and crowds as
    `crowd`; pictures without people are left out. The pictures themselves need not be there.
    """

    def __init__(self, root: str | PathLike[str], *, year: str = "") -> None:
        self.root = existing_folder(root, "COCO's annotations")
        years = (year,) if year else _YEARS
        names = {y: [f"person_keypoints_{split}{y}.json" for split in SPLITS] for y in years}
        found = [y for y in years if any(annotation_file(self.root, n) for n in names[y])]
        if not found:
            raise FileFormatError(
                f"expected annotations/{names[years[0]][1]} in '{self.root}', got none: unpack "
                "annotations_trainval2017.zip there"
            )
        self.year = found[0]

    @property
    def splits(self) -> tuple[str, ...]:
        return tuple(split for split in SPLITS if self._file(split))

    def _file(self, split: str) -> Path | None:
        return annotation_file(self.root, f"person_keypoints_{split}{self.year}.json")

    def pictures(self, split: str) -> Iterator[AnnotatedPicture]:
        """The pictures of a split, in the order of the file."""
        path = self._file(checked_split(split, self.splits))
        if path is not None:
            read = partial(read_person, skeleton=COCO_17)
            yield from pictures_in(path, f"{split}{self.year}", read, _is_person)

    @staticmethod
    def examine(root: str | PathLike[str]) -> Iterator[Finding]:
        """Which annotations are there, and how many of each split's pictures."""
        folder = Path(root)
        for name, count in _COUNTS.items():
            path = annotation_file(folder, f"person_keypoints_{name}.json")
            yield Finding(f"annotations {name}", path is not None, str(path or "not there"))
            if path is not None:
                pictures = sum(1 for _ in (folder / name).glob("*.jpg"))
                detail = f"{pictures} of {count} in '{folder / name}'"
                yield Finding(f"pictures {name}", pictures == count, detail)


def _is_person(entry: Mapping[str, Any]) -> bool:
    return entry.get("category_id", 1) == 1 and "keypoints" in entry
