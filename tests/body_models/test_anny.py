"""Anny behind our protocol; without the package only its absence is tested."""

import importlib.util

import pytest
import torch
from torch import Tensor

from lift3d.body import BodyParams
from lift3d.errors import InputError, MissingDependencyError
from lift3d.geometry.kinematics import forward_kinematics
from lift3d.geometry.rotations import rotmat_from_axis_angle
from lift3d.plugins import body_models
from lift3d.protocols import BodyModel
from lift3d.skeletons import SMPL_24

HERE = importlib.util.find_spec("anny") is not None
needed = pytest.mark.skipif(not HERE, reason="needs the package anny (lift3d[anny])")


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return body_models["anny"]()


def random_params(count: int, betas: int) -> BodyParams:
    torch.manual_seed(0)
    return BodyParams(
        torch.randn(count, betas) * 0.5,
        torch.randn(count, 103, 3) * 0.2,
        torch.randn(count, 3),
        torch.randn(count, 3),
    )


@pytest.mark.skipif(HERE, reason="anny is installed here")
def test_a_missing_package_says_how_to_get_it() -> None:
    with pytest.raises(MissingDependencyError, match=r"lift3d\[anny\]"):
        body_models["anny"]()


@needed
def test_posing_equals_annys_own(body: BodyModel) -> None:
    import anny

    params = random_params(2, 6)
    ours = body(params)
    model = anny.Anny()
    theirs = _annys_own(model, body, params)
    torch.testing.assert_close(ours.vertices, theirs, atol=1e-5, rtol=0)


def _annys_own(model, body: BodyModel, params: BodyParams) -> Tensor:  # type: ignore[no-untyped-def]
    """The package's vertices for our rotations, handed over as world poses of its bones."""
    from lift3d_body_models.anny import PHENOTYPES

    table = torch.tensor(list(PHENOTYPES.values()))
    values = (table[:, 0] + params.betas * table[:, 1]).clamp(0, 1)
    kwargs = {name: values[:, k] for k, name in enumerate(PHENOTYPES)}
    still = torch.eye(4).expand(len(values), 104, 4, 4)
    rest = model(pose_parameters=still, phenotype_kwargs=kwargs)
    z_up = torch.tensor([[1.0, 0, 0], [0, 0, -1.0], [0, 1.0, 0]])
    local = rotmat_from_axis_angle(params.axis_angle)
    eye = torch.zeros(len(values), 104, 3)
    world, _ = forward_kinematics(local, eye, body.skeleton.parents)
    poses = torch.eye(4).repeat(len(values), 104, 1, 1)
    poses[..., :3, :3] = z_up @ world @ z_up.mT @ rest["rest_bone_poses"].float()[..., :3, :3]
    poses[..., :3, 3] = body.joints(params) @ z_up.mT
    out = model(pose_parameters=poses, phenotype_kwargs=kwargs, pose_parameterization="world")[
        "vertices"
    ]
    return out.float() @ z_up


@needed
def test_it_stands_upright_and_faces_forward(body: BodyModel) -> None:
    still = BodyParams(torch.zeros(6), torch.zeros(103, 3), torch.zeros(3), torch.zeros(3))
    mesh = body(still)
    low, high = mesh.vertices.amin(0), mesh.vertices.amax(0)
    assert 1.6 < float(high[1] - low[1]) < 1.8
    joint = body.skeleton.index
    assert mesh.joints[joint("foot.L"), 0] > 0.05  # the person's left is +x
    assert mesh.joints[joint("toe1-1.L"), 2] > mesh.joints[joint("foot.L"), 2]


@needed
def test_shape_has_gradients_and_is_tangent_to_the_articulation(body: BodyModel) -> None:
    betas = torch.zeros(6, requires_grad=True)
    still = torch.zeros(103, 3), torch.zeros(3), torch.zeros(3)
    height = body(BodyParams(betas, *still)).vertices[:, 1].max()
    (slope,) = torch.autograd.grad(height, betas)
    assert slope.isfinite().all()
    assert slope[4] > 0.03  # height
    joints = body.joints(BodyParams(torch.tensor([0, 0, 0, 0, 0.4, 0.0]), *still))
    tangent = body.articulation.joints_template + 0.4 * body.articulation.joints_shapedirs[..., 4]
    torch.testing.assert_close(joints, tangent, atol=5e-3, rtol=0)


@needed
def test_smpls_joints_are_landmarks_that_move_with_their_bones(body: BodyModel) -> None:
    articulation = body.articulation
    named = {*articulation.landmarks, *articulation.skeleton.joints}
    assert named >= set(SMPL_24.joints)
    row = articulation.landmarks.index("left_knee")
    knee = articulation.skeleton.index("lowerleg01.L")
    assert articulation.landmark_joints[row] == knee
    assert torch.equal(articulation.landmarks_template[row], articulation.joints_template[knee])


@needed
def test_nan_is_refused(body: BodyModel) -> None:
    params = random_params(2, 6)
    params.transl[1] = torch.nan
    with pytest.raises(InputError, match="finite"):
        body(params)


@needed
def test_wrong_sizes_name_both(body: BodyModel) -> None:
    with pytest.raises(InputError, match="expected 103 joint rotations and 6 betas"):
        body(BodyParams(torch.zeros(10), torch.zeros(23, 3), torch.zeros(3), torch.zeros(3)))
