"""DensePose-COCO: points on people's surfaces (R. A. Gueler et al., CVPR 2018).

Layout, read from detectron2, projects/DensePose/doc/DENSEPOSE_DATASETS.md: COCO's annotation JSON
`annotations/densepose_coco_2014_{train,valminusminival,minival}.json` (also named densepose_..._2014)
whose people may have `dp_I` (part 1 to 24), `dp_U`, `dp_V` (0 to 1), `dp_x`, `dp_y` (in a frame of
256 x 256 over the box) and `dp_masks` (14 run-length masks of 256 x 256, or empty lists). Pictures lie
in `train2014` and `val2014`.

A point is at box + dp / 256 * side, as detectron2 puts it (densepose/modeling/losses/utils.py); the
authors' own notebook divides by 255, a difference of at most 0.4 % of the box.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from jaxtyping import UInt8
from numpy import ndarray
from torch import Tensor

from lift3d.capture import AnnotatedPerson, AnnotatedPicture, Finding, SurfacePoints
from lift3d.errors import FileFormatError
from lift3d.skeletons import COCO_17
from lift3d_datasets.coco import annotation_file
from lift3d_datasets.coco_json import load_document, pictures_in, read_person, refuse
from lift3d_datasets.folders import checked_split, existing_folder
from lift3d_datasets.rle import decode_mask

__all__ = ["MASK_PARTS", "DensePoseCoco", "PartMap"]

SPLITS: Final = ("train", "valminusminival", "minival")
_PEOPLE: Final = {"train": 39_210, "valminusminival": 7_297, "minival": 2_243}
_SIDE: Final = 256
_SLACK: Final = 1e-3
"""U and V of the files leave [0, 1] by rounding; a few points lie just outside of their box."""

MASK_PARTS: Final = (
    "torso",
    "right_hand",
    "left_hand",
    "left_foot",
    "right_foot",
    "right_upper_leg",
    "left_upper_leg",
    "right_lower_leg",
    "left_lower_leg",
    "left_upper_arm",
    "right_upper_arm",
    "left_lower_arm",
    "right_lower_arm",
    "head",
)
"""The parts of the 14 masks; a label in a `PartMap` is one more than the place in this list."""


@dataclass(frozen=True, slots=True)
class PartMap:
    """Coarse parts of one person in the frame of the box: 0 nobody, then 1 + place in `MASK_PARTS`."""

    annotation: int
    labels: UInt8[ndarray, "256 256"]


class DensePoseCoco:
    """Pictures with people who have surface points; others are left out.

    The pictures themselves need not be there.
    """

    def __init__(self, root: str | PathLike[str]) -> None:
        self.root = existing_folder(root, "DensePose-COCO's annotations")
        if not self.splits:
            raise FileFormatError(
                f"expected annotations/densepose_coco_2014_minival.json in '{self.root}', or train or "
                "valminusminival, got none: download them there"
            )

    @property
    def splits(self) -> tuple[str, ...]:
        return tuple(split for split in SPLITS if _file(self.root, split))

    def pictures(self, split: str) -> Iterator[AnnotatedPicture]:
        """The pictures of a split, in the order of the file."""
        path = _file(self.root, checked_split(split, self.splits))
        folder = "train2014" if split == "train" else "val2014"
        if path is not None:
            yield from pictures_in(path, folder, _person, _has_surface)

    def part_maps(self, split: str) -> Iterator[PartMap]:
        """The coarse masks of all people with surface points, by the id of their annotation."""
        path = _file(self.root, checked_split(split, self.splits))
        entries = load_document(path)["annotations"] if path is not None else []
        for number, entry in enumerate(entries):
            if isinstance(entry, dict) and _has_surface(entry):
                where = f"'{path}', annotation {number}"
                yield PartMap(int(entry.get("id", number)), _labels(entry.get("dp_masks"), where))

    @staticmethod
    def examine(root: str | PathLike[str]) -> Iterator[Finding]:
        """Which annotations are there, and whether the pictures are."""
        folder = Path(root)
        for split, count in _PEOPLE.items():
            path = _file(folder, split)
            detail = f"'{path}', {count} people" if path else "not there"
            yield Finding(f"annotations {split}", path is not None, detail)
        for name in ("train2014", "val2014"):
            count = sum(1 for _ in (folder / name).glob("*.jpg"))
            yield Finding(f"pictures {name}", count > 0, f"{count} files")


def _file(root: Path, split: str) -> Path | None:
    names = (f"densepose_coco_2014_{split}.json", f"densepose_{split}2014.json")
    return next((path for name in names if (path := annotation_file(root, name))), None)


def _has_surface(entry: Mapping[str, Any]) -> bool:
    return "dp_I" in entry


def _person(entry: Mapping[str, Any], size: tuple[int, int], where: str) -> AnnotatedPerson:
    plain = read_person(entry, size, where, COCO_17)
    surface = _surface(entry, plain.box, where)
    return AnnotatedPerson(plain.keypoints, plain.box, plain.area, plain.crowd, surface)


def _surface(entry: Mapping[str, Any], box: Tensor, where: str) -> SurfacePoints:
    keys = ("dp_I", "dp_U", "dp_V", "dp_x", "dp_y")
    try:
        columns = [torch.tensor(entry[key], dtype=torch.float32).reshape(-1) for key in keys]
        part, u, v, x, y = torch.stack(columns)
    except (KeyError, ValueError, TypeError, RuntimeError) as error:
        raise refuse(where, f"lists of one length in {', '.join(keys)}", str(error)) from error
    uv, place = torch.stack([u, v], -1), torch.stack([x, y], -1)
    known = (part == part.round()) & (part >= 1) & (part <= 24)
    if not bool(known.all() & ((uv + _SLACK >= 0) & (uv - _SLACK <= 1)).all()):
        raise refuse(where, "parts 1 to 24 and U, V from 0 to 1", (part.tolist(), uv.tolist()))
    if not bool(((place >= -_SIDE) & (place <= 2 * _SIDE)).all()):
        raise refuse(where, "dp_x and dp_y about the box", place.tolist())
    return SurfacePoints(box[:2] + place * box[2:] / _SIDE, part.long(), uv.clamp(0, 1))


def _labels(masks: object, where: str) -> UInt8[ndarray, "256 256"]:
    if not isinstance(masks, list) or len(masks) != len(MASK_PARTS):
        raise refuse(where, f"{len(MASK_PARTS)} dp_masks", masks)
    labels = np.zeros((_SIDE, _SIDE), np.uint8)
    for place, mask in enumerate(masks, start=1):
        if mask:
            if not isinstance(mask, dict) or mask.get("size") != [_SIDE, _SIDE]:
                raise refuse(where, "masks of 256 x 256", mask)
            counts = mask.get("counts")
            if not isinstance(counts, (str, list)):
                raise refuse(where, "runs in 'counts'", counts)
            labels[decode_mask(counts, (_SIDE, _SIDE))] = place
    return labels
