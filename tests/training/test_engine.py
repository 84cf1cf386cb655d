"""The engine's promises, on a task of seconds: it learns, stops, survives a kill, and shares work."""

import json
import os
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from lift3d.errors import FileFormatError, InputError
from lift3d.training.dropout import with_quick_dropout
from lift3d.training.engine import EngineConfig, EngineState, run
from lift3d.training.parallel import Ranks
from lift3d.training.schedule import factor
from lift3d.training.task import Task
from lift3d.training.trainer import Trainer, device_named, half_precision

PROGRAM = Path(__file__).parents[1] / "helpers" / "toy_training.py"


def load(path: Path) -> ModuleType:
    spec = spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


toy = load(PROGRAM)
CONFIG: EngineConfig = toy.CONFIG


def weights(output: Path) -> dict[str, Tensor]:
    return load_file(output / "toy.safetensors")


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


def log(output: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (output / "log.jsonl").read_text().splitlines()]


def test_a_run_learns_and_says_how_it_goes(tmp_path: Path) -> None:
    task, seen = toy.ToyTask(), list[EngineState]()
    assert isinstance(task, Task)
    done = run(task, CONFIG, tmp_path, seen.append, {"data": "stick figures"})
    assert done.step == 64
    assert seen[-1].scores is not None
    assert done.best <= seen[-1].scores.chosen
    assert seen[-1].losses["joints"] < 0.7 * seen[0].losses["joints"]
    assert seen[-1].seconds_left == 0
    assert seen[-1].samples_per_second > 0
    assert [entry["step"] for entry in log(tmp_path)] == list(range(8, 65, 8))
    assert {"loss/joints", "mm/all", "score", "cpu_seconds"} <= set(log(tmp_path)[0])
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["learning_rate"] == CONFIG.learning_rate
    assert config["data"] == "stick figures"
    assert any((tmp_path / "tensorboard").iterdir())


