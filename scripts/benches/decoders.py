"""Decoders: milliseconds for one picture, and how far they are from the truth.

Single person: 17 maps of 64 x 48 with a Gaussian of 2 pixels at a random place between pixels, alone and
in batches of 64, clean and with noise of 0.05; errors are mean distances in heat-map pixels. Several
people: OpenPose's 57 maps of 46 x 46, drawn for 3 and for 5 people, and the same with so much noise that
each joint has 127 candidates; associative embedding and DEKR on 17 maps of 128 x 128 with 8 people.
Candidates are measured in turn on one thread: CPU time, the median, and the spread as `_lo` and `_hi`.
"""

from collections.abc import Callable, Mapping

import numpy as np
import torch
from benches._harness import measure, report
from torch import Generator, Tensor

from lift3d.decoders import (
    COCO_18_LIMBS,
    decode_associative,
    decode_dekr,
    decode_heatmaps,
    decode_offset_hough,
    decode_paf,
    decode_soft_argmax_2d,
    gaussian_maps,
    limb_fields,
)

BATCH = 64
REPEATS = 20
# COCO's eighteen joints of a standing person one unit high, x to the right and y down.
BODY = [
    (0.01, 0.09), (0, 0.18), (-0.12, 0.19), (-0.2, 0.33), (-0.24, 0.47), (0.12, 0.2), (0.22, 0.31),
    (0.3, 0.42), (-0.09, 0.52), (-0.11, 0.75), (-0.1, 0.96), (0.09, 0.53), (0.13, 0.74), (0.17, 0.95),
    (-0.03, 0.06), (0.035, 0.062), (-0.07, 0.08), (0.075, 0.075),
]  # fmt: skip


def crowd(count: int, size: tuple[int, int], generator: Generator) -> Tensor:
    """People side by side, nearly as high as the map for few of them."""
    height, width = size
    tall = min(0.85 * height, 1.6 * width / count)
    places = (torch.arange(count) + 0.5) * (width / count)
    lean = (torch.rand(count, generator=generator) - 0.5) * 0.3
    body = torch.tensor(BODY) * tall
    x = body[:, 0] + places[:, None] + body[:, 1] * lean[:, None]
    y = body[:, 1] + 0.06 * height + torch.rand(count, 1, generator=generator) * 0.05 * height
    return torch.stack([x, y], -1)


def single_person(generator: Generator) -> dict[str, float]:
    places = torch.rand(BATCH, 17, 2, generator=generator) * torch.tensor([35.0, 51.0]) + 6
    clean = gaussian_maps(places, (64, 48))
    noisy = (clean + 0.05 * torch.randn(clean.shape, generator=generator)).clamp(min=0)
    ways = {
        "argmax": lambda m: decode_heatmaps(m, "argmax"),
        "shift": lambda m: decode_heatmaps(m, "shift"),
        "dark": lambda m: decode_heatmaps(m, "dark"),
        "softargmax": lambda m: decode_soft_argmax_2d(m, 20.0),
    }
    figures = {}
    for name, way in ways.items():
        for kind, maps in (("clean", clean), ("noisy", noisy)):
            away = (way(maps)[..., :2] - places).norm(dim=-1)
            figures[f"{name}_{kind}_error_px"] = float(away.mean())
            figures[f"{name}_{kind}_worst_px"] = float(away.max())
    alone = {n: lambda w=w: [w(noisy[0]) for _ in range(REPEATS)] for n, w in ways.items()}
    whole = {f"{n}_batch{BATCH}": lambda w=w: w(noisy) for n, w in ways.items()}
    offsets = torch.randn(17, 2, 64, 48, generator=generator)
    hough = {"hough": lambda: [decode_offset_hough(clean[0], offsets, 4.0) for _ in range(REPEATS)]}
    return figures | timed(alone | hough, REPEATS) | timed(whole, BATCH)


def several_people(generator: Generator) -> dict[str, float]:
    runs: dict[str, Callable[[], object]] = {}
    found: dict[str, float] = {}
    for count in (3, 5):
        people = crowd(count, (46, 46), generator)
        maps = gaussian_maps(people, (46, 46), 1.0).amax(0)
        fields = limb_fields(people, COCO_18_LIMBS, (46, 46))
        found[f"paf_{count}_people_found"] = len(decode_paf(maps, fields, COCO_18_LIMBS))
        runs[f"paf_{count}_people"] = lambda m=maps, f=fields: decode_paf(m, f, COCO_18_LIMBS)
        noise = 0.2 * torch.rand(maps.shape, generator=generator)
        noisy = torch.maximum(maps, noise)
        runs[f"paf_{count}_people_in_noise"] = lambda m=noisy, f=fields: decode_paf(
            m, f, COCO_18_LIMBS
        )
    people = crowd(8, (128, 128), generator)[:, :17]
    maps = gaussian_maps(people, (128, 128), 2.0).amax(0)
    nearest = (torch.arange(128) / 16).long()
    tags = nearest.float().expand(17, 128, 128) * 3
    runs["associative_8_people"] = lambda: decode_associative(maps, tags)
    centres = gaussian_maps(people.mean(1, keepdim=True), (128, 128), 2.0).amax(0)
    offsets = torch.from_numpy(np.random.default_rng(0).normal(0, 9, (17, 2, 128, 128))).float()
    with_centres = torch.cat([maps, centres])
    runs["dekr_8_people"] = lambda: decode_dekr(with_centres, offsets)
    return found | timed(runs, 1)


def timed(runs: Mapping[str, Callable[[], object]], per: int) -> dict[str, float]:
    """Milliseconds of each for one picture: the median, the least and the most."""
    figures = {}
    for name, seconds in measure(runs).items():
        for ending, value in zip(("_lo", "", "_hi"), seconds, strict=True):
            figures[f"{name}_ms{ending}"] = 1000 * value / per
    return figures


def main() -> None:
    generator = Generator().manual_seed(0)
    torch.set_num_threads(1)
    report(single_person(generator) | several_people(generator))


if __name__ == "__main__":
    main()
