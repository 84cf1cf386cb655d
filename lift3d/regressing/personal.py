"""A person's own points: where on the body each lifted point lies, learned from the clip itself.

Everybody who makes keypoints puts hips, shoulders and faces where they like. Over a clip such a point
keeps its place on the bone that carries it, and that place can be told: it is the median over the
frames of where the lifter sees the point from the bone. A body with these points of its own can be laid
exactly onto viewing rays, whoever made them.
"""

from dataclasses import replace
from typing import Final

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lift3d.body import Articulation
from lift3d.fitting.evidence import Evidence
from lift3d.fitting.points import BodyPoints, PointTable, place_points, point_table
from lift3d.fitting.pose_prior import learned_prior
from lift3d.fitting.prior import PosePrior
from lift3d.fitting.problem import FitOptions, FitState, Near, Problem
from lift3d.fitting.solve import solve
from lift3d.lifting.sights import Sights
from lift3d.lifting.vocabulary import VOCABULARY

__all__ = ["PersonalBody", "on_rays"]

_CARRIERS: Final = {
    "pelvis": "pelvis", "spine": "spine1", "thorax": "spine3", "neck": "neck", "head": "head",
    "upper_neck": "neck", "neck_nose": "head",
}  # fmt: skip
"""Bones that carry points of which sources have ideas of their own."""
_LEAST_DEPTH: Final = 0.1


def _evidence(sights: Sights, first: int, std: float, inflation: float) -> Evidence:
    """For points from number `first` on; keypoints are `std` metres off at the person.

    Lifted points err together: each counts `inflation` times less than its covariance says.
    """
    depth = sights.joints[..., 2].mean(1, keepdim=True).clamp(min=_LEAST_DEPTH)
    covariance = sights.covariance * inflation + torch.eye(3).to(sights.covariance) * 1e-6
    return Evidence(
        first + torch.arange(len(VOCABULARY)),
        sights.joints,
        torch.linalg.inv(covariance),
        sights.slopes,
        sights.sure * (depth / std) ** 2,
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
        evidence = _evidence(sights, first, std, inflation)
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
