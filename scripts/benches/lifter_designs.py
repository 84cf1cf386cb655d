"""Which network for the universal lifter: a residual MLP, attention between joints, or a mixer.

All read what `universal_net.features_of` gives, say what `universal_net.placed` makes joints of, and
learn from the same people, cameras, layouts and noise with the same loss, each for as many CPU seconds
(`--seconds`, default 20; drawing data included), in turns. The MLP is `UniversalNet` at its packaged
shape without the heads for spreads and different answers; the others have one token per joint and one
for the distance, 64 numbers wide: a transformer of 3 layers with 4 heads (Vaswani et al. 2017,
arXiv:1706.03762, normalised before each part) and a mixer of 4 layers (Tolstikhin et al. 2021,
arXiv:2105.01601). Learning rates rise over 100 steps and fall along a cosine to 0 at the end.

Errors are MPJPE in mm over people who are not learned from, as in training's validation: with perfect
(`clean`) and detector-like (`noisy`) keypoints, mean over both mirror images. One run with one seed;
differences below 2 mm say nothing. Needs `LIFT3D_TEST_DATA`; `--bodies FILE` (from
`scripts/retarget_mocap.py`) adds posed bodies to the crowd.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from torch import Generator, Tensor, nn

from lift3d.lifting.universal_net import (
    UniversalConfig,
    UniversalNet,
    features_of,
    mirrored_view,
    placed,
)
from lift3d.lifting.view import View
from lift3d.lifting.vocabulary import FLIP, VOCABULARY
from lift3d.metrics import CAPTURED_JOINTS, mpjpe
from lift3d.skeletons import LIFT_23
from lift3d.training.crowds import CrowdConfig, crowd_of
from lift3d.training.data import open_sources, read_corpus, split_corpus
from lift3d.training.people import Crowd
from lift3d.training.shown import Shown, ShownConfig, show
from lift3d.training.trainer import half_precision
from lift3d.training.universal_task import distances, weights_of_joints
from lift3d.training.validation import validation_samples

from ._harness import report

POINTS: Final = len(VOCABULARY)
TOKENS: Final = POINTS + 1
WIDTH: Final = 64
BATCH, DRAWS = 512, 4
WARMUP = 100
JUDGED: Final = list(CAPTURED_JOINTS)


class Mlp(nn.Module):
    """`UniversalNet` with the one head that all designs have."""

    def __init__(self) -> None:
        super().__init__()
        network = UniversalNet(UniversalConfig(width=768))
        self.body, self.head = network.body, network.head

    def forward(self, features: Tensor) -> Tensor:
        out: Tensor = self.head(self.body(features))
        return out


class Tokens(nn.Module):
    """Each joint's numbers to a token and back, with weights of its own; `mixing` is in between."""

    def __init__(self, mixing: nn.Module) -> None:
        super().__init__()
        self.read = nn.Parameter(torch.randn(TOKENS, 4, WIDTH) * 0.5)
        self.place = nn.Parameter(torch.randn(TOKENS, WIDTH) * 0.3)
        self.mixing, self.norm = mixing, nn.LayerNorm(WIDTH)
        self.say = nn.Parameter(torch.randn(TOKENS, WIDTH, 3) * 0.02)
        self.bias = nn.Parameter(torch.zeros(TOKENS, 3))

    def forward(self, features: Tensor) -> Tensor:
        points = features[:, : 2 * POINTS].unflatten(1, (POINTS, 2))
        seen, size = features[:, 2 * POINTS : -1], features[:, -1:]
        joints = torch.cat([points, seen[..., None], size[:, None].expand(-1, POINTS, 1)], -1)
        whole = nn.functional.pad(size[:, None], (3, 0))  # the distance's token knows the size
        tokens = torch.cat([joints, whole], 1)
        hidden = torch.einsum("btc,tcd->btd", tokens, self.read) + self.place
        hidden = self.norm(self.mixing(hidden))
        said = torch.einsum("btd,tdo->bto", hidden, self.say) + self.bias
        return said.flatten(1)[:, : 3 * POINTS + 1]


class MixerLayer(nn.Module):
    """Across tokens, then within each."""

    def __init__(self) -> None:
        super().__init__()
        self.before, self.between = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.across, self.within = narrow(TOKENS), narrow(WIDTH)

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = tokens + self.across(self.before(tokens).mT).mT
        out: Tensor = tokens + self.within(self.between(tokens))
        return out


def narrow(size: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(size, 2 * size), nn.GELU(), nn.Linear(2 * size, size))


def attention() -> nn.Module:
    layer = nn.TransformerEncoderLayer(
        WIDTH, 4, 2 * WIDTH, dropout=0.0, activation="gelu", batch_first=True, norm_first=True
    )
    return Tokens(nn.TransformerEncoder(layer, 3, enable_nested_tensor=False))


def mixer() -> nn.Module:
    return Tokens(nn.Sequential(*(MixerLayer() for _ in range(4))))


