"""Human3.6M: all forms give the same joints, seen where an independent formula sees them."""

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lift3d.capture import Capture
from lift3d.protocols import Dataset, MotionClip
from lift3d.skeletons import H36M_17, H36M_17_LEFT_FIRST
from lift3d_datasets.human36m import Human36m
from lift3d_datasets.human36m_facts import H36M_16, take_named

NAMES = {"S1": ["Directions 1", "SittingDown"], "S9": ["Walking", "WalkDog 2", "TakingPhoto"]}


@pytest.fixture(scope="module")
def files() -> Any:
    folder = str(Path(__file__).parents[1] / "helpers")
    if folder not in sys.path:
        sys.path.insert(0, folder)
    return importlib.import_module("human36m_files")


@pytest.fixture(scope="module")
def made(files: Any) -> Any:
    return files.takes(NAMES)


def read(root: Path, **options: Any) -> dict[tuple[str, str], Capture]:
    """All clips by person and name."""
    options = {"partial": True, "dtype": torch.float64, **options}
    dataset = Human36m(root, **options)
    clips = [clip for split in ("trainval", "test") for clip in dataset.clips(split)]
    return {(clip.subject, clip.name.partition(" ")[2]): clip for clip in clips}


def truth(files: Any, world_mm: Any) -> Any:
    """Our world by hand: x stays, up is y, what pointed along +y points along -z; metres."""
    x, y, z = np.moveaxis(world_mm[:, files.MOVING], -1, 0)
    return np.stack([x, z, -y], -1) / 1000


def as_motionbert(files: Any, root: Path, made: Any) -> Path:
    parts = {
        "train": [
            ("S1", "s_01_act_02_subact_01", made["S1", "Directions 1"]),
            ("S1", "s_01_act_10", made["S1", "SittingDown"]),
        ],
        "test": [
            ("S9", "s_09_act_14_subact_01", made["S9", "Walking"]),
            ("S9", "s_09_act_15_subact_02", made["S9", "WalkDog 2"]),
            ("S9", "s_09_act_12_subact_01", made["S9", "TakingPhoto"]),
        ],
    }
    path: Path = files.write_motionbert(root, parts)
    return path


