"""A small stand-in for a body model: round limbs on the SMPL tree, a few hundred vertices."""

import math

import torch
from torch import Tensor

from lift3d.body import Articulation, BodyMesh, BodyParams, Surface
from lift3d.geometry.kinematics import forward_kinematics
from lift3d.geometry.rotations import rotmat_from_axis_angle
from lift3d.geometry.skinning import linear_blend_skinning
from lift3d.skeletons import SMPL_24

AROUND, ALONG = 12, 7

# Half a body at rest (metres, the person's left is +x); the right side is its mirror image.
_REST = {
    "pelvis": (0.0, 0.95, 0.0),
    "left_hip": (0.09, 0.87, 0.0),
    "spine1": (0.0, 1.06, -0.02),
    "left_knee": (0.11, 0.49, 0.0),
    "spine2": (0.0, 1.19, -0.02),
    "left_ankle": (0.10, 0.08, -0.03),
    "spine3": (0.0, 1.25, 0.0),
    "left_foot": (0.12, 0.02, 0.09),
    "neck": (0.0, 1.46, -0.03),
    "left_collar": (0.08, 1.37, -0.02),
    "head": (0.0, 1.55, 0.01),
    "left_shoulder": (0.19, 1.39, -0.03),
    "left_elbow": (0.45, 1.38, -0.05),
    "left_wrist": (0.70, 1.38, -0.04),
    "left_hand": (0.79, 1.37, -0.05),
}
_RADII = {"spine": 0.13, "hip": 0.11, "knee": 0.075, "ankle": 0.05, "head": 0.06, "neck": 0.07}


def rest_joints() -> Tensor:
    """Joints [24, 3] at betas 0, float64."""
    rows = []
    for joint in SMPL_24.joints:
        x, y, z = _REST[joint.replace("right_", "left_")]
        rows.append((-x if joint.startswith("right_") else x, y, z))
    return torch.tensor(rows, dtype=torch.float64)


def _radius(joint: str) -> float:
    return next((r for key, r in _RADII.items() if key in joint), 0.045)


def _tube(start: Tensor, end: Tensor, radius: float) -> tuple[Tensor, Tensor]:
    """Points [ALONG * AROUND, 3] of a limb with round ends, and how far along each lies."""
    axis = torch.nn.functional.normalize(end - start, dim=0)
    helper = torch.eye(3, dtype=torch.float64)[int(axis.abs().argmin())]
    u = torch.nn.functional.normalize(torch.linalg.cross(axis, helper), dim=0)
    v = torch.linalg.cross(axis, u)
    t = torch.tensor([-0.98, -0.7, 0.0, 0.5, 1.0, 1.7, 1.98], dtype=torch.float64)
    over = torch.where(t < 0, t, torch.where(t > 1, t - 1, 0))
    centre = start + (end - start) * t.clamp(0, 1)[:, None] + axis * radius * over[:, None]
    width = radius * (1 - over**2).sqrt()
    phi = torch.arange(AROUND, dtype=torch.float64) * (2 * math.pi / AROUND)
    ring = phi.cos()[:, None] * u + phi.sin()[:, None] * v
    points = centre[:, None] + width[:, None, None] * ring
    return points.reshape(-1, 3), t.clamp(0, 1).repeat_interleave(AROUND)


