"""The made-up set in VideoPose3D's layout, and what `lift3d doctor` says of datasets."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lift3d.capture import Finding
from lift3d.cli.doctor import examine_dataset
from lift3d.errors import PluginError
from lift3d.plugins import datasets
from lift3d.skeletons import H36M_17
from lift3d_datasets.human36m import Human36m


@pytest.fixture(scope="module")
def script() -> Any:
    path = Path(__file__).parents[2] / "scripts" / "make_up_human36m.py"
    spec = importlib.util.spec_from_file_location("make_up_human36m", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def made_up(script: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made_up")
    script.made_up_human36m(folder, frames=6)
    return folder


def test_the_made_up_set_is_complete(made_up: Path) -> None:
    dataset = Human36m(made_up, detections="none")
    counts = {split: sum(1 for _ in dataset.clips(split)) for split in ("val", "test")}
    assert counts == {"val": 30, "test": 59}
    assert len(dataset.form.takes()) == 209
    clip = next(Human36m(made_up, detections="gt").clips("test"))
    for view in clip.views:
        apart = view.camera.project(clip.motion.pose.joints) - view.keypoints.pose.keypoints
        assert float(apart.abs().max()) < 1e-3
    noisy = next(Human36m(made_up, detections="made_up").clips("test"))
    apart = noisy.views[0].keypoints.pose.keypoints - clip.views[0].keypoints.pose.keypoints
    assert 3 < float(apart.std()) < 7


def test_made_up_people_keep_their_bones(script: Any) -> None:
    joints = script.made_up_motion(50, np.random.default_rng(1))
    bones = np.stack([joints[:, c] - joints[:, p] for p, c in H36M_17.bones])
    lengths = np.linalg.norm(bones, axis=-1)
    assert np.allclose(lengths, lengths[:, :1])
    assert 1.4 < np.ptp(joints[0, :, 2]) < 2.0
    assert H36M_17.parents == script.MOVING_PARENTS


def test_own_motion_may_be_given(script: Any, tmp_path: Path) -> None:
    def still(frames: int, rng: Any) -> Any:
        return np.tile(rng.normal(size=(1, 17, 3)), (frames, 1, 1))

    script.made_up_human36m(tmp_path, still, frames=2, subjects=["S9"], actions=["Eating"])
    clips = list(Human36m(tmp_path, partial=True).clips("test"))
    assert [clip.name for clip in clips] == ["S9 Eating", "S9 Eating 1"]


def test_doctor_says_what_of_a_dataset_is_there(made_up: Path, tmp_path: Path) -> None:
    checks = {check.what: check for check in examine_dataset("human36m", made_up)}
    assert checks["npz S9"].works
    assert checks["2D detections"].detail == "gt, made_up"
    (check,) = examine_dataset("human36m", tmp_path)
    assert not check.works
    with pytest.raises(PluginError, match=r"got 'human3.6m'"):
        next(examine_dataset("human3.6m", tmp_path))


def test_doctor_survives_readers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Silent:
        pass

    class Broken:
        @staticmethod
        def examine(root: Path) -> Iterator[Finding]:
            yield Finding("a", True, str(root))
            raise ValueError("a bug")

    for reader in (Silent, Broken):
        monkeypatch.setattr(type(datasets), "__getitem__", lambda *_, r=reader: r)
        checks = list(examine_dataset("x", tmp_path))
        if reader is Silent:
            assert [(c.works, "cannot say" in c.detail) for c in checks] == [(False, True)]
        else:
            assert [(c.what, c.works, c.detail) for c in checks] == [
                ("a", True, str(tmp_path)),
                ("x", False, "a bug"),
            ]
