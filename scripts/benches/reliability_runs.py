"""Killed, long and often: what is lost, what grows, how long a start takes.

- `kills_tried`, `kills_lost`: moments at which a process was killed -9, over all stages of
  `tests/helpers/killed_stages.py` (half by time, half before a change to the disk), and how often
  something was lost: a half-written file, a stray one, a second run that fails or ends in other bytes.
- `frames_streamed`, `memory_growth_percent`: frames through one live session of the streaming lifter,
  and how much resident memory grew from the first tenth of them to the last; `descriptors_grown` is how
  many more files were open at the end.
- `whole_clip_bytes_per_frame`: memory that the lifter `temporal` takes at its peak per frame of a clip.
- `import_ms`: what `import lift3d` takes beyond torch, median of five processes; `import_ms_most`: most.

`--kills N` moments per stage (50), `--frames N` frames (100,000), `--stages lift,video` only some,
`--stages ""` none.
Linux only: it forks, and reads /proc.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from benches._harness import report

from lift3d.camera import Camera
from lift3d.lifting.temporal import StreamingLifter, TemporalLifter
from lift3d.motion import Motion
from lift3d.pose import Pose2D
from lift3d.skeletons import COCO_17
from tests.helpers.killed_stages import STAGES, kill_often
from tests.helpers.killing import Workers

__all__ = ["open_files", "resident", "streamed"]

SIZE = (1080, 1920)
PARTS = 10
START = """
import time, torch
begun = time.perf_counter()
import lift3d
print(time.perf_counter() - begun)
"""


def resident() -> float:
    """Megabytes of this process in memory."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 1e6


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - as quick as can be


def walker(frames: int, start: int = 0) -> Iterator[Pose2D]:
    """Somebody who swings their limbs, with keypoints that go missing and frames without anybody."""
    draw = torch.Generator().manual_seed(start)
    body = torch.randn(17, 2, generator=draw) * torch.tensor([90.0, 200.0]) + torch.tensor(
        [960, 540]
    )
    for at in range(start, start + frames):
        swing = 20 * torch.sin(torch.arange(17) + at / 10)
        confidence = (torch.rand(17, generator=draw) < 0.9).float() * (at % 97 != 0)
        pixels = body + torch.stack([swing, swing.roll(1)], -1)
        yield Pose2D.from_detections(pixels, confidence, COCO_17, SIZE)


def streamed(frames: int) -> dict[str, float]:
    """Frames through a live session; memory is read ten times on the way."""
    session = StreamingLifter().live(Camera.default(SIZE), 30.0)
    given, memory, files = 0, list[float](), 0
    started = time.perf_counter()
    for part in range(PARTS):
        for pose in walker(frames // PARTS, part * (frames // PARTS)):
            given += session.push(pose) is not None
        memory.append(resident())
        files = files or open_files()
    given += len(session.finish())
    return {
        "frames_streamed": given,
        "frames_lost": frames // PARTS * PARTS - given,
        "frames_per_second": given / (time.perf_counter() - started),
        "memory_mb": memory[-1],
        "memory_growth_percent": 100 * (memory[-1] / memory[0] - 1),
        "descriptors_grown": open_files() - files,
    }


def whole_clips() -> dict[str, float]:
    """What `lift` holds per frame: two clips of different lengths, joints only."""
    peaks: list[float] = []
    for frames in (2_000, 22_000):
        peaks.append(_peak(frames))
    return {"whole_clip_bytes_per_frame": (peaks[1] - peaks[0]) * 1e6 / 20_000}


def _peak(frames: int) -> float:
    """Largest resident size (MB) of a process that lifts a clip."""
    program = f"from benches.reliability_runs import lift_walker; lift_walker({frames})"
    told = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    return float(told.split()[-1])


def lift_walker(frames: int) -> None:
    """In a process of its own: lift, and print its largest size."""
    torch.set_num_threads(1)
    poses = list(walker(frames))
    pose = Pose2D(
        torch.stack([p.keypoints for p in poses]),
        torch.stack([p.confidence for p in poses]),
        COCO_17,
        SIZE,
    )
    person = Motion(pose, 30.0, 0, pose.seen.any(-1))
    del poses
    TemporalLifter()(person, Camera.default(SIZE))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000)


def starts() -> dict[str, float]:
    seconds = [
        float(subprocess.run([sys.executable, "-c", START], capture_output=True, check=True).stdout)
        for _ in range(5)
    ]
    return {"import_ms": 1000 * statistics.median(seconds), "import_ms_most": 1000 * max(seconds)}


def killed(kills: int, names: list[str]) -> dict[str, float]:
    tried = lost = hit = 0
    figures: dict[str, float] = {}
    with Workers() as workers:
        for number, name in enumerate(names):
            tally = kill_often(STAGES[name], kills, seed=number, workers=workers)
            tried, hit, lost = tried + tally.tried, hit + tally.hit, lost + len(tally.lost)
            figures[f"kills_lost_{name}"] = len(tally.lost)
            print(
                f"{name}: {tally.tried} tried, {tally.hit} hit, {len(tally.lost)} lost", flush=True
            )
            for each in tally.lost:
                print(f"  {each.stage} {each.moment}: {each.what}", flush=True)
    return {"kills_tried": tried, "kills_hit": hit, "kills_lost": lost} | figures


def asked_for() -> dict[str, float]:
    """The figures, as the command line asks for them."""
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--frames", type=int, default=100_000)
    parser.add_argument("--stages", default=",".join(STAGES))
    args, rest = parser.parse_known_args()
    sys.argv[1:] = rest
    figures = starts() | whole_clips() | streamed(args.frames)
    return figures | killed(args.kills, [name for name in args.stages.split(",") if name])


def main() -> None:
    report(asked_for())


if __name__ == "__main__":
    main()
