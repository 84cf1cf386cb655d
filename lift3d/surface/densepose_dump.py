"""What detectron2's DensePose writes (`apply_net.py dump`), read without it and without running it.

Layout (detectron2, projects/DensePose/doc/TOOL_APPLY_NET.md): a file of `torch.save` with a list of
pictures, each a dict of `file_name`, `scores` [N], `pred_boxes_XYXY` [N, 4] in pixels from the
picture's corner, and `pred_densepose`, a list with an object for each person. Such an object is one of

- `DensePoseChartResult`: `labels` [H, W] and `uv` [2, H, W] over the box, and with confidences
  (`...WithConfidences`) also `sigma_2`, the variance of U and V, and `kappa_u`, `kappa_v`;
- `DensePoseChartResultQuantized`: `labels_uv_uint8` [3, H, W];
- `DensePoseChartResultCompressed`: `shape_chw` and `labels_uv_str`, the same as PNG in base64;
- `DensePoseResult` of versions before 2020, one for all people: `boxes_xywh` and `results`, pairs of
  shape and PNG in base64.

Results of the continuous embedding (CSE) have no charts and are refused.
"""

import base64
import binascii
import math
from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from typing import Any, Final

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor

from lift3d.errors import FileFormatError, InputError
from lift3d.io.files.safe_torch import read_torch_tensors
from lift3d.surface.iuv_png import decoded_png
from lift3d.surface.quantised import map_of_bytes
from lift3d.surface.surface_map import SurfaceDoubt, SurfaceMap

__all__ = ["CHART_MODULE", "PictureMaps", "read_densepose_dump"]

CHART_MODULE: Final = "densepose.structures.chart_result"
_CLASSES: Final = ("Result", "ResultWithConfidences", "ResultQuantized", "ResultCompressed")
_RECORDS: Final = (
    *(f"{CHART_MODULE}.DensePoseChart{name}" for name in _CLASSES),
    *(f"densepose.structures.DensePoseChart{name}" for name in _CLASSES),
    "densepose.structures.DensePoseResult",
    "densepose.data.structures.DensePoseResult",
)
_LEAST_SIGMA: Final = 1e-6


@dataclass(frozen=True, slots=True)
class PictureMaps:
    """One picture of a dump: its file name and the people found in it, best first or as written."""

    file_name: str
    people: tuple[SurfaceMap, ...]


@dataclass(frozen=True, slots=True)
class _Found:
    """What a dump says of one person beside the map."""

    box: tuple[float, float, float, float]
    score: float
    where: str


def read_densepose_dump(path: str | PathLike[str]) -> tuple[PictureMaps, ...]:
    """All pictures of a dump. Raises `FileFormatError` for anything that is not of the layout above."""
    pictures = read_torch_tensors(path, records=_RECORDS)
    if not isinstance(pictures, list):
        raise FileFormatError(
            f"expected a list of pictures in '{path}', got {type(pictures).__name__}: write it with "
            "apply_net.py dump"
        )
    try:
        return tuple(_picture(one, f"'{path}', picture {n}") for n, one in enumerate(pictures))
    except (InputError, KeyError, TypeError, ValueError, IndexError, OverflowError) as error:
        raise FileFormatError(
            f"expected DensePose's charts in '{path}', got {error}: write it with apply_net.py dump"
        ) from error


def _picture(entry: object, where: str) -> PictureMaps:
    if not isinstance(entry, dict) or not isinstance(entry.get("file_name"), str):
        raise ValueError(f"{where}: no dict with a file_name")
    name: str = entry["file_name"]
    if "pred_densepose" not in entry:  # nobody was found, or the network has no such head
        return PictureMaps(name, ())
    said = _people(entry["pred_densepose"])
    boxes = _numbers(entry, "pred_boxes_XYXY", where).reshape(-1, 4)
    scores = _numbers(entry, "scores", where) if "scores" in entry else np.ones(len(boxes))
    if not len(said) == len(boxes) == len(scores):
        raise ValueError(f"{where}: {len(said)} people, {len(boxes)} boxes, {len(scores)} scores")
    people: list[SurfaceMap] = []
    for number, (one, box, score) in enumerate(zip(said, boxes, scores, strict=True)):
        left, top, right, bottom = (float(side) for side in box)
        found = _Found((left, top, right - left, bottom - top), float(score), f"{where}, {number}")
        people.append(_person(one, found))
    return PictureMaps(name, tuple(people))


def _people(said: object) -> list[object]:
    match said:
        case {"results": list() as results}:  # one object for all
            return list(results)
        case [*results]:
            return results
        case {"embedding": _}:
            raise ValueError("an embedding (CSE), which has no charts")
        case _:
            raise ValueError("no list of people in pred_densepose")


def _person(result: object, found: _Found) -> SurfaceMap:
    match result:
        case {"labels": ndarray() as labels, "uv": ndarray() as uv, **others}:
            return _plain(labels, uv, others, found)
        case {"labels_uv_uint8": ndarray() as layers}:
            return map_of_bytes(layers, found.where, found.box, None, found.score)
        case {"shape_chw": shape, "labels_uv_str": str() as text} | (shape, str() as text):
            layers = _unpacked(text, shape, found.where)
            return map_of_bytes(layers, found.where, found.box, None, found.score)
        case _:
            raise ValueError(f"{found.where}: no labels and uv")


def _plain(labels: ndarray, uv: ndarray, others: Mapping[Any, Any], found: _Found) -> SurfaceMap:
    if labels.dtype.kind not in "iu" or uv.dtype.kind != "f":
        raise ValueError(f"{found.where}: {labels.dtype} as labels and {uv.dtype} as uv")
    return SurfaceMap(
        torch.from_numpy(labels.astype(np.int64)),
        torch.from_numpy(uv.astype(np.float32)).clamp(0, 1),
        torch.tensor(found.box),
        None,
        found.score,
        _doubt(others, labels.shape),
    )


def _doubt(others: Mapping[Any, Any], shape: tuple[int, ...]) -> SurfaceDoubt | None:
    variance = _grid(others.get("sigma_2"), shape)
    if variance is None:
        return None
    slopes = [_grid(others.get(key), shape) for key in ("kappa_u", "kappa_v")]
    kappa = [torch.zeros(shape) if slope is None else slope for slope in slopes]
    return SurfaceDoubt(variance.sqrt().nan_to_num().clamp(min=_LEAST_SIGMA), torch.stack(kappa))


def _grid(values: object, shape: tuple[int, ...]) -> Float[Tensor, "height width"] | None:
    if not isinstance(values, ndarray):
        return None
    if values.size != math.prod(shape) or values.dtype.kind != "f":
        raise ValueError(f"confidences {list(values.shape)} of {values.dtype}")
    return torch.from_numpy(values.astype(np.float32)).reshape(shape)


def _unpacked(text: str, shape: object, where: str) -> ndarray:
    try:
        content = base64.b64decode(text, validate=False)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"{where}: no base64 ({error})") from error
    layers = decoded_png(content, where)[::-1]  # it was written as red, green, blue
    if not isinstance(shape, tuple) or tuple(shape) != layers.shape:
        raise ValueError(f"{where}: a picture of shape {layers.shape} for {str(shape)[:40]}")
    return np.ascontiguousarray(layers)


def _numbers(entry: Mapping[str, Any], key: str, where: str) -> ndarray:
    values = entry.get(key)
    if not isinstance(values, ndarray) or values.dtype.kind not in "fiu":
        raise ValueError(f"{where}: no numbers in {key}")
    return values.astype(np.float64)
