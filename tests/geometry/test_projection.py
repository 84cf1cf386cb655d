"""Projection against cv2, and the Human3.6M lens against numbers computed by hand."""

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from lift3d.camera import Camera
from lift3d.errors import InputError
from lift3d.geometry.projection import LensModel, distort, pixels_from_points, undistort

K = [[1145.0, 0.0, 512.5], [0.0, 1143.5, 515.25], [0.0, 0.0, 1.0]]
# Strong enough that swapping any two coefficients shows: k1, k2, p1, p2, k3.
LENS = [-0.21, 0.24, -0.0009, -0.0014, -0.05]

over_batches = pytest.mark.parametrize("batch", [(), (1,), (3, 1, 2)], ids=str)
over_lenses = pytest.mark.parametrize("lens", ["brown_conrady", "human36m"])


def double(values: object) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def points_ahead(batch: tuple[int, ...]) -> Tensor:
    points = torch.rand(*batch, 7, 3, dtype=torch.float64) * 2 - 1
    points[..., 2] += 4
    return points


@over_batches
def test_cv2_projects_to_the_same_pixels(batch: tuple[int, ...]) -> None:
    points = points_ahead(batch)
    intrinsics = double(K).expand(*batch, 3, 3)
    ours = pixels_from_points(points, intrinsics, double(LENS).expand(*batch, 5))
    theirs, _ = cv2.projectPoints(
        points.reshape(-1, 3).numpy(), np.zeros(3), np.zeros(3), np.array(K), np.array(LENS)
    )
    np.testing.assert_allclose(ours.reshape(-1, 2), theirs[:, 0], atol=1e-9)


@pytest.mark.parametrize("which", range(5))
def test_each_lens_coefficient_stands_where_cv2_has_it(which: int) -> None:
    lens = np.zeros(5)
    lens[which] = 0.03
    points = points_ahead(())
    theirs, _ = cv2.projectPoints(points.numpy(), np.zeros(3), np.zeros(3), np.eye(3), lens)
    ours = pixels_from_points(points, torch.eye(3, dtype=torch.float64), double(lens.tolist()))
    np.testing.assert_allclose(ours, theirs[:, 0], atol=1e-12)


def test_a_pinhole_by_hand() -> None:
    intrinsics = double([[500, 0, 320], [0, 400, 240], [0, 0, 1]])
    pixels = pixels_from_points(double([[1.0, -2.0, 4.0]]), intrinsics)
    assert pixels.tolist() == [[445.0, 40.0]]


def test_skewed_intrinsics_by_hand() -> None:
    intrinsics = double([[500, 8, 320], [0, 400, 240], [0, 0, 1]])
    pixels = pixels_from_points(double([[1.0, -2.0, 4.0]]), intrinsics)
    assert pixels.tolist() == [[441.0, 40.0]]


def test_the_human36m_lens_counts_the_tangential_part_once() -> None:
    # x = 0.5, y = -0.25: r2 = 0.3125, r4 = 0.09765625, r6 = 0.030517578125.
    # radial = 1 - 0.2 r2 + 0.4 r4 + 0.8 r6 = 1.0009765625;  p1 y + p2 x = -0.0025 + 0.01 = 0.0075.
    # x' = 0.5 * 1.0084765625 + 0.02 * 0.3125 = 0.51048828125
    # y' = -0.25 * 1.0084765625 + 0.01 * 0.3125 = -0.248994140625
    xy, lens = double([[0.5, -0.25]]), double([-0.2, 0.4, 0.01, 0.02, 0.8])
    expected = double([[0.51048828125, -0.248994140625]])
    torch.testing.assert_close(distort(xy, lens, "human36m"), expected, atol=1e-15, rtol=0)
    # OpenCV's factor of two: x' = 0.5 * (1.0009765625 + 0.015) + 0.00625.
    twice = distort(xy, lens, "brown_conrady")
    expected = double([[0.51423828125, -0.250869140625]])
    torch.testing.assert_close(twice, expected, atol=1e-15, rtol=0)


def test_without_tangential_part_the_two_lenses_are_one() -> None:
    xy = torch.rand(9, 2, dtype=torch.float64) - 0.5
    lens = double([-0.2, 0.2, 0.0, 0.0, 0.01])
    assert torch.equal(distort(xy, lens, "human36m"), distort(xy, lens, "brown_conrady"))


@over_lenses
@over_batches
def test_undistort_undoes_distort(batch: tuple[int, ...], lens: LensModel) -> None:
    xy = (torch.rand(*batch, 11, 2, dtype=torch.float64) - 0.5) * 0.8
    coefficients = double(LENS).expand(*batch, 5)
    back = undistort(distort(xy, coefficients, lens), coefficients, lens)
    torch.testing.assert_close(back, xy, atol=1e-6, rtol=0)


def test_cv2_undistorts_to_the_same_points() -> None:
    pixels = torch.rand(20, 2, dtype=torch.float64) * 800 + 100
    criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 100, 1e-12)
    given = pixels.numpy()[:, None], np.array(K), np.array(LENS)
    if cv2.__version__.startswith("4."):  # where the other takes no criteria
        theirs = cv2.undistortPointsIter(*given, None, None, criteria)
    else:
        theirs = cv2.undistortPoints(*given, criteria=criteria)
    intrinsics = double(K)
    xy = (pixels - intrinsics[:2, 2]) / intrinsics.diagonal()[:2]
    np.testing.assert_allclose(undistort(xy, double(LENS), iterations=60), theirs[:, 0], atol=1e-10)


@over_lenses
def test_projection_has_right_gradients(lens: LensModel) -> None:
    points = points_ahead(()).requires_grad_()
    intrinsics, coefficients = double(K).requires_grad_(), double(LENS).requires_grad_()

    def project(p: Tensor, k: Tensor, d: Tensor) -> Tensor:
        return pixels_from_points(p, k, d, lens)

    assert torch.autograd.gradcheck(project, (points, intrinsics, coefficients), atol=1e-4)


@pytest.mark.parametrize("focal", [0.0, -800.0, float("nan"), float("inf")])
def test_a_camera_without_a_focal_length_is_refused(focal: float) -> None:
    with pytest.raises(InputError, match="focal length above 0"):
        Camera.from_intrinsics((1080, 1920), focal)
