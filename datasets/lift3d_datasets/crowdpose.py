"""CrowdPose: pictures of crowds with 14 keypoints per person (J. Li et al., CVPR 2019).

Layout: `json/crowdpose_{train,val,trainval,test}.json` (or in `annotations`, or in the folder itself),
COCO's annotation JSON with keypoints left and right shoulder, elbow, wrist, hip, knee, ankle, then top
of the head and neck, and `crowdIndex` per picture; pictures in `images`.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Any, Final

from lift3d.capture import AnnotatedPicture, Finding
from lift3d.errors import FileFormatError
from lift3d.skeletons import CROWDPOSE_14
from lift3d_datasets.coco_json import pictures_in, read_person
from lift3d_datasets.folders import checked_split, existing_folder

__all__ = ["CrowdPose"]

SPLITS: Final = ("train", "val", "test")
_COUNTS: Final = {"train": 10_000, "val": 2_000, "test": 8_000}


class CrowdPose:
    """Pictures with people; the pictures themselves need not be there."""

    def __init__(self, root: str | PathLike[str]) -> None:
        self.root = existing_folder(root, "CrowdPose's json and images")
        if not self.splits:
            raise FileFormatError(
                f"expected json/crowdpose_train.json, _val or _test in '{self.root}', got none: "
                "download the annotations there"
            )

    @property
    def splits(self) -> tuple[str, ...]:
        return tuple(split for split in SPLITS if _file(self.root, split))

    def pictures(self, split: str) -> Iterator[AnnotatedPicture]:
        """The pictures of a split, in the order of the file."""
        path = _file(self.root, checked_split(split, self.splits))
        if path is not None:
            read = partial(read_person, skeleton=CROWDPOSE_14)
            yield from pictures_in(path, "images", read, _has_keypoints)

    @staticmethod
    def examine(root: str | PathLike[str]) -> Iterator[Finding]:
        """Which annotations are there, and how many pictures."""
        folder = Path(root)
        for split in SPLITS:
            path = _file(folder, split)
            yield Finding(f"annotations {split}", path is not None, str(path or "not there"))
        pictures, wanted = sum(1 for _ in (folder / "images").glob("*.jpg")), sum(_COUNTS.values())
        yield Finding("pictures", pictures == wanted, f"{pictures} of {wanted} in images")


def _file(root: Path, split: str) -> Path | None:
    name = f"crowdpose_{split}.json"
    places = (root / "json" / name, root / "annotations" / name, root / name)
    return next((path for path in places if path.is_file()), None)


def _has_keypoints(entry: Mapping[str, Any]) -> bool:
    return "keypoints" in entry
