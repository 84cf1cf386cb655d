"""How often and how far detectors err: definitions, jitter, outliers, swaps, and gaps.

Sizes of joints relative to each other, how long errors last and how confidence goes with them are
measured on real files (`noise_table`); how often is set here. `detector` makes the errors.
"""

from dataclasses import dataclass

__all__ = ["NoiseConfig"]


@dataclass(frozen=True, slots=True)
class NoiseConfig:
    """Sizes in metres at the person's distance, so they follow the person's size in the picture."""

    definition: float = 0.015
    """Standard deviation of where a detector puts a joint on the body, alike in left and right."""
    jitter: float = 0.012
    """Median standard deviation of a keypoint's place; it differs by person and by joint."""
    outlier: float = 0.02
    """Chance of a keypoint to be six times as far off, or on the other side's joint."""
    swap: float = 0.02
    """Chance of the legs, and of the arms, to be taken for each other's side."""
    clean: float = 0.6
    """Share of people whose keypoints are perfect and complete."""
    gap: float = 0.04
    """Chance of each keypoint to be missing."""
    part: float = 0.07
    """Chance of each limb to be missing; the face is missing twice as often."""
    feet: float = 0.05
    """Share of people whose feet are hidden, beside layouts that have none."""
    bare: float = 0.05
    """Share of people of whom only limbs are given, neither face nor feet."""
    crop: float = 0.05
    """Share of people cut off somewhere between the ankles and the waist."""
    inversion: float = 0.2
    """Share of the outliers that lie on the joint of the other side."""
    confidence: float = 0.08
    """Standard deviation of how sure a detector is of a person; lifters do not read confidences."""
