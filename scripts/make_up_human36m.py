"""Make up a dataset in the layout of Human3.6M for VideoPose3D: no recording of anybody is in it.

    python scripts/make_up_human36m.py FOLDER [--frames 2600] [--seed 0]

writes `data_3d_h36m.npz`, `data_2d_h36m_gt.npz` and `data_2d_h36m_made_up.npz` (the first with noise)
with all people, actions and cameras. 2600 frames per clip make the set as long as the real one: about
390,000 frames to train on and 140,000 to test on, 0.9 GB. Good for measuring speed and memory, and for
trying out a training before the real files are there; not for measuring accuracy.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from numpy.random import Generator

from lift3d.io.files.atomic import atomic_path
from lift3d_datasets.human36m_cameras import built_in_cameras
from lift3d_datasets.human36m_facts import ACTIONS, CAMERAS, MOVING, TEST, TRAIN

__all__ = ["MOVING_PARENTS", "made_up_human36m", "made_up_motion"]

MOVING_PARENTS = (-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 9, 8, 11, 12, 8, 14, 15)
_OFFSETS = np.array(
    [
        (0, 0, 0),
        (0, -0.13, 0), (0, 0, -0.44), (0, 0, -0.45),
        (0, 0.13, 0), (0, 0, -0.44), (0, 0, -0.45),
        (0, 0, 0.24), (0, 0, 0.25), (0.03, 0, 0.11), (0, 0, 0.11),
        (0, 0.15, -0.02), (0, 0, -0.28), (0, 0, -0.25),
        (0, -0.15, -0.02), (0, 0, -0.28), (0, 0, -0.25),
    ]
)  # fmt: skip
"""A person who stands and looks along x, z up, metres, in the order of `H36M_17`."""
_SWING = {
    1: 0.5,
    2: 0.5,
    4: 0.5,
    5: 0.5,
    7: 0.15,
    8: 0.15,
    9: 0.3,
    11: 0.9,
    12: 0.8,
    14: 0.9,
    15: 0.8,
}
"""How far (radians) the bones below a joint swing."""

Motion = Callable[[int, Generator], Float[ndarray, "frames 17 3"]]


def made_up_motion(frames: int, rng: Generator) -> Float[ndarray, "frames 17 3"]:
    """Smooth random swinging of all limbs while walking about; metres, z up, 50 Hz."""
    time = np.arange(frames) / 50
    heading = _wave(time, rng, 3.0)
    turns = [_about_z(heading)]
    joints = np.zeros((frames, 17, 3))
    joints[:, 0, 0] = _wave(time, rng, 1.0)
    joints[:, 0, 1] = _wave(time, rng, 1.0)
    joints[:, 0, 2] = 0.95 + 0.03 * _wave(time, rng, 1.0)
    for joint in range(1, 17):
        parent = MOVING_PARENTS[joint]
        joints[:, joint] = joints[:, parent] + turns[parent] @ _OFFSETS[joint]
        swing = _SWING.get(joint, 0.0)
        turns.append(turns[parent] @ _about_y(swing * _wave(time, rng, 1.0)))
    return joints


def made_up_human36m(
    folder: Path,
    motion: Motion = made_up_motion,
    *,
    frames: int = 2600,
    noise_px: float = 5.0,
    subjects: Sequence[str] = (*TRAIN, *TEST),
    actions: Sequence[str] = ACTIONS,
    seed: int = 0,
) -> None:
    """Write the three archives; each person does each action twice, `motion(frames, rng)` each time."""
    rng = np.random.default_rng(seed)
    rig = built_in_cameras()
    joints_of: dict[str, dict[str, ndarray]] = {}
    exact: dict[str, dict[str, list[ndarray]]] = {}
    noisy: dict[str, dict[str, list[ndarray]]] = {}
    for subject in subjects:
        cameras = [rig[subject, name] for name in CAMERAS]
        for name in (f"{action}{take}" for action in actions for take in ("", " 1")):
            if (subject, name) == ("S11", "Directions"):
                continue
            moving = motion(frames, rng)
            stored = _all_32(moving).astype(np.float32)
            joints_of.setdefault(subject, {})[name] = stored
            views = [
                _pixels(camera.camera(camera_name, torch.float64), stored[:, list(MOVING)])
                for camera, camera_name in zip(cameras, CAMERAS, strict=True)
            ]
            exact.setdefault(subject, {})[name] = views
            shaken = [
                (v + noise_px * rng.standard_normal(v.shape, np.float32)).astype(np.float32)
                for v in views
            ]
            noisy.setdefault(subject, {})[name] = shaken
    layout = {
        "layout_name": "h36m",
        "num_joints": 17,
        "keypoints_symmetry": [[4, 5, 6, 11, 12, 13], [1, 2, 3, 14, 15, 16]],
    }
    _write(folder / "data_3d_h36m.npz", positions_3d=joints_of)
    _write(folder / "data_2d_h36m_gt.npz", positions_2d=exact, metadata=layout)
    _write(folder / "data_2d_h36m_made_up.npz", positions_2d=noisy, metadata=layout)


def _wave(time: ndarray, rng: Generator, size: float) -> ndarray:
    """Three sines of random phase with periods of one to eight seconds."""
    periods, phases = rng.uniform(1, 8, 3), rng.uniform(0, 2 * np.pi, 3)
    waves = np.sin(2 * np.pi * time[:, None] / periods + phases)
    mean: ndarray = size * waves.mean(-1)
    return mean


def _about_y(angle: ndarray) -> ndarray:
    c, s, o, i = np.cos(angle), np.sin(angle), np.zeros_like(angle), np.ones_like(angle)
    return np.stack([c, o, s, o, i, o, -s, o, c], -1).reshape(-1, 3, 3)


def _about_z(angle: ndarray) -> ndarray:
    c, s, o, i = np.cos(angle), np.sin(angle), np.zeros_like(angle), np.ones_like(angle)
    return np.stack([c, -s, o, s, c, o, o, o, i], -1).reshape(-1, 3, 3)


def _all_32(moving: ndarray) -> ndarray:
    """The 32 stored joints; those that never move on their own lie on the pelvis."""
    stored = np.repeat(moving[:, :1], 32, 1)
    stored[:, list(MOVING)] = moving
    return stored


def _pixels(camera: Any, world: ndarray) -> ndarray:
    """Projected joints; ours is y up."""
    points = torch.from_numpy(world[..., [0, 2, 1]] * np.array([1.0, 1.0, -1.0]))
    pixels: ndarray = camera.project(points).float().numpy()
    return pixels


def _write(path: Path, **content: object) -> None:
    arrays: dict[str, Any] = {key: np.array(value, object) for key, value in content.items()}
    with atomic_path(path) as partial:
        np.savez(partial, **arrays)


def main() -> None:
    """Read the command line and write the set."""
    parser = argparse.ArgumentParser(description="Make up a set in VideoPose3D's layout.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--frames", type=int, default=2600, help="frames per clip")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    made_up_human36m(arguments.folder, frames=arguments.frames, seed=arguments.seed)
    print(f"wrote 209 clips of {arguments.frames} frames to {arguments.folder}")


if __name__ == "__main__":
    main()
