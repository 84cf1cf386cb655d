"""Validation while training: error per subject, with perfect and with detector-like keypoints."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from lift3d.lifting.universal_net import Answer, UniversalNet, predict
from lift3d.lifting.view import View
from lift3d.metrics import CAPTURED_JOINTS, mpjpe
from lift3d.training.body import Poses
from lift3d.training.calibration import calibrated
from lift3d.training.people import People, as_people
from lift3d.training.shown import Shown, ShownConfig, show

__all__ = ["Validation", "calibration_of", "validate", "validation_samples"]

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
    subjects: Mapping[str, Poses], config: ShownConfig, seed: int
) -> dict[str, tuple[Shown, Shown]]:
    """Per subject the same poses without and with noise, from cameras that depend on the seed.

    Definitions are the source's own, and all that detectors usually give is shown.
    """
    noise = replace(config.noise, definition=0.0)
    clean = replace(config, noise=replace(noise, clean=1.0), scarce=0.0, layout="found")
    noisy = replace(config, noise=replace(noise, clean=0.0), scarce=0.0, layout="found")
    out: dict[str, tuple[Shown, Shown]] = {}
    for index, (subject, poses) in enumerate(sorted(subjects.items())):
        people: People = as_people(poses)
        out[subject] = (
            show(people, clean, Generator().manual_seed(seed * 1000 + index)),
            show(people, noisy, Generator().manual_seed(seed * 1000 + index)),
        )
    return out


def validate(network: UniversalNet, samples: Mapping[str, tuple[Shown, Shown]]) -> Validation:
    """Errors of a network in eval mode, with mirror averaging as in use."""
    network.eval()
    return Validation(
        {subject: _error_mm(network, clean) for subject, (clean, _) in samples.items()},
        {subject: _error_mm(network, noisy) for subject, (_, noisy) in samples.items()},
    )


@torch.inference_mode()
def _error_mm(network: UniversalNet, sample: Shown) -> float:
    joints = _answer(network, sample.view).joints
    error = mpjpe(joints[:, _JUDGED], sample.target[:, _JUDGED], sample.counts[:, _JUDGED])
    return float(error.nanmean()) * 1000


def _answer(network: UniversalNet, view: View) -> Answer:
    parts = [predict(network, view[at : at + 512], flip=True) for at in range(0, len(view), 512)]
    joints, covariance = ([getattr(p, name) for p in parts] for name in Answer.__slots__)
    return Answer(torch.cat(joints), torch.cat(covariance))


@torch.inference_mode()
def calibration_of(
    network: UniversalNet, samples: Mapping[str, tuple[Shown, Shown]]
) -> Float[Tensor, "2 40"]:
    """Factors by which covariances are multiplied so that 90 % ellipsoids hold 90 % of the joints.

    Clean and noisy views count alike. First for points that were seen, then for those that were not.
    """
    network.eval()
    shown = [sample for pair in samples.values() for sample in pair]
    answers = [_answer(network, sample.view) for sample in shown]
    error = torch.cat([a.joints - s.target for a, s in zip(answers, shown, strict=True)])
    covariance = torch.cat([answer.covariance for answer in answers])
    seen = torch.cat([sample.view.seen for sample in shown])
    counts = torch.cat([sample.counts for sample in shown])
    return calibrated(error, covariance, (counts & seen, counts & ~seen)) * network.calibration
