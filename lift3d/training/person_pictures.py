"""Pictures of people with keypoints, cut to a network's size and held in memory to train on."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from jaxtyping import Float, UInt8
from numpy import ndarray
from torch import Tensor

from lift3d.capture import AnnotatedPerson, AnnotatedPicture
from lift3d.detection.crops import CropRule, crops_of, cut_crops, whole_picture
from lift3d.errors import InputError
from lift3d.networks import Targets
from lift3d.pictures.picture_files import read_picture
from lift3d.skeleton import Skeleton

__all__ = ["PersonPictures", "read_person_pictures"]

_PADDING: Final = 1.25
"""Boxes are made larger by this factor, as since Simple Baselines."""


@dataclass(frozen=True, slots=True)
class PersonPictures:
    """Pictures and who is in them, all of one size, for networks of single or of several people."""

    pictures: UInt8[Tensor, "count 3 height width"]
    targets: Targets
    skeleton: Skeleton

    def __post_init__(self) -> None:
        if len(self.pictures) != len(self.targets) or not len(self.pictures):
            raise InputError(
                f"expected keypoints for each of at least one picture, got {len(self.pictures)} "
                f"pictures and keypoints of {len(self.targets)}: give both"
            )
        self.targets.expect_joints(len(self.skeleton))

    def __len__(self) -> int:
        return len(self.pictures)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.pictures.shape[-2], self.pictures.shape[-1]

    @classmethod
    def of_batches(
        cls,
        batches: Iterable[tuple[Tensor, Tensor, Tensor]],
        skeleton: Skeleton,
    ) -> "PersonPictures":
        """From batches of pictures [batch 3 height width] (whole numbers from 0 to 255), keypoints
        [batch joints 2] or [batch people joints 2], and visibility without the last axis."""
        parts = list(batches)
        if not parts:
            raise InputError("expected batches of pictures, got none: give at least one")
        pictures, keypoints, visible = (torch.cat(column) for column in zip(*parts, strict=True))
        if keypoints.ndim == 3:
            return cls(pictures, Targets.of_one(keypoints, visible.bool()), skeleton)
        return cls(pictures, Targets(keypoints, visible.bool()), skeleton)


def read_person_pictures(
    annotated: Iterable[AnnotatedPicture],
    folder: Path,
    size: tuple[int, int],
    *,
    several: bool = False,
    most: int = 0,
) -> PersonPictures:
    """Each person's box cut out of the pictures in a folder, or, for `several`, whole pictures.

    People without a visible keypoint and crowds are left out, as are pictures beyond `most` (0 for
    all). Raises `InputError` where nobody is left, and `FileFormatError` for pictures that cannot be
    read or have another size than their annotations say.
    """
    rule = CropRule(size, 1.0 if several else _PADDING, "half_pixel", smooth=True)
    cuts: list[UInt8[ndarray, "height width 3"]] = []
    people: list[list[AnnotatedPerson]] = []
    crops: list[Tensor] = []
    for picture, found in _with_people(annotated):
        pixels = _pixels(folder, picture)
        boxes = (
            whole_picture(picture.image_size) if several else torch.stack([p.box for p in found])
        )
        own = crops_of(boxes.float(), rule)
        cuts.extend(cut_crops(pixels, own, rule))
        crops.extend(own)
        people.extend([found] if several else [[one] for one in found])
        if most and len(cuts) >= most:
            break
    if not cuts:
        raise InputError("expected pictures with visible people, got none: look at the annotations")
    end = most or len(cuts)
    stacked = torch.from_numpy(np.stack(cuts[:end])).permute(0, 3, 1, 2).contiguous()
    skeleton = people[0][0].keypoints.skeleton
    return PersonPictures(stacked, _targets(people[:end], crops[:end], size), skeleton)


def _with_people(
    annotated: Iterable[AnnotatedPicture],
) -> Iterator[tuple[AnnotatedPicture, list[AnnotatedPerson]]]:
    for picture in annotated:
        found = [
            person
            for person in picture.people
            if not person.crowd
            and bool((person.keypoints.confidence > 0).any())
            and bool((person.box[2:] > 0).all())
        ]
        if found:
            yield picture, found


def _pixels(folder: Path, picture: AnnotatedPicture) -> UInt8[ndarray, "height width 3"]:
    pixels = read_picture(folder / picture.file_name)
    height, width = picture.image_size
    if pixels.shape[:2] != (height, width):
        raise InputError(
            f"expected '{picture.file_name}' of {height} x {width} pixels as annotated, got "
            f"{pixels.shape[0]} x {pixels.shape[1]}: take the dataset's own pictures"
        )
    return pixels


def _targets(
    people: list[list[AnnotatedPerson]], crops: list[Tensor], size: tuple[int, int]
) -> Targets:
    """Keypoints in pixels of the crops; people who are not there are not visible."""
    most, joints = max(len(found) for found in people), len(people[0][0].keypoints.skeleton)
    keypoints = torch.full((len(people), most, joints, 2), torch.nan)
    for row, (found, crop) in enumerate(zip(people, crops, strict=True)):
        for place, person in enumerate(found):
            keypoints[row, place] = _in_crop(person.keypoints.keypoints, crop, size)
    return Targets(keypoints, keypoints.isfinite().all(-1))


def _in_crop(
    points: Float[Tensor, "joints 2"], crop: Float[Tensor, "4"], size: tuple[int, int]
) -> Float[Tensor, "joints 2"]:
    """The inverse of `to_picture` with half pixels."""
    cells = crop.new_tensor([size[1], size[0]])
    placed: Tensor = (points - crop[:2] + 0.5) * cells / crop[2:] - 0.5
    return placed
