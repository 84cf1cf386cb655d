"""Bodies from places on their skin."""

import pytest
import torch

from lift3d.body import BodyParams
from lift3d.camera import Camera
from lift3d.errors import InputError
from lift3d.fitting import FitOptions, SkinEvidence, SkinSites, fit
from lift3d.fitting.points import place_points, point_table
from lift3d.fitting.prior import smpl_prior
from lift3d.fitting.skin import place_skin, skin_jacobian, skin_table
from lift3d.fitting.task import Task
from lift3d.geometry.rotations import rotmat_from_axis_angle
from lift3d.plugins import body_models
from lift3d.protocols import BodyModel
from lift3d.skeletons import SMPL_24

SHARP = FitOptions(iterations=9, prior_weight=0.01, one_shape=False)


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return body_models["default"]()


def random_params(frames: int, spread: float = 0.5) -> BodyParams:
    prior = smpl_prior(SMPL_24)
    turns = prior.mean + spread * torch.randn(frames, 24, 3) * prior.std.clamp(max=1)
    hinged = prior.hinge != 0
    turns = torch.where(hinged, (turns * prior.hinge).abs() * prior.hinge, turns)
    turns[:, 0] = torch.tensor([torch.pi, 0, 0]) + 0.3 * torch.randn(frames, 3)
    transl = 0.2 * torch.randn(frames, 3) + torch.tensor([0.0, 0.0, 4.0])
    return BodyParams(0.8 * torch.randn(frames, 10), turns[:, 1:], turns[:, 0], transl)


def some_vertices(body: BodyModel, count: int) -> SkinSites:
    return SkinSites.at_vertices(torch.linspace(0, len(body.surface.lbs_weights) - 1, count).long())


def test_derivatives_of_the_skin(body: BodyModel) -> None:
    double = torch.float64
    table = point_table(body.articulation, double)
    skin = skin_table(body, some_vertices(body, 12), double)
    rotmats = rotmat_from_axis_angle(torch.randn(2, 24, 3, dtype=double) * 0.5)
    transl, betas = torch.randn(2, 3, dtype=double), torch.randn(1, 10, dtype=double)

    def moved(step: torch.Tensor, shape: torch.Tensor) -> torch.Tensor:
        turn = rotmat_from_axis_angle(step[:, :72].reshape(2, 24, 3))
        points = place_points(table, rotmats @ turn, transl + step[:, 72:], betas + shape)
        return place_skin(table, skin, points, betas + shape)[0]

    points = place_points(table, rotmats, transl, betas)
    by_pose, by_betas = skin_jacobian(
        table, skin, points, place_skin(table, skin, points, betas)[1]
    )
    still, same = torch.zeros(2, 75, dtype=double), torch.zeros(1, 10, dtype=double)
    auto = torch.autograd.functional.jacobian(lambda x: moved(x, same).sum(0), still)
    torch.testing.assert_close(by_pose.permute(1, 2, 0, 3), auto, atol=1e-9, rtol=1e-9)
    auto = torch.autograd.functional.jacobian(lambda b: moved(still, b), same)
    torch.testing.assert_close(by_betas, auto[..., 0, :], atol=1e-9, rtol=1e-9)


def test_vertices_alone_give_the_body(body: BodyModel) -> None:
    params = random_params(6)
    mesh = body(params)
    sites = some_vertices(body, 500)
    found = fit(body, options=SHARP, skin=SkinEvidence(sites, sites.of(mesh.vertices), std=0.005))
    away = torch.linalg.vector_norm(body(found.params).vertices - mesh.vertices, dim=-1)
    assert away.mean() < 0.001
    assert away.max() < 0.015
    assert found.rms["vertices"].max() < 0.001
    assert found.params.betas.shape == (6, 10)


def test_points_of_triangles_count_like_vertices(body: BodyModel) -> None:
    params = random_params(2)
    mesh = body(params)
    triangles = torch.randint(len(body.surface.faces), (400,))
    sites = SkinSites.on_triangles(
        body.surface.faces, triangles, torch.distributions.Dirichlet(torch.ones(3)).sample((400,))
    )
    found = fit(body, options=SHARP, skin=SkinEvidence(sites, sites.of(mesh.vertices)))
    away = torch.linalg.vector_norm(body(found.params).vertices - mesh.vertices, dim=-1)
    assert away.mean() < 0.003
    assert found.rms["surface"].max() < 0.002


def test_pixels_of_skin_and_half_the_vertices_are_better_than_those(body: BodyModel) -> None:
    camera = Camera.from_intrinsics((1080, 1920), 1500.0)
    params = random_params(3)
    mesh = body(params)
    sites = some_vertices(body, 300)
    places = sites.of(mesh.vertices)
    pixels = camera.project(places)
    places = torch.where(torch.rand(3, 300, 1) < 0.1, places, torch.nan)
    few = SkinEvidence(sites, places + 0.01 * torch.randn_like(places))
    both = SkinEvidence(sites, few.places, pixels)
    errors = [
        torch.linalg.vector_norm(
            body(fit(body, camera=camera, options=SHARP, skin=skin).params).vertices
            - mesh.vertices,
            dim=-1,
        ).mean()
        for skin in (few, both)
    ]
    assert errors[1] < errors[0]


