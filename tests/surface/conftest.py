"""The default body and its charts, worked out once."""

import pytest

from lift3d.plugins import body_models
from lift3d.protocols import BodyModel
from lift3d.surface.atlas import atlas_of
from lift3d.surface.lookup import Lookup, lookup_of


@pytest.fixture(scope="session")
def body() -> BodyModel:
    return body_models["default"]()


@pytest.fixture(scope="session")
def lookup(body: BodyModel) -> Lookup:
    return lookup_of(atlas_of(body))
