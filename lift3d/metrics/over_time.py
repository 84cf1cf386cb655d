"""How well predicted joints move: velocity, acceleration, sliding feet.

The axis before the joints is time, in evenly spaced frames. A joint counts where the mask is true in
every frame that a difference takes.
"""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lift3d.errors import InputError
from lift3d.metrics.positions import mpjpe

__all__ = ["acceleration_error", "foot_contact_speed", "mpjve"]


def mpjve(
    predicted: Float[Tensor, "*batch frames joints 3"],
    target: Float[Tensor, "*batch frames joints 3"],
    mask: Bool[Tensor, "*batch frames joints"],
) -> Float[Tensor, "*batch frames_but_one"]:
    """Mean per-joint velocity error in metres per frame (Pavllo et al., VideoPose3D, CVPR 2019).

    Velocities are differences of neighbouring frames. Raises `InputError` below 2 frames.
    """
    _expect_frames(predicted, 2, "a velocity")
    both = mask[..., 1:, :] & mask[..., :-1, :]
    return mpjpe(predicted.diff(dim=-3), target.diff(dim=-3), both)


def acceleration_error(
    predicted: Float[Tensor, "*batch frames joints 3"],
    target: Float[Tensor, "*batch frames joints 3"],
    mask: Bool[Tensor, "*batch frames joints"],
) -> Float[Tensor, "*batch frames_but_two"]:
    """Mean per-joint acceleration error in metres per frame^2 (Kanazawa et al., HMMR, CVPR 2019).

    The acceleration is x[t - 1] - 2 x[t] + x[t + 1], without the frame rate: papers print it in
    "mm/s^2" all the same. Multiply by fps^2 for that unit. Raises `InputError` below 3 frames.
    """
    _expect_frames(predicted, 3, "an acceleration")
    all_three = mask[..., 2:, :] & mask[..., 1:-1, :] & mask[..., :-2, :]
    return mpjpe(predicted.diff(2, dim=-3), target.diff(2, dim=-3), all_three)


def foot_contact_speed(
    predicted: Float[Tensor, "*batch frames feet 3"],
    target: Float[Tensor, "*batch frames feet 3"],
    mask: Bool[Tensor, "*batch frames feet"],
    fps: float,
    still: float = 0.15,
) -> Float[Tensor, "*batch frames_but_one"]:
    """Mean speed (metres per second) of predicted feet that stand in truth: how much they slide.

    A foot stands between two frames where the true one moves slower than `still` metres per second.
    Both must be in a frame that is fixed to the ground. NaN where no foot stands.
    """
    _expect_frames(predicted, 2, "a speed")
    both = mask[..., 1:, :] & mask[..., :-1, :]
    speed, true_speed = (
        torch.linalg.vector_norm(path.diff(dim=-3), dim=-1) * fps for path in (predicted, target)
    )
    return torch.where(both & (true_speed < still), speed, torch.nan).nanmean(-1)


def _expect_frames(joints: Tensor, least: int, what: str) -> None:
    if joints.shape[-3] < least:
        raise InputError(
            f"expected at least {least} frames for {what}, got {joints.shape[-3]}: "
            "give a longer clip"
        )
