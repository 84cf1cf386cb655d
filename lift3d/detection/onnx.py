"""Any top-down network in an ONNX file: heatmaps (HRNet, ViTPose, Simple Baselines) or SimCC (RTMPose).

The file tells the size of its input and whether channels come first; what comes out tells whether it
is read as heatmaps [people, joints, height, width] or as two classifications [people, joints, bins].
It does not tell the order of the joints, so the layout has to be named: 17 outputs may be COCO's or
Human3.6M's. Files are run by ONNX Runtime, which runs no code of theirs.
"""

from dataclasses import dataclass
from os import PathLike
from typing import Final

import numpy as np
from jaxtyping import Float, UInt8
from numpy import ndarray
from torch import Tensor

from lift3d.decoders import (
    Grid,
    HeatmapMode,
    decode_heatmaps,
    decode_simcc,
    merge_flipped,
    merge_flipped_simcc,
)
from lift3d.detected import DetectedPeople
from lift3d.detection.by_picture import ByPicture
from lift3d.detection.crops import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    Channels,
    CropRule,
    Normalisation,
)
from lift3d.detection.onnx_model import Device, OnnxModel
from lift3d.detection.onnx_people import OnnxPeople, PeopleKind
from lift3d.detection.top_down import Answer, box_of_all, look_at
from lift3d.errors import InputError, SkeletonError
from lift3d.pictures.theme import Picture
from lift3d.skeleton import Skeleton
from lift3d.skeletons import SKELETONS, skeleton_named

__all__ = ["OnnxDetector", "OnnxOptions"]

_SIMCC_AXES: Final = 3
_HEATMAP_AXES: Final = 4


@dataclass(frozen=True, slots=True)
class OnnxOptions:
    """How a network wants its pictures, and how it is read.

    `mean`, `std`, `channels`, `padding` and `grid` are those of the network's training; `input_size`
    (height, width) is for files that take any. `decode` reads heatmaps. `flip` looks at the mirror image
    as well and takes the mean. `people_kind` and `people_score` are for the network that finds people
    (`OnnxPeople`); `threads` 0 is as many as there are cores.
    """

    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD
    channels: Channels = "rgb"
    input_size: tuple[int, ...] | None = None
    padding: float = 1.25
    grid: Grid = "multiple"
    decode: HeatmapMode = "dark"
    flip: bool = False
    people_kind: PeopleKind = "auto"
    people_score: float = 0.3
    threads: int = 0
    device: Device = "auto"


_USUAL: Final = OnnxOptions()


