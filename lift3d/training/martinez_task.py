"""The baseline as a task, with the recipe of its paper (Martinez et al., ICCV 2017, section 3.3).

One epoch on the real Human3.6M shows whether everything is in place: with ground-truth keypoints the
authors' code stands at about 56 mm after it (45.5 mm at the end), subjects 9 and 11. With the files of
Human3.6M in FOLDER that is

    lift3d train --lifter martinez --baseline.layout h36m_17 --dataset human36m --root FOLDER \\
        --cameras captured --training-split trainval --validation-split test --hold-out \\
        --steps 24371 --output OUT

since an epoch is 1,559,752 poses in batches of 64. Keypoints are those of the views: projected ones,
or detections where the dataset was given them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from torch import Generator, Tensor

from lift3d.geometry.rays import root_from_rays
from lift3d.lifting.martinez import (
    FOCAL,
    SIZE,
    MartinezNet,
    load_martinez,
    save_martinez,
)
from lift3d.losses import Term, reprojection, squared
from lift3d.metrics import CAPTURED_JOINTS, mpjpe
from lift3d.skeletons import LIFT_23
from lift3d.training.task import Forward, Scores
from lift3d.training.views import Seen, Shooter

__all__ = ["MartinezTask", "standardise"]

_STATISTICS: Final = 100_000
_CHUNK: Final = 2048
_UNIT: Final = 100.0
"""Pixels that weigh as much in the reprojection loss as one standard deviation of the joints."""


@dataclass(frozen=True, slots=True)
class MartinezTask:
    """Standardised root-relative joints from standardised pixels.

    `samples` are the validation views per subject. With `reprojection` above 0, people of whom only
    the picture is known are learned from too: their joints, placed where they fit the keypoints best,
    are to project to them.
    """

    network: MartinezNet
    shooter: Shooter
    samples: Mapping[str, Seen]
    reprojection: float = 0.0

    @property
    def name(self) -> str:
        return "martinez"

    @property
    def terms(self) -> tuple[str, ...]:
        return ("joints", "reprojection") if self.reprojection else ("joints",)

    def draw(self, count: int, generator: Generator) -> Seen:
        return self.shooter.draw(count, generator)

    def part(self, batch: Seen, rows: slice) -> Seen:
        return batch[rows]

    def losses(self, forward: Forward, batch: Seen) -> dict[str, Term]:
        """Squared error of the standardised joints; where there are none, of the projection."""
        inputs = self.network.standardised(batch.pixels, batch.seen)
        out = forward(inputs).float().reshape(len(batch), -1, 3)
        known = batch.known[:, 1:]
        terms = {"joints": squared(out, self.network.targets(batch.joints), known)}
        if self.reprojection:
            terms["reprojection"] = self._reprojection(out, batch)
        return terms

    def _reprojection(self, out: Tensor, batch: Seen) -> Term:
        layout = self.network.layout
        shared = [layout.outputs.index(name) for name in layout.inputs.joints]
        joints = self.network.in_metres(out)[:, shared]
        only_seen = batch.seen & ~batch.known.any(-1, keepdim=True)
        slopes = (batch.pixels - (SIZE - 1) / 2) / FOCAL
        rays = torch.cat([slopes, torch.ones_like(slopes[..., :1])], -1)
        enough = only_seen.sum(-1) >= 3
        weights = torch.where(enough[:, None], only_seen, torch.ones_like(only_seen)).to(rays)
        root = root_from_rays(joints, rays, weights)
        term = reprojection(
            joints + root[:, None],
            batch.pixels,
            _intrinsics(batch.pixels),
            only_seen & enough[:, None] & (root[:, 2:] > 0),
        )
        return Term(term.total * (self.reprojection / _UNIT), term.count)

    def validate(self) -> Scores:
        return _scores(self.network, self.samples)

    def save(self, path: Path) -> None:
        save_martinez(self.network, path)

    def finish(self, weights: Path) -> Scores:
        """Write the best network's error covariance beside its weights; its scores."""
        best = load_martinez(weights).to(self.network.joint_mean.device)
        best.covariance.copy_(_covariance(best, self.samples))
        save_martinez(best, weights)
        return _scores(best, self.samples)


def standardise(network: MartinezNet, shooter: Shooter, seed: int) -> None:
    """Put means and deviations of the training samples into a network."""
    device = network.joint_mean.device
    generator = Generator(device).manual_seed(seed)
    seen = shooter.draw(_STATISTICS, generator)
    mean, std = _moments(seen.pixels, seen.seen)
    network.pixel_mean.copy_(mean)
    network.pixel_std.copy_(std.clamp(min=1.0))
    mean, std = _moments(seen.joints[:, 1:] * 1000, seen.known[:, 1:])
    network.joint_mean.copy_(mean)
    network.joint_std.copy_(std.clamp(min=1.0))


def _moments(values: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
    mask = counts[..., None]
    number = mask.sum(0).clamp(min=1)
    mean = torch.where(mask, values, 0.0).sum(0) / number
    variance = torch.where(mask, (values - mean).square(), 0.0).sum(0) / number
    return mean, variance.sqrt()


def _intrinsics(pixels: Tensor) -> Tensor:
    centre = (SIZE - 1) / 2
    rows = [[FOCAL, 0.0, centre], [0.0, FOCAL, centre], [0.0, 0.0, 1.0]]
    return pixels.new_tensor(rows).expand(len(pixels), 3, 3)


def _scores(network: MartinezNet, samples: Mapping[str, Seen]) -> Scores:
    """MPJPE per subject, over the joints that accuracy is judged by, and its mean."""
    values = {name: _error_mm(network, seen) for name, seen in samples.items()}
    return Scores(sum(values.values()) / len(values), values)


@torch.inference_mode()
def _error_mm(network: MartinezNet, seen: Seen) -> float:
    judged = _judged(network)
    predicted = _predicted(network, seen)[:, judged]
    error = mpjpe(predicted, seen.joints[:, judged], seen.known[:, judged])
    return float(error.nanmean()) * 1000


def _judged(network: MartinezNet) -> list[int]:
    """The joints of `CAPTURED_JOINTS`; of a layout that has others, all but the root."""
    outputs = network.layout.outputs
    if all(name in LIFT_23.joints for name in outputs.joints):
        return [outputs.index(LIFT_23.joints[joint]) for joint in CAPTURED_JOINTS]
    return list(range(1, len(outputs)))


def _predicted(network: MartinezNet, seen: Seen) -> Tensor:
    parts = (seen[slice(i, i + _CHUNK)] for i in range(0, len(seen), _CHUNK))
    return torch.cat([network.joints(part.pixels, part.seen) for part in parts])


@torch.inference_mode()
def _covariance(network: MartinezNet, samples: Mapping[str, Seen]) -> Tensor:
    """Mean outer product of the errors per joint (square metres); the root gets that of the hips."""
    errors = torch.cat([_predicted(network, seen) - seen.joints for seen in samples.values()])
    known = torch.cat([seen.known for seen in samples.values()])
    errors = torch.where(known[..., None], errors, 0.0)
    table = torch.einsum("bji,bjk->jik", errors, errors) / known.sum(0)[:, None, None]
    outputs = network.layout.outputs
    table[0] = table[[outputs.index("left_hip"), outputs.index("right_hip")]].mean(0)
    eye = torch.eye(3, device=table.device)
    return table.nan_to_num(nan=0.01) + eye * 0.005**2
