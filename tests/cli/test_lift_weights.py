"""`lift3d lift --weights`: what was trained is what lifts."""

from importlib.resources import files
from pathlib import Path

import pytest

from lift3d import LiftOptions, lift
from lift3d.errors import Lift3dError
from tests.helpers.journey_files import short_sample

WEIGHTS = Path(str(files("lift3d.lifting"))) / "weights"


def test_weights_of_the_lifter_are_taken(tmp_path: Path) -> None:
    source = short_sample(tmp_path, 4)
    usual = lift(source, options=LiftOptions("universal", body_model=""))
    given = LiftOptions("universal", weights=WEIGHTS / "universal.safetensors", body_model="")
    again = lift(source, options=given)
    assert usual.people[0].joints.pose.joints.equal(again.people[0].joints.pose.joints)


@pytest.mark.parametrize(
    ("lifter", "message"),
    [("articulated", "stands on another's"), ("universal", "expected weights of this lifter")],
)
def test_weights_of_another_lifter_are_refused(lifter: str, message: str, tmp_path: Path) -> None:
    source = short_sample(tmp_path, 4)
    options = LiftOptions(lifter, weights=WEIGHTS / "martinez.safetensors", body_model="")
    with pytest.raises(Lift3dError, match=message):
        lift(source, options=options)
