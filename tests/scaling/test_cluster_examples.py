"""The cluster examples are environment only, what they call is there, and `torchrun` trains so."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lift3d.cli import main

ROOT = Path(__file__).parents[2]
CLUSTER = ROOT / "examples" / "cluster"
SLURM, KUBERNETES = CLUSTER / "slurm.sh", CLUSTER / "kubernetes.yaml"
CALLS = re.compile(r"lift3d train((?:[^\n\\]|\\\n)*)")
OPTIONS = re.compile(r"(?<![\w-])--[a-z][a-z-]*")


def documents() -> list[dict[str, Any]]:
    yaml = pytest.importorskip("yaml", reason="the package PyYAML is missing")
    return list(yaml.safe_load_all(KUBERNETES.read_text()))


def scripts() -> list[str]:
    """What the containers of the Kubernetes example run."""
    pod = documents()[1]["spec"]["template"]["spec"]
    return [each["command"][2] for each in (*pod["initContainers"], *pod["containers"])]


def parses(script: str) -> str:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("bash is missing")
    done = subprocess.run([bash, "-n"], input=script, capture_output=True, text=True, check=False)
    return done.stderr


def test_bash_parses_them() -> None:
    for script in (SLURM.read_text(), *scripts()):
        assert parses(script) == ""
    assert parses("if [ 1 ]; then") != ""


def test_kubernetes_knows_what_it_is_given() -> None:
    service, job = documents()
    assert (service["kind"], job["kind"]) == ("Service", "Job")
    pod = job["spec"]["template"]["spec"]
    assert pod["subdomain"] == service["metadata"]["name"]
    assert job["spec"]["completions"] == job["spec"]["parallelism"] == 2
    assert all(f"--nnodes={job['spec']['completions']}" in s for s in scripts() if "nnodes" in s)
    assert f"{job['metadata']['name']}-0.{service['metadata']['name']}" in scripts()[1]
    mounted = {each["name"] for c in pod["containers"] for each in c["volumeMounts"]}
    assert mounted == {volume["name"] for volume in pod["volumes"]}


def test_every_option_is_one_of_the_program(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    known = set(OPTIONS.findall(capsys.readouterr().out))
    torchrun = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--help"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    starter = set(OPTIONS.findall(torchrun))
    for text in (SLURM.read_text(), *scripts()):
        calls = CALLS.findall(text)
        assert calls
        for call in calls:
            assert set(OPTIONS.findall(call)) <= known
        for call in re.findall(r"torchrun((?:[^\n\\]|\\\n)*?)-m lift3d", text):
            assert set(OPTIONS.findall(call)) <= starter


def test_torchrun_trains_with_two_processes(tmp_path: Path) -> None:
    # Two processes of one machine, gloo between them; its warnings are torchrun's.
    command = (
        f"-m torch.distributed.run --standalone --nproc-per-node 2 -m lift3d train "
        f"--output {tmp_path}/run --dataset synthetic --reader count=2 frames=12 --lifter martinez "
        f"--steps 32 --validate-every 16 --batch 16 --unmeasured --baseline.width 32 "
        f"--cache {tmp_path}/poses.h5 --device cpu"
    )
    done = subprocess.run(
        [sys.executable, *command.split()],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    run = tmp_path / "run"
    assert (run / "martinez.safetensors").is_file()
    steps = [line for line in (run / "log.jsonl").read_text().splitlines() if line]
    assert len(steps) == len(set(steps))  # one process writes
    assert not [p.name for p in tmp_path.rglob("*") if ".partial" in p.name]
