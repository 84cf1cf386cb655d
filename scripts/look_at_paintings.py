"""Draw painted pictures beside their truth, as one sheet.

    python scripts/look_at_paintings.py paintings.png [--poses bodies.h5] [--count 20] [--found]

Poses come from a file that scripts/retarget_mocap.py wrote, or are made up. The truth is drawn as part
colours shaded by U, with keypoints in view white and hidden ones red. Look for limbs through bodies,
labels beside people, and clothes that nobody wears. With `--found`, what the built-in detector finds in
them stands there in place of the truth: keypoints green, orange where it is unsure.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import torch

from lift3d.detection.builtin import BuiltinDetector
from lift3d.fitting.detector_points import with_skin_points
from lift3d.painting import PaintConfig, Painter, Painting, Postures
from lift3d.plugins import body_models
from lift3d.training.album import postures_of
from lift3d.training.pose_bank import read_rotations

COLUMNS = 5


def made_up() -> Iterator[Postures]:
    """Standing people with bent arms and legs."""
    generator = torch.Generator().manual_seed(0)
    while True:
        turns = torch.randn(3, 24, 3, generator=generator) * 0.2
        turns[:, 0] *= 0.3
        turns[:, 16, 2] -= torch.rand(3, generator=generator) * 1.2
        turns[:, 17, 2] += torch.rand(3, generator=generator) * 1.2
        yield Postures(turns, torch.randn(3, 10, generator=generator).clamp(-2, 2))


def tile(painting: Painting) -> np.ndarray:
    """The picture and its truth, side by side."""
    colours = (np.random.default_rng(3).random((256, 3)) * 200 + 55).astype(np.float32)
    colours[0], colours[255] = 0, 255
    shade = np.where(np.isfinite(painting.uv[0]), 0.55 + 0.45 * painting.uv[0], 1.0)
    truth = (colours[painting.part] * shade[..., None]).astype(np.uint8)
    person = painting.people[0]
    for place, seen in zip(person.keypoints, person.seen, strict=True):
        if seen:
            colour = (255, 255, 255) if seen == 2 else (255, 0, 0)
            cv2.circle(truth, np.round(place).astype(int).tolist(), 2, colour, -1)
    return np.hstack([painting.picture, truth])


def found_tile(detector: BuiltinDetector, painting: Painting) -> np.ndarray:
    """The picture with found keypoints, and the found parts."""
    colours = (np.random.default_rng(3).random((256, 3)) * 200 + 55).astype(np.uint8)
    colours[0] = 0
    box = torch.from_numpy(painting.people[0].box)[None]
    if not float(box[0, 2]):
        return np.hstack([painting.picture, np.zeros_like(painting.picture)])
    pose = detector([painting.picture], [box])[0].pose
    part = detector.surface_maps(painting.picture, box)[0].on_picture().part.numpy()
    drawn = painting.picture.copy()
    for place, sure in zip(pose.keypoints[0].tolist(), pose.confidence[0].tolist(), strict=True):
        if sure > 0.2:
            colour = (0, 255, 0) if sure > 0.5 else (255, 160, 0)
            cv2.circle(drawn, [round(v) for v in place], 2, colour, -1)
    return np.hstack([drawn, colours[part]])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("target", type=Path)
    parser.add_argument("--poses", type=Path)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--split", default="train", help="split of the poses")
    parser.add_argument("--found", action="store_true")
    told = parser.parse_args()
    body = body_models["default"]()
    people = made_up()
    if told.poses is not None:
        people = postures_of(
            read_rotations(told.poses, told.split), with_skin_points(body), 3, told.seed
        )
    painter = Painter(body, PaintConfig(), seed=told.seed)
    paintings = [painter.paint(next(people), number) for number in range(told.count)]
    if told.found:
        detector = BuiltinDetector()
        tiles = [found_tile(detector, painting) for painting in paintings]
    else:
        tiles = [tile(painting) for painting in paintings]
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % COLUMNS)
    rows = [np.hstack(tiles[first : first + COLUMNS]) for first in range(0, len(tiles), COLUMNS)]
    cv2.imwrite(str(told.target), np.vstack(rows)[..., ::-1])


if __name__ == "__main__":
    main()
