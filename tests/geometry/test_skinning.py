"""Linear blend skinning against a loop in numpy, and cases by hand."""

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation
from torch import Tensor

from lift3d.geometry.skinning import linear_blend_skinning

over_batches = pytest.mark.parametrize("batch", [(), (1,), (3, 1, 2)], ids=str)


def draw(batch: tuple[int, ...]) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """vertices, weights, rotmats, joints, rest_joints of 11 vertices on 4 joints."""
    rotmats = Rotation.random(int(np.prod(batch, dtype=int)) * 4, random_state=2).as_matrix()
    points = torch.randn(3, *batch, 11, 3, dtype=torch.float64)
    weights = torch.rand(11, 4, dtype=torch.float64)
    return (
        points[0],
        weights / weights.sum(-1, keepdim=True),
        torch.from_numpy(rotmats).reshape(*batch, 4, 3, 3),
        points[1, ..., :4, :],
        points[2, ..., :4, :],
    )


@over_batches
def test_a_plain_loop_agrees(batch: tuple[int, ...]) -> None:
    vertices, weights, rotmats, joints, rest = draw(batch)
    expected = np.zeros(vertices.shape)
    for joint in range(4):
        local = (vertices - rest[..., joint, None, :]).numpy()
        posed = local @ rotmats[..., joint, :, :].mT.numpy() + joints[..., joint, None, :].numpy()
        expected += weights[:, joint, None].numpy() * posed
    ours = linear_blend_skinning(vertices, weights, rotmats, joints, rest)
    np.testing.assert_allclose(ours, expected, atol=1e-12)


@over_batches
def test_the_rest_pose_is_the_template(batch: tuple[int, ...]) -> None:
    vertices, weights, rotmats, _, rest = draw(batch)
    eye = torch.eye(3, dtype=torch.float64).expand_as(rotmats)
    posed = linear_blend_skinning(vertices, weights, eye, rest, rest)
    torch.testing.assert_close(posed, vertices)


def test_a_vertex_of_one_joint_moves_rigidly_with_it() -> None:
    vertices, _, rotmats, joints, rest = draw(())
    weights = torch.zeros(11, 4, dtype=torch.float64)
    weights[:, 2] = 1
    posed = linear_blend_skinning(vertices, weights, rotmats, joints, rest)
    torch.testing.assert_close(posed, (vertices - rest[2]) @ rotmats[2].T + joints[2])


def test_a_half_and_half_vertex_lies_in_the_middle() -> None:
    vertices = torch.tensor([[1.0, 0, 0]], dtype=torch.float64)
    half_turn = torch.diag(torch.tensor([-1.0, -1, 1], dtype=torch.float64))
    rotmats = torch.stack([torch.eye(3, dtype=torch.float64), half_turn])
    origin = torch.zeros(2, 3, dtype=torch.float64)
    weights = torch.full((1, 2), 0.5, dtype=torch.float64)
    posed = linear_blend_skinning(vertices, weights, rotmats, origin, origin)
    assert posed.tolist() == [[0, 0, 0]]


def test_skinning_has_right_gradients() -> None:
    vertices, weights, rotmats, joints, rest = (t.requires_grad_() for t in draw(()))
    inputs = (vertices, weights, rotmats, joints, rest)
    assert torch.autograd.gradcheck(linear_blend_skinning, inputs)
