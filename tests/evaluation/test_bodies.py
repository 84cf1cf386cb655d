"""Body parameters against body parameters, with errors worked out by hand."""

from dataclasses import replace

import pytest
import torch

from lift3d.errors import InputError
from lift3d.evaluation import evaluate_body


@pytest.fixture(scope="module")
def model(capsules):
    return capsules.CapsuleBody()


@pytest.fixture
def walker(capsules):
    return capsules.walk(5)


def test_the_same_body_has_no_error(model, walker) -> None:
    result = evaluate_body(model, walker, walker)
    assert result.frames == 5
    figures = (result.pve_mm, result.pa_pve_mm, result.mpjpe_mm, result.rotation_degrees)
    assert figures == pytest.approx((0, 0, 0, 0), abs=1e-3)


def test_a_shift_is_told_apart_from_the_pose(model, walker) -> None:
    moved = replace(walker, transl=walker.transl + torch.tensor([0.3, 0.0, 0.4]))
    result = evaluate_body(model, moved, walker)
    assert result.transl_mm == pytest.approx(500)
    assert result.pve_mm == pytest.approx(0, abs=1e-6)


def test_a_turned_body_is_the_same_after_procrustes(model, walker) -> None:
    still = replace(
        walker,
        global_orient=torch.zeros_like(walker.global_orient),
        body_pose=torch.zeros_like(walker.body_pose),
    )
    turned = replace(still, global_orient=still.global_orient + torch.tensor([0.0, torch.pi, 0]))
    result = evaluate_body(model, turned, still)
    assert result.pa_pve_mm == pytest.approx(0, abs=1e-6)
    # Half a turn about the upright axis through the pelvis takes each point to its far side.
    mesh = model(still)
    aside = (mesh.vertices - mesh.joints[:, :1])[..., [0, 2]].norm(dim=-1)
    assert result.pve_mm == pytest.approx(2000 * float(aside.mean()))
    assert result.rotation_degrees == pytest.approx(180 / 24)
    assert torch.allclose(result.per_frame_pve_mm, 2000 * aside.mean(-1))


def test_many_frames_go_in_parts(model, capsules) -> None:
    long = capsules.walk(70)
    assert evaluate_body(model, long, long).frames == 70


def test_other_frames_and_other_surfaces_are_refused(model, walker, capsules) -> None:
    with pytest.raises(InputError, match="same frames"):
        evaluate_body(model, walker[:3], walker)

    other = capsules.CapsuleBody()
    other.surface = replace(other.surface, faces=other.surface.faces.flip(-1))
    with pytest.raises(InputError, match="the surface of"):
        evaluate_body(model, walker, walker, true_model=other)
