"""Many files on this machine: every good one once, every bad one listed, whatever dies on the way."""

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from lift3d.errors import InputError, OutputError, PluginError
from lift3d.io import read_clip, write_clip
from lift3d.io.clips.clip_rows import read_clips
from lift3d.pipeline import LiftOptions, lift
from lift3d.scaling import LocalEngine, Work, lift_files, listing_of
from lift3d.scaling.keys import input_key, options_key
from lift3d.scaling.many import ERRORS
from tests.helpers.many_files import QUICK, Here, Killer, local_workers, make_files

TWO = LocalEngine(2)


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith("_")
    }


def test_good_files_once_bad_files_listed_with_a_worker_killed(tmp_path: Path) -> None:
    good, bad = make_files(tmp_path / "in", 24, 6)
    listing = listing_of([tmp_path / "in"], each=True)
    assert listing is not None
    killer = Killer(local_workers)
    out = tmp_path / "out"
    report = lift_files(listing, out, QUICK, engine=TWO, batch=2, progress=killer)
    assert len(killer.killed) == 1
    assert report.lost_chunks >= 1
    assert (report.kept, report.lifted) == (0, len(good))
    assert sorted(failure.name for failure in report.failures) == [str(path) for path in bad]
    assert {failure.type for failure in report.failures} == {"FileFormatError"}
    with (out / ERRORS).open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert sorted(row["path"] for row in rows) == [str(path) for path in bad]
    assert all(row["sentence"].startswith("expected ") for row in rows)
    assert sorted(tree(out)) == [f"{path.name}.npz" for path in good]
    assert not [path for path in out.iterdir() if path.name.startswith(".")]  # nothing left behind

    # The numbers are those of one file lifted alone, bit for bit.
    alone = tmp_path / "alone.npz"
    for path in good[::7]:
        write_clip(alone, lift(path, options=QUICK.options))
        assert (out / f"{path.name}.npz").read_bytes() == alone.read_bytes()


def test_what_is_written_is_left_out_when_going_on(tmp_path: Path) -> None:
    good, bad = make_files(tmp_path / "in", 8, 8)
    listing = listing_of([str(tmp_path / "in" / "*.json")])
    assert listing is not None
    for out in (tmp_path / "files", tmp_path / "rows.parquet"):
        lift_files(listing, out, QUICK, engine=Here())
        with pytest.raises(OutputError, match="--resume"):
            lift_files(listing, out, QUICK, engine=Here())
        before = tree(out)
        again = lift_files(listing, out, QUICK, engine=Here(), resume=True)
        assert (again.kept, again.lifted, len(again.failures)) == (len(good), 0, len(bad))
        assert tree(out) == before


def test_a_changed_input_and_a_lost_output_are_done_again(tmp_path: Path) -> None:
    good, bad = make_files(tmp_path / "in", 4, 4)
    listing = listing_of([tmp_path / "in"], each=True)
    assert listing is not None
    for out in (tmp_path / "files", tmp_path / "rows.parquet"):
        lift_files(listing, out, QUICK, engine=Here(), batch=4)
        if out.suffix:
            changed = 2  # a changed one, and the bad one that was mended
        else:
            (out / f"{good[1].name}.npz").write_bytes(b"half")
            changed = 3
        good[0].write_bytes(good[2].read_bytes())
        os.utime(good[0], ns=(1, 1 + len(out.name)))
        broken = bad[0].read_bytes()
        bad[0].write_bytes(good[2].read_bytes())
        report = lift_files(listing, out, QUICK, engine=Here(), resume=True)
        assert (report.kept, report.lifted, report.failures) == (4 - changed, changed, ())
        assert not (out / ERRORS).exists()
        bad[0].write_bytes(broken)
    names = [name for name, _ in read_clips(tmp_path / "rows.parquet")]
    assert sorted(names) == sorted(str(path) for path in (*good, *bad))  # each once


def test_rows_of_parquet_are_the_clips_of_files(tmp_path: Path) -> None:
    good, _ = make_files(tmp_path / "in", 6, 6)
    listing = listing_of([tmp_path / "in"], each=True)
    assert listing is not None
    lift_files(listing, tmp_path / "files", QUICK, engine=Here())
    lift_files(listing, tmp_path / "rows.parquet", QUICK, engine=Here())
    rows = dict(read_clips(tmp_path / "rows.parquet"))
    assert sorted(rows) == [str(path) for path in good]
    for path in good:
        clip, other = rows[str(path)], read_clip(tmp_path / "files" / f"{path.name}.npz")
        joints, others = clip.people[0].joints.pose.joints, other.people[0].joints.pose.joints
        assert np.array_equal(joints, others, equal_nan=True)


