"""Estimate from real keypoint files what a detector gets wrong: `lift3d/training/detector_noise.json`.

    python scripts/estimate_detector_noise.py FOLDER_WITH_KEYPOINTS [--target FILE]

The folder holds OpenPose clips (`openpose_body25/clip_a`, `clip_b`) and two views of a balancing
subject (`pose2sim/balancing`). Nobody knows where the joints really were, so what can be told is:

- jitter from frame to frame: fourth differences over time, in which motion nearly vanishes
  (white noise is made sqrt(70) times as large by them);
- errors that stay for a while: BODY_25 detects the middle of the hips beside both hips, and what
  the three disagree by is error at any speed;
- outliers, exchanges of sides, joints found on their mirror joint, and gaps, by counting;
- how far off keypoints of low confidence are, and how low the confidence is.

Metres come from the trunk: its length in the picture, where it looks longest, is 0.5 m.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lift3d.io import atomic_path, read_keypoints
from lift3d.skeletons import BODY_25, BODY_25B
from lift3d.training.noise_table import kind_of

TARGET = Path(__file__).parents[1] / "lift3d/training/detector_noise.json"
TRUNK = 0.5
SIDES_APART = 0.10
QUANTILES = (0.0, 0.01, 0.03, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 1.0)
LEGS = ("hip", "knee", "ankle", "big_toe", "small_toe", "heel")
ARMS = ("shoulder", "elbow", "wrist")


@dataclass(frozen=True)
class Track:
    """One person in one view: keypoints in metres at the person's distance [frames, joints, 2]."""

    name: str
    joints: tuple[str, ...]
    places: Tensor
    confidence: Tensor

    def at(self, joint: str) -> Tensor:
        return self.places[:, self.joints.index(joint)]

    def mirror(self) -> list[int]:
        swap = {"left": "right", "right": "left"}
        names = [j.split("_", 1) for j in self.joints]
        flipped = ["_".join([swap.get(n[0], n[0]), *n[1:]]) for n in names]
        return [self.joints.index(j) if j in self.joints else -1 for j in flipped]


def tracks(folder: Path) -> list[Track]:
    files = {
        "openpose_body25/clip_a": (BODY_25, None),
        "openpose_body25/clip_b": (BODY_25, None),
        "pose2sim/balancing/cam01_json": (BODY_25B, (1920, 1088)),
        "pose2sim/balancing/cam03_json": (BODY_25B, (1920, 1088)),
    }
    out = []
    for name, (skeleton, size) in files.items():
        found = read_keypoints(folder / name, skeleton, fps=30.0, image_size=size)
        pose = found.people[0].pose
        points = pose.keypoints.double()
        middle = {
            part: sum(points[:, skeleton.index(f"{s}_{part}")] for s in ("left", "right")) / 2
            for part in ("hip", "shoulder")
        }
        trunk = (middle["hip"] - middle["shoulder"]).norm(dim=-1).nanquantile(0.9)
        places = points * (TRUNK / trunk)
        out.append(Track(name, skeleton.joints, places, pose.confidence.double()))
    return out


def spread(values: Tensor) -> float:
    """Standard deviation of normal noise from the median of its absolute values."""
    return float(values.abs().nanmedian()) / 0.6745


def fourth(places: Tensor) -> Tensor:
    return places.diff(n=4, dim=0) / math.sqrt(70)


def jitter(found: list[Track]) -> dict[str, float]:
    """Metres per kind of joint: the root mean square over tracks of robust spreads."""
    rows: dict[str, list[float]] = defaultdict(list)
    for track in found:
        for joint, name in enumerate(track.joints):
            if not bool(track.places[:, joint].isfinite().any()):
                continue
            rows[kind_of(name)].append(spread(fourth(track.places[:, joint])))
    rows = {k: [x for x in v if x > 0] for k, v in rows.items()}
    return {k: round(float(np.sqrt(np.mean(np.square(v)))), 5) for k, v in rows.items() if v}


def lasting(found: list[Track]) -> dict[str, float]:
    """Errors at all speeds: their size in metres, the lasting part over the fresh one, and its memory.

    Of noise that is partly fresh and partly autoregressive the correlation at lag k is
    share * pace^k, so that two lags tell both.
    """
    totals, shares, paces = [], [], []
    for track in found:
        if "mid_hip" not in track.joints:
            continue
        away = track.at("mid_hip") - (track.at("left_hip") + track.at("right_hip")) / 2
        away = away[away.isfinite().all(-1)]
        if len(away) < 30:
            continue
        away = away - away.median(0).values
        # The middle of two errs sqrt(1 / 2) as much as the third.
        totals.append(spread(away) / math.sqrt(1.5))
        first, later = correlation(away, 1), correlation(away, 4)
        paces.append((max(later, 1e-3) / max(first, 1e-3)) ** (1 / 3))
        shares.append(min(max(first, 1e-3) / paces[-1], 0.9))
    share, pace = float(np.mean(shares)), float(np.mean(paces))
    return {
        "total": round(float(np.mean(totals)), 5),
        "ratio": round(math.sqrt(share / (1 - share)), 3),
        "frames": round(-1 / math.log(pace), 2),
    }


def correlation(away: Tensor, lag: int) -> float:
    return float((away[lag:] * away[:-lag]).mean() / (away * away).mean())


def deviations(track: Track) -> Tensor:
    """Distance from the running median of five frames: small but where something jumps."""
    padded = torch.cat([track.places[:1]] * 2 + [track.places] + [track.places[-1:]] * 2)
    windows = padded.unfold(0, 5, 1)
    return (track.places - windows.nanmedian(-1).values).norm(dim=-1)


