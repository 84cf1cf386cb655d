"""MPI-INF-3DHP: MATLAB cells, calibration, HDF5, the fitted test camera, the universal skeleton."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from scipy.io import savemat

from lift3d.errors import FileFormatError, InputError
from lift3d.protocols import Dataset
from lift3d.skeletons import H36M_17
from lift3d_datasets.mpi_inf_3dhp import MPI_INF_3DHP_17, MPI_INF_3DHP_28, MpiInf3dhp
from lift3d_datasets.mpi_inf_3dhp_files import read_calibration

# Two cameras as the set's own files write them; the first line is a real one.
FIRST = (
    "0.9650164 0.00488022 0.262144 -562.8666 -0.004488356 -0.9993728 0.0351275 1398.138 "
    "0.262151 -0.03507521 -0.9643893 3852.623 0 0 0 1"
)
SECOND = "0 0 1 100 0 -1 0 1500 1 0 0 4000 0 0 0 1"
INNER = "1497.693 0 1024.704 0 0 1497.103 1051.394 0 0 0 1 0 0 0 0 1"


def calibration(cameras: tuple[tuple[int, str], ...] = ((0, FIRST), (2, SECOND))) -> str:
    blocks = [
        f"name          {name}\n  sensor      10 10\n  size        2048 2048\n  animated    0\n"
        f"  intrinsic   {INNER} \n  extrinsic   {outer} \n  radial      0\n"
        for name, outer in cameras
    ]
    return "Skeletool Camera Calibration File V1.0\n" + "".join(blocks)


def outer(line: str) -> Any:
    matrix = np.array(line.split(), float).reshape(4, 4)
    return matrix[:3, :3], matrix[:3, 3]


def world_mm(frames: int) -> Any:
    """y up, millimetres, about the room's middle."""
    rng = np.random.default_rng(5)
    return rng.uniform(-500, 500, (frames, 28, 3)) + np.array([0, 900, 0])


def seen(points: Any, line: str) -> tuple[Any, Any]:
    """(camera points in mm, pixels) by hand."""
    rotation, translation = outer(line)
    local = points @ rotation.T + translation
    u = 1497.693 * local[..., 0] / local[..., 2] + 1024.704
    v = 1497.103 * local[..., 1] / local[..., 2] + 1051.394
    return local, np.stack([u, v], -1)


def write_train(folder: Path, points: Any) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "camera.calibration").write_text(calibration())
    cells = {name: np.empty((3, 1), object) for name in ("annot2", "annot3", "univ_annot3")}
    for index, line in ((0, FIRST), (1, FIRST), (2, SECOND)):
        local, pixels = seen(points, line)
        cells["annot2"][index, 0] = pixels.reshape(len(points), -1)
        cells["annot3"][index, 0] = local.reshape(len(points), -1)
        cells["univ_annot3"][index, 0] = 1.1 * local.reshape(len(points), -1)
    savemat(folder / "annot.mat", cells)


def write_test(folder: Path, frames: int = 6, size: float = 1.0) -> tuple[Any, Any]:
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(2)
    local = rng.uniform(-500, 500, (frames, 1, 17, 3)) + np.array([0, 0, 4000])
    u = 1500 * local[..., 0] / local[..., 2] + 1000
    v = 1490 * local[..., 1] / local[..., 2] + 1050
    pixels = np.stack([u, v], -1)
    with h5py.File(folder / "annot_data.mat", "w") as file:
        file["annot2"], file["annot3"] = pixels, local * size
        file["univ_annot3"] = local * 1.2
        file["valid_frame"] = np.array([[1.0, 1, 0, 1, 1, 1]]).T[:frames]
    return local[:, 0], pixels[:, 0]


