"""Draw bodies fitted to the joints of five captured poses, from two sides, as one picture.

    LIFT3D_TEST_DATA=... python scripts/look_at_fits.py fits.png

Small errors of joints say nothing of how limbs are twisted: look for forearms like wrung towels, knees
bent backwards, squashed shoulders. Targets stand in the top row alone, and over the mesh in the others
(dots and lines). Poses come from the train and val splits of the motion capture in
`LIFT3D_TEST_DATA`; without it they are made by hand.
"""

import argparse
import math
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from lift3d.body import BodyParams
from lift3d.camera import Camera
from lift3d.fitting import BodyFit, FitOptions, fit
from lift3d.motion import Motion
from lift3d.pictures import write_png
from lift3d.plugins import body_models, datasets
from lift3d.pose import Pose3D
from lift3d.protocols import MotionClip
from lift3d.skeletons import LIFT_23, SMPL_24
from lift3d_viewer.offscreen import OffscreenViewer

SIZE = (300, 240)
DISTANCE = 6.0
TURNS = (0.45, math.pi / 2 + 0.45)
BONES = (
    ("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"),
    ("hip", "shoulder"), ("ankle", "big_toe"), ("ankle", "heel"),
)  # fmt: skip


def _height(part: str) -> Callable[[Tensor], Tensor]:
    at = [LIFT_23.index(f"{side}_{part}") for side in ("left", "right")]
    return lambda joints: joints[:, at, 1].mean(1)


def _stride(joints: Tensor) -> Tensor:
    left, right = (joints[:, LIFT_23.index(f"{side}_ankle")] for side in ("left", "right"))
    return (left - right).norm(dim=-1)


def _on_all_fours(joints: Tensor) -> Tensor:
    trunk = torch.minimum(_height("hip")(joints), _height("shoulder")(joints))
    return torch.where(_height("shoulder")(joints) < 0.7, trunk, -1.0)


def _lower_wrist(joints: Tensor) -> Tensor:
    return joints[:, [LIFT_23.index(f"{side}_wrist") for side in ("left", "right")], 1].amin(1)


# Clip, and the frame in which this is greatest.
MOMENTS: dict[str, Callable[[Tensor], Tensor]] = {
    "02_01": _stride,
    "uiprmd_m01_s09_e01": lambda joints: -_height("hip")(joints),
    "14_06": _lower_wrist,
    "14_31": lambda joints: -_height("hip")(joints),
    "accad_Male1_A11_CrawlForward": _on_all_fours,
}
# Rotations of the left side as axis-angle; the right side mirrors them.
BY_HAND: tuple[dict[str, tuple[float, float, float]], ...] = (
    {"shoulder": (0.3, 0.0, -1.2), "hip": (-0.3, 0.0, 0.0), "knee": (0.4, 0.0, 0.0)},
    {"hip": (-1.9, -0.3, 0.3), "knee": (2.1, 0.0, 0.0), "shoulder": (0.0, -1.2, 0.0)},
    {"shoulder": (0.0, 0.0, 1.2), "collar": (0.0, 0.0, 0.3)},
    {"hip": (-1.5, 0.0, 0.1), "knee": (1.5, 0.0, 0.0), "elbow": (0.0, -1.2, 0.0)},
    {"pelvis": (1.5, 0.0, 0.0), "hip": (-1.5, 0.0, 0.0), "knee": (1.5, 0.0, 0.0),
     "shoulder": (0.0, -1.4, 0.0)},
)  # fmt: skip


def captured(root: Path) -> list[Tensor]:
    """The joints [23, 3] of each moment, in metres in a y-up world."""
    data = datasets["mocap_h5"](root / "mocap")
    found: dict[str, Tensor] = {}
    for split in ("train", "val"):
        for clip in data.clips(split):
            if clip.name in MOMENTS:
                found[clip.name] = _moment(clip, MOMENTS[clip.name])
    return [found[name] for name in MOMENTS]


def _moment(clip: MotionClip, measure: Callable[[Tensor], Tensor]) -> Tensor:
    joints = clip.motion.pose.joints
    return joints[int(measure(joints).nan_to_num(-torch.inf).argmax())]


