"""Training poses made on the body: captured rotations, recombined and perturbed, on random shapes.

Everything happens to joint rotations: limbs come from other frames, joints turn a little further
within their limits, left and right are exchanged, clips run slower or faster. Random betas and a
random size then place joints and landmarks by forward kinematics; no vertex is touched. Points come
out by name, so any layout can be trained from them.

`people` puts them before the lifters, from `scripts/retarget_mocap.py`'s files.
"""

from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Bool, Float
from torch import Generator, Tensor

from lift3d.body import Articulation
from lift3d.fitting.detector_points import SKIN_POINTS
from lift3d.fitting.limits import JointLimits, joint_limits, swing_twist
from lift3d.fitting.points import PointTable, point_table
from lift3d.geometry.rotations import quat_wxyz_from_axis_angle, rotmat_from_quat_wxyz
from lift3d.skeleton import Skeleton
from lift3d.training.pose_bank import RotationBank
from lift3d.training.turns import between, interpolated, product

__all__ = ["BodyFactory", "PosedBodies", "PosedConfig", "PosedPoints"]

_ARM: Final = ("collar", "shoulder", "elbow", "wrist", "hand")
_LEG: Final = ("hip", "knee", "ankle", "foot")
_TRUNK: Final = ("spine1", "spine2", "spine3", "neck", "head")
# How freely a joint is perturbed, relative to the others; hinges and the many bones of the back less.
_FREEDOM: Final = {"spine1": 0.5, "spine2": 0.5, "spine3": 0.5, "collar": 0.5, "hand": 0.5}


@dataclass(frozen=True, slots=True)
class PosedConfig:
    """How far training bodies may go from captured ones."""

    share: float = 0.6
    """Share of poses whose rotations are changed; the rest are as captured."""
    swap: float = 0.25
    """Chance for each arm and leg, and for the upper body, to come from another frame."""
    turn: float = 0.12
    """Standard deviation (radians) of random turns of joints, within their limits."""
    beta: float = 1.0
    """Standard deviation of betas, cut off at 2.5 of them."""
    size: float = 0.04
    """Standard deviation of the log size of the whole body."""
    mirror: float = 0.5
    """Share of bodies as seen in a mirror."""
    speed: float = 1.4
    """Clips run up to so many times faster or slower."""


@dataclass(frozen=True, slots=True)
class PosedPoints:
    """Joints and landmarks by name (metres, y up; the root at the origin in single poses)."""

    names: tuple[str, ...]
    places: Float[Tensor, "*batch points 3"]

    def of(
        self, skeleton: Skeleton, *, skin: float = 0.0
    ) -> tuple[Float[Tensor, "*batch joints 3"], Bool[Tensor, " joints"]]:
        """The joints of a layout, and which of them the body has a point for.

        Hips and shoulders lie the share `skin` of the way from the joint to the place on the skin
        that annotators aim at, where the points have it (`detector_points.with_skin_points`).
        """
        known = torch.tensor([name in self.names for name in skeleton.joints])
        index = [self.names.index(n) if n in self.names else 0 for n in skeleton.joints]
        places = self.places[..., index, :] * known[:, None]
        for joint, landmark in SKIN_POINTS.items():
            if skin and landmark in self.names and joint in skeleton.joints:
                at, mark = skeleton.index(joint), self.places[..., self.names.index(landmark), :]
                places[..., at, :] = torch.lerp(places[..., at, :], mark, skin)
        return places, known


@dataclass(frozen=True, slots=True)
class PosedBodies:
    """Local rotations as unit quaternions, betas, and the body's points (metres, y up)."""

    quats: Float[Tensor, "count frames joints 4"]
    betas: Float[Tensor, "count betas"]
    places: Float[Tensor, "count frames points 3"]


