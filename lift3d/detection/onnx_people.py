"""Person boxes by a network in an ONNX file.

Three kinds of files, as their projects export them:

`yolox`   YOLOX (Ge et al., 2021): one output [1, cells, 5 + classes] of centre, size, objectness and
          class scores, cell by cell of strides 8, 16 and 32, as it comes out of the head or decoded
          (in pixels); or `dets` [1, boxes, 5] and `labels`, as MMDeploy exports it. Input: BGR, 0 to
          255, the picture in the upper left corner of a grey square.
`yolov8`  Ultralytics' YOLOv8 and later: one output [1, 4 + classes, boxes], centre and size in pixels.
          Input: RGB from 0 to 1, the picture in the middle of a grey square.
`rtmdet`  RTMDet (Lyu et al., 2022) as MMDeploy exports it: `dets` [1, boxes, 5] of two corners and a
          score, and `labels` [1, boxes]. Input: BGR, less the mean over the deviation, as for yolox.

The first two are told apart by their shapes; `dets` and `labels` do not tell which normalisation they
want, so that kind has to be named. Persons are class 0 everywhere (COCO's order).
"""

from collections.abc import Callable, Mapping
from os import PathLike
from typing import Final, Literal

import cv2
import numpy as np
import torch
from jaxtyping import Float, Float32, Float64, Int64
from numpy import ndarray
from torch import Tensor

from lift3d.detection.crops import IMAGENET_MEAN, IMAGENET_STD
from lift3d.detection.onnx_model import Device, OnnxModel
from lift3d.errors import FileFormatError, InputError
from lift3d.pictures.theme import Picture

__all__ = ["OnnxPeople", "PeopleKind", "box_nms"]

PeopleKind = Literal["auto", "yolox", "yolov8", "rtmdet"]

_GREY: Final = 114
_STRIDES: Final = (8, 16, 32)
_OVERLAP: Final = 0.65
"""Boxes that share more of their union are one person."""
_PERSON: Final = 0
_BGR_MEAN: Final = np.array(IMAGENET_MEAN[::-1], dtype=np.float32)
_BGR_STD: Final = np.array(IMAGENET_STD[::-1], dtype=np.float32)