def test_a_run_killed_without_warning_ends_in_the_same_bits(tmp_path: Path) -> None:
    program = [sys.executable, str(PROGRAM)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        [*program, str(tmp_path / "parts"), "64", "44"], stdout=subprocess.PIPE, env=environment
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith(b"44 "):  # 4 steps after a checkpoint
                process.send_signal(signal.SIGKILL)
                break
    assert process.returncode == -signal.SIGKILL
    assert log(tmp_path / "parts")[-1]["step"] == 40
    for output in ("parts", "whole"):
        run(
            toy.ToyTask(toy.network(dropout=0.1)),
            CONFIG,
            tmp_path / output,
        )
    assert same(weights(tmp_path / "parts"), weights(tmp_path / "whole"))
    assert [entry["step"] for entry in log(tmp_path / "parts")] == list(range(8, 65, 8))
    files = [load_file(tmp_path / name / "checkpoint.safetensors") for name in ("parts", "whole")]
    assert same(*files)
    assert {key.split(".")[0] for key in files[0]} == {"net", "average", "weighting", "opt"}


def test_another_configuration_is_refused_by_name(tmp_path: Path) -> None:
    short = replace(CONFIG, steps=8)
    run(toy.ToyTask(), short, tmp_path, about={"data": 1})
    with pytest.raises(FileFormatError, match="another one \\(batch, data\\)"):
        run(toy.ToyTask(), replace(short, batch=64), tmp_path, about={"data": 2})
    run(toy.ToyTask(), replace(short, compile="default"), tmp_path, about={"data": 1})


def test_a_run_stops_when_validation_does(tmp_path: Path) -> None:
    task = toy.ToyTask(scores=(5.0, 4.0, 4.5, 4.0, 3.0, 2.0, 1.0, 0.0))
    done = run(task, replace(CONFIG, patience=2), tmp_path)
    assert (done.step, done.best_step, done.best) == (32, 16, 4.0)
    again = run(toy.ToyTask(scores=(0.0,)), replace(CONFIG, patience=2), tmp_path)
    assert again == done


def test_a_loss_that_is_no_number_ends_the_run(tmp_path: Path) -> None:
    wild = replace(CONFIG, learning_rate=1e30, clip=0.0, max_norm=0.0, weighting="sum")
    with pytest.raises(InputError, match="lower the learning rate"):
        run(toy.ToyTask(), wild, tmp_path)


@pytest.mark.parametrize(
    "wrong", [{"steps": 0}, {"batch": 1}, {"final": 0.0}, {"average": 1.0}, {"validate_every": 6}]
)
def test_what_cannot_train_is_refused(tmp_path: Path, wrong: dict[str, int]) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        run(toy.ToyTask(), replace(CONFIG, **wrong), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_weights_of_a_neuron_keep_to_the_norm() -> None:
    trainer = Trainer(toy.ToyTask(), replace(CONFIG, max_norm=0.5), Ranks())
    trainer.train(0, 4)
    norms = torch.cat([m.detach().norm(dim=1) for m in trainer.matrices])
    assert norms.max() <= 0.5 + 1e-6
    assert norms.max() > 0.49


def test_the_average_follows_the_weights() -> None:
    trainer = Trainer(toy.ToyTask(), replace(CONFIG, average=0.75, draws=1), Ranks())
    before = trainer.task.network[0].weight.detach().clone()
    trainer.train(0, 1)
    trained = trainer.task.network[0].weight.detach().clone()
    with trainer.validated_network():
        inside = trainer.task.network[0].weight.detach().clone()
    assert torch.allclose(inside, 0.75 * before + 0.25 * trained, atol=1e-7)
    assert torch.equal(trainer.task.network[0].weight, trained)


@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_quick_dropout_drops_the_share_and_keeps_the_mean(share: float) -> None:
    network = torch.nn.Sequential(torch.nn.Dropout(share))
    with_quick_dropout(network)
    values = torch.ones(999, 777, requires_grad=True)
    out = network(values)
    assert (out == 0).float().mean().item() == pytest.approx(share, abs=0.002)
    assert out.mean().item() == pytest.approx(1, abs=0.01)
    assert abs(torch.corrcoef((out > 0).float()[:, :8].T)[0, 1:]).max() < 0.15  # columns differ
    out.sum().backward()
    assert torch.equal(values.grad, out)
    assert torch.equal(network.eval()(values), values)


def test_schedules() -> None:
    assert factor(0, 100, 10, "cosine", 0.01) == pytest.approx(0.1)
    assert factor(50, 100, 10, "cosine", 0.01) == pytest.approx(0.5)
    assert factor(100, 100, 0, "cosine", 0.01) == pytest.approx(0)
    assert factor(50, 100, 0, "exponential", 0.01) == pytest.approx(0.1)
    assert factor(100, 100, 0, "exponential", 0.01) == pytest.approx(0.01)


def test_devices_go_by_name() -> None:
    assert device_named("cpu") == torch.device("cpu")
    assert device_named("auto").type in ("cpu", "cuda")
    with pytest.raises(InputError, match="got 'abacus'"):
        device_named("abacus")


def test_precision_can_be_chosen() -> None:
    cpu = torch.device("cpu")
    assert half_precision(cpu, "bfloat16")
    assert not half_precision(cpu, "float32")
    assert isinstance(half_precision(cpu, "auto"), bool)


def free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])


def test_two_processes_reach_the_loss_of_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Same global batch, unknown joints spread unevenly, batch normalisation over both halves."""
    config = replace(CONFIG, steps=32)
    alone, shared = list[EngineState](), list[EngineState]()
    run(toy.ToyTask(), config, tmp_path / "one", alone.append)
    group = {
        "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "WORLD_SIZE": "2", "RANK": "0",
    }  # fmt: skip
    for name, value in group.items():
        monkeypatch.setenv(name, value)
    with subprocess.Popen(
        [sys.executable, str(PROGRAM), str(tmp_path / "two"), "32"],
        env=os.environ | {"RANK": "1", "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        run(toy.ToyTask(), config, tmp_path / "two", shared.append)
        told, _ = other.communicate(timeout=60)
    assert other.returncode == 0
    ours, whole = ([[*state.losses.values()] for state in states] for states in (shared, alone))
    theirs = [[float(word.strip(",")) for word in line.split()[1:]] for line in told.splitlines()]
    assert torch.allclose(torch.tensor(ours), torch.tensor(theirs), atol=1e-8)
    assert torch.allclose(torch.tensor(ours), torch.tensor(whole), rtol=1e-4)
    two, one = weights(tmp_path / "two"), weights(tmp_path / "one")
    for name, value in two.items():
        assert torch.allclose(value.float(), one[name].float(), atol=2e-4), name