FORMS: dict[str, Callable[[Any, Path, Any], Path]] = {
    "cdf": lambda files, root, made: files.write_cdf(root, made),
    "cdf_mono": lambda files, root, made: files.write_cdf(root, made, "D3_Positions_mono"),
    "h5": lambda files, root, made: files.write_h5(root, made),
    "npz": lambda files, root, made: files.write_npz(root, made),
    "mmpose": lambda files, root, made: files.write_mmpose(root, made, "test"),
    "motionbert": as_motionbert,
}
OTHER = {
    ("S1", "Directions subaction 1"): ("S1", "Directions 1"),
    ("S9", "Walking subaction 1"): ("S9", "Walking"),
    ("S9", "WalkDog subaction 2"): ("S9", "WalkDog 2"),
    ("S9", "Photo subaction 1"): ("S9", "TakingPhoto"),
    ("S9", "Photo"): ("S9", "TakingPhoto"),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_joints_and_pictures(
    files: Any, made: Any, tmp_path: Path, form: str
) -> None:
    clips = read(FORMS[form](files, tmp_path, made), source=form)
    assert len(clips) == 5
    for name, clip in clips.items():
        key = OTHER.get(name, name)
        joints = clip.motion.pose.joints.numpy()
        assert np.abs(joints - truth(files, made[key])).max() < 1e-5  # 0.01 mm; float32 files too
        assert clip.motion.fps == 50
        assert bool(clip.motion.observed.all())
        assert [view.name for view in clip.views] == list(files.CAMERAS)
        for view in clip.views:
            expected = files.pixels(made[key][:, files.MOVING], key[0], view.name)
            assert np.abs(view.keypoints.pose.keypoints.numpy() - expected).max() < 1e-3
            assert view.source == "projected"
            assert view.camera.lens == "human36m"
            assert view.camera.image_size == (
                1002 if view.name in {"54138969", "60457274"} else 1000,
                1000,
            )


def test_single_precision_projects_within_a_thousandth_pixel(
    files: Any, made: Any, tmp_path: Path
) -> None:
    for key, clip in read(files.write_cdf(tmp_path, made), dtype=torch.float32).items():
        world = made[OTHER.get(key, key)][:, files.MOVING]
        for view in clip.views:
            seen = view.camera.project(clip.motion.pose.joints).numpy()
            assert np.abs(seen - files.pixels(world, key[0], view.name)).max() < 1e-3


@pytest.mark.parametrize("write", ["write_xml", "write_cameras_h5"])
def test_cameras_beside_the_poses_are_taken(
    files: Any, made: Any, tmp_path: Path, write: str
) -> None:
    """Sharper than the table's float32 source: the file's own numbers to 1e-9 px."""
    path = getattr(files, write)(files.write_cdf(tmp_path, made), made)
    assert path.name in Human36m(tmp_path, partial=True).cameras_from
    for key, clip in read(tmp_path).items():
        world = made[OTHER.get(key, key)][:, files.MOVING]
        for view in clip.views:
            apart = view.keypoints.pose.keypoints.numpy() - files.pixels(world, key[0], view.name)
            assert np.abs(apart).max() < 1e-9


def test_world_is_y_up_in_metres_and_cameras_stand_upright_in_it(
    files: Any, made: Any, tmp_path: Path
) -> None:
    clip = read(files.write_cdf(tmp_path, made))["S9", "Walking"]
    # Middle of the room, 0.2 m along x, 0.3 m to the other side, hips at about 0.95 m.
    assert clip.motion.pose.joints.mean((0, 1)).tolist() == pytest.approx(
        [0.2, 0.95, 0.3], abs=0.15
    )
    for view in clip.views:
        up_in_picture = view.camera.cam_from_world[:3, 1]
        assert float(up_in_picture[1]) < -0.9
        place = -view.camera.cam_from_world[:3, :3].T @ view.camera.cam_from_world[:3, 3]
        assert 1.4 < float(place[1]) < 1.7  # tripods
    first = clip.views[0].camera
    place = -first.cam_from_world[:3, :3].T @ first.cam_from_world[:3, 3]
    assert place.tolist() == pytest.approx([2.04445849609375, 1.4812275390625, -4.9351171875])


def test_orders_of_joints(files: Any, made: Any, tmp_path: Path) -> None:
    root = files.write_cdf(tmp_path, {("S9", "Walking"): made["S9", "Walking"]})
    for skeleton in (H36M_17, H36M_17_LEFT_FIRST, H36M_16):
        clip = read(root, skeleton=skeleton)["S9", "Walking"]
        assert clip.motion.pose.skeleton == skeleton
        assert clip.views[0].keypoints.pose.skeleton == skeleton
        for joint, stored in (("right_ankle", 3), ("left_ankle", 8), ("left_wrist", 19)):
            got = clip.motion.pose.joints[:, skeleton.index(joint)] * 1000
            x, y, z = made["S9", "Walking"][:, stored].T
            assert np.allclose(got.numpy(), np.stack([x, z, -y], -1))
    assert len(H36M_16) == 16
    assert "neck_nose" not in H36M_16.joints
    assert H36M_17.index("right_ankle") == 3
    assert H36M_17_LEFT_FIRST.index("right_ankle") == 6


@pytest.mark.parametrize("left_first", [False, True])
def test_archives_of_17_joints_are_told_by_the_body(
    files: Any, tmp_path: Path, left_first: bool
) -> None:
    """A person: hips and shoulders on their sides; the two circulating orders must come out alike."""
    world = np.zeros((4, 17, 3))
    world[:, :, 2] = np.linspace(0.1, 1.7, 17)
    world[:, [1, 2, 3, 14, 15, 16], 1] = -0.2  # the right side, z up, looking along x
    world[:, [4, 5, 6, 11, 12, 13], 1] = 0.2
    order = [0, 4, 5, 6, 1, 2, 3, *range(7, 17)] if left_first else list(range(17))
    files.save_objects(
        tmp_path / "data_3d_h36m.npz",
        positions_3d={"S9": {"Walking": world[:, order].astype(np.float32)}},
    )
    joints = read(tmp_path)["S9", "Walking"].motion.pose.joints
    expected = np.stack([world[..., 0], world[..., 2], -world[..., 1]], -1)
    assert np.allclose(joints.numpy(), expected)


def test_universal_joints_are_apart(files: Any, made: Any, tmp_path: Path) -> None:
    files.write_cdf(tmp_path, made, "D3_Positions_mono_universal")
    with pytest.raises(Exception, match=r"got only cdf_universal"):
        Human36m(tmp_path)
    for clip in read(tmp_path, source="cdf_universal").values():
        assert not clip.measured
        assert clip.views == ()


def test_frame_rate_of_thinned_archives(files: Any, tmp_path: Path) -> None:
    """MMPose keeps every fifth frame; a picture that lacks is not observed."""
    made = files.takes({"S9": ["Walking"]}, frames=31)
    root = files.write_mmpose(tmp_path, made, "test", step=5)
    archive = dict(np.load(root / "h36m_test.npz"))
    kept = np.array(["_000011.jpg" not in name for name in archive["imgname"]])
    np.savez(root / "h36m_test.npz", **{key: value[kept] for key, value in archive.items()})
    (clip,) = read(root).values()
    assert clip.motion.fps == 10
    assert clip.motion.observed.tolist() == [True, True, False, True, True, True, True]
    assert bool(clip.views[0].keypoints.pose.keypoints[2].isnan().all())
    expected = truth(files, made["S9", "Walking"])[15]
    assert np.allclose(clip.motion.pose.joints[3].numpy(), expected)


def test_names_of_actions_are_whole_words() -> None:
    named = {
        "Sitting": ("Sitting", "Sitting"),
        "Sitting 2": ("Sitting", "Sitting 2"),
        "SittingDown": ("SittingDown", "SittingDown"),
        "SittingDown_1": ("SittingDown", "SittingDown 1"),
        "TakingPhoto 1": ("Photo", "Photo 1"),
        "Photo": ("Photo", "Photo"),
        "WalkingDog": ("WalkDog", "WalkDog"),
        "WalkDog 1": ("WalkDog", "WalkDog 1"),
        "WalkTogether 1": ("WalkTogether", "WalkTogether 1"),
        "Walking 3": ("Walking", "Walking 3"),
    }
    for stem, (action, name) in named.items():
        take = take_named("S5", stem)
        assert take is not None
        assert (take.action, take.name) == (action, name)
    for stem in ("_ALL 1", "Walk", "Directions 1.54138969", "Sitting Down", ""):
        assert take_named("S5", stem) is None


def test_splits(files: Any, tmp_path: Path) -> None:
    everybody = {f"S{number}": ["Eating"] for number in (1, 5, 6, 7, 8, 9, 11)}
    root = tmp_path / "data_3d_h36m.npz"
    small = {
        subject: {"Eating": np.random.default_rng(0).normal(size=(3, 32, 3)).astype(np.float32)}
        for subject in everybody
    }
    files.save_objects(root, positions_3d=small)
    dataset = Human36m(root, partial=True)
    assert isinstance(dataset, Dataset)
    assert dataset.splits == ("train", "val", "test", "trainval")
    people = {split: [clip.subject for clip in dataset.clips(split)] for split in dataset.splits}
    assert people == {
        "train": ["S1", "S5", "S6", "S7"],
        "val": ["S8"],
        "test": ["S9", "S11"],
        "trainval": ["S1", "S5", "S6", "S7", "S8"],
    }
    assert all(isinstance(clip, MotionClip) for clip in dataset.clips("test"))
    without = Human36m(root, partial=True, val_subjects=())
    assert without.splits == ("train", "test")
    assert [clip.subject for clip in without.clips("train")] == people["trainval"]
