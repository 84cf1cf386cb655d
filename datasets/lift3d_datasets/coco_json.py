"""COCO's annotation JSON as pictures with people: what COCO, CrowdPose and DensePose-COCO share.

`{"images": [{"id", "file_name", "width", "height"}], "annotations": [{"image_id", "bbox": [x, y, w, h],
"keypoints": [x, y, v] * K, "area", "iscrowd", ...}]}`. v is 0 for not labelled, 1 for labelled but
hidden (here confidence 0.5: a person's guess), 2 for visible (1.0).
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import orjson
import torch

from lift3d.capture import AnnotatedPerson, AnnotatedPicture, SurfacePoints
from lift3d.errors import FileFormatError
from lift3d.io.keypoints.coco import HIDDEN
from lift3d.pose import Pose2D
from lift3d.skeleton import Skeleton

__all__ = ["PersonReader", "load_document", "pictures_in", "read_person", "refuse"]

PersonReader = Callable[[Mapping[str, Any], tuple[int, int], str], AnnotatedPerson]
"""Makes a person of an annotation, a picture's (height, width), and words that say where it is."""

_NUMBERS: Final = (int, float)
_MAX_SIDE: Final = 100_000


def refuse(where: str, wanted: str, got: object) -> FileFormatError:
    """The error for a wrong entry; `where` names the file and the entry."""
    return FileFormatError(f"expected {wanted} in {where}, got {got!r:.60}: download it again")


def load_document(path: Path) -> dict[str, Any]:
    """A JSON object with lists `images` and `annotations`, or `FileFormatError`."""
    try:
        document = orjson.loads(path.read_bytes())
    except OSError as error:
        raise FileFormatError(
            f"expected annotations at '{path}', got {error.strerror or error}: check the path"
        ) from error
    except orjson.JSONDecodeError as error:
        raise FileFormatError(
            f"expected whole JSON in '{path}', got {error}: the file was cut off; download it again"
        ) from error
    if not isinstance(document, dict):
        raise refuse(f"'{path}'", "images and annotations", type(document).__name__)
    for key in ("images", "annotations"):
        if not isinstance(document.get(key), list):
            raise refuse(f"'{path}'", f"a list of {key}", list(document)[:6])
    return document


def pictures_in(
    path: Path, folder: str, read: PersonReader, wanted: Callable[[Mapping[str, Any]], bool]
) -> Iterator[AnnotatedPicture]:
    """All pictures with wanted annotations, in the order of the file; names start with `folder`."""
    document = load_document(path)
    people: dict[int, list[tuple[int, Mapping[str, Any]]]] = {}
    for number, entry in enumerate(document["annotations"]):
        if not isinstance(entry, dict) or type(entry.get("image_id")) is not int:
            raise refuse(f"'{path}', annotation {number}", "a whole image_id", entry)
        if wanted(entry):
            people.setdefault(entry["image_id"], []).append((number, entry))
    for number, image in enumerate(document["images"]):
        where = f"'{path}', image {number}"
        if not isinstance(image, dict):
            raise refuse(where, "named values", image)
        entries = people.pop(image.get("id", -1), [])
        if entries:
            size = _size(image, where)
            made = tuple(read(entry, size, f"'{path}', annotation {n}") for n, entry in entries)
            yield AnnotatedPicture(_name(image, folder, where), size, made)
    if people:
        raise refuse(f"'{path}'", "an image for every annotation", f"none for {[*people][:3]}")


def _size(image: Mapping[str, Any], where: str) -> tuple[int, int]:
    height, width = image.get("height"), image.get("width")
    for side in (height, width):
        if type(side) is not int or not 0 < side <= _MAX_SIDE:
            raise refuse(where, "height and width in pixels", (height, width))
    return int(height or 0), int(width or 0)


def _name(image: Mapping[str, Any], folder: str, where: str) -> str:
    name = image.get("file_name")
    parts = Path(name).parts if isinstance(name, str) else ("..",)
    if not parts or ".." in parts or Path(*parts).is_absolute():
        raise refuse(where, "a file_name inside the dataset", name)
    return f"{folder}/{name}" if folder else str(name)


def read_person(
    entry: Mapping[str, Any],
    size: tuple[int, int],
    where: str,
    skeleton: Skeleton,
    surface: SurfacePoints | None = None,
) -> AnnotatedPerson:
    """One annotation; `FileFormatError` where its numbers are not what the format asks for."""
    points = _triplets(entry.get("keypoints"), skeleton, where)
    flags = points[:, 2]
    if bool(((flags != 0) & (flags != 1) & (flags != 2)).any()):
        raise refuse(where, "visibilities of 0, 1 or 2", flags.tolist())
    confidence = torch.where(flags == 1, HIDDEN, flags.clamp(max=1))
    box = torch.tensor(_floats(entry.get("bbox"), 4, "bbox of x, y, width, height", where))
    area = _floats([entry.get("area", 0.0)], 1, "area in square pixels", where)[0]
    pose = Pose2D.from_detections(points[:, :2], confidence, skeleton, size)
    crowd = entry.get("iscrowd", 0)
    if crowd not in (0, 1):
        raise refuse(where, "iscrowd of 0 or 1", crowd)
    return AnnotatedPerson(pose, box, area, bool(crowd), surface)


def _triplets(values: object, skeleton: Skeleton, where: str) -> torch.Tensor:
    count = 3 * len(skeleton)
    what = f"{count} keypoint numbers (x, y, v of {skeleton.name})"
    return torch.tensor(_floats(values, count, what, where)).reshape(-1, 3)


def _floats(values: object, count: int, what: str, where: str) -> list[float]:
    if not isinstance(values, list) or len(values) != count:
        raise refuse(where, what, len(values) if isinstance(values, list) else values)
    if not all(type(x) in _NUMBERS for x in values):
        raise refuse(where, what, values)
    return [float(x) for x in values]
