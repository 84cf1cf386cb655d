"""What the verbs `train` and `eval` do."""

import os
import platform
from pathlib import Path

import orjson

from lift3d.cli.console import Stages, console, show_table
from lift3d.evaluation import EvaluationConfig, evaluate_lifter
from lift3d.io import atomic_path
from lift3d.plugins import datasets, lifters
from lift3d.training.lifter import TrainConfig, TrainState, train_lifter

__all__ = ["evaluate", "train"]


def train(config: TrainConfig) -> None:
    """Train with a bar, and say what came out."""
    with Stages() as stages:

        def tell(state: TrainState) -> None:
            stages("training", state.step, state.steps)
            console.print(
                f"step {state.step}: loss {1000 * state.loss:.1f} mm, validation "
                f"{state.validation.score_mm:.1f} mm, {state.steps_per_second:.1f} steps/s",
                highlight=False,
            )

        report = train_lifter(config, tell)
    rows = [
        ("weights", str(report.weights)),
        ("training poses", f"{report.training_poses:,}"),
        ("best step", str(report.best_step)),
        ("validation MPJPE", f"{report.validation.score_mm:.1f} mm"),
    ]
    show_table("trained", ("what", "value"), rows)


def evaluate(
    root: Path,
    dataset: str,
    lifter: str,
    weights: Path | None,
    config: EvaluationConfig,
    json: Path | None,
) -> None:
    """Measure, print, and write the figures where they were asked for."""
    model = lifters[lifter](weights) if weights is not None else lifters[lifter]()
    result = evaluate_lifter(model, datasets[dataset](root), config)
    if json is not None:
        report = {
            "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.platform()}",
            "figures": dict(result.figures),
            "per_joint_mm": dict(result.per_joint_mm),
            "per_subject_mm": dict(result.per_subject_mm),
            "frames": result.frames,
            "protocol": result.protocol,
        }
        with atomic_path(json) as partial:
            partial.write_bytes(orjson.dumps(report, option=orjson.OPT_INDENT_2))
    rows = [(name, f"{value:.2f}") for name, value in result.figures.items()]
    show_table(f"{lifter} on split '{config.split}'", ("figure", "value"), rows)
    joints = [(name, f"{value:.1f}") for name, value in result.per_joint_mm.items()]
    show_table("by joint", ("joint", "MPJPE in mm"), joints)
    console.print(f"{result.frames:,} frames. {result.protocol}", highlight=False)
