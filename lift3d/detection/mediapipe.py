"""MediaPipe's pose landmarker, by its tasks API (BlazePose: Bazarevsky et al., 2020).

The package mediapipe (Apache 2.0) comes without the model: a `.task` file, whose path is given. Every
picture is looked at by itself (IMAGE mode), so that the same video gives the same answers wherever work
begins; `lift3d` follows people afterwards.
"""

from importlib import import_module
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.detected import DetectedPeople
from lift3d.detection.boxed import PointsAndScores, look_in_boxes
from lift3d.detection.by_picture import ByPicture
from lift3d.errors import FileFormatError, InputError, MissingDependencyError
from lift3d.pictures.theme import Picture
from lift3d.skeleton import Skeleton
from lift3d.skeletons import MEDIAPIPE_33

__all__ = ["MediapipeDetector"]


class MediapipeDetector(ByPicture):
    """33 keypoints of up to `people` people in each picture; their visibility is the confidence.

    `path` is a pose landmarker's `.task` file; `score` the least confidence in a person. Where boxes are
    given, each is cut out and looked at alone. Raises `MissingDependencyError` without mediapipe, and
    `FileFormatError` for a file that is no such model.
    """

    def __init__(self, path: str | PathLike[str], *, people: int = 4, score: float = 0.5) -> None:
        if people < 1 or not 0 <= score <= 1:
            raise InputError(
                f"expected at least 1 person and a score from 0 to 1, got {people} and {score}: "
                "correct them"
            )
        self._mediapipe: Any = _library()
        self._landmarker: Any = _opened(self._mediapipe, Path(path), people, score)

    @property
    def skeleton(self) -> Skeleton:
        """MediaPipe's 33 points."""
        return MEDIAPIPE_33

    def _look(self, picture: Picture, boxes: Float[Tensor, "people 4"] | None) -> DetectedPeople:
        return look_in_boxes(picture, boxes, self._find, MEDIAPIPE_33)

    def _find(self, picture: Picture) -> PointsAndScores:
        height, width = picture.shape[:2]
        data = np.ascontiguousarray(picture)
        image = self._mediapipe.Image(image_format=self._mediapipe.ImageFormat.SRGB, data=data)
        people = self._landmarker.detect(image).pose_landmarks
        # Landmarks are shares of width and height, from edge to edge.
        rows = [
            [(p.x * width - 0.5, p.y * height - 0.5, p.visibility or 0.0) for p in person]
            for person in people
        ]
        points = torch.tensor(rows, dtype=torch.float32).reshape(-1, len(MEDIAPIPE_33), 3)
        return points, points[..., 2].mean(-1)

    def close(self) -> None:
        """Let go of the model."""
        self._landmarker.close()


def _library() -> Any:
    try:
        return import_module("mediapipe")
    except (ImportError, OSError) as error:  # OSError: it lacks a library of the system
        raise MissingDependencyError(
            f"expected mediapipe for this detector, got {error}: pip install mediapipe"
        ) from error


def _opened(library: Any, path: Path, people: int, score: float) -> Any:
    if not path.is_file():
        raise FileFormatError(
            f"expected a pose landmarker (.task) at '{path}', got nothing there: download one from "
            "MediaPipe's pages and give its path"
        )
    tasks = library.tasks
    try:
        options = tasks.vision.PoseLandmarkerOptions(
            base_options=tasks.BaseOptions(model_asset_path=str(path)),
            num_poses=people,
            min_pose_detection_confidence=score,
        )
        return tasks.vision.PoseLandmarker.create_from_options(options)
    except (RuntimeError, ValueError, OSError) as error:
        raise FileFormatError(
            f"expected a pose landmarker (.task) in '{path}', got "
            f"{' '.join(str(error).split())[:200]}: give another"
        ) from error
