"""Where heat-map pixels lie in the picture, flipped maps, and the maps of a perfect network."""

import cv2
import numpy as np
import pytest
import torch

from lift3d.decoders import (
    COCO_18_LIMBS,
    MPI_15_LIMBS,
    decode_dark,
    gaussian_maps,
    limb_fields,
    merge_flipped,
    to_picture,
    unflip,
)
from lift3d.skeletons import COCO_17, HALPE_26, SKELETONS
from tests.decoders.scenes import person


def test_half_pixel_is_what_resizing_does() -> None:
    """A Gaussian drawn in the picture, made four times smaller by OpenCV, and found again."""
    true = torch.tensor([[101.3, 57.8], [40.0, 120.6]], dtype=torch.float64)
    picture = gaussian_maps(true, (192, 256), sigma=10.0)
    small = np.stack(
        [cv2.resize(p.numpy(), (64, 48), interpolation=cv2.INTER_AREA) for p in picture]
    )
    found = decode_dark(torch.from_numpy(small))
    placed = to_picture(found, (48, 64), torch.tensor([0.0, 0.0, 256.0, 192.0]))
    assert (placed[:, :2] - true).abs().max() < 0.05
    assert torch.equal(placed[:, 2], found[:, 2])


def test_the_three_grids_by_hand() -> None:
    ends = torch.tensor([[0.0, 0.0, 0.9], [47.0, 63.0, 0.9]])
    crop = torch.tensor([100.0, 50.0, 192.0, 256.0])
    placed = {
        g: to_picture(ends, (64, 48), crop, g)[:, :2].tolist()
        for g in ("half_pixel", "corners", "multiple")
    }
    assert placed["half_pixel"] == [[101.5, 51.5], [289.5, 303.5]]
    assert placed["corners"] == [[100, 50], [291, 305]]
    assert placed["multiple"] == [[100, 50], [288, 302]]


def test_each_person_of_a_batch_has_a_crop() -> None:
    found = torch.rand(3, 17, 3)
    crops = torch.tensor([[0.0, 0, 48, 64], [5, 6, 48, 64], [0, 0, 96, 128]])
    placed = to_picture(found, (64, 48), crops)
    assert torch.allclose(placed[0], found[0])
    assert torch.allclose(placed[1, :, :2], found[1, :, :2] + torch.tensor([5, 6]))
    assert torch.allclose(placed[2, :, :2], found[2, :, :2] * 2 + 0.5)


@pytest.mark.parametrize("name", sorted(SKELETONS))
def test_unflip_undoes_a_mirror(name) -> None:
    """A network that answers for the mirrored picture: joints mirrored, each with its other name."""
    skeleton = SKELETONS[name]
    points = torch.rand(len(skeleton), 2, dtype=torch.float64) * 15 + 2
    mirrored = torch.stack([23 - points[:, 0], points[:, 1]], -1)[list(skeleton.flip_permutation)]
    straight, turned = gaussian_maps(points, (20, 24)), gaussian_maps(mirrored, (20, 24))
    assert torch.allclose(unflip(turned, skeleton), straight)
    assert torch.allclose(merge_flipped(straight, turned, skeleton), straight)


def test_the_shift_repairs_what_strides_do() -> None:
    """With maps whose pixels stand at the first of four picture pixels, mirrored answers lie 3/4 of a
    pixel to the left; moved by one, they lie 1/4 to the right."""
    x = 80.0  # of a picture 192 wide
    straight = gaussian_maps(torch.full((17, 2), x / 4), (40, 48))
    mirrored = gaussian_maps(torch.tensor([[(191 - x) / 4, x / 4]]).expand(17, 2), (40, 48))
    for shift, expected in ((False, -0.75), (True, 0.25)):
        found = decode_dark(unflip(mirrored, COCO_17, shift=shift))
        assert found[:, 0].mean().item() - x / 4 == pytest.approx(expected, abs=0.01)
    merged = decode_dark(merge_flipped(straight, mirrored, COCO_17, shift=True))
    assert merged[:, 0].mean().item() - x / 4 == pytest.approx(0.125, abs=0.02)


def test_left_goes_to_left() -> None:
    maps = torch.zeros(26, 4, 8)
    maps[HALPE_26.index("left_wrist"), 1, 6] = 1
    turned = unflip(maps, HALPE_26)
    assert torch.nonzero(turned).tolist() == [[HALPE_26.index("right_wrist"), 1, 1]]
    moved = unflip(maps, HALPE_26, shift=True)
    assert torch.nonzero(moved).tolist() == [[HALPE_26.index("right_wrist"), 1, 2]]


def test_gaussians_by_hand() -> None:
    points = torch.tensor([[3.5, 1.0], [torch.nan, torch.nan]])
    maps = gaussian_maps(points, (4, 8), sigma=torch.tensor([2.0, 1.0]))
    assert maps.shape == (2, 4, 8)
    assert maps[0, 1, 3].item() == pytest.approx(np.exp(-0.25 / 8))
    assert maps[0, 3, 7].item() == pytest.approx(np.exp(-(3.5**2 + 2**2) / 8))
    assert maps[1].abs().max() == 0


def test_limb_fields_by_hand() -> None:
    """MPI's first limb goes from the head's top to the neck: here straight down, then two who cross."""
    one = torch.full((1, 15, 2), torch.nan, dtype=torch.float64)
    one[0, 0], one[0, 1] = torch.tensor([4.0, 2.0]), torch.tensor([4.0, 6.0])
    fields = limb_fields(one, MPI_15_LIMBS, (9, 10))
    assert fields.shape == (28, 9, 10)
    assert torch.nonzero(fields[1]).tolist() == [[y, x] for y in range(2, 7) for x in range(3, 6)]
    assert fields[1].max() == 1
    assert fields[0].abs().max() == 0
    assert fields[2:].abs().max() == 0
    other = one.clone()
    other[0, 0], other[0, 1] = torch.tensor([1.0, 4.0]), torch.tensor([7.0, 4.0])
    both = limb_fields(torch.cat([one, other]), MPI_15_LIMBS, (9, 10))
    assert both[:2, 4, 4].tolist() == [0.5, 0.5]
    assert both[:2, 4, 1].tolist() == [1, 0]


def test_fields_stand_in_openposes_order() -> None:
    """The page's example: in COCO's file maps 19 and 20 hold the limb from joint 1 to joint 8."""
    skeleton = COCO_18_LIMBS.skeleton
    body = person(skeleton, 20, 3, 40)
    alone = torch.full_like(body, torch.nan)
    alone[[1, 8]] = body[[1, 8]]
    used = limb_fields(alone[None], COCO_18_LIMBS, (46, 46)).flatten(1).abs().amax(-1).nonzero()
    assert (used[:, 0] + 19).tolist() == [19, 20]
