"""Frames of the body's segments in the axes of OpenSim: x forward, y up, z to the person's right.

From a body's rotations a segment's frame is exact, turned so that its zero is anatomical: an upper arm
that hangs, a thigh that stands. From joints alone the pelvis and the trunk have frames, by the line
between the hips or shoulders and the line of the spine; limbs have directions only.
"""

from collections.abc import Mapping
from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.body import Articulation, BodyParams
from lift3d.geometry.kinematics import forward_kinematics
from lift3d.geometry.rotations import rotmat_between, rotmat_from_axis_angle
from lift3d.skeletons import LIFT_23

__all__ = ["Frames", "body_frames", "has_segments", "root_place", "trunk_frames"]

Frames = Mapping[str, Float[Tensor, "frames 3 3"]]

# Columns are OpenSim's axes in those of a body at rest, which looks along z with its left along x.
_AXES: Final = torch.tensor([[0.0, 0, -1], [0, 1, 0], [1, 0, 0]], dtype=torch.float64)
_DOWN: Final = torch.tensor([0.0, -1, 0], dtype=torch.float64)
_LIMBS: Final = ("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle")
_NEEDED: Final = (
    "pelvis",
    "spine3",
    *(f"{side}_{joint}" for side in ("left", "right") for limb in _LIMBS for joint in limb),
)


def has_segments(body: Articulation) -> bool:
    """Whether a body has the joints that its segments' frames are made of: SMPL's names."""
    return all(name in body.skeleton.joints for name in _NEEDED)


def body_frames(
    body: Articulation, params: BodyParams, world_from_camera: Float[Tensor, "*frames 3 3"]
) -> Frames:
    """Frames of "pelvis", "torso" and, for each side, "arm", "forearm", "thigh", "shank", "foot".

    `params` are a clip of one shape in the camera frame.
    """
    names = body.skeleton.joints
    rest = _rest(body, params)
    turns = rotmat_from_axis_angle(params.axis_angle.double())
    still = rest.expand(*turns.shape[:-2], 3)
    turned, _ = forward_kinematics(turns, still, body.skeleton.parents)
    turned = world_from_camera[..., None, :, :] @ turned

    def frame(joint: str, zero: Tensor) -> Tensor:
        return turned[:, names.index(joint)] @ zero @ _AXES

    eye = torch.eye(3, dtype=torch.float64)
    frames = {"pelvis": frame("pelvis", eye), "torso": frame("spine3", eye)}
    for side in ("left", "right"):
        for (root, bend, end), (upper, lower) in zip(
            _LIMBS, (("arm", "forearm"), ("thigh", "shank")), strict=True
        ):
            at = [rest[names.index(f"{side}_{joint}")] for joint in (root, bend, end)]
            one, two = at[1] - at[0], at[2] - at[1]
            zero = rotmat_between(_DOWN, one)
            frames[f"{side}_{upper}"] = frame(f"{side}_{root}", zero)
            frames[f"{side}_{lower}"] = frame(f"{side}_{bend}", rotmat_between(one, two) @ zero)
        frames[f"{side}_foot"] = frame(f"{side}_ankle", eye)
    return frames


def root_place(body: Articulation, params: BodyParams) -> Float[Tensor, "frames 3"]:
    """Where the pelvis is, in metres in the frame of the parameters."""
    return _rest(body, params)[body.skeleton.index("pelvis")] + params.transl.double()


def _rest(body: Articulation, params: BodyParams) -> Float[Tensor, "joints 3"]:
    betas = params.betas.double()
    shape = betas.reshape(-1, betas.shape[-1]).nanmean(0)
    return body.joints_template.double() + body.joints_shapedirs.double() @ shape


def trunk_frames(joints: Float[Tensor, "frames 23 3"]) -> Frames:
    """Frames of "pelvis" and "torso" from joints of `LIFT_23` in a y-up world; NaN where unknown."""

    def at(name: str) -> Tensor:
        return joints[:, LIFT_23.index(name)]

    return {
        "pelvis": _frame(at("right_hip") - at("left_hip"), at("spine") - at("pelvis")),
        "torso": _frame(at("right_shoulder") - at("left_shoulder"), at("thorax") - at("spine")),
    }


def _frame(
    right: Float[Tensor, "frames 3"], up: Float[Tensor, "frames 3"]
) -> Float[Tensor, "frames 3 3"]:
    """The frame whose z is `right` and whose y is as near to `up` as that allows."""
    z = torch.nn.functional.normalize(right, dim=-1)
    x = torch.nn.functional.normalize(torch.linalg.cross(up, z), dim=-1)
    return torch.stack([x, torch.linalg.cross(z, x), z], -1)
