"""Writing BVH: a motion's numbers as a file, and bodies in the rigs of `bvh_rigs`."""

import os
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final, Literal, get_args

import numpy as np
import torch
from jaxtyping import Float64
from numpy import ndarray
from torch import Tensor

from lift3d.body import BodyParams
from lift3d.clip import Clip
from lift3d.errors import InputError
from lift3d.geometry.kinematics import forward_kinematics
from lift3d.geometry.rotations import rotmat_from_axis_angle
from lift3d.io.files.atomic import atomic_path
from lift3d.io.motion.bvh import BvhMotion
from lift3d.io.motion.bvh_rigs import BVH_RIGS, RigRest, rig_at_rest
from lift3d.io.motion.euler import continuous_euler
from lift3d.io.motion.world_body import person_in_world
from lift3d.protocols import BodyModel

__all__ = ["LengthUnit", "body_in_rig", "write_bvh", "write_bvh_motion"]

LengthUnit = Literal["cm", "m"]

_MOVING: Final = ("Xposition", "Yposition", "Zposition")
_PER_METRE: Final[Mapping[str, float]] = MappingProxyType({"cm": 100.0, "m": 1.0})


def write_bvh(
    path: str | os.PathLike[str],
    clip: Clip,
    body: BodyModel,
    *,
    rig: str = "smpl",
    person: int = 0,
    unit: str = "cm",
    on_floor: bool = True,
) -> None:
    """Write one person of a clip (a place in `clip.people`) as BVH, y up.

    Rigs: "smpl" has SMPL's 24 joints in their own rest pose, "cmu" and "mixamo" have those families'
    names and a T-pose. All give the body's joints where the body has them. A file does not say its
    unit of length: most tools take centimetres for granted. With `on_floor` the lowest place that
    anybody of the clip reaches lies at y = 0. Frames with NaN hold the nearest known pose.
    Raises `InputError` for an unknown rig, unit or person, and a body without SMPL's joints;
    `OutputError` where the file cannot be written.
    """
    params = person_in_world(clip, body, person, on_floor=on_floor)
    write_bvh_motion(path, body_in_rig(params, body, clip.fps, rig=rig, unit=unit))


def body_in_rig(
    params: BodyParams,
    body: BodyModel,
    fps: float,
    *,
    rig: str = "smpl",
    unit: str = "cm",
) -> BvhMotion:
    """A body of one shape over finite frames in a y-up world as the motion of a rig.

    A rig's joint turns as the joint that it follows does, counted from the rig's rest pose:
    H = G D^T, with G the body's rotation in the world and D that from its rest pose to the rig's.
    """
    if rig not in BVH_RIGS or unit not in _PER_METRE:
        raise InputError(
            f"expected a rig of {', '.join(BVH_RIGS)} and a unit of {', '.join(get_args(LengthUnit))}, "
            f"got '{rig}' and '{unit}': name one of each"
        )
    if not fps > 0:
        raise InputError(f"expected a frame rate above 0, got {fps}: give frames per second")
    betas = params.betas.reshape(-1, params.betas.shape[-1])[0].double()
    rest = rig_at_rest(BVH_RIGS[rig], body.articulation, betas)
    turns, root = _world_turns(params, body, betas)
    local = _local_turns(turns, rest)
    angles = np.rad2deg(continuous_euler(local.numpy(), rest.rig.order))
    return _motion(rest, root.numpy(), angles, 1 / fps, _PER_METRE[unit])


def _world_turns(
    params: BodyParams, body: BodyModel, betas: Tensor
) -> tuple[Float64[Tensor, "frames joints 3 3"], Float64[Tensor, "frames 3"]]:
    """The body's joints' rotations in the world, and its root's path (metres)."""
    a = body.articulation
    rest = a.joints_template.double() + a.joints_shapedirs.double() @ betas
    rotmats = rotmat_from_axis_angle(params.axis_angle.double())
    world, _ = forward_kinematics(rotmats, rest.expand(len(rotmats), -1, 3), a.skeleton.parents)
    return world, rest[0] + params.transl.double()


