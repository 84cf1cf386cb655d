"""Fixtures for tests that draw: a viewer where the machine has one, and a small body."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from lift3d.body import BodyMesh
from lift3d.errors import MissingDependencyError
from lift3d.skeleton import Skeleton
from lift3d_viewer.offscreen import OffscreenViewer


@pytest.fixture(scope="session")
def capsules() -> Any:
    """The module with the stand-in body."""
    folder = str(Path(__file__).parents[1] / "helpers")
    if folder not in sys.path:
        sys.path.insert(0, folder)
    return importlib.import_module("capsule_body")


@pytest.fixture
def viewer() -> Iterator[OffscreenViewer]:
    try:
        made = OffscreenViewer()
    except MissingDependencyError as error:
        pytest.skip(f"no off-screen GL on this machine: {error}")
    yield made
    made.close()


@pytest.fixture(scope="session")
def mesh_of() -> Any:
    """Makes a mesh of vertices and faces without joints."""

    def make(vertices: Any, faces: Any) -> BodyMesh:
        points = torch.as_tensor(vertices, dtype=torch.float64)
        point = Skeleton("point", ("root",), (-1,))
        return BodyMesh(points, points[:1], torch.as_tensor(faces, dtype=torch.int64), point)

    return make
