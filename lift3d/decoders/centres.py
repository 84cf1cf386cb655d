"""People at the peaks of a centre map, with the parameters that a map gives for each.

Sun, Bao, Liu, Fu, Black and Mei, Monocular, One-stage, Regression of Multiple 3D People (ROMP, ICCV
2021), section 3.3: each local maximum of the body centre map that is above a threshold is a person,
whose camera and body parameters stand at that pixel of the parameter maps. Maps trained with
collision-aware centres (CAR) are read in the same way.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.decoders.checks import expect_shape, readable
from lift3d.decoders.peaks import find_peaks
from lift3d.errors import InputError

__all__ = ["CentredPeople", "decode_centres"]


@dataclass(frozen=True, slots=True)
class CentredPeople:
    """The people in one picture, the surest first; there may be none.

    `centres` are x (column), y (row) in pixels of the map, and the map's value; `params` is what the
    parameter maps hold there.
    """

    centres: Float[Tensor, "people 3"]
    params: Float[Tensor, "people params"]

    def __post_init__(self) -> None:
        if len(self.centres) != len(self.params):
            raise InputError(
                f"expected parameters for {len(self.centres)} people, got {len(self.params)}: "
                "give a row to each"
            )

    def __len__(self) -> int:
        return len(self.centres)


def decode_centres(
    centre_map: Float[Tensor, "height width"],
    params: Float[Tensor, "params height width"],
    threshold: float = 0.25,
    most: int = 64,
) -> CentredPeople:
    """People whose centres are above `threshold` and the largest of 5 x 5 pixels; `most` at most.

    Parameters are taken at whole pixels, as the network learned them, and keep their gradient.
    """
    maps = readable(centre_map, "height width", "a centre map")
    values = readable(params, "params height width", "parameter maps")
    expect_shape(values, (len(values), *maps.shape), "parameter maps", "this centre map")
    found = find_peaks(maps[None], threshold, most, window=5)
    row, column = (torch.from_numpy(axis).to(maps.device) for axis in (found.row, found.column))
    places = np.stack([found.column, found.row], -1)
    centres = torch.cat([maps.new_tensor(places), maps[row, column, None]], -1)
    return CentredPeople(centres, values[:, row, column].T)
