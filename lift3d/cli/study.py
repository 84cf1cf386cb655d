"""What the verb `train` does."""

import os
from types import TracebackType

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from lift3d.cli.console import console, show_table
from lift3d.training import regressor
from lift3d.training.config import TrainConfig
from lift3d.training.engine import EngineState
from lift3d.training.lifter import TrainReport, train_lifter
from lift3d.training.retarget_file import ClipReport

__all__ = ["train", "train_regressor"]


class _TrainingBar:
    """A bar with loss, validation error, speed and time left; a line for each validation."""

    def __init__(self) -> None:
        self._bar = Progress(
            TextColumn("training"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[figures]}"),
            console=console,
        )
        self._task = self._bar.add_task("training", total=None, figures="")

    def __enter__(self) -> "_TrainingBar":
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def __call__(self, state: EngineState) -> None:
        figures = _figures(state)
        self._bar.update(self._task, completed=state.step, total=state.steps, figures=figures)
        if state.validated:
            console.print(f"step {state.step}: {figures}", highlight=False)


def _figures(state: EngineState) -> str:
    loss = ", ".join(f"{name} {value:.4g}" for name, value in state.losses.items())
    error = f", validation {state.scores.chosen:.1f} mm" if state.scores is not None else ""
    return f"loss {loss}{error}, {state.samples_per_second:,.0f} poses/s"


def train(config: TrainConfig) -> None:
    """Train with a bar, and say what came out; of several processes only the first one talks."""
    if os.environ.get("RANK", "0") != "0":
        train_lifter(config)
        return
    with _TrainingBar() as tell:
        _show(train_lifter(config, tell), "MPJPE")


def train_regressor(config: regressor.RegressorConfig) -> None:
    """The same for the body regressor, with a line for each clip that is put onto a body first."""
    if os.environ.get("RANK", "0") != "0":
        regressor.train_regressor(config)
        return

    def retargeted(clip: ClipReport, done: int, count: int) -> None:
        off = f"{clip.error * 1000:.0f} mm"
        console.print(f"{done}/{count} on the body: {clip.name}, joints {off} off", highlight=False)

    with _TrainingBar() as tell:
        _show(regressor.train_regressor(config, tell, retargeted), "skin error")


def _show(report: TrainReport, what: str) -> None:
    rows = [
        ("weights", str(report.weights)),
        ("training poses", f"{report.training_poses:,}"),
        ("steps", str(report.step)),
        ("best step", str(report.best_step)),
        (f"validation {what}", f"{report.scores.chosen:.1f} mm"),
        *((name, f"{value:.1f} mm") for name, value in report.scores.values.items()),
    ]
    show_table("trained", ("what", "value"), rows)
