"""A small body without a mesh: hand-placed joints and landmarks, random but fixed shape directions."""

import pytest
import torch

from lift3d.body import Articulation
from lift3d.skeletons import SMPL_24

# Rest places in metres of the joints on the left and in the middle; the right side mirrors them.
_JOINTS = {
    "pelvis": (0.0, 0.0, 0.0),
    "left_hip": (0.09, -0.06, 0.0),
    "spine1": (0.0, 0.1, -0.02),
    "left_knee": (0.10, -0.46, 0.0),
    "spine2": (0.0, 0.23, 0.0),
    "left_ankle": (0.10, -0.88, -0.03),
    "spine3": (0.0, 0.3, 0.02),
    "left_foot": (0.11, -0.93, 0.1),
    "neck": (0.0, 0.5, -0.02),
    "left_collar": (0.07, 0.42, 0.0),
    "head": (0.0, 0.6, 0.0),
    "left_shoulder": (0.18, 0.45, 0.0),
    "left_elbow": (0.44, 0.45, 0.0),
    "left_wrist": (0.69, 0.45, 0.0),
    "left_hand": (0.77, 0.45, 0.0),
}
_LANDMARKS = {
    "nose": ("head", (0.0, 0.65, 0.12)),
    "left_ear": ("head", (0.08, 0.66, 0.0)),
    "right_ear": ("head", (-0.08, 0.66, 0.0)),
    "left_big_toe": ("left_foot", (0.1, -0.95, 0.18)),
    "right_big_toe": ("right_foot", (-0.1, -0.95, 0.18)),
    "left_heel": ("left_ankle", (0.1, -0.95, -0.08)),
    "right_heel": ("right_ankle", (-0.1, -0.95, -0.08)),
}


def _rest(name: str) -> tuple[float, float, float]:
    x, y, z = _JOINTS[name.replace("right_", "left_")]
    return (-x if name.startswith("right_") else x), y, z


@pytest.fixture
def articulation() -> Articulation:
    double = torch.float64
    random = torch.Generator().manual_seed(3)
    return Articulation(
        SMPL_24,
        torch.tensor([_rest(name) for name in SMPL_24.joints], dtype=double),
        torch.randn(24, 3, 10, dtype=double, generator=random) * 0.01,
        tuple(_LANDMARKS),
        tuple(SMPL_24.index(joint) for joint, _ in _LANDMARKS.values()),
        torch.tensor([place for _, place in _LANDMARKS.values()], dtype=double),
        torch.randn(7, 3, 10, dtype=double, generator=random) * 0.01,
    )
