"""Captured clips to draw runs of frames from, in their source's own definitions."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Generator, Tensor

from lift3d.errors import InputError
from lift3d.protocols import MotionClip
from lift3d.skeletons import LIFT_23
from lift3d.training.body import Poses
from lift3d.training.people import People, as_people, drawn_on_cpu
from lift3d.training.recombine import RecombineConfig, mirrored, resized
from lift3d.training.turns import between

__all__ = ["CapturedClips", "JointClips", "joint_clips", "runs_of"]

_SPEED = 1.4
"""Clips run up to so many times faster or slower."""


@dataclass(frozen=True, slots=True)
class JointClips:
    """Joints of many clips (`LIFT_23`, metres, y-up world), one clip after the other.

    `ok` are frames with all limbs; `valid` tells for each frame which joints its clip knows.
    """

    joints: Float[Tensor, "frames 23 3"]
    ok: Bool[Tensor, " frames"]
    valid: Bool[Tensor, "frames 23"]
    ends: Int[Tensor, " frames"]
    fps: Float[Tensor, " frames"]
    weight: Float[Tensor, " frames"]

    def __len__(self) -> int:
        return len(self.ok)

    def runs(self, count: int, frames: int, generator: Generator) -> Int[Tensor, " count"]:
        """First frames, drawn by weight, of runs of `frames` frames in one clip, all of them ok."""
        good = torch.cat([torch.zeros(1, dtype=torch.long), self.ok.long().cumsum(0)])
        last = torch.arange(len(self)) + frames
        whole = (last <= self.ends) & (good[last.clamp(max=len(self))] - good[:-1] == frames)
        until = (self.weight.double() * whole).cumsum(0)
        if not bool(until[-1] > 0):
            raise InputError(
                f"expected clips with {frames} good frames in a row, got none: ask for fewer frames"
            )
        at = torch.rand(count, generator=generator, dtype=torch.float64) * until[-1]
        return torch.searchsorted(until, at, right=True).clamp(max=len(until) - 1)


def joint_clips(clips: Iterable[MotionClip]) -> JointClips:
    """All frames of clips, in memory; a clip may carry a `weight` per frame and counts 1 otherwise."""
    limbs = [i for i, j in enumerate(LIFT_23.joints) if j.split("_")[-1] in _LIMBS]
    columns: list[tuple[Tensor, ...]] = []
    start = 0
    for clip in clips:
        joints = clip.motion.pose.require_frame("world").to(LIFT_23).joints.float()
        finite = joints.isfinite().all(-1)
        ok = clip.motion.observed & finite[:, [0, *limbs]].all(-1)
        if not bool(ok.any()):
            continue
        start += len(joints)
        one = torch.ones(len(joints))
        known = finite[ok].all(0).expand(len(joints), -1)
        weight = one * float(getattr(clip, "weight", 1.0))
        columns.append(
            (joints.nan_to_num(), ok, known, one.long() * start, one * clip.motion.fps, weight)
        )
    if not columns:
        raise InputError(
            "expected at least one observed clip to learn from, got none: give clips with people in them"
        )
    return JointClips(*(torch.cat(column) for column in zip(*columns, strict=True)))


_LIMBS = ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")


class CapturedClips:
    """Runs of captured frames: other sizes and speeds, and half of them mirrored."""

    def __init__(self, clips: JointClips, config: RecombineConfig) -> None:
        self.clips, self.config = clips, config

    def __len__(self) -> int:
        return len(self.clips)

    def draw(self, count: int, frames: int, generator: Generator, *, fps: float) -> People:
        """Runs of one person each; joints that the source does not know stay unknown."""
        return drawn_on_cpu(generator, lambda g: self._draw(count, frames, g, fps))

    def _draw(self, count: int, frames: int, generator: Generator, fps: float) -> People:
        rate = float(self.clips.fps[0]) / fps
        reach = int(frames * rate * _SPEED) + 2
        start = self.clips.runs(count, reach, generator)
        step = rate * _SPEED ** (torch.rand(count, generator=generator) * 2 - 1)
        at = (step[:, None] * torch.arange(frames)).clamp(max=reach - 1.001)
        rows = start[:, None] + torch.arange(reach)
        flat = between(self.clips.joints[rows].flatten(2), at)
        world = torch.unflatten(flat, -1, (-1, 3))
        path = world[:, :, 0] - world[:, :1, 0]
        local = (world - world[:, :, :1]).flatten(0, 1)
        valid = self.clips.valid[start].repeat_interleave(frames, 0)
        poses = Poses(
            resized(local, self.config, generator, frames=frames) * valid[..., None], valid
        )
        people = as_people(mirrored(poses, generator, frames=frames))
        joints = torch.unflatten(people.joints[:, 0], 0, (count, frames))
        return People(joints, path, people.valid[::frames])


def runs_of(clips: Sequence[MotionClip], frames: int, at_most: int) -> People:
    """Runs of clips as they were captured, at most so many, evenly over all of them.

    Clips are taken at their own frame rate. Where none is long enough, the longest stands still at its
    end.
    """
    found = joint_clips(clips)
    good = torch.cat([torch.zeros(1, dtype=torch.long), found.ok.long().cumsum(0)])
    last = torch.arange(len(found)) + frames
    whole = (last <= found.ends) & (good[last.clamp(max=len(found))] - good[:-1] == frames)
    starts = torch.nonzero(whole)[:, 0]
    if not len(starts):
        starts = found.ok.long().argmax()[None]
    starts = starts[torch.linspace(0, len(starts) - 1, min(at_most, len(starts))).long()]
    rows = (starts[:, None] + torch.arange(frames)).minimum(found.ends[starts][:, None] - 1)
    world = found.joints[rows]
    valid = found.valid[starts]
    local = (world - world[:, :, :1]) * valid[:, None, :, None]
    people = as_people(Poses(local.flatten(0, 1), valid.repeat_interleave(frames, 0)))
    joints = torch.unflatten(people.joints[:, 0], 0, (len(starts), frames))
    return People(joints, world[:, :, 0] - world[:, :1, 0], people.valid[::frames])
