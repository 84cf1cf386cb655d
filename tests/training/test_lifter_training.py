"""Training on a handful of poses: it learns, it resumes to the bit, it follows its seed."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from lift3d import plugins
from lift3d.errors import FileFormatError, InputError
from lift3d.lifting.temporal import StreamingLifter, TemporalLifter
from lift3d.lifting.temporal_net import WHOLE
from lift3d.lifting.universal import UniversalLifter
from lift3d.lifting.universal_net import UniversalConfig
from lift3d.lifting.vocabulary import VOCABULARY
from lift3d.motion import Motion
from lift3d.pose import Pose3D
from lift3d.skeletons import LIFT_23
from lift3d.training.config import LayersConfig, LifterName, TrainConfig
from lift3d.training.engine import EngineState
from lift3d.training.lifter import train_lifter
from lift3d.training.temporal_task import ClipConfig

# Left side of a person of 1.7 m at rest: x to the left, y up, z forward, from the pelvis.
PLACES = {
    "pelvis": (0, 0, 0), "spine": (0, 0.3, 0), "thorax": (0, 0.45, 0), "head": (0, 0.62, 0),
    "nose": (0, 0.67, 0.13), "ear": (0.075, 0.68, 0.02), "hip": (0.09, 0, 0),
    "knee": (0.1, -0.42, 0.02), "ankle": (0.1, -0.83, -0.02), "toe": (0.11, -0.9, 0.16),
    "heel": (0.1, -0.89, -0.07), "shoulder": (0.18, 0.5, 0), "elbow": (0.22, 0.22, -0.02),
    "wrist": (0.23, -0.03, 0.05),
}  # fmt: skip


def body() -> Tensor:
    rows = []
    for name in LIFT_23.joints:
        x, y, z = PLACES[name.split("_")[-1]]
        rows.append((-x if name.startswith("right_") else x, y, z))
    return torch.tensor(rows)


@dataclass(frozen=True)
class TinyClip:
    name: str
    subject: str
    action: str
    motion: Motion[Pose3D]


class TinyDataset:
    """Sixteen frames of a waving person, the same in both splits."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def splits(self) -> tuple[str, ...]:
        return ("train", "val")

    def clips(self, split: str) -> Iterator[TinyClip]:
        joints = body().repeat(16, 1, 1)
        joints[:, LIFT_23.index("left_wrist"), 1] += torch.linspace(0, 0.3, 16)
        joints[:, LIFT_23.index("thorax")] = torch.nan
        pose = Pose3D.certain(joints + torch.tensor([1.0, 0.9, 2.0]), LIFT_23, "world")
        motion = Motion(pose, 30.0, 0, torch.ones(16, dtype=torch.bool))
        yield TinyClip("wave", f"{split} person", "wave", motion)


@pytest.fixture(autouse=True)
def _tiny_data(monkeypatch: pytest.MonkeyPatch) -> None:
    known: Mapping[str, type] = MappingProxyType({"tiny": TinyDataset})
    monkeypatch.setattr(plugins, "datasets", known)


def config(output: Path, **changes: object) -> TrainConfig:
    small = TrainConfig(
        root=(output,),
        output=output,
        dataset=("tiny",),
        steps=48,
        batch=64,
        warmup=4,
        validate_every=16,
        network=UniversalConfig(width=32, blocks=1, dropout=0.1),
    )
    return replace(small, **changes)  # type: ignore[arg-type]


def weights(output: Path) -> dict[str, Tensor]:
    return load_file(output / "universal.safetensors")


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


def test_training_lowers_the_error_and_writes_usable_weights(tmp_path: Path) -> None:
    seen: list[EngineState] = []
    report = train_lifter(config(tmp_path), seen.append)
    assert [state.step for state in seen] == [8, 16, 24, 32, 40, 48]
    assert [state.step for state in seen if state.validated] == [16, 32, 48]
    assert seen[-1].losses["joints"] < 0.8 * seen[0].losses["joints"]
    assert report.training_poses == 16
    assert set(report.scores.values) == {"clean/val person", "noisy/val person"}
    network = UniversalLifter(report.weights).network
    assert network.calibration.shape == (2, len(VOCABULARY))
    assert (network.calibration > 0).all()
    logged = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in logged] == [16, 32, 48]


