"""`lift3d convert IN OUT`: pairs that make sense are written, others say why, nothing half-written."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from lift3d.cli import main
from lift3d.clip import Clip
from lift3d.io import read_clip, read_keypoints, write_clip
from lift3d.io.keypoints.point_tracks import PointTracks
from lift3d.io.keypoints.trc import read_trc_table
from lift3d.io.motion.bvh import read_bvh
from lift3d.io.motion.c3d import read_c3d
from lift3d.io.motion.c3d_write import write_c3d
from lift3d.io.motion.world_points import world_joints
from lift3d.io.output_formats import FORMATS, format_of, known_endings
from lift3d.pipeline import lift
from lift3d.plugins import body_models
from tests.helpers.journey_files import short_sample
from tests.helpers.world_clip import random_clip


@pytest.fixture(scope="module")
def lifted(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return lift(short_sample(tmp_path_factory.mktemp("sample"), 5))


@pytest.fixture
def clip_file(lifted: Clip, tmp_path: Path) -> Path:
    write_clip(tmp_path / "clip.npz", lifted)
    return tmp_path / "clip.npz"


def convert(source: Path, target: Path, *options: str) -> int:
    return main(["convert", str(source), str(target), *options])


def refused(capsys: pytest.CaptureFixture[str], source: Path, target: Path, *options: str) -> str:
    assert convert(source, target, *options) == 2
    said = capsys.readouterr().err
    assert said.startswith("lift3d: expected")
    assert said.count("\n") == 1
    assert not target.exists()
    assert not [path for path in target.parent.iterdir() if "partial" in path.name]
    return said


OUTPUTS = [(row.name, ending) for row in FORMATS for ending in row.endings]
PACKAGES = {"parquet": "pyarrow", "usd": "pxr"}


@pytest.mark.parametrize(("name", "ending"), OUTPUTS)
def test_a_lifted_clip_goes_to_every_format(
    name: str, ending: str, clip_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if name in PACKAGES:
        pytest.importorskip(PACKAGES[name], reason=f"needs the extra {name}")
    target = clip_file.parent / f"new/out{ending}"
    assert convert(clip_file, target, "--to", name) == 0
    assert "out" in capsys.readouterr().out
    assert [path.name for path in target.parent.iterdir()] == [target.name]
    size = target.stat().st_size if target.is_file() else len(list(target.iterdir()))
    assert size > 0


def test_every_ending_has_one_format_of_its_own() -> None:
    assert len(known_endings()) == sum(len(row.by_ending) for row in FORMATS) - 1  # a folder
    for ending in known_endings():
        assert format_of(f"a{ending}").name == format_of(f"A{ending.upper()}").name


def test_what_is_written_is_the_clip(clip_file: Path, lifted: Clip) -> None:
    folder = clip_file.parent
    for name in ("a.trc", "a.c3d", "a.bvh", "a.npz"):
        assert convert(clip_file, folder / name) == 0
    wanted = world_joints(lifted, lifted.people[0]).numpy()
    trc = read_trc_table(folder / "a.trc").tracks("here")
    assert trc.names == lifted.people[0].joints.pose.skeleton.joints
    np.testing.assert_allclose(trc.places, wanted, rtol=1e-7)
    np.testing.assert_allclose(read_c3d(folder / "a.c3d").places, wanted, rtol=1e-6)
    assert len(read_bvh(folder / "a.bvh")) == len(lifted)
    again = read_clip(folder / "a.npz").people[0]
    torch.testing.assert_close(again.joints.pose.joints, lifted.people[0].joints.pose.joints)


def test_a_rig_is_chosen(clip_file: Path) -> None:
    names: dict[str, tuple[str, ...]] = {}
    for rig in ("smpl", "cmu", "mixamo"):
        target = clip_file.with_name(f"{rig}.bvh")
        assert convert(clip_file, target, "--rig", rig) == 0
        names[rig] = read_bvh(target).names
    assert len(set(names.values())) == 3


def test_keypoints_go_from_one_detector_to_another(tmp_path: Path) -> None:
    source = short_sample(tmp_path, 5)
    before = read_keypoints(source)
    folder, results, table = tmp_path / "frames", tmp_path / "results.json", tmp_path / "p.trc"
    assert convert(source, folder) == 0
    assert convert(folder, results, "--image-size", "1080", "1920") == 0
    assert convert(results, table, "--image-size", "1080", "1920") == 0
    again = read_keypoints(table, image_size=(1080, 1920)).people[0].pose
    for joint in ("left_knee", "right_wrist", "nose"):
        torch.testing.assert_close(
            again.keypoints[:, again.skeleton.index(joint)],
            before.people[0].pose.keypoints[:, before.people[0].pose.skeleton.index(joint)],
        )
    assert convert(source, tmp_path / "p.csv") == 0
    assert (tmp_path / "p.csv").read_text().startswith("frame,time,person,joint,x_px,y_px,conf")


def test_people_get_files_of_their_own_or_one_is_chosen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_clip(tmp_path / "two.npz", random_clip(2))
    assert convert(tmp_path / "two.npz", tmp_path / "two.trc") == 0
    assert {path.name for path in tmp_path.glob("*.trc")} == {
        "two_person0.trc", "two_person1.trc",
    }  # fmt: skip
    assert convert(tmp_path / "two.npz", tmp_path / "both.c3d") == 0
    names = read_c3d(tmp_path / "both.c3d").names
    assert len(names) == 46
    assert {"person0_left_knee", "person1_left_knee"} <= set(names)
    assert convert(tmp_path / "two.npz", tmp_path / "one.trc", "--person", "1") == 0
    one, other = (read_trc_table(tmp_path / name) for name in ("one.trc", "two_person1.trc"))
    np.testing.assert_array_equal(one.positions, other.positions)
    assert "(0, 1)" in refused(
        capsys, tmp_path / "two.npz", tmp_path / "three.trc", "--person", "3"
    )


def test_a_recording_moves_a_body(shared: Path, tmp_path: Path) -> None:
    source = shared / "mocap/original_files/bvh_motionbuilder/cmu_12_01_walk.bvh"
    short = tmp_path / "walk.bvh"
    lines = source.read_text().splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith("Frames:"))
    lines = [*lines[:start], "Frames: 20", lines[start + 1], *lines[start + 100 : start + 120]]
    short.write_text("\n".join(lines) + "\n")
    assert convert(short, tmp_path / "walk.npz", "--body-model", "default") == 0
    clip = read_clip(tmp_path / "walk.npz")
    body = clip.people[0].body
    assert body is not None
    posed = body_models["default"]().joints(body)
    wanted = clip.people[0].joints.pose.joints
    ours, theirs = clip.people[0].joints.pose.skeleton, body_models["default"]().skeleton
    for joint in ("left_knee", "right_ankle", "left_wrist"):
        gap = posed[:, theirs.index(joint)] - wanted[:, ours.index(joint)].to(posed)
        assert float(gap.norm(dim=-1).median()) < 0.06
    # No camera saw it: there are no keypoints to show, but joints and body from the side.
    assert main(["render", str(tmp_path / "walk.npz"), "-o", str(tmp_path / "walk.png")]) == 0
    assert main(["render", str(tmp_path / "walk.npz"), "-o", str(tmp_path / "walk.glb")]) == 0
    assert convert(short, tmp_path / "walk.csv") == 0  # under its own names
    assert "LeftUpLeg" in (tmp_path / "walk.csv").read_text()


def test_amass_goes_round(clip_file: Path, lifted: Clip) -> None:
    """A clip as AMASS and back: the default body's rotations, in another world."""
    folder = clip_file.parent
    assert convert(clip_file, folder / "amass.npz", "--to", "amass") == 0
    assert convert(folder / "amass.npz", folder / "back.npz") == 0
    clip = read_clip(folder / "back.npz")
    before, after = lifted.people[0].body, clip.people[0].body
    assert before is not None
    assert after is not None
    model = body_models["default"]()
    names = [n for n, joint in enumerate(model.skeleton.joints) if "hand" not in joint]
    turns = [n - 1 for n in names if n]
    torch.testing.assert_close(
        after.body_pose[:, turns], before.body_pose[:, turns].to(after.body_pose), atol=1e-5, rtol=0
    )
    # The person stands upright before the camera that was made up.
    places = world_joints(clip, clip.people[0])
    skeleton = clip.people[0].joints.pose.skeleton
    height = places[:, skeleton.index("head"), 1] - places[:, skeleton.index("left_ankle"), 1]
    assert bool((height > 1.0).all())


