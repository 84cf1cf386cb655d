"""RTMPose and its relatives as the package rtmlib runs them (Jiang et al., RTMPose, 2023).

rtmlib (Apache 2.0) brings pre- and post-processing and no weights; given addresses it downloads them,
which this adapter does not ask for: both networks are files. `onnx` runs the same files without rtmlib;
this is for people whose pipelines stand on it, and for what it reads beyond (RTMO, ViTPose).
"""

from importlib import import_module
from os import PathLike
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.detected import DetectedPeople
from lift3d.detection.by_picture import ByPicture
from lift3d.detection.top_down import box_of_all
from lift3d.errors import FileFormatError, InputError, MissingDependencyError, SkeletonError
from lift3d.pictures.theme import Picture
from lift3d.skeleton import Skeleton
from lift3d.skeletons import skeleton_named

__all__ = ["RtmlibDetector"]

RtmlibPose = Literal["RTMPose", "ViTPose"]
RtmlibPeople = Literal["YOLOX", "RTMDet"]

_CORNERS: Final = 4


class RtmlibDetector(ByPicture):
    """Keypoints by rtmlib's `RTMPose` or `ViTPose` from the file `pose`, of people found by `people`.

    `skeleton` is the layout of the pose network: coco_17, halpe_26, coco_wholebody_133, ... Sizes are
    (height, width) of the inputs. Without `people`, boxes are given, or it takes the whole picture.
    Raises `MissingDependencyError` without rtmlib and `FileFormatError` for files that are not there.
    """

    def __init__(
        self,
        pose: str | PathLike[str],
        skeleton: str | Skeleton,
        *,
        people: str | PathLike[str] | None = None,
        pose_kind: RtmlibPose = "RTMPose",
        people_kind: RtmlibPeople = "YOLOX",
        input_size: tuple[int, ...] = (256, 192),
        people_size: tuple[int, ...] = (640, 640),
        device: str = "cpu",
    ) -> None:
        self._skeleton = skeleton_named(skeleton) if isinstance(skeleton, str) else skeleton
        library = _rtmlib()
        self._pose: Any = _tool(library, pose_kind, pose, input_size, device)
        self._people: Any = (
            _tool(library, people_kind, people, people_size, device) if people is not None else None
        )

    @property
    def skeleton(self) -> Skeleton:
        """The layout of the keypoints that come out."""
        return self._skeleton

    @property
    def finds_people(self) -> bool:
        """Whether it came with a network that does."""
        return self._people is not None

    def _look(self, picture: Picture, boxes: Float[Tensor, "people 4"] | None) -> DetectedPeople:
        size = (picture.shape[0], picture.shape[1])
        bgr = np.ascontiguousarray(picture[..., ::-1])  # rtmlib takes pictures as OpenCV reads them
        where = self._where(picture, bgr) if boxes is None else boxes
        if not len(where):  # rtmlib would look at the whole picture
            return DetectedPeople.nobody(self._skeleton, size)
        corners = torch.cat([where[:, :2], where[:, :2] + where[:, 2:]], -1)
        keypoints, scores = self._pose(bgr, bboxes=corners.tolist())
        points = np.concatenate([keypoints, np.asarray(scores)[..., None]], -1)
        if points.shape[1:] != (len(self._skeleton), 3):
            raise SkeletonError(
                f"expected {len(self._skeleton)} keypoints ('{self._skeleton.name}') from the network, "
                f"got {points.shape[1]}: name the layout that it was trained on"
            )
        found = torch.from_numpy(points.astype(np.float32))
        return DetectedPeople.from_points(found, self._skeleton, size, where)

    def _where(self, picture: Picture, bgr: Picture) -> Float[Tensor, "people 4"]:
        if self._people is None:
            return box_of_all(picture)
        found = np.asarray(self._people(bgr), dtype=np.float32)
        corners = torch.from_numpy(found.reshape(-1, found.shape[-1] if found.ndim > 1 else 4))
        low, high = corners[:, :2], corners[:, 2:_CORNERS]
        boxes = torch.cat([low, high - low], -1)
        return boxes[(boxes[:, 2:] > 0).all(-1)]


def _rtmlib() -> Any:
    try:
        return import_module("rtmlib")
    except ImportError as error:
        raise MissingDependencyError(
            f"expected rtmlib for this detector, got {error}: pip install rtmlib"
        ) from error


def _tool(
    library: Any, kind: str, path: str | PathLike[str], size: tuple[int, ...], device: str
) -> Any:
    if not Path(path).is_file():
        raise FileFormatError(
            f"expected a network (.onnx) for rtmlib at '{Path(path)}', got nothing there: download it "
            "first and give its path"
        )
    if len(size) != 2:
        raise InputError(f"expected a size as height,width, got {size}: give two numbers")
    try:
        # rtmlib's sizes are (width, height).
        return getattr(library, kind)(
            str(path), model_input_size=(size[1], size[0]), backend="onnxruntime", device=device
        )
    except Exception as error:  # ONNX Runtime's exceptions have no common class
        raise FileFormatError(
            f"expected a network that rtmlib's {kind} runs in '{Path(path)}', got "
            f"{' '.join(str(error).split())[:200]}: give another"
        ) from error
