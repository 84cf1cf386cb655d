"""What the room's tests share: the default body and the regressor as it is shipped, loaded once."""

import pytest

from lift3d.protocols import BodyModel
from lift3d.regressing.smpl import SmplRegressor
from lift3d_body_models import DefaultBody


@pytest.fixture(scope="session")
def body() -> BodyModel:
    return DefaultBody()


@pytest.fixture(scope="session")
def regressor(body: BodyModel) -> SmplRegressor:
    return SmplRegressor(body)