def test_a_file_that_kills_its_workers_is_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIFT3D_TEST_DEADLY", "clip00001")
    good, _ = make_files(tmp_path / "in", 3, 99)
    listing = listing_of([tmp_path / "in"], each=True)
    assert listing is not None
    deadly = Work(LiftOptions(lifter="universal", body_model=""), camera=Deadly())
    report = lift_files(listing, tmp_path / "out", deadly, engine=LocalEngine(1), batch=3)
    assert report.lifted == 2
    assert [(f.name, f.type) for f in report.failures] == [(str(good[1]), "WorkerDied")]


class Deadly:
    """A camera that ends the process over pictures of a file of two frames, in a worker only."""

    def camera(self, image_size: tuple[int, int] | None) -> None:  # noqa: ARG002
        import inspect
        import multiprocessing

        frame = inspect.currentframe()
        assert frame is not None
        assert frame.f_back is not None
        path = str(frame.f_back.f_locals["path"])
        alone = multiprocessing.parent_process() is None
        if os.environ["LIFT3D_TEST_DEADLY"] in path and not alone:
            os.kill(os.getpid(), signal.SIGKILL)

    def __repr__(self) -> str:
        return "Deadly()"


def test_options_that_fit_no_file_are_refused_before_any_work(tmp_path: Path) -> None:
    make_files(tmp_path / "in", 2, 99)
    listing = listing_of([tmp_path / "in"], each=True)
    assert listing is not None
    out = tmp_path / "out"
    with pytest.raises(PluginError, match="universal"):
        lift_files(listing, out, Work(LiftOptions(lifter="univers", body_model="")))
    with pytest.raises(InputError, match="body"):
        lift_files(listing, out, QUICK, ending="glb")
    with pytest.raises(InputError, match="npz"):
        lift_files(listing, out, QUICK, ending="nothing")
    with pytest.raises(InputError, match="--to"):
        lift_files(listing, tmp_path / "one.npz", QUICK)
    with pytest.raises(InputError, match="worker"):
        LocalEngine(-1)
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="choose another place"):
        lift_files(listing, tmp_path / "file" / "out", QUICK)


def test_keys_tell_inputs_and_options_apart(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("one")
    os.utime(path, ns=(0, 0))
    quick, other = options_key(QUICK), options_key(Work(LiftOptions(lifter="martinez")))
    assert quick != other
    key = input_key(path, quick)
    assert key == input_key(path, quick)
    assert key != input_key(path, other)
    os.utime(path, ns=(0, 1))
    assert key != input_key(path, quick)
    folder = tmp_path / "frames"
    folder.mkdir()
    empty = input_key(folder, quick)
    (folder / "0.json").touch()
    assert empty != input_key(folder, quick)


LEADER = """
import sys
from pathlib import Path
from lift3d.scaling import LocalEngine, lift_files, listing_of
from tests.helpers.many_files import QUICK
folder = Path(sys.argv[1])
def tell(stage, done, total):
    print(done, flush=True)
if __name__ == "__main__":
    lift_files(listing_of([folder / "in"], each=True), folder / "out.parquet", QUICK,
               engine=LocalEngine(2), batch=2, resume=True, progress=tell)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_leader_that_is_killed_or_stopped_goes_on(tmp_path: Path, how: signal.Signals) -> None:
    good, bad = make_files(tmp_path / "in", 12, 6)
    program = tmp_path / "leader.py"
    program.write_text(LEADER)
    root = Path(__file__).parents[2]
    leader = subprocess.Popen(
        [sys.executable, str(program), str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(root)},
    )
    with leader:
        assert leader.stdout is not None
        assert leader.stderr is not None
        for line in leader.stdout:
            if int(line) >= 4:
                break
        workers = _children(leader.pid)
        leader.send_signal(how)
        said = leader.stderr.read()
    if how is signal.SIGINT:
        assert said.count("KeyboardInterrupt") <= 1  # the leader's, not the workers'
    assert _ended(workers)
    done = [name for name, _ in read_clips(tmp_path / "out.parquet")]
    assert len(done) == len(set(done)) >= 1
    listing = listing_of([tmp_path / "in"], each=True)
    assert listing is not None
    report = lift_files(listing, tmp_path / "out.parquet", QUICK, engine=Here(), resume=True)
    assert (report.kept, report.kept + report.lifted) == (len(done), len(good))
    assert len(report.failures) == len(bad)
    names = [name for name, _ in read_clips(tmp_path / "out.parquet")]
    assert sorted(names) == [str(path) for path in good]
    hidden = [path.name for path in (tmp_path / "out.parquet").iterdir() if path.name[0] == "."]
    assert hidden == []


def _children(pid: int) -> list[int]:
    return [int(n) for n in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _ended(pids: list[int]) -> bool:
    for _ in range(600):
        if not any(Path(f"/proc/{pid}").exists() for pid in pids):
            return True
        time.sleep(0.1)
    return False
