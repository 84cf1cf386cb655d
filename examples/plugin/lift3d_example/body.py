"""A body of boxes, one around each joint of the default body, moved by SMPL's parameters."""

import numpy as np
import torch

from lift3d.body import Surface
from lift3d.plugins import body_models
from lift3d.protocols import BodyModel
from lift3d_body_models.linear_blend import LinearBlendBody


def BoxBody() -> BodyModel:  # noqa: N802 - it stands for a class
    """Obeys `lift3d.protocols.BodyModel`; the only beta makes it 5 % larger."""
    known = body_models["default"]().articulation
    count = len(known.skeleton)
    corner = torch.tensor(np.stack(np.unravel_index(range(8), (2, 2, 2)), 1) - 0.5).float()
    vertices = (known.joints_template[:, None] + 0.1 * corner).flatten(0, 1)
    quads = [(0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3)]
    box = torch.tensor([(a, *rest) for a, b, c, d in quads for rest in ((b, c), (c, d))])
    faces = (8 * torch.arange(count)[:, None, None] + box).flatten(0, 1)
    rides = torch.eye(count).repeat_interleave(8, 0)  # each box on its joint
    colors = torch.linspace(0.1, 0.9, len(vertices))[:, None].expand(-1, 3).clone()
    parts = torch.arange(count).repeat_interleave(12)
    no_uv = (torch.zeros(0, 2), torch.zeros_like(faces))
    surface = Surface(faces, rides, colors, *no_uv, parts, known.skeleton.joints)
    arrays = {"v_template": vertices, "shapedirs": 0.05 * vertices[..., None]}
    return LinearBlendBody.from_smpl_arrays(
        "boxes", known.skeleton, **arrays, j_regressor=rides.T / 8, surface=surface
    )
