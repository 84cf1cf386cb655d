"""Many files over several workers, and many requests at once.

20,000 small keypoint files (one to three frames, joints only), one in a hundred broken in one of five
ways, lifted by a local Ray of two workers, one of which is killed -9 midway:

- `ray_good_files`: good files whose row is in the Parquet files exactly once; `ray_lost_files`: the
  others; `ray_doubled_files`: those with more rows; `ray_bad_files_listed`: bad files in the table of
  errors; `ray_bad_files`: all that there are.
- `ray_different_numbers`: files whose joints are not those of the local engine, bit for bit.
- `ray_vs_local_speed`: files per second of Ray over those of the local engine, both with two workers,
  measured in turn over the second half of the files, when all workers are at work (starting is
  `*_start_s`, by itself); the smallest and largest ratio of neighbours are `ray_vs_local_speed_least`
  and `_most`.
- `*_work_ms` and `*_lead_ms`: processor time per file of workers and of the leading process, in chunks
  of 20; `*_serial_share` is the latter's part of both, what Amdahl's law asks for. `*_lead_chunk_ms`:
  what a chunk costs the leading process, whatever it holds, by runs with chunks of 5 and of 20.
- `resume_ms`: to find out of a file that it is done.
- `serve_*`: see `_serve_load`.

`--quick` takes 400 files; `--files N` others, `--compared N` for the speeds; `--no-serve` leaves the
service out. Linux only.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from benches._harness import few, report

from lift3d.clip import Clip
from lift3d.io.clips.clip_rows import parquet_files, read_clips
from lift3d.scaling import Listing, LocalEngine, RayEngine, Report, lift_files, listing_of
from tests.helpers.many_files import QUICK, Killer, make_files, ray_workers

WORKERS = 2
FILES, QUICK_FILES = 20_000, 400
BROKEN = 100
ROUNDS = 3
CHUNK, SMALL = 20, 5


@dataclass
class Watch:
    """A progress that notes when how many files were done, and what the leader had used by then."""

    started: float = field(default_factory=time.perf_counter)
    seen: list[tuple[float, float, int]] = field(default_factory=list)

    def __call__(self, _stage: str, done: int, _total: int) -> None:
        self.seen.append((time.perf_counter(), time.process_time(), done))

    @property
    def start(self) -> float:
        """Seconds to the first result."""
        return self.seen[1][0] - self.started

    @property
    def per_second(self) -> float:
        """Files per second of the second half."""
        half = next(seen for seen in self.seen if seen[2] >= self.seen[-1][2] / 2)
        (begun, _, first), (ended, _, last) = half, self.seen[-1]
        return (last - first) / max(ended - begun, 1e-9)

    @property
    def lead_ms(self) -> float:
        (_, begun, first), (_, ended, last) = self.seen[1], self.seen[-1]
        return 1000 * (ended - begun) / max(last - first, 1)


def listed(folder: Path) -> Listing:
    listing = listing_of([folder], each=True)
    if listing is None:
        raise SystemExit(f"scale: nothing in {folder}")
    return listing


def killed(folder: Path, count: int) -> dict[str, float]:
    """All files by Ray, with a worker killed midway."""
    good, bad = make_files(folder / "in", count, BROKEN)
    killer = Killer(ray_workers)
    out = folder / "ray.parquet"
    done = lift_files(listed(folder / "in"), out, QUICK, engine=RayEngine(WORKERS), progress=killer)
    if len(killer.killed) != 1:
        raise SystemExit("scale: no worker was there to be killed")
    rows = Counter(name for name, _ in read_clips(out))
    once = sum(rows[str(path)] == 1 for path in good)
    named = {failure.name for failure in done.failures}
    started = time.perf_counter()
    again = lift_files(listed(folder / "in"), out, QUICK, engine=LocalEngine(1), resume=True)
    waited = time.perf_counter() - started
    return {
        "ray_good_files": once,
        "ray_lost_files": sum(rows[str(path)] == 0 for path in good),
        "ray_doubled_files": sum(rows[str(path)] > 1 for path in good),
        "ray_bad_files": len(bad),
        "ray_bad_files_listed": sum(str(path) in named for path in bad),
        "ray_good_files_called_bad": sum(str(path) in named for path in good),
        "ray_lost_chunks": done.lost_chunks,
        "ray_seconds": done.seconds,
        "parquet_files": len(parquet_files(out)),
        "resume_kept": again.kept,
        "resume_ms": 1000 * waited / count,
    }


def compared(folder: Path, count: int, rounds: int) -> dict[str, float]:
    """Both engines in turn over the same files, without kills."""
    make_files(folder / "some", count, BROKEN)
    engines = {"local": LocalEngine(WORKERS), "ray": RayEngine(WORKERS)}
    watches: dict[str, list[Watch]] = {name: [] for name in engines}
    reports: dict[str, list[Report]] = {name: [] for name in engines}
    for number in range(rounds):
        for name, engine in engines.items():
            watch, out = Watch(), folder / f"{name}{number}.parquet"
            work = lift_files(
                listed(folder / "some"), out, QUICK, engine=engine, batch=CHUNK, progress=watch
            )
            watches[name].append(watch)
            reports[name].append(work)
    figures: dict[str, float] = {}
    for name, seen in watches.items():
        work_ms = statistics.median(1000 * r.work_seconds / count for r in reports[name])
        lead_ms = statistics.median(watch.lead_ms for watch in seen)
        figures |= {
            f"{name}_files_per_s": statistics.median(watch.per_second for watch in seen),
            f"{name}_start_s": statistics.median(watch.start for watch in seen),
            f"{name}_work_ms": work_ms,
            f"{name}_lead_ms": lead_ms,
            f"{name}_serial_share": lead_ms / (lead_ms + work_ms),
            f"{name}_lead_chunk_ms": (small_chunks(folder, name, engines[name]) - lead_ms)
            / (1 / SMALL - 1 / CHUNK),
        }
    pairs = zip(watches["ray"], watches["local"], strict=True)
    ratios = [ray.per_second / local.per_second for ray, local in pairs]
    return figures | {
        "ray_vs_local_speed": statistics.median(ratios),
        "ray_vs_local_speed_least": min(ratios),
        "ray_vs_local_speed_most": max(ratios),
        "ray_different_numbers": different(folder / "ray0.parquet", folder / "local0.parquet"),
    }


def small_chunks(folder: Path, name: str, engine: LocalEngine | RayEngine) -> float:
    """Processor time of the leading process per file (ms), in small chunks of a quarter of the files."""
    files = listed(folder / "some")
    some = replace(files, items=files.items[: len(files) // 4])
    watch, out = Watch(), folder / f"{name}_small.parquet"
    lift_files(some, out, QUICK, engine=engine, batch=SMALL, progress=watch)
    return watch.lead_ms


def different(one: Path, other: Path) -> int:
    """Files whose joints or covariances are not the same bits, or that only one of the two has."""
    clips, others = dict(read_clips(one)), dict(read_clips(other))
    return sum(
        name not in others or name not in clips or not same(clips[name], others[name])
        for name in {*clips, *others}
    )


def same(clip: Clip, other: Clip) -> bool:
    pairs = zip(clip.people, other.people, strict=False)
    poses = [(a.joints.pose, b.joints.pose) for a, b in pairs]
    return len(clip.people) == len(other.people) and all(
        np.array_equal(a.joints, b.joints, equal_nan=True)
        and np.array_equal(a.covariance, b.covariance, equal_nan=True)
        for a, b in poses
    )


def served(quick: bool) -> dict[str, float]:
    """Figures of the service, where it is part of this checkout."""
    try:
        from benches._serve_load import serve_figures
    except ImportError as error:
        print(f"no figures of the service: {error}")
        return {}
    return serve_figures(quick)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", default=few(False, True))
    parser.add_argument("--files", type=int)
    parser.add_argument("--compared", type=int)
    parser.add_argument("--no-serve", action="store_true")
    args, rest = parser.parse_known_args()
    sys.argv[1:] = rest
    os.environ.setdefault("PYTHONWARNINGS", "ignore")  # Ray's own, in its workers
    count = args.files or (QUICK_FILES if args.quick else FILES)
    with tempfile.TemporaryDirectory() as folder:
        figures = killed(Path(folder), count)
        rounds = 1 if args.quick else ROUNDS
        figures |= compared(Path(folder), args.compared or max(200, count // 5), rounds)
    report(figures | ({} if args.no_serve else served(args.quick)))


if __name__ == "__main__":
    main()
