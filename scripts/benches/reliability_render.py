"""A long clip through `lift3d render`: whether memory stays what it was while frames are drawn.

The package's sample is lifted, its clip repeated to N frames and drawn as a video, skeleton and body
side by side, by the command that users call, in this process. `render_memory_growth_percent` is how
much resident memory grew from the end of the first tenth of the time to the end,
`render_descriptors_left` how many more files are open afterwards.

`--render-frames N` (10,000). Linux only: it reads /proc.
"""

import argparse
import sys
import tempfile
import threading
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from benches._harness import few, report
from benches.reliability_runs import PARTS, open_files, resident

import lift3d
from lift3d.cli import main as lift3d_command
from lift3d.samples import balancing

PAUSE = 0.2
PANELS = ("skeleton", "mesh")
SIZE = ("180", "320")


def long_clip(folder: Path, frames: int) -> Path:
    """The sample's clip, over and over."""
    short, place = folder / "short.npz", folder / "long.npz"
    with balancing() as keypoints:
        clip = lift3d.lift(keypoints)
    lift3d.write_clip(short, clip)
    one = (len(clip.people), len(clip))
    times = -(-frames // len(clip))
    with np.load(short) as arrays:
        repeated = {
            name: np.concatenate([value] * times, 1)[:, :frames]
            if value.shape[:2] == one
            else value
            for name, value in arrays.items()
        }
    np.savez(place, allow_pickle=False, **repeated)
    return place


def rendered(frames: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip, video = long_clip(folder, frames), folder / "long.mp4"
        memory, over, before = list[float](), threading.Event(), open_files()

        def watch() -> None:
            while not over.wait(PAUSE):
                memory.append(resident())

        thread = threading.Thread(target=watch)
        started = time.perf_counter()
        thread.start()
        try:
            words = ["render", str(clip), "-o", str(video), "--panels", *PANELS, "--size", *SIZE]
            code = lift3d_command(words)
        finally:
            over.set()
            thread.join()
        taken = time.perf_counter() - started
        if code:
            raise SystemExit(f"lift3d render ended with code {code}")
        drawn = cv2.VideoCapture(str(video))
        written = drawn.get(cv2.CAP_PROP_FRAME_COUNT)
        drawn.release()
    tenths = [memory[min(len(memory) - 1, len(memory) * (k + 1) // PARTS)] for k in range(PARTS)]
    print("memory (MB):", " ".join(f"{each:.1f}" for each in tenths))
    return {
        "render_frames": written,
        "render_frames_per_second": frames / taken,
        "render_memory_mb": tenths[-1],
        "render_memory_growth_percent": 100 * (tenths[-1] / tenths[0] - 1),
        "render_descriptors_left": open_files() - before,
    }


def asked_for() -> dict[str, float]:
    """The figures, as the command line asks for them."""
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser()
    parser.add_argument("--render-frames", type=int, default=few(10_000, 60))
    args, rest = parser.parse_known_args()
    sys.argv[1:] = rest
    return rendered(args.render_frames)


def main() -> None:
    report(asked_for())


if __name__ == "__main__":
    main()
