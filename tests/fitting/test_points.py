import torch

from lift3d.body import Articulation
from lift3d.fitting.points import place_points, point_jacobian, point_table
from lift3d.geometry.rotations import rotmat_from_axis_angle
from lift3d.skeletons import SMPL_24

DOUBLE = torch.float64


def random_state(frames: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    rotmats = rotmat_from_axis_angle(torch.randn(frames, 24, 3, dtype=DOUBLE) * 0.5)
    return rotmats, torch.randn(frames, 3, dtype=DOUBLE), torch.randn(10, dtype=DOUBLE)


def test_points_at_rest_are_the_articulation(articulation: Articulation) -> None:
    table = point_table(articulation)
    eye = torch.eye(3, dtype=DOUBLE).expand(1, 24, 3, 3)
    transl = torch.tensor([[0.1, 0.2, 0.3]], dtype=DOUBLE)
    places = place_points(table, eye, transl, torch.zeros(10, dtype=DOUBLE)).places[0] - transl
    expected = torch.cat([articulation.joints_template, articulation.landmarks_template])
    torch.testing.assert_close(places, expected)
    assert table.names[:24] == SMPL_24.joints


def test_a_bent_left_elbow_moves_the_left_wrist_only(articulation: Articulation) -> None:
    # A quarter turn about -y takes the forearm, 25 cm along +x from the elbow, to +z.
    table = point_table(articulation)
    axis_angle = torch.zeros(1, 24, 3, dtype=DOUBLE)
    axis_angle[0, SMPL_24.index("left_elbow"), 1] = -torch.pi / 2
    zero = torch.zeros(1, 3, dtype=DOUBLE)
    places = place_points(
        table, rotmat_from_axis_angle(axis_angle), zero, torch.zeros(10, dtype=DOUBLE)
    ).places[0]
    wrist = places[SMPL_24.index("left_wrist")]
    torch.testing.assert_close(wrist, torch.tensor([0.44, 0.45, 0.25], dtype=DOUBLE))
    right = places[SMPL_24.index("right_wrist")]
    torch.testing.assert_close(right, torch.tensor([-0.69, 0.45, 0.0], dtype=DOUBLE))


def test_jacobian_is_the_derivative(articulation: Articulation) -> None:
    table = point_table(articulation)
    rotmats, transl, betas = random_state(3)
    points = place_points(table, rotmats, transl, betas)
    by_pose, by_betas = point_jacobian(table, points, torch.arange(31))

    def moved(step: torch.Tensor, shape: torch.Tensor) -> torch.Tensor:
        turn = rotmat_from_axis_angle(step[:, :72].reshape(3, 24, 3))
        return place_points(table, rotmats @ turn, transl + step[:, 72:], betas + shape).places

    zero, none = torch.zeros(3, 75, dtype=DOUBLE), torch.zeros(10, dtype=DOUBLE)
    auto = torch.autograd.functional.jacobian(lambda x: moved(x, none).sum(0), zero)
    torch.testing.assert_close(by_pose.permute(1, 2, 0, 3), auto, atol=1e-9, rtol=1e-9)
    auto = torch.autograd.functional.jacobian(lambda b: moved(zero, b), none)
    torch.testing.assert_close(by_betas, auto, atol=1e-9, rtol=1e-9)
