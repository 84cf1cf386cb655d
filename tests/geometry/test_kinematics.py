"""Forward kinematics against products of 4 x 4 matrices, and an arm bent by hand."""

import math

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation
from torch import Tensor

from lift3d.geometry.kinematics import forward_kinematics

PARENTS = (-1, 0, 1, 1, 3, 0)
over_batches = pytest.mark.parametrize("batch", [(), (1,), (3, 1, 2)], ids=str)


def draw(batch: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    count = int(np.prod(batch, dtype=int)) * len(PARENTS)
    rotmats = torch.from_numpy(Rotation.random(count, random_state=5).as_matrix())
    offsets = torch.randn(*batch, len(PARENTS), 3, dtype=torch.float64)
    return rotmats.reshape(*batch, len(PARENTS), 3, 3), offsets


@over_batches
def test_products_of_homogeneous_matrices_agree(batch: tuple[int, ...]) -> None:
    rotmats, offsets = draw(batch)
    world, positions = forward_kinematics(rotmats, offsets, PARENTS)
    local = np.zeros((*batch, len(PARENTS), 4, 4))
    local[..., :3, :3], local[..., :3, 3] = rotmats.numpy(), offsets.numpy()
    local[..., 3, 3] = 1
    for joint in range(len(PARENTS)):
        chain, at = np.eye(4), joint
        while at >= 0:
            chain, at = local[..., at, :, :] @ chain, PARENTS[at]
        np.testing.assert_allclose(world[..., joint, :, :], chain[..., :3, :3], atol=1e-12)
        np.testing.assert_allclose(positions[..., joint, :], chain[..., :3, 3], atol=1e-12)


def test_an_arm_bent_at_the_elbow() -> None:
    # Upper arm and forearm along +x; the elbow turns 90 degrees about +z: the hand goes up.
    rotmats = torch.eye(3, dtype=torch.float64).repeat(3, 1, 1)
    quarter = Rotation.from_rotvec([0, 0, math.pi / 2]).as_matrix()
    rotmats[1] = torch.from_numpy(quarter)
    offsets = torch.tensor([[1.0, 1, 1], [0.3, 0, 0], [0.25, 0, 0]], dtype=torch.float64)
    world, positions = forward_kinematics(rotmats, offsets, (-1, 0, 1))
    expected = torch.tensor([[1.0, 1, 1], [1.3, 1, 1], [1.3, 1.25, 1]], dtype=torch.float64)
    torch.testing.assert_close(positions, expected)
    np.testing.assert_allclose(world[2], quarter, atol=1e-15)


@over_batches
def test_without_rotation_offsets_add_up(batch: tuple[int, ...]) -> None:
    _, offsets = draw(batch)
    eye = torch.eye(3, dtype=torch.float64).expand(*batch, len(PARENTS), 3, 3)
    _, positions = forward_kinematics(eye, offsets, PARENTS)
    for joint, parent in enumerate(PARENTS):
        start = positions[..., parent, :] if parent >= 0 else 0
        torch.testing.assert_close(positions[..., joint, :] - start, offsets[..., joint, :])


def test_bones_keep_their_length_in_any_pose() -> None:
    rotmats, offsets = draw((8,))
    _, positions = forward_kinematics(rotmats, offsets, PARENTS)
    for joint, parent in enumerate(PARENTS[1:], start=1):
        length = (positions[:, joint] - positions[:, parent]).norm(dim=-1)
        torch.testing.assert_close(length, offsets[:, joint].norm(dim=-1))


def test_turning_the_root_turns_the_whole_body_about_it() -> None:
    rotmats, offsets = draw(())
    turn = torch.from_numpy(Rotation.random(random_state=9).as_matrix())
    world, positions = forward_kinematics(rotmats, offsets, PARENTS)
    turned = torch.cat([(turn @ rotmats[0])[None], rotmats[1:]])
    new_world, new_positions = forward_kinematics(turned, offsets, PARENTS)
    torch.testing.assert_close(new_world, turn @ world)
    torch.testing.assert_close(new_positions - offsets[0], (positions - offsets[0]) @ turn.T)


def test_kinematics_has_right_gradients() -> None:
    rotmats, offsets = draw(())
    inputs = (rotmats.requires_grad_(), offsets.requires_grad_())
    assert torch.autograd.gradcheck(lambda r, o: forward_kinematics(r, o, PARENTS), inputs)
