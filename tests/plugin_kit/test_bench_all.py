"""One command for all tables: what it compares, what it leaves out, and a quick run to the end."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def everything() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bench_all", ROOT / "scripts/benches/all.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["bench_all"] = module  # dataclasses look themselves up
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "scripts")
        spec.loader.exec_module(module)
    return module


def test_every_bench_is_run_or_left_out_for_a_reason(everything: ModuleType) -> None:
    known = {path.stem for path in (ROOT / "scripts/benches").glob("[a-z]*.py")}
    run = set(everything.names(False, []))
    assert run | set(everything.WITHIN) | set(everything.LEFT_OUT) == known
    assert set(everything.WITHIN.values()) <= run
    assert everything.names(True, []) == list(everything.QUICK)
    with pytest.raises(SystemExit, match="got nothing"):
        everything.names(False, ["nothing"])


def test_wins_losses_and_draws(everything: ModuleType) -> None:
    fit = {"b64_ours_3_ms": 0.2, "b64_adam_100_ms": 30.0, "b64_door_3_ms": 0.3,
           "b64_ours_3_mm": 1.2, "b64_adam_100_mm": 1.0, "b1_ours_3_ms": 2.0}  # fmt: skip
    bodies = {
        "vertices_b16_vs_smplx": 2.8,
        "memory_b1024_vs_smplx": 0.5,
        "vertices_b16_ours_per_s": 9.0,
    }
    files = {"openpose_vs_orjson": 1.07, "alphapose_vs_json": 4.0, "alphapose_vs_orjson": 1.01}
    measured = [
        everything.Measured(*pair)
        for pair in (("fit", fit), ("bodies", bodies), ("formats", files))
    ]
    told = {
        (one.what, one.peer): (round(one.times, 3), one.verdict)
        for one in everything.comparisons(measured)
    }
    assert told == {
        ("time of a fit, 64 poses at once", "adam 100"): (150.0, "win"),
        ("error of a fit, 64 poses at once", "adam 100"): (0.833, "LOSS"),
        ("speed of posing, 16 bodies at once", "smplx"): (2.8, "win"),
        ("memory for 1024 bodies", "smplx"): (2.0, "win"),
        ("time to read an OpenPose folder", "orjson alone"): (0.935, "LOSS"),
        ("speed of reading an AlphaPose list", "json alone"): (4.0, "win"),
        ("speed of reading an AlphaPose list", "orjson alone"): (1.01, "draw"),
    }
    page = everything.markdown(measured, "a machine", everything.LEFT_OUT)
    assert "7, of which 2 lost" in page
    assert page.count("**loss**") == 2
    assert "`reliability`" in page


def test_a_rough_run_says_that_it_is_one(
    everything: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "rough" not in everything.markdown([], "a machine", {})
    monkeypatch.setenv(everything.ROUGH, "1")
    assert "no figures" in everything.markdown([], "a machine", {})


def test_the_quick_run_ends(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benches.all", "--quick", "--json", str(tmp_path / "a.json"),
         "--markdown", str(tmp_path / "a.md")],
        cwd=ROOT, env=os.environ | {"PYTHONPATH": "scripts", "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads((tmp_path / "a.json").read_text())
    assert [each["bench"] for each in told["benches"]] == ["bvh_reading", "decoders"]
    assert all(each["figures"] and not each["trouble"] for each in told["benches"])
    assert told["beside"][0]["peer"] == "fromstring of numpy"
    assert "cores" in told["machine"]
    assert "## decoders" in (tmp_path / "a.md").read_text()


def test_a_bench_that_fails_stops_nothing(
    everything: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError("no such camera")

    monkeypatch.setattr(everything.runpy, "run_module", fail)
    assert everything.run("fit").trouble == "OSError: no such camera"
