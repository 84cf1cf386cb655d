"""Which joints OpenPose's networks join by limbs, and which maps hold the limbs' fields.

Read from CMU-Perceptual-Computing-Lab/openpose, doc/advanced/heatmap_output.md and
src/openpose/pose/poseParameters.cpp: pairs of joints, the places of their fields, and thresholds.
"""

from dataclasses import dataclass
from typing import Final

from lift3d.skeleton import Skeleton
from lift3d.skeletons import BODY_25, COCO_18, MPI_15

__all__ = ["BODY_25_LIMBS", "COCO_18_LIMBS", "LIMB_MODELS", "MPI_15_LIMBS", "LimbModel"]


@dataclass(frozen=True, slots=True)
class LimbModel:
    """A network with heatmaps of joints, a background, and one field (x, y) for each limb.

    `fields[i]` is the place of the x map of `pairs[i]` among the fields; its y map follows it.
    Candidates of joints lie above `peak_threshold`; a field supports a limb above `field_threshold`.
    """

    skeleton: Skeleton
    pairs: tuple[tuple[int, int], ...]
    fields: tuple[int, ...]
    peak_threshold: float
    field_threshold: float

    @property
    def maps(self) -> int:
        """How many maps there are in all: joints, one background, two for each limb."""
        return len(self.skeleton) + 1 + 2 * len(self.pairs)


def _pairs(words: str) -> tuple[tuple[int, int], ...]:
    ends = (word.split("-") for word in words.split())
    return tuple((int(first), int(second)) for first, second in ends)


BODY_25_LIMBS: Final = LimbModel(
    BODY_25,
    _pairs(
        "1-8 1-2 1-5 2-3 3-4 5-6 6-7 8-9 9-10 10-11 8-12 12-13 13-14 1-0 0-15 15-17 0-16 16-18 "
        "2-17 5-18 14-19 19-20 14-21 11-22 22-23 11-24"
    ),
    (
        *(0, 14, 22, 16, 18, 24, 26, 6, 2, 4, 8, 10, 12, 30, 32, 36, 34, 38, 20, 28),
        *(40, 42, 44, 46, 48, 50),
    ),
    0.05,
    0.05,
)

COCO_18_LIMBS: Final = LimbModel(
    COCO_18,
    _pairs(
        "1-2 1-5 2-3 3-4 5-6 6-7 1-8 8-9 9-10 1-11 11-12 12-13 1-0 0-14 14-16 0-15 15-17 2-16 5-17"
    ),
    (12, 20, 14, 16, 22, 24, 0, 2, 4, 6, 8, 10, 28, 30, 34, 32, 36, 18, 26),
    0.05,
    0.05,
)

MPI_15_LIMBS: Final = LimbModel(
    MPI_15,
    _pairs("0-1 1-2 2-3 3-4 1-5 5-6 6-7 1-14 14-8 8-9 9-10 14-11 11-12 12-13"),
    tuple(range(0, 28, 2)),
    0.6,
    0.01,
)

LIMB_MODELS: Final = (BODY_25_LIMBS, COCO_18_LIMBS, MPI_15_LIMBS)
