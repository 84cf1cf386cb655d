"""What cannot be decoded is said in one sentence; what is empty gives an empty answer."""

import re
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lift3d.decoders import (
    BODY_25_LIMBS,
    COCO_18_LIMBS,
    MAXIMIZE_POSITIVES,
    OpenPoseMaps,
    PafGrouping,
    People,
    PoseSuppression,
    TagGrouping,
    associate_candidates,
    decode_argmax,
    decode_associative,
    decode_beliefs,
    decode_centres,
    decode_dark,
    decode_dekr,
    decode_heatmaps,
    decode_offset_hough,
    decode_paf,
    decode_quarter_shift,
    decode_regression,
    decode_soft_argmax_2d,
    decode_soft_argmax_3d,
    fuse_over_time,
    gaussian_maps,
    joint_candidates,
    merge_flipped,
    split_openpose_maps,
    to_picture,
)
from lift3d.decoders.peaks import find_peaks
from lift3d.decoders.people import sorted_people
from lift3d.errors import InputError
from lift3d.skeletons import COCO_17
from tests.decoders.scenes import as_users_call

M = torch.zeros(17, 8, 8)
BOX = torch.tensor([0.0, 0, 8, 8])

ON_HEATMAPS: dict[str, Callable[[torch.Tensor], object]] = {
    "argmax": decode_argmax,
    "shift": decode_quarter_shift,
    "dark": decode_dark,
    "softargmax": decode_soft_argmax_2d,
    "beliefs": lambda m: decode_beliefs(m, 16),
    "flip": lambda m: merge_flipped(m, m, COCO_17),
    "paf": lambda m: decode_paf(m, torch.zeros(38, 8, 8), COCO_18_LIMBS),
    "fields": lambda m: decode_paf(torch.zeros(18, 8, 8), m, COCO_18_LIMBS),
    "split": lambda m: split_openpose_maps(m, COCO_18_LIMBS),
    "tags": lambda m: decode_associative(M, m),
    "tagged": lambda m: decode_associative(m, M),
    "hough": lambda m: decode_offset_hough(m, torch.zeros(17, 2, 8, 8), 3.0),
    "dekr": lambda m: decode_dekr(m, torch.zeros(16, 2, 8, 8)),
    "centres": lambda m: decode_centres(M[0], m),
    "volumes": lambda m: decode_soft_argmax_3d(m[:, None]),
    "candidates": lambda m: joint_candidates(m[None], BOX[None]),
    "fuse": lambda m: fuse_over_time(m[None], torch.zeros(1, 1, 2, 8, 8)),
}


def spoilt(kind: str) -> torch.Tensor:
    maps = M.clone()
    if kind in ("nan", "inf", "-inf"):
        maps[3, 2, 1] = float(kind)
        return maps
    whole = {
        "integers": M.long(),
        "no pixels": torch.zeros(17, 0, 8),
        "half a map": torch.zeros(17, 8, 0),
    }
    return whole[kind]


@pytest.mark.parametrize("decoder", ON_HEATMAPS)
@pytest.mark.parametrize("kind", ["nan", "inf", "-inf", "integers", "no pixels", "half a map"])
def test_spoilt_maps(decoder, kind) -> None:
    with as_users_call(), pytest.raises(InputError, match=r"^expected .*, got .*") as caught:
        ON_HEATMAPS[decoder](spoilt(kind))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("decoder", sorted(ON_HEATMAPS.keys() - {"volumes", "candidates", "fuse"}))
def test_a_row_for_a_map(decoder) -> None:
    with (
        as_users_call(),
        pytest.raises(InputError, match=r"as decimal numbers of shape \[\.\.\., "),
    ):
        ON_HEATMAPS[decoder](torch.zeros(8))


