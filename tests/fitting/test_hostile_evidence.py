"""Evidence and options that make no sense get one sentence, and never a body."""

import math
from collections.abc import Generator
from typing import Any

import pytest
import torch
from jaxtyping import config

from lift3d.body import Articulation
from lift3d.errors import InputError
from lift3d.fitting import ContactOptions, FitOptions, SkinEvidence, SkinSites, fit
from lift3d.motion import Motion
from lift3d.pose import Pose3D
from lift3d.skeletons import COCO_17, MANO_16, SMPL_24


@pytest.fixture
def unchecked() -> Generator[None]:
    """As users run the library: without the shape checker that the tests put in front of it."""
    config.update("jaxtyping_disable", True)
    yield
    config.update("jaxtyping_disable", False)


def standing(articulation: Articulation, frames: int = 3) -> torch.Tensor:
    return articulation.joints_template.repeat(frames, 1, 1)


def motion(joints: torch.Tensor) -> Motion[Pose3D]:
    seen = torch.ones(len(joints), dtype=torch.bool)
    return Motion(Pose3D.certain(joints, SMPL_24, "world"), 30.0, 0, seen)


@pytest.mark.parametrize("unit", [1000.0, 100.0, 1e200])
def test_joints_in_millimetres_are_told(articulation: Articulation, unit: float) -> None:
    with pytest.raises(InputError, match="from the middle: give them in metres"):
        fit(articulation, motion(standing(articulation) * unit))


def test_one_joint_far_away_does_not_spoil_the_others(articulation: Articulation) -> None:
    joints = standing(articulation)
    joints[:, SMPL_24.index("head")] = 1e4
    assert bool(fit(articulation, motion(joints)).params.finite.all())


def test_a_body_without_the_observed_joints(articulation: Articulation) -> None:
    seen = torch.ones(2, dtype=torch.bool)
    hand = Pose3D.certain(torch.randn(2, 16, 3, dtype=torch.float64), MANO_16, "world")
    with pytest.raises(InputError, match=r"points that the body has \(pelvis, "):
        fit(articulation, Motion(hand, 30.0, 0, seen))
    assert not set(MANO_16.joints) & set(articulation.skeleton.joints)
    assert set(COCO_17.joints) & set(articulation.skeleton.joints)


def test_other_dtypes_are_told(articulation: Articulation) -> None:
    with pytest.raises(InputError, match=r"float32 or float64, got torch\.float16"):
        fit(articulation, motion(standing(articulation).half()))


@pytest.mark.parametrize("seconds", [-1.0, math.nan, math.inf])
def test_smoothing_in_no_time(articulation: Articulation, seconds: float) -> None:
    with pytest.raises(InputError, match="smooth_seconds of at least 0"):
        fit(articulation, motion(standing(articulation)), smooth_seconds=seconds)


@pytest.mark.usefixtures("unchecked")
def test_an_unknown_engine() -> None:
    with pytest.raises(InputError, match="auto, compiled, torch as engine, got 'gpu'"):
        FitOptions(engine="gpu")  # type: ignore[arg-type]


@pytest.mark.parametrize("up", [(0.0, 0.0, 0.0), (math.nan, 0.0, 1.0), (math.inf, 0.0, 0.0)])
def test_no_way_up(up: tuple[float, float, float]) -> None:
    with pytest.raises(InputError, match="up as a direction"):
        ContactOptions(up=up)


@pytest.mark.usefixtures("unchecked")
def test_contact_flags_are_true_or_false() -> None:
    with pytest.raises(InputError, match=r"true or false, got torch\.float32"):
        ContactOptions(flags=torch.ones(3, 2))


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"places": torch.zeros(4, 2, 4)}, "expected places or pixels of 2 sites"),
        ({"pixels": torch.zeros(4, 2, 3)}, "expected places or pixels of 2 sites"),
        ({"places": torch.zeros(4, 2, 3), "confidence": torch.ones(4, 3)}, r"confidences \[4, 2\]"),
        ({"places": torch.zeros(4, 2, 3), "std": 0.0}, "std above 0"),
        ({"places": torch.zeros(4, 2, 3), "std": math.nan}, "std above 0"),
    ],
)
def test_skin_evidence_that_does_not_fit(given: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        SkinEvidence(SkinSites.at_vertices(torch.arange(2)), **given)


@pytest.mark.usefixtures("unchecked")
def test_sites_of_no_sense() -> None:
    with pytest.raises(InputError, match="sum to 1"):
        SkinSites(torch.zeros(1, 3, dtype=torch.long), torch.full((1, 3), math.nan))
    with pytest.raises(InputError, match="give indices"):
        SkinSites.at_vertices(torch.tensor([1.5]))
