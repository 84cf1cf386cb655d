"""Laws that every plug-in obeys, for those who write one: `check_lifter(MyLifter())` in a test.

Each check asks one plug-in and returns nothing; `BrokenLawError`, an `AssertionError`, says in one
sentence which law it broke. They need no data but what comes with lift3d, take seconds, and hold for
every plug-in that lift3d brings itself. What a law cannot tell is how good the answers are: measure that
with `lift3d eval`.
"""

from lift3d.testing.bodies import check_body_model
from lift3d.testing.datasets import check_dataset
from lift3d.testing.detectors import check_detector
from lift3d.testing.laws import BrokenLawError
from lift3d.testing.lifters import check_lifter
from lift3d.testing.readers import check_reader
from lift3d.testing.regressors import check_regressor
from lift3d.testing.viewers import check_viewer

__all__ = [
    "BrokenLawError",
    "check_body_model",
    "check_dataset",
    "check_detector",
    "check_lifter",
    "check_reader",
    "check_regressor",
    "check_viewer",
]
