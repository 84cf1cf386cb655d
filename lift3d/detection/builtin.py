"""`BuiltinDetector`: keypoints and a surface map of each person, with weights that come along.

One small network (`lift3d.surface.small_net`) looks at one person at a time; it was trained on painted
pictures only, and its card says how far it can be trusted. It finds no people by itself: without boxes
the whole picture counts as one person's box.
"""

from functools import lru_cache
from importlib.resources import as_file, files
from os import PathLike
from typing import Final

import torch
from jaxtyping import Float, UInt8
from numpy import ndarray
from torch import Tensor

from lift3d.detected import DetectedPeople
from lift3d.detection.by_picture import ByPicture
from lift3d.detection.crops import CropRule, check_boxes, crops_of, cut_crops
from lift3d.detection.top_down import Answer, box_of_all, look_at
from lift3d.errors import InputError
from lift3d.pictures.theme import Picture
from lift3d.skeleton import Skeleton
from lift3d.skeletons import HALPE_26
from lift3d.surface.small_net import (
    PARTS,
    SmallNet,
    SmallNetOutput,
    chances,
    folded,
    load_small_net,
    read_keypoints,
)
from lift3d.surface.surface_map import SurfaceMap

__all__ = ["RULE", "BuiltinDetector"]

RULE: Final = CropRule((256, 192), padding=1.25, grid="half_pixel", smooth=True)
"""How people are cut out, as in the pictures that it learned from."""

_AT_ONCE: Final = 16


class BuiltinDetector(ByPicture):
    """Pictures -> `HALPE_26` keypoints. `flip` looks at each crop in a mirror too, at twice the time.

    `weights` is a file that `scripts/train_builtin_detector` wrote; by default the shipped one. A
    confidence is the probability that the keypoint is where it is said to be. Raises
    `FileFormatError` for other files.
    """

    def __init__(self, *, weights: str | PathLike[str] | None = None, flip: bool = False) -> None:
        self._network = _shipped() if weights is None else folded(load_small_net(weights))
        self.flip = flip
        if self._network.config.keypoints != len(HALPE_26):
            raise InputError(
                f"expected weights for {len(HALPE_26)} keypoints (halpe_26), got "
                f"{self._network.config.keypoints}: train with that layout"
            )

    @property
    def skeleton(self) -> Skeleton:
        return HALPE_26

    @property
    def finds_people(self) -> bool:
        """It looks at one person at a time, where it is told to."""
        return False

    def _look(self, picture: Picture, boxes: Float[Tensor, "people 4"] | None) -> DetectedPeople:
        """One person in each box, or one in the whole picture."""
        where = box_of_all(picture) if boxes is None else boxes
        return look_at(picture, where, RULE, self._answer, HALPE_26)

    def surface_maps(
        self,
        picture: UInt8[ndarray, "height width 3"],
        boxes: Float[Tensor, "people 4"] | None = None,
    ) -> list[SurfaceMap]:
        """Part, U and V (of `lift3d.surface.atlas`) of the person in each box of one picture.

        The grid is a fourth of the crop's pixels. Raises `InputError` for boxes without pixels.
        """
        boxes = box_of_all(picture) if boxes is None else boxes
        check_boxes(boxes)
        crops = crops_of(boxes, RULE)
        size = (picture.shape[0], picture.shape[1])
        maps: list[SurfaceMap] = []
        cut = cut_crops(picture, crops, RULE)
        for start in range(0, len(cut), _AT_ONCE):
            output = self.look(cut[start : start + _AT_ONCE])
            shares = output.parts.softmax(1)
            parts = shares.argmax(1)
            own = (parts - 1).clamp(min=0)[:, None]
            uv = torch.cat(
                [output.uv[:, :PARTS].gather(1, own), output.uv[:, PARTS:].gather(1, own)], 1
            )
            for part, both, share, crop in zip(
                parts, uv, shares.amax(1), crops[start:], strict=False
            ):
                score = float(share[part > 0].mean()) if bool((part > 0).any()) else 0.0
                maps.append(SurfaceMap(part, both.clamp(0, 1), crop.float(), size, score))
        return maps

    def _answer(self, crops: UInt8[ndarray, "people height width 3"]) -> Answer:
        found: list[Tensor] = []
        for start in range(0, len(crops), _AT_ONCE):
            some = crops[start : start + _AT_ONCE]
            chance = chances(self.look(some))
            if self.flip:
                mirrored = chances(self.look(some[:, :, ::-1].copy()))
                chance = (chance + mirrored.flip(3)[:, list(HALPE_26.flip_permutation)]) / 2
            places, sure = read_keypoints(chance)
            found.append(torch.cat([places, sure[..., None]], -1))
        return Answer(torch.cat(found), RULE.size)

    def look(self, crops: UInt8[ndarray, "people height width 3"]) -> SmallNetOutput:
        """The network's maps of crops of 256 x 192 pixels (display RGB)."""
        pictures = torch.from_numpy(crops).permute(0, 3, 1, 2).float() / 255
        ready = pictures.contiguous(memory_format=torch.channels_last)
        with torch.inference_mode():
            return SmallNetOutput(*self._network(ready))

    def export_onnx(self, path: str | PathLike[str]) -> None:
        """Write the network as ONNX: crops [people 3 256 192] in [0, 1] to its four kinds of maps.

        Raises `MissingDependencyError` without the package onnx.
        """
        from lift3d.networks.onnx_export import export_network

        export_network(self._network, path, RULE.size)


@lru_cache(maxsize=1)
def _shipped() -> SmallNet:
    """The network of the weights in the package, read once."""
    with as_file(files("lift3d.detection") / "weights" / "builtin.safetensors") as path:
        return folded(load_small_net(path))
