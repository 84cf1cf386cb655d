"""Pieces of networks against what their papers say of them, by numbers worked out by hand."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import conv2d

from lift3d.decoders import gaussian_maps
from lift3d.errors import InputError
from lift3d.networks import SimpleBaselineConfig, Targets
from lift3d.networks.backbones.resnet import ResNetConfig
from lift3d.networks.distillation import distilled_losses, teacher_maps
from lift3d.networks.heatmaps import Goal, Heatmaps, coarse_to_fine, hard_term, person_goal, term
from lift3d.networks.parts.adaptive_conv import AdaptiveConv
from lift3d.networks.parts.scale_adaptive import rescaled, scale_term, weighted_term
from lift3d.networks.parts.spatial_transformer import (
    SpatialTransformer,
    inverse_affine,
    resampled,
    transformed_points,
)
from lift3d.networks.parts.tags import tag_terms


def one_person(points: list[list[float]], visible: list[bool]) -> Targets:
    return Targets.of_one(torch.tensor([points]), torch.tensor([visible]))


def test_targets_stand_where_pixels_of_the_picture_lie_on_the_maps() -> None:
    # Pixel 5.5 of the picture is the edge between its 4-pixel cells 0 and 1, plus half: 1 on the map.
    goal = person_goal(one_person([[5.5, 9.5]], [True]), torch.zeros(1, 1, 8, 8), 4, 1.0)
    assert goal.maps[0, 0].argmax().item() == 2 * 8 + 1
    assert goal.maps.max() == 1


def test_losses_leave_out_what_was_not_annotated() -> None:
    targets = one_person([[10.0, 10.0], [float("nan"), 3.0]], [True, False])
    maps = torch.zeros(1, 2, 8, 8, requires_grad=True)
    found = term(maps, person_goal(targets, maps, 4, 1.0))
    torch.autograd.backward(found.mean)
    assert maps.grad is not None
    assert maps.grad[0, 0].abs().sum() > 0
    assert not maps.grad[0, 1].any()


def test_only_the_hardest_keypoints_count() -> None:
    goal = Goal(torch.zeros(1, 3, 2, 2), torch.ones(1, 3, dtype=torch.bool))
    maps = torch.tensor([1.0, 3.0, 2.0])[None, :, None, None].expand(1, 3, 2, 2)
    assert hard_term(maps, goal, 2).mean == pytest.approx((9 + 4) / 2)


def test_sigmas_fall_from_stage_to_stage() -> None:
    assert coarse_to_fine(3, 4.0, 2.0) == (4.0, 3.0, 2.0)
    assert coarse_to_fine(1, 4.0, 2.0) == (2.0,)


def test_tags_pull_people_together_and_push_them_apart() -> None:
    # One row of four pixels: person 0 at pixels 0 and 1 with tags 0 and 2, person 1 at 2 and 3 with 3.
    tags = torch.tensor([[[[0.0, 9, 3, 9]], [[9.0, 2, 9, 3]]]])
    points = torch.tensor([[[[0.0, 0], [1, 0]], [[2, 0], [3, 0]]]])
    pull, push = tag_terms(tags, Targets(points, torch.ones(1, 2, 2, dtype=torch.bool)), 1)
    assert pull.mean == pytest.approx((1.0 + 0.0) / 2)  # means 1 and 3
    assert push.mean == pytest.approx(math.exp(-0.5 * 2**2))


def test_people_who_are_not_there_have_no_tags() -> None:
    points = torch.full((1, 2, 2, 2), torch.nan)
    points[0, 0] = torch.tensor([[0.0, 0], [1, 0]])
    tags = torch.randn(1, 2, 1, 4, requires_grad=True)
    pull, push = tag_terms(tags, Targets(points, points.isfinite().all(-1)), 1)
    assert pull.count == 1
    assert push.mean == 0
    torch.autograd.backward(pull.mean)
    assert tags.grad is not None
    assert tags.grad.isfinite().all()


def test_an_adaptive_convolution_starts_as_a_plain_one() -> None:
    layer = AdaptiveConv(3)
    x = torch.randn(2, 3, 7, 5)
    kernel = layer.taps.weight.reshape(3, 3, 3, 3)  # out, in, row, column
    torch.testing.assert_close(layer(x), conv2d(x, kernel, padding=1), atol=1e-5, rtol=1e-4)


def test_an_adaptive_convolution_looks_where_it_is_told() -> None:
    layer = AdaptiveConv(1)
    with torch.no_grad():
        layer.taps.weight.zero_()
        layer.taps.weight[0, 5] = 1.0  # the tap to the right: g = (1, 0)
        assert layer.affine.bias is not None
        layer.affine.bias.copy_(torch.tensor([0.0, 0, 1, 0, 0, -2]))  # (1, 0) -> (0, 1), then 2 up
    x = torch.arange(30.0).reshape(1, 1, 6, 5)
    assert layer(x)[0, 0, 3, 2].item() == pytest.approx(x[0, 0, 2, 2].item(), abs=1e-4)


@pytest.mark.parametrize("scale", [0.8, 1.0, 1.3])
def test_rescaled_gaussians_are_gaussians_of_that_width(scale: float) -> None:
    centre = torch.tensor([[10.0, 10.0]])
    narrow, wide = (gaussian_maps(centre, (21, 21), sigma) for sigma in (2.0, 2.0 * scale))
    found = rescaled(narrow, torch.full_like(narrow, math.log(scale)))
    near = wide > 0.5  # the series is one of few terms
    assert (found - wide)[near].abs().max() < 0.02
    assert (found >= 0).all()


def test_scales_of_one_cost_nothing_and_background_little() -> None:
    maps = gaussian_maps(torch.tensor([[[6.0, 6.0]]]), (13, 13), 2.0)
    goal = Goal(maps, torch.ones(1, 1, dtype=torch.bool))
    assert scale_term(torch.zeros_like(maps), goal).mean == 0
    assert scale_term(torch.full_like(maps, 0.3), goal).mean > 0
    assert weighted_term(maps, torch.zeros_like(maps), goal).mean == pytest.approx(0, abs=1e-9)
    wrong = maps.clone()
    wrong[..., 6, 6] = 0.5
    there = weighted_term(wrong, torch.zeros_like(maps), goal).mean
    beside = maps.clone()
    beside[..., 0, 0] = beside[..., 0, 0] + 0.5
    assert weighted_term(beside, torch.zeros_like(maps), goal).mean < there


def test_a_spatial_transformer_starts_with_the_whole_picture() -> None:
    pictures = torch.rand(2, 3, 32, 24)
    affine = SpatialTransformer(4).eval()(pictures)
    torch.testing.assert_close(resampled(pictures, affine, (32, 24)), pictures, atol=1e-4, rtol=0)


def test_the_inverse_transformer_puts_points_and_maps_back() -> None:
    affine = torch.tensor([[[0.8, 0.1, 0.2], [-0.1, 0.9, -0.1]]])
    points = torch.tensor([[[20.0, 30.0]]])
    maps = gaussian_maps(points, (64, 48), 3.0)
    cut = resampled(maps, affine, (64, 48))
    peak = centre_of(cut)
    inside = transformed_points(peak, affine, (64, 48), (64, 48))
    torch.testing.assert_close(inside, points, atol=0.05, rtol=0)
    again = resampled(cut, inverse_affine(affine), (64, 48))
    torch.testing.assert_close(centre_of(again), points, atol=0.05, rtol=0)
    with pytest.raises(InputError, match="inverse"):
        inverse_affine(torch.zeros(1, 2, 3))


def centre_of(maps: Tensor) -> Tensor:
    weights = maps / maps.sum((-2, -1), keepdim=True)
    xs, ys = torch.arange(maps.shape[-1]).float(), torch.arange(maps.shape[-2]).float()
    return torch.stack([weights.sum(-2) @ xs, weights.sum(-1) @ ys], -1)


def test_a_student_learns_from_annotations_and_from_the_teacher() -> None:
    config = SimpleBaselineConfig(2, ResNetConfig(18, 4), 4)
    student, teacher = config.build(), config.build().eval()
    pictures = torch.rand(2, 3, 32, 32)
    taught = teacher_maps(teacher, pictures)
    assert not taught.requires_grad
    targets = Targets.of_one(torch.full((2, 2, 2), 9.0), torch.ones(2, 2, dtype=torch.bool))
    terms = distilled_losses(student, student(pictures), targets, taught, share=0.25)
    assert list(terms) == ["heatmaps", "distilled"]
    same = distilled_losses(student, Heatmaps((taught,)), targets, taught, share=1.0)
    assert same["distilled"].mean == 0
    assert same["heatmaps"].mean == 0
    with pytest.raises(InputError, match="same joints and stride"):
        distilled_losses(student, student(pictures), targets, taught[..., :4])
    with pytest.raises(InputError, match="share between 0 and 1"):
        distilled_losses(student, student(pictures), targets, taught, share=2.0)
