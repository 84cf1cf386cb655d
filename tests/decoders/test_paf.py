"""People drawn as OpenPose's networks would see them, and put together again."""

import itertools
import math

import numpy as np
import pytest
import torch
from scipy import ndimage
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from lift3d.decoders import (
    BODY_25_LIMBS,
    COCO_18_LIMBS,
    MAXIMIZE_POSITIVES,
    MPI_15_LIMBS,
    LimbModel,
    PafGrouping,
    decode_paf,
    gaussian_maps,
    limb_fields,
)
from lift3d.decoders.peaks import find_peaks
from lift3d.skeleton import Skeleton
from tests.decoders.scenes import cut_off, expect_people, matched, person

MODELS = [BODY_25_LIMBS, COCO_18_LIMBS, MPI_15_LIMBS]
SIZE = (46, 62)


def named(model: LimbModel) -> str:
    return model.skeleton.name


def maps_of(people: Tensor, model: LimbModel, size=SIZE) -> tuple[Tensor, Tensor]:
    return gaussian_maps(people, size, 1.0).amax(0), limb_fields(people, model, size)


def crossing(model: LimbModel) -> Tensor:
    """Four people: two lean across each other, one stands behind their legs, one is small."""
    s = model.skeleton
    return torch.stack(
        [
            person(s, 12.3, 3.1, 36, lean=-0.45),
            person(s, 34.6, 4.2, 35, lean=0.45),
            cut_off(person(s, 23.2, 14.4, 27), s, "left_wrist", "right_ankle"),
            person(s, 52.1, 8.3, 20, width=1.4),
        ]
    )


@pytest.mark.parametrize("model", MODELS, ids=named)
def test_people_who_cross_are_told_apart(model) -> None:
    people = crossing(model)
    expect_people(decode_paf(*maps_of(people, model), model).keypoints, people, within=0.6)


@pytest.mark.parametrize("model", MODELS, ids=named)
def test_the_best_limbs_are_those_of_an_optimal_assignment(model) -> None:
    """Limb by limb: a fine line integral between all joints, and scipy's optimal matching of them."""
    people = crossing(model)
    heatmaps, pafs = maps_of(people, model)
    found = matched(decode_paf(heatmaps, pafs, model).keypoints, people)
    for (a, b), place in zip(model.pairs, model.fields, strict=True):
        field = pafs[place : place + 2].numpy()
        ends = [people[people[:, j].isfinite().all(-1), j].numpy() for j in (a, b)]
        integral = np.array([[line_integral(field, p, q) for q in ends[1]] for p in ends[0]])
        rows, columns = linear_sum_assignment(integral, maximize=True)
        chosen = {
            (*ends[0][r], *ends[1][c])
            for r, c in zip(rows, columns, strict=True)
            if integral[r, c] > 0.5
        }
        true = {(*p[a].tolist(), *p[b].tolist()) for p in people if p[[a, b]].isfinite().all()}
        assert chosen == true  # the scene has one answer
        for body, answer in zip(people, found, strict=True):
            if body[[a, b]].isfinite().all():
                assert (answer[[a, b], :2].double() - body[[a, b]]).norm(dim=-1).max() < 0.6


def line_integral(field: np.ndarray, start: np.ndarray, end: np.ndarray) -> float:
    share = np.linspace(0, 1, 400)[:, None]
    x, y = ((1 - share) * start + share * end).T
    along = (end - start) / np.linalg.norm(end - start)
    values = [ndimage.map_coordinates(axis, [y, x], order=1) for axis in field]
    return float((values[0] * along[0] + values[1] * along[1]).mean())


@pytest.mark.parametrize("model", MODELS, ids=named)
def test_random_crowds(model) -> None:
    rng = np.random.default_rng(4)
    for _ in range(5):
        people = torch.stack(
            [
                person(
                    model.skeleton,
                    24 + 34 * i + rng.uniform(-3, 3),
                    rng.uniform(3, 8),
                    rng.uniform(55, 75),
                    rng.uniform(-0.2, 0.2),
                )
                for i in range(5)
            ]
        )
        expect_people(
            decode_paf(*maps_of(people, model, (92, 190)), model).keypoints, people, within=0.6
        )


def test_a_person_in_two_parts_is_joined_by_the_limb_between_them() -> None:
    """Limbs come by score, so an arm and a leg may be people of their own at first."""
    model = COCO_18_LIMBS
    body = person(model.skeleton, 30, 3, 38)[None]
    heatmaps, pafs = maps_of(body, model)
    for neck in (0, 1, 6, 9, 12):  # the limbs at the neck are the weakest
        place = model.fields[neck]
        pafs[place : place + 2] *= 0.5
    found = decode_paf(heatmaps, pafs, model)
    expect_people(found.keypoints, body, within=0.6)


def test_scores_by_hand() -> None:
    """Three joints of value 0.8, 0.9 and 1 and two limbs whose fields are 1: (2.7 + 2) / 3."""
    model = MPI_15_LIMBS
    points = torch.full((1, 15, 2), torch.nan, dtype=torch.float64)
    points[0, [2, 3, 4]] = torch.tensor([[10.0, 10.0], [20.0, 10.0], [20.0, 22.0]]).double()
    heatmaps, pafs = maps_of(points, model)
    heatmaps[[2, 3, 4]] *= torch.tensor([0.8, 0.9, 1.0]).double()[:, None, None]
    found = decode_paf(heatmaps, pafs, model)
    assert found.scores.tolist() == pytest.approx([4.7 / 3])
    expected = torch.tensor([[10, 10, 0.8], [20, 10, 0.9], [20, 22, 1.0]]).double()
    assert torch.allclose(found.keypoints[0, [2, 3, 4]], expected, atol=1e-6)
    assert len(decode_paf(heatmaps, pafs, model, PafGrouping(min_joints=4))) == 0
    assert len(decode_paf(heatmaps, pafs, model, PafGrouping(min_score=1.6))) == 0


