"""The default body with a mesh and betas of its own: fewer vertices, mixed shape directions."""

import torch
from scipy.spatial import KDTree
from torch import Tensor

from lift3d.body import BodyParams, Surface
from lift3d_body_models import DefaultBody, LinearBlendBody


def mixing() -> Tensor:
    """An orthogonal matrix [10, 10]: the coarse body's betas from those of the default body."""
    torch.manual_seed(11)
    return torch.linalg.qr(torch.randn(10, 10))[0]


def coarse_body(cell: float = 0.025) -> LinearBlendBody:
    """One vertex for each cell of a grid, triangles between them, and no pose blend shapes."""
    fine = DefaultBody()
    rest = fine(_shaped(torch.zeros(1, 10))).vertices[0]
    dirs = fine(_shaped(torch.eye(10))).vertices - rest  # [10 V 3]: linear, so exact
    group = torch.unique((rest / cell).round().long(), dim=0, return_inverse=True)[1]
    sizes = torch.bincount(group)
    middle = torch.zeros(len(sizes), 3).index_add_(0, group, rest) / sizes[:, None]
    chosen = torch.from_numpy(KDTree(rest.numpy()).query(middle.numpy())[1]).long()
    faces = group[fine.surface.faces]
    a, b, c = faces.unbind(1)
    faces = faces[(a != b) & (b != c) & (a != c)]
    mixed = torch.einsum("bvc,mb->vcm", dirs[:, chosen], mixing())
    return LinearBlendBody.from_smpl_arrays(
        "coarse",
        fine.skeleton,
        v_template=rest[chosen],
        shapedirs=mixed,
        j_regressor=_regressor(fine, rest[chosen], dirs[:, chosen]),
        surface=Surface(
            faces=faces,
            lbs_weights=fine.surface.lbs_weights[chosen],
            colors=fine.surface.colors[chosen],
            uv=torch.zeros(0, 2),
            uv_faces=torch.zeros_like(faces),
            parts=torch.zeros(len(faces), dtype=torch.long),
            part_names=("all",),
        ),
    )


def _shaped(betas: Tensor) -> BodyParams:
    count = len(betas)
    return BodyParams(
        betas, torch.zeros(count, 23, 3), torch.zeros(count, 3), torch.zeros(count, 3)
    )


def _regressor(fine: LinearBlendBody, rest: Tensor, dirs: Tensor) -> Tensor:
    """The smallest weights that give the default body's joints for every shape."""
    articulation = fine.articulation
    known = torch.cat([rest[None], dirs]).permute(1, 0, 2).flatten(1)
    known = torch.cat([known, torch.ones(len(rest), 1)], 1).double()
    joints = torch.cat(
        [articulation.joints_template[None], articulation.joints_shapedirs.permute(2, 0, 1)]
    )
    joints = joints.permute(1, 0, 2).flatten(1)
    wanted = torch.cat([joints, torch.ones(len(joints), 1)], 1).double()
    return (wanted @ torch.linalg.pinv(known)).float()
