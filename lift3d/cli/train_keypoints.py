"""What the verb `train keypoints` does."""

import os

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from lift3d.cli.console import console, show_table
from lift3d.training.engine import EngineState
from lift3d.training.keypoints import KeypointTrainConfig, KeypointTrainReport
from lift3d.training.keypoints import train_keypoints as train

__all__ = ["train_keypoints"]


def train_keypoints(config: KeypointTrainConfig) -> None:
    """Train with a bar, and say what came out; of several processes only the first one talks."""
    if os.environ.get("RANK", "0") != "0":
        train(config)
        return
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    figures = TextColumn("{task.fields[figures]}")
    with Progress(TextColumn("training"), *columns, figures, console=console) as bar:
        shown = bar.add_task("training", total=config.engine.steps, figures="")

        def tell(state: EngineState) -> None:
            bar.update(shown, completed=state.step, figures=_figures(state))
            if state.validated:
                console.print(f"step {state.step}: {_figures(state)}", highlight=False)

        report = train(config, tell)
    _show(config, report)


def _figures(state: EngineState) -> str:
    loss = ", ".join(f"{name} {value:.4g}" for name, value in state.losses.items())
    error = f", validation {state.scores.chosen:.2f} px" if state.scores is not None else ""
    return f"loss {loss}{error}, {state.samples_per_second:,.0f} pictures/s"


def _show(config: KeypointTrainConfig, report: KeypointTrainReport) -> None:
    rows = [
        ("network", f"{config.network}, {report.parameters / 1e6:.2f} M parameters"),
        ("weights", str(report.weights)),
        ("training pictures", f"{report.pictures:,}"),
        ("steps", str(report.step)),
        ("best step", str(report.best_step)),
        ("validation error", f"{report.error:.2f} px of {config.size[0]} x {config.size[1]}"),
    ]
    show_table("trained", ("what", "value"), rows)