SENTENCES: dict[str, Callable[[], object]] = {
    "a mode of argmax, shift": lambda: decode_heatmaps(M, "best"),
    "an odd kernel width": lambda: decode_dark(M, 10),
    "a sharpness above 0": lambda: decode_soft_argmax_2d(M, -1.0),
    "16 belief maps and one background, got 16": lambda: decode_beliefs(M[:16], 16),
    "one map for each of the 17 joints of 'coco_17', got 18": lambda: merge_flipped(
        torch.zeros(18, 8, 8), torch.zeros(18, 8, 8), COCO_17
    ),
    "mirrored heatmaps of shape [17, 8, 8]": lambda: merge_flipped(M, M[:, :4], COCO_17),
    "18 heatmaps without a background and 38 fields": lambda: decode_paf(
        torch.zeros(19, 8, 8), torch.zeros(38, 8, 8), COCO_18_LIMBS
    ),
    "52 fields of the same size": lambda: decode_paf(
        torch.zeros(25, 8, 8), torch.zeros(52, 8, 9), BODY_25_LIMBS
    ),
    "expected 57 maps of coco_18": lambda: split_openpose_maps(M, COCO_18_LIMBS),
    "a heatmaps_scale from 0 to 3": lambda: split_openpose_maps(
        torch.zeros(57, 8, 8),
        COCO_18_LIMBS,
        4,
    ),
    "tags of shape [17, 8, 8]": lambda: decode_associative(M, torch.zeros(16, 8, 8)),
    "tags of shape [17, 2, 8, 8]": lambda: decode_associative(M, torch.zeros(17, 2, 8, 7)),
    "an order of all 17 joints": lambda: decode_associative(M, M, [0, 1, 1]),
    "a tag_threshold above 0": lambda: TagGrouping(tag_threshold=-1.0),
    "support from 0 to below 1": lambda: PafGrouping(support=1.0),
    "same from above 0 to 1": lambda: PoseSuppression(same=0.0),
    "offsets (x, y) of shape [17, 2, 8, 8]": lambda: decode_offset_hough(
        M, torch.zeros(17, 8, 8, 2), 3.0
    ),
    "probabilities from 0 to 1": lambda: decode_offset_hough(M - 1, torch.zeros(17, 2, 8, 8), 3.0),
    "a radius above 0": lambda: decode_offset_hough(M, torch.zeros(17, 2, 8, 8), 0.0),
    "offsets of shape [16, 2, 8, 8]": lambda: decode_dekr(M, torch.zeros(17, 2, 8, 8)),
    "parameter maps of shape [17, 4, 4]": lambda: decode_centres(torch.zeros(4, 4), M),
    "crops of shape [1, 4]": lambda: joint_candidates(M[None], BOX),
    "maps and crops with pixels": lambda: joint_candidates(M[None], BOX[None] * torch.nan),
    "candidates of shape [crops, joints": lambda: associate_candidates(M, M[0]),
    "reach of shape [1, 17]": lambda: associate_candidates(
        torch.zeros(1, 17, 5, 3), torch.ones(17)
    ),
    "reaches above 0": lambda: associate_candidates(torch.zeros(1, 17, 5, 3), torch.zeros(1, 17)),
    "finite candidates": lambda: associate_candidates(
        torch.tensor([[[[torch.nan, 1.0, 0.5]]]]), torch.ones(1, 1)
    ),
    "flows of shape [1, 3, 2, 8, 8]": lambda: fuse_over_time(M[None], torch.zeros(1, 3, 2, 4, 4)),
    "flows of shape [1, 1, 2, 8, 8]": lambda: fuse_over_time(M[None], torch.zeros(2)),
    "a grid of half_pixel, corners": lambda: to_picture(
        torch.zeros(17, 3),
        (8, 8),
        BOX,
        "middle",
    ),
    "maps and crops with pixels in them": lambda: to_picture(torch.zeros(17, 3), (0, 8), BOX),
    "boxes of x, y, width and height above 0": lambda: decode_regression(
        torch.zeros(17, 2), torch.zeros(4)
    ),
    "an origin of centre or corner": lambda: decode_regression(
        torch.zeros(17, 2),
        BOX,
        "middle",
    ),
    "finite coordinates": lambda: decode_regression(torch.full((17, 2), torch.nan), BOX),
    "a sigma above 0": lambda: gaussian_maps(torch.zeros(17, 2), (8, 8), 0.0),
    "an odd window of at least 3": lambda: find_peaks(M, 0.1, 5, window=4),
    "a finite threshold": lambda: find_peaks(M, float("nan"), 5),
    "at least 1 peak": lambda: decode_associative(M, M, options=TagGrouping(most=0)),
    "one score for each of 2 people": lambda: People(torch.zeros(2, 17, 3), torch.zeros(3)),
}


