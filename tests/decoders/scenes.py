"""People drawn by hand, for scenes with a known answer."""

from collections.abc import Iterator
from contextlib import contextmanager

import jaxtyping
import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from lift3d.skeleton import Skeleton

# A standing person, x to the right and y down, one unit high. The right side is the picture's left.
PLACES = {
    "head_top": (0.0, 0.0), "nose": (0.01, 0.09), "mid_shoulder": (0.0, 0.18),
    "right_eye": (-0.03, 0.06), "left_eye": (0.035, 0.062), "right_ear": (-0.07, 0.08),
    "left_ear": (0.075, 0.075), "right_shoulder": (-0.12, 0.19), "left_shoulder": (0.12, 0.2),
    "right_elbow": (-0.2, 0.33), "left_elbow": (0.22, 0.31), "right_wrist": (-0.24, 0.47),
    "left_wrist": (0.3, 0.42), "spine": (0.0, 0.34), "thorax": (0.0, 0.17),
    "upper_neck": (0.0, 0.14), "mid_hip": (0.0, 0.52),
    "right_hip": (-0.09, 0.52), "left_hip": (0.09, 0.53), "right_knee": (-0.11, 0.75),
    "left_knee": (0.13, 0.74), "right_ankle": (-0.1, 0.96), "left_ankle": (0.17, 0.95),
    "right_heel": (-0.14, 1.0), "left_heel": (0.14, 1.01), "right_big_toe": (-0.06, 1.03),
    "left_big_toe": (0.23, 1.02), "right_small_toe": (-0.13, 1.06), "left_small_toe": (0.29, 1.0),
}  # fmt: skip


def person(
    skeleton: Skeleton, x: float, y: float, height: float, lean: float = 0.0, width: float = 1.0
) -> Tensor:
    """Joints of a person whose head is at x, y; `lean` in radians turns the body about the head."""
    unit = np.array([PLACES[joint] for joint in skeleton.joints]) * [width, 1.0]
    turn = np.array([[np.cos(lean), -np.sin(lean)], [np.sin(lean), np.cos(lean)]])
    return torch.from_numpy(unit @ turn.T * height + [x, y])


def without(points: Tensor, skeleton: Skeleton, *joints: str) -> Tensor:
    """A person some of whose joints are not seen."""
    points = points.clone()
    points[[skeleton.index(joint) for joint in joints]] = torch.nan
    return points


def cut_off(points: Tensor, skeleton: Skeleton, *joints: str) -> Tensor:
    """A person without some joints and all that hangs on them."""
    hidden = {skeleton.index(joint) for joint in joints}
    for _ in skeleton.joints:
        hidden |= {child for parent, child in skeleton.bones if parent in hidden}
    return without(points, skeleton, *(skeleton.joints[joint] for joint in hidden))


def distances(found: Tensor, true: Tensor) -> np.ndarray:
    """Mean distance of joints that both have, per pair of a found and a true person."""
    away = (found[:, None, :, :2].double() - true[None, ..., :2]).norm(dim=-1)
    return np.nan_to_num(away.nanmean(-1).numpy(), nan=1e6)


def matched(found: Tensor, true: Tensor) -> Tensor:
    """The found people in the order of the true ones."""
    rows, columns = linear_sum_assignment(distances(found, true).T)
    assert rows.tolist() == list(range(len(true)))
    return found[columns.tolist()]


def expect_people(found: Tensor, true: Tensor, within: float) -> None:
    """The same people with the same joints, each within so many pixels."""
    assert len(found) == len(true)
    ordered = matched(found, true)
    assert torch.equal(ordered[..., 2] > 0, true.isfinite().all(-1))
    assert torch.equal(ordered.isnan().any(-1), true.isnan().any(-1))
    away = (ordered[..., :2].double() - true).norm(dim=-1)
    assert away.nan_to_num(0.0).max() < within


@contextmanager
def as_users_call() -> Iterator[None]:
    """Without the shape checks of the test run, as the library runs for those who use it."""
    before = jaxtyping.config.jaxtyping_disable
    jaxtyping.config.update("jaxtyping_disable", True)
    try:
        yield
    finally:
        jaxtyping.config.update("jaxtyping_disable", before)
