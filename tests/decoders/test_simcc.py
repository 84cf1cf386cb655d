"""Two classifications to keypoints, and the mean with a mirrored picture's."""

import pytest
import torch

from lift3d.decoders import decode_simcc, merge_flipped_simcc, to_picture
from lift3d.errors import InputError
from lift3d.skeleton import Skeleton

SIDES = Skeleton("sides", ("nose", "left_ear", "right_ear"), (-1, 0, 0))


def peaks(places: list[int], bins: int) -> torch.Tensor:
    return torch.nn.functional.one_hot(torch.tensor(places), bins).float()


def test_the_largest_bins_and_the_smaller_confidence() -> None:
    columns, rows = peaks([3, 10, 7], 24) * 0.5, peaks([30, 1, 5], 32) * 0.75
    rows[2] = -1.0
    found = decode_simcc(columns, rows)
    torch.testing.assert_close(found[:2], torch.tensor([[3, 30, 0.5], [10, 1, 0.5]]))
    assert found[2, :2].isnan().all()
    assert found[2, 2] == 0


def test_bins_are_parts_of_pixels_of_the_input() -> None:
    # Two bins to a pixel of an input of 12 x 16, which shows 24 x 32 pixels of a picture from (5, 7).
    found = decode_simcc(peaks([3], 24), peaks([30], 32))
    placed = to_picture(found, (32, 24), torch.tensor([5.0, 7.0, 24.0, 32.0]), "multiple")
    torch.testing.assert_close(placed[0, :2], torch.tensor([5 + 3.0, 7 + 30.0]))


@pytest.mark.parametrize("per_pixel", [1, 2, 3])
def test_a_mirrored_picture_says_the_same(per_pixel: int) -> None:
    width, u = 12, [2, 5, 9]  # pixels of the input
    bins = width * per_pixel
    columns, rows = peaks([per_pixel * x for x in u], bins), peaks([1, 2, 3], 16)
    # The mirror image has a joint at width - 1 - u, and left where right was.
    seen = [width - 1 - u[0], width - 1 - u[2], width - 1 - u[1]]
    mirrored = peaks([per_pixel * x for x in seen], bins), peaks([1, 3, 2], 16)
    both = merge_flipped_simcc(columns, rows, mirrored, SIDES, shift=per_pixel - 1)
    torch.testing.assert_close(decode_simcc(*both), decode_simcc(columns, rows))


def test_outputs_of_other_joints_are_refused() -> None:
    with pytest.raises(InputError, match="columns and rows of the same joints"):
        decode_simcc(torch.zeros(3, 0), torch.zeros(3, 8))
    with pytest.raises(InputError, match="each of the 3 joints of 'sides'"):
        merge_flipped_simcc(
            torch.zeros(4, 8), torch.zeros(4, 8), (torch.zeros(4, 8), torch.zeros(4, 8)), SIDES
        )
