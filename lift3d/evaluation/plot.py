"""One picture of an evaluation: error by joint, over frames, and against what is made worse."""

from collections.abc import Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray

from lift3d.evaluation.report import Report
from lift3d.evaluation.result import Evaluation
from lift3d.evaluation.robustness import Curve
from lift3d.io import atomic_path
from lift3d.pictures.theme import DARK, RGB, person_colors

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["plot_report"]

_ORDER: Final = (
    ("head_top", "top of the head"),
    ("head", "head"),
    ("neck_nose", "neck"),
    ("thorax", "thorax"),
    ("shoulder", "shoulders"),
    ("elbow", "elbows"),
    ("wrist", "wrists"),
    ("spine", "spine"),
    ("hip", "hips"),
    ("knee", "knees"),
    ("ankle", "ankles"),
)
"""From head to foot."""


def _hex(color: RGB) -> str:
    return "#{:02x}{:02x}{:02x}".format(*color)


_COLORS: Final = person_colors(0, DARK)
_LEFT, _RIGHT, _CENTRE = (_hex(c) for c in (_COLORS.left, _COLORS.right, _COLORS.centre))
_PLAIN, _ALIGNED = (_hex(c) for c in (person_colors(1, DARK).left, person_colors(1, DARK).right))
_TEXT, _FAINT, _EDGE, _BACK, _PANEL = (
    _hex(c) for c in (DARK.text, DARK.faint, DARK.edge, DARK.bottom, DARK.top)
)

_NUDGE: Final = {_LEFT: -0.1, _RIGHT: 0.1}
"""Both sides stay visible where their errors are equal."""