def _local_turns(world: Tensor, rest: RigRest) -> Float64[Tensor, "frames rig_joints 3 3"]:
    """The rig's joints' rotations in their parents' frames."""
    turned = world[:, list(rest.follows)] @ rest.turns.transpose(1, 2)
    parents = torch.tensor(rest.rig.parents)
    above = turned[:, parents].transpose(2, 3)
    eye = torch.eye(3, dtype=torch.float64)
    return torch.where(parents[:, None, None] < 0, eye, above) @ turned


def _motion(
    rest: RigRest, root: ndarray, angles: ndarray, frame_time: float, scale: float
) -> BvhMotion:
    """The rig's joints and tips side by side, lengths in the file's unit."""
    turning = tuple(f"{axis}rotation" for axis in rest.rig.order)
    places: list[int] = []
    rows: list[tuple[str, int, Tensor, tuple[str, ...]]] = []
    for joint, (spec, offset) in enumerate(zip(rest.rig.joints, rest.offsets, strict=True)):
        places.append(len(rows))
        parent, moving = (places[spec.parent], ()) if spec.parent >= 0 else (-1, _MOVING)
        rows.append((spec.name, parent, offset, (*moving, *turning)))
        if joint in rest.tips:
            rows.append((f"{spec.name}_end", places[joint], rest.tips[joint], ()))
    names, parents, offsets, channels = zip(*rows, strict=True)
    values = np.concatenate([root * scale, angles.reshape(len(angles), -1)], 1)
    lengths = torch.stack(offsets).numpy() * scale
    return BvhMotion(names, parents, lengths, channels, values, frame_time)


def write_bvh_motion(path: str | os.PathLike[str], motion: BvhMotion) -> None:
    """Write a motion as it is: numbers with six decimals, joints without channels as end sites.

    Raises `OutputError` where the file cannot be written.
    """
    with atomic_path(path) as partial, partial.open("w", encoding="utf-8", newline="\n") as file:
        file.write("HIERARCHY\n")
        file.writelines(f"{line}\n" for line in _tree(motion))
        file.write(f"MOTION\nFrames: {len(motion)}\nFrame Time: {motion.frame_time:.9g}\n")
        file.writelines(_rows(motion))


def _tree(motion: BvhMotion) -> Iterator[str]:
    """The lines of the hierarchy."""
    order = _depth_first(motion.parents)
    after = [*(depth for _, depth in order[1:]), 0]
    last = {joint for joint, _ in order} - set(motion.parents)
    for (joint, depth), then in zip(order, after, strict=True):
        names, tab = motion.channels[joint], "  " * depth
        tip = not names and joint in last
        yield f"{tab}{'End Site' if tip else f'{_kind(depth)} {motion.names[joint]}'}"
        yield f"{tab}{{"
        yield f"{tab}  OFFSET {' '.join(f'{x:.6f}' for x in motion.offsets[joint])}"
        if not tip:
            yield f"{tab}  CHANNELS {' '.join([str(len(names)), *names])}"
        yield from (f"{'  ' * level}}}" for level in range(depth, then - 1, -1))


def _kind(depth: int) -> str:
    return "JOINT" if depth else "ROOT"


def _rows(motion: BvhMotion) -> Iterator[str]:
    """A line per frame, with the columns in the order in which the tree names the joints."""
    widths = np.array([len(names) for names in motion.channels])
    starts = np.cumsum(widths) - widths
    joints = [joint for joint, _ in _depth_first(motion.parents)]
    columns = np.concatenate([np.arange(starts[j], starts[j] + widths[j]) for j in joints])
    line = " ".join(["%.6f"] * len(columns)) + "\n"
    for row in motion.values:
        yield line % tuple(row[columns])


def _depth_first(parents: Sequence[int]) -> list[tuple[int, int]]:
    """Each joint with its depth, a limb wholly before the next."""
    children: list[list[int]] = [[] for _ in parents]
    for joint, parent in enumerate(parents):
        if parent >= 0:
            children[parent].append(joint)
    order: list[tuple[int, int]] = []
    todo = [(0, 0)]
    while todo:
        joint, depth = todo.pop()
        order.append((joint, depth))
        todo += [(child, depth + 1) for child in reversed(children[joint])]
    return order
