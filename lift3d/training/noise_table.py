"""What real detectors were seen to get wrong, read from `detector_noise.json`.

`scripts/estimate_detector_noise.py` writes the file; `detector_noise.md` says from what and how far
to trust it.
"""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from statistics import median
from typing import Any, Final

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.skeleton import Skeleton

__all__ = ["NoiseTable", "kind_of", "noise_table"]

_LIMBS: Final = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
# Points that no file had, by the measured one that they resemble.
_LIKE: Final = {
    "eye_inner": "eye",
    "eye_outer": "eye",
    "mouth": "nose",
    "foot_index": "big_toe",
    "head": "head_top",
    "thorax": "upper_neck",
    "neck": "upper_neck",
    "spine": "mid_hip",
    "pelvis": "mid_hip",
    "thumb": "wrist",
    "index": "wrist",
    "pinky": "wrist",
    "hand": "wrist",
}


@dataclass(frozen=True, slots=True)
class NoiseTable:
    """Measured figures, by kind of joint where they differ; distances in metres.

    `jitter` is the part that changes from frame to frame; `lasting` is how much larger the part is
    that stays for `memory` seconds. `deviation` are quantiles of a confidence minus its joint's
    usual one, at the probabilities `quantiles`; errors are exp(-`steepness` * deviation) times as large
    as usual. An outlier's confidence is `outlier_drop` lower.
    """

    jitter: dict[str, float]
    level: dict[str, float]
    lasting: float
    memory: float
    quantiles: Float[Tensor, " quantiles"]
    deviation: Float[Tensor, " quantiles"]
    steepness: float
    outlier_drop: float

    def jitter_factor(self, skeleton: Skeleton) -> Float[Tensor, " joints"]:
        """How unsteady each joint is, relative to the median of the limbs' joints."""
        usual = median(self.jitter[name] for name in _LIMBS)
        factors = [self._of(self.jitter, name) / usual for name in skeleton.joints]
        return torch.tensor(factors, device="cpu")

    def confidence(self, skeleton: Skeleton) -> Float[Tensor, " joints"]:
        """The usual confidence of each joint."""
        levels = [self._of(self.level, name) for name in skeleton.joints]
        return torch.tensor(levels, device="cpu")

    def _of(self, table: dict[str, float], joint: str) -> float:
        kind = kind_of(joint)
        kind = kind if kind in table else _LIKE.get(kind, "")
        return table[kind] if kind in table else median(table.values())


def kind_of(joint: str) -> str:
    """A joint's name without its side."""
    return joint.removeprefix("left_").removeprefix("right_")


@cache
def noise_table() -> NoiseTable:
    """The figures that ship with lift3d."""
    text = (files("lift3d.training") / "detector_noise.json").read_text(encoding="utf-8")
    read: dict[str, Any] = json.loads(text)
    confidence: dict[str, Any] = read["confidence"]
    return NoiseTable(
        dict(read["jitter"]),
        dict(confidence["level"]),
        float(read["lasting"]["ratio"]),
        float(read["lasting"]["frames"]) / 30.0,
        torch.tensor(confidence["quantiles"], device="cpu"),
        torch.tensor(confidence["deviation"], device="cpu"),
        -float(confidence["log_error_per_confidence"]),
        float(read["outliers"]["confidence_drop"]),
    )