def test_a_resumed_run_ends_in_the_same_bits(tmp_path: Path) -> None:
    train_lifter(config(tmp_path / "whole"))

    class Stopped(Exception):  # noqa: N818
        pass

    def stop(state: EngineState) -> None:
        if state.step == 40:  # 8 steps after the last checkpoint
            raise Stopped

    with pytest.raises(Stopped):
        train_lifter(config(tmp_path / "parts"), stop)
    train_lifter(config(tmp_path / "parts"))
    assert same(weights(tmp_path / "whole"), weights(tmp_path / "parts"))


def test_the_seed_decides(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        train_lifter(config(tmp_path / name, seed=seed, steps=16))
        torch.manual_seed(seed + 5)  # what the caller draws meanwhile does not matter
    assert same(weights(tmp_path / "a"), weights(tmp_path / "b"))
    assert not same(weights(tmp_path / "a"), weights(tmp_path / "c"))


def test_training_leaves_the_callers_random_numbers_alone(tmp_path: Path) -> None:
    torch.manual_seed(4)
    expected = torch.rand(1)
    torch.manual_seed(4)
    train_lifter(config(tmp_path, steps=16))
    assert torch.equal(torch.rand(1), expected)


def test_another_configuration_is_not_resumed(tmp_path: Path) -> None:
    train_lifter(config(tmp_path, steps=16))
    with pytest.raises(FileFormatError, match="same configuration"):
        train_lifter(config(tmp_path, steps=16, batch=32))


def test_a_finished_run_is_only_reported(tmp_path: Path) -> None:
    first = train_lifter(config(tmp_path, steps=16))
    seen: list[EngineState] = []
    again = train_lifter(config(tmp_path, steps=16), seen.append)
    assert not seen
    assert again.best_step == first.best_step == 16


def test_steps_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="multiple of 8"):
        train_lifter(config(tmp_path, validate_every=10))


def over_time(output: Path, lifter: LifterName) -> TrainConfig:
    single = train_lifter(config(output / "single", steps=16)).weights
    return config(
        output / lifter,
        lifter=lifter,
        single=single,
        batch=4,
        steps=16,
        over_time=LayersConfig(width=24),
        clips=ClipConfig(frames=8),
    )


@pytest.mark.parametrize("lifter", ["temporal", "streaming"])
def test_lifters_over_time_train_on_a_trained_one(tmp_path: Path, lifter: LifterName) -> None:
    asked = over_time(tmp_path, lifter)
    before = load_file(tmp_path / "single" / "universal.safetensors")
    report = train_lifter(asked)
    assert report.weights.name == f"{lifter}.safetensors"
    kind = TemporalLifter if lifter == "temporal" else StreamingLifter
    network = kind(report.weights).network
    assert network.config.lookahead == (WHOLE if lifter == "temporal" else 4)
    after = {k.removeprefix("single."): v for k, v in network.state_dict().items() if "single" in k}
    assert all(torch.equal(after[key], value.float()) for key, value in before.items()
               if value.is_floating_point())  # fmt: skip
    assert network.head.weight.abs().max() > 0
    assert (network.calibration > 0).all()


def test_layers_over_time_may_start_from_others(tmp_path: Path) -> None:
    asked = over_time(tmp_path, "temporal")
    first = train_lifter(asked).weights
    again = replace(
        asked, output=tmp_path / "again", initial=first, learning_rate=1e-9, average=0.0
    )
    ours, theirs = (
        load_file(train_lifter(a).weights if a is again else first) for a in (asked, again)
    )
    assert torch.allclose(ours["head.weight"].float(), theirs["head.weight"].float(), atol=1e-4)
