"""Draw failures on real keypoint files: the pictures of docs/limits.md.

    python scripts/make_failure_pictures.py FOLDER docs/images

FOLDER holds Pose2Sim's balancing trial as `keypoints/pose2sim`, seen by two calibrated cameras. What
both saw, triangulated, stands for the truth; how far it lies off the keypoints is printed
(12 pixels where a person is some 850 pixels tall, far less than what is shown). Each camera's file is
lifted alone, with its own lens. Look at each picture afterwards; the figures of docs/limits.md are those
that this prints.
"""

from __future__ import annotations

import argparse
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import matplotlib as mpl
import numpy as np
import torch
from numpy import ndarray
from torch import Tensor

mpl.use("agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from lift3d.camera import Camera
from lift3d.geometry.rigid import rigid_from
from lift3d.geometry.triangulation import triangulate_rays
from lift3d.io import KeypointFile, read_keypoints
from lift3d.pipeline import LiftOptions, lift
from lift3d.pose import Pose2D
from lift3d.samples import balancing

BONES = (
    ("left_shoulder", "right_shoulder"), ("left_hip", "right_hip"),
    *((f"{side}_{a}", f"{side}_{b}") for side in ("left", "right") for a, b in (
        ("shoulder", "elbow"), ("elbow", "wrist"), ("shoulder", "hip"), ("hip", "knee"),
        ("knee", "ankle"), ("ankle", "big_toe"), ("ankle", "heel"))),
)  # fmt: skip
LEGS = ("knee", "ankle", "heel", "big_toe", "small_toe", "foot_index")
COLORS = {"left": "#e4572e", "right": "#2e86de", "none": "#555b66"}
SIZE = (1920, 1088)

Points = dict[str, ndarray]


@dataclass(frozen=True)
class Seen:
    """One camera's keypoints, what was lifted from them, and the truth in the same axes (metres)."""

    camera: Camera
    keypoints: list[Points]
    lifted: list[Points]
    truth: list[Points]


def calibrated(file: Path, name: str) -> Camera:
    """One of the trial's cameras; its world is y up, as the calibration's z, x, y."""
    raw = tomllib.loads(file.read_text())[name]
    turn = torch.from_numpy(cv2.Rodrigues(np.array(raw["rotation"]))[0])
    axes = torch.tensor([[0, 0, 1], [1, 0, 0], [0, 1, 0]]).double()
    place = rigid_from(turn @ axes, torch.tensor(raw["translation"]).double())
    lens = torch.tensor([*raw["distortions"], 0.0]).double()
    return Camera(torch.tensor(raw["matrix"]).double(), place, lens, SIZE)


def named(pose: Tensor, joints: tuple[str, ...]) -> list[Points]:
    """Each frame's points by name."""
    return [dict(zip(joints, frame, strict=True)) for frame in pose.double().numpy()]


def lifted_alone(file: KeypointFile, camera: Camera | None) -> list[Points]:
    """The joints of the person who is seen first, in the camera's frame."""
    still = camera and replace(camera, cam_from_world=torch.eye(4).double())
    clip = lift(file, camera=still, options=LiftOptions(body_model="", max_people=1))
    pose = clip.people[0].joints.pose
    return named(pose.joints, pose.skeleton.joints)


def trial(folder: Path) -> list[Seen]:
    """Both cameras of the trial."""
    found = []
    for name in ("01", "03"):
        camera = calibrated(folder / "Calib_qualisys.toml", f"cam_{name}")
        found.append((camera, read_keypoints(
            folder / "balancing" / f"cam{name}_json", "body_25b", fps=60.0, image_size=SIZE
        )))  # fmt: skip
    poses = [file.people[0].pose for _, file in found]
    truth = triangulated([camera for camera, _ in found], poses)
    seen = []
    for (camera, file), pose in zip(found, poses, strict=True):
        turn, shift = camera.cam_from_world[:3, :3], camera.cam_from_world[:3, 3]
        joints = pose.skeleton.joints
        own = named(truth @ turn.T + shift, joints)
        off = (camera.project(truth) - pose.keypoints).norm(dim=-1).nanmedian()
        print(f"truth and keypoints: {float(off):.0f} pixels apart in the median")
        seen.append(Seen(camera, named(pose.keypoints, joints), lifted_alone(file, camera), own))
    return seen


def triangulated(cameras: list[Camera], poses: list[Pose2D]) -> Tensor:
    """What two cameras see together, in the world; NaN where one of them sees nothing."""
    origins, rays = [], []
    for camera, pose in zip(cameras, poses, strict=True):
        turn, shift = camera.cam_from_world[:3, :3], camera.cam_from_world[:3, 3]
        origins.append(-turn.T @ shift)
        rays.append(camera.rays(pose.keypoints.double().nan_to_num()) @ turn)
    both = torch.stack([pose.confidence > 0 for pose in poses])
    points = triangulate_rays(torch.stack(origins), torch.stack(rays), both.double())
    points[~both.all(0)] = torch.nan
    return points


def middle(points: Points, part: str) -> ndarray:
    """Between the left and the right one."""
    return (points[f"left_{part}"] + points[f"right_{part}"]) / 2


def lean(points: Points) -> float:
    """Degrees that the trunk leans away from the camera; towards it is negative."""
    _, y, z = middle(points, "shoulder") - middle(points, "hip")
    return float(np.degrees(np.arctan2(z, -y)))


def bend(points: Points, side: str) -> float:
    """Degrees that a knee is bent."""
    hip, knee, ankle = (points[f"{side}_{part}"] for part in ("hip", "knee", "ankle"))
    thigh, shank = knee - hip, ankle - knee
    share = thigh @ shank / np.linalg.norm(thigh) / np.linalg.norm(shank)
    return float(np.degrees(np.arccos(share)))


def draw(axes: Axes, points: Points, across: int, *, truth: bool = False) -> None:
    """A skeleton's bones: `across` is the axis to the right, y goes down."""
    for a, b in BONES:
        if a not in points or b not in points:
            continue
        ends = np.stack([points[a], points[b]])
        side = a.split("_")[0] if a.split("_")[0] == b.split("_")[0] else "none"
        color, width = ("#9aa0aa", 5.0) if truth else (COLORS[side], 2.4)
        axes.plot(ends[:, across], ends[:, 1], color=color, lw=width, solid_capstyle="round")


def panel(axes: Axes, title: str) -> None:
    """Equal axes that nobody needs numbers on, y down."""
    axes.set_title(title, fontsize=9)
    axes.set_aspect("equal", adjustable="datalim")
    axes.invert_yaxis()
    axes.set_xticks([])
    axes.set_yticks([])


def rooted(points: Points) -> Points:
    """Less the middle of the hips."""
    root = middle(points, "hip")
    return {name: place - root for name, place in points.items()}


def beside_truth(path: Path, seen: Seen, frame: int, words: str) -> None:
    """Keypoints, then the lifted person over the truth, from the camera and from the side."""
    figure, (left, front, side) = plt.subplots(1, 3, figsize=(8.6, 3.3), layout="constrained")
    draw(left, seen.keypoints[frame], 0)
    panel(left, "keypoints of one camera")
    for axes, across, title in (
        (front, 0, "from the camera: covers the truth (grey)"),
        (side, 2, "from the person's side, camera on the left"),
    ):
        draw(axes, rooted(seen.truth[frame]), across, truth=True)
        draw(axes, rooted(seen.lifted[frame]), across)
        panel(axes, title)
    figure.supxlabel(words, fontsize=9)
    figure.savefig(path, dpi=100)
    plt.close(figure)


def waist_up(path: Path) -> None:
    """The sample as it is, and the same frame with everything below the hips hidden."""
    with balancing() as sample:
        file = read_keypoints(sample)
    person = file.people[0]
    joints = person.pose.skeleton.joints
    hidden = torch.tensor([name.endswith(LEGS) for name in joints])
    confidence = person.pose.confidence.masked_fill(hidden, 0.0)
    keypoints = person.pose.keypoints.masked_fill(hidden[:, None], torch.nan)
    pose = replace(person.pose, keypoints=keypoints, confidence=confidence)
    cut = replace(file, people=(replace(person, pose=pose),))
    whole, guessed, frame = lifted_alone(file, None), lifted_alone(cut, None), 48
    figure, (left, front, side) = plt.subplots(1, 3, figsize=(8.6, 3.3), layout="constrained")
    draw(left, named(keypoints, joints)[frame], 0)
    panel(left, "keypoints down to the hips")
    for axes, across, title in ((front, 0, "from the camera"), (side, 2, "from the side")):
        draw(axes, rooted(whole[frame]), across, truth=True)
        draw(axes, rooted(guessed[frame]), across)
        panel(axes, title)
    figure.supxlabel("grey: lifted with the legs seen", fontsize=9)
    figure.savefig(path, dpi=100)
    plt.close(figure)


def feet_exchanged(path: Path) -> None:
    """Four frames of the sample around those in which the detector draws one foot onto the other."""
    with balancing() as sample:
        file = read_keypoints(sample)
    pose = file.people[0].pose
    keypoints, lifted = named(pose.keypoints, pose.skeleton.joints), lifted_alone(file, None)
    figure, rows = plt.subplots(2, 4, figsize=(8.6, 4.2), layout="constrained")
    for column, frame in enumerate((62, 66, 68, 70)):
        draw(rows[0, column], keypoints[frame], 0)
        panel(rows[0, column], f"keypoints, frame {frame}")
        draw(rows[1, column], rooted(lifted[frame]), 0)
        panel(rows[1, column], "lifted, from the camera")
    figure.savefig(path, dpi=100)
    plt.close(figure)


def main() -> None:
    """Draw all, print the angles."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("folder", type=Path)
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    first, second = trial(asked.data / "keypoints" / "pose2sim")
    for name, seen, frame in (("lean", first, 44), ("knees", second, 20)):
        true, ours = seen.truth[frame], seen.lifted[frame]
        told = [
            f"trunk leans {lean(true):.0f} degrees from the camera, lifted {lean(ours):.0f}",
            *(
                f"{side} knee bent {bend(true, side):.0f}, lifted {bend(ours, side):.0f}"
                for side in ("left", "right")
            ),
        ]
        print(f"{name}, frame {frame}:", "; ".join(told))
        words = told[0] if name == "lean" else "; ".join(told[1:])
        beside_truth(asked.folder / f"limits_{name}.png", seen, frame, words)
    waist_up(asked.folder / "limits_waist.png")
    feet_exchanged(asked.folder / "limits_feet.png")


if __name__ == "__main__":
    main()
