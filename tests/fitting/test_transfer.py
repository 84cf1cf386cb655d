"""From one body's parameters to another's."""

import pytest
import torch

from lift3d.body import BodyParams
from lift3d.errors import InputError
from lift3d.fitting import FitOptions
from lift3d.fitting.transfer import SurfaceMatch, convert_body, match_surfaces
from lift3d_body_models import DefaultBody, LinearBlendBody
from tests.helpers.coarse_body import coarse_body, mixing


@pytest.fixture(scope="module")
def coarse() -> LinearBlendBody:
    return coarse_body()


@pytest.fixture(scope="module")
def match(coarse: LinearBlendBody) -> SurfaceMatch:
    return match_surfaces(DefaultBody(), coarse, sites=600)


def poses(frames: int = 4) -> BodyParams:
    torch.manual_seed(3)
    pose = torch.randn(frames, 23, 3) * 0.2
    pose[:, 15, 2], pose[:, 16, 2] = -1.0, 1.0  # arms down
    pose[:, 3:5, 0] = 0.6  # knees bent
    betas = torch.randn(1, 10) * 0.8
    return BodyParams(betas, pose, torch.randn(frames, 3) * 0.5, torch.randn(frames, 3))


def test_matched_places_lie_upon_each_other(match: SurfaceMatch) -> None:
    assert len(match.distance) > 550
    assert float(match.distance.mean()) < 0.003


def test_another_mesh_with_other_betas_shows_the_same_body(
    coarse: LinearBlendBody, match: SurfaceMatch
) -> None:
    params = poses()
    found = convert_body(params, DefaultBody(), coarse, match)
    assert found.params.betas.shape == (1, 10)
    assert float(found.error.max()) < 0.008  # the coarse body has no pose blend shapes
    off = coarse.joints(found.params) - DefaultBody().joints(params)
    assert float(off.norm(dim=-1).mean()) < 0.008
    # The betas themselves are known here.
    torch.testing.assert_close(found.params.betas[0], mixing() @ params.betas[0], atol=0.6, rtol=0)


def test_there_and_back_is_where_it_was(coarse: LinearBlendBody, match: SurfaceMatch) -> None:
    body, params = DefaultBody(), poses()
    there = convert_body(params, body, coarse, match).params
    back = convert_body(there, coarse, body).params
    off = (body(back).vertices - body(params).vertices).norm(dim=-1).mean(-1)
    assert float(off.max()) < 0.012


def test_the_same_triangles_match_vertex_by_vertex() -> None:
    body = DefaultBody()
    match = match_surfaces(body, body, sites=100)
    assert torch.equal(match.source.vertices, match.target.vertices)
    assert not match.distance.any()


def test_the_error_tells_what_the_other_body_cannot_follow(
    coarse: LinearBlendBody, match: SurfaceMatch
) -> None:
    """With its betas held at 0 the other body cannot take the first one's shape."""
    params, fine = poses(2), DefaultBody()
    free = convert_body(params, fine, coarse, match)
    held = convert_body(params, fine, coarse, match, FitOptions(iterations=20, fit_betas=False))
    assert float(held.error.min()) > 3 * float(free.error.max())
    assert not held.params.betas.any()


def test_frames_without_anybody_stay_so(coarse: LinearBlendBody, match: SurfaceMatch) -> None:
    params = poses(3)
    params.transl[1] = torch.nan
    found = convert_body(params, DefaultBody(), coarse, match)
    assert found.error.isnan().tolist() == [False, True, False]
    assert found.params.finite.tolist() == [True, False, True]


def test_parameters_without_frames_are_refused(coarse: LinearBlendBody) -> None:
    one = BodyParams(torch.zeros(10), torch.zeros(23, 3), torch.zeros(3), torch.zeros(3))
    with pytest.raises(InputError, match="leading axis"):
        convert_body(one, DefaultBody(), coarse)
