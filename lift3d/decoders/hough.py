"""Heatmaps of discs with offsets to the joint, read by Hough voting.

Papandreou et al., Towards Accurate Multi-person Pose Estimation in the Wild (G-RMI, CVPR 2017),
section 3.2, eq. 1: every pixel x_j votes with its probability h(x_j) for the place x_j + F(x_j) to
which its offset points, and votes fall on the four pixels around it (bilinear):
f(x_i) = sum_j G(x_j + F(x_j) - x_i) h(x_j) / (pi R^2).
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.decoders.argmax import as_keypoints, largest_pixels
from lift3d.decoders.checks import expect_shape, readable
from lift3d.errors import InputError

__all__ = ["decode_offset_hough", "hough_votes", "pose_scores"]


def decode_offset_hough(
    heatmaps: Float[Tensor, "*batch joints height width"],
    offsets: Float[Tensor, "*batch joints 2 height width"],
    radius: float,
) -> Float[Tensor, "*batch joints 3"]:
    """x (column), y (row) in heat-map pixels, and the most votes that a pixel has as confidence.

    Between pixels a joint lies at the mean of the votes on the 3 x 3 pixels around the best one:
    bilinear votes keep their mean, so where all agree that place is exact. A map without votes gives
    a missing joint (NaN, NaN, 0). For the arguments see `hough_votes`.
    """
    votes = hough_votes(heatmaps, offsets, radius)
    columns, rows, values = largest_pixels(votes)
    x, y = _centre(votes, columns, rows)
    return as_keypoints(x, y, values)


def hough_votes(
    heatmaps: Float[Tensor, "*batch joints height width"],
    offsets: Float[Tensor, "*batch joints 2 height width"],
    radius: float,
) -> Float[Tensor, "*batch joints height width"]:
    """How many votes each pixel has; near 1 where a whole disc of probability 1 agrees.

    `heatmaps` are probabilities from 0 to 1 (after the sigmoid) of lying within `radius` pixels of the
    joint. `offsets` point from each pixel to the joint: x (columns) and y (rows), in heat-map pixels.
    Votes that leave the map are lost.

    Raises `InputError` for maps that are no probabilities and a radius of 0.
    """
    maps = readable(heatmaps, "joints height width")
    readable(offsets, "joints two height width", "offsets")
    expect_shape(
        offsets, (*maps.shape[:-2], 2, *maps.shape[-2:]), "offsets (x, y)", "these heatmaps"
    )
    if not radius > 0 or bool(((maps < 0) | (maps > 1)).any()):
        raise InputError(
            f"expected probabilities from 0 to 1 and a radius above 0, got {maps.min():g} to "
            f"{maps.max():g} and {radius:g}: apply the sigmoid first"
        )
    flat = maps.reshape(-1, *maps.shape[-2:])
    votes = _cast(flat, offsets.to(maps.dtype).reshape(-1, 2, *maps.shape[-2:]))
    return votes.reshape(maps.shape) / (math.pi * radius**2)


def pose_scores(keypoints: Float[Tensor, "*batch joints 3"]) -> Float[Tensor, "*batch"]:
    """A pose's score: the mean confidence over its joints, 0 for missing ones.

    Papandreou et al., section 3.2 (rescoring): it ranks poses better than the box detector's score.
    """
    return keypoints[..., 2].mean(-1)


def _cast(
    maps: Float[Tensor, "maps height width"], offsets: Float[Tensor, "maps 2 height width"]
) -> Float[Tensor, "maps height width"]:
    height, width = maps.shape[-2:]
    ys, xs = (torch.arange(n, dtype=maps.dtype, device=maps.device) for n in (height, width))
    x, y = offsets[:, 0] + xs, offsets[:, 1] + ys[:, None]
    first = torch.arange(len(maps), device=maps.device)[:, None, None] * (height * width)
    votes = torch.zeros_like(maps).flatten()
    left, top = x.floor(), y.floor()
    for column, across in ((left, left + 1 - x), (left + 1, x - left)):
        for row, down in ((top, top + 1 - y), (top + 1, y - top)):
            inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
            at = torch.where(inside, row * width + column, 0.0).long() + first
            share = torch.where(inside, maps * across * down, 0.0)
            votes = votes.index_add(0, at.flatten(), share.flatten())
    return votes.reshape(maps.shape)


def _centre(
    votes: Float[Tensor, "*batch height width"], columns: Tensor, rows: Tensor
) -> tuple[Float[Tensor, "*batch"], Float[Tensor, "*batch"]]:
    height, width = votes.shape[-2:]
    flat = votes.flatten(-2)
    total, x, y = (torch.zeros_like(flat[..., 0]) for _ in range(3))
    for down in (-1, 0, 1):
        for across in (-1, 0, 1):
            column, row = columns + across, rows + down
            inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
            at = (row * width + column).clamp(0, height * width - 1)
            value = torch.where(inside, flat.gather(-1, at[..., None])[..., 0], 0.0)
            total, x, y = total + value, x + value * column, y + value * row
    safe = torch.where(total > 0, total, torch.ones_like(total))
    return x / safe, y / safe
