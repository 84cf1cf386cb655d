"""A person's own points: where on the body each lifted point lies, learned from the clip itself.

Everybody who makes keypoints puts hips, shoulders and faces where they like. Over a clip such a point
keeps its place on the bone that carries it, and that place can be told: it is the median over the
frames of where the lifter sees the point from the bone. A body with these points of its own can be laid
exactly onto viewing rays, whoever made them.
"""

from dataclasses import dataclass, replace
from typing import Final

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lift3d.body import Articulation
from lift3d.camera import Camera
from lift3d.fitting.evidence import Evidence
from lift3d.fitting.points import BodyPoints, PointTable, place_points, point_table
from lift3d.fitting.pose_prior import learned_prior
from lift3d.fitting.prior import PosePrior
from lift3d.fitting.problem import FitOptions, FitState, Near, Problem
from lift3d.fitting.solve import solve
from lift3d.lifting.vocabulary import VOCABULARY, known_keypoints
from lift3d.motion import Motion
from lift3d.pose import Pose2D, Pose3D

__all__ = ["PersonalBody", "Sights", "on_rays", "sights_of"]

_CARRIERS: Final = {
    "pelvis": "pelvis", "spine": "spine1", "thorax": "spine3", "neck": "neck", "head": "head",
    "upper_neck": "neck", "neck_nose": "head",
}  # fmt: skip
"""Bones that carry points of which sources have ideas of their own."""
_LEAST_DEPTH: Final = 0.1


@dataclass(frozen=True, slots=True)
class Sights:
    """What is known of the points of some frames: lifted (metres), and seen along rays.

    `slopes` are x / z and y / z in the camera frame, `sure` how far each counts, 0 where not seen.
    """

    joints: Float[Tensor, "frames 40 3"]
    covariance: Float[Tensor, "frames 40 3 3"]
    slopes: Float[Tensor, "frames 40 2"]
    sure: Float[Tensor, "frames 40"]

    def __getitem__(self, rows: Tensor) -> "Sights":
        return Sights(self.joints[rows], self.covariance[rows], self.slopes[rows], self.sure[rows])

    def evidence(self, first: int, std: float, inflation: float) -> Evidence:
        """For points from number `first` on; keypoints are `std` metres off at the person.

        Lifted points err together: each counts `inflation` times less than its covariance says.
        """
        depth = self.joints[..., 2].mean(1, keepdim=True).clamp(min=_LEAST_DEPTH)
        covariance = self.covariance * inflation + torch.eye(3).to(self.covariance) * 1e-6
        return Evidence(
            first + torch.arange(len(VOCABULARY)),
            self.joints,
            torch.linalg.inv(covariance),
            self.slopes,
            self.sure * (depth / std) ** 2,
            ("joints",) * len(VOCABULARY),
        )


class PersonalBody:
    """A body model's bones, and the vocabulary's points where a person's lifted points lie on them."""

    def __init__(self, articulation: Articulation) -> None:
        self.table: PointTable = point_table(articulation, torch.float32)
        self.prior: PosePrior = learned_prior(articulation.skeleton, torch.float32)
        joints = len(self.table.parents)
        self.carrier = torch.tensor([self._carrier(name) for name in VOCABULARY.joints])
        below: Bool[Tensor, "joints joints"] = self.table.turned_by[:joints]
        self.turned_by = (below | torch.eye(joints, dtype=torch.bool))[self.carrier]

    def _carrier(self, name: str) -> int:
        names = self.table.names
        if name in _CARRIERS:
            return names.index(_CARRIERS[name])
        return max(0, int(self.table.carrier[names.index(name)]))

    def places_on(
        self, state: FitState, joints: Float[Tensor, "frames 40 3"]
    ) -> Float[Tensor, "40 3"]:
        """Where on its bone each point lies (metres, the bone's axes): the median over the frames."""
        world, origin = self._bones(state)
        local = (world.mT @ (joints - origin)[..., None])[..., 0]
        return local.median(0).values

    def points(
        self, state: FitState, places: Float[Tensor, "40 3"]
    ) -> Float[Tensor, "frames 40 3"]:
        """Where those places are in each frame (metres)."""
        world, origin = self._bones(state)
        moved: Tensor = origin + (world @ places[..., None])[..., 0]
        return moved

    def laid_on(
        self,
        sights: Sights,
        places: Float[Tensor, "40 3"],
        near: Near,
        start: FitState,
        options: FitOptions,
        *,
        std: float,
        inflation: float,
    ) -> FitState:
        """The likeliest state in which the person's own points lie where they were seen."""
        first = len(self.table.names)
        evidence = sights.evidence(first, std, inflation)
        problem = Problem(self._with(places), self.prior, evidence, options, near)
        found = solve(problem, start).state
        return FitState(*(x.to(sights.joints) for x in (found.rotmats, found.transl, found.betas)))

    def _with(self, places: Float[Tensor, "40 3"]) -> PointTable:
        table = self.table
        still = torch.zeros(len(places), 3, table.shapedirs.shape[-1])
        return replace(
            table,
            names=(*table.names, *(f"own {name}" for name in VOCABULARY.joints)),
            carrier=torch.cat([table.carrier, self.carrier]),
            turned_by=torch.cat([table.turned_by, self.turned_by]),
            template=torch.cat([table.template, places]),
            shapedirs=torch.cat([table.shapedirs, still]),
        )

    def _bones(self, state: FitState) -> tuple[Tensor, Tensor]:
        placed: BodyPoints = place_points(self.table, state.rotmats, state.transl, state.betas)
        return placed.world[:, self.carrier], placed.places[:, self.carrier]


def on_rays(
    lifted: Float[Tensor, "frames 40 3"], points: Float[Tensor, "frames 40 3"]
) -> Float[Tensor, "frames 40 3"]:
    """Lifted points moved along their rays from the camera, as deep as others lie."""
    depth = points[..., 2:]
    return torch.cat([lifted[..., :2] / lifted[..., 2:] * depth, depth], -1)


def sights_of(
    keypoints: Motion[Pose2D], camera: Camera, lifted: Motion[Pose3D], rows: Tensor
) -> Sights:
    """What is known of some frames of a clip."""
    pixels, confidence = known_keypoints(keypoints.pose)
    rays = camera.rays(pixels[rows].to(camera.intrinsics.dtype)).float()
    ahead = rays[..., 2] > 0
    slopes = torch.where(ahead[..., None], rays[..., :2] / rays[..., 2:].clamp(min=1e-6), 0.0)
    pose = lifted.pose
    return Sights(
        pose.joints[rows].float(),
        pose.covariance[rows].float(),
        slopes,
        confidence[rows].float() * ahead,
    )