def plot_report(report: Report, path: str | PathLike[str]) -> None:
    """Write a PNG (other endings as matplotlib knows them); `OutputError` where that cannot be."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    curves = report.robustness.curves if report.robustness is not None else ()
    figure = Figure(figsize=(13, 9.4 if curves else 5.2), dpi=130, facecolor=_BACK)
    FigureCanvasAgg(figure)
    tall = figure.add_gridspec(
        2 if curves else 1, 1, height_ratios=[1, 1.02] if curves else [1],
        left=0.085, right=0.975, top=0.86 if not curves else 0.92, bottom=0.11 if not curves else 0.065,
        hspace=0.26,
    )  # fmt: skip
    top = tall[0].subgridspec(1, 2, width_ratios=[1, 1.15], wspace=0.16)
    _joints(figure.add_subplot(top[0]), report.evaluation.per_joint_mm)
    _frames(figure.add_subplot(top[1]), report.evaluation)
    if curves:
        grid = tall[1].subgridspec(2, 3, wspace=0.17, hspace=0.72)
        limit = _limit(curves)
        for index, curve in enumerate(curves):
            axes = figure.add_subplot(grid[index // 3, index % 3])
            _curve(axes, curve, limit)
    _titles(figure, report)
    with atomic_path(path) as partial:
        figure.savefig(partial, facecolor=_BACK)


def _titles(figure: Any, report: Report) -> None:
    means = report.evaluation.figures
    frames = report.evaluation.frames
    told = f"MPJPE {means['mpjpe_mm']:.1f} mm    PA-MPJPE {means['pa_mpjpe_mm']:.1f} mm"
    height = 1 - 0.32 / figure.get_figheight()
    size = 13 * min(1, 58 / len(report.title))  # names may be long
    figure.text(0.025, height, report.title, color=_TEXT, fontsize=size, weight="bold", va="center")
    right = f"{told}    mean over {frames:,} frames"
    figure.text(0.975, height, right, color=_TEXT, fontsize=11, ha="right", va="center")


def _dressed(axes: "Axes", title: str, x: str) -> None:
    axes.set_facecolor(_PANEL)
    axes.set_title(title, loc="left", color=_TEXT, fontsize=10.5, pad=8)
    axes.set_xlabel(x, color=_FAINT, fontsize=9)
    axes.tick_params(colors=_FAINT, labelsize=8.5, length=0)
    axes.grid(color=_EDGE, linewidth=0.7)
    axes.set_axisbelow(True)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _joints(axes: "Axes", errors: Mapping[str, float]) -> None:
    """A row per part of the body; left and right are dots on one line."""
    rows = [(words, _sides(part, errors)) for part, words in _ORDER]
    rows = [(words, sides) for words, sides in rows if sides]
    _dressed(axes, "Error by joint, from head to foot", "MPJPE (mm)")
    for row, (_, sides) in enumerate(rows):
        values = [value for value, _ in sides]
        axes.plot([0, min(values)], [row, row], color=_EDGE, linewidth=1.2)
        axes.plot([min(values), max(values)], [row, row], color=_FAINT, linewidth=2.4, alpha=0.6)
        for value, color in sides:
            at = row + _NUDGE.get(color, 0.0)
            axes.plot([value], [at], "o", color=color, markersize=8, clip_on=False)
        axes.annotate(
            f"{sum(values) / len(values):.0f}", (max(values), row), xytext=(9, 0), color=_TEXT,
            textcoords="offset points", va="center", fontsize=8.5,
        )  # fmt: skip
    axes.set_yticks(range(len(rows)), [words for words, _ in rows], color=_TEXT)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(0, 1.12 * max((v for _, sides in rows for v, _ in sides), default=1.0))
    axes.grid(axis="y", visible=False)
    for x, color, words in ((0.80, _LEFT, "left"), (0.91, _RIGHT, "right")):
        axes.text(x, 1.025, f"● {words}", color=color, transform=axes.transAxes, fontsize=9)


def _sides(part: str, errors: Mapping[str, float]) -> list[tuple[float, str]]:
    named = ((f"left_{part}", _LEFT), (f"right_{part}", _RIGHT), (part, _CENTRE))
    found = [(errors[name], color) for name, color in named if name in errors]
    return [(value, color) for value, color in found if np.isfinite(value)]


def _frames(axes: "Axes", result: Evaluation) -> None:
    """Histograms of MPJPE and PA-MPJPE over the frames that were lifted."""
    _dressed(axes, "Error over frames", "error of a frame (mm)")
    plain, aligned = (_lifted(result, key) for key in ("mpjpe_mm", "pa_mpjpe_mm"))
    end = float(np.quantile(plain, 0.995)) * 1.05
    bins = np.linspace(0, end, 46)
    for values, color, words in ((plain, _PLAIN, "MPJPE"), (aligned, _ALIGNED, "PA-MPJPE")):
        heights, _ = np.histogram(values, bins)
        share = 100 * heights / len(values)
        axes.stairs(share, bins, fill=True, color=color, alpha=0.28)
        middle, high = np.quantile(values, (0.5, 0.95))
        told = f"{words}: median {middle:.0f}, 95 % below {high:.0f}"
        axes.stairs(share, bins, color=color, linewidth=1.6, label=told)
        axes.axvline(middle, color=color, linewidth=1.2, linestyle="--")
        axes.axvline(high, color=color, linewidth=1.2, linestyle=":")
    axes.set_xlim(0, end)
    axes.set_ylim(bottom=0)
    axes.set_ylabel("share of frames (%)", color=_FAINT, fontsize=9)
    legend = axes.legend(
        fontsize=9, loc="upper right", facecolor=_PANEL, edgecolor="none", framealpha=0.85
    )
    for text in legend.get_texts():
        text.set_color(_TEXT)


def _lifted(result: Evaluation, key: str) -> Float[ndarray, " frames"]:
    values = torch.cat([window.figures[key] for window in result.windows]) * 1000
    return np.asarray(values[values.isfinite()])


def _limit(curves: tuple[Curve, ...]) -> float:
    """One height for all, so that what hurts most is seen at a glance."""
    values = [level.mpjpe_mm for curve in curves for level in curve.levels]
    return 1.15 * max((v for v in values if np.isfinite(v)), default=1.0)


def _curve(axes: "Axes", curve: Curve, limit: float) -> None:
    """In the colours of the frames' histogram, which names them."""
    _dressed(axes, curve.axis.capitalize(), curve.unit)
    places = _places(curve)
    errors = (
        (_PLAIN, -0.19, [level.mpjpe_mm for level in curve.levels]),
        (_ALIGNED, 0.19, [level.pa_mpjpe_mm for level in curve.levels]),
    )
    for color, aside, values in errors:
        if curve.unit:
            axes.plot(places, values, "o-", color=color, linewidth=1.8, markersize=4.5)
        else:
            axes.bar(places + aside, values, 0.36, color=color)
    axes.set_xticks(places, [_label(level.label, level.lifted_share) for level in curve.levels])
    axes.set_ylim(0, limit)
    axes.set_ylabel("mm", color=_FAINT, fontsize=9)
    axes.grid(axis="x", visible=False)


def _places(curve: Curve) -> Float[ndarray, " levels"]:
    """Factors are even in their logarithm, amounts as they are; kinds stand side by side."""
    values = np.array(curve.values, dtype=float)
    return np.log2(values) if curve.unit and values.min() > 0 else values


def _label(text: str, lifted: float) -> str:
    """Frames that were not lifted are told, since the error leaves them out."""
    words = text.replace(" ", "\n") if len(text) > 8 else text
    return words if lifted > 0.995 else f"{words}\n{100 * lifted:.0f} % lifted"
