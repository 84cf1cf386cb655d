"""Ellipses of uncertainty: against errors that were drawn and projected one by one."""

import numpy as np
import pytest
import torch

from lift3d.camera import Camera
from lift3d.geometry.rigid import rigid_from
from lift3d.geometry.rotations import rotmat_from_axis_angle
from lift3d.pictures.people import person_colors
from lift3d.pictures.theme import DARK
from lift3d.pictures.uncertainty import draw_uncertainty, ellipse_of
from lift3d.skeletons import COCO_17


def camera() -> Camera:
    plain = Camera.from_intrinsics((600, 800), 700.0, dtype=torch.float64)
    turn = rotmat_from_axis_angle(torch.tensor([0.2, -0.5, 0.1], dtype=torch.float64))
    place = rigid_from(turn, torch.tensor([0.1, 0.2, 4.0], dtype=torch.float64))
    return Camera(plain.intrinsics, place, plain.distortion, plain.image_size)


def test_half_of_all_errors_lie_within() -> None:
    generator = torch.Generator().manual_seed(0)
    factor = torch.randn(3, 3, generator=generator, dtype=torch.float64) * 0.03
    place = torch.tensor([0.3, -0.2, 0.1], dtype=torch.float64)
    found = ellipse_of(place, factor @ factor.T, camera())
    assert found is not None
    centre, axes, angle = found
    drawn = place + torch.randn(20_000, 3, generator=generator, dtype=torch.float64) @ factor.T
    away = camera().project(drawn).numpy() - centre
    turn = np.radians(angle)
    along = away @ np.array([np.cos(turn), np.sin(turn)])
    across = away @ np.array([-np.sin(turn), np.cos(turn)])
    within = (along / axes[0]) ** 2 + (across / axes[1]) ** 2 < 1
    assert within.mean() == pytest.approx(0.5, abs=0.015)


def test_nothing_is_known_nothing_is_painted() -> None:
    joints = torch.zeros(17, 3)
    nothing = torch.full((17, 3, 3), torch.nan)
    picture = np.zeros((600, 800, 3), dtype=np.uint8)
    colors = person_colors(0, DARK)
    draw_uncertainty(picture, [(joints, nothing, COCO_17, colors)], camera())
    assert picture.max() == 0
    behind = ellipse_of(torch.tensor([0.0, 0.0, -20.0]), torch.eye(3) * 0.01, camera())
    assert behind is None
    draw_uncertainty(
        picture, [(joints, torch.eye(3).expand(17, 3, 3) * 1e-3, COCO_17, colors)], camera()
    )
    assert picture.max() > 0
