"""What all plots share: paper, letters, colours for the colour-blind too, and how they are saved."""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
from jaxtyping import Bool, Float
from numpy import ndarray

from lift3d.errors import InputError
from lift3d.io.files.atomic import atomic_path

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "BLUE",
    "CENTRE",
    "GREEN",
    "LEFT",
    "ORANGE",
    "PALETTE",
    "PURPLE",
    "RIGHT",
    "SKY",
    "dressed",
    "keyed",
    "save",
    "shaded",
    "sheet",
    "titled",
]

# Okabe and Ito, "Color universal design" (2008).
BLUE: Final = "#0072B2"
ORANGE: Final = "#D55E00"
GREEN: Final = "#009E73"
PURPLE: Final = "#CC79A7"
SKY: Final = "#56B4E9"
YELLOW: Final = "#E69F00"
PALETTE: Final = (BLUE, ORANGE, GREEN, PURPLE, YELLOW, SKY)
LEFT, RIGHT, CENTRE = ORANGE, BLUE, "#444444"

_INK, _FAINT, _GRID = "#222222", "#5a5a5a", "#dddddd"
_DPI: Final = 100
_ENDINGS: Final = (".png", ".pdf", ".svg")

Where = Literal["best", "upper left", "upper center", "center"]


def sheet(width: float, height: float) -> "Figure":
    """An empty figure (inches) that needs no display."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=_DPI, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def save(figure: "Figure", path: str | PathLike[str]) -> None:
    """Write `.png`, `.pdf` or `.svg`, whole or not at all. Raises `InputError` and `OutputError`."""
    ending = Path(path).suffix.lower()
    if ending not in _ENDINGS:
        raise InputError(
            f"expected a plot ending in {', '.join(_ENDINGS)}, got '{path}': choose such a name"
        )
    with atomic_path(path) as partial:
        figure.savefig(partial, format=ending[1:], dpi=_DPI)


def titled(figure: "Figure", title: str, below: str = "") -> None:
    """A title at the left, and a fainter line below it."""
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    figure.suptitle(title, x=0.01, ha="left", fontsize=14, weight="bold", color=_INK)
    if below:
        figure.text(0.01, 0.005, below, ha="left", va="bottom", fontsize=9, color=_FAINT)
        engine = figure.get_layout_engine()
        assert isinstance(engine, ConstrainedLayoutEngine)  # noqa: S101 - as `sheet` makes figures
        engine.set(rect=(0, 0.03, 1, 0.97))


def dressed(axes: "Axes", title: str, x: str = "", y: str = "") -> None:
    """Names of a panel and of its axes, with their units."""
    axes.set_title(title, loc="left", fontsize=11, color=_INK)
    axes.set_xlabel(x, fontsize=10, color=_FAINT)
    axes.set_ylabel(y, fontsize=10, color=_FAINT)
    axes.tick_params(colors=_FAINT, labelsize=9, length=3)
    axes.grid(color=_GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    for name, spine in axes.spines.items():
        spine.set_visible(name in ("left", "bottom"))
        spine.set_color(_FAINT)


def keyed(axes: "Axes", where: Where = "best", columns: int = 1) -> None:
    """A legend of what has a label; nothing where nothing has."""
    if axes.get_legend_handles_labels()[0]:
        axes.legend(
            loc=where, ncols=columns, fontsize=9, framealpha=0.85, edgecolor="none",
            columnspacing=1.0, handlelength=1.4,
        )  # fmt: skip


def shaded(
    axes: "Axes",
    times: Float[ndarray, " frames"],
    on: Bool[ndarray, " frames"],
    span: tuple[float, float],
    color: str,
) -> None:
    """Bars over the stretches in which something holds; `span` is (lower edge, height)."""
    if not len(times):
        return
    step = float(times[1] - times[0]) if len(times) > 1 else 1.0
    edges = np.flatnonzero(np.diff(np.concatenate([[0], on.astype(int), [0]])))
    bars: Sequence[tuple[float, float]] = [
        (float(times[start]) - step / 2, float(stop - start) * step)
        for start, stop in edges.reshape(-1, 2)
    ]
    axes.broken_barh(bars, span, facecolors=color)
