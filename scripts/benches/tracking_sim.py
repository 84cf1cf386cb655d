"""Tracking, made-up crowds of captured people: ids kept, swaps undone, frames per second.

Two to twenty people of the test split of `mocap_h5` walk to and fro through one picture for ten seconds
at 30 Hz, hide each other, and are seen by a detector that misses a tenth of the keypoints and a tenth of
the people, jitters, and takes left for right (tests/tracking/crowds.py). Options were chosen on the
train split. IDF1 and id switches are over the detections: with the default, with its first pass alone
(by the best sum of similarities, and by the best pair first), and with pose flow. `swaps_repaired` is
the share of swapped keypoints that get their names back, `swaps_made` the share of sound ones that lose
them. `--picture FILE` draws five people, before and after.
"""

import os
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
from benches._harness import few, measure, report
from numpy import ndarray

from lift3d.plugins import datasets
from lift3d.skeletons import BODY_25
from lift3d.tracking import (
    GreedyTracking,
    find_side_swaps,
    find_swaps_at_once,
    id_switches,
    idf1,
    track_greedy,
    track_people,
)
from tests.tracking.crowds import SIZE, Crowd, crowd, motions_of

LENGTH = 300
CROWDS = few({2: 12, 5: 24, 10: 12, 20: 6}, {2: 1, 5: 1, 10: 1, 20: 1})
Track = Callable[[ndarray, ndarray], ndarray]

TRACKERS: dict[str, tuple[Track, tuple[int, ...]]] = {
    "": (track_people, (2, 5, 10, 20)),
    "_best_pair_first": (
        partial(track_greedy, options=GreedyTracking(matching="greedy")),
        (5, 20),
    ),
    "_no_second_pass": (track_greedy, (5, 10, 20)),
    "_poseflow": (partial(track_people, tracker="poseflow"), (5,)),
}


def captured(split: str) -> list[ndarray]:
    where = os.environ.get("LIFT3D_TEST_DATA")
    if where is None:
        raise SystemExit("tracking_sim: motion capture is absent, set LIFT3D_TEST_DATA")
    clips = datasets["mocap_h5"](Path(where) / "mocap").clips(split)
    joints = (c.motion.pose.joints.double().numpy() for c in clips if getattr(c, "measured", True))
    return motions_of(joints, LENGTH, 60)


def crowds(motions: list[ndarray], people: int, count: int) -> list[Crowd]:
    found: list[Crowd] = []
    for seed in range(count):
        rng = np.random.default_rng([seed, people])
        chosen = np.resize(rng.permutation(len(motions)), people)
        found.append(crowd([motions[n] for n in chosen], rng))
    return found


def identity_figures(seen: dict[int, list[Crowd]]) -> Iterator[tuple[str, float]]:
    for name, (track, sizes) in TRACKERS.items():
        for people in sizes:
            ids = [track(c.frames, c.points) for c in seen[people]]
            pairs = list(zip(seen[people], ids, strict=True))
            shares = [idf1(c.person, found) for c, found in pairs]
            yield f"idf1_{people}_people{name}", float(np.mean(shares))
            yield f"idf1_{people}_people{name}_worst", min(shares)
            changes = [id_switches(c.frames, c.person, found) for c, found in pairs]
            yield f"id_switches_{people}_people{name}", float(np.mean(changes))


def paths(found: Crowd) -> Iterator[tuple[ndarray, ndarray]]:
    """Each person's points over all frames, and which of them are swapped."""
    for person in np.unique(found.person):
        rows = found.person == person
        points = np.full((LENGTH, len(BODY_25), 3), np.nan)
        points[..., 2] = 0
        swapped = np.zeros(points.shape[:2], dtype=np.bool_)
        points[found.frames[rows]] = found.points[rows]
        swapped[found.frames[rows]] = found.swapped[rows]
        yield points, swapped


def swap_figures(seen: list[Crowd]) -> dict[str, float]:
    people = [pair for found in seen for pair in paths(found)]
    marks = [find_side_swaps(points, BODY_25) for points, _ in people]
    at_once = [find_swaps_at_once(points, BODY_25) for points, _ in people]
    there = np.concatenate([points[..., 2] > 0 for points, _ in people])
    true = np.concatenate([swapped for _, swapped in people])
    found, single = np.concatenate(marks), np.concatenate(at_once)
    return {
        "swapped_keypoints": float((true & there).sum()),
        "swaps_repaired": float((found & true & there).sum() / (true & there).sum()),
        "swaps_made": float((found & ~true & there).sum() / (~true & there).sum()),
        "swaps_repaired_single_frames": float((single & true & there).sum() / (true & there).sum()),
        "swaps_made_single_frames": float((single & ~true & there).sum() / (~true & there).sum()),
    }


def speed_figures(found: Crowd) -> dict[str, float]:
    people = [points for points, _ in paths(found)]
    ways: dict[str, Callable[[], object]] = {
        "tracking": lambda: track_people(found.frames, found.points),
        "tracking_once": lambda: track_greedy(found.frames, found.points),
        "tracking_poseflow": lambda: track_people(found.frames, found.points, "poseflow"),
        "swap_repair": lambda: [find_side_swaps(points, BODY_25) for points in people],
    }
    figures: dict[str, float] = {}
    for name, (fastest, median, slowest) in measure(ways).items():
        figures[f"{name}_fps"] = LENGTH / median
        figures[f"{name}_fps_slowest"] = LENGTH / slowest
        figures[f"{name}_fps_fastest"] = LENGTH / fastest
    return figures


def figures() -> dict[str, float]:
    motions = captured("test")
    seen = {people: crowds(motions, people, count) for people, count in CROWDS.items()}
    out: dict[str, float] = {"crowds_5_people": CROWDS[5], "frames_each": LENGTH}
    out["detections_5_people"] = float(np.mean([len(c.frames) for c in seen[5]]))
    out |= dict(identity_figures(seen))
    return out | swap_figures(seen[5]) | speed_figures(seen[5][0])


def draw(file: Path) -> None:
    """Where five people's middles go: their true names, the paper's tracker, and ours."""
    from matplotlib.figure import Figure

    found = crowds(captured("test"), 5, 1)[0]
    ways = {
        "who they are": found.person,
        "most similar pair first": TRACKERS["_best_pair_first"][0](found.frames, found.points),
        "both ways through time": track_people(found.frames, found.points),
    }
    middle = np.nanmedian(found.points[..., 0], axis=1)
    figure = Figure(figsize=(15, 11), layout="constrained")
    for axis, (name, ids) in zip(figure.subplots(3, 1, sharex=True), ways.items(), strict=True):
        changes = id_switches(found.frames, found.person, ids)
        axis.set_title(f"{name}: IDF1 {idf1(found.person, ids):.4f}, {changes} id switches")
        axis.scatter(found.frames, middle, c=[f"C{n % 10}" for n in ids.tolist()], s=9)
        axis.set(ylabel="x in pixels", ylim=(0, SIZE[1]))
    axis.set_xlabel("frame")
    figure.savefig(file, dpi=80)


def main() -> None:
    if "--picture" in sys.argv:
        draw(Path(sys.argv[sys.argv.index("--picture") + 1]))
        return
    report(figures())


if __name__ == "__main__":
    main()
