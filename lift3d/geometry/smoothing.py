"""Smoothing over time that knows which frames were seen."""

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import conv1d

__all__ = ["fill_gaps", "smooth_gaussian"]


def smooth_gaussian(
    values: Float[Tensor, "frames *rest"],
    weights: Float[Tensor, "frames *weighted"],
    sigma_frames: float,
) -> Float[Tensor, "frames *rest"]:
    """Weighted local linear fit in a Gaussian window over the first axis.

    A local line (Savitzky-Golay with a Gaussian window) leaves steady motion and the clip's ends
    where they are, which a plain average pulls inwards. `weights` broadcast over trailing axes of
    `values`; weight 0 marks values that are missing (they may be NaN) and are filled from their
    neighbours. A series without any weight comes back as NaN.
    """
    if sigma_frames <= 0 or len(values) < 2:
        return values
    reach = min(len(values) - 1, math.ceil(3 * sigma_frames))
    shift = torch.arange(-reach, reach + 1, dtype=values.dtype, device=values.device)
    window = (-0.5 * (shift / sigma_frames).square()).exp()
    w = weights.to(values).reshape(*weights.shape, *([1] * (values.ndim - weights.ndim)))
    v = torch.where(w > 0, values, torch.zeros_like(values))
    return _line_at_zero(
        *_summed(w, torch.stack([window, window * shift, window * shift * shift])),
        *_summed(w * v, torch.stack([window, window * shift])),
    )


def _summed(
    values: Float[Tensor, "frames *rest"], windows: Float[Tensor, "windows width"]
) -> tuple[Tensor, ...]:
    """Around every frame, the sum of its neighbours times each window."""
    rows = values.reshape(len(values), -1).T[:, None]
    sums = conv1d(rows, windows[:, None], padding=windows.shape[1] // 2)  # [rest windows frames]
    return tuple(one.T.reshape(values.shape) for one in sums.unbind(1))


def _line_at_zero(s0: Tensor, s1: Tensor, s2: Tensor, b0: Tensor, b1: Tensor) -> Tensor:
    """The intercept of the weighted least-squares line; the mean where the line is undetermined."""
    det = s0 * s2 - s1 * s1
    steady = det > 1e-6 * (s0 * s2).clamp(min=1e-12)
    line = (s2 * b0 - s1 * b1) / torch.where(steady, det, torch.ones_like(det))
    mean = b0 / torch.where(s0 > 0, s0, torch.ones_like(s0))
    return torch.where(s0 > 0, torch.where(steady, line, mean), torch.nan)


def fill_gaps(
    values: Float[Tensor, "frames *rest"], seen: Float[Tensor, " frames"]
) -> Float[Tensor, "frames *rest"]:
    """Linear interpolation over frames whose `seen` is 0; the ends repeat the nearest seen frame."""
    known = torch.nonzero(seen > 0)[:, 0]
    if len(known) == 0:
        return values
    frame = torch.arange(len(values), device=values.device)
    after = torch.searchsorted(known, frame).clamp(max=len(known) - 1)
    before = (torch.searchsorted(known, frame, right=True) - 1).clamp(min=0)
    left, right = known[before], known[after]
    span = (right - left).clamp(min=1)
    share = ((frame - left).to(values.dtype) / span).clamp(0, 1)
    share = share.reshape(-1, *([1] * (values.ndim - 1)))
    return values[left] * (1 - share) + values[right] * share
