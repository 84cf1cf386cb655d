"""Keypoints as two classifications: which column, and which row.

Li, Yang, Liu, Zhang, Wang, Yang and Zhou, SimCC: a Simple Coordinate Classification Perspective for
Human Pose Estimation (ECCV 2022), section 3: every joint has one vector over columns and one over rows,
whose bins are a fraction of a pixel of the network's input. RTMPose (Jiang et al., 2023) reads the
smaller of both largest values as the confidence, as is done here.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.decoders.argmax import as_keypoints
from lift3d.decoders.checks import readable
from lift3d.errors import InputError
from lift3d.skeleton import Skeleton

__all__ = ["decode_simcc", "merge_flipped_simcc"]


def decode_simcc(
    columns: Float[Tensor, "*batch joints bins_x"], rows: Float[Tensor, "*batch joints bins_y"]
) -> Float[Tensor, "*batch joints 3"]:
    """x, y in bins, and the smaller of the two largest values as confidence.

    A joint of which one of them is not above 0 is missing (NaN, NaN, 0). `to_picture` makes picture
    pixels of bins, with (bins_y, bins_x) as the size of the maps and the grid `multiple`.

    Raises `InputError` for columns and rows of different people or joints.
    """
    across, down = (
        readable(columns, "joints bins", "columns"),
        readable(rows, "joints bins", "rows"),
    )
    if across.shape[:-1] != down.shape[:-1] or 0 in (across.shape[-1], down.shape[-1]):
        raise InputError(
            f"expected columns and rows of the same joints, got shapes {list(columns.shape)} and "
            f"{list(rows.shape)}: give both outputs of one network"
        )
    sure_x, x = across.max(-1)
    sure_y, y = down.max(-1)
    return as_keypoints(x.to(across.dtype), y.to(across.dtype), torch.minimum(sure_x, sure_y))


def merge_flipped_simcc(
    columns: Float[Tensor, "*batch joints bins_x"],
    rows: Float[Tensor, "*batch joints bins_y"],
    of_mirrored: tuple[
        Float[Tensor, "*batch joints bins_x"], Float[Tensor, "*batch joints bins_y"]
    ],
    skeleton: Skeleton,
    *,
    shift: int = 0,
) -> tuple[Float[Tensor, "*batch joints bins_x"], Float[Tensor, "*batch joints bins_y"]]:
    """Both in the picture's frame, averaged. `of_mirrored` is what came for the mirrored picture.

    With s bins to a pixel, and bin 0 at the first pixel's centre, mirrored columns land s - 1 bins too
    far to the right: `shift` moves them so many to the left, the last ones staying as they are.

    Raises `InputError` for another number of rows than the skeleton has joints.
    """
    if columns.shape[-2] != len(skeleton):
        raise InputError(
            f"expected one row of bins for each of the {len(skeleton)} joints of '{skeleton.name}', "
            f"got {columns.shape[-2]}: name the network's skeleton"
        )
    swapped = list(skeleton.flip_permutation)
    across, down = (each[..., swapped, :] for each in of_mirrored)
    across = across.flip(-1)
    if shift:
        across = torch.cat([across[..., shift:], across[..., -shift:]], -1)
    return (columns + across) / 2, (rows + down) / 2
