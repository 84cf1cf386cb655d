"""Many files on a local Ray of two actors, one of which is killed midway."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lift3d.errors import InputError
from lift3d.io.clips.clip_npz import clip_arrays
from lift3d.io.clips.clip_rows import read_clips
from lift3d.pipeline import lift
from lift3d.scaling import RayEngine
from tests.helpers.many_files import QUICK, make_files

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(600)
@pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="ray is missing: pip install 'lift3d[ray]'"
)
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
def test_every_good_file_once_and_every_bad_file_listed(tmp_path: Path) -> None:
    good, bad = make_files(tmp_path / "in", 60, 10)
    # In a process of its own: its warnings are Ray's.
    done = subprocess.run(
        [sys.executable, "-m", "tests.helpers.many_files", str(tmp_path)],
        cwd=ROOT,
        env=os.environ | {"PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["killed"] == 1
    assert told["lifted"] == len(good)
    assert told["failed"] == [str(path) for path in bad]
    assert told["types"] == ["FileFormatError"]
    rows = list(read_clips(tmp_path / "ray.parquet"))
    assert sorted(name for name, _ in rows) == [str(path) for path in good]  # each once
    clips = dict(rows)
    for path in good[::11]:  # the numbers of this process, bit for bit
        here, there = clip_arrays(lift(path, options=QUICK.options)), clip_arrays(clips[str(path)])
        for name, values in here.items():
            kind = values.dtype.kind
            assert np.array_equal(values, there[name], equal_nan=kind == "f"), name


def test_workers_and_shares_that_cannot_be() -> None:
    for workers, gpus in ((-1, 0.0), (1, -0.5)):
        with pytest.raises(InputError, match="expected 1 worker"):
            RayEngine(workers, gpus)
