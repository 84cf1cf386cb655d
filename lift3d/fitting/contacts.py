"""Evidence that holds feet still while they stand."""

from typing import Final

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lift3d.fitting.evidence import Evidence
from lift3d.geometry.contacts import FEET, contact_speed, find_contacts, foot_points, runs

__all__ = ["contact_evidence", "contact_speed", "find_contacts"]

_HELD: Final = 0.005  # metres


def contact_evidence(
    names: tuple[str, ...],
    places: Float[Tensor, "frames points 3"],
    contacts: Bool[Tensor, "frames feet"],
) -> Evidence:
    """Each standing foot's points are near where they are in the median of that stand (metres)."""
    used = [point for side in FEET for point in foot_points(names, side)]
    still = torch.zeros(len(places), len(used), 3).to(places)
    precision = torch.zeros(len(places), len(used), 3, 3).to(places)
    eye = torch.eye(3).to(places) / _HELD**2
    for foot, side in enumerate(FEET):
        rows = [used.index(point) for point in foot_points(names, side)]
        for run in runs(contacts[:, foot]):
            still[run, rows] = places[run][:, [used[row] for row in rows]].nanmedian(0).values
            precision[run, rows] = eye
    return Evidence(
        torch.tensor(used, dtype=torch.long),
        still,
        precision,
        still[..., :2] * 0,
        still[..., 0] * 0,
        ("contact",) * len(used),
    )
