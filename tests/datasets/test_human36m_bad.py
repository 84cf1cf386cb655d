"""Human3.6M that is half there, broken or somebody else's: named, counted, refused; never silent."""

import importlib
import pickle
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

from lift3d.errors import FileFormatError, InputError
from lift3d.skeletons import COCO_17
from lift3d_datasets.human36m import Human36m
from lift3d_datasets.human36m_facts import ACTIONS


@pytest.fixture(scope="module")
def files() -> Any:
    folder = str(Path(__file__).parents[1] / "helpers")
    if folder not in sys.path:
        sys.path.insert(0, folder)
    return importlib.import_module("human36m_files")


def whole(subjects: tuple[str, ...] = ("S9", "S11")) -> dict[str, dict[str, Any]]:
    """Thirty short clips per person."""
    rng = np.random.default_rng(0)
    return {
        subject: {
            f"{action}{take}": rng.normal(size=(3, 32, 3)).astype(np.float32)
            for action in ACTIONS
            for take in ("", " 1")
        }
        for subject in subjects
    }


def test_the_damaged_take_is_left_out(files: Any, tmp_path: Path) -> None:
    files.save_objects(tmp_path / "data_3d_h36m.npz", positions_3d=whole())
    names = [clip.name for clip in Human36m(tmp_path).clips("test")]
    assert len(names) == 59
    assert "S9 Directions" in names
    assert "S11 Directions" not in names
    assert "S11 Directions 1" in names


def test_a_half_set_is_refused_by_name(files: Any, tmp_path: Path) -> None:
    content = whole()
    del content["S9"]["Sitting 1"], content["S9"]["Walking"], content["S9"]["Walking 1"]
    files.save_objects(tmp_path / "data_3d_h36m.npz", positions_3d=content)
    with pytest.raises(FileFormatError, match=r"S9 Sitting \(1 of 2\), S9 Walking \(0 of 2\)"):
        next(Human36m(tmp_path).clips("test"))
    assert len(list(Human36m(tmp_path, partial=True).clips("test"))) == 56
    with pytest.raises(FileFormatError, match=r"all of S1, all of S5"):
        next(Human36m(tmp_path).clips("train"))


def test_examination_tells_what_is_there(files: Any, tmp_path: Path) -> None:
    content = whole()
    del content["S9"]["Sitting 1"]
    content["X2"] = {}
    files.save_objects(tmp_path / "data_3d_h36m.npz", positions_3d=content)
    found = {f.what: f for f in Human36m.examine(tmp_path)}
    assert not found["npz"].present
    assert "'X2'" in found["npz"].detail
    content["S2"] = {"Walking": content["S9"]["Walking"]}
    del content["X2"]
    files.save_objects(tmp_path / "data_3d_h36m.npz", positions_3d=content)
    found = {f.what: f for f in Human36m.examine(tmp_path)}
    assert found["npz S11"].present
    assert found["npz S11"].detail == "29 clips"
    assert not found["npz S9"].present
    assert found["npz S9"].detail == "without S9 Sitting (1 of 2)"
    assert found["npz S1"].detail == "without all of S1"
    assert found["npz others"].detail == "S2: in no split"
    assert "built-in" in found["cameras"].detail
    assert not found["2D detections"].present
    (nothing,) = Human36m.examine(tmp_path / "nowhere")
    assert not nothing.present
    assert "none of its forms" in nothing.detail


def test_frames_with_nan_are_not_observed(files: Any, tmp_path: Path) -> None:
    content = {"S9": {"Walking": whole(("S9",))["S9"]["Walking"]}}
    content["S9"]["Walking"][1, 3, 0] = np.nan
    content["S9"]["Walking"][2] = 0  # converters leave zeros where they had nothing
    files.save_objects(tmp_path / "data_3d_h36m.npz", positions_3d=content)
    (clip,) = Human36m(tmp_path, partial=True).clips("test")
    assert clip.motion.observed.tolist() == [True, False, False]
    assert bool(clip.motion.pose.joints[1:].isnan().all())
    for view in clip.views:
        assert view.keypoints.observed.tolist() == [True, False, False]


