"""How a broken law is told, and what several checks have in common."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import torch
from numpy import ndarray
from torch import Tensor

from lift3d.errors import Lift3dError
from lift3d.motion import Motion
from lift3d.pose import Pose3D
from lift3d.skeleton import Skeleton

__all__ = [
    "BrokenLawError",
    "Kept",
    "all_alike",
    "apart",
    "demand",
    "demand_joints",
    "demand_kind",
    "demand_skeleton",
    "numbers_in",
]


class BrokenLawError(Lift3dError, AssertionError):
    """A plug-in does not do what its protocol promises."""


def demand(holds: bool, expected: str, got: object, do: str) -> None:
    """Nothing where it holds; `BrokenLawError` with the sentence where it does not."""
    if not holds:
        raise BrokenLawError(f"expected {expected}, got {got}: {do}")


def demand_kind(value: object, kind: type[object], expected: str, do: str) -> None:
    """`BrokenLawError` where a value, whatever its protocol says, is of another kind."""
    demand(isinstance(value, kind), expected, type(value).__name__, do)


def numbers_in(value: object) -> Iterator[Tensor]:
    """Every array of a value made of dataclasses, lists and arrays, in a fixed order."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, ndarray):
        yield torch.as_tensor(value)
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from numbers_in(part)
    elif is_dataclass(value) and not isinstance(value, (Skeleton, type)):
        for field in fields(value):
            yield from numbers_in(getattr(value, field.name))


class Kept:
    """Remembers the numbers of a value, to see later whether somebody wrote into them."""

    def __init__(self, *values: object) -> None:
        self._values = values
        self._before = [part.detach().clone() for part in numbers_in(values)]

    def demand_untouched(self, who: str) -> None:
        """`BrokenLawError` where they are other numbers now."""
        same = all(
            torch.equal(_plain(one), _plain(other))
            for one, other in zip(self._before, numbers_in(self._values), strict=True)
        )
        demand(same, f"arguments that {who} leaves as they are", "changed ones", "work on a copy")


def _plain(values: Tensor) -> Tensor:
    return values.detach().nan_to_num() if values.is_floating_point() else values


def all_alike(one: object, other: object, tolerance: float = 0.0) -> bool:
    """Whether two values hold the same numbers, with NaN in the same places."""
    pairs = zip(list(numbers_in(one)), list(numbers_in(other)), strict=True)
    return all(a.shape == b.shape and apart(a, b) <= tolerance for a, b in pairs)


def apart(one: Tensor, other: Tensor) -> float:
    """The largest difference; infinite where one is NaN and the other is not."""
    a, b = one.detach().double(), other.detach().double()
    if not torch.equal(a.isfinite(), b.isfinite()):
        return float("inf")
    return float((a - b)[a.isfinite()].abs().max()) if bool(a.isfinite().any()) else 0.0


def demand_skeleton(skeleton: Any, where: str) -> None:
    """`BrokenLawError` where an attribute is no `Skeleton` with joints."""
    demand(
        isinstance(skeleton, Skeleton) and len(skeleton) > 0,
        f"a Skeleton with joints as {where}",
        skeleton if isinstance(skeleton, Skeleton) else type(skeleton).__name__,
        "give the layout of the joints that come out",
    )


def demand_joints(motion: Motion[Pose3D], who: str) -> None:
    """The contract of missing values: joints are places or NaN, and nobody is seen in empty frames."""
    joints, covariance = motion.pose.joints, motion.pose.covariance
    whole = joints.isfinite().all(-1) | joints.isnan().all(-1)
    demand(
        bool(whole.all()),
        f"joints of {who} with three finite numbers, or three NaN where nobody knows",
        "a mixture, or infinity",
        "set all three to NaN",
    )
    seen = joints.isfinite().all(-1).any(-1)
    demand(
        bool(seen[motion.observed].all()),
        f"at least one joint of {who} in each observed frame",
        "a frame of NaN that counts as observed",
        "set observed to false there",
    )
    known = covariance[covariance.isfinite().all(-1).all(-1)].double()
    demand(
        not bool(covariance.isinf().any()) and _are_covariances(known),
        f"covariances of {who} that are symmetric and positive, in square metres, or NaN",
        "other matrices",
        "give R diag(variances) R^T, or NaN where nobody estimated it",
    )


def _are_covariances(known: Tensor) -> bool:
    if not len(known):
        return True
    size = known.abs().amax((-1, -2))
    skew = (known - known.mT).abs().amax((-1, -2))
    least = np.linalg.eigvalsh((known + known.mT).numpy() / 2)[:, 0]
    return bool((skew <= 1e-3 * size).all()) and bool(
        (torch.from_numpy(least) >= -1e-3 * size - 1e-9).all()
    )
