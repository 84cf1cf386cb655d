"""How well a detector reads real pictures: two filmed views of one person, against OpenPose.

The videos come with what OpenPose (BODY_25B) found in them and with the cameras' calibration. A keypoint
of the truth is one that both views found surely and whose triangulated place falls back onto both
within 25 pixels (people are 800 pixels tall): two cameras that agree leave little room for a common
mistake. The person's box is given; it lies around the true keypoints.
"""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from lift3d.camera import Camera
from lift3d.detection.builtin import BuiltinDetector
from lift3d.geometry.rigid import rigid_from
from lift3d.geometry.rotations import rotmat_from_axis_angle
from lift3d.geometry.triangulation import triangulate_rays
from lift3d.protocols import Detector
from lift3d.skeletons import BODY_25B

__all__ = ["RealView", "contact_sheet", "pck", "real_views"]

SURE = 0.5
AGREED = 25.0
NAMES = tuple(
    f"{side}_{joint}"
    for joint in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle", "big_toe", "heel")
    for side in ("left", "right")
)


@dataclass(frozen=True)
class RealView:
    """Frames of one camera with true keypoints by name (NaN where none) and boxes."""

    name: str
    pictures: list[np.ndarray]
    truth: np.ndarray  # [frames names 2]
    boxes: torch.Tensor  # [frames 4]


def real_views(folder: Path, every: int = 5) -> list[RealView]:
    """Both views of the balancing clip, every so many frames."""
    trial = folder / "keypoints" / "pose2sim"
    told = tomllib.loads((trial / "Calib_qualisys.toml").read_text())
    cameras = [_camera(told[f"cam_{number}"]) for number in ("01", "03")]
    found = [_found(trial / "balancing" / f"cam{number}_json") for number in ("01", "03")]
    sure = torch.stack([each[..., 2] > SURE for each in found]).all(0)
    # A camera looks from -R' t along R' ray.
    turns = [camera.cam_from_world[:3, :3].T for camera in cameras]
    origins = torch.stack(
        [-turn @ c.cam_from_world[:3, 3] for turn, c in zip(turns, cameras, strict=True)]
    )
    rays = torch.stack(
        [c.rays(f[..., :2]) @ t.T for c, f, t in zip(cameras, found, turns, strict=True)]
    )
    places = triangulate_rays(origins, rays, sure.double().expand(2, *sure.shape))
    again = torch.stack([camera.project(places) for camera in cameras])
    off = torch.linalg.vector_norm(again - torch.stack([f[..., :2] for f in found]), dim=-1)
    good = sure & (off < AGREED).all(0)
    columns = [BODY_25B.index(name) for name in NAMES]
    truth = torch.where(good[None, ..., None], again, torch.nan)[:, :, columns]
    return [
        _view(trial / "balancing" / f"cam{number}.mp4", view.numpy(), every)
        for number, view in zip(("01", "03"), truth, strict=True)
    ]


def _camera(told: dict[str, Any]) -> Camera:
    width, height = (int(side) for side in told["size"])
    turn = rotmat_from_axis_angle(torch.tensor(told["rotation"], dtype=torch.float64))
    place = rigid_from(turn, torch.tensor(told["translation"], dtype=torch.float64))
    lens = torch.tensor([*told["distortions"], 0.0], dtype=torch.float64)
    matrix = torch.tensor(told["matrix"], dtype=torch.float64)
    return Camera(matrix, place, lens, (height, width))


def _found(folder: Path) -> torch.Tensor:
    """The tallest person of each frame: x, y (pixels), confidence [frames 25 3]."""
    rows = []
    for file in sorted(folder.glob("*.json")):
        people = json.loads(file.read_text())["people"]
        numbers = [one["pose_keypoints_2d"] for one in people]
        found = torch.tensor(numbers, dtype=torch.float64).reshape(-1, 25, 3)
        y = torch.where(found[..., 2] > 0.1, found[..., 1], torch.nan)
        height = y.nan_to_num(-1e9).amax(-1) - y.nan_to_num(1e9).amin(-1)
        rows.append(found[height.argmax()])
    return torch.stack(rows)


