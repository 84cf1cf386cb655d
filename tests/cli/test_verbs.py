"""Each verb once, on a few real frames."""

import json
import socket
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
import trimesh

import lift3d
from lift3d.cli import main
from lift3d.samples import balancing


@pytest.fixture
def few_frames(tmp_path: Path) -> Path:
    """The first six frames of the sample."""
    with balancing() as path:
        document = json.loads(path.read_text())
    document["frames"] = document["frames"][:6]
    short = tmp_path / "short.json"
    short.write_text(json.dumps(document))
    return short


def can_draw() -> bool:
    probe = getattr(lift3d.viewers["pyrender"], "probe", None)
    return probe is not None and str(probe()).startswith("works")


@pytest.fixture
def nothing_on_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("lifting reached for the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.mark.usefixtures("nothing_on_the_network")
def test_lift_writes_what_it_says_without_a_network(
    few_frames: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new" / "folder"
    files = [out / "body.npz", out / "body.glb"]
    assert main(["lift", str(few_frames), "-o", *map(str, files)]) == 0
    said = capsys.readouterr().out
    assert "mediapipe_33" in said
    assert "of the person's height" in said
    clip = lift3d.read_clip(files[0])
    assert len(clip) == 6
    assert clip.people[0].body is not None
    assert len(trimesh.load(files[1]).geometry) == 1
    assert sorted(path.name for path in out.iterdir()) == ["body.glb", "body.npz"]


def test_the_result_file_opens_with_numpy_alone(few_frames: Path, tmp_path: Path) -> None:
    assert main(["lift", str(few_frames), "-o", str(tmp_path / "body.npz")]) == 0
    with np.load(tmp_path / "body.npz", allow_pickle=False) as file:
        assert file["joints"].shape == (1, 6, 23, 3)
        assert file["body_pose"].shape == (1, 6, 23, 3)
        assert 2.0 < np.median(file["joints"][..., 2]) < 8.0  # metres in front of the camera


def test_render_draws_a_lifted_clip(few_frames: Path, tmp_path: Path) -> None:
    if not can_draw():
        pytest.skip("off-screen rendering does not work here: see 'lift3d doctor'")
    assert main(["lift", str(few_frames), "-o", str(tmp_path / "body.npz")]) == 0
    pictures = [tmp_path / "body.png", tmp_path / "body.mp4"]
    assert main(["render", str(tmp_path / "body.npz"), "-o", *map(str, pictures)]) == 0
    assert pictures[0].read_bytes().startswith(b"\x89PNG")
    assert b"ftyp" in pictures[1].read_bytes()[:12]


def test_a_body_is_needed_for_its_file(
    few_frames: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    joints_only = tmp_path / "joints.npz"
    assert main(["lift", str(few_frames), "-o", str(joints_only), "--body-model", ""]) == 0
    assert main(["render", str(joints_only), "-o", str(tmp_path / "body.glb")]) == 2
    assert "body" in capsys.readouterr().err
    assert not (tmp_path / "body.glb").exists()


def test_list_names_plugins_and_skeletons(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    said = capsys.readouterr().out
    for name in ("universal", "default", "pyrender", "mocap_h5", "body_25b", "h36m_17_left_first"):
        assert name in said


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"lift3d {version('lift3d')}\n"


def test_doctor_tries_every_part(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    for part in ("torch", "off-screen rendering", "H.264 video", "lifter weights", "default body"):
        assert part in said


def test_eval_writes_figures(shared: Path, tmp_path: Path) -> None:
    target = tmp_path / "figures.json"
    arguments = ["eval", str(shared / "mocap"), "--json", str(target), "--every", "40"]
    assert main([*arguments, "--split", "val"]) == 0
    report = json.loads(target.read_text())
    assert set(report) >= {"machine", "figures", "protocol"}
    assert 0 < report["figures"]["pa_mpjpe_mm"] < report["figures"]["mpjpe_mm"] < 200


@pytest.mark.parametrize(
    "verb", ["lift", "detect", "render", "convert", "train", "eval", "list", "doctor", "demo"]
)
def test_every_verb_explains_itself(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main([verb, "--help"])
    assert stop.value.code == 0
    assert f"lift3d {verb}" in capsys.readouterr().out


def test_the_program_ends_with_the_verbs_exit_code(tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("lift3d")
    if not program.exists():
        pytest.skip("the lift3d program is not installed beside this Python")
    missing, out = str(tmp_path / "nothing.json"), str(tmp_path / "out.npz")
    done = subprocess.run(
        [program, "lift", missing, "-o", out], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("lift3d: expected")
    assert done.stderr.count("\n") == 1