class OnnxPeople:
    """Boxes of people in a picture, the surest first, each with a score of at least `score`.

    Raises what `OnnxModel` does, and `InputError` for outputs of no kind that is known.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        kind: PeopleKind = "auto",
        score: float = 0.3,
        *,
        input_size: tuple[int, ...] | None = None,
        threads: int = 0,
        device: Device = "auto",
    ) -> None:
        if not 0 <= score < 1:
            raise InputError(f"expected a score from 0 to 1, got {score}: 0.3 is usual")
        self._model = OnnxModel(path, input_size, threads=threads, device=device)
        self._score = score
        self._kind = self._known_kind(kind)

    def __call__(
        self, picture: Picture
    ) -> tuple[Float[Tensor, "people 4"], Float[Tensor, " people"]]:
        """Boxes in pixels of the picture (first pixel, width, height), and their scores."""
        square, scale, corner = _in_square(picture, self._model.size, self._kind == "yolov8")
        outputs = self._model(self._normal(square)[None])
        corners, scores = self._read(outputs)
        kept = scores >= self._score
        corners, scores = corners[kept], scores[kept]
        chosen = box_nms(corners, scores, _OVERLAP)
        found = (corners[chosen] - np.array([*corner, *corner])) / scale
        limits = np.array([picture.shape[1], picture.shape[0]] * 2, dtype=np.float64)
        found = found.clip(0, limits)
        boxes = np.concatenate([found[:, :2], found[:, 2:] - found[:, :2]], -1)
        wide = (boxes[:, 2:] > 1).all(1)  # pixels
        return (
            torch.from_numpy(boxes[wide].astype(np.float32)),
            torch.from_numpy(scores[chosen][wide].astype(np.float32)),
        )

    def _normal(self, square: Picture) -> Float32[ndarray, "height width 3"]:
        values = square.astype(np.float32)
        if self._kind == "yolov8":
            return values / np.float32(255)
        bgr = values[..., ::-1]
        return bgr if self._kind == "yolox" else (bgr - _BGR_MEAN) / _BGR_STD

    def _read(
        self, outputs: list[Tensor]
    ) -> tuple[Float64[ndarray, "boxes 4"], Float64[ndarray, " boxes"]]:
        """Corners in pixels of the input, and scores of the class of persons."""
        arrays = [each[0].double().numpy() for each in outputs]
        dets = next((each for each in arrays if each.ndim == 2 and each.shape[1] == 5), None)
        if dets is not None and len(arrays) > 1:
            labels = next(each for each in arrays if each is not dets)
            persons = labels.reshape(-1)[: len(dets)] == _PERSON
            return dets[persons, :4], dets[persons, 4]
        readers: Mapping[str, Callable[..., tuple[ndarray, ndarray]]] = {
            "yolox": _yolox,
            "yolov8": _yolov8,
        }
        if self._kind not in readers or arrays[0].ndim != 2:
            raise InputError(
                f"expected dets [1, boxes, 5] and labels from '{self._model.path}', got outputs of "
                f"shapes {[list(each.shape) for each in outputs]}: name its kind"
            )
        return readers[self._kind](arrays[0], self._model.size)

    def _known_kind(self, kind: PeopleKind) -> PeopleKind:
        outputs = self._model(np.zeros((1, *self._model.size, 3), dtype=np.float32))
        if kind in ("yolox", "yolov8", "rtmdet"):
            return kind
        cells = sum(
            -(-self._model.size[0] // stride) * -(-self._model.size[1] // stride)
            for stride in _STRIDES
        )
        if len(outputs) == 1 and outputs[0].ndim == 3:
            rows, columns = outputs[0].shape[1:]
            if rows == cells and columns > 5:
                return "yolox"
            if columns == cells and rows > 4:
                return "yolov8"
        raise InputError(
            f"expected the kind of the person detector '{self._model.path}' (yolox, yolov8 or rtmdet), "
            f"got outputs of shapes {[list(each.shape) for each in outputs]}, which do not tell it: "
            "name it"
        )


def _in_square(
    picture: Picture, size: tuple[int, int], middle: bool
) -> tuple[Picture, float, tuple[float, float]]:
    """The picture in an input of (height, width) on grey; input = picture * scale + corner."""
    height, width = picture.shape[:2]
    scale = min(size[0] / height, size[1] / width)
    small = (max(1, round(width * scale)), max(1, round(height * scale)))
    resized = np.asarray(cv2.resize(picture, small, interpolation=cv2.INTER_LINEAR))
    left = (size[1] - small[0]) // 2 if middle else 0
    top = (size[0] - small[1]) // 2 if middle else 0
    out = np.full((*size, 3), _GREY, dtype=np.uint8)
    out[top : top + small[1], left : left + small[0]] = resized
    return out, scale, (float(left), float(top))


def _yolox(
    rows: Float64[ndarray, "cells numbers"], size: tuple[int, int]
) -> tuple[Float64[ndarray, "cells 4"], Float64[ndarray, " cells"]]:
    if rows.shape[1] < 6:
        raise FileFormatError(
            f"expected 5 numbers and the classes for each cell, got {rows.shape[1]}: name another kind"
        )
    centre, sides = rows[:, :2], rows[:, 2:4]
    if _is_raw(sides):
        first, stride = _cells(size)
        if len(first) != len(rows):
            raise FileFormatError(
                f"expected {len(first)} cells for an input of {size[0]} x {size[1]}, got {len(rows)}: "
                "give the size that the network was exported for"
            )
        centre, sides = (centre + first) * stride, np.exp(sides.clip(max=20)) * stride
    return _corners(centre, sides), rows[:, 4] * rows[:, 5 + _PERSON]


def _is_raw(sides: Float64[ndarray, "cells 2"]) -> bool:
    """Whether sizes are logarithms of strides: many are then negative, as no size in pixels is."""
    return bool((sides < 0).any())


def _cells(
    size: tuple[int, int],
) -> tuple[Float64[ndarray, "cells 2"], Float64[ndarray, "cells 1"]]:
    """x, y of each cell in cells, row by row of one stride after the other, and its stride."""
    places: list[ndarray] = []
    strides: list[ndarray] = []
    for stride in _STRIDES:
        ys, xs = np.mgrid[: -(-size[0] // stride), : -(-size[1] // stride)]
        places.append(np.stack([xs.ravel(), ys.ravel()], -1).astype(np.float64))
        strides.append(np.full((xs.size, 1), float(stride)))
    return np.concatenate(places), np.concatenate(strides)


def _yolov8(
    columns: Float64[ndarray, "numbers boxes"], _size: tuple[int, int]
) -> tuple[Float64[ndarray, "boxes 4"], Float64[ndarray, " boxes"]]:
    rows = columns.T
    return _corners(rows[:, :2], rows[:, 2:4]), rows[:, 4 + _PERSON]


def _corners(
    centre: Float64[ndarray, "boxes 2"], sides: Float64[ndarray, "boxes 2"]
) -> Float64[ndarray, "boxes 4"]:
    return np.concatenate([centre - sides / 2, centre + sides / 2], -1)


def box_nms(
    corners: Float64[ndarray, "boxes 4"], scores: Float64[ndarray, " boxes"], overlap: float
) -> Int64[ndarray, " kept"]:
    """Rows that stay, the surest first; boxes that share more than `overlap` of their union go."""
    left = np.argsort(-scores, kind="stable")
    areas = (corners[:, 2:] - corners[:, :2]).clip(0).prod(1)
    kept: list[int] = []
    while len(left):
        best, left = int(left[0]), left[1:]
        kept.append(best)
        low = np.maximum(corners[best, :2], corners[left, :2])
        high = np.minimum(corners[best, 2:], corners[left, 2:])
        shared = (high - low).clip(0).prod(1)
        union = areas[best] + areas[left] - shared
        left = left[shared <= overlap * np.maximum(union, 1e-9)]
    return np.array(kept, dtype=np.int64)
