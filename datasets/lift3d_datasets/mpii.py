"""MPII Human Pose: pictures with 16 keypoints per person (M. Andriluka et al., CVPR 2014).

Two forms are read:

- `mpii_human_pose_v1_u12_1.mat` (MATLAB 5): `RELEASE.annolist(i)` with `image.name` and `annorect(r)`
  with `x1 ... y2` (box of the head), `scale` and `objpos` (the person is 200 scale pixels tall, about
  that point) and `annopoints.point(k)` with `id` (0 to 15), `x`, `y`, `is_visible`; `RELEASE.img_train`.
  Points of the test pictures are not public.
- `annot/{train,valid,test}.json`, as HRNet's authors give it out: a list of `{image, center, scale,
  joints [16, 2], joints_vis [16]}`.

Both count pixels from 1; here they count from 0. The `.mat` calls a hidden joint `is_visible` 0 (here
confidence 0.5: a person's guess); the JSON does not tell hidden from visible.
"""

import struct
import zlib
from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson
import torch

from lift3d.capture import AnnotatedPerson, AnnotatedPicture, Finding
from lift3d.errors import FileFormatError
from lift3d.io.files.mat_files import MatStruct, read_mat
from lift3d.io.keypoints.coco import HIDDEN
from lift3d.pose import Pose2D
from lift3d.skeletons import MPII_16
from lift3d_datasets.folders import checked_split, existing_folder
from lift3d_datasets.jpeg_size import jpeg_size

__all__ = ["Mpii"]

_MAT: Final = "mpii_human_pose_v1_u12_1.mat"
_JSON: Final = {"train": "train.json", "val": "valid.json", "test": "test.json"}
_PICTURES: Final = 24_984
_TALL: Final = 200.0
_BROKEN_MAT: Final = (
    OSError,
    KeyError,
    ValueError,
    TypeError,
    AttributeError,
    IndexError,
    MemoryError,
    struct.error,
    zlib.error,
)


class Mpii:
    """Pictures with people, from the JSON files where they are there, else from the `.mat`.

    The `.mat` knows "train" and "test" (without keypoints), the JSON files "train", "val" and "test".
    Boxes are squares about the given place with the given size. A picture's size is read from the
    picture in `images`, and is (0, 0) where that is not there.
    """

    def __init__(self, root: str | PathLike[str]) -> None:
        self.root = existing_folder(root, "MPII's annotations")
        self.documents = {split: path for split in _JSON if (path := _json(self.root, split))}
        self.mat = next((p for p in sorted(self.root.rglob(_MAT)) if p.is_file()), None)
        if not self.documents and self.mat is None:
            raise FileFormatError(
                f"expected {_MAT} or annot/train.json in '{self.root}', got neither: download one of "
                "them there"
            )

    @property
    def splits(self) -> tuple[str, ...]:
        return tuple(self.documents) or ("train", "test")

    def pictures(self, split: str) -> Iterator[AnnotatedPicture]:
        """The pictures of a split, in the order of the file."""
        checked_split(split, self.splits)
        if self.documents:
            yield from _from_json(self.documents[split], self.root)
        elif self.mat is not None:
            yield from _from_mat(self.mat, split == "train", self.root)

    @staticmethod
    def examine(root: str | PathLike[str]) -> Iterator[Finding]:
        """Which annotations are there, and how many pictures."""
        folder = Path(root)
        mat = next(iter(sorted(folder.rglob(_MAT))), None)
        yield Finding(_MAT, mat is not None, str(mat or "not there"))
        for split in _JSON:
            path = _json(folder, split)
            yield Finding(f"JSON for {split}", path is not None, str(path or "not there"))
        count = sum(1 for _ in (folder / "images").glob("*.jpg"))
        yield Finding("pictures", count == _PICTURES, f"{count} of {_PICTURES} in images")


def _json(root: Path, split: str) -> Path | None:
    places = (root / "annot" / _JSON[split], root / _JSON[split])
    return next((path for path in places if path.is_file()), None)


def _refuse(path: Path, wanted: str, got: object) -> FileFormatError:
    return FileFormatError(f"expected {wanted} in '{path}', got {got!r:.60}: download it again")


def _picture(root: Path, name: str, people: list[tuple[Any, ...]]) -> AnnotatedPicture:
    size = jpeg_size(root / "images" / name) if "/" not in name and "\\" not in name else None
    made = tuple(_person(size, *person) for person in people)
    return AnnotatedPicture(f"images/{name}", size or (0, 0), made)


