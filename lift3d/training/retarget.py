"""Motion capture onto a body model: rotations, root path and shape for every captured frame.

Sources put hips, shoulders, face and feet a few centimetres elsewhere than the body does, and their
bones have lengths of their own. Fitting the body as it is would bend knees because a thigh is long.
So each captured person gets betas first, and then a copy of the body's points in which the bones
have the captured lengths and the other points lie where this source puts them. The rotations that
fit this copy are the result; with the person's betas they drive the body itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lift3d.body import Articulation, BodyParams
from lift3d.errors import InputError
from lift3d.fitting import FitOptions, fit
from lift3d.fitting.points import PointTable, place_points, point_table
from lift3d.fitting.prior import smpl_prior
from lift3d.geometry.rotations import rotmat_from_axis_angle
from lift3d.motion import Motion
from lift3d.pose import Pose3D
from lift3d.skeletons import LIFT_23

__all__ = ["LIMB_JOINTS", "CapturedPerson", "Retargeted", "captured_person", "retarget"]

_SIDES: Final = ("left", "right")
_LIMBS: Final = ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")
LIMB_JOINTS: Final = tuple(f"{side}_{limb}" for side in _SIDES for limb in _LIMBS)
"""The joints that all sources of motion capture have, and that errors are told for."""

_BONES: Final = (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist"))
# Points that sources place in their own way; the middle ones lie in the body's plane of symmetry.
_PLACED: Final = ("left_shoulder", "left_big_toe", "left_heel", "left_ear", "nose")
_LOOSE: Final = {"shoulder": 0.02, "nose": 0.02, "ear": 0.02, "toe": 0.02, "heel": 0.02}
_JOINT_STD: Final = 0.01  # metres; captured limbs are trusted more than lifted ones
_BETA_STD: Final = 1.5
_ROUNDS: Final = 2
_FRAMES: Final = 120  # tell a person's shape, and are few enough to be solved at once
_CHUNK: Final = 128


@dataclass(frozen=True, slots=True)
class CapturedPerson:
    """Whose motion it is: their betas, and the body's points as their source defines them."""

    betas: Float[Tensor, " betas"]
    articulation: Articulation


@dataclass(frozen=True, slots=True)
class Retargeted:
    """A clip on the body; frames that were not observed are NaN.

    `residual` is the mean distance (metres) of the body's limb joints, with its own definitions,
    from the captured ones. `misfit` is the same for the person's own copy of the points: large where
    no human pose explains the frame. `ok` are observed frames in which both are small.
    """

    params: BodyParams
    joint_error: Float[Tensor, "frames 12"]
    misfit: Float[Tensor, " frames"]
    ok: Bool[Tensor, " frames"]

    @property
    def residual(self) -> Float[Tensor, " frames"]:
        return self.joint_error.nanmean(1)


def captured_person(body: Articulation, motions: Sequence[Motion[Pose3D]]) -> CapturedPerson:
    """Shape and definitions of one person from frames spread over their clips (`LIFT_23`, world).

    Raises `InputError` where no clip has an observed frame.
    """
    frames = _spread(motions)
    joints = frames.pose.joints
    params = fit(
        body, frames, options=FitOptions(beta_std=_BETA_STD), prior=smpl_prior(body.skeleton)
    ).params
    table = point_table(body, torch.float64)
    betas = params.betas[0].double()
    offsets = table.template + table.shapedirs @ betas
    offsets = _with_lengths(table, offsets, joints.double())
    for _ in range(_ROUNDS):
        own = _articulation(body, table, offsets)
        offsets = offsets + _definitions(
            point_table(own, torch.float64), _fit_pose(own, frames), joints
        )
    return CapturedPerson(betas.float(), _articulation(body, table, offsets))


def retarget(
    body: Articulation,
    person: CapturedPerson,
    motion: Motion[Pose3D],
    *,
    largest_residual: float = 0.06,
    largest_misfit: float = 0.03,
) -> Retargeted:
    """A person's clip on the body; `motion` is in `LIFT_23` and the world frame (metres)."""
    posed = _fit_pose(person.articulation, motion)
    own = _limb_error(person.articulation, posed, motion)
    params = BodyParams(person.betas[None], posed.body_pose, posed.global_orient, posed.transl)
    # The person's copy and the body have different bones: the root that suits both best.
    params = replace(params, transl=params.transl - _limb_away(body, params, motion).nanmean(1))
    error = _limb_error(body, params, motion)
    misfit = own.nanmean(1)
    ok = motion.observed & (error.nanmean(1) < largest_residual) & (misfit < largest_misfit)
    return Retargeted(params, error, misfit, ok)


def _spread(motions: Sequence[Motion[Pose3D]]) -> Motion[Pose3D]:
    """About `_FRAMES` observed frames, evenly from all clips, as one."""
    known = [m.pose.require_frame("world").joints[m.observed] for m in motions]
    joints = torch.cat(known) if known else torch.zeros(0, len(LIFT_23), 3)
    if not len(joints):
        raise InputError("expected observed frames of a person, got none: leave the clip out")
    chosen = joints[torch.linspace(0, len(joints) - 1, min(_FRAMES, len(joints))).round().long()]
    return _motion(chosen)


def _motion(joints: Tensor) -> Motion[Pose3D]:
    """Joints with how far each is trusted."""
    std = [_LOOSE.get(name.split("_")[-1], _JOINT_STD) for name in LIFT_23.joints]
    covariance = torch.eye(3, dtype=joints.dtype) * (torch.tensor(std) ** 2)[:, None, None]
    pose = Pose3D(joints, covariance.expand(*joints.shape, 3).to(joints), LIFT_23, "world")
    return Motion(pose, 30.0, 0, joints.isfinite().all(-1).any(-1))


