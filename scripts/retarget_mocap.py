"""Put motion capture onto a body model: joint rotations for priors and for training.

    python scripts/retarget_mocap.py FOLDER_WITH_MOCAP poses.h5

Splits stay apart in the file. A run that was stopped goes on where it was: finished clips are kept
in `poses.h5.parts` beside the target, which may be deleted in the end. About half a millisecond a frame.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path
from statistics import median

import torch

from lift3d.plugins import body_models, datasets
from lift3d.training.retarget_file import ClipReport, retarget_dataset


def show(clip: ClipReport, done: int, count: int) -> None:
    print(
        f"{done:5d}/{count} {clip.split:5s} {clip.name:28s} {clip.frames:6d} frames  "
        f"error {clip.error * 1000:5.1f} mm  misfit {clip.misfit * 1000:4.1f} mm  "
        f"good {clip.good:6.1%}",
        flush=True,
    )


def summarise(reports: list[ClipReport]) -> None:
    families: dict[tuple[str, str], list[ClipReport]] = defaultdict(list)
    for clip in reports:
        families[clip.split, clip.family[:48]].append(clip)
    for (split, family), clips in families.items():
        frames = sum(clip.frames for clip in clips)
        good = sum(clip.good * clip.frames for clip in clips) / max(frames, 1)
        error = median([c.error for c in clips if c.error == c.error] or [float("nan")])
        misfit = median([c.misfit for c in clips if c.misfit == c.misfit] or [float("nan")])
        print(
            f"{split:5s} {family:48s} {len(clips):4d} clips {frames:6d} frames  "
            f"error {error * 1000:5.1f} mm  misfit {misfit * 1000:4.1f} mm  good {good:6.1%}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", type=Path, help="folder or file with the motion capture")
    parser.add_argument("target", type=Path, help="the HDF5 file to write")
    parser.add_argument("--dataset", default="mocap_h5", help="its reader in lift3d.datasets")
    parser.add_argument("--body", default="default", help="body model in lift3d.body_models")
    args = parser.parse_args()
    torch.set_num_threads(1)
    body = body_models[args.body]()
    dataset = datasets[args.dataset](args.root)
    summarise(retarget_dataset(dataset, body.articulation, args.target, progress=show))


if __name__ == "__main__":
    main()
