"""Standing feet are found and held still."""

import pytest
import torch

from lift3d.body import Articulation
from lift3d.errors import InputError
from lift3d.fitting import ContactOptions, fit
from lift3d.fitting.contacts import contact_speed, find_contacts
from lift3d.fitting.points import place_points, point_table
from lift3d.fitting.prior import smpl_prior
from lift3d.geometry.rotations import rotmat_from_axis_angle
from lift3d.motion import Motion
from lift3d.pose import Pose3D
from lift3d.skeletons import SMPL_24

DOUBLE = torch.float64
FPS = 30.0
UP = (0.0, 1.0, 0.0)


def stepping(articulation: Articulation, frames: int = 45) -> torch.Tensor:
    """All points of somebody in a y-up world who lifts the left foot in the middle of the clip."""
    turns = smpl_prior(SMPL_24, DOUBLE).mean.repeat(frames, 1, 1)
    turns[:, [SMPL_24.index(name) for name in ("left_hip", "right_hip")]] = 0
    turns[:, [SMPL_24.index(name) for name in ("left_knee", "right_knee")]] = 0
    lift = torch.sin(torch.linspace(-1, 2, frames).clamp(0, 1) * torch.pi).double()
    turns[:, SMPL_24.index("left_hip"), 0] = -lift
    turns[:, SMPL_24.index("left_knee"), 0] = 1.2 * lift
    table = point_table(articulation)
    betas, still = torch.zeros(1, 10, dtype=DOUBLE), torch.zeros(frames, 3, dtype=DOUBLE)
    return place_points(table, rotmat_from_axis_angle(turns), still, betas).places


def motion_of(places: torch.Tensor) -> Motion[Pose3D]:
    pose = Pose3D.certain(places[:, :24], SMPL_24, "world")
    return Motion(pose, FPS, 0, torch.ones(len(places), dtype=torch.bool))


def test_the_lifted_foot_does_not_stand(articulation: Articulation) -> None:
    places = stepping(articulation)
    contacts = find_contacts(point_table(articulation).names, places, FPS, torch.tensor(UP))
    assert contacts[:, 1].all()
    assert contacts[:12, 0].all()
    assert not contacts[20:25, 0].any()
    assert contacts[-10:, 0].all()


def test_standing_feet_are_held(articulation: Articulation) -> None:
    places = stepping(articulation)
    sway = 0.03 * torch.sin(torch.arange(len(places)).double() * 0.7)[:, None, None]
    found = fit(
        articulation,
        motion_of(places + sway + 0.01 * torch.randn_like(places)),
        contacts=ContactOptions(up=UP),
    )
    assert found.contacts is not None
    assert found.contact_speeds is not None
    before, after = found.contact_speeds
    assert after < 0.25 * before
    assert found.rms["contact"].nanmedian() < 0.01


def test_given_flags_count(articulation: Articulation) -> None:
    places = stepping(articulation)
    flags = torch.zeros(len(places), 2, dtype=torch.bool)
    flags[:, 1] = True
    noisy = motion_of(places + 0.02 * torch.randn_like(places))
    found = fit(articulation, noisy, contacts=ContactOptions(flags))
    assert found.contacts is not None
    assert torch.equal(found.contacts, flags)
    table = point_table(articulation)
    fitted = place_points(
        table,
        rotmat_from_axis_angle(found.params.axis_angle),
        found.params.transl,
        found.params.betas,
    ).places
    assert contact_speed(table.names, fitted, flags, FPS) < 0.1


def test_flags_of_another_length_are_refused(articulation: Articulation) -> None:
    flags = torch.ones(3, 2, dtype=torch.bool)
    with pytest.raises(InputError, match="one for each frame and foot"):
        fit(articulation, motion_of(stepping(articulation)), contacts=ContactOptions(flags))
