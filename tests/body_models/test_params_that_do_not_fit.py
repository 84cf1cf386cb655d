"""Parameters of other dtypes, of other kinds, and of no frames at all."""

from collections.abc import Generator
from typing import Any

import numpy as np
import pytest
import torch
from jaxtyping import config

from lift3d.body import BodyParams
from lift3d.errors import InputError
from lift3d_body_models import DefaultBody


@pytest.fixture
def unchecked() -> Generator[None]:
    """As users run the library: without the shape checker that the tests put in front of it."""
    config.update("jaxtyping_disable", True)
    yield
    config.update("jaxtyping_disable", False)


def values(*batch: int, betas: tuple[int, ...] | None = None) -> dict[str, Any]:
    return {
        "betas": torch.zeros(*(batch if betas is None else betas), 10),
        "body_pose": torch.zeros(*batch, 23, 3),
        "global_orient": torch.zeros(*batch, 3),
        "transl": torch.zeros(*batch, 3),
    }


@pytest.mark.parametrize("betas", [(), (1,), (0,)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_no_frames_give_no_bodies(betas: tuple[int, ...], dtype: torch.dtype) -> None:
    body = DefaultBody()
    given = {key: value.to(dtype) for key, value in values(0, betas=betas).items()}
    params = BodyParams(**given)
    assert body(params).vertices.shape == (0, len(body.surface.lbs_weights), 3)
    assert body.joints(params).shape == (0, 24, 3)


def test_no_frames_of_several_people() -> None:
    params = BodyParams(**values(3, 0, betas=(3, 1)))
    assert DefaultBody().joints(params).shape == (3, 0, 24, 3)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("field", ["betas", "body_pose", "global_orient", "transl"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.int64, torch.float16])
def test_mixed_dtypes_are_told_by_name(field: str, dtype: torch.dtype) -> None:
    given = values(2)
    given[field] = given[field].to(dtype)
    told = "in torch.float32" if field == "transl" else f"{field} in {dtype}"
    with pytest.raises(InputError, match=told):
        DefaultBody()(BodyParams(**given))
    with pytest.raises(InputError, match=told):
        DefaultBody().joints(BodyParams(**given))


@pytest.mark.usefixtures("unchecked")
def test_whole_numbers_are_no_parameters() -> None:
    given = {key: value.long() for key, value in values(2).items()}
    with pytest.raises(InputError, match="floating dtype"):
        DefaultBody()(BodyParams(**given))


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("field", ["betas", "body_pose", "global_orient", "transl"])
def test_arrays_are_no_tensors(field: str) -> None:
    given = values(2)
    given[field] = np.zeros(given[field].shape)
    with pytest.raises(InputError, match=f"got a ndarray for {field}"):
        BodyParams(**given)
