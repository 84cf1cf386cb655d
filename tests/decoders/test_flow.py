"""Heatmaps carried along by flow: known motions, and a joint that one frame misses."""

import cv2
import numpy as np
import pytest
import torch
from scipy import ndimage

from lift3d.decoders import (
    decode_dark,
    flow_to_neighbours,
    fuse_over_time,
    gaussian_maps,
    warp_maps,
)
from lift3d.errors import InputError


def moving(frames: int, step: tuple[float, float]) -> np.ndarray:
    """A rough surface that shifts by `step` (x, y) pixels a frame."""
    rng = np.random.default_rng(0)
    surface = cv2.GaussianBlur(rng.uniform(0, 255, (300, 340)), (0, 0), 3)
    surface = (surface - surface.min()) / np.ptp(surface) * 255
    shifts = [
        np.float32([[1, 0, step[0] * t - 40], [0, 1, step[1] * t - 40]]) for t in range(frames)
    ]
    grey = [cv2.warpAffine(surface, shift, (256, 192)).astype(np.uint8) for shift in shifts]
    return np.repeat(np.stack(grey)[..., None], 3, axis=3)


def test_warping_against_scipy() -> None:
    maps, flow = (
        torch.rand(3, 12, 17, dtype=torch.float64),
        torch.randn(2, 12, 17, dtype=torch.float64) * 2,
    )
    ys, xs = np.mgrid[:12, :17]
    at = [ys + flow[1].numpy(), xs + flow[0].numpy()]
    padded_at = [at[0] + 1, at[1] + 1]
    expected = [
        ndimage.map_coordinates(np.pad(m.numpy(), 1), padded_at, order=1, mode="constant")
        for m in maps
    ]
    assert np.abs(warp_maps(maps, flow).numpy() - np.stack(expected)).max() < 1e-9


def test_flow_says_where_a_pixel_lies_in_the_neighbours() -> None:
    flows = flow_to_neighbours(moving(4, (6.0, -3.0)), (48, 64), reach=2)
    assert flows.shape == (4, 5, 2, 48, 64)
    for frame in range(4):
        for place, away in enumerate(range(-2, 3)):
            flow = flows[frame, place, :, 12:-12, 12:-12]
            if not 0 <= frame + away < 4:
                assert flow.isnan().all()
                continue
            # The picture is four times as large as the maps.
            assert flow.flatten(1).median(-1).values.tolist() == pytest.approx(
                [1.5 * away, -0.75 * away], abs=0.05
            )


def test_a_joint_that_one_frame_misses_is_found_where_it_moved_to() -> None:
    frames, step = 5, (6.0, -3.0)
    true = torch.tensor(
        [[25.0 + 1.5 * t, 30.0 - 0.75 * t] for t in range(frames)], dtype=torch.float64
    )
    heatmaps = gaussian_maps(true[:, None], (48, 64), 2.0)
    heatmaps[2] = 0  # not seen
    heatmaps[2, 0, 5, 60] = 0.3  # and something else taken for it
    flows = flow_to_neighbours(moving(frames, step), (48, 64), reach=1)
    fused = fuse_over_time(heatmaps, flows)
    away = (decode_dark(fused)[:, 0, :2] - true).norm(dim=-1)
    assert away.max() < 0.2
    # Without flow the two neighbours blur what they see.
    still = torch.where(flows.isnan(), flows, 0.0)
    assert decode_dark(fused)[2, 0, 2] > decode_dark(fuse_over_time(heatmaps, still))[2, 0, 2]


def test_weights_of_neighbours_by_hand() -> None:
    heatmaps = torch.arange(3.0)[:, None, None, None].expand(3, 1, 4, 5)
    flows = torch.zeros(3, 3, 2, 4, 5)
    flows[0, 0], flows[2, 2] = torch.nan, torch.nan
    fused = fuse_over_time(heatmaps, flows, weights=[1.0, 2.0, 3.0])
    assert fused[:, 0, 0, 0].tolist() == pytest.approx([3 / 5, (0 + 2 + 6) / 6, (1 + 4) / 3])
    assert fuse_over_time(heatmaps, flows)[1, 0, 2, 2].item() == pytest.approx(1)


def test_one_frame_alone() -> None:
    flows = flow_to_neighbours(moving(1, (0, 0)), (48, 64))
    maps = torch.rand(1, 17, 48, 64)
    assert torch.allclose(fuse_over_time(maps, flows), maps, atol=1e-6)


def test_flows_that_do_not_fit() -> None:
    maps, flows = torch.rand(3, 2, 8, 8), torch.zeros(3, 3, 2, 8, 8)
    with pytest.raises(InputError, match="NaN flows to frames beyond the clip"):
        fuse_over_time(maps, flows)
    flows[0, 0], flows[2, 2] = torch.nan, torch.nan
    with pytest.raises(InputError, match="a weight of 0 or more each"):
        fuse_over_time(maps, flows, weights=[1.0, 1.0])
    with pytest.raises(InputError, match="a neighbour with weight"):
        fuse_over_time(maps, flows, weights=[1.0, 0.0, 0.0])
    with pytest.raises(InputError, match="expected frames of bytes"):
        flow_to_neighbours(np.zeros((2, 8, 8, 3), np.uint8), (0, 4))
