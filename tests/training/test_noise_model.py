"""The detector of clips errs as often, as long and as surely as it was asked and measured to."""

import json
from pathlib import Path

import pytest
import torch
from torch import Generator, Tensor

import lift3d.training
from lift3d.skeletons import BODY_25, COCO_17, LIFT_23
from lift3d.training.detector import Detected, detect, lasting_noise, now_and_then
from lift3d.training.noise import NoiseConfig
from lift3d.training.noise_table import kind_of, noise_table

QUIET = NoiseConfig(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, inversion=0.0, confidence=0.0)


def generator() -> Generator:
    return Generator().manual_seed(0)


def run(config: NoiseConfig, people: int = 40, frames: int = 60, distance: float = 4.0) -> Detected:
    slopes = torch.linspace(-0.2, 0.2, 17)[:, None].expand(people, frames, 17, 2)
    depth = torch.full((people, frames), distance)
    return detect(slopes, depth, COCO_17, config, generator())


def quiet(**changes: float) -> NoiseConfig:
    values = {name: getattr(QUIET, name) for name in NoiseConfig.__dataclass_fields__}
    return NoiseConfig(**(values | changes))


def error(found: Detected, distance: float = 4.0) -> Tensor:
    """Metres."""
    true = torch.linspace(-0.2, 0.2, 17)[:, None]
    return (found.slopes - true) * distance


def test_without_noise_all_is_seen_in_its_place() -> None:
    found = run(quiet())
    assert found.seen.all()
    assert error(found).abs().max() < 1e-6


def test_jitter_has_the_size_that_was_asked_at_any_distance() -> None:
    near, far = run(quiet(jitter=0.01)), run(quiet(jitter=0.01), distance=8.0)
    shoulder = COCO_17.index("left_shoulder")
    expected = 0.01 * float(noise_table().jitter_factor(COCO_17)[shoulder])
    typical = float(error(near)[:, :, shoulder].abs().flatten().median()) / 0.6745
    assert typical == pytest.approx(expected, rel=0.2)
    assert torch.allclose(error(near), error(far, 8.0), atol=1e-6)


def test_lasting_noise_is_normal_and_remembers() -> None:
    noise = lasting_noise((2000, 20, 3), 0.8, generator())
    assert noise.std().item() == pytest.approx(1, abs=0.02)
    assert (noise[:, 0] * noise[:, 3]).mean().item() == pytest.approx(0.8**3, abs=0.03)


def test_mistakes_come_as_often_as_asked_and_in_bursts() -> None:
    wrong = now_and_then((400, 200, 2), 0.05, 0.9, generator())
    assert wrong.float().mean().item() == pytest.approx(0.05, abs=0.005)
    again = wrong[:, 1:][wrong[:, :-1]].float().mean()
    assert again > 0.5
    assert not now_and_then((4, 5), 0.0, 0.9, generator()).any()


def test_confidence_falls_where_the_error_is_large() -> None:
    found = run(quiet(jitter=0.01), people=200)
    size = error(found).norm(dim=-1).flatten()
    deviation = (found.confidence - noise_table().confidence(COCO_17)).flatten()
    low = size[deviation < -0.1].median()
    usual = size[deviation.abs() < 0.02].median()
    assert low / usual > 1.3
    assert found.confidence.max() <= 1


def test_confidences_are_spread_as_measured() -> None:
    found = run(quiet(jitter=0.01), people=400)
    elbow = COCO_17.index("left_elbow")
    level = float(noise_table().confidence(COCO_17)[elbow])
    asked = torch.tensor([0.1, 0.5, 0.9])
    got = torch.quantile(found.confidence[:, :, elbow].flatten() - level, asked)
    table = noise_table()
    expected = [float(table.deviation[(table.quantiles - q).abs().argmin()]) for q in asked]
    assert got.tolist() == pytest.approx(expected, abs=0.02)


def test_an_inverted_joint_lies_on_its_mirror_joint() -> None:
    found = run(quiet(outlier=0.1, inversion=1.0))
    flip = torch.linspace(-0.2, 0.2, 17)[list(COCO_17.flip_permutation)][:, None]
    away = error(found).abs().amax(-1) > 1e-4
    on_mirror = (found.slopes - flip).abs().amax(-1) < 1e-4
    assert away[:, :, 5:].float().mean().item() == pytest.approx(0.1, abs=0.02)
    assert on_mirror[away].all()


def test_swaps_take_a_whole_limb_along() -> None:
    found = run(quiet(swap=0.2))
    moved = error(found).abs().amax(-1) > 1e-4
    arms = moved[:, :, [COCO_17.index(f"left_{p}") for p in ("shoulder", "elbow", "wrist")]]
    assert torch.equal(arms.all(-1), arms.any(-1))
    assert arms.any(-1).float().mean().item() == pytest.approx(0.2, abs=0.04)
    assert not moved[:, :, COCO_17.index("nose")].any()


def test_gaps_and_crops_have_no_confidence() -> None:
    found = run(quiet(gap=0.1, crop=0.5), people=300)
    elbow, ankle = COCO_17.index("left_elbow"), COCO_17.index("left_ankle")
    missing = (~found.seen).float().mean((0, 1))
    assert missing[elbow].item() == pytest.approx(0.1, abs=0.02)
    assert missing[ankle].item() == pytest.approx(0.55, abs=0.06)
    # A crop stays for the clip.
    cut = (~found.seen[:, :, ankle]).float().mean(1)
    assert (cut > 0.9).float().mean().item() == pytest.approx(0.5, abs=0.1)


def test_single_frames_have_inversions_too() -> None:
    slopes = torch.randn(4000, 1, 23, 2, generator=generator())
    noise = quiet(jitter=0.0, outlier=0.1, inversion=1.0)
    noisy = detect(slopes, torch.full((4000, 1), 3.0), LIFT_23, noise, generator()).slopes
    wrist = LIFT_23.index("left_wrist")
    inverted = (noisy[:, 0, wrist] == slopes[:, 0, LIFT_23.index("right_wrist")]).all(-1)
    assert inverted.float().mean().item() == pytest.approx(0.1, abs=0.02)


def test_the_table_knows_every_joint() -> None:
    for skeleton in (LIFT_23, BODY_25, COCO_17):
        assert (noise_table().jitter_factor(skeleton) > 0).all()
        assert (noise_table().confidence(skeleton) > 0.3).all()
    assert kind_of("left_big_toe") == "big_toe"


def test_the_shipped_figures_are_plausible() -> None:
    path = Path(str(lift3d.training.__file__)).with_name("detector_noise.json")
    figures = json.loads(path.read_text(encoding="utf-8"))
    assert 0.001 < min(figures["jitter"].values()) < max(figures["jitter"].values()) < 0.02
    assert figures["jitter"]["wrist"] > figures["jitter"]["shoulder"]
    assert figures["confidence"]["log_error_per_confidence"] < 0