def outliers(found: list[Track], table: dict[str, float]) -> dict[str, float]:
    far, away, counted, drop = 0, [], 0, []
    for track in found:
        distance = deviations(track)
        size = torch.tensor([table.get(kind_of(n), 0.005) for n in track.joints])
        known = distance.isfinite()
        # 4 cm beyond what the jitter explains: a fast wrist moves less off its running median.
        out = known & (distance > 5 * size + 0.04)
        far, counted = far + int(out.sum()), counted + int(known.sum())
        away += distance[out].tolist()
        typical = torch.where(known, track.confidence, torch.nan).nanmedian(0).values
        drop += (typical - track.confidence)[out].tolist()
    return {
        "share": round(far / counted, 4),
        "size": round(float(np.median(away)) if away else 0.0, 3),
        "confidence_drop": round(float(np.median(drop)) if drop else 0.0, 3),
    }


def exchanges(found: list[Track]) -> dict[str, float]:
    """Shares of frames in which limbs change sides, and of joints that sit on their mirror joint."""
    swapped, frames, on_mirror, joints = 0, 0, 0, 0
    for track in found:
        mirror = track.mirror()
        now, before = track.places[1:], track.places[:-1]
        for limbs in (LEGS, ARMS):
            chosen = [
                j
                for j, n in enumerate(track.joints)
                if n.startswith(("left_", "right_")) and kind_of(n) in limbs
            ]
            other = [mirror[j] for j in chosen]
            apart = (before[:, chosen] - before[:, other]).norm(dim=-1).nanmean(1) > SIDES_APART
            stay = (now[:, chosen] - before[:, chosen]).norm(dim=-1).nanmean(1)
            cross = (now[:, chosen] - before[:, other]).norm(dim=-1).nanmean(1)
            swapped += int((apart & (cross < 0.6 * stay)).sum())
            frames += int(apart.sum())
        for joint, other_joint in enumerate(mirror):
            if other_joint in (-1, joint) or kind_of(track.joints[joint]) in ("eye", "ear"):
                continue
            gap = (track.places[:, joint] - track.places[:, other_joint]).norm(dim=-1)
            step = (now[:, joint] - before[:, joint]).norm(dim=-1)
            met = (gap[1:] < 0.03) & (gap[:-1] > SIDES_APART) & (step > 0.06)
            on_mirror += int(met.sum())
            joints += int((gap > SIDES_APART).sum())
    return {
        "swap": round(swapped / max(frames, 1), 5),
        "inversion": round(on_mirror / max(joints, 1), 5),
    }


def gaps(found: list[Track]) -> dict[str, float]:
    rows: dict[str, list[float]] = defaultdict(list)
    for track in found:
        for joint, name in enumerate(track.joints):
            rows[kind_of(name)].append(float((track.confidence[:, joint] == 0).double().mean()))
    return {kind: round(float(np.mean(values)), 4) for kind, values in rows.items()}


def confidences(found: list[Track]) -> dict[str, object]:
    """Level per kind of joint, spread about it, and how the error grows where it falls."""
    levels: dict[str, list[float]] = defaultdict(list)
    drops, errors = [], []
    for track in found:
        residual = fourth(track.places).norm(dim=-1)
        for joint, name in enumerate(track.joints):
            seen = track.confidence[:, joint] > 0
            if int(seen.sum()) < 30:
                continue
            level = track.confidence[seen, joint].median()
            levels[kind_of(name)].append(float(level))
            middle = track.confidence[2:-2, joint]
            size = residual[:, joint] / residual[:, joint].nanmedian().clamp(min=1e-6)
            known = residual[:, joint].isfinite() & (middle > 0)
            drops += (middle - level)[known].tolist()
            errors += size[known].tolist()
    drop, error = np.array(drops), np.array(errors)
    edges = np.quantile(drop, [0, 0.03, 0.1, 0.25, 0.5, 0.75, 1])
    bins = [(drop >= a) & (drop <= b) for a, b in itertools.pairwise(edges)]
    table = [[round(float(drop[b].mean()), 4), round(float(np.median(error[b])), 3)] for b in bins]
    low = np.array(table)
    slope = np.polyfit(low[:, 0], np.log(low[:, 1]), 1)[0]
    ranks = [np.argsort(np.argsort(x)) for x in (drop, error)]
    return {
        "level": {kind: round(float(np.mean(v)), 3) for kind, v in levels.items()},
        "quantiles": list(QUANTILES),
        "deviation": [round(float(x), 4) for x in np.quantile(drop, QUANTILES)],
        "log_error_per_confidence": round(float(slope), 3),
        "rank_correlation": round(float(np.corrcoef(*ranks)[0, 1]), 3),
        "median_error_by_deviation": table,
    }


def estimate(folder: Path) -> dict[str, object]:
    found = tracks(folder)
    table = jitter(found)
    return {
        "tracks": {t.name: len(t.places) for t in found},
        "jitter": table,
        "lasting": lasting(found),
        "outliers": outliers(found, table),
        "exchanges": exchanges(found),
        "gaps": gaps(found),
        "confidence": confidences(found),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--target", type=Path, default=TARGET)
    args = parser.parse_args()
    torch.set_num_threads(1)
    figures = estimate(args.folder)
    text = json.dumps(figures, indent=2)
    print(text)
    with atomic_path(args.target) as partial:
        partial.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
