"""Every performance table of the project beside its peers, losses too: `scripts/bench all`.

Benches run one after the other in this one process, on one thread, each as `scripts/bench NAME` runs it
(some start processes of their own, to measure memory or to kill them). What fails or has no data
is listed as not measured and stops nothing. `--json FILE` and `--markdown FILE` are written anew after
each.

    --quick         only the two that take seconds and need no data
    --rough         all of them with little data and one round: whether they still run, no figures
    --only NAMES    only these
"""

import argparse
import json
import os
import platform
import re
import runpy
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import torch
from benches._harness import ROUGH

__all__ = ["QUICK", "Comparison", "Measured", "comparisons", "markdown", "names"]

QUICK: Final = ("bvh_reading", "decoders")
WITHIN: Final = {
    "bvh_reading": "formats",
    "cameras": "lifter",
    "grounding": "lifter",
    "lifter_speed": "lifter",
    "tracking_sim": "formats",
}
"""Benches that another one runs as well."""
LEFT_OUT: Final = {
    "all": "this one",
    "descent_designs": "compares designs of ours, for a quarter of an hour",
    "lifter_designs": "compares designs of ours",
    "reliability": "counts attacks and losses, no performance",
    "reliability_live": "counts attacks and losses, no performance",
    "reliability_render": "counts attacks and losses, no performance",
    "reliability_runs": "counts attacks and losses, no performance",
    "reliability_security": "counts attacks and losses, no performance",
}

# Bench, figure, what is compared, the peer, and whether more of the figure is better. Where the figure
# is a ratio of ours and theirs, 1 is a draw.
RATIOS: Final = (
    ("bodies", r"vertices_b(\d+)_vs_(\w+)", "speed of posing, {0} bodies at once", "{1}", True),
    ("bodies", r"memory_b(\d+)_vs_(\w+)", "memory for {0} bodies", "{1}", False),
    ("bodies", r"gpu_vertices_b(\d+)_vs_(\w+)", "speed of posing on a GPU, {0} bodies", "{1}", True),
    ("viewer", r"(software|pyrender)_(\d+)_vs_(\w+)", "pictures a second, {0} {1}", "{2}", True),
    ("formats", r"openpose_vs_orjson", "time to read an OpenPose folder", "orjson alone", False),
    ("formats", r"alphapose_vs_(\w+)", "speed of reading an AlphaPose list", "{0} alone", True),
    ("formats|bvh_reading", r"bvh_vs_fromstring_?(\w*)", "speed of BVH numbers {0}",
     "fromstring of numpy", True),
    ("lifter|lifter_speed", r"b64_vs_(eager)", "speed of 64 people", "the same in plain torch", True),
    ("lifter|lifter_speed", r"whole_clip_vs_(framewise)", "speed of whole clips", "frame by frame",
     True),
    ("lifter", r"(?!.*speed)(\w+?)_vs_martinez", "error, {0}", "Martinez et al., trained by us", False),
    ("regressor", r"refined_vs_(\w+)_pve", "error of the skin", "{0}", False),
    ("regressor", r"refined_vs_(\w+)_speed", "speed of bodies from keypoints", "{0}", True),
    ("training", r"step_b(\d+)_vs_plain", "speed of a training step of {0}", "plain torch, Adam", True),
    ("training", r"cpu_to_baseline_error", "CPU time to the baseline's error", "the baseline itself",
     False),
)  # fmt: skip
# The same for two figures: ours, the peer's, and less is better.
PAIRS: Final = (
    ("fit", r"b(\d+)_ours_3_ms", r"b{0}_(\w+_\d+)_ms", "time of a fit, {0} poses at once"),
    ("fit", r"b(\d+)_ours_3_mm", r"b{0}_(\w+_\d+)_mm", "error of a fit, {0} poses at once"),
    ("cameras|lifter", r"fov_(val|test)_estimate", r"fov_{0}_(prior)",
     "error of an unknown field of view, {0}"),
)  # fmt: skip


@dataclass(frozen=True)
class Comparison:
    """How many times as good ours is as the peer's; below 1 is a loss."""

    bench: str
    what: str
    peer: str
    times: float

    @property
    def verdict(self) -> str:
        """In a word; within 2 % nobody wins."""
        if abs(self.times - 1) <= 0.02:
            return "draw"
        return "win" if self.times > 1 else "LOSS"


@dataclass
class Measured:
    """What one bench gave, or why it gave nothing."""

    bench: str
    figures: dict[str, float] = field(default_factory=dict)
    trouble: str = ""
    wall_seconds: float = 0.0


def names(quick: bool, only: Sequence[str]) -> list[str]:
    """The benches to run: without a choice all but those that others run, too, or that are left out."""
    known = {path.stem for path in Path(__file__).parent.glob("[a-z]*.py")} - {"all"}
    if only:
        wrong = sorted(set(only) - known)
        if wrong:
            raise SystemExit(
                f"bench all: expected some of {', '.join(sorted(known))}, got {wrong[0]}"
            )
        return list(only)
    return list(QUICK) if quick else sorted(known - set(WITHIN) - set(LEFT_OUT))


