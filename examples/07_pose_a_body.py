"""Pose and shape a body

The free body that comes with lift3d takes SMPL's parameters: here the first beta from -2 to 2
standard deviations, with arms down and a bent left knee.
"""

import torch

import lift3d
from lift3d.body import BodyMesh, BodyParams
from lift3d.geometry.rigid import rigid_from
from lift3d.pictures import open_viewer, write_png

body = lift3d.body_models["default"]()
betas = torch.zeros(5, 10)
betas[:, 0] = torch.linspace(-2, 2, 5)
pose = torch.zeros(5, 23, 3)
for joint, turn in (("left_shoulder", (0, 0, -1.2)), ("right_shoulder", (0, 0, 1.2)),
                    ("left_hip", (-0.9, 0, 0)), ("left_knee", (1.3, 0, 0))):  # fmt: skip
    pose[:, body.skeleton.index(joint) - 1] = torch.tensor(turn).float()
transl = torch.stack([torch.linspace(-2, 2, 5), torch.zeros(5), torch.zeros(5)], -1)
mesh = body(BodyParams(betas, pose, torch.zeros(5, 3), transl))

half_turn = torch.diag(torch.tensor([1.0, -1.0, -1.0]))  # a camera looks along the world's -z
place = rigid_from(half_turn, torch.tensor([0.0, 0.0, 5.0]))
base = lift3d.Camera.from_intrinsics((420, 780), 750.0)
camera = lift3d.Camera(base.intrinsics, place, base.distortion, base.image_size)
meshes = [
    BodyMesh(v, j, mesh.faces, mesh.skeleton)
    for v, j in zip(mesh.vertices, mesh.joints, strict=True)
]
viewer, _ = open_viewer()
picture, _ = viewer.render(meshes, [body.surface.colors] * 5, camera)
write_png("07_pose_a_body.png", picture)