def test_wrong_choices(files: Any, tmp_path: Path) -> None:
    files.save_objects(tmp_path / "data_3d_h36m.npz", positions_3d=whole())
    dataset = Human36m(tmp_path)
    with pytest.raises(InputError, match=r"train, val, test, trainval, got 'validation'"):
        next(dataset.clips("validation"))
    with pytest.raises(InputError, match=r"got S9: never tune"):
        Human36m(tmp_path, val_subjects=("S9",))
    with pytest.raises(InputError, match=r"coco_17"):
        Human36m(tmp_path, skeleton=COCO_17)
    with pytest.raises(FileFormatError, match=r"as 'cdf' .* got only npz"):
        Human36m(tmp_path, source="cdf")
    with pytest.raises(FileFormatError, match=r"none of its forms"):
        Human36m(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "positions",
    [
        np.ones((3, 32, 2), np.float32),
        np.ones((3, 16, 3), np.float32),
        np.ones((3, 32, 3), np.int64),
        np.ones((3, 32, 3), np.float32) * 1500,  # millimetres
        None,
    ],
)
def test_archives_with_other_values(files: Any, tmp_path: Path, positions: Any) -> None:
    files.save_objects(tmp_path / "data_3d_h36m.npz", positions_3d={"S9": {"Walking": positions}})
    with pytest.raises(FileFormatError, match=r"S9 Walking"):
        list(Human36m(tmp_path, partial=True).clips("test"))


def test_no_code_of_an_archive_runs(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "ran",))

    bad = np.array({"S9": {"Walking": Evil()}}, object)
    np.savez(tmp_path / "data_3d_h36m.npz", positions_3d=bad)
    with pytest.raises(FileFormatError):
        next(Human36m(tmp_path, partial=True).clips("test"))
    (tmp_path / "data_3d_h36m.npz").unlink()
    (tmp_path / "h36m_x.pkl").write_bytes(pickle.dumps({"train": Evil()}))
    with pytest.raises(FileFormatError):
        next(Human36m(tmp_path, partial=True).clips("test"))
    (tmp_path / "cameras.pkl").write_bytes(pickle.dumps(Evil()))
    with pytest.raises(FileFormatError):
        Human36m(tmp_path, partial=True)
    assert not (tmp_path / "ran").exists()


def test_broken_files_are_named(files: Any, tmp_path: Path) -> None:
    made = files.takes({"S9": ["Walking"]}, frames=3)
    path = tmp_path / "S9/MyPoseFeatures/D3_Positions/Walking.cdf"
    files.write_cdf(tmp_path, made)
    path.write_bytes(path.read_bytes()[:300])  # half downloaded
    with pytest.raises(FileFormatError, match=r"Walking.cdf"):
        list(Human36m(tmp_path, partial=True).clips("test"))
    found = {f.what: f for f in Human36m.examine(tmp_path)}
    assert not found["cdf S9"].present
    assert "download it again" in found["cdf S9"].detail
    files.write_cdf_file(path, np.zeros((3, 64)))
    with pytest.raises(FileFormatError, match=r"32 joints"):
        list(Human36m(tmp_path, partial=True).clips("test"))


def test_wrong_names_of_folders_are_told(files: Any, tmp_path: Path) -> None:
    made = files.takes({"S9": ["Walking"]}, frames=3)
    files.write_cdf(tmp_path, {("S09", "Walking"): made["S9", "Walking"]})
    found = {f.what: f for f in Human36m.examine(tmp_path)}
    assert found["cdf S9"].detail == "without all of S9"
    assert found["cdf others"].detail == "S09: in no split"
    assert not list(Human36m(tmp_path, partial=True).clips("test"))


def test_camera_files_of_the_folder_above_are_not_ours(files: Any, tmp_path: Path) -> None:
    (tmp_path / "metadata.xml").write_text("<somebody/>")
    (tmp_path / "h36m").mkdir()
    files.write_npz(tmp_path / "h36m", files.takes({"S9": ["Walking"]}, frames=3))
    assert "built-in" in Human36m(tmp_path / "h36m", partial=True).cameras_from


def test_broken_h5(files: Any, tmp_path: Path) -> None:
    path = tmp_path / "S9/MyPoses/3D_positions/Walking.h5"
    files.write_h5(tmp_path, files.takes({"S9": ["Walking"]}, frames=3))
    with h5py.File(path, "w") as file:
        file["3D_positions"] = np.zeros((3, 96))  # the wrong way round
    with pytest.raises(FileFormatError, match=r"\(96, frames\)"):
        list(Human36m(tmp_path, partial=True).clips("test"))
    path.write_bytes(b"\x89HDF\r\n")
    with pytest.raises(FileFormatError, match=r"Walking.h5"):
        list(Human36m(tmp_path, partial=True).clips("test"))