def test_the_share_of_supporting_samples() -> None:
    """A limb of 16 map pixels has 25 samples at stride 8: one may fail, two may not."""
    model = MPI_15_LIMBS
    points = torch.full((1, 15, 2), torch.nan, dtype=torch.float64)
    points[0, [2, 3, 4]] = torch.tensor([[10.0, 20.0], [26.0, 20.0], [26.0, 36.0]]).double()
    heatmaps, pafs = maps_of(points, model)
    place = model.fields[model.pairs.index((2, 3))]
    for failing, until in ((1, 12), (2, 13)):
        broken = pafs.clone()
        broken[place, :, 11:until] = -0.3
        samples = 10 + 16 * (np.arange(25) + 0.5) / 25
        values = np.interp(samples, np.arange(SIZE[1]), broken[place, 20].numpy())
        assert (values <= 0.01).sum() == failing
        assert len(decode_paf(heatmaps, broken, model)) == (1 if failing == 1 else 0)
    assert len(decode_paf(heatmaps, broken, model, MAXIMIZE_POSITIVES)) == 1


def test_a_joint_goes_to_one_person_only() -> None:
    """Two necks and one nose: only the person whose nose it is gets it."""
    model = COCO_18_LIMBS
    people = torch.stack([person(model.skeleton, x, 3, 38) for x in (20, 42)])
    heatmaps, pafs = maps_of(people, model)
    heatmaps[0, :, 35:] = 0  # the second nose is hidden
    place = model.fields[model.pairs.index((1, 0))]
    found = matched(decode_paf(heatmaps, pafs, model).keypoints, people)
    assert place == 28
    assert found[0, 0, 2] > 0
    assert found[1, 0, 2] == 0


def test_no_two_people_share_a_joint_in_a_mess() -> None:
    """Maps that mean nothing still give people of different joints, in finite time."""
    model = BODY_25_LIMBS
    heatmaps = torch.rand(25, 30, 30)
    pafs = torch.rand(52, 30, 30) * 2 - 1
    found = decode_paf(heatmaps, pafs, model, MAXIMIZE_POSITIVES)
    assert len(found) > 3
    for one, other in itertools.combinations(found.keypoints[..., :2], 2):
        assert not (one == other).all(-1).any()
    assert found.scores.tolist() == sorted(found.scores.tolist(), reverse=True)


def test_nobody() -> None:
    found = decode_paf(torch.zeros(18, 46, 46), torch.zeros(38, 46, 46), COCO_18_LIMBS)
    assert found.keypoints.shape == (0, 18, 3)
    # Joints without fields are nobody either.
    heatmaps, pafs = maps_of(crossing(COCO_18_LIMBS), COCO_18_LIMBS)
    assert len(decode_paf(heatmaps, torch.zeros_like(pafs), COCO_18_LIMBS)) == 0


def test_the_connector_against_a_slow_one() -> None:
    """Fields that mean nothing: limbs by OpenPose's rules, one pair and one sample after another."""
    model = LimbModel(Skeleton("two", ("a", "b"), (-1, 0)), ((0, 1),), (0,), 0.05, 0.05)
    rng = np.random.default_rng(8)
    found = 0
    for trial in range(12):
        ends = [rng.uniform(2, (58, 42), (8, 2)) for _ in range(2)]
        heatmaps = torch.stack(
            [gaussian_maps(torch.from_numpy(e), SIZE, 0.7).amax(0) for e in ends]
        )
        noise = torch.from_numpy(ndimage.gaussian_filter(rng.normal(size=(2, *SIZE)), (0, 3, 3)))
        pafs = noise * 8 + torch.tensor([[0.4], [0.2]]).reshape(2, 1, 1)
        how = PafGrouping(min_joints=2, min_score=0.0, stride=(2.0, 8.0)[trial % 2])
        people = decode_paf(heatmaps, pafs, model, how)
        places = [find_peaks(heatmaps[j : j + 1], 0.05, 50).points[:, :2] for j in range(2)]
        expected = slow_limbs(pafs.numpy(), places, how.stride)
        answer = {tuple(np.round(k[:, :2].flatten().tolist(), 6)) for k in people.keypoints}
        assert answer == expected
        found += len(expected)
    assert found > 30


def slow_limbs(
    field: np.ndarray, places: list[np.ndarray], stride: float
) -> set[tuple[float, ...]]:
    scored = []
    for (i, start), (j, end) in itertools.product(*(enumerate(p) for p in places)):
        dx, dy = end - start
        count = min(max(round(math.sqrt(5 * stride * max(abs(dx), abs(dy)))), 5), 25)
        values = []
        for k in range(count):
            x, y = start + (end - start) * (k + 0.5) / count
            vx, vy = (ndimage.map_coordinates(axis, [[y], [x]], order=1)[0] for axis in field)
            values.append((vx * dx + vy * dy) / math.hypot(dx, dy))
        good = [value for value in values if value > 0.05]
        if len(good) / count > 0.95:
            scored.append((sum(good) / len(good), i, j))
    chosen: list[tuple[int, int]] = []
    for _, i, j in sorted(scored, reverse=True):
        if all(i != a and j != b for a, b in chosen):
            chosen.append((i, j))
    return {(*np.round(places[0][i], 6), *np.round(places[1][j], 6)) for i, j in chosen}


def test_models_are_openposes() -> None:
    assert [model.maps for model in MODELS] == [78, 57, 44]
    for model in MODELS:
        assert sorted(model.fields) == list(range(0, 2 * len(model.pairs), 2))
        assert {joint for pair in model.pairs for joint in pair} == set(range(len(model.skeleton)))