class BodyFactory:
    """Draws bodies from a bank; what it needs of the body model is gathered once.

    The bank's joints must be the body's. All draws depend on the generator only.
    """

    def __init__(self, bank: RotationBank, body: Articulation, config: PosedConfig) -> None:
        self.bank, self.config = bank, config
        self.skeleton = body.skeleton
        self.table: PointTable = point_table(body)
        self.limits: JointLimits = joint_limits(body.skeleton)
        self.freedom = torch.tensor([_FREEDOM.get(_kind(n), 1.0) for n in body.skeleton.joints])
        self.freedom[0] = 0.0  # cameras turn whole bodies
        self.parts = _parts(body.skeleton)
        self.levels = _levels(body.skeleton)
        self.order = torch.tensor([0, *(j for level in self.levels for j in level)]).argsort()
        self.flip = list(body.skeleton.flip_permutation)

    def poses(self, count: int, generator: Generator) -> PosedPoints:
        """Single poses, each of a person of its own, the root's joint at the origin."""
        return PosedPoints(self.table.names, self.bodies(count, 1, generator).places[:, 0])

    def clips(
        self, count: int, frames: int, generator: Generator, *, fps: float = 30.0
    ) -> PosedPoints:
        """Clips of one person each at a frame rate; the root starts at the origin and moves."""
        return PosedPoints(self.table.names, self.bodies(count, frames, generator, fps=fps).places)

    def bodies(
        self, count: int, frames: int, generator: Generator, *, fps: float = 30.0
    ) -> PosedBodies:
        """Clips with what poses them; a clip of one frame stays at the origin."""
        quats, path = self.rotations(count, frames, generator, fps=fps)
        betas, size = self.shapes(count, generator)
        places = self.places(quats.flatten(0, 1), betas.repeat_interleave(frames, 0))
        places = (places - places[:, :1]).reshape(count, frames, -1, 3)
        return PosedBodies(quats, betas, (places + path[:, :, None]) * size[:, None])

    def shapes(
        self, count: int, generator: Generator
    ) -> tuple[Float[Tensor, "count betas"], Float[Tensor, "count 1 1"]]:
        """Random betas and sizes."""
        betas = torch.randn(count, self.table.shapedirs.shape[-1], generator=generator)
        betas = betas.clamp(-2.5, 2.5) * self.config.beta
        size = torch.randn(count, 1, 1, generator=generator) * self.config.size
        return betas, size.exp()

    def rotations(
        self, count: int, frames: int, generator: Generator, *, fps: float = 30.0
    ) -> tuple[Float[Tensor, "count frames joints 4"], Float[Tensor, "count frames 3"]]:
        """Local rotations as unit quaternions, changed as configured, and the root's path (metres)."""
        captured, path = self._captured(count, frames, generator, fps)
        rows = torch.nonzero(torch.rand(count, generator=generator) < self.config.share)[:, 0]
        captured[rows] = self._turned(self._recombined(captured, rows, generator), generator)
        return self._mirrored(captured, path, generator)

    def _recombined(self, captured: Tensor, rows: Tensor, generator: Generator) -> Tensor:
        """Some people, each limb their own or somebody else's."""
        count, frames, joints = captured.shape[:3]
        owner = rows[:, None].repeat(1, joints)
        for part in self.parts:
            other = torch.randint(0, count, (len(rows), 1), generator=generator)
            taken = torch.rand(len(rows), 1, generator=generator) < self.config.swap
            owner = torch.where(taken & part, other, owner)
        # One lookup of whole rotations is faster than moving limb by limb.
        at = owner[:, None] * frames + torch.arange(frames)[:, None]
        at = at * joints + torch.arange(joints)
        return (
            captured.reshape(-1, 4)
            .index_select(0, at.flatten())
            .reshape(len(rows), *captured.shape[1:])
        )

    def _captured(
        self, count: int, frames: int, generator: Generator, fps: float
    ) -> tuple[Tensor, Tensor]:
        bank = self.bank
        if frames == 1:
            rows = bank.draw(count, generator)
            quats = quat_wxyz_from_axis_angle(bank.axis_angle[rows])
            return quats[:, None], torch.zeros(count, 1, 3)
        # The bank's clips have one frame rate; a run is long enough for the fastest.
        rate = float(bank.fps[0]) / fps * self.config.speed
        reach = max(2, int(frames * rate) + 2)
        start = bank.draw_runs(count, reach, generator)
        power = torch.rand(count, generator=generator) * 2 - 1
        step = self.config.speed**power * float(bank.fps[0]) / fps
        rows = start[:, None] + torch.arange(reach)
        at = (step[:, None] * torch.arange(frames)).clamp(max=reach - 1.001)
        quats = interpolated(quat_wxyz_from_axis_angle(bank.axis_angle[rows]), at)
        path = bank.transl[rows]
        return quats, between(path - path[:, :1], at)

    def _turned(self, quats: Tensor, generator: Generator) -> Tensor:
        """Small turns, the same over a clip; a joint that would leave its limits stays as it was."""
        shape = (len(quats), 1, quats.shape[2], 3)
        turn = torch.randn(shape, generator=generator) * (self.config.turn * self.freedom[:, None])
        turned = product(quats, quat_wxyz_from_axis_angle(turn))
        allowed = self._beyond(turned) <= self._beyond(quats) + 1e-4
        return torch.where(allowed.all(1, keepdim=True)[..., None], turned, quats)

    def _beyond(self, quats: Tensor) -> Float[Tensor, "count frames joints"]:
        parts = swing_twist(quats, self.limits.axis)
        over = torch.maximum(parts - self.limits.high, self.limits.low - parts)
        return over.clamp(min=0).amax(-1)

    def _mirrored(self, quats: Tensor, path: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
        chosen = torch.rand(len(quats), generator=generator) < self.config.mirror
        rows = torch.nonzero(chosen)[:, 0]
        # Mirroring at the plane x = 0 keeps w and turns about x, and reverses the other two.
        quats[rows] = quats[rows][:, :, self.flip] * quats.new_tensor([1.0, 1.0, -1.0, -1.0])
        path[rows] = path[rows] * path.new_tensor([-1.0, 1.0, 1.0])
        return quats, path

    def places(
        self, quats: Float[Tensor, "count joints 4"], betas: Float[Tensor, "count betas"]
    ) -> Float[Tensor, "count points 3"]:
        """Forward kinematics of all points, level by level of the tree (metres)."""
        table, joints = self.table, quats.shape[1]
        local = rotmat_from_quat_wxyz(quats)
        offsets = betas @ table.shapedirs.flatten(0, 1).T
        offsets = offsets.reshape(len(betas), -1, 3) + table.template
        offsets_at = offsets[..., None]
        world, places = [local[:, :1]], [offsets_at[:, :1]]
        above = [0]
        for level in self.levels:
            up = torch.tensor([above.index(table.parents[joint]) for joint in level])
            turn = world[-1].index_select(1, up)
            here = torch.tensor(level)
            arm = turn @ offsets_at.index_select(1, here)
            places.append(places[-1].index_select(1, up) + arm)
            world.append(turn @ local.index_select(1, here))
            above = level
        turned = torch.cat(world, 1).index_select(1, self.order)
        placed = torch.cat(places, 1).index_select(1, self.order)
        on = table.carrier[joints:]
        moved = turned.index_select(1, on) @ offsets_at[:, joints:]
        return torch.cat([placed, placed.index_select(1, on) + moved], 1)[..., 0]


def _parts(skeleton: Skeleton) -> list[Bool[Tensor, " joints"]]:
    """Joints that change owner together: each limb, and the trunk with all that hangs on it."""
    names = skeleton.joints
    limbs = [(side, part) for side in ("left_", "right_") for part in (_ARM, _LEG)]
    chosen = [[n.startswith(side) and _kind(n) in part for n in names] for side, part in limbs]
    chosen.append([_kind(name) in (*_TRUNK, *_ARM) for name in names])
    return [torch.tensor(part) for part in chosen]


def _levels(skeleton: Skeleton) -> list[list[int]]:
    """Joints by their distance from the root, without it."""
    depth: list[int] = []
    for parent in skeleton.parents:
        depth.append(0 if parent < 0 else depth[parent] + 1)
    return [[j for j, d in enumerate(depth) if d == level] for level in range(1, max(depth) + 1)]


def _kind(joint: str) -> str:
    return joint.removeprefix("left_").removeprefix("right_")
