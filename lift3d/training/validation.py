"""Validation while training: error per subject, with perfect and with detector-like keypoints."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from lift3d.lifting.universal import INPUT_JOINTS, UniversalNet, View, predict
from lift3d.metrics import CAPTURED_JOINTS, mpjpe
from lift3d.training.body import Poses, indices
from lift3d.training.noise import NoiseConfig
from lift3d.training.samples import Sample, observe

__all__ = ["Validation", "error_covariance", "validate", "validation_samples"]

_JUDGED: Final = list(CAPTURED_JOINTS)


@dataclass(frozen=True, slots=True)
class Validation:
    """MPJPE in millimetres per subject, with perfect (`clean`) and detector-like (`noisy`) 2D.

    `score_mm`, by which the best step is chosen, is the mean over subjects of both.
    """

    clean: Mapping[str, float]
    noisy: Mapping[str, float]

    @property
    def score_mm(self) -> float:
        values = [*self.clean.values(), *self.noisy.values()]
        return sum(values) / len(values)


def validation_samples(
    subjects: Mapping[str, Poses], noise: NoiseConfig, seed: int
) -> dict[str, tuple[Sample, Sample]]:
    """Per subject the same poses without and with noise, from cameras that depend on the seed."""
    noise = replace(noise, clean=0.0)
    out: dict[str, tuple[Sample, Sample]] = {}
    for index, (subject, poses) in enumerate(sorted(subjects.items())):
        generators = [Generator().manual_seed(seed * 1000 + index) for _ in range(2)]
        out[subject] = (
            observe(poses, None, generators[0]),
            observe(poses, noise, generators[1]),
        )
    return out


def validate(network: UniversalNet, samples: Mapping[str, tuple[Sample, Sample]]) -> Validation:
    """Errors of a network in eval mode, with mirror averaging as in use."""
    network.eval()
    return Validation(
        {subject: _error_mm(network, clean) for subject, (clean, _) in samples.items()},
        {subject: _error_mm(network, noisy) for subject, (_, noisy) in samples.items()},
    )


@torch.inference_mode()
def _error_mm(network: UniversalNet, sample: Sample) -> float:
    predicted = _predict(network, sample.view)
    error = mpjpe(predicted[:, _JUDGED], sample.target[:, _JUDGED], sample.counts[:, _JUDGED])
    return float(error.nanmean()) * 1000


def _predict(network: UniversalNet, view: View) -> Tensor:
    fields = (view.points, view.seen, view.virtual)
    parts = zip(*(torch.split(field, 512) for field in fields), strict=True)
    return torch.cat([predict(network, View(*part), flip=True) for part in parts])


@torch.inference_mode()
def error_covariance(
    network: UniversalNet, samples: Mapping[str, tuple[Sample, Sample]]
) -> Float[Tensor, "2 23 3 3"]:
    """Mean outer product of the errors (square metres) in the virtual camera, per joint.

    First where the joint's keypoint was seen or is none, then where it was missing. The root, whose
    error is 0 by definition, gets that of the hips; 5 mm squared are added to all.
    """
    network.eval()
    noisy = [sample for _, sample in samples.values()]
    errors = torch.cat([_predict(network, s.view) - s.target for s in noisy])
    counts = torch.cat([s.counts for s in noisy])
    missing = torch.zeros_like(counts)
    missing[:, list(INPUT_JOINTS)] = ~torch.cat([s.view.seen for s in noisy])
    table = torch.stack(
        [_mean_outer(errors, counts & ~missing), _mean_outer(errors, counts & missing)]
    )
    table[1] = torch.where(table[1].isfinite(), table[1], table[0])
    hips = indices("left_hip", "right_hip")
    table[:, 0] = table[:, hips].mean(1)
    return table.nan_to_num(nan=0.01) + torch.eye(3, device=table.device) * 0.005**2


def _mean_outer(errors: Tensor, counts: Tensor) -> Tensor:
    masked = torch.where(counts[..., None], errors, torch.zeros_like(errors))
    outer = torch.einsum("bji,bjk->jik", masked, masked)
    return outer / counts.sum(0)[:, None, None]
