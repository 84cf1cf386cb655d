"""Bodies from keypoints by plain optimisation from the mean pose: the way of SMPLify.

Bogo, Kanazawa, Lassner, Gehler, Romero and Black, "Keep it SMPL", ECCV 2016, arXiv:1607.08128, written
from the paper's section 3: the depth from the trunk's length by similar triangles, then orientation and
translation on the trunk's keypoints, facing the camera or turned round where that costs less; then all
of pose and shape in four stages with falling weights of the priors: reprojection with Geman-McClure's
robust function (equation 2), a pose prior (ours, one Gaussian for the paper's mixture), elbows and
knees that do not bend backwards (equation 3), betas near 0. Not the paper's: no interpenetration term,
autograd with Adam through joints and landmarks only, no mesh, and frames side by side: both are faster.
"""

import torch
from torch import Tensor

from lift3d.body import BodyParams
from lift3d.camera import Camera
from lift3d.fitting.points import PointTable, place_points
from lift3d.fitting.pose_prior import learned_prior
from lift3d.geometry.rotations import axis_angle_from_rotmat, rotmat_from_axis_angle
from lift3d.motion import Motion
from lift3d.pose import Pose2D
from lift3d.skeletons import SMPL_24

__all__ = ["smplify"]

STAGES = ((9.0, 9.0), (4.5, 4.5), (0.9, 1.8), (0.18, 0.9))
"""Weights of pose prior and betas beside squared pixels over `PIXELS` squared."""
STEPS, RATE = 60, 0.03
TRUNK_STEPS, TRUNK_RATE = 60, 0.05
ROBUST, PIXELS = 100.0, 10.0
TRUNK = ("left_hip", "right_hip", "left_shoulder", "right_shoulder")


def smplify(table: PointTable, keypoints: Motion[Pose2D], camera: Camera) -> BodyParams:
    """One body per frame, each with a shape of its own."""
    with torch.inference_mode(False), torch.enable_grad():
        return _smplify(table, keypoints.pose, camera)


def _smplify(table: PointTable, pose: Pose2D, camera: Camera) -> BodyParams:
    prior = learned_prior(SMPL_24, torch.float32)
    names = [joint for joint in pose.skeleton.joints if joint in table.names]
    points = [table.names.index(joint) for joint in names]
    picked = [pose.skeleton.index(joint) for joint in names]
    pixels = pose.keypoints[:, picked].float().nan_to_num()
    sure = pose.confidence[:, picked].float()
    trunk = torch.tensor([name in TRUNK for name in names]).float()
    frames = len(pixels)
    focal = camera.intrinsics[0, 0].float()
    centre = camera.intrinsics[:2, 2].float()

    def seen(turns: Tensor, transl: Tensor, betas: Tensor) -> Tensor:
        places = place_points(table, rotmat_from_axis_angle(turns), transl, betas).places[:, points]
        return places[..., :2] / places[..., 2:].clamp(min=0.1) * focal + centre

    def miss(turns: Tensor, transl: Tensor, betas: Tensor, weights: Tensor) -> Tensor:
        squared = (seen(turns, transl, betas) - pixels).square().sum(-1)
        robust = ROBUST**2 * squared / (ROBUST**2 + squared)
        return (robust * weights).sum(1) / PIXELS**2

    mean = prior.mean.repeat(frames, 1, 1)
    betas = torch.zeros(frames, table.shapedirs.shape[-1])
    transl = _in_front(table, mean, pixels, sure, names, camera)
    starts = []
    for yaw in (0.0, torch.pi):
        half_turn = rotmat_from_axis_angle(torch.tensor([torch.pi, 0.0, 0.0]))
        facing = half_turn @ rotmat_from_axis_angle(torch.tensor([0.0, yaw, 0.0]))
        orient = axis_angle_from_rotmat(facing).repeat(frames, 1).requires_grad_(True)
        place = transl.clone().requires_grad_(True)

        def trunk_cost(orient: Tensor = orient, place: Tensor = place) -> Tensor:
            turns = torch.cat([orient[:, None], mean[:, 1:]], 1)
            return miss(turns, place, betas, sure * trunk)

        _adam([orient, place], trunk_cost, TRUNK_STEPS, TRUNK_RATE)
        starts.append((trunk_cost().detach(), orient.detach(), place.detach()))
    back = (starts[1][0] < starts[0][0])[:, None]
    orient = torch.where(back, starts[1][1], starts[0][1]).requires_grad_(True)
    place = torch.where(back, starts[1][2], starts[0][2]).requires_grad_(True)
    body = mean[:, 1:].clone().requires_grad_(True)
    shape = betas.clone().requires_grad_(True)
    for pose_weight, shape_weight in STAGES:

        def cost(pose_weight: float = pose_weight, shape_weight: float = shape_weight) -> Tensor:
            turns = torch.cat([orient[:, None], body], 1)
            away = (turns - prior.mean).flatten(1)
            unlikely = (away @ prior.rows.T).square().sum(1)
            bent = torch.where(prior.hinge != 0, (-turns * prior.hinge).clamp(max=3).exp(), 0.0)
            fixed = pose_weight * unlikely + shape_weight * shape.square().sum(1)
            return miss(turns, place, shape, sure) + fixed + 0.1 * bent.sum((1, 2))

        _adam([orient, place, body, shape], cost, STEPS, RATE)
    return BodyParams(shape.detach(), body.detach(), orient.detach(), place.detach())


def _adam(unknowns: list[Tensor], cost: object, steps: int, rate: float) -> None:
    optimiser = torch.optim.Adam(unknowns, lr=rate)
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = rate * (1 - 0.9 * step / steps)
        optimiser.zero_grad()
        cost().sum().backward()  # type: ignore[operator]
        optimiser.step()


def _in_front(
    table: PointTable,
    mean: Tensor,
    pixels: Tensor,
    sure: Tensor,
    names: list[str],
    camera: Camera,
) -> Tensor:
    """Depth by the trunk's length, then the trunk's middle onto its ray."""
    places = place_points(
        table,
        rotmat_from_axis_angle(mean),
        torch.zeros(len(mean), 3),
        torch.zeros(1, table.shapedirs.shape[-1]),
    ).places
    hips, shoulders = (
        [name for name in names if name in TRUNK and name.endswith(part)]
        for part in ("hip", "shoulder")
    )

    def middle(values: Tensor, chosen: list[str], of: tuple[str, ...] | list[str]) -> Tensor:
        return values[:, [list(of).index(name) for name in chosen]].mean(1)

    in_space = (middle(places, hips, table.names) - middle(places, shoulders, table.names)).norm(
        dim=-1
    )
    low, high = middle(pixels, hips, names), middle(pixels, shoulders, names)
    in_picture = (low - high).norm(dim=-1).clamp(min=20)
    depth = (camera.intrinsics[0, 0].float() * in_space / in_picture).clamp(0.5, 20)
    depth = torch.where(
        (sure[:, [names.index(n) for n in hips + shoulders]] > 0).all(1), depth, 4.0
    )
    centre = pixels.sum(1) / sure.sum(1, keepdim=True).clamp(min=1)
    ray = (centre - camera.intrinsics[:2, 2].float()) / camera.intrinsics[0, 0].float()
    return torch.cat([ray * depth[:, None], depth[:, None]], -1)
