"""What the posture network reads and says turns with the person, and its weights survive a file."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from lift3d.errors import FileFormatError
from lift3d.geometry.rays import virtual_from_camera
from lift3d.geometry.rotations import rotmat_from_axis_angle
from lift3d.lifting.universal import packaged_weights
from lift3d.lifting.vocabulary import VOCABULARY
from lift3d.regressing.posture_net import (
    JOINTS,
    Posture,
    PostureConfig,
    PostureNet,
    SeenPerson,
    load_posture,
    save_posture,
    trunk_frame,
)
from tests.regressing.people import root_relative

DOUBLE = torch.float64
POINTS = len(VOCABULARY)


def upright() -> Tensor:
    """Who faces the camera: their left is on the picture's right, up is -y, forward is -z."""
    joints = torch.zeros(1, POINTS, 3, dtype=DOUBLE)
    for name, place in (
        ("left_hip", (0.1, 0.0, 0.0)), ("right_hip", (-0.1, 0.0, 0.0)),
        ("left_shoulder", (0.2, -0.5, 0.0)), ("right_shoulder", (-0.2, -0.5, 0.0)),
    ):  # fmt: skip
        joints[0, VOCABULARY.index(name)] = torch.tensor(place, dtype=DOUBLE)
    return joints


def people(count: int = 5) -> SeenPerson:
    draw = torch.Generator().manual_seed(1)
    joints = upright() + 0.05 * torch.randn(count, POINTS, 3, dtype=DOUBLE, generator=draw)
    root = torch.tensor([0.4, -0.2, 4.0], dtype=DOUBLE).repeat(count, 1)
    factor = 0.05 * torch.randn(count, POINTS, 3, 3, dtype=DOUBLE, generator=draw)
    seen = torch.rand(count, POINTS, generator=draw) < 0.7
    return SeenPerson(
        root_relative(joints), factor @ factor.mT, seen, root, virtual_from_camera(root)
    )


def turned(person: SeenPerson, turn: Tensor) -> SeenPerson:
    """The same scene, camera and all, told in other axes."""
    return SeenPerson(
        person.joints @ turn.mT,
        turn @ person.covariance @ turn.mT,
        person.seen,
        person.root @ turn.mT,
        person.virtual @ turn.mT,
    )


def rotations(count: int = 4) -> Tensor:
    draw = torch.Generator().manual_seed(2)
    return rotmat_from_axis_angle(2 * torch.randn(count, 3, dtype=DOUBLE, generator=draw))


def network(width: int = 32, betas: int = 10) -> PostureNet:
    """Random weights, none of them zero, and statistics that are not those of a start."""
    torch.manual_seed(5)
    made = PostureNet(PostureConfig(width=width, blocks=1, betas=betas))
    for head in (made.turns, made.shape, made.spread):
        torch.nn.init.normal_(head.weight, std=0.2)
    made.get_buffer("body.1.running_mean").normal_()
    made.calibration.uniform_(0.5, 2)
    return made.eval()


def said(net: PostureNet, person: SeenPerson) -> Posture:
    with torch.no_grad():
        return net.posture(net(person.features), person.frame)


def test_the_trunk_points_left_up_and_forward() -> None:
    wanted = torch.tensor([[1.0, 0, 0], [0, -1, 0], [0, 0, -1]], dtype=DOUBLE)
    torch.testing.assert_close(trunk_frame(upright())[0], wanted)
    # One hip higher: up stays along the trunk, left is square to it.
    tilted = upright()
    tilted[0, VOCABULARY.index("left_hip"), 1] -= 0.06
    tilted[0, VOCABULARY.index("right_hip"), 1] += 0.06
    torch.testing.assert_close(trunk_frame(tilted)[0], wanted)


@pytest.mark.parametrize("turn", rotations())
def test_the_trunk_turns_with_the_person(turn: Tensor) -> None:
    joints = people().joints
    frame = trunk_frame(joints)
    torch.testing.assert_close(frame.mT @ frame, torch.eye(3, dtype=DOUBLE).expand(5, 3, 3))
    assert (torch.linalg.det(frame) > 0).all()
    torch.testing.assert_close(trunk_frame(joints @ turn.mT), turn @ frame)
    torch.testing.assert_close(trunk_frame(joints * 3 + 1), frame)


