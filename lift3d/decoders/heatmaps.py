"""One door to the ways of reading a single person's heatmaps."""

from typing import Literal

from jaxtyping import Float
from torch import Tensor

from lift3d.decoders.argmax import decode_argmax
from lift3d.decoders.dark import decode_dark
from lift3d.decoders.shift import decode_quarter_shift
from lift3d.decoders.softargmax import decode_soft_argmax_2d
from lift3d.errors import InputError

__all__ = ["HeatmapMode", "decode_heatmaps"]

HeatmapMode = Literal["argmax", "shift", "softargmax", "dark"]


def decode_heatmaps(
    heatmaps: Float[Tensor, "*batch joints height width"], mode: HeatmapMode = "dark"
) -> Float[Tensor, "*batch joints 3"]:
    """x (column), y (row) in heat-map pixels and confidence, by the method of that name.

    Each has its own function where its constants can be set.

    Raises `InputError` for an unknown mode, and what the decoders raise.
    """
    decoders = {
        "argmax": decode_argmax,
        "shift": decode_quarter_shift,
        "softargmax": decode_soft_argmax_2d,
        "dark": decode_dark,
    }
    if mode not in decoders:
        raise InputError(
            f"expected a mode of {', '.join(decoders)}, got '{mode}': name one of them"
        )
    return decoders[mode](heatmaps)