def _two_lines(tmp_path: Path) -> Path:
    (tmp_path / "a.bvh").write_text("HIERARCHY\nROOT x\n")
    return tmp_path / "a.bvh"


def _markers(tmp_path: Path) -> Path:
    tracks = PointTracks(("a", "b", "c"), np.ones((2, 3, 3)), 100.0)
    write_c3d(tmp_path / "markers.c3d", tracks)
    return tmp_path / "markers.c3d"


def _skeleton_alone(tmp_path: Path) -> Path:
    (tmp_path / "01.asf").write_text(":version 1.10")
    return tmp_path / "01.asf"


def _motion_alone(tmp_path: Path) -> Path:
    (tmp_path / "01_02.amc").write_text(":FULLY-SPECIFIED\n:DEGREES\n1\nroot 0 0 0 0 0 0\n")
    return tmp_path / "01_02.amc"


def _joints_only(tmp_path: Path) -> Path:
    write_clip(tmp_path / "joints.npz", random_clip(1))
    return tmp_path / "joints.npz"


@pytest.mark.parametrize(
    ("make", "out", "said"),
    [
        (lambda tmp: short_sample(tmp, 3), "a.glb", "lift them first with lift3d lift"),
        (lambda tmp: short_sample(tmp, 3), "a.c3d", "lift them first"),
        (lambda tmp: short_sample(tmp, 3), "a.docx", "expected an output ending in .npz"),
        (_markers, "a.bvh", "--body-model default"),
        (_markers, "a.json", "recordings have none"),
        (_markers, "a.mot", "expected joints of a person"),
        (_joints_only, "a.glb", "lift again with a body model"),
        (_skeleton_alone, "a.csv", "give the .amc file"),
        (_motion_alone, "a.csv", "expected the skeleton '01.asf' beside"),
        (_two_lines, "a.csv", "HIERARCHY and MOTION"),
        (lambda tmp: tmp / "nowhere.c3d", "a.csv", "check the path"),
        (lambda tmp: tmp / "nowhere.json", "a.csv", "nothing there"),
        (lambda tmp: tmp / "nowhere.npz", "a.csv", "nothing there"),
    ],
)
def test_a_pair_that_makes_no_sense_says_why(
    make: Callable[[Path], Path],
    out: str,
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert said in refused(capsys, make(tmp_path), tmp_path / out)


@pytest.mark.parametrize(
    ("out", "options", "said"),
    [
        ("a.csv", ("--to", "bvh"), "a name ending in .bvh"),
        ("a.npz", ("--to", "openpose"), "a folder's name"),
        ("missing/../no.zip", (), "expected an output ending in"),
    ],
)
def test_a_format_and_another_ending(
    out: str,
    options: tuple[str, ...],
    said: str,
    clip_file: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert convert(clip_file, clip_file.parent / out, *options) == 2
    assert said in capsys.readouterr().err


def test_markers_that_are_no_person_cannot_move_a_body(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refused(capsys, _markers(tmp_path), tmp_path / "a.glb", "--body-model", "default")
    assert "no point called left_hip" in said


def test_the_source_and_full_folders_are_left_alone(
    clip_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = clip_file.read_bytes()
    assert convert(clip_file, clip_file) == 2
    assert "beside the input" in capsys.readouterr().err
    assert clip_file.read_bytes() == before
    full = clip_file.parent / "full"
    full.mkdir()
    (full / "mine").write_text("mine")
    assert convert(clip_file, full) == 2
    assert "new or an empty folder" in capsys.readouterr().err
    assert [path.name for path in full.iterdir()] == ["mine"]


def test_lift_writes_the_same_table_of_outputs(tmp_path: Path) -> None:
    source = short_sample(tmp_path, 4)
    names = ("a.csv", "a.trc", "a.mot", "a.bvh", "a.json")
    assert main(["lift", str(source), "-o", *(str(tmp_path / name) for name in names)]) == 0
    assert all((tmp_path / name).stat().st_size > 0 for name in names)
    assert len({entry["image_id"] for entry in json.loads((tmp_path / "a.json").read_text())}) == 4