@pytest.mark.parametrize("turn", rotations())
def test_features_do_not_know_the_axes_they_were_told_in(turn: Tensor) -> None:
    person = people()
    torch.testing.assert_close(turned(person, turn).features, person.features)


def test_features_know_where_the_camera_is_and_what_was_seen() -> None:
    person = people()
    around = rotmat_from_axis_angle(torch.tensor([0.0, 1.0, 0.0], dtype=DOUBLE))
    for other in (
        replace(person, joints=person.joints @ around.mT),
        replace(person, root=person.root * 2),
        replace(person, seen=~person.seen),
        replace(person, covariance=person.covariance * 4),
    ):
        assert (other.features - person.features).abs().max() > 0.1


@pytest.mark.parametrize("turn", rotations())
def test_the_root_turns_with_the_scene_and_nothing_else_does(turn: Tensor) -> None:
    net, person = network().double(), people()
    here, there = said(net, person), said(net, turned(person, turn))
    torch.testing.assert_close(there.rotmats[:, 0], turn @ here.rotmats[:, 0])
    torch.testing.assert_close(there.rotmats[:, 1:], here.rotmats[:, 1:])
    for name in ("betas", "turn_std", "betas_std", "error"):
        torch.testing.assert_close(getattr(there, name), getattr(here, name))


def test_it_says_rotations_and_spreads_above_nothing_whatever_it_reads() -> None:
    net, person = network().double(), people()
    wild = net.posture(100 * torch.randn(5, JOINTS * 7 + 21, dtype=DOUBLE), person.frame)
    identity = torch.eye(3, dtype=DOUBLE).expand(5, JOINTS, 3, 3)
    torch.testing.assert_close(wild.rotmats.mT @ wild.rotmats, identity)
    assert wild.betas.abs().max() <= 4
    for spread in (wild.turn_std, wild.betas_std, wild.error):
        assert (spread > 0).all()
        assert spread.isfinite().all()


def test_a_fresh_network_says_the_rest_pose_along_the_trunk() -> None:
    torch.manual_seed(0)
    fresh, person = PostureNet(PostureConfig(width=64, blocks=1)).eval().double(), people()
    posture = said(fresh, person)
    assert (posture.rotmats[:, 0] - person.frame).abs().max() < 0.3
    assert (posture.rotmats[:, 1:] - torch.eye(3)).abs().max() < 0.3
    assert posture.betas.abs().max() < 0.3


def test_weights_come_back_from_a_file(tmp_path: Path) -> None:
    net, person = network(betas=7), people()
    save_posture(net, tmp_path / "p.safetensors")
    again = load_posture(tmp_path / "p.safetensors")
    assert again.config == net.config
    assert not again.training
    torch.testing.assert_close(again.calibration, net.calibration)
    first, second = said(net.double(), person), said(again.double(), person)
    assert second.betas.shape == (5, 7)
    # Matrices are kept in half precision.
    torch.testing.assert_close(second.rotmats, first.rotmats, atol=0.01, rtol=0)
    save_posture(again.float(), tmp_path / "q.safetensors")
    files = [load_file(tmp_path / f"{name}.safetensors") for name in "pq"]
    assert all(torch.equal(files[1][key], value) for key, value in files[0].items())


def test_files_of_another_kind_are_refused(tmp_path: Path) -> None:
    save_posture(network(), tmp_path / "good.safetensors")
    whole = (tmp_path / "good.safetensors").read_bytes()
    (tmp_path / "cut.safetensors").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.safetensors").write_text("not weights")
    save_file({"a": torch.zeros(2)}, tmp_path / "bare.safetensors")
    names = ("cut", "text", "bare", "absent")
    for path in (*(tmp_path / f"{n}.safetensors" for n in names), packaged_weights("universal")):
        with pytest.raises(FileFormatError, match="train regressor"):
            load_posture(path)
