"""Draw the default body in telling poses and shapes from three sides, as one picture.

    python scripts/look_at_body.py body.png

A body cannot be judged by numbers: look for collapsed shoulders, candy-wrapped wrists, flat knees
in the squat, and ragged clothes after every change to `build_default_body.py`.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lift3d.body import BodyParams
from lift3d.camera import Camera
from lift3d.pictures import write_png
from lift3d.skeletons import SMPL_24
from lift3d_body_models import DefaultBody
from lift3d_viewer.offscreen import OffscreenViewer

SIZE = (320, 320)
DISTANCE = 5.7
HEIGHT = 0.02
TURNS = (0.0, math.pi / 2, math.pi)

# Rotations of the left side as axis-angle; the right side mirrors them.
POSES: dict[str, dict[str, tuple[float, float, float]]] = {
    "t_pose": {},
    "arms_down": {"shoulder": (0.0, 0.0, -1.3), "collar": (0.0, 0.0, -0.08)},
    "arms_up": {"shoulder": (0.0, 0.0, 1.2), "collar": (0.0, 0.0, 0.3)},
    "squat": {"hip": (-2.0, -0.3, 0.3), "knee": (2.2, 0.0, 0.0), "ankle": (-0.5, 0.0, 0.0)},
    "sit": {"hip": (-1.55, 0.0, 0.1), "knee": (1.5, 0.0, 0.0), "elbow": (0.0, -1.2, 0.0)},
    "twist": {"wrist": (1.57, 0.0, 0.0), "shoulder": (-0.9, 0.0, 0.0)},
}


def axis_angle(pose: dict[str, tuple[float, float, float]]) -> Tensor:
    """Return all rotations (24, 3) of a pose given for the left side."""
    out = torch.zeros(24, 3)
    for joint, (x, y, z) in pose.items():
        out[SMPL_24.index(f"left_{joint}")] = torch.tensor([x, y, z])
        out[SMPL_24.index(f"right_{joint}")] = torch.tensor([x, -y, -z])
    return out


def camera(turn: float) -> Camera:
    """Return a camera that looks a little above the pelvis, turned about the upright axis (radians)."""
    sine, cosine = math.sin(turn), math.cos(turn)
    pose = torch.tensor(
        [
            [cosine, 0.0, -sine, 0.0],
            [0.0, -1.0, 0.0, HEIGHT],
            [-sine, 0.0, -cosine, DISTANCE],
            [0.0, 0.0, 0.0, 1.0],
        ]
    )
    return replace(Camera.from_intrinsics(SIZE, focal=2.45 * SIZE[0]), cam_from_world=pose)


def row(viewer: OffscreenViewer, rotations: Tensor, betas: Tensor) -> np.ndarray:
    """Return one body from all sides, side by side."""
    body = DefaultBody()
    mesh = body(BodyParams(betas, rotations[1:], rotations[0], torch.zeros(3)))
    views = [viewer.render([mesh], [body.surface.colors], camera(turn))[0] for turn in TURNS]
    return np.concatenate(views, axis=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("picture", type=Path)
    target: Path = parser.parse_args().picture
    viewer = OffscreenViewer()
    down = axis_angle(POSES["arms_down"])
    rows = [row(viewer, axis_angle(pose), torch.zeros(10)) for pose in POSES.values()]
    for beta in range(3):
        rows += [row(viewer, down, sign * 2.5 * torch.eye(10)[beta]) for sign in (-1, 1)]
    columns = [np.concatenate(rows[k::2], axis=0) for k in range(2)]
    write_png(target, np.concatenate(columns, axis=1))


if __name__ == "__main__":
    main()
