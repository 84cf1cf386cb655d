"""The heat maps that OpenPose writes (`--write_heatmaps`), as a picture or as a float dump.

Layouts read from CMU-Perceptual-Computing-Lab/openpose, doc/advanced/heatmap_output.md: joints, then
the background, then the fields, each as large as the network's input, whose right or bottom is padding
where the picture has other proportions. The page counts 67 maps for COCO; 18 + 1 + 2 x 19 are 57.

Picture: one grey row of maps, map k in the columns from k w to (k + 1) w; PNG is what OpenPose
writes by default, JPEG spoils the values. Float dump: float32 throughout, the number of axes, their
lengths, then the values; the page's snippet for it reads neither shape nor values.

`--heatmaps_scale` says what the numbers mean: 0 goes from -1 to 1, 1 from 0 to 1, 2 (OpenPose's
default, and the only one in pictures) are whole numbers up to 255, 3 is as the network gave them.
Fields, which go from -1 to 1, have their zero in the middle of the range.
"""

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import cv2
import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor

from lift3d.decoders.checks import readable
from lift3d.decoders.limbs import LIMB_MODELS, LimbModel
from lift3d.errors import FileFormatError, InputError

__all__ = ["HeatmapsScale", "OpenPoseMaps", "read_openpose_maps", "split_openpose_maps"]

HeatmapsScale = Literal[0, 1, 2, 3]

_MOST_BYTES: Final = 2**30
_MOST_PIXELS: Final = 2**27
"""78 maps of 1300 x 1300."""
_AXES: Final = 3


@dataclass(frozen=True, slots=True)
class OpenPoseMaps:
    """Heatmaps and background from 0 to 1, fields (x, y in turn) from -1 to 1."""

    joints: Float[Tensor, "joints height width"]
    background: Float[Tensor, "height width"]
    pafs: Float[Tensor, "fields height width"]


def read_openpose_maps(
    path: str | os.PathLike[str], model: LimbModel, heatmaps_scale: HeatmapsScale = 2
) -> OpenPoseMaps:
    """The maps in a file of either layout: `.float` is a float dump, anything else a picture.

    `heatmaps_scale` is the flag with which OpenPose wrote a float dump; pictures are always 2. Raises
    `FileFormatError` for a file that is missing, damaged, or of another model.
    """
    where = Path(path)
    stored = _read_dump(where) if where.suffix == ".float" else _read_picture(where, model)
    if stored.shape[0] != model.maps:
        raise FileFormatError(_wrong_count(stored.shape[0], model, f"'{where}'"))
    if not np.isfinite(stored).all():
        raise FileFormatError(f"expected finite heat maps in '{where}', got NaN: write it again")
    scale = heatmaps_scale if where.suffix == ".float" else 2
    if (scale == 2) != (np.abs(stored).max(initial=0) > 2):
        raise FileFormatError(
            f"expected the range of --heatmaps_scale {scale} in '{where}', got values from "
            f"{stored.min():g} to {stored.max():g}: say with which scale OpenPose wrote it"
        )
    return split_openpose_maps(torch.from_numpy(stored), model, scale)


def split_openpose_maps(
    maps: Float[Tensor, "maps height width"], model: LimbModel, heatmaps_scale: HeatmapsScale = 3
) -> OpenPoseMaps:
    """The maps of a network or file by kind: joints, background, fields, all in their true ranges.

    Raises `InputError` where their number is not the model's.
    """
    values = readable(maps, "maps height width", "OpenPose maps")
    if len(values) != model.maps:
        raise InputError(_wrong_count(len(values), model, "the network's output"))
    if heatmaps_scale not in (0, 1, 2, 3):
        raise InputError(
            f"expected a heatmaps_scale from 0 to 3, got {heatmaps_scale}: give OpenPose's flag"
        )
    joints = len(model.skeleton)
    parts, fields = values[: joints + 1], values[joints + 1 :]
    if heatmaps_scale == 2:
        parts, fields = parts / 255, fields / 127.5 - 1
    elif heatmaps_scale == 1:
        fields = 2 * fields - 1
    elif heatmaps_scale == 0:
        parts = (parts + 1) / 2
    return OpenPoseMaps(parts[:joints], parts[joints], fields)


def _wrong_count(found: int, model: LimbModel, where: str) -> str:
    other = next((m.skeleton.name for m in LIMB_MODELS if m.maps == found), None)
    do = f"these are {other}'s" if other else "write joints, background and fields together"
    return (
        f"expected {model.maps} maps of {model.skeleton.name} in {where} ({len(model.skeleton)} "
        f"joints, background, 2 x {len(model.pairs)} fields), got {found}: {do}"
    )


def _read_dump(path: Path) -> Float[ndarray, "maps height width"]:
    values = np.frombuffer(_content(path, 4), dtype="<f4")
    axes = values[0] if values.size else 0
    shape = values[1 : 1 + _AXES]
    whole = shape.size == _AXES and np.isfinite(shape).all() and (shape == np.floor(shape)).all()
    if axes != _AXES or not whole or (shape < 1).any():
        raise FileFormatError(
            f"expected a float dump of maps x height x width in '{path}', got {values[:4].tolist()} "
            "at its beginning: write it with --write_heatmaps_format float"
        )
    lengths = tuple(int(n) for n in shape)
    if math.prod(lengths) != values.size - 1 - _AXES:
        raise FileFormatError(
            f"expected {math.prod(lengths)} values in '{path}' as its beginning says, got "
            f"{values.size - 1 - _AXES}: copy it again, it is cut off or damaged"
        )
    return values[1 + _AXES :].reshape(lengths).copy()


def _is_hopeless_png(content: bytes) -> bool:
    """A PNG that claims more than it can hold, for which OpenCV would find the room first.

    The first part has width and height, at byte 16. Parts are a length, four letters, that many bytes
    and a check sum (PNG specification, section 5.3).
    """
    if not content.startswith(b"\x89PNG\r\n\x1a\n"):
        return False
    width, height = (int.from_bytes(content[at : at + 4], "big") for at in (16, 20))
    at = 8
    while at + 8 <= len(content):
        at += 12 + int.from_bytes(content[at : at + 4], "big")
    return at > len(content) or width * height > _MOST_PIXELS


def _read_picture(path: Path, model: LimbModel) -> Float[ndarray, "maps height width"]:
    content = _content(path, 1)
    try:
        data = np.frombuffer(b"" if _is_hopeless_png(content) else content, np.uint8)
        picture = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)
    except cv2.error:  # nothing in it, or more pixels than OpenCV unpacks
        picture = None
    if picture is None:
        raise FileFormatError(
            f"expected a picture in '{path}', got something else or damage: write it again"
        )
    height, width = picture.shape
    if width % model.maps:
        raise FileFormatError(
            f"expected a picture of {model.maps} maps side by side in '{path}' "
            f"({model.skeleton.name}), got {width} columns, which is no multiple: name the model "
            "that wrote it, with joints, background and fields"
        )
    side_by_side = picture.reshape(height, model.maps, width // model.maps)
    return np.ascontiguousarray(side_by_side.transpose(1, 0, 2), dtype=np.float32)


def _content(path: Path, unit: int) -> bytes:
    try:
        size = path.stat().st_size
        if size > _MOST_BYTES or size % unit or not path.is_file():
            raise FileFormatError(
                f"expected heat maps of one picture in '{path}', got {size} bytes that are not: "
                "name a file of OpenPose's --write_heatmaps"
            )
        return path.read_bytes()
    except OSError as error:
        raise FileFormatError(
            f"expected a file of heat maps, got '{path}' ({error.strerror or error}): check the name"
        ) from error
