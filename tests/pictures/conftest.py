"""A small lifted clip, and a viewer that needs no GL."""

import importlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lift3d.camera import Camera
from lift3d.clip import Clip, Person
from lift3d.motion import Motion
from lift3d.pose import Pose2D, Pose3D
from lift3d.skeletons import COCO_17, SMPL_24


@pytest.fixture(scope="session")
def capsules() -> Any:
    """The module with the stand-in body."""
    folder = str(Path(__file__).parents[1] / "helpers")
    if folder not in sys.path:
        sys.path.insert(0, folder)
    return importlib.import_module("capsule_body")


@pytest.fixture(scope="session")
def body(capsules) -> Any:
    return capsules.CapsuleBody(torch.float32)


@pytest.fixture(scope="session")
def clip_of(capsules, body) -> Any:
    """Makes a clip of walkers side by side; `unseen` maps a person to frames without them."""

    def make(frames=8, people=1, unseen=None, with_body=True, standing=False) -> Clip:
        camera = Camera.default((640, 480))
        made = []
        for number in range(people):
            params = capsules.walk(frames, torch.float32)
            params.transl[:, 0] += 0.8 * number
            if standing:
                params.body_pose[:] = 0
            joints = body.joints(params)
            seen = torch.ones(frames, dtype=torch.bool)
            seen[list((unseen or {}).get(number, ()))] = False
            joints[~seen] = torch.nan
            keypoints = Pose2D.from_detections(
                camera.project(joints), torch.full((frames, 24), 0.9), SMPL_24, (640, 480)
            ).to(COCO_17)
            made.append(
                Person(
                    Motion(keypoints, 30.0, number, seen),
                    Motion(Pose3D.certain(joints, SMPL_24, "camera"), 30.0, number, seen),
                    params if with_body else None,
                )
            )
        return Clip(tuple(made), camera, 30.0, 0, "capsule" if with_body else "")

    return make


class DottingViewer:
    """Obeys the Viewer protocol by painting each vertex as one pixel in its colour."""

    def __init__(self) -> None:
        self.calls: list[tuple[int, Camera]] = []

    def render(self, meshes, colors, camera, background=None):
        self.calls.append((len(meshes), camera))
        height, width = camera.image_size
        rgb = np.zeros((height, width, 3), np.uint8) if background is None else background.copy()
        mask = np.zeros((height, width), bool)
        for mesh, color in zip(meshes, colors, strict=True):
            x, y = camera.project(mesh.vertices.float()).round().long().T.numpy()
            inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
            mask[y[inside], x[inside]] = True
            rgb[y[inside], x[inside]] = (color.numpy()[inside] * 255).astype(np.uint8)
        return rgb, mask

    def close(self) -> None:
        pass


@pytest.fixture
def dots() -> DottingViewer:
    return DottingViewer()
