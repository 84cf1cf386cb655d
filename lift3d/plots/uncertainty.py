"""How sure joints are, over time; and whether what they say holds, against the truth."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray
from torch import Tensor

from lift3d.clip import Clip, Person
from lift3d.errors import InputError
from lift3d.metrics.uncertainty import coverage
from lift3d.plots.style import BLUE, CENTRE, ORANGE, SKY, dressed, keyed, sheet, titled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Reliability", "plot_reliability", "plot_uncertainty", "reliability"]

_SHARES: Final = (0.05, *(n / 10 for n in range(1, 10)), 0.95, 0.99)
_SURE: Final = 1.96  # standard errors on both sides of a mean that hold it 19 times out of 20


@dataclass(frozen=True, slots=True)
class Reliability:
    """Shares of joints that `nominal` ellipsoids hold: `observed`, between `low` and `high`.

    The bars are 95 % intervals of the mean over blocks of frames, since neighbouring frames are alike.
    """

    nominal: Float[ndarray, " shares"]
    observed: Float[ndarray, " shares"]
    low: Float[ndarray, " shares"]
    high: Float[ndarray, " shares"]
    frames: int
    joints: int


def plot_uncertainty(clip: Clip, person: Person) -> "Figure":
    """Standard deviations in millimetres: joints over time, and along and across the line of sight.

    Raises `InputError` for joints without covariances.
    """
    pose = person.joints.pose.require_frame("camera")
    spread = pose.covariance.double().diagonal(dim1=-2, dim2=-1).clamp(min=0)
    if not bool((spread.isfinite() & (spread > 0)).any()):
        raise InputError(
            "expected joints with covariances, got none: lift keypoints with a lifter that tells them"
        )
    total = 1000 * (spread.sum(-1) / 3).sqrt().numpy()
    times = (clip.first_frame + np.arange(len(clip))) / clip.fps
    names = [name.replace("_", " ") for name in pose.skeleton.joints]
    rows = range(len(names))
    figure = sheet(13.0, max(4.5, 1.8 + 0.27 * len(names)))
    over_time, medians = figure.subplots(1, 2, width_ratios=[1.7, 1], sharey=True)
    step = 1 / clip.fps
    extent = (times[0] - step / 2, times[-1] + step / 2, len(names) - 0.5, -0.5)
    shown = over_time.imshow(
        total.T, aspect="auto", extent=extent, cmap="cividis", interpolation="nearest", vmin=0,
        vmax=float(np.nanquantile(total, 0.99)),
    )  # fmt: skip
    dressed(over_time, "Over time", x="time (s)")
    over_time.grid(visible=False)
    over_time.set_yticks(rows, names)
    figure.colorbar(shown, ax=over_time, label="standard deviation (mm)", pad=0.01, extend="max")
    across = 1000 * (spread[..., :2].sum(-1) / 2).sqrt().numpy()
    along = 1000 * spread[..., 2].sqrt().numpy()
    for aside, values, color, words in (
        (-0.2, across, SKY, "across the line of sight"),
        (0.2, along, ORANGE, "along it (depth)"),
    ):
        middle = np.nanmedian(values, axis=0)
        medians.barh(np.array(rows) + aside, middle, 0.38, color=color, label=words)
    dressed(medians, "Medians", x="standard deviation (mm)")
    medians.grid(axis="y", visible=False)
    medians.tick_params(labelleft=False)
    keyed(medians)
    titled(figure, f"How sure the joints of person {person.id} are")
    return figure


def reliability(
    predicted: Float[Tensor, "frames joints 3"],
    true: Float[Tensor, "frames joints 3"],
    covariance: Float[Tensor, "frames joints 3 3"],
    mask: Bool[Tensor, "frames joints"],
    *,
    shares: Sequence[float] = _SHARES,
    block: int = 30,
) -> Reliability:
    """What share of joints lies in ellipsoids that should hold so many, if errors are normal.

    Positions in metres in one frame of reference. `block` frames count as one sample for the bars.
    Raises `InputError` where nothing is known.
    """
    rows = mask.any(-1)
    if not bool(rows.any()):
        raise InputError(
            "expected joints that are known in both, got none to compare: check mask and missing values"
        )
    held = np.stack(
        [
            coverage(predicted[rows], true[rows], covariance[rows], mask[rows], share).numpy()
            for share in shares
        ]
    )
    blocks = np.array_split(held, max(1, round(held.shape[1] / block)), axis=1)
    means = np.stack([part.mean(1) for part in blocks])
    observed = held.mean(1)
    error = (
        means.std(0, ddof=1) / np.sqrt(len(means))
        if len(means) > 1
        else np.full(len(shares), np.nan)
    )
    low, high = (np.clip(observed + sign * _SURE * error, 0, 1) for sign in (-1, 1))
    joints = int(mask.any(0).sum())
    return Reliability(np.array(shares), observed, low, high, int(rows.sum()), joints)


def plot_reliability(
    found: Reliability, title: str = "Do the ellipsoids hold what they say?"
) -> "Figure":
    """Observed against nominal coverage: below the diagonal a lifter is too sure of itself."""
    figure = sheet(7.5, 7.0)
    axes = figure.subplots()
    nominal, observed = 100 * found.nominal, 100 * found.observed
    axes.plot(
        [0, 100], [0, 100], color=CENTRE, linewidth=1.2, linestyle="--", label="as it should be"
    )
    bars = np.nan_to_num(100 * np.abs(np.stack([found.low, found.high]) - found.observed))
    axes.errorbar(
        nominal, observed, yerr=bars, color=BLUE, marker="o", markersize=5, linewidth=1.8, capsize=3,
        label="observed, with 95 % intervals",
    )  # fmt: skip
    dressed(axes, "", "joints the ellipsoid should hold (%)", "joints it holds (%)")
    axes.set_xlim(0, 100)
    axes.set_ylim(0, 102)
    axes.set_aspect("equal", adjustable="box")
    axes.text(70, 20, "too sure", fontsize=10, color="#777777", ha="center")
    axes.text(25, 75, "too careful", fontsize=10, color="#777777", ha="center")
    keyed(axes, "upper left")
    titled(figure, title, f"{found.frames:,} frames, {found.joints} joints.")
    return figure
