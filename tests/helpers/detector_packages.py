"""Stand-ins for packages of detectors that are not installed: everybody is where a box is brightest."""

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

__all__ = ["PACKAGES", "ready"]


def _brightest(picture: np.ndarray) -> tuple[float, float]:
    """Column and row of the brightest pixel."""
    row, column = np.unravel_index(picture.sum(-1).argmax(), picture.shape[:2])
    return float(column), float(row)


class _Landmarker:
    def detect(self, image: SimpleNamespace) -> SimpleNamespace:
        height, width = image.data.shape[:2]
        x, y = _brightest(image.data)
        mark = SimpleNamespace(x=(x + 0.5) / width, y=(y + 0.5) / height, visibility=0.9)
        return SimpleNamespace(pose_landmarks=[[mark] * 33] if height > 40 else [])


class _Pose:
    def __init__(self, *_: object, **__: object) -> None: ...

    def __call__(
        self, picture: np.ndarray, bboxes: list[list[float]]
    ) -> tuple[np.ndarray, np.ndarray]:
        at = [_brightest(picture) for _ in bboxes]
        return np.repeat(np.array(at)[:, None], 17, 1), np.ones((len(bboxes), 17))


class _KeypointRcnn(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.bias = torch.nn.Parameter(torch.zeros(2))

    def forward(self, pictures: list[torch.Tensor]) -> list[dict[str, torch.Tensor]]:
        at = torch.tensor([*_brightest(pictures[0].permute(1, 2, 0).numpy()), 1.0])
        return [
            {
                "scores": torch.tensor([0.9]),
                "labels": torch.tensor([1]),
                "keypoints": at.expand(1, 17, 3),
                "keypoints_scores": torch.zeros(1, 17),
            }
        ]


def _mediapipe() -> dict[str, object]:
    vision = SimpleNamespace(
        PoseLandmarkerOptions=SimpleNamespace,
        PoseLandmarker=SimpleNamespace(create_from_options=lambda _options: _Landmarker()),
    )
    return {
        "Image": SimpleNamespace,
        "ImageFormat": SimpleNamespace(SRGB=1),
        "tasks": SimpleNamespace(BaseOptions=SimpleNamespace, vision=vision),
    }


PACKAGES = ("mediapipe", "rtmlib", "torchvision")


def ready(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """Put a stand-in where the package would be, and give the options of its detector."""
    members: dict[str, dict[str, object]] = {
        "mediapipe": {"mediapipe": _mediapipe()},
        "rtmlib": {"rtmlib": {"RTMPose": _Pose}},
        "torchvision": {
            "torchvision": {},
            "torchvision.models": {},
            "torchvision.models.detection": {
                "keypointrcnn_resnet50_fpn": lambda **_: _KeypointRcnn()
            },
        },
    }[name]
    for package, contents in members.items():
        module = ModuleType(package)
        vars(module).update(contents)
        monkeypatch.setitem(sys.modules, package, module)
    weights = folder / "weights.safetensors"
    save_file({"bias": torch.ones(2)}, weights)
    return {"pose": weights, "skeleton": "coco_17"} if name == "rtmlib" else {"path": weights}
