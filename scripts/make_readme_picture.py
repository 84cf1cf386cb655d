"""Draw the moving picture of the README from what `scripts/demo` wrote.

    scripts/demo
    python scripts/make_readme_picture.py out/balancing.npz docs/images/demo.gif

Keypoints go in on the left, the body comes out on the right, at half the speed of life. `--frames DIR`
writes every frame as a PNG beside it: look at them.
"""

from __future__ import annotations

import argparse
import itertools
import math
from collections.abc import Iterable
from pathlib import Path

import lift3d
from lift3d.pictures import Look, Storyboard, open_viewer, write_gif, write_png
from lift3d.pictures.theme import Picture
from lift3d.pipeline import make_body

STEP, FPS, HOLD = 2, 15.0, 8
LOOK = Look(panels=("keypoints", "mesh", "turned"), height=300, max_width=920, captions=False)


def kept(pictures: Iterable[Picture], folder: Path | None) -> Iterable[Picture]:
    """The pictures, each written to the folder if there is one, the last one held for a moment."""
    last: Picture | None = None
    for number, last in enumerate(pictures):
        if folder is not None:
            write_png(folder / f"{number:03d}.png", last)
        yield last
    yield from itertools.repeat(last, HOLD if last is not None else 0)  # type: ignore[arg-type]


def main() -> None:
    """Draw, write, and say how large the file is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clip", type=Path)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--frames", type=Path)
    asked = parser.parse_args()
    clip = lift3d.read_clip(asked.clip)
    viewer, told = open_viewer()
    print(told)
    if asked.frames is not None:
        asked.frames.mkdir(parents=True, exist_ok=True)
    board = Storyboard(clip, make_body(clip.body_model), viewer, LOOK)
    shown = board.pictures(range(0, len(clip), STEP))
    frames = write_gif(asked.picture, kept(shown, asked.frames), FPS)
    viewer.close()
    print(f"{asked.picture}: {frames} frames, {math.ceil(asked.picture.stat().st_size / 1000)} kB")


if __name__ == "__main__":
    main()