def run(name: str) -> Measured:
    """One bench in this process, as its own command line runs it."""
    started, done = time.perf_counter(), Measured(name)
    before = sys.argv
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "figures.json"
        sys.argv = [name, "--json", str(file)]
        try:
            runpy.run_module(f"benches.{name}", run_name="__main__")
        except (Exception, SystemExit) as error:
            if not (isinstance(error, SystemExit) and error.code in (None, 0)):
                done.trouble = f"{type(error).__name__}: {error}"
        finally:
            sys.argv = before
        if file.is_file():
            told: dict[str, Any] = json.loads(file.read_text())
            done.figures = {
                key: float(value)
                for key, value in told.get("figures", told).items()
                if isinstance(value, (int, float))
            }
        elif not done.trouble:
            done.trouble = "it wrote no figures"
    torch.set_num_threads(1)
    done.wall_seconds = time.perf_counter() - started
    return done


def comparisons(measured: Sequence[Measured]) -> list[Comparison]:
    """Everything that was measured beside a peer."""
    return [found for one in measured for found in (*_ratios(one), *_pairs(one))]


def _ratios(one: Measured) -> Iterator[Comparison]:
    for bench, pattern, what, peer, more in RATIOS:
        for key, value in one.figures.items():
            found = re.fullmatch(pattern, key)
            if found and re.fullmatch(bench, one.bench) and value > 0:
                words = [each or "" for each in found.groups()]
                times = value if more else 1 / value
                yield Comparison(one.bench, what.format(*words).strip(), peer.format(*words), times)


def _pairs(one: Measured) -> Iterator[Comparison]:
    for bench, mine, theirs, what in PAIRS:
        if not re.fullmatch(bench, one.bench):
            continue
        for key, value in one.figures.items():
            if not (found := re.fullmatch(mine, key)):
                continue
            for other, their in one.figures.items():
                peer = re.fullmatch(theirs.format(*found.groups()), other)
                if peer and not peer[1].startswith(("ours", "door", "torch")) and value > 0:
                    name = peer[1].replace("_", " ")
                    yield Comparison(one.bench, what.format(*found.groups()), name, their / value)


def machine() -> str:
    """Where it was measured."""
    cpu = next(
        (line.split(":")[1].strip() for line in _lines("/proc/cpuinfo") if "model name" in line), ""
    )
    return (
        f"{platform.machine()} {cpu}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python "
        f"{platform.python_version()}, torch {torch.__version__}, one thread"
    )


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines() if Path(path).exists() else []


def markdown(measured: Sequence[Measured], where: str, left: Mapping[str, str]) -> str:
    """The tables for people; of a rough run they say so."""
    found = comparisons(measured)
    lost = sum(one.verdict == "LOSS" for one in found)
    rough = ["**A rough run: these are no figures.**", ""] if ROUGH in os.environ else []
    lines = ["# Benchmarks", "", where, "", *rough,
             f"## Beside others: {len(found)}, of which {lost} lost", "",
             "Times as good as the peer (as fast, as small, as exact); below 1 we lose.", "",
             "| bench | what | peer | times | |", "|---|---|---|---|---|"]  # fmt: skip
    for one in found:
        verdict = "**loss**" if one.verdict == "LOSS" else one.verdict
        lines.append(f"| {one.bench} | {one.what} | {one.peer} | {one.times:.3g} | {verdict} |")
    for each in measured:
        lines += ["", f"## {each.bench} ({each.wall_seconds:.0f} s)", ""]
        lines += [f"Not wholly measured: {each.trouble}", ""] if each.trouble else []
        if each.figures:
            lines += ["| figure | value |", "|---|---|"]
            lines += [f"| {key} | {value:.4g} |" for key, value in each.figures.items()]
    lines += ["", "## Left out", ""]
    lines += [f"- `{name}`: {why}" for name, why in left.items() if name != "all"]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/bench all")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rough", action="store_true")
    parser.add_argument("--only", nargs="+", default=[])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", type=Path)
    told = parser.parse_args()
    if told.rough:
        os.environ[ROUGH] = "1"
    torch.set_num_threads(1)
    where, measured = machine(), list[Measured]()
    for name in names(told.quick, told.only):
        print(f"== {name}", flush=True)
        measured.append(run(name))
        print(f"== {name}: {measured[-1].wall_seconds:.0f} s", flush=True)
        found = comparisons(measured)
        if told.json is not None:
            beside = [asdict(one) | {"verdict": one.verdict} for one in found]
            benches = [asdict(one) for one in measured]
            text = json.dumps({"machine": where, "beside": beside, "benches": benches}, indent=2)
            told.json.write_text(text + "\n")
        if told.markdown is not None:
            told.markdown.write_text(markdown(measured, where, LEFT_OUT), encoding="utf-8")
    print(f"\n{where}\n")
    for one in comparisons(measured):
        print(f"{one.verdict:5s} {one.times:8.3g}  {one.bench}: {one.what}, beside {one.peer}")
    for each in measured:
        if each.trouble:
            print(f"not wholly measured: {each.bench}: {each.trouble}")


if __name__ == "__main__":
    main()
