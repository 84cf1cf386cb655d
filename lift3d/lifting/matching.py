"""The baseline that needs no training: the most similar captured poses, warped onto what is seen.

Chen and Ramanan, "3D Human Pose Estimation = 2D Pose Estimation + Matching", CVPR 2017,
arXiv:1612.06524. Written from the paper: a library of poses in space is seen through virtual
cameras; the pictures nearest to the keypoints give the depths, and the keypoints themselves the rest
(the paper's warping: each joint lies on its own viewing ray, at the exemplar's depth).

What differs: keypoints are viewing rays in a camera turned straight at the person; only those that
are seen are compared, so that any subset will do; the answer is a mean over several neighbours, whose
spread is the covariance; joints without a keypoint move with their neighbours in the skeleton. The
library is ours, see `weights/matching.md`; `build_library` makes one from any motion capture.
"""

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from os import PathLike
from pathlib import Path
from typing import Any, Final, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.camera import Camera
from lift3d.geometry.rays import root_from_rays
from lift3d.lifting.exemplar_search import PictureSearch
from lift3d.lifting.exemplars import (
    HIPS,
    INPUT_JOINTS,
    ExemplarLibrary,
    ViewGrid,
    build_library,
    load_library,
    save_library,
)
from lift3d.lifting.pretrained import Pretrained
from lift3d.lifting.view import View
from lift3d.motion import Motion
from lift3d.pose import Pose2D, Pose3D
from lift3d.skeleton import Skeleton
from lift3d.skeletons import LIFT_23

__all__ = [
    "ExemplarLibrary",
    "MatchingLifter",
    "MatchingOptions",
    "ViewGrid",
    "build_library",
    "load_library",
    "save_library",
]

_INPUT: Final = list(INPUT_JOINTS)
_CHUNK: Final = 256
_PER_BONE: Final = 4.0
"""How much less a joint moves with one that is a bone further away."""
_SPREAD, _FLOOR = 1.0, 0.02
"""Covariance = spread of the neighbours (times) + floor (metres, squared), from validation data."""


@dataclass(frozen=True, slots=True)
class MatchingOptions:
    """How neighbours are found and blended."""

    search: Literal["exact", "approximate"] = "exact"
    """All pictures, or a k-d tree where many frames show the same keypoints."""
    neighbours: int = 16
    """How many exemplars are blended."""
    softness: float = 0.01
    """Squared distance (of unit shapes) by which a neighbour weighs e times less."""
    warp: bool = True
    """Put joints onto the observed rays; without it the exemplars stay as they are."""
    min_confidence: float = 0.2
    """Keypoints below count as missing."""
    min_keypoints: int = 6
    """A frame with fewer seen keypoints is not lifted."""