DESIGNS: Final[Mapping[str, tuple[Callable[[], nn.Module], float]]] = {
    "mlp": (Mlp, 4e-3),
    "mixer": (mixer, 4e-3),
    "attention": (attention, 2e-3),
}
"""How each is made, and its highest learning rate."""


class Trial:
    """One design on its way through its CPU seconds."""

    def __init__(
        self, make: Callable[[], nn.Module], rate: float, crowd: Crowd, budget: float
    ) -> None:
        torch.manual_seed(0)
        self.network, self.rate, self.crowd, self.budget = make().train(), rate, crowd, budget
        self.generator = Generator().manual_seed(1)
        self.half = half_precision(torch.device("cpu"), "auto")
        parameters = list(self.network.parameters())
        groups = [
            {"params": [p for p in parameters if p.ndim > 1], "weight_decay": 0.01},
            {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.AdamW(groups, lr=rate, fused=True)
        self.size = sum(p.numel() for p in parameters)
        self.used, self.steps = 0.0, 0

    def go_on(self) -> None:
        """One draw of data, and a step on each part of it."""
        started = time.process_time()
        people = self.crowd.draw(BATCH * DRAWS, 1, self.generator, fps=30.0)
        shown = show(people, ShownConfig(), self.generator)
        shown = shown[torch.randperm(len(shown), generator=self.generator)]
        for part in range(DRAWS):
            self.step(shown[slice(part * BATCH, (part + 1) * BATCH)])
        self.used += time.process_time() - started

    def step(self, shown: Shown) -> None:
        part = min(1.0, self.used / self.budget)
        for group in self.optimizer.param_groups:
            rise = min(1.0, (self.steps + 1) / WARMUP)
            group["lr"] = self.rate * rise * (1 + math.cos(math.pi * part)) / 2
        weights = weights_of_joints(shown.counts)
        away = distances(self.joints(shown.view), shown.target)
        loss = (away * weights).sum() / weights.sum()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.steps += 1

    def joints(self, view: View) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=self.half):
            numbers: Tensor = self.network(features_of(view))
        return placed(numbers.float(), view)

    @torch.inference_mode()
    def error_mm(self, shown: Shown) -> float:
        """With mirror averaging, as in use."""
        self.network.eval()
        other = self.joints(mirrored_view(shown.view))[:, FLIP] * torch.tensor([-1.0, 1.0, 1.0])
        joints = (self.joints(shown.view) + other) / 2
        error = mpjpe(joints[:, JUDGED], shown.target[:, JUDGED], shown.counts[:, JUDGED])
        return 1000 * float(error.nanmean())


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says."""

    seconds: float
    bodies: Path | None

    @classmethod
    def read(cls) -> Options:
        """Take ours off the command line; the rest is for `report`."""
        parser = argparse.ArgumentParser(add_help=False)
        parser.add_argument("--seconds", type=float, default=20.0)
        parser.add_argument("--bodies", type=Path)
        found, sys.argv[1:] = parser.parse_known_args()
        return cls(found.seconds, found.bodies)


def crowd_and_people(
    mocap: Path, bodies: Path | None
) -> tuple[Crowd, dict[str, tuple[Shown, Shown]]]:
    """Whom to learn from, and whom to be judged by."""
    splits = ("train", "val")
    corpus = read_corpus(open_sources(("mocap_h5",), (mocap,)), splits, LIFT_23)
    bank, held = split_corpus(corpus, splits, None, 500)
    crowd = crowd_of(bank, bodies, tuple(held), CrowdConfig())
    return crowd, validation_samples(held, ShownConfig(), seed=0)


def in_turns(trials: list[Trial]) -> None:
    """Whoever used least goes on, until all have used their seconds."""
    while (behind := min(trials, key=lambda trial: trial.used)).used < behind.budget:
        behind.go_on()


def figures_of(
    name: str, trial: Trial, samples: Mapping[str, tuple[Shown, Shown]]
) -> dict[str, float]:
    clean, noisy = (
        {subject: trial.error_mm(pair[which]) for subject, pair in samples.items()}
        for which in (0, 1)
    )
    figures = {
        f"{name}: clean mm": sum(clean.values()) / len(clean),
        f"{name}: noisy mm": sum(noisy.values()) / len(noisy),
        f"{name}: steps": float(trial.steps),
        f"{name}: parameters": float(trial.size),
        f"{name}: CPU seconds": trial.used,
    }
    return figures | {f"{name}: clean mm, {subject}": mm for subject, mm in clean.items()}


def main() -> None:
    options, where = Options.read(), os.environ.get("LIFT3D_TEST_DATA")
    if where is None:
        raise SystemExit("lifter_designs: motion capture is absent, set LIFT3D_TEST_DATA")
    torch.set_num_threads(1)
    crowd, samples = crowd_and_people(Path(where) / "mocap", options.bodies)
    trials = {name: Trial(*design, crowd, options.seconds) for name, design in DESIGNS.items()}
    in_turns(list(trials.values()))
    figures: dict[str, float] = {}
    for name, trial in trials.items():
        figures |= figures_of(name, trial, samples)
    report(figures)


if __name__ == "__main__":
    main()
