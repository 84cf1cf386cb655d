"""Measuring fairly: candidates in turn in one process on one thread, medians and spread, the machine.

With LIFT3D_BENCH_ROUGH set, benches take little data and one round: enough to see that they still run to
the end, and no figures to tell anybody.
"""

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, TypeVar

import torch

__all__ = ["ROUGH", "few", "measure", "report"]

ROUGH: Final = "LIFT3D_BENCH_ROUGH"
"""The variable of the environment that asks for a rough run."""
_T = TypeVar("_T")


def few(usual: _T, rough: _T) -> _T:
    """What a run takes, or what a rough one does."""
    return rough if os.environ.get(ROUGH) else usual


def measure(
    candidates: Mapping[str, Callable[[], object]], rounds: int = 7
) -> dict[str, tuple[float, float, float]]:
    """Smallest, median and largest CPU seconds of each, measured A B A B after one warm-up."""
    torch.set_num_threads(1)
    for run in candidates.values():
        run()
    seconds: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(few(rounds, 1)):
        for name, run in candidates.items():
            started = time.process_time()
            run()
            seconds[name].append(time.process_time() - started)
    return {name: (min(s), statistics.median(s), max(s)) for name, s in seconds.items()}


def report(figures: Mapping[str, float]) -> None:
    """Print the figures; `--json FILE` on the command line also writes them with the machine."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", type=Path)
    target = parser.parse_args().json
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
    machine += f"torch {torch.__version__}, one thread"
    for name, value in figures.items():
        print(f"{name:40s} {value:10.4g}")
    print(machine)
    if target is not None:
        target.write_text(json.dumps({"machine": machine, "figures": dict(figures)}, indent=2))
