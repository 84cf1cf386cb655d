"""Plots for reports: joint angles, paths, errors, uncertainties, training curves.

`plot_clip(clip, "angles.png")` and `plot_run("runs/mine", "curves.png")` write files; the functions
behind them give matplotlib figures.
"""

from lift3d.plots.angles import plot_angles
from lift3d.plots.door import ClipPlot, plot_clip, plot_run
from lift3d.plots.errors import compared, plot_joint_errors
from lift3d.plots.path import plot_path
from lift3d.plots.training import plot_training, read_log
from lift3d.plots.uncertainty import Reliability, plot_reliability, plot_uncertainty, reliability

__all__ = [
    "ClipPlot",
    "Reliability",
    "compared",
    "plot_angles",
    "plot_clip",
    "plot_joint_errors",
    "plot_path",
    "plot_reliability",
    "plot_run",
    "plot_training",
    "plot_uncertainty",
    "read_log",
    "reliability",
]
