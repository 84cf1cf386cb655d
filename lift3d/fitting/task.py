"""What was given to fit a body to, checked and in the solver's form."""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lift3d.body import Articulation
from lift3d.camera import Camera
from lift3d.errors import InputError
from lift3d.fitting.clips import as_params
from lift3d.fitting.evidence import (
    Evidence,
    SkinEvidence,
    distance_of,
    gather_evidence,
    skin_evidence,
    together,
)
from lift3d.fitting.points import place_points, point_table
from lift3d.fitting.pose_prior import learned_prior
from lift3d.fitting.prior import PosePrior
from lift3d.fitting.problem import FitOptions, FitState, Problem
from lift3d.fitting.skin import SkinTable, place_skin, skin_table
from lift3d.fitting.start import distance_from_rays
from lift3d.motion import Motion
from lift3d.pose import Pose2D, Pose3D
from lift3d.protocols import BodyModel
from lift3d.skeleton import Skeleton

__all__ = ["Task"]

_LEAST_EXTENT: Final = 0.02  # metres between points of a person, with evidence of places
_MOST_REACH: Final = 10.0  # metres of half the points from the middle; in centimetres 30, say


@lru_cache(maxsize=16)
def _usual_prior(skeleton: Skeleton) -> PosePrior:
    with torch.inference_mode(False):
        return learned_prior(skeleton, torch.float64)


def _reach(places: Float[Tensor, "frames joints 3"]) -> Float[Tensor, " some"]:
    """How far half of the points are from their middle, in frames that have any; NaN: unknown."""
    middle = places.nanmedian(1, keepdim=True).values
    reach = (places - middle).abs().amax(-1).nanmedian(1).values
    return reach[reach.isfinite()]


@dataclass(frozen=True, slots=True)
class Task:
    """What was given, checked."""

    body: BodyModel | Articulation
    joints: Motion[Pose3D] | None
    keypoints: Motion[Pose2D] | None
    camera: Camera | None
    skin: SkinEvidence | None
    observed: Bool[Tensor, " frames"]
    fps: float

    @staticmethod
    def of(
        body: BodyModel | Articulation,
        joints: Motion[Pose3D] | None,
        keypoints: Motion[Pose2D] | None,
        camera: Camera | None,
        skin: SkinEvidence | None,
    ) -> "Task":
        motion = joints if joints is not None else keypoints
        if motion is not None:
            observed = motion.shown
        elif skin is not None:
            observed = skin.seen.any(-1)
        else:
            raise InputError(
                "expected joints, keypoints or skin to fit a body to, got none of them: give one"
            )
        if not bool(observed.any()):
            raise InputError(
                "expected at least one observed frame to fit a body to, got none: lift the person "
                "first"
            )
        if skin is not None and len(skin.values) != len(observed):
            raise InputError(
                f"expected skin in the {len(observed)} frames of the rest, got "
                f"{len(skin.values)}: cut them to common frames"
            )
        if skin is not None and isinstance(body, Articulation):
            raise InputError(
                "expected a body model to fit its skin, got its joints: pass the model"
            )
        task = Task(body, joints, keypoints, camera, skin, observed, motion.fps if motion else 30.0)
        if task.like.dtype not in (torch.float32, torch.float64):
            raise InputError(
                f"expected evidence in float32 or float64, got {task.like.dtype}: convert it"
            )
        task.check_places()
        return task

    @property
    def articulation(self) -> Articulation:
        return self.body if isinstance(self.body, Articulation) else self.body.articulation

    @property
    def like(self) -> Tensor:
        """A tensor of the result's dtype."""
        if self.joints is not None:
            return self.joints.pose.joints
        if self.keypoints is not None:
            return self.keypoints.pose.keypoints
        assert self.skin is not None  # noqa: S101 - one of the three is there
        return self.skin.values

    def check_places(self) -> None:
        """Points that are all in one place, or behind the camera, are no evidence of a body."""
        if self.joints is None:
            return
        places = self.joints.pose.joints[self.observed]
        known = places.isfinite().all(-1, keepdim=True)
        low = torch.where(known, places, torch.inf).amin(1)
        high = torch.where(known, places, -torch.inf).amax(1)
        extent = (high - low).amax(-1)
        spread = extent[extent.isfinite()]
        if len(spread) and bool((spread < _LEAST_EXTENT).all()) and self.keypoints is None:
            raise InputError(
                f"expected joints of a person, got all within {float(spread.max()):.3g} m of each "
                "other: give them in metres"
            )
        reach = _reach(torch.where(known, places, torch.nan))
        if len(reach) and bool((reach > _MOST_REACH).all()):
            raise InputError(
                f"expected joints of a person, got half of them {float(reach.min()):.3g} m and more "
                "from the middle: give them in metres"
            )
        if self.keypoints is not None and bool((high[:, 2][extent.isfinite()] <= 0).all()):
            raise InputError(
                "expected joints in front of the camera (z > 0) with the keypoints, got them behind "
                "it: give them in the camera frame"
            )

    def problem(self, prior: PosePrior | None, options: FitOptions) -> Problem:
        """The evidence of all frames."""
        like = self.like
        table = point_table(self.articulation, like.dtype)
        prior = (prior or _usual_prior(self.articulation.skeleton)).to(like)
        pose2d = self.keypoints.pose if self.keypoints else None
        distance = self._distance()
        rays_only = distance is None and self.camera is not None
        if rays_only:
            distance = like.new_ones(len(self.observed))
        parts: list[Evidence] = []
        if self.joints is not None or pose2d is not None:
            pose3d = self.joints.pose if self.joints else None
            parts.append(
                gather_evidence(table.names, pose3d, pose2d, self.camera, distance=distance)
            )
        skin = None
        if self.skin is not None and not isinstance(self.body, Articulation):
            skin = skin_table(self.body, self.skin.sites, like.dtype)
            parts.append(skin_evidence(self.skin, len(table.names), self.camera, like, distance))
        problem = Problem(table, prior, together(parts), options, skin=skin)
        return distance_from_rays(problem) if rays_only else problem

    def _distance(self) -> Tensor | None:
        """How far away the person is in each frame, where joints or skin are known in space."""
        if self.joints is not None:
            return distance_of(self.joints.pose.joints)
        if self.skin is not None and self.skin.places is not None:
            return distance_of(self.skin.places)
        return None

    def at(self, problem: Problem, frames: Tensor) -> Problem:
        """The problem with room for the skin's own shift, 0 so far, where there is skin."""
        if problem.skin is None:
            return problem
        still = self.like.new_zeros(len(frames), len(problem.skin.weights), 3)
        return replace(problem, shift=still)

    def shift(self, problem: Problem, skin: SkinTable, state: FitState) -> Tensor:
        """What the model does to its skin beside what bones do."""
        assert self.skin is not None  # noqa: S101 - there is a table for it
        assert not isinstance(self.body, Articulation)  # noqa: S101
        with torch.no_grad():
            mesh = self.body(as_params(state))
        points = place_points(problem.table, state.rotmats, state.transl, state.betas)
        on_bones, _ = place_skin(problem.table, skin, points, state.betas)
        return self.skin.sites.of(mesh.vertices).to(on_bones) - on_bones