@pytest.mark.parametrize(
    "text",
    [
        "<a><w0>[1 2 3]</w0></a>",
        "<a></a>",
        "no XML",
        "<a><w0>[one]</w0></a>",
        '<!DOCTYPE a [<!ENTITY x "y">]><a><w0>&x;</w0></a>',
    ],
)
def test_broken_camera_files(files: Any, tmp_path: Path, text: str) -> None:
    files.write_npz(tmp_path, files.takes({"S9": ["Walking"]}, frames=3))
    (tmp_path / "metadata.xml").write_text(text)
    with pytest.raises(FileFormatError, match=r"metadata.xml"):
        Human36m(tmp_path, partial=True)


def test_cameras_of_another_set_are_found_out(files: Any, tmp_path: Path) -> None:
    """MMPose's joints lie in camera frames: with a wrong camera file the cameras disagree."""
    files.write_mmpose(tmp_path, files.takes({"S9": ["Walking"]}, frames=3), "test")
    cameras = pickle.loads((tmp_path / "cameras.pkl").read_bytes())  # noqa: S301 - written above
    cameras["S9", "55011271"]["T"] += 0.2
    (tmp_path / "cameras.pkl").write_bytes(pickle.dumps(cameras))
    with pytest.raises(FileFormatError, match=r"0.35 m apart"):
        list(Human36m(tmp_path, partial=True).clips("test"))
    cameras["S9", "55011271"]["R"] *= 1.01
    (tmp_path / "cameras.pkl").write_bytes(pickle.dumps(cameras))
    with pytest.raises(FileFormatError, match=r"a rotation"):
        Human36m(tmp_path, partial=True)


def test_motionbert_needs_views_that_meet(files: Any, tmp_path: Path) -> None:
    made = files.takes({"S9": ["Walking"]}, frames=4)
    source = ("S9", "s_09_act_14_subact_01", made["S9", "Walking"])
    path = (
        files.write_motionbert(tmp_path, {"test": [source]}) / "h36m_sh_conf_cam_source_final.pkl"
    )
    content = pickle.loads(path.read_bytes())  # noqa: S301 - written above
    test = content["test"]
    one = {key: value[:4] for key, value in test.items()}
    path.write_bytes(pickle.dumps({"test": one}))
    with pytest.raises(FileFormatError, match=r"two or more known cameras"):
        list(Human36m(tmp_path, partial=True).clips("test"))
    test["joint3d_image"] = np.random.default_rng(0).uniform(0, 1000, (16, 17, 3))
    path.write_bytes(pickle.dumps(content))
    with pytest.raises(FileFormatError, match=r"px away"):
        list(Human36m(tmp_path, partial=True).clips("test"))
    path.write_bytes(pickle.dumps({"test": {**test, "source": ["walking"] * 16}}))
    with pytest.raises(FileFormatError, match=r"'walking'"):
        list(Human36m(tmp_path, partial=True).clips("test"))


def test_the_second_take_of_directions_is_s11s_damaged_one(files: Any, tmp_path: Path) -> None:
    made = files.takes({"S9": ["Directions 1", "Directions"]}, frames=4)
    sources = [
        ("S9", "s_09_act_02_subact_02", made["S9", "Directions"]),
        ("S9", "s_11_act_02_subact_01", made["S9", "Directions 1"]),
        ("S9", "s_11_act_02_subact_02", made["S9", "Directions"]),
    ]
    files.write_motionbert(tmp_path, {"test": sources})
    takes = [t for t in Human36m(tmp_path, partial=True).form.takes() if not t.broken]
    assert [(t.subject, t.name) for t in takes] == [
        ("S9", "Directions subaction 2"),
        ("S11", "Directions subaction 1"),
    ]


def test_reading_is_lazy(files: Any, tmp_path: Path) -> None:
    """A broken second file hurts when its turn comes, not before."""
    files.write_cdf(tmp_path, files.takes({"S9": ["Eating", "Walking"]}, frames=3))
    (tmp_path / "S9/MyPoseFeatures/D3_Positions/Walking.cdf").write_bytes(b"")
    clips = Human36m(tmp_path, partial=True, dtype=torch.float64).clips("test")
    assert next(clips).name == "S9 Eating"
    with pytest.raises(FileFormatError):
        next(clips)
