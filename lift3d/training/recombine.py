"""New poses from old ones: limbs of other frames, small bends, other bone lengths, mirror images."""

from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from lift3d.geometry.rotations import rotmat_from_axis_angle
from lift3d.skeletons import LIFT_23
from lift3d.training.body import (
    CHAINS,
    HEAD,
    SIDES,
    UPPER_BODY,
    Poses,
    indices,
    lower_frame,
    upper_frame,
)

__all__ = ["RecombineConfig", "mirrored", "recombined", "resized"]


@dataclass(frozen=True, slots=True)
class RecombineConfig:
    """How far training poses may go from captured ones."""

    share: float = 0.6
    """Share of poses that are changed by `swap` and `bend`; the rest are as captured."""
    swap: float = 0.3
    """Chance for each limb, and for the upper body, to come from another frame."""
    bend: float = 0.12
    """Standard deviation (radians) of random turns at shoulders and hips."""
    bone: float = 0.06
    """Standard deviation of the log length of each pair of bones."""
    body: float = 0.04
    """Standard deviation of the log size of the whole body."""


_SHOULDERS: Final = indices("left_shoulder", "right_shoulder")
_TRUNK: Final = indices("spine", "thorax")


def recombined(poses: Poses, config: RecombineConfig, generator: Generator) -> Poses:
    """As many poses as came in, most of them changed at random."""
    captured = poses
    for (_, limb), chain in CHAINS.items():
        frame = upper_frame if limb == "arm" else lower_frame
        poses = _with_limb(poses, chain, frame(poses.joints), config.swap, generator)
    upper = [0, *UPPER_BODY]
    poses = _with_limb(poses, upper, lower_frame(poses.joints), config.swap, generator)
    joints = _bent(poses.joints, config.bend, generator)
    changed = _chance(len(poses), generator)[:, None] < config.share
    joints = torch.where(changed[..., None], joints, captured.joints)
    poses = Poses(joints, torch.where(changed, poses.valid, captured.valid))
    joints = resized(joints, config, generator)
    return mirrored(Poses(joints * poses.valid[..., None], poses.valid), generator)


def _with_limb(
    poses: Poses, chain: list[int], frame: Tensor, share: float, generator: Generator
) -> Poses:
    """Some poses get the joints `chain[1:]` of another pose, carried over in the body's frame."""
    other = torch.randperm(len(poses), generator=generator, device=generator.device)
    taken = _chance(len(poses), generator) < share
    root, parts = chain[0], chain[1:]
    turn = frame @ frame[other].mT
    moved = poses.joints[other][:, parts] - poses.joints[other][:, root : root + 1]
    moved = moved @ turn.mT + poses.joints[:, root : root + 1]
    joints, valid = poses.joints.clone(), poses.valid.clone()
    joints[:, parts] = torch.where(taken[:, None, None], moved, joints[:, parts])
    valid[:, parts] = torch.where(taken[:, None], poses.valid[other][:, parts], valid[:, parts])
    return Poses(joints, valid)


def _bent(joints: Tensor, bend: float, generator: Generator) -> Tensor:
    """Random turns: neck, shoulders, hips and ankles in full, the waist and the hinges about half.

    Elbows and knees are hinges: a larger turn would bend straight ones the wrong way.
    """
    joints = joints.clone()
    _turn(joints, joints[:, :1], UPPER_BODY, bend * 0.6, generator)
    _turn(joints, joints[:, _SHOULDERS].mean(1, keepdim=True), HEAD, bend, generator)
    for chain in CHAINS.values():
        _turn(joints, joints[:, chain[:1]], chain[1:], bend, generator)
        _turn(joints, joints[:, chain[1:2]], chain[2:], bend * 0.5, generator)
    for side in SIDES:
        ankle, *foot = CHAINS[side, "leg"][2:]
        _turn(joints, joints[:, [ankle]], foot, bend, generator)
    return joints


def _turn(
    joints: Tensor, pivot: Tensor, parts: list[int], size: float, generator: Generator
) -> None:
    pivot = pivot.clone()
    axis_angle = torch.randn(len(joints), 3, generator=generator, device=generator.device) * size
    rotmat = rotmat_from_axis_angle(axis_angle)
    joints[:, parts] = (joints[:, parts] - pivot) @ rotmat.mT + pivot


def resized(
    joints: Float[Tensor, "batch 23 3"],
    config: RecombineConfig,
    generator: Generator,
    *,
    frames: int = 1,
) -> Float[Tensor, "batch 23 3"]:
    """Bones longer or shorter, left and right alike, then the body larger or smaller.

    So many consecutive rows are `frames` of one person, who is changed alike in all.
    """
    count = len(joints) // frames

    def factor() -> Float[Tensor, "batch 1 1"]:
        return (_normal(count, generator) * config.bone).exp().repeat_interleave(frames, 0)

    out = torch.empty_like(joints)
    out[:, 0] = joints[:, 0]
    trunk, clavicle, head = factor(), factor(), factor()
    middle = joints[:, _SHOULDERS].mean(1, keepdim=True)
    out[:, _TRUNK] = joints[:, _TRUNK] * trunk
    out[:, _SHOULDERS] = middle * trunk + (joints[:, _SHOULDERS] - middle) * clavicle
    out[:, HEAD] = middle * trunk + (joints[:, HEAD] - middle) * head
    hips = indices("left_hip", "right_hip")
    out[:, hips] = joints[:, hips] * factor()
    for limb in ("arm", "leg"):
        upper, lower, foot = factor(), factor(), factor()
        for side in SIDES:
            top, middle_joint, end, *tips = CHAINS[side, limb]
            _stretch(out, joints, top, [middle_joint], upper)
            _stretch(out, joints, middle_joint, [end], lower)
            _stretch(out, joints, end, tips, foot)
    size = (_normal(count, generator) * config.body).exp().repeat_interleave(frames, 0)
    return out * size


def _chance(count: int, generator: Generator) -> Tensor:
    return torch.rand(count, generator=generator, device=generator.device)


def _normal(count: int, generator: Generator) -> Float[Tensor, "batch 1 1"]:
    return torch.randn(count, 1, 1, generator=generator, device=generator.device)


def _stretch(out: Tensor, joints: Tensor, parent: int, parts: list[int], factor: Tensor) -> None:
    bone = joints[:, parts] - joints[:, parent : parent + 1]
    out[:, parts] = out[:, parent : parent + 1] + bone * factor


def mirrored(poses: Poses, generator: Generator, *, frames: int = 1) -> Poses:
    """Half of the people as seen in a mirror; so many consecutive rows are `frames` of one."""
    chosen = _chance(len(poses) // frames, generator).repeat_interleave(frames) < 0.5
    flip = list(LIFT_23.flip_permutation)
    joints = poses.joints[:, flip] * poses.joints.new_tensor([-1.0, 1.0, 1.0])
    valid = torch.where(chosen[:, None], poses.valid[:, flip], poses.valid)
    return Poses(torch.where(chosen[:, None, None], joints, poses.joints), valid)
