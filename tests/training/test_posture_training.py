"""The body regressor trained for some steps: weights that work, resumed to the bit, from any dataset."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from lift3d.errors import FileFormatError, InputError
from lift3d.regressing.posture_net import PostureConfig, load_posture
from lift3d.regressing.smpl import SmplRegressor
from lift3d.training.engine import EngineConfig, EngineState
from lift3d.training.posed_bodies import PosedConfig
from lift3d.training.regressor import RegressorConfig, train_regressor
from lift3d.training.retarget_file import retarget_dataset
from lift3d_body_models import DefaultBody
from lift3d_datasets.synthetic import Synthetic

ENGINE = EngineConfig(
    steps=32, batch=32, learning_rate=1e-2, warmup=4, average=0.9, validate_every=16
)


@pytest.fixture(scope="module")
def bodies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Synthetic motion, a few clips of some frames, on the default body."""
    path = tmp_path_factory.mktemp("bodies") / "bodies.h5"
    retarget_dataset(Synthetic(count=3, frames=12), DefaultBody().articulation, path)
    return path


def config(output: Path, made: Path, **changes: object) -> RegressorConfig:
    small = RegressorConfig(
        output,
        made,
        engine=ENGINE,
        network=PostureConfig(width=24, blocks=1, dropout=0.1),
        validation_poses=20,
        device="cpu",
    )
    return replace(small, **changes)  # type: ignore[arg-type]


def weights(output: Path) -> Mapping[str, Tensor]:
    return load_file(output / "posture.safetensors")


def same(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


def test_training_lowers_the_error_and_writes_usable_weights(tmp_path: Path, bodies: Path) -> None:
    seen: list[EngineState] = []
    report = train_regressor(config(tmp_path, bodies), seen.append)
    assert report.weights == tmp_path / "posture.safetensors"
    assert report.step == 32
    assert report.training_poses > 20
    names = {f"{kind}/val_{number:05d}" for kind in ("clean", "noisy") for number in range(3)}
    assert set(report.scores.values) == names
    assert seen[-1].losses["skin"] < 0.95 * seen[0].losses["skin"]
    assert load_posture(report.weights).config == PostureConfig(24, 1, 0.1, 10)
    SmplRegressor(weights=report.weights)


def test_a_resumed_run_ends_in_the_same_bits(tmp_path: Path, bodies: Path) -> None:
    train_regressor(config(tmp_path / "whole", bodies))

    class Stopped(Exception):  # noqa: N818
        pass

    def stop(state: EngineState) -> None:
        if state.step == 24:  # 8 steps after the last checkpoint
            raise Stopped

    with pytest.raises(Stopped):
        train_regressor(config(tmp_path / "parts", bodies), stop)
    train_regressor(config(tmp_path / "parts", bodies))
    assert same(weights(tmp_path / "whole"), weights(tmp_path / "parts"))


def test_the_seed_decides_and_the_callers_numbers_do_not(tmp_path: Path, bodies: Path) -> None:
    short = replace(ENGINE, steps=16)
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        torch.manual_seed(seed + 5)
        before = torch.random.get_rng_state()
        train_regressor(config(tmp_path / name, bodies, engine=short, seed=seed))
        assert torch.equal(torch.random.get_rng_state(), before)
        torch.rand(3)
    assert same(weights(tmp_path / "a"), weights(tmp_path / "b"))
    assert not same(weights(tmp_path / "a"), weights(tmp_path / "c"))


def test_another_configuration_is_not_resumed(tmp_path: Path, bodies: Path) -> None:
    short = replace(ENGINE, steps=16)
    train_regressor(config(tmp_path, bodies, engine=short))
    wider = PostureConfig(width=32, blocks=1)
    with pytest.raises(FileFormatError, match="same configuration"):
        train_regressor(config(tmp_path, bodies, engine=short, network=wider))


def test_held_out_people_are_judged_and_not_learned_from(tmp_path: Path, bodies: Path) -> None:
    short = replace(ENGINE, steps=16)
    everybody = train_regressor(config(tmp_path / "a", bodies, engine=short))
    some = train_regressor(config(tmp_path / "b", bodies, engine=short, hold_out=("train_00001",)))
    assert set(some.scores.values) - set(everybody.scores.values) == {
        "clean/train_00001", "noisy/train_00001",
    }  # fmt: skip
    assert not same(weights(tmp_path / "a"), weights(tmp_path / "b"))
    with pytest.raises(InputError, match="got nobody_of_that_name"):
        train_regressor(
            config(tmp_path / "c", bodies, engine=short, hold_out=("nobody_of_that_name",))
        )


def test_motion_capture_is_put_onto_bodies_first(tmp_path: Path) -> None:
    """An AMASS folder: a person of CMU to learn from, one of SFU to be judged by."""
    draw = np.random.default_rng(0)
    for name in ("CMU/01/01_01_poses.npz", "SFU/0005/walk_poses.npz"):
        poses = np.zeros((16, 156))
        poses[:, 0] = np.pi / 2  # upright in a z-up world
        poses[:, 3:66] = 0.15 * draw.normal(size=63) * np.linspace(0.5, 1, 16)[:, None]
        path = tmp_path / "amass" / name
        path.parent.mkdir(parents=True)
        np.savez(
            path,
            poses=poses,
            trans=np.tile([1.0, 2.0, 3.0], (16, 1)),
            betas=np.zeros(16),
            gender=np.array("female"),
            mocap_framerate=np.array(30.0),
        )
    told: list[tuple[int, int]] = []
    asked = RegressorConfig(
        tmp_path / "run",
        root=(tmp_path / "amass",),
        dataset=("amass",),
        engine=replace(ENGINE, steps=16),
        network=PostureConfig(width=24, blocks=1),
        device="cpu",
    )
    report = train_regressor(asked, retargeting=lambda _, done, whole: told.append((done, whole)))
    assert told == [(1, 2), (2, 2)]
    assert set(report.scores.values) == {"clean/SFU/0005", "noisy/SFU/0005"}
    assert (tmp_path / "run" / "bodies.h5").exists()
    assert report.training_poses == 16
    again = train_regressor(asked, retargeting=lambda _, done, whole: told.append((done, whole)))
    assert len(told) == 2  # what is there is not made again
    assert again.scores.chosen == pytest.approx(report.scores.chosen)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"posed": PosedConfig(size=0.1)}, "posed.size of 0"),
        ({"validation_poses": 0}, "validation_poses of at least 1"),
        ({"validation_split": "dev"}, "to validate on"),
        ({"bodies": Path("nowhere.h5")}, "nowhere.h5"),
        ({"engine": replace(ENGINE, validate_every=10)}, "multiple of 8"),
        ({"device": "abacus"}, "got 'abacus'"),
        ({"bodies": None, "root": (Path("a"), Path("b"))}, "expected one dataset"),
    ],
)
def test_what_cannot_be_trained_is_refused(
    tmp_path: Path, bodies: Path, wrong: dict[str, object], message: str
) -> None:
    with pytest.raises((InputError, FileFormatError), match=message):
        train_regressor(config(tmp_path / "out", bodies, **wrong))
    assert not (tmp_path / "out" / "posture.safetensors").exists()
