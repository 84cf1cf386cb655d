"""torchvision's keypoint R-CNN with a ResNet-50 (He et al., Mask R-CNN, ICCV 2017; BSD 3-Clause).

torchvision comes without weights and downloads them on demand, which is not asked for here: `path` is
the file of weights (`keypointrcnn_resnet50_fpn_coco-*.pth`, or the same tensors as .safetensors), read
without running what it holds. Keypoints are COCO's 17; their confidence is the peak's height (a logit)
through a logistic function.
"""

from collections.abc import Mapping
from importlib import import_module
from os import PathLike
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import torch
from jaxtyping import Float
from safetensors import SafetensorError, safe_open
from torch import Tensor

from lift3d.detected import DetectedPeople
from lift3d.detection.boxed import PointsAndScores, look_in_boxes
from lift3d.detection.by_picture import ByPicture
from lift3d.errors import FileFormatError, InputError, MissingDependencyError
from lift3d.io.files.safe_torch import read_torch_tensors
from lift3d.pictures.theme import Picture
from lift3d.skeleton import Skeleton
from lift3d.skeletons import COCO_17

__all__ = ["TorchvisionDetector"]

_PERSON: Final = 1


class TorchvisionDetector(ByPicture):
    """COCO's 17 keypoints of everybody of a score of at least `score`; each picture by itself.

    Where boxes are given, each is cut out and looked at alone. Raises `MissingDependencyError` without
    torchvision, and `FileFormatError` for weights of another network.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        *,
        score: float = 0.7,
        device: Literal["cpu", "cuda"] = "cpu",
    ) -> None:
        if not 0 <= score < 1:
            raise InputError(f"expected a score from 0 to 1, got {score}: 0.7 is usual")
        self._score, self._device = score, device
        weights = _weights(Path(path))
        self._network: Any = _network()
        try:
            self._network.load_state_dict(weights)
        except RuntimeError as error:
            raise FileFormatError(
                f"expected weights of keypointrcnn_resnet50_fpn in '{Path(path)}', got those of "
                f"another network ({' '.join(str(error).split())[:120]}): give its own"
            ) from error
        self._network.eval().to(device)

    @property
    def skeleton(self) -> Skeleton:
        """COCO's 17 points."""
        return COCO_17

    def _look(self, picture: Picture, boxes: Float[Tensor, "people 4"] | None) -> DetectedPeople:
        return look_in_boxes(picture, boxes, self._find, COCO_17)

    @torch.inference_mode()
    def _find(self, picture: Picture) -> PointsAndScores:
        pixels = torch.from_numpy(np.ascontiguousarray(picture)).to(self._device)
        answer = self._network([pixels.permute(2, 0, 1).float() / 255])[0]
        kept = (answer["scores"] >= self._score) & (answer["labels"] == _PERSON)
        # torchvision counts the middle of the first pixel as 0.5.
        places = answer["keypoints"][kept][..., :2] - 0.5
        sure = answer["keypoints_scores"][kept].sigmoid()
        points = torch.cat([places, sure[..., None]], -1)
        return points.cpu().clone(), answer["scores"][kept].cpu().clone()


def _network() -> Any:
    try:
        models = import_module("torchvision.models.detection")
    except (ImportError, RuntimeError) as error:  # RuntimeError: made for another torch
        raise MissingDependencyError(
            f"expected torchvision for this detector, got {error}: pip install torchvision, in the "
            "version that belongs to torch"
        ) from error
    return models.keypointrcnn_resnet50_fpn(weights=None, weights_backbone=None)


def _weights(path: Path) -> Mapping[str, Tensor]:
    if not path.is_file():
        raise FileFormatError(
            f"expected weights of keypointrcnn_resnet50_fpn at '{path}', got nothing there: download "
            "them from torchvision's pages and give their path"
        )
    if path.suffix.lower() == ".safetensors":
        return _safetensors(path)
    try:
        found = read_torch_tensors(path)
    except FileFormatError as error:
        raise FileFormatError(
            f"expected tensors saved by torch 1.6 or later in '{path}', got another file ({error}): "
            "save them again, as .safetensors say"
        ) from error
    if not isinstance(found, Mapping):
        raise FileFormatError(
            f"expected named tensors in '{path}', got {type(found).__name__}: give the network's weights"
        )
    return {
        str(name): torch.from_numpy(np.array(each))
        for name, each in found.items()
        if isinstance(each, np.ndarray)
    }


def _safetensors(path: Path) -> Mapping[str, Tensor]:
    try:
        with safe_open(path, "pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise FileFormatError(
            f"expected weights in '{path}', got {error}: give another file"
        ) from error
