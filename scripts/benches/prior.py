"""Which pose prior fits better: the table by hand or the one learned from motion capture.

Five frames of every second clip of the validation split of `mocap_h5`, retargeted to the default body,
with betas shrunk to 0.6 and wrists and hands turned at random, since nobody captured them. The body is
fitted to its own points, spoiled in several ways; figures are mean distances of all vertices in
millimetres. Needs LIFT3D_TEST_DATA.
"""

import math
import os
from collections.abc import Callable
from pathlib import Path

import torch
from benches._harness import few, measure, report
from torch import Generator, Tensor

from lift3d.body import BodyParams
from lift3d.camera import Camera
from lift3d.fitting import FitOptions, PosePrior, fit
from lift3d.fitting.points import place_points, point_table
from lift3d.fitting.pose_prior import learned_prior
from lift3d.fitting.prior import smpl_prior
from lift3d.geometry.rotations import axis_angle_from_rotmat, rotmat_from_axis_angle
from lift3d.motion import Motion
from lift3d.plugins import body_models, datasets
from lift3d.pose import Pose2D, Pose3D
from lift3d.protocols import BodyModel
from lift3d.skeleton import Skeleton
from lift3d.skeletons import COCO_17, LIFT_23
from lift3d.training.retarget import captured_person, retarget

FRAMES = 5
TRUNK = ("pelvis", "spine", "thorax", "head")
FACE_AND_FEET = ("nose", "ear", "toe", "heel")
UNSEEN = (
    ("left_elbow", "left_wrist"),
    ("right_knee", "right_ankle", "right_big_toe", "right_heel"),
    ("left_wrist", "right_wrist"),
)
CAMERA = Camera.from_intrinsics((1080, 1080), focal=1200.0)
LIFTED_STD = torch.tensor([0.03, 0.03, 0.06])


def bodies(body: BodyModel, root: Path) -> list[BodyParams]:
    generator = Generator().manual_seed(0)
    out: list[BodyParams] = []
    for clip in list(datasets["mocap_h5"](root).clips("val"))[::2]:
        person = captured_person(body.articulation, [clip.motion])
        found = retarget(body.articulation, person, clip.motion)
        rows = torch.nonzero(found.ok)[:, 0]
        if len(rows) >= FRAMES:
            rows = rows[torch.linspace(0, len(rows) - 1, FRAMES).round().long()]
            out.append(before_camera(found.params[rows], generator))
    return out


def before_camera(params: BodyParams, generator: Generator) -> BodyParams:
    pose = params.body_pose.clone()
    hands = torch.randn(FRAMES, 4, 3, generator=generator) * torch.tensor([0.3, 0.25, 0.35])
    pose[:, 19:] = hands
    yaw = float(torch.rand((), generator=generator)) * 2 * math.pi
    turn = rotmat_from_axis_angle(torch.tensor([[math.pi, 0.0, 0.0], [0.0, yaw, 0.0]]))
    orient = turn[0] @ turn[1] @ rotmat_from_axis_angle(params.global_orient)
    place = torch.tensor([0.0, 0.0, 4.0]).expand(FRAMES, 3)
    return BodyParams(params.betas * 0.6, pose, axis_angle_from_rotmat(orient), place)


def points_of(body: BodyModel, params: BodyParams, skeleton: Skeleton) -> Tensor:
    table = point_table(body.articulation)
    rotmats = rotmat_from_axis_angle(params.axis_angle)
    placed = place_points(table, rotmats, params.transl, params.betas).places
    out = torch.full((len(placed), len(skeleton), 3), torch.nan)
    for joint, name in enumerate(skeleton.joints):
        if name in table.names and name not in TRUNK:
            out[:, joint] = placed[:, table.names.index(name)]
    return out


def spoiled(joints: Tensor, how: str, generator: Generator) -> tuple[Tensor, Tensor]:
    """Joints and their covariance, as each kind of evidence has them."""
    unknown = torch.full((*joints.shape, 3), torch.nan)
    joints = joints.clone()
    if how == "limbs":
        for joint, name in enumerate(LIFT_23.joints):
            if name.endswith(FACE_AND_FEET):
                joints[:, joint] = torch.nan
    if how == "noisy":
        joints += 0.03 * torch.randn(joints.shape, generator=generator)
    if how == "unseen":
        joints += 0.02 * torch.randn(joints.shape, generator=generator)
        for frame in range(len(joints)):
            for name in UNSEEN[frame % len(UNSEEN)]:
                joints[frame, LIFT_23.index(name)] = torch.nan
    if how.startswith("lifted"):
        joints += LIFTED_STD * torch.randn(joints.shape, generator=generator)
        joints += LIFTED_STD * torch.randn(len(joints), 1, 3, generator=generator)
        unknown = torch.diag(LIFTED_STD**2 * 1.5).expand(*joints.shape, 3).contiguous()
    return joints, unknown


def fitted(
    body: BodyModel, params: BodyParams, how: str, prior: PosePrior, generator: Generator
) -> BodyParams:
    joints, covariance = spoiled(points_of(body, params, LIFT_23), how, generator)
    seen = torch.ones(FRAMES, dtype=torch.bool)
    motion = Motion(Pose3D(joints, covariance, LIFT_23, "camera"), 30.0, 0, seen)
    keypoints = None
    if how == "lifted_coco":
        pixels = CAMERA.project(points_of(body, params, COCO_17))
        pixels = pixels + 3 * torch.randn(pixels.shape, generator=generator)
        confidence = torch.where(pixels.isfinite().all(-1), 0.9, 0.0)
        pose = Pose2D.from_detections(pixels, confidence, COCO_17, (1080, 1080))
        keypoints = Motion(pose, 30.0, 0, seen)
    camera = CAMERA if keypoints is not None else None
    return fit(body, motion, keypoints, camera, FitOptions(), prior=prior).params


def error_mm(body: BodyModel, cases: list[BodyParams], how: str, prior: PosePrior) -> float:
    generator = Generator().manual_seed(1)
    away = [
        (body(p).vertices - body(fitted(body, p, how, prior, generator)).vertices).norm(dim=-1)
        for p in cases
    ]
    return 1000 * float(torch.cat(away).mean())


def main() -> None:
    where = os.environ.get("LIFT3D_TEST_DATA")
    if where is None:
        raise SystemExit("prior: motion capture is absent, set LIFT3D_TEST_DATA")
    torch.set_num_threads(1)
    body = body_models["default"]()
    cases = bodies(body, Path(where) / "mocap")[: few(None, 2)]
    priors = {"table": smpl_prior(body.skeleton), "learned": learned_prior(body.skeleton)}
    figures: dict[str, float] = {"clips": len(cases)}
    for how in ("exact", "limbs", "unseen", "noisy", "lifted", "lifted_coco"):
        for name, prior in priors.items():
            figures[f"{how}_{name}_mm"] = error_mm(body, cases, how, prior)
    generator = Generator().manual_seed(2)
    runs: dict[str, Callable[[], object]] = {
        name: lambda p=prior: [fitted(body, c, "lifted_coco", p, generator) for c in cases]
        for name, prior in priors.items()
    }
    seconds = measure(runs, 5)
    figures["learned_time_vs_table"] = seconds["learned"][1] / seconds["table"][1]
    report(figures)


if __name__ == "__main__":
    main()