def test_training_joints_stand_upright_in_metres(tmp_path: Path) -> None:
    points = world_mm(5)
    write_train(tmp_path / "S1" / "Seq1", points)
    dataset = MpiInf3dhp(
        tmp_path, partial=True, skeleton=MPI_INF_3DHP_28, dtype=torch.float64, detections="annot2"
    )
    assert isinstance(dataset, Dataset)
    (clip,) = dataset.clips("train")
    assert (clip.name, clip.subject, clip.action, clip.motion.fps) == ("S1 Seq1", "S1", "Seq1", 25)
    # The set's rotations are rounded to seven digits.
    assert np.abs(clip.motion.pose.joints.numpy() - points / 1000).max() < 1e-5
    assert [view.name for view in clip.views] == ["0", "2"]
    for view, line in zip(clip.views, (FIRST, SECOND), strict=True):
        pixels = seen(points, line)[1]
        assert np.abs(view.keypoints.pose.keypoints.numpy() - pixels).max() < 1e-9
        assert np.abs(view.camera.project(clip.motion.pose.joints).numpy() - pixels).max() < 1e-2
        assert view.camera.image_size == (2048, 2048)
        assert float(view.camera.cam_from_world[1, 1]) < -0.99  # the picture's down is the world's


def test_joints_by_name(tmp_path: Path) -> None:
    points = world_mm(2)
    write_train(tmp_path / "train" / "S1" / "Seq2", points)
    (clip,) = MpiInf3dhp(tmp_path, partial=True, dtype=torch.float64).clips("train")
    assert clip.motion.pose.skeleton == MPI_INF_3DHP_17
    assert clip.motion.fps == 50
    stored = {"head_top": 7, "right_wrist": 16, "left_wrist": 11, "left_ankle": 20, "pelvis": 4}
    for joint, index in stored.items():
        at = clip.motion.pose.joints[:, MPI_INF_3DHP_17.index(joint)].numpy()
        assert np.abs(at - points[:, index] / 1000).max() < 1e-5
    assert MPI_INF_3DHP_17.index("pelvis") == 14
    (clip,) = MpiInf3dhp(tmp_path, partial=True, skeleton=H36M_17).clips("train")
    assert bool(clip.motion.pose.joints.isfinite().all())
    assert bool(clip.motion.observed.all())


def test_universal_joints_come_without_cameras(tmp_path: Path) -> None:
    points = world_mm(3)
    write_train(tmp_path / "S1" / "Seq1", points)
    write_test(tmp_path / "TS1")
    dataset = MpiInf3dhp(
        tmp_path, partial=True, joints="universal", skeleton=MPI_INF_3DHP_28, dtype=torch.float64
    )
    (train,), (test,) = dataset.clips("train"), dataset.clips("test")
    for clip in (train, test):
        assert not clip.measured
        assert clip.views == ()
    got = train.motion.pose.joints.numpy()
    expected = 1.1 * points / 1000
    assert np.abs((got - got[:, 4:5]) - (expected - expected[:, 4:5])).max() < 1e-5


def test_test_sequences_fit_their_camera(tmp_path: Path) -> None:
    local, pixels = write_test(tmp_path / "test" / "TS5")
    (clip,) = MpiInf3dhp(tmp_path, partial=True, dtype=torch.float64).clips("test")
    assert clip.motion.observed.tolist() == [True, True, False, True, True, True]
    kept = clip.motion.observed.numpy()
    up = local * [1, -1, -1] / 1000
    assert np.allclose(clip.motion.pose.joints.numpy()[kept], up[kept])
    assert bool(clip.motion.pose.joints[2].isnan().all())
    (view,) = clip.views
    assert view.camera.image_size == (1080, 1920)
    assert view.camera.intrinsics.flatten().tolist() == pytest.approx(
        [1500, 0, 1000, 0, 1490, 1050, 0, 0, 1]
    )
    assert np.allclose(view.keypoints.pose.keypoints.numpy()[kept], pixels[kept])
    assert view.keypoints.observed.tolist() == clip.motion.observed.tolist()


def test_annotations_end_with_the_pictures(tmp_path: Path) -> None:
    """S2 Seq2 has 6081 pictures; annotations that run on belong to none."""
    points = np.repeat(world_mm(1), 6090, 0).astype(np.float32)
    write_train(tmp_path / "S2" / "Seq2", points)
    (clip,) = MpiInf3dhp(tmp_path, partial=True, cameras=(0,)).clips("train")
    assert len(clip.motion) == 6081


