"""Cutting people out, and back: where a pixel of the input lies in the picture, by every grid."""

import numpy as np
import pytest
import torch

from lift3d.decoders import Grid, to_picture
from lift3d.detection.crops import (
    CropRule,
    Normalisation,
    check_boxes,
    check_pictures,
    crops_of,
    cut_crops,
    whole_picture,
)
from lift3d.errors import InputError

GRIDS: tuple[Grid, ...] = ("half_pixel", "corners", "multiple")


def ramp(height: int, width: int) -> np.ndarray:
    """A picture whose red is its column and whose green its row."""
    picture = np.zeros((height, width, 3), dtype=np.uint8)
    picture[..., 0] = np.arange(width)
    picture[..., 1] = np.arange(height)[:, None]
    return picture


def test_boxes_are_widened_to_the_inputs_shape_and_padded_by_a_quarter() -> None:
    rule = CropRule((256, 192))
    # Too thin: 40 high is 30 wide at 3:4. With the quarter 37.5 x 50, about the same middle.
    crop = crops_of(torch.tensor([[10.0, 20.0, 8.0, 40.0]]), rule)[0]
    torch.testing.assert_close(crop[2:], torch.tensor([37.5, 50.0]))
    torch.testing.assert_close(crop[:2] + (crop[2:] - 1) / 2, torch.tensor([13.5, 39.5]))
    # Too wide: 90 wide is 120 high.
    crop = crops_of(torch.tensor([[0.0, 0.0, 90.0, 10.0]]), rule)[0]
    torch.testing.assert_close(crop[2:], torch.tensor([112.5, 150.0]))


def test_multiple_is_the_published_affine() -> None:
    # MMPose's crop without UDP: x = centre - width / 2 + u width / input, whose centre of a COCO box
    # is x + w / 2; for this box (30 + 60) / 2 - 45 + u 90 / 48.
    rule = CropRule((64, 48), grid="multiple")
    crop = crops_of(torch.tensor([[12.0, 12.0, 72.0, 96.0]]), rule)
    u = torch.tensor([[[0.0, 0.0], [10.0, 0.0], [48.0, 64.0]]])
    x = to_picture(u, (64, 48), crop, "multiple")[0, :, 0]
    torch.testing.assert_close(x, 12 + 36 - 45 + torch.tensor([0.0, 10.0, 48.0]) * 90 / 48)


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("box", [[20.0, 30.0, 60.0, 80.0], [30.2, 41.7, 21.3, 30.9]])
def test_what_the_network_sees_at_a_pixel_is_what_lies_there(grid: Grid, box: list[float]) -> None:
    rule = CropRule((32, 24), padding=1.0, grid=grid)
    crops = crops_of(torch.tensor([box]), rule)
    seen = cut_crops(ramp(200, 160), crops, rule)[0]
    u, v = 7.0, 21.0
    x, y = to_picture(torch.tensor([[[u, v]]]), rule.size, crops, grid)[0, 0].tolist()
    # OpenCV resamples in steps of a 32nd of a pixel, and rounds.
    assert seen[int(v), int(u), 0] == pytest.approx(x, abs=0.6)
    assert seen[int(v), int(u), 1] == pytest.approx(y, abs=0.6)


@pytest.mark.parametrize("grid", GRIDS)
def test_smooth_shrinking_keeps_places_and_forgets_patterns(grid: Grid) -> None:
    plain = CropRule((16, 12), padding=1.0, grid=grid)
    smooth = CropRule((16, 12), padding=1.0, grid=grid, smooth=True)
    crops = crops_of(torch.tensor([[4.0, 6.0, 144.0, 190.0]]), plain)
    picture = ramp(220, 180)
    one, other = (cut_crops(picture, crops, rule)[0].astype(int) for rule in (plain, smooth))
    assert np.abs(one - other)[1:-1, 1:-1].max() <= 1
    stripes = np.zeros((220, 180, 3), dtype=np.uint8)
    stripes[:, ::2] = 255
    inner = cut_crops(stripes, crops, smooth)[0, 2:-2, 2:-2]
    assert np.abs(inner.astype(int) - 127).max() <= 8


def test_beyond_the_picture_is_black_and_far_boxes_are_all_black() -> None:
    white = np.full((20, 20, 3), 255, dtype=np.uint8)
    rule = CropRule((16, 16), padding=1.0)
    half = cut_crops(white, torch.tensor([[-20.0, 0.0, 40.0, 40.0]]), rule)[0]
    assert half[:8, :7].max() == 0
    assert half[1:7, 9:].min() == 255
    for far in ([500.0, 500.0, 10.0, 10.0], [-500.0, -500.0, 10.0, 10.0]):
        assert cut_crops(white, torch.tensor([far]), rule).max() == 0


def test_one_pixel_and_a_very_wide_picture_can_be_cut() -> None:
    rule = CropRule((16, 12))
    dot = np.full((1, 1, 3), 200, dtype=np.uint8)
    assert cut_crops(dot, crops_of(whole_picture((1, 1)), rule), rule).shape == (1, 16, 12, 3)
    wide = np.full((12, 40_000, 3), 200, dtype=np.uint8)  # OpenCV's own limit is 32767
    crop = torch.tensor([[0.0, 5.0, 40_000.0, 2.0]])
    assert cut_crops(wide, crop, rule)[0, 2:-2, 2:-2].min() > 190


def test_numbers_for_the_network_come_in_its_order_of_colours() -> None:
    crop = np.array([[[[255, 128, 0]]]], dtype=np.uint8)
    rgb = Normalisation(mean=(255.0, 0.0, 0.0), std=(1.0, 2.0, 4.0))(crop)
    np.testing.assert_allclose(rgb[0, 0, 0], [0, 64, 0])
    bgr = Normalisation(mean=(0.0, 0.0, 255.0), std=(1.0, 2.0, 4.0), channels="bgr")(crop)
    np.testing.assert_allclose(bgr[0, 0, 0], [0, 64, 0])


@pytest.mark.parametrize(
    ("picture", "said"),
    [
        (np.zeros((3, 20, 20), np.uint8), "channels last"),
        (np.zeros((20, 20, 4), np.uint8), "leave out alpha"),
        (np.zeros((20, 20, 3), np.float32), "uint8"),
        (np.zeros((0, 20, 3), np.uint8), "expected pictures of shape"),
    ],
)
def test_arrays_that_are_no_pictures_are_refused(picture: np.ndarray, said: str) -> None:
    with pytest.raises(InputError, match=said):
        check_pictures([picture])


@pytest.mark.parametrize("box", [[0.0, 0.0, 0.0, 5.0], [0.0, 0.0, torch.nan, 5.0]])
def test_boxes_without_pixels_are_refused(box: list[float]) -> None:
    with pytest.raises(InputError, match="width and height above 0"):
        check_boxes(torch.tensor([box]))


def test_rules_and_normalisations_that_cannot_be_are_refused() -> None:
    with pytest.raises(InputError, match="padding above 0"):
        CropRule((16, 16), padding=0.0)
    with pytest.raises(InputError, match="three means"):
        Normalisation(mean=(1.0,))
