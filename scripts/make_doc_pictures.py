"""Draw the pictures of docs/pictures.md from the sample that comes with lift3d.

    python scripts/make_doc_pictures.py docs/images

Look at each of them afterwards. They are stored in 256 colours, to stay small.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np

from lift3d.camera import Camera
from lift3d.clip import Clip
from lift3d.io import read_keypoints
from lift3d.pictures import (
    LIGHT,
    Look,
    contact_sheet,
    cutout,
    open_viewer,
    still,
    turntable,
    write_png,
)
from lift3d.pictures.encoder import run_ffmpeg
from lift3d.pipeline import LiftOptions, lift, make_body
from lift3d.protocols import BodyModel, Viewer
from lift3d.samples import balancing

WIDTH, HEIGHT = 760, 230
TELLING = 48
CLOTHES = ("own", "none", "sporty", "casual", "suit", "parts")

Cast = tuple[Clip, BodyModel, Viewer]


def studio(camera: Camera) -> np.ndarray:
    """A made-up photograph of the camera's size: a wall with panels and a wooden floor."""
    height, width = camera.image_size
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    wall = np.stack([190 - rows * 0.03, 186 - rows * 0.03, 176 - rows * 0.02], -1)
    wall -= 18 * ((columns % 270) < 4)[..., None]
    floor = np.stack([150 + 0 * rows, 116 + 0 * rows, 84 + 0 * rows], -1)
    planks = ((columns - width / 2) / (rows - 0.35 * height).clip(1) * 9) % 1 < 0.04
    picture = np.where((rows > 0.54 * height)[..., None], floor - 22 * planks[..., None], wall)
    return picture.clip(0, 255).astype(np.uint8)


def pictures(cast: Cast) -> dict[str, np.ndarray]:
    """Every picture of the page, by the name of its file."""
    look = Look(height=HEIGHT, max_width=WIDTH)
    behind = studio(cast[0].camera)
    side = replace(look, panels=("turned",), captions=False, height=200)

    def one(**changes: object) -> np.ndarray:
        return still(*cast, frame=TELLING, look=replace(look, **changes))  # type: ignore[arg-type]

    def over(**changes: object) -> np.ndarray:
        asked = replace(look, panels=("overlay",), captions=False, height=300, **changes)  # type: ignore[arg-type]
        return still(*cast, frame=TELLING, look=asked, backdrop=lambda _: behind)

    worn = [still(*cast, frame=TELLING, look=replace(side, clothes=c)) for c in CLOTHES]
    turn = list(
        turntable(*cast, frame=TELLING, seconds=1.0, fps=5.0, look=replace(side, panels=()))
    )
    alone = cutout(*cast, frame=TELLING, look=replace(side, panels=("mesh", "skeleton")))
    return {
        "default": one(),
        "panels": one(panels=("skeleton", "mesh", "turned", "side", "top")),
        "light": one(theme=LIGHT, contacts=True, panels=("skeleton", "turned", "side")),
        "overlay": np.concatenate([over(), over(opacity=0.5), over(template="{time:.2f} s")], 1),
        "clothes": np.concatenate([fit(picture, 126) for picture in worn], 1),
        "turntable": np.concatenate([fit(picture, 150) for picture in turn], 1),
        "sheet": contact_sheet(*cast, rows=2, columns=5, look=replace(look, height=330)),
        "transparent": over_squares(alone),
    }


def fit(picture: np.ndarray, width: int) -> np.ndarray:
    """The middle of a picture, so wide."""
    start = max(0, (picture.shape[1] - width) // 2)
    return picture[:, start : start + width]


def over_squares(picture: np.ndarray) -> np.ndarray:
    """A picture with alpha over the squares that stand for nothing."""
    rows, columns = np.indices(picture.shape[:2]) // 10
    squares = np.where((rows + columns) % 2, 235, 205)[..., None].astype(np.float32)
    alpha = picture[..., 3:].astype(np.float32) / 255
    return (picture[..., :3] * alpha + squares * (1 - alpha)).astype(np.uint8)


def write_small(path: Path, picture: np.ndarray) -> None:
    """A PNG in 256 colours of its own."""
    smooth = cv2.bilateralFilter(picture, 3, 6, 1)  # the grain of the backdrop packs badly
    with TemporaryDirectory() as folder:
        whole = Path(folder) / "whole.png"
        write_png(whole, smooth)
        colors = "split[a][b];[a]palettegen=max_colors=200[p];[b][p]paletteuse=dither=none"
        run_ffmpeg(("-i", str(whole), "-vf", colors, str(path)))


def main() -> None:
    """Lift the sample, draw everything, say how large the files are."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    with balancing() as path:
        clip = lift(read_keypoints(path), options=LiftOptions())
    viewer, told = open_viewer()
    print(told)
    total = 0
    for name, picture in pictures((clip, make_body(clip.body_model), viewer)).items():
        target = folder / f"pictures_{name}.png"
        write_small(target, picture)
        size = target.stat().st_size
        total += size
        print(f"{target}: {picture.shape[1]} x {picture.shape[0]}, {math.ceil(size / 1000)} kB")
    viewer.close()
    print(f"together {math.ceil(total / 1000)} kB")


if __name__ == "__main__":
    main()
