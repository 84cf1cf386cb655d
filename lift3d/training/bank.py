"""Many poses to draw from: in memory, on a GPU, or mapped from a file that is larger than either."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Generator, Tensor

from lift3d.errors import InputError
from lift3d.protocols import MotionClip
from lift3d.skeleton import Skeleton
from lift3d.skeletons import LIFT_23
from lift3d.training.body import Poses

__all__ = ["ClipRows", "Corpus", "PoseBank", "clip_poses", "gather", "poses_from"]

_LIMBS = tuple(
    f"{side}_{part}"
    for side in ("left", "right")
    for part in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")
)


@dataclass(frozen=True, slots=True)
class ClipRows:
    """Where the usable frames of a clip lie in a corpus, and what the clip says about itself.

    `skipped` frames were not observed or lack a limb; `unknown` joints of the others are NaN in the
    source.
    """

    name: str
    subject: str
    dataset: str
    split: str
    measured: bool
    weight: float
    start: int
    count: int
    skipped: int = 0
    unknown: int = 0


@dataclass(frozen=True, slots=True)
class Corpus:
    """The poses of many clips, one after the other; `poses` may be mapped from a file."""

    poses: Poses
    clips: tuple[ClipRows, ...]

    def rows(self, clips: Iterable[ClipRows]) -> Int[Tensor, " rows"]:
        """The rows of some clips."""
        return torch.cat([torch.arange(c.start, c.start + c.count) for c in clips])


@dataclass(frozen=True, slots=True)
class PoseBank:
    """Poses of some clips of a corpus, to be drawn by weight.

    Clip i has the rows from `start[i]`, `weight[i]` each; `until` are the summed weights of the clips
    so far.
    """

    poses: Poses
    start: Int[Tensor, " clips"]
    count: Int[Tensor, " clips"]
    weight: Float[Tensor, " clips"]
    until: Float[Tensor, " clips"]

    @classmethod
    def of(cls, poses: Poses, clips: Sequence[ClipRows]) -> "PoseBank":
        """A bank of clips with at least one frame; `InputError` where there is none."""
        used = [clip for clip in clips if clip.count and clip.weight > 0]
        if not used:
            raise InputError(
                "expected at least one observed frame to learn from, got none: "
                "check the dataset's path and split"
            )
        start = torch.tensor([clip.start for clip in used])
        count = torch.tensor([clip.count for clip in used])
        weight = torch.tensor([clip.weight for clip in used], dtype=torch.float64)
        return cls(poses, start, count, weight, (weight * count).cumsum(0))

    def __len__(self) -> int:
        return int(self.count.sum())

    def to(self, device: torch.device) -> "PoseBank":
        """The same bank, resident on a device."""
        fields = (self.start, self.count, self.weight, self.until)
        return PoseBank(self.poses.to(device), *(field.to(device) for field in fields))

    def draw(self, count: int, generator: Generator) -> Poses:
        """Poses drawn by weight, with replacement, on the generator's device.

        Of poses that are mapped from a file only the drawn ones are read.
        """
        device = generator.device
        at = torch.rand(count, generator=generator, dtype=torch.float64, device=device)
        at = at.to(self.until.device) * self.until[-1]
        clip = torch.searchsorted(self.until, at).clamp(max=len(self.until) - 1)
        frames = self.count[clip]
        before = self.until[clip] - self.weight[clip] * frames
        frame = ((at - before) / self.weight[clip]).long().clamp(min=0).minimum(frames - 1)
        return self.poses[self.start[clip] + frame].to(device)


def clip_poses(
    clip: MotionClip, skeleton: Skeleton = LIFT_23
) -> tuple[Float[Tensor, "frames joints 3"], Bool[Tensor, " total"]]:
    """Root-relative joints of a clip's usable frames (NaN where not known), and which they are.

    A frame is usable where it was observed and all limbs are known.
    """
    pose = clip.motion.pose.require_frame("world").to(skeleton)
    limbs = [skeleton.index(name) for name in _LIMBS]
    usable = clip.motion.observed & pose.joints[:, limbs].isfinite().all(-1).all(-1)
    kept = pose.joints[usable].float()
    return kept - kept[:, :1], usable


def gather(clips: Iterable[MotionClip], skeleton: Skeleton = LIFT_23) -> PoseBank:
    """All usable frames of clips, in memory.

    A clip may carry a `weight` per frame and counts 1 otherwise.
    """
    joints: list[Tensor] = []
    rows: list[ClipRows] = []
    start = 0
    for clip in clips:
        kept, _ = clip_poses(clip, skeleton)
        weight = float(getattr(clip, "weight", 1.0))
        rows.append(ClipRows(clip.name, clip.subject, "", "", True, weight, start, len(kept)))
        joints.append(kept)
        start += len(kept)
    return PoseBank.of(poses_from(joints), rows)


def poses_from(joints: Sequence[Float[Tensor, "_ joints 3"]]) -> Poses:
    """One run of poses from many, NaN joints marked as not valid."""
    if not joints:
        return Poses(torch.zeros(0, 1, 3), torch.zeros(0, 1, dtype=torch.bool))
    everything = torch.cat(list(joints))
    return Poses(everything.nan_to_num(), everything.isfinite().all(-1))