def test_splits_and_what_lacks(tmp_path: Path) -> None:
    for who in ("S1", "S8"):
        write_train(tmp_path / who / "Seq1", world_mm(2))
    for number in range(1, 7):
        write_test(tmp_path / "mpi_inf_3dhp_test_set" / f"TS{number}")
    dataset = MpiInf3dhp(tmp_path)
    assert dataset.splits == ("train", "val", "test", "trainval")
    assert [clip.name for clip in dataset.clips("test")] == [f"TS{n}" for n in range(1, 7)]
    with pytest.raises(FileFormatError, match=r"without S8 Seq2: get the rest"):
        next(dataset.clips("val"))
    some = MpiInf3dhp(tmp_path, partial=True)
    assert [clip.name for clip in some.clips("val")] == ["S8 Seq1"]
    assert [clip.name for clip in some.clips("train")] == ["S1 Seq1"]
    assert [clip.name for clip in some.clips("trainval")] == ["S1 Seq1", "S8 Seq1"]
    found = {f.what: f for f in MpiInf3dhp.examine(tmp_path)}
    assert found["TS3"].present
    assert found["S1"].detail == "without Seq2"
    assert found["S2"].detail == "without Seq1, Seq2"
    with pytest.raises(InputError, match=r"got TS1: never tune"):
        MpiInf3dhp(tmp_path, val_subjects=("TS1",))
    with pytest.raises(InputError, match=r"a split of"):
        next(dataset.clips("all"))


def test_bad_files(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"none of it"):
        MpiInf3dhp(tmp_path)
    (finding,) = MpiInf3dhp.examine(tmp_path)
    assert not finding.present
    folder = tmp_path / "S1" / "Seq1"
    write_train(folder, world_mm(2))
    dataset = MpiInf3dhp(tmp_path, partial=True)
    (folder / "camera.calibration").write_text(calibration().replace("radial      0", "radial 0.1"))
    with pytest.raises(FileFormatError, match=r"radial terms"):
        list(dataset.clips("train"))
    (folder / "camera.calibration").write_text(calibration(((3, FIRST),)))
    with pytest.raises(FileFormatError, match=r"got 3: name others"):
        list(dataset.clips("train"))
    (folder / "camera.calibration").write_text(calibration())
    content = (folder / "annot.mat").read_bytes()
    (folder / "annot.mat").write_bytes(content[: len(content) // 2])
    with pytest.raises(FileFormatError, match=r"annot.mat"):
        list(dataset.clips("train"))
    assert not {f.what: f for f in MpiInf3dhp.examine(tmp_path)}["S1"].present


def test_bad_test_files(tmp_path: Path) -> None:
    write_test(tmp_path / "TS1")
    dataset = MpiInf3dhp(tmp_path, partial=True)
    with h5py.File(tmp_path / "TS1" / "annot_data.mat", "a") as file:
        file["annot2"][:] = np.random.default_rng(0).uniform(0, 2000, (6, 1, 17, 2))
    with pytest.raises(FileFormatError, match=r"univ_annot3 does not"):
        list(dataset.clips("test"))
    with h5py.File(tmp_path / "TS1" / "annot_data.mat", "a") as file:
        del file["valid_frame"]
        file["valid_frame"] = np.ones((5, 1))
    with pytest.raises(FileFormatError, match=r"5 flags"):
        list(dataset.clips("test"))


def test_calibration_numbers(tmp_path: Path) -> None:
    (tmp_path / "camera.calibration").write_text(calibration())
    cameras = read_calibration(tmp_path / "camera.calibration")
    assert sorted(cameras) == [0, 2]
    assert cameras[0].cam_from_world[:3, 3].tolist() == pytest.approx(
        [-0.5628666, 1.398138, 3.852623]
    )
    assert cameras[0].intrinsics[0].tolist() == [1497.693, 0, 1024.704]
