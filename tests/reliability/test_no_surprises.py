"""Importing lift3d does nothing: no network, no file, no thread, no library before its time."""

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
WATCH = """
import json, sys, threading
import torch
seen, before, loaded = [], set(threading.enumerate()), set(sys.modules)
def hook(event, values):
    if event == "subprocess.Popen" and values[1] == ["uname", "-p"]:
        return  # h5py asks for the name of the processor
    if event.startswith(("socket.", "urllib.", "http.", "subprocess.", "os.system", "os.exec")):
        seen.append(event)
    elif event in ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree"):
        seen.append(f"{event} {values[0]}")
    elif event == "open" and isinstance(values[1], str) and set(values[1]) & set("wax+"):
        seen.append(f"open {values[0]} {values[1]}")
sys.dont_write_bytecode = True
sys.addaudithook(hook)
rng = torch.random.get_rng_state().clone()
import lift3d
print(json.dumps({
    "seen": seen,
    "threads": [t.name for t in set(threading.enumerate()) - before],
    "modules": sorted(set(sys.modules) - loaded),
    "random": bool((torch.random.get_rng_state() == rng).all()),
    "dtype": str(torch.get_default_dtype()),
}))
"""
HEAVY = (
    "h5py.tests", "imageio_ffmpeg", "matplotlib", "numba", "onnx", "onnxruntime", "pandas", "pxr",
    "pyarrow", "pygltflib", "pyrender", "rich", "scipy.linalg", "scipy.optimize", "scipy.sparse",
    "scipy.spatial", "scipy.stats", "tensorboardX", "trimesh", "tyro",
)  # fmt: skip


@cache
def imported() -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", WATCH], capture_output=True, text=True, check=True, cwd=ROOT
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_importing_opens_no_connection_writes_no_file_and_starts_nothing() -> None:
    assert imported()["seen"] == []
    assert imported()["threads"] == []


def test_importing_changes_no_setting_of_torch() -> None:
    assert imported()["random"]
    assert imported()["dtype"] == "torch.float32"


def test_importing_loads_no_library_before_it_is_needed() -> None:
    loaded = set(imported()["modules"])
    assert not [name for name in HEAVY if name in loaded]


def test_importing_is_quiet() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", "import lift3d"],
        capture_output=True,
        check=True,
        cwd=ROOT,
    )
    assert done.stdout == b""
    assert done.stderr == b""
