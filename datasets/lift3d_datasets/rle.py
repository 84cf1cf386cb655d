"""COCO's run-length encoded masks, in the plain and the packed form.

Runs go down the columns and alternate between 0 and 1, starting with 0. The packed form is text: each
run is cut into groups of five bits, lowest first, as characters from code 48 on; bit 5 says that
another group follows, bit 4 of the last group is the sign; from the fourth run on the difference to the
run before the last is stored (cocodataset/cocoapi, maskApi.c describes the format).
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool
from numpy import ndarray

from lift3d.errors import FileFormatError

__all__ = ["decode_mask", "unpack_runs"]

_LONGEST = 13
"""Groups of five bits in the longest run that 64 bits hold."""


def decode_mask(
    runs: str | bytes | Sequence[int], size: tuple[int, int]
) -> Bool[ndarray, "height width"]:
    """A mask of `size` (height, width); `FileFormatError` where the runs do not fill it exactly."""
    lengths = unpack_runs(runs) if isinstance(runs, (str, bytes)) else list(runs)
    height, width = size
    if any(type(x) is not int or x < 0 for x in lengths) or sum(lengths) != height * width:
        raise FileFormatError(
            f"expected runs that fill {height} x {width} pixels, got {str(lengths)[:60]}: "
            "the mask is broken; download its file again"
        )
    values = np.arange(len(lengths)) % 2 == 1
    filled: ndarray = np.repeat(values, lengths).reshape(width, height).T
    return filled


def unpack_runs(text: str | bytes) -> list[int]:
    """The runs of the packed form; `FileFormatError` where it ends within one."""
    codes = text.encode("latin1", "replace") if isinstance(text, str) else text
    runs: list[int] = []
    value = shift = 0
    for code in codes:
        group = code - 48
        if not 0 <= group < 64 or shift >= 5 * _LONGEST:
            raise _broken(codes)
        value |= (group & 31) << shift
        shift += 5
        if not group & 32:
            if group & 16:
                value -= 1 << shift
            runs.append(value + (runs[-2] if len(runs) > 2 else 0))
            value = shift = 0
    if shift:
        raise _broken(codes)
    return runs


def _broken(codes: bytes) -> FileFormatError:
    return FileFormatError(
        f"expected a packed run-length mask, got {codes[:20]!r}: download its file again"
    )