def _person(
    size: tuple[int, int] | None, points: Any, confidence: Any, centre: Any, scale: float
) -> AnnotatedPerson:
    """Points and centre count pixels from 1."""
    keypoints = torch.from_numpy(np.asarray(points, np.float32) - 1)
    sure = torch.from_numpy(np.asarray(confidence, np.float32))
    side = _TALL * scale
    corner = np.asarray(centre, np.float32) - 1 - side / 2
    box = torch.tensor([*corner.tolist(), side, side], dtype=torch.float32)
    return AnnotatedPerson(Pose2D.from_detections(keypoints, sure, MPII_16, size), box)


def _from_json(path: Path, root: Path) -> Iterator[AnnotatedPicture]:
    try:
        entries = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise _refuse(path, "whole JSON", str(error)) from error
    if not isinstance(entries, list):
        raise _refuse(path, "a list of people", type(entries).__name__)
    pictures: dict[str, list[tuple[Any, ...]]] = {}
    for number, entry in enumerate(entries):
        name, person = _json_person(entry, number, path)
        pictures.setdefault(name, []).append(person)
    for name, people in pictures.items():
        yield _picture(root, name, people)


def _json_person(entry: Any, number: int, path: Path) -> tuple[str, tuple[Any, ...]]:
    try:
        points = np.array(entry.get("joints", np.zeros((16, 2))), np.float64)
        visible = np.array(entry.get("joints_vis", np.zeros(16)), np.float64)
        centre, scale = np.array(entry["center"], np.float64), float(entry["scale"])
        name = entry["image"]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise _refuse(
            path, f"image, center, scale and joints in entry {number}", str(error)
        ) from error
    shapes = (points.shape, visible.shape, centre.shape)
    if shapes != ((16, 2), (16,), (2,)) or not isinstance(name, str) or not scale > 0:
        raise _refuse(path, f"16 joints, a center, a scale in entry {number}", shapes)
    # A joint that was not annotated has visibility 0, and 0, 0 or -1, -1 for its place.
    return name, (points, (visible > 0).astype(np.float64), centre, scale)


def _from_mat(path: Path, train: bool, root: Path) -> Iterator[AnnotatedPicture]:
    try:
        release = read_mat(path, ("RELEASE",), squeezed=True)["RELEASE"]
        annotations = np.atleast_1d(release.get("annolist"))
        chosen = np.atleast_1d(release.get("img_train")) == train
    except _BROKEN_MAT as error:
        raise _refuse(path, "RELEASE with annolist and img_train", str(error)) from error
    if len(annotations) != len(chosen):
        raise _refuse(path, f"img_train for {len(annotations)} pictures", len(chosen))
    for number in np.nonzero(chosen)[0]:
        entry = annotations[number]
        try:
            people = [found for found in map(_mat_person, _many(entry, "annorect")) if found]
            name = str(entry.get("image").get("name"))
        except (AttributeError, ValueError, TypeError, IndexError) as error:
            raise _refuse(path, f"image and annorect in picture {number}", str(error)) from error
        if people:
            yield _picture(root, name, people)


def _many(value: Any, key: str) -> list[Any]:
    """The structures in a field: none where it is absent or empty."""
    found = np.atleast_1d(value.get(key, np.zeros(0)))
    return [item for item in found.ravel() if isinstance(item, MatStruct)]


def _mat_person(rect: Any) -> tuple[Any, ...] | None:
    """A person with a place and a size; heads that were only marked are left out."""
    places, scale = _many(rect, "objpos"), np.atleast_1d(rect.get("scale", np.zeros(0)))
    if not places or scale.size != 1:
        return None
    points, confidence = np.zeros((16, 2)), np.zeros(16)
    for outer in _many(rect, "annopoints"):
        for point in _many(outer, "point"):
            joint = int(point.get("id"))
            if not 0 <= joint < len(MPII_16):
                raise ValueError(f"point {joint}")
            points[joint] = float(point.get("x")), float(point.get("y"))
            confidence[joint] = _confidence(point.get("is_visible", ""))
    centre = (float(places[0].get("x")), float(places[0].get("y")))
    return points, confidence, centre, float(scale[0])


def _confidence(visible: Any) -> float:
    """1 for visible or not said (head and neck), which the file writes as a number or as text."""
    flat = np.atleast_1d(visible).ravel()
    return HIDDEN if flat.size and str(flat[0]).strip() in ("0", "0.0") else 1.0
