"""Killed is not lost: after kill -9 files are whole or absent, and the work can be done again.

A few moments of each stage; `scripts/bench reliability_runs --kills N` tries more of them.
"""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lift3d.io.files.atomic import atomic_path, clear_abandoned, partial_path
from lift3d.io.files.atomic_folder import atomic_folder
from tests.helpers.killed_stages import STAGES, kill_often
from tests.helpers.killing import Job, Moment, Workers, tree

HERE = "tests.reliability.test_killed"

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="kills processes by Linux's ways"
)


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    with Workers() as running:
        yield running


@pytest.mark.parametrize("name", ["lift", "engine", "train", "retarget", "export"])
def test_a_killed_stage_loses_nothing(name: str, workers: Workers) -> None:
    tally = kill_often(STAGES[name], 2, seed=1, workers=workers)
    assert not tally.lost
    assert tally.hit > 0


def test_a_killed_conversion_loses_nothing(workers: Workers) -> None:
    chosen = ("csv.csv", "openpose", "glb.glb", "ply.zip", "parquet.parquet")
    stages = [s for s in STAGES["convert"] if s.name.removeprefix("convert ") in chosen]
    assert len(stages) == len(chosen)
    tally = kill_often(stages, len(stages), seed=2, workers=workers)
    assert not tally.lost


@pytest.mark.parametrize("name", ["picture", "video"])
def test_a_killed_drawing_loses_nothing(name: str, workers: Workers) -> None:
    assert not kill_often(STAGES[name], 1, seed=3, workers=workers).lost


def half_a_file(target: str) -> None:
    with atomic_path(target) as partial:
        partial.write_bytes(b"half")
        os.kill(os.getpid(), signal.SIGKILL)


def half_a_folder(target: str) -> None:
    with atomic_folder(target) as partial:
        (partial / "one").write_bytes(b"half")
        os.kill(os.getpid(), signal.SIGKILL)


def test_what_a_killed_process_left_is_cleared_by_the_next(
    tmp_path: Path, workers: Workers
) -> None:
    for function, target in (("half_a_file", "a.npz"), ("half_a_folder", "frames")):
        did = workers.do(Job(f"{HERE}:{function}", (target,), str(tmp_path)))
        assert did.code == -signal.SIGKILL
    assert len(tree(tmp_path)) == 2
    with atomic_path(tmp_path / "a.npz") as partial:
        partial.write_bytes(b"whole")
    with atomic_folder(tmp_path / "frames") as folder:
        (folder / "one").write_bytes(b"whole")
    assert tree(tmp_path) == {"a.npz": b"whole", "frames/one": b"whole"}


def test_what_others_still_write_stays(tmp_path: Path) -> None:
    target = tmp_path / "a.npz"
    ours = partial_path(target).name
    living = ours.replace(str(os.getpid()), str(os.getppid()))
    elsewhere = ours.replace(ours.split(".")[2], "00000000-1")
    others = [living, elsewhere, ".a.99999999-abc.partial.npz", ".a.b.partial.npz", "a.npz"]
    for name in others:
        (tmp_path / name).touch()
    clear_abandoned(target)
    assert sorted(tree(tmp_path)) == sorted(others)
    os.utime(tmp_path / elsewhere, (0, 0))  # another machine's, for a very long time
    clear_abandoned(target)
    assert sorted(tree(tmp_path)) == sorted(set(others) - {elsewhere})


def test_stopped_by_hand_ends_with_130_and_nothing_half_written(
    tmp_path: Path, workers: Workers
) -> None:
    stage = STAGES["lift"][0]
    stage.prepare(tmp_path)
    before = set(tree(tmp_path))
    did = workers.do(stage.job(tmp_path, Moment(change=3, signal=int(signal.SIGINT))))
    assert did.code == 130
    assert "nothing half-written" in did.said
    assert set(tree(tmp_path)) - before <= set(stage.outputs)