@pytest.mark.parametrize("sentence", SENTENCES)
def test_values_that_do_not_fit(sentence) -> None:
    with as_users_call(), pytest.raises(InputError, match=re.escape(sentence)) as caught:
        SENTENCES[sentence]()
    assert str(caught.value).startswith("expected ")


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_any_kind_of_decimal_number(dtype) -> None:
    """Halves are read as singles, so that coordinates keep their fractions."""
    maps = gaussian_maps(torch.tensor([[30.3, 40.2]]), (64, 48)).to(dtype)
    found = decode_heatmaps(maps)
    assert found.dtype == (torch.float64 if dtype == torch.float64 else torch.float32)
    assert found[0, :2].tolist() == pytest.approx([30.3, 40.2], abs=0.05)


EXTREMES = st.sampled_from([0.0, -1.0, 0.5, 1.0, 1e-38, 3e38, -3e38, 0.049, 0.051])


@settings(max_examples=40, deadline=None)
@given(st.data(), st.integers(1, 7), st.integers(1, 7))
def test_any_finite_maps_have_an_answer_within_them(data, height, width) -> None:
    count = 2 * height * width
    values = data.draw(st.lists(EXTREMES, min_size=count, max_size=count))
    maps = torch.tensor(values, dtype=torch.float32).reshape(2, height, width)
    for mode in ("argmax", "shift", "softargmax", "dark"):
        found = decode_heatmaps(maps, mode)
        seen = found[found[:, 2] > 0]
        assert seen.isfinite().all()
        assert (seen[:, 0] > -1).all()
        assert (seen[:, 0] < width).all()
        assert (seen[:, 1] > -1).all()
        assert (seen[:, 1] < height).all()
        assert found[found[:, 2] <= 0, :2].isnan().all()


@settings(max_examples=25, deadline=None)
@given(st.data(), st.integers(1, 5), st.integers(1, 5))
def test_any_finite_maps_have_people_of_finite_joints(data, height, width) -> None:
    def drawn(maps: int) -> torch.Tensor:
        values = data.draw(st.lists(EXTREMES, min_size=7, max_size=7))
        generator = torch.Generator().manual_seed(data.draw(st.integers(0, 2**31)))
        return torch.tensor(values)[torch.randint(7, (maps, height, width), generator=generator)]

    people = [
        decode_paf(drawn(18), drawn(38), COCO_18_LIMBS, MAXIMIZE_POSITIVES),
        decode_associative(drawn(3), drawn(3)),
        decode_dekr(drawn(4), drawn(6).reshape(3, 2, height, width)),
    ]
    for found in people:
        seen = found.keypoints[found.keypoints[..., 2] > 0]
        assert seen.isfinite().all()
        assert found.keypoints[found.keypoints[..., 2] <= 0][:, :2].isnan().all()


def test_confidences_too_small_for_the_type_are_none() -> None:
    points = np.array([[[3.0, 4.0, 1e-60], [1.0, 2.0, 0.5]]])
    found = sorted_people(points, np.ones(1), torch.zeros(1)).keypoints[0]
    assert found[0, :2].isnan().all()
    assert found[0, 2] == 0
    assert found[1].tolist() == [1.0, 2.0, 0.5]


def test_flat_maps_have_one_peak_at_most() -> None:
    """Whatever is saturated is one candidate, not thousands."""
    peaks = find_peaks(torch.ones(3, 40, 50), 0.1, 30)
    assert peaks.joint.tolist() == [0, 1, 2]
    assert peaks.points.tolist() == [[0, 0, 1]] * 3
    assert len(find_peaks(torch.ones(3, 40, 50), 1.0, 30).joint) == 0
    bar = torch.zeros(1, 5, 9)
    bar[0, 2, 2:7] = 1
    assert find_peaks(bar, 0.1, 30).column.tolist() == [2]


def test_values_are_kept_apart_by_name() -> None:
    maps = torch.rand(57, 4, 4)
    split = split_openpose_maps(maps, COCO_18_LIMBS)
    assert isinstance(split, OpenPoseMaps)
    assert torch.equal(torch.cat([split.joints, split.background[None], split.pafs]), maps)