def made_up() -> list[Tensor]:
    """The joints of poses made by hand."""
    body = body_models["default"]()
    out: list[Tensor] = []
    for pose in BY_HAND:
        turns = torch.zeros(24, 3)
        for name, (x, y, z) in pose.items():
            for side, sign in (("left_", 1), ("right_", -1), ("", 1)):
                if side + name in SMPL_24.joints:
                    turns[SMPL_24.index(side + name)] = torch.tensor([x, sign * y, sign * z])
        joints = body.joints(BodyParams(torch.zeros(10), turns[1:], turns[0], torch.zeros(3)))
        out.append(Pose3D.certain(joints, SMPL_24, "world").to(LIFT_23).joints)
    return out


def fitted(joints: Tensor) -> BodyFit:
    """One fit, with a shape of its own."""
    motion = Motion(Pose3D.certain(joints[None], LIFT_23, "world"), 30.0, 0, torch.ones(1).bool())
    return fit(body_models["default"](), motion, options=FitOptions(iterations=20))


def camera(turn: float, middle: Tensor) -> Camera:
    """A camera that looks at the middle, turned about the upright axis (radians)."""
    sine, cosine = math.sin(turn), math.cos(turn)
    rotmat = torch.tensor([[cosine, 0.0, -sine], [0.0, -1.0, 0.0], [-sine, 0.0, -cosine]])
    pose = torch.eye(4)
    pose[:3, :3] = rotmat
    pose[:3, 3] = torch.tensor([0.0, 0.0, DISTANCE]) - rotmat @ middle
    return replace(Camera.from_intrinsics(SIZE, focal=2.7 * SIZE[0]), cam_from_world=pose)


def draw_joints(picture: np.ndarray, joints: Tensor, view: Camera) -> np.ndarray:
    """The target over a picture: left orange, right blue."""
    picture = np.ascontiguousarray(picture)
    pixels = view.project(joints)
    for side, color in (("left", (240, 120, 0)), ("right", (0, 110, 240))):
        at = {part: LIFT_23.index(f"{side}_{part}") for pair in BONES for part in pair}
        for start, end in BONES:
            ends = pixels[[at[start], at[end]]]
            if bool(ends.isfinite().all()):
                a, b = ((round(float(x)), round(float(y))) for x, y in ends)
                cv2.line(picture, a, b, color, 1, cv2.LINE_AA)
                cv2.circle(picture, a, 3, color, -1, cv2.LINE_AA)
                cv2.circle(picture, b, 3, color, -1, cv2.LINE_AA)
    return picture


def column(viewer: OffscreenViewer, joints: Tensor) -> np.ndarray:
    """One pose: its target, and the fitted mesh under the target from two sides."""
    body = body_models["default"]()
    found = fitted(joints)
    mesh = body(found.params[0:1])
    mesh = replace(mesh, vertices=mesh.vertices[0], joints=mesh.joints[0])
    known = joints[joints.isfinite().all(-1)]
    middle = (known.amax(0) + known.amin(0)) / 2
    rms = 1000 * float(found.rms["joints"][0])
    print(f"{rms:5.1f} mm, settled {bool(found.converged[0])}, {found.iterations} steps")
    views = [camera(turn, middle) for turn in TURNS]
    blank = np.full((*SIZE, 3), 255, np.uint8)
    rows = [draw_joints(blank, joints, views[0])]
    for view in views:
        plain = viewer.render([mesh], [body.surface.colors], view)[0]
        rows.append(draw_joints(plain, joints, view))
    return np.concatenate(rows, axis=0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("picture", type=Path)
    target: Path = parser.parse_args().picture
    root = Path(os.environ.get("LIFT3D_TEST_DATA", ""))
    poses = captured(root) if (root / "mocap").is_dir() else made_up()
    viewer = OffscreenViewer()
    write_png(target, np.concatenate([column(viewer, joints) for joints in poses], axis=1))


if __name__ == "__main__":
    main()