class OnnxDetector(ByPicture):
    """Keypoints by a network of `path`, of people in boxes that are given, found, or the whole picture.

    `skeleton` is the layout of what comes out. `people` is the file of a network that finds people.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        skeleton: str | Skeleton | None = None,
        *,
        people: str | PathLike[str] | None = None,
        options: OnnxOptions = _USUAL,
    ) -> None:
        threads, device = options.threads, options.device
        self._model = OnnxModel(path, options.input_size, threads=threads, device=device)
        self._skeleton = self._named(skeleton)
        self._rule = CropRule(self._model.size, options.padding, options.grid)
        self._normal = Normalisation(options.mean, options.std, options.channels)
        self._decode: HeatmapMode = options.decode
        self._flip = options.flip
        kind, score = options.people_kind, options.people_score
        self._people = (
            OnnxPeople(people, kind, score, threads=threads, device=device)
            if people is not None
            else None
        )
        self._network(np.zeros((1, *self._model.size, 3), dtype=np.uint8))  # fails now or never

    @property
    def skeleton(self) -> Skeleton:
        """The layout of the keypoints that come out."""
        return self._skeleton

    @property
    def finds_people(self) -> bool:
        """Whether it came with a network that does."""
        return self._people is not None

    def _look(self, picture: Picture, boxes: Float[Tensor, "people 4"] | None) -> DetectedPeople:
        scores: Tensor | None = None
        if boxes is None and self._people is not None:
            boxes, scores = self._people(picture)
        where = box_of_all(picture) if boxes is None else boxes
        return look_at(picture, where, self._rule, self._network, self._skeleton, scores)

    def _network(self, crops: UInt8[ndarray, "people height width 3"]) -> Answer:
        """Keypoints of crops, of both mirror images where that is asked for."""
        outputs = self._run(crops)
        mirrored = self._run(crops[:, :, ::-1]) if self._flip else None
        return self._of_maps(outputs, mirrored) or self._of_bins(outputs, mirrored)

    def _run(self, crops: UInt8[ndarray, "people height width 3"]) -> list[Tensor]:
        if self._model.takes_whole_numbers:
            ordered = crops if self._normal.channels == "rgb" else crops[..., ::-1]
            return self._model(ordered.astype(np.float32))
        return self._model(self._normal(crops))

    def _of_maps(self, outputs: list[Tensor], mirrored: list[Tensor] | None) -> Answer | None:
        joints = len(self._skeleton)
        for number, output in enumerate(outputs):
            axis = _axis_of_joints(output, joints)
            if axis is None:
                continue
            maps = output.movedim(axis, 1)
            if mirrored is not None:
                other = mirrored[number].movedim(axis, 1)
                shift = self._rule.grid == "multiple"
                maps = merge_flipped(maps, other, self._skeleton, shift=shift)
            return Answer(decode_heatmaps(maps, self._decode), (maps.shape[2], maps.shape[3]))
        return None

    def _of_bins(self, outputs: list[Tensor], mirrored: list[Tensor] | None) -> Answer:
        pair = self._pair(outputs)
        columns, rows = (outputs[at] for at in pair)
        if mirrored is not None:
            per_pixel = round(columns.shape[-1] / self._rule.size[1])
            shift = max(0, per_pixel - 1) if self._rule.grid == "multiple" else 0
            other = (mirrored[pair[0]], mirrored[pair[1]])
            columns, rows = merge_flipped_simcc(columns, rows, other, self._skeleton, shift=shift)
        return Answer(decode_simcc(columns, rows), (rows.shape[-1], columns.shape[-1]))

    def _pair(self, outputs: list[Tensor]) -> tuple[int, int]:
        """Which outputs are columns and rows: as many bins to a pixel on both axes."""
        joints, (height, width) = len(self._skeleton), self._rule.size
        bins = [
            at
            for at, each in enumerate(outputs)
            if each.ndim == _SIMCC_AXES and each.shape[1] == joints
        ]
        if len(bins) != 2:
            raise SkeletonError(
                f"expected heatmaps or two classifications of {joints} keypoints "
                f"('{self._skeleton.name}') from '{self._model.path}', got outputs of shapes "
                f"{[list(each.shape) for each in outputs]}: name the layout that it was trained on"
            )
        one, other = bins
        straight = outputs[one].shape[-1] * height == outputs[other].shape[-1] * width
        crossed = outputs[other].shape[-1] * height == outputs[one].shape[-1] * width
        if not (straight or crossed):
            raise InputError(
                f"expected as many bins to a pixel in columns and rows from '{self._model.path}', got "
                f"{outputs[one].shape[-1]} and {outputs[other].shape[-1]} for an input of {height} x "
                f"{width}: give the network's outputs as they are"
            )
        if straight and crossed:  # a square input: their names tell, otherwise columns come first
            crossed = self._model.output_names[one].lower().endswith("y")
            straight = not crossed
        return (one, other) if straight else (other, one)

    def _named(self, skeleton: str | Skeleton | None) -> Skeleton:
        if isinstance(skeleton, Skeleton):
            return skeleton
        if skeleton is not None:
            return skeleton_named(skeleton)
        counts = {
            shape[1]
            for shape in self._model.output_shapes
            if len(shape) in (_SIMCC_AXES, _HEATMAP_AXES)
        }
        likely = [name for name, layout in SKELETONS.items() if len(layout) in counts]
        raise SkeletonError(
            f"expected the layout of the keypoints of '{self._model.path}', got none, and their number "
            f"does not tell: name it ({', '.join(likely) or 'see lift3d list'})"
        )


def _axis_of_joints(output: Tensor, joints: int) -> int | None:
    """Where heatmaps have their joints; None for outputs that are no heatmaps of so many."""
    if output.ndim != _HEATMAP_AXES:
        return None
    return next((axis for axis in (1, 3) if output.shape[axis] == joints), None)