def test_unknown_sites_do_not_count(body: BodyModel) -> None:
    mesh = body(random_params(1))
    sites = some_vertices(body, 200)
    places = sites.of(mesh.vertices)
    more = some_vertices(body, 250)
    padded = torch.cat([places, torch.full((1, 250, 3), torch.nan)], 1)
    wide = SkinSites(
        torch.cat([sites.vertices, more.vertices]), torch.cat([sites.weights, more.weights])
    )
    alone = fit(body, options=SHARP, skin=SkinEvidence(sites, places)).params
    among = fit(body, options=SHARP, skin=SkinEvidence(wide, padded)).params
    torch.testing.assert_close(among.transl, alone.transl, atol=1e-5, rtol=0)
    torch.testing.assert_close(among.axis_angle, alone.axis_angle, atol=1e-4, rtol=0)


def test_vertices_of_another_body_are_refused(body: BodyModel) -> None:
    sites = SkinSites.at_vertices(torch.tensor([0, 99_999]))
    with pytest.raises(InputError, match="vertices from 0"):
        fit(body, skin=SkinEvidence(sites, torch.zeros(1, 2, 3)))


def test_skin_needs_the_model(body: BodyModel) -> None:
    sites = some_vertices(body, 9)
    with pytest.raises(InputError, match="pass the model"):
        fit(body.articulation, skin=SkinEvidence(sites, torch.zeros(1, 9, 3)))


def test_pixels_need_a_camera(body: BodyModel) -> None:
    sites = some_vertices(body, 9)
    with pytest.raises(InputError, match="camera"):
        fit(body, skin=SkinEvidence(sites, pixels=torch.zeros(1, 9, 2)))


def test_weights_must_sum_to_one() -> None:
    with pytest.raises(InputError, match="sum to 1"):
        SkinSites(torch.tensor([[1, 2]]), torch.tensor([[0.5, 0.9]]))


def test_sites_need_places_or_pixels() -> None:
    with pytest.raises(InputError, match="places or pixels"):
        SkinEvidence(SkinSites.at_vertices(torch.arange(3)), torch.zeros(1, 4, 3))


def pinhole() -> Camera:
    return Camera.from_intrinsics((1000, 1000), 900.0)


def test_pixels_beside_places_are_as_precise_as_alone(body: BodyModel) -> None:
    """0.02 m at 4 m is a slope of 0.005, whether the distance is told by places or by rays."""
    places = some_vertices(body, 60).of(body(random_params(2)).vertices)
    pixels = pinhole().project(places)
    evidence = SkinEvidence(some_vertices(body, 60), places, pixels, std=0.02)
    found = Task.of(body, None, None, pinhole(), evidence).problem(None, FitOptions()).evidence
    spread = found.slope_precision.rsqrt() * places[..., 2].mean(1, keepdim=True)
    torch.testing.assert_close(spread, torch.full_like(spread, 0.02))


def test_a_frame_with_pixels_only_is_fitted_beside_frames_with_places(body: BodyModel) -> None:
    sites, params = some_vertices(body, 300), random_params(3)
    places = sites.of(body(params).vertices)
    pixels = pinhole().project(places)
    places[1] = torch.nan
    evidence = SkinEvidence(sites, places, pixels)
    found = fit(body, camera=pinhole(), skin=evidence)
    assert found.params.finite.all()
    assert found.rms["vertices pixels"][1] < 0.05


def test_steps_do_not_start_anew_after_each_look_at_the_skin(body: BodyModel) -> None:
    """The defaults once ended ten times above the least cost, or stood still for good."""
    sites, generator = some_vertices(body, 220), torch.Generator().manual_seed(1)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator)

    params = BodyParams(normal(1, 10), 0.4 * normal(4, 23, 3), normal(4, 3), normal(4, 3))
    places = sites.of(body(params).vertices) + 0.003 * normal(4, 220, 3)
    skin = SkinEvidence(sites, places, std=0.003)
    short, long = (fit(body, skin=skin, options=FitOptions(iterations=n)) for n in (21, 60))
    assert long.converged.all()
    assert short.cost.sum() < 1.05 * long.cost.sum()


def test_long_clips_miss_as_their_parts_do(
    body: BodyModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    sites, params = some_vertices(body, 100), random_params(5)
    skin = SkinEvidence(sites, sites.of(body(params).vertices))
    whole = fit(body, skin=skin, options=SHARP).rms["vertices"]
    monkeypatch.setattr("lift3d.fitting.clips._CHUNK", 2)
    torch.testing.assert_close(
        fit(body, skin=skin, options=SHARP).rms["vertices"], whole, atol=1e-3, rtol=0
    )
