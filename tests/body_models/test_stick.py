"""Capsules on any skeleton."""

import pytest
import torch
import trimesh

from lift3d.body import BodyParams
from lift3d.errors import InputError
from lift3d.pictures.theme import DARK, person_colors
from lift3d.pose import Pose3D
from lift3d.protocols import BodyModel
from lift3d.skeleton import Skeleton
from lift3d.skeletons import BODY_25, COCO_17, H36M_17, LIFT_23, SMPL_24
from lift3d_body_models import DefaultBody
from lift3d_body_models.stick import StickBody


def params(count: int, betas: int = 1, joints: int = 24) -> BodyParams:
    torch.manual_seed(0)
    return BodyParams(
        torch.zeros(betas),
        torch.randn(count, joints - 1, 3) * 0.4,
        torch.randn(count, 3),
        torch.randn(count, 3),
    )


def test_smpl_rotations_drive_it_like_the_default_body() -> None:
    body = StickBody()
    assert isinstance(body, BodyModel)
    given = params(5)
    other = BodyParams(torch.zeros(10), given.body_pose, given.global_orient, given.transl)
    torch.testing.assert_close(
        body.joints(given), DefaultBody().joints(other), atol=1e-5, rtol=1e-5
    )


@pytest.mark.parametrize("skeleton", [SMPL_24, H36M_17, LIFT_23])
def test_capsules_lie_around_their_bones(skeleton: Skeleton) -> None:
    body = StickBody(skeleton, radius=0.02)
    mesh = body(params(3, joints=len(skeleton)))
    per_bone = mesh.vertices.shape[1] // len(skeleton.bones)
    for bone, (parent, child) in enumerate(skeleton.bones):
        points = mesh.vertices[:, bone * per_bone : (bone + 1) * per_bone]
        a, b = mesh.joints[:, None, parent], mesh.joints[:, None, child]
        along = ((points - a) * (b - a)).sum(-1) / ((b - a) ** 2).sum(-1)
        nearest = a + along.clamp(0, 1)[..., None] * (b - a)
        away = (points - nearest).norm(dim=-1)
        torch.testing.assert_close(away, torch.full_like(away, 0.02), atol=1e-4, rtol=0)


def test_sides_have_the_colours_of_drawn_skeletons() -> None:
    surface = StickBody().surface
    per_bone = len(surface.colors) // len(SMPL_24.bones)
    for bone, (_, child) in enumerate(SMPL_24.bones):
        red, _, blue = surface.colors[bone * per_bone].tolist()
        drawn = person_colors(0, DARK)
        side = SMPL_24.joints[child].split("_")[0]
        if side in ("left", "right"):
            wanted = drawn.left if side == "left" else drawn.right
            assert (red > blue) == (wanted[0] > wanted[2])


def test_the_only_beta_is_the_size() -> None:
    body = StickBody()
    still = torch.zeros(23, 3), torch.zeros(3), torch.zeros(3)
    small, large = (body(BodyParams(torch.tensor([b]), *still)).vertices for b in (0.0, 1.0))
    torch.testing.assert_close(large, small * 1.05)


@pytest.mark.parametrize("skeleton", [BODY_25, COCO_17])
def test_a_pose_of_any_layout_gets_capsules_that_are_closed(skeleton: Skeleton) -> None:
    torch.manual_seed(1)
    mesh = StickBody.around(Pose3D.certain(torch.randn(1, len(skeleton), 3), skeleton, "world"))
    solid = trimesh.Trimesh(mesh.vertices[0].numpy(), mesh.faces.numpy(), process=False)
    assert solid.is_watertight
    parts = solid.split()
    assert len(parts) == len(skeleton.bones)
    assert all(part.volume > 0 for part in parts)  # counter-clockwise from outside


def test_a_missing_joint_takes_only_its_bones() -> None:
    joints = torch.randn(1, 17, 3)
    joints[0, COCO_17.index("left_wrist")] = torch.nan
    mesh = StickBody.around(Pose3D.certain(joints, COCO_17, "world"))
    per_bone = mesh.vertices.shape[1] // len(COCO_17.bones)
    lost = mesh.vertices.isnan().any(-1).reshape(-1, per_bone).all(-1)
    assert int(lost.sum()) == 1


def test_layouts_that_cannot_be_driven_say_so() -> None:
    unknown = Skeleton("mine", ("pelvis", "tail"), (-1, 0))
    with pytest.raises(InputError, match="tail"):
        StickBody(unknown)
    with pytest.raises(InputError, match="parents before children"):
        StickBody(BODY_25)
