"""Curves of a training run, from the `log.jsonl` that it writes."""

import json
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from lift3d.errors import FileFormatError
from lift3d.plots.style import CENTRE, GREEN, PALETTE, dressed, keyed, sheet, titled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_training", "read_log"]

_LOG: Final = "log.jsonl"
_ERROR, _LOSS = "mm/", "loss/"
Curves = Mapping[str, Float[ndarray, " entries"]]


def read_log(folder: str | PathLike[str]) -> dict[str, Float[ndarray, " entries"]]:
    """Every figure of a run over its entries, NaN where an entry lacks it; `step` is one of them.

    A line that a stopped process left unfinished, and what follows, is left out. Raises
    `FileFormatError` where there is no log.
    """
    path = Path(folder) / _LOG
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise FileFormatError(
            f"expected the folder of a training run with a {_LOG}, got '{folder}': name what "
            "`lift3d train --output` was given"
        ) from error
    entries = [entry for line in lines if (entry := _entry(line)) is not None]
    if not entries:
        raise FileFormatError(
            f"expected entries in '{path}', got none: wait for the run's first validation"
        )
    names = dict.fromkeys(name for entry in entries for name in entry)
    return {name: np.array([entry.get(name, np.nan) for entry in entries]) for name in names}


def _entry(line: str) -> dict[str, float] | None:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(entry, dict) or not isinstance(entry.get("step"), int | float):
        return None
    return {str(k): float(v) for k, v in entry.items() if isinstance(v, int | float)}


def plot_training(folder: str | PathLike[str]) -> "Figure":
    """Validation errors, losses and speed over steps. Raises `FileFormatError` without a log."""
    log = read_log(folder)
    losses = [name for name in log if name.startswith(_LOSS)]
    figure = sheet(13.0, 7.5)
    grid = figure.add_gridspec(len(losses) + 1, 2, width_ratios=[1.25, 1])
    _errors(figure.add_subplot(grid[:, 0]), log)
    panels = [figure.add_subplot(grid[row, 1]) for row in range(len(losses) + 1)]
    for axes in panels[:-1]:
        axes.sharex(panels[-1])
        axes.tick_params(labelbottom=False)
    for axes, name, color in zip(panels, losses, PALETTE * 9, strict=False):
        axes.plot(log["step"], log[name], "o-", color=color, linewidth=1.6, markersize=3)
        dressed(axes, f"Loss: {name.removeprefix(_LOSS)}")
    speed = log.get("samples_per_second", np.full(len(log["step"]), np.nan))
    panels[-1].plot(log["step"], speed, "o-", color=CENTRE, linewidth=1.4, markersize=3)
    dressed(panels[-1], "Speed (samples a second)", x="step")
    panels[-1].set_ylim(bottom=0)
    titled(figure, f"Training: {Path(folder).resolve().name}", _told(log))
    return figure


def _errors(axes: "Axes", log: Curves) -> None:
    """The mean over people for each kind of keypoints, with each person thinly behind it."""
    groups: dict[str, list[str]] = {}
    for name in log:
        if name.startswith(_ERROR):
            kind = name.removeprefix(_ERROR).rpartition("/")[0] or name.removeprefix(_ERROR)
            groups.setdefault(kind, []).append(name)
    for (kind, names), color in zip(groups.items(), PALETTE * 9, strict=False):
        for name in names if len(names) > 1 else ():
            axes.plot(log["step"], log[name], color=color, linewidth=0.8, alpha=0.4)
        mean = np.mean([log[name] for name in names], axis=0)
        who = f", mean of {len(names)} people" if len(names) > 1 else ""
        axes.plot(
            log["step"], mean, "o-", color=color, linewidth=2.2, markersize=4, label=f"{kind}{who}"
        )
    score = log.get("score")
    if score is not None and np.isfinite(score).any():
        best = int(np.nanargmin(score))
        axes.plot(log["step"], score, color=CENTRE, linewidth=1.6, linestyle="--", label="score")
        axes.plot(
            log["step"][best], score[best], "*", color=GREEN, markersize=15, label="best score"
        )
    dressed(axes, "Validation: mean error of joints", x="step", y="millimetres")
    keyed(axes)


def _told(log: Curves) -> str:
    words = [f"{int(np.nanmax(log['step'])):,} steps"]
    score = log.get("score")
    if score is not None and np.isfinite(score).any():
        best = int(np.nanargmin(score))
        words.append(f"best score {score[best]:.1f} mm at step {int(log['step'][best]):,}")
    if "cpu_seconds" in log:
        words.append(f"{np.nanmax(log['cpu_seconds']) / 3600:.1f} hours of CPU time")
    return "; ".join(words) + "."