class CapsuleBody:
    """Obeys `lift3d.protocols.BodyModel`. Beta 0 scales the body by 5 %, beta 1 its width by 10 %."""

    name = "capsule"
    skeleton = SMPL_24

    def __init__(self, dtype: torch.dtype = torch.float64) -> None:
        rest = rest_joints()
        points, weights, colors, parts, faces, uv, uv_faces = [], [], [], [], [], [], []
        for limb, (parent, child) in enumerate(SMPL_24.bones):
            joint = SMPL_24.joints[child]
            tube, along = _tube(rest[parent], rest[child], _radius(joint))
            weight = torch.zeros(len(tube), len(SMPL_24), dtype=torch.float64)
            upper = SMPL_24.parents[parent] if SMPL_24.parents[parent] >= 0 else parent
            weight[:, parent] += 0.5 + 0.5 * (along * 4).clamp(max=1)
            weight[:, upper] += 0.5 - 0.5 * (along * 4).clamp(max=1)
            points.append(tube)
            weights.append(weight)
            color = (0.55, 0.30, 0.20) if "elbow" not in joint else (0.10, 0.20, 0.45)
            colors.append(torch.tensor(color).expand(len(tube), 3))
            grid, uv_grid = _quads(AROUND, AROUND), _quads(AROUND + 1, AROUND)
            faces.append(grid + limb * ALONG * AROUND)
            uv_faces.append(uv_grid + limb * ALONG * (AROUND + 1))
            uv.append(_chart(limb))
            parts.append(torch.full((len(grid),), limb))
        self._template = torch.cat(points).to(dtype)
        self._joints = rest.to(dtype)
        wide = self._template * torch.tensor([0.1, 0, 0.1], dtype=dtype)
        self._shapedirs = torch.stack([0.05 * self._template, wide], -1)
        self._joint_shapedirs = torch.stack(
            [0.05 * self._joints, self._joints * torch.tensor([0.1, 0, 0.1], dtype=dtype)], -1
        )
        self._weights = torch.cat(weights).to(dtype)
        self.surface = Surface(
            torch.cat(faces),
            self._weights.float(),
            torch.cat(colors).float(),
            torch.cat(uv).float(),
            torch.cat(uv_faces),
            torch.cat(parts),
            tuple(SMPL_24.joints[child] for _, child in SMPL_24.bones),
        )
        self.articulation = Articulation(
            SMPL_24, self._joints, self._joint_shapedirs, (), (), self._joints[:0],
            self._joint_shapedirs[:0],
        )  # fmt: skip

    def _posed(self, params: BodyParams) -> tuple[Tensor, Tensor, Tensor]:
        rest = self._joints + params.betas[..., None, None, :].mul(self._joint_shapedirs).sum(-1)
        rotmats = rotmat_from_axis_angle(params.axis_angle)
        rest = rest.expand(*rotmats.shape[:-2], 3)
        parents = torch.tensor([max(p, 0) for p in SMPL_24.parents])
        offsets = rest - rest[..., parents, :]
        offsets = torch.cat([rest[..., :1, :], offsets[..., 1:, :]], -2)
        world, joints = forward_kinematics(rotmats, offsets, SMPL_24.parents)
        return world, joints, rest

    def joints(self, params: BodyParams) -> Tensor:
        return self._posed(params)[1] + params.transl[..., None, :]

    def __call__(self, params: BodyParams) -> BodyMesh:
        world, joints, rest = self._posed(params)
        shaped = self._template + params.betas[..., None, None, :].mul(self._shapedirs).sum(-1)
        shaped = shaped.expand(*world.shape[:-3], *shaped.shape[-2:])
        vertices = linear_blend_skinning(shaped, self._weights, world, joints, rest)
        move = params.transl[..., None, :]
        return BodyMesh(vertices + move, joints + move, self.surface.faces, SMPL_24)


def _quads(columns: int, around: int) -> Tensor:
    """Triangles between rings of `columns` points, `around` of them used, wound outwards."""
    faces = []
    for ring in range(ALONG - 1):
        for i in range(around):
            j = (i + 1) % columns
            a, b = ring * columns + i, ring * columns + j
            faces += [(a, b, b + columns), (a, b + columns, a + columns)]
    return torch.tensor(faces)


def _chart(limb: int) -> Tensor:
    """One column of a 5 x 5 atlas per limb; the last point of a ring lies at the chart's far side."""
    u = torch.linspace(0, 0.9, AROUND + 1).repeat(ALONG)
    v = torch.linspace(0, 0.9, ALONG).repeat_interleave(AROUND + 1)
    return torch.stack([(u + limb % 5) / 5, (v + limb // 5) / 5], -1)


def walk(frames: int, dtype: torch.dtype = torch.float64, camera: bool = True) -> BodyParams:
    """Some steps on the spot, facing the camera 4 m away (camera frame) or along +z (world)."""
    time = torch.arange(frames, dtype=dtype) / 30
    phase = (2 * math.pi * time).sin()
    pose = torch.zeros(frames, 23, 3, dtype=dtype)
    for joint, axis, value in (
        ("left_hip", 0, -0.5 * phase), ("right_hip", 0, 0.5 * phase),
        ("left_knee", 0, 0.5 + 0.4 * phase), ("right_knee", 0, 0.5 - 0.4 * phase),
        ("left_shoulder", 2, torch.full_like(phase, -1.1)),
        ("right_shoulder", 2, torch.full_like(phase, 1.1)),
        ("left_elbow", 1, -0.7 - 0.3 * phase), ("right_elbow", 1, 0.7 - 0.3 * phase),
    ):  # fmt: skip
        pose[:, SMPL_24.index(joint) - 1, axis] = value
    orient = torch.zeros(frames, 3, dtype=dtype)
    transl = torch.zeros(frames, 3, dtype=dtype)
    orient[:, 1] = 0.3
    if camera:
        # Half a turn about x brings y up to y down; the person then looks towards the camera.
        turn = torch.tensor([math.pi, 0, 0], dtype=dtype).expand(frames, 3)
        both = rotmat_from_axis_angle(turn) @ rotmat_from_axis_angle(orient)
        from lift3d.geometry.rotations import axis_angle_from_rotmat

        orient = axis_angle_from_rotmat(both)
        # The pelvis rests at (0, 0.95, 0): it comes to stand 4 m before the camera.
        transl = torch.tensor([0.1, 0.1 - 0.95, 4.0], dtype=dtype).repeat(frames, 1)
    return BodyParams(torch.zeros(1, 2, dtype=dtype), pose, orient, transl)
