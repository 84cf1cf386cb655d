"""Small pictures of people made of coloured blobs and lines, whose keypoints are known."""

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray
from torch import Tensor

from lift3d.networks import Targets
from lift3d.skeleton import Skeleton

SIDE = 64
BLOBS = Skeleton(
    "blobs", ("trunk", "head", "left_hand", "right_hand", "left_foot"), (-1, 0, 0, 0, 0)
)
"""Five joints, each with a colour of its own."""

_COLOURS = np.array(
    [[0.9, 0.9, 0.9], [0.9, 0.1, 0.1], [0.1, 0.9, 0.1], [0.1, 0.2, 1.0], [0.9, 0.9, 0.1]]
)
_LIMB = np.array([0.3, 0.3, 0.3])
_POSE = np.array([[0.0, 0.0], [0.0, -1.0], [1.0, -0.1], [-1.0, -0.1], [0.5, 1.0]])


def people_pictures(count: int, people: int, seed: int = 0) -> tuple[Tensor, Targets]:
    """Pictures [count 3 64 64] with as many people in each, side by side, and their keypoints."""
    rng = np.random.default_rng(seed)
    room = SIDE / people
    size = min(16.0, room / 2 - 4)
    points = np.empty((count, people, len(BLOBS), 2))
    for person in range(people):
        middle = np.array([room * (person + 0.5), SIDE / 2])
        middle = middle + rng.uniform(-3, 3, (count, 1, 2)) * [1, 3]
        points[:, person] = middle + _POSE * size + rng.uniform(-3, 3, (count, len(BLOBS), 2))
    points = points.clip(2, SIDE - 3)
    pictures = np.stack([_drawn(one) for one in points])
    pictures = (pictures + rng.normal(0, 0.02, pictures.shape)).clip(0, 1)
    keypoints = torch.from_numpy(points).float()
    visible = torch.ones(keypoints.shape[:-1], dtype=torch.bool)
    return torch.from_numpy(pictures).float().permute(0, 3, 1, 2), Targets(keypoints, visible)


def _drawn(people: Float[ndarray, "people joints 2"]) -> Float[ndarray, "side side 3"]:
    ys, xs = np.mgrid[:SIDE, :SIDE]
    pixels = np.stack([xs, ys], -1).astype(float)
    picture = np.full((SIDE, SIDE, 3), 0.1)
    for person in people:
        for first, second in BLOBS.bones:
            away = _from_segment(pixels, person[first], person[second])
            picture = _over(picture, np.clip(1.6 - away, 0, 1), _LIMB)
        for joint, colour in zip(person, _COLOURS, strict=True):
            away = np.linalg.norm(pixels - joint, axis=-1)
            picture = _over(picture, np.clip(3.5 - away, 0, 1), colour)
    return picture


def _from_segment(pixels: ndarray, start: ndarray, end: ndarray) -> ndarray:
    along = end - start
    share = np.clip((pixels - start) @ along / max(along @ along, 1e-9), 0, 1)
    return np.linalg.norm(pixels - start - share[..., None] * along, axis=-1)


def _over(picture: ndarray, cover: ndarray, colour: ndarray) -> ndarray:
    return picture * (1 - cover[..., None]) + colour * cover[..., None]
