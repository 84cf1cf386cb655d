"""Vertices of the SMPL family's meshes that lie on the places that detectors see.

The numbers are facts of the published meshes, as listed in smplx's `vertex_ids.py`; they hold for those
meshes only, which are told by their number of vertices.
"""

from collections.abc import Mapping
from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d_body_models.linear_blend import Landmark

__all__ = ["landmarks_of"]

_NAMES: Final = (
    *("nose", "right_eye", "left_eye", "right_ear", "left_ear"),
    *("left_big_toe", "left_small_toe", "left_heel"),
    *("right_big_toe", "right_small_toe", "right_heel"),
)
_IDS: Final[Mapping[int, tuple[int, ...]]] = {
    # SMPL and SMPL-H
    6890: (332, 6260, 2800, 4071, 583, 3216, 3226, 3387, 6617, 6624, 6787),
    # SMPL-X
    10475: (9120, 9929, 9448, 616, 6, 5770, 5780, 8846, 8463, 8474, 8635),
}


def landmarks_of(lbs_weights: Float[Tensor, "vertices joints"]) -> dict[str, Landmark]:
    """The places of a published mesh, each riding on the joint with its largest skinning weight.

    Empty for any other number of vertices.
    """
    ids = _IDS.get(len(lbs_weights), ())
    return {
        name: Landmark(int(lbs_weights[vertex].argmax()), torch.tensor([vertex]), torch.ones(1))
        for name, vertex in zip(_NAMES, ids, strict=False)
    }
