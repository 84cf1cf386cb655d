"""Folders of small keypoint files, some of them broken, and workers that are killed on the way.

`python -m tests.helpers.many_files FOLDER` lifts with Ray in a process of its own, whose warnings are
Ray's, and prints what came of it as JSON.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lift3d.pipeline import LiftOptions
from lift3d.samples import balancing
from lift3d.scaling import RayEngine, Report, Work, lift_files, listing_of
from lift3d.scaling.values import Chunk, Result
from lift3d.scaling.worker import Recipe, Worker

__all__ = [
    "QUICK",
    "Here",
    "Killer",
    "broken_of",
    "descendants",
    "local_workers",
    "make_files",
    "ray_workers",
]

QUICK = Work(LiftOptions(lifter="universal", body_model=""))
"""The least work: joints only, each frame on its own."""


def make_files(folder: Path, count: int, broken: int) -> tuple[list[Path], list[Path]]:
    """Good files, of one to three frames, and bad ones: one in `broken`, in five ways."""
    with balancing() as path:
        document = json.loads(path.read_text())
    frames = document["frames"]
    folder.mkdir(parents=True)
    good: list[Path] = []
    bad: list[Path] = []
    ways = broken_of(document | {"frames": frames[:1]})
    for number in range(count):
        path = folder / f"clip{number:05d}.json"
        if number % broken == broken // 2:
            path.write_text(ways[len(bad) % len(ways)])
            bad.append(path)
            continue
        start = number % (len(frames) - 3)
        path.write_text(json.dumps(document | {"frames": frames[start : start + 1 + number % 3]}))
        good.append(path)
    return good, bad


def broken_of(document: dict[str, object]) -> tuple[str, ...]:
    """Cut off, empty, no JSON, nobody in it, and something else."""
    text = json.dumps(document)
    return (
        text[: len(text) // 2],
        "",
        "not json at all",
        json.dumps({**document, "frames": []}),
        "[1]",
    )


class Here:
    """An engine in this very process: quick, for what does not ask for workers that die."""

    count = 1

    def run(self, recipe: Recipe, chunks: Sequence[Chunk]) -> Iterator[Result]:
        worker = Worker(recipe)
        for chunk in chunks:
            yield worker(chunk)


@dataclass(slots=True)
class Killer:
    """A progress that kills one worker -9 once a share of the files is done."""

    workers: Callable[[], list[int]]
    share: float = 0.3
    killed: list[int] = field(default_factory=list[int])

    def __call__(self, _stage: str, done: int, total: int) -> None:
        if not self.killed and done >= self.share * total:
            found = self.workers()
            if found:
                os.kill(found[0], signal.SIGKILL)
                self.killed.append(found[0])


def descendants(root: int) -> Iterator[int]:
    """Processes below another one; Linux only."""
    try:
        tasks = sorted(Path(f"/proc/{root}/task").iterdir())
        children = [int(n) for task in tasks for n in (task / "children").read_text().split()]
    except OSError:  # it has ended
        return
    for child in children:
        yield child
        yield from descendants(child)


def local_workers() -> list[int]:
    """Workers of the local engine in this process."""
    import multiprocessing

    children = multiprocessing.active_children()
    return [p.pid for p in children if p.name.startswith("lift3d-worker") and p.pid is not None]


def ray_workers() -> list[int]:
    """Actors that lift, of a Ray that this process has started; Rays of several ages name them."""
    names = (b"MapWorker", b"MapBatches(_Actor)")
    return [pid for pid in descendants(os.getpid()) if any(n in _command(pid) for n in names)]


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def told(report: Report, killed: list[int]) -> dict[str, object]:
    """What a test asks of a report."""
    return {
        "kept": report.kept,
        "lifted": report.lifted,
        "failed": sorted(failure.name for failure in report.failures),
        "types": sorted({failure.type for failure in report.failures}),
        "lost_chunks": report.lost_chunks,
        "killed": len(killed),
    }


def main(folder: Path) -> None:
    """Lift `folder/in` with two actors, one of which is killed."""
    listing = listing_of([folder / "in"], each=True)
    assert listing is not None
    killer = Killer(ray_workers)
    started = time.perf_counter()
    report = lift_files(
        listing, folder / "ray.parquet", QUICK, engine=RayEngine(2), batch=5, progress=killer
    )
    what = told(report, killer.killed) | {"seconds": time.perf_counter() - started}
    sys.stdout.write(f"{json.dumps(what)}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