def _fit_pose(own: Articulation, motion: Motion[Pose3D]) -> BodyParams:
    """Rotations and root for points of fixed shape, in chunks of bounded memory."""
    joints, parts = motion.pose.joints, list[BodyParams]()
    # Not the learned prior, which is learned from what comes out here.
    prior, options = smpl_prior(own.skeleton), FitOptions(fit_betas=False)
    for part in torch.split(joints, _CHUNK):
        piece = _motion(part)
        if bool(piece.observed.any()):
            parts.append(fit(own, piece, options=options, prior=prior).params)
        else:
            parts.append(_unknown(own, part))
    return BodyParams(
        parts[0].betas,
        torch.cat([p.body_pose for p in parts]),
        torch.cat([p.global_orient for p in parts]),
        torch.cat([p.transl for p in parts]),
    )


def _unknown(own: Articulation, joints: Tensor) -> BodyParams:
    frames, rotations = len(joints), len(own.skeleton) - 1
    betas = joints.new_zeros(1, own.joints_shapedirs.shape[-1])
    lost = joints.new_full((frames, rotations + 2, 3), torch.nan)
    return BodyParams(betas, lost[:, 2:], lost[:, 0], lost[:, 1])


def _with_lengths(table: PointTable, offsets: Tensor, joints: Tensor) -> Tensor:
    """Bones, and the distance of the hips, with the captured lengths, left and right alike."""
    offsets = offsets.clone()
    for start, end in _BONES:
        ratio = _length(joints, start, end) / _rest_length(table, offsets, end)
        for side in _SIDES:
            offsets[table.names.index(f"{side}_{end}")] *= ratio
    hips = [LIFT_23.index(f"{side}_hip") for side in _SIDES]
    width = (joints[:, hips[0]] - joints[:, hips[1]]).norm(dim=-1).nanmedian()
    for side, sign in zip(_SIDES, (1.0, -1.0), strict=True):
        offsets[table.names.index(f"{side}_hip"), 0] = sign * width / 2
    return offsets


def _length(joints: Tensor, start: str, end: str) -> Tensor:
    both = [
        joints[:, LIFT_23.index(f"{s}_{start}")] - joints[:, LIFT_23.index(f"{s}_{end}")]
        for s in _SIDES
    ]
    length: Tensor = torch.linalg.vector_norm(torch.stack(both), dim=-1).nanmedian()
    return length


def _rest_length(table: PointTable, offsets: Tensor, end: str) -> Tensor:
    both = [offsets[table.names.index(f"{side}_{end}")] for side in _SIDES]
    length: Tensor = torch.linalg.vector_norm(torch.stack(both), dim=-1).mean()
    return length


def _definitions(table: PointTable, posed: BodyParams, joints: Tensor) -> Tensor:
    """How much further each point lies in its carrier's frame, on average, mirrored on the right."""
    posed_points = place_points(
        table,
        rotmat_from_axis_angle(posed.axis_angle.double()),
        posed.transl.double(),
        posed.betas[0].double(),
    )
    away = joints.double()[:, _captured(table)] - posed_points.places
    away = away.nan_to_num() * away.isfinite()
    on = table.carrier.clamp(min=0)
    local = (posed_points.world[:, on].mT @ away[..., None])[..., 0]
    known = joints[:, _captured(table)].isfinite().all(-1)
    mean = (local * known[..., None]).sum(0) / known.sum(0).clamp(min=1)[:, None]
    return _mirrored_alike(table.names, mean)


def _captured(table: PointTable) -> list[int]:
    """The joint of `LIFT_23` for each point of the body; 0 where there is none."""
    return [LIFT_23.index(n) if n in LIFT_23.joints else 0 for n in table.names]


def _mirrored_alike(names: tuple[str, ...], mean: Tensor) -> Tensor:
    out = torch.zeros_like(mean)
    flip = mean.new_tensor([-1.0, 1.0, 1.0])
    for left in _PLACED:
        a, b = names.index(left), names.index(left.replace("left_", "right_"))
        out[a] = (mean[a] + mean[b] * flip) / 2
        out[b] = out[a] * flip
    return out


def _articulation(body: Articulation, table: PointTable, offsets: Tensor) -> Articulation:
    """A body of one shape from each point's offset to its carrier."""
    joints = len(table.parents)
    places: list[Tensor] = []
    for point, on in enumerate(table.carrier.tolist()):
        places.append(offsets[point] if on < 0 else places[on] + offsets[point])
    rest = torch.stack(places).float()
    return replace(
        body,
        joints_template=rest[:joints],
        joints_shapedirs=torch.zeros_like(body.joints_shapedirs),
        landmarks_template=rest[joints:],
        landmarks_shapedirs=torch.zeros_like(body.landmarks_shapedirs),
    )


def _limb_away(body: Articulation, params: BodyParams, motion: Motion[Pose3D]) -> Tensor:
    """From captured to posed limb joints, frame by frame [frames, 12, 3]."""
    table = point_table(body)
    rotmats = rotmat_from_axis_angle(params.axis_angle)
    places = place_points(table, rotmats, params.transl, params.betas[0]).places
    posed = places[:, [table.names.index(name) for name in LIMB_JOINTS]]
    return posed - motion.pose.joints[:, [LIFT_23.index(name) for name in LIMB_JOINTS]]


def _limb_error(body: Articulation, params: BodyParams, motion: Motion[Pose3D]) -> Tensor:
    error: Tensor = torch.linalg.vector_norm(_limb_away(body, params, motion), dim=-1)
    return error