def _view(film: Path, places: np.ndarray, every: int) -> RealView:
    video = cv2.VideoCapture(str(film))
    pictures, rows = [], []
    for frame in range(len(places)):
        good, picture = video.read()
        if not good:
            break
        if frame % every == 0 and np.isfinite(places[frame]).all(-1).sum() >= 10:
            pictures.append(np.ascontiguousarray(picture[..., ::-1]))
            rows.append(frame)
    truth = places[rows]
    low, high = np.nanmin(truth, 1), np.nanmax(truth, 1)
    margin = 0.08 * (high - low).max(1, keepdims=True)  # skin, hair and shoes around the joints
    boxes = np.concatenate([low - margin, high - low + 2 * margin], 1)
    return RealView(film.stem, pictures, truth, torch.from_numpy(boxes).float())


def pck(detector: Detector, view: RealView, share: float = 0.2) -> tuple[float, np.ndarray]:
    """Share of keypoints nearer than 0.2 torsos (left shoulder to right hip), and per name."""
    out = np.full(view.truth.shape[:2], np.nan)
    columns = [detector.skeleton.index(name) for name in NAMES]
    for row, picture in enumerate(view.pictures):
        found = detector([picture], [view.boxes[row : row + 1]])[0]
        off = np.linalg.norm(found.pose.keypoints[0, columns].numpy() - view.truth[row], axis=-1)
        torso = np.linalg.norm(
            view.truth[row, NAMES.index("left_shoulder")]
            - view.truth[row, NAMES.index("right_hip")]
        )
        here = np.isfinite(view.truth[row]).all(-1)
        out[row, here] = np.nan_to_num(off[here], nan=np.inf) < share * torso
    return float(np.nanmean(out)), np.nanmean(out, 0)


def contact_sheet(detector: BuiltinDetector, views: list[RealView], target: Path) -> None:
    """Pictures with what was found (green, orange where unsure) and the truth (red), and the parts."""
    tiles = []
    colours = (np.random.default_rng(3).random((25, 3)) * 200 + 40).astype(np.uint8)
    for view in views:
        for row in range(0, len(view.pictures), max(1, len(view.pictures) // 6)):
            tiles.append(_tile(detector, view, row, colours))
    width = 6
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % width)
    lines = [np.hstack(tiles[first : first + width]) for first in range(0, len(tiles), width)]
    cv2.imwrite(str(target), np.vstack(lines)[..., ::-1])


def _tile(detector: BuiltinDetector, view: RealView, row: int, colours: np.ndarray) -> np.ndarray:
    box = view.boxes[row : row + 1]
    drawn, painted = view.pictures[row].copy(), view.pictures[row].copy()
    pose = detector([drawn], [box])[0].pose
    part = detector.surface_maps(painted, box)[0].on_picture().part.numpy()
    painted[part > 0] = colours[part[part > 0]]
    for place, sure in zip(pose.keypoints[0].tolist(), pose.confidence[0].tolist(), strict=True):
        if sure > 0.2:
            colour = (0, 255, 0) if sure > 0.5 else (255, 160, 0)
            cv2.circle(drawn, [round(v) for v in place], 9, colour, -1)
    for place in view.truth[row][np.isfinite(view.truth[row]).all(-1)]:
        cv2.circle(drawn, place.astype(int).tolist(), 6, (255, 0, 0), -1)
    left, top, width, height = (int(v) for v in box[0])
    rows = slice(max(0, top - 80), top + height + 80)
    columns = slice(max(0, left - 80), left + width + 80)
    both = np.hstack([drawn[rows, columns], painted[rows, columns]])
    return np.asarray(cv2.resize(both, (360, 360)))