class MatchingLifter(Pretrained):
    """Lifts each frame on its own to `LIFT_23` in the camera frame.

    `library` is one, or a file that `save_library` wrote; without it, the one in the package. Frames
    with too few keypoints come back as NaN and not observed. Building the pictures of the packaged
    library takes about a second and 70 MB.
    """

    pretrained = "matching"

    def __init__(
        self,
        library: ExemplarLibrary | str | PathLike[str] | None = None,
        options: MatchingOptions | None = None,
    ) -> None:
        packaged = Path(str(files("lift3d.lifting"))) / "weights" / "matching.safetensors"
        if not isinstance(library, ExemplarLibrary):
            library = load_library(library if library is not None else packaged)
        self.library = library
        self.options = options if options is not None else MatchingOptions()
        self._people, self._turns = library.both_sides, library.grid.turns
        self._search = PictureSearch(library.pictures())

    @property
    def skeleton(self) -> Skeleton:
        return LIFT_23

    @classmethod
    def _of(cls, path: Path, **options: Any) -> "MatchingLifter":
        return cls(path, **options)

    def _save_weights(self, path: Path) -> None:
        save_library(self.library, path)

    @torch.no_grad()
    def __call__(self, keypoints: Motion[Pose2D], camera: Camera) -> Motion[Pose3D]:
        """Joints in metres in the frame of `camera`, for keypoints of any layout in pixels."""
        pose = keypoints.pose.to(LIFT_23)
        pixels = pose.keypoints[:, _INPUT].nan_to_num().float()
        confidence = pose.confidence[:, _INPUT].float()
        rays = camera.rays(pixels.to(camera.intrinsics.dtype)).float()
        view = View.of(rays, confidence >= self.options.min_confidence, HIPS)
        joints, covariance = self._lift(view, confidence * view.seen)
        dtype = pose.keypoints.dtype
        lifted = Pose3D(joints.to(dtype), covariance.to(dtype), LIFT_23, "camera")
        observed = joints.isfinite().all(-1).all(-1)
        return Motion(lifted, keypoints.fps, keypoints.person, observed, keypoints.first_frame)

    def _lift(self, view: View, weights: Tensor) -> tuple[Tensor, Tensor]:
        joints = torch.full((len(weights), len(LIFT_23), 3), torch.nan)
        covariance = torch.full((len(weights), len(LIFT_23), 3, 3), torch.nan)
        enough = view.seen.sum(-1) >= max(2, self.options.min_keypoints)
        rows = torch.nonzero(enough)[:, 0]
        index, share = self._neighbours(view, rows)
        for at, part in enumerate(torch.split(rows, _CHUNK)):
            some = slice(at * _CHUNK, at * _CHUNK + len(part))
            seen = View(view.points[part], view.seen[part], view.virtual[part])
            warped = warped_onto(
                seen, weights[part], self._exemplars(index[some]), warp=self.options.warp
            )
            joints[part], covariance[part] = _blended(warped, share[some], seen.virtual)
        return joints, covariance

    def _neighbours(self, view: View, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Numbers of pictures and their shares of the answer."""
        options = self.options
        found = self._search(
            view.points[rows],
            view.seen[rows],
            options.neighbours,
            approximate=options.search == "approximate",
        )
        return found.index, torch.softmax(-found.distance / options.softness, 1)

    def _exemplars(self, index: Tensor) -> Float[Tensor, "batch neighbours 23 3"]:
        """The people of some pictures, in the axes of their cameras."""
        people, turns = self._people, self._turns
        return people[index % len(people)] @ turns[index // len(people)].mT


def warped_onto(
    view: View,
    weights: Float[Tensor, "batch inputs"],
    exemplars: Float[Tensor, "batch neighbours 23 3"],
    *,
    warp: bool = True,
) -> Float[Tensor, "batch neighbours 23 3"]:
    """Exemplars (root-relative) at their place before the virtual camera, seen joints on their rays.

    Each is placed by `root_from_rays`; then a seen joint keeps its depth and takes its direction from
    the keypoint, and joints that are not seen move along with the seen ones near them.
    """
    rays = torch.cat([view.points, torch.ones_like(view.points[..., :1])], -1)[:, None]
    rays = rays.expand(-1, exemplars.shape[1], -1, -1)
    at_input = exemplars[:, :, _INPUT]
    root = root_from_rays(at_input, rays, weights[:, None].expand(rays.shape[:-1]))
    placed = exemplars + root[:, :, None]
    if not warp:
        return placed
    moves = rays * (at_input + root[:, :, None])[..., 2:] - (at_input + root[:, :, None])
    return placed + _follow(view.seen)[:, None] @ moves


def _follow(seen: Tensor) -> Float[Tensor, "batch 23 inputs"]:
    """How much each joint moves with each keypoint: wholly with its own, else with near ones."""
    near = (_PER_BONE ** -_bones_between())[:, _INPUT] * seen[:, None]
    near = near / near.sum(-1, keepdim=True)
    own = torch.zeros(len(LIFT_23), len(_INPUT))
    own[_INPUT, range(len(_INPUT))] = 1
    alone = (own * seen[:, None]).sum(-1, keepdim=True) > 0
    return torch.where(alone, own, near)


@lru_cache(maxsize=1)
def _bones_between() -> Float[Tensor, "23 23"]:
    """Bones on the way from each joint to each other."""
    count = len(LIFT_23)
    steps = torch.full((count, count), float(count)).fill_diagonal_(0.0)
    for parent, child in LIFT_23.bones:
        steps[parent, child] = steps[child, parent] = 1.0
    for middle in range(count):  # Floyd and Warshall
        steps = torch.minimum(steps, steps[:, middle, None] + steps[None, middle])
    return steps


def _blended(
    warped: Tensor, share: Tensor, virtual: Tensor
) -> tuple[Float[Tensor, "batch 23 3"], Float[Tensor, "batch 23 3 3"]]:
    """Mean over neighbours and the covariance of joints against the root, in the camera frame."""
    weight = share[..., None, None]
    joints = (warped * weight).sum(1)
    lost = ~(joints[:, :1, 2:] > 0)  # behind the camera, or all keypoints on one ray
    relative = warped - warped[:, :, :1]
    away = relative - (relative * weight).sum(1, keepdim=True)
    spread = torch.einsum("bn,bnji,bnjk->bjik", share, away, away)
    covariance = _SPREAD * spread + _FLOOR**2 * torch.eye(3)
    turn = virtual[:, None]
    covariance = torch.where(lost[..., None], torch.nan, turn.mT @ covariance @ turn)
    return torch.where(lost, torch.nan, joints @ virtual), covariance
