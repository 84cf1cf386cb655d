"""A small task for the engine, also as a program that a test may kill, or start twice.

The network learns the joints of random stick figures from their pictures; unlike real tasks it is
done in seconds. As a program: python toy_training.py OUTPUT STEPS [STEP_TO_WAIT_AT].
"""

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors.torch import save_file
from torch import Generator, Tensor, nn

from lift3d import losses
from lift3d.training.engine import EngineConfig, EngineState, run
from lift3d.training.task import Forward, Scores

CONFIG = EngineConfig(
    steps=64,
    batch=32,
    learning_rate=1e-2,
    warmup=4,
    clip=5.0,
    average=0.9,
    max_norm=2.0,
    weighting="automatic",
    precision="float32",
    draws=4,
    validate_every=8,
)


class Figures(NamedTuple):
    flat: Tensor
    joints: Tensor
    known: Tensor


def figures(count: int, generator: Generator) -> Figures:
    """Four joints in a chain, seen from the front; some joints are unknown."""
    device = generator.device
    joints = torch.randn(count, 4, 3, generator=generator, device=device).cumsum(1)
    known = torch.rand(count, 4, generator=generator, device=device) > 0.2
    return Figures(joints[..., :2].flatten(1), joints, known)


def network(dropout: float = 0.0) -> nn.Module:
    torch.manual_seed(5)
    hidden = (nn.Linear(8, 32, bias=False), nn.BatchNorm1d(32), nn.ReLU(), nn.Dropout(dropout))
    return nn.Sequential(*hidden, nn.Linear(32, 12))


@dataclass
class ToyTask:
    network: nn.Module = field(default_factory=network)
    name: str = "toy"
    terms: tuple[str, ...] = ("joints", "pairs")
    scores: tuple[float, ...] = ()
    validations: int = 0

    def draw(self, count: int, generator: Generator) -> Figures:
        return figures(count, generator)

    def part(self, batch: Figures, rows: slice) -> Figures:
        return Figures(*(tensor[rows] for tensor in batch))

    def losses(self, forward: Forward, batch: Figures) -> Mapping[str, losses.Term]:
        predicted = forward(batch.flat).float().unflatten(-1, (4, 3))
        return {
            "joints": losses.mpjpe_loss(predicted, batch.joints, batch.known),
            "pairs": losses.joint_bone(predicted, batch.joints, batch.known),
        }

    @torch.inference_mode()
    def validate(self) -> Scores:
        assert not self.network.training
        batch = figures(64, Generator().manual_seed(1))
        error = (self.network(batch.flat).unflatten(-1, (4, 3)) - batch.joints).norm(dim=-1).mean()
        self.validations += 1
        if self.scores:
            return Scores(self.scores[self.validations - 1], {})
        return Scores(float(error), {"all": float(error)})

    def save(self, path: Path) -> None:
        save_file({k: v.contiguous() for k, v in self.network.state_dict().items()}, path)


def main() -> None:
    torch.set_num_threads(1)
    output, steps = Path(sys.argv[1]), int(sys.argv[2])
    halt = int(sys.argv[3]) if len(sys.argv) > 3 else 0  # then wait to be killed

    def tell(state: EngineState) -> None:
        named = ", ".join(f"{value:.9f}" for value in state.losses.values())
        sys.stdout.write(f"{state.step} {named}\n")
        sys.stdout.flush()
        if state.step == halt:
            time.sleep(60)

    task = ToyTask(network(dropout=0.1 if halt else 0.0))
    run(task, replace(CONFIG, steps=steps), output, tell)


if __name__ == "__main__":
    main()
