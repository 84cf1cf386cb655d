"""A good file for every reader of data sets: see `attack_seeds`."""

from pathlib import Path

import h5py
import numpy as np

from lift3d.training.retarget_file import FORMAT, VERSION
from tests.datasets import (
    test_aistpp,
    test_amass,
    test_h3wb,
    test_mocap_h5,
    test_pw3d,
)
from tests.datasets import test_mpi_inf_3dhp as mpi
from tests.datasets import test_picture_sets as sets
from tests.helpers import human36m_files
from tests.helpers.attack_seeds import as_json, made

DANCE = test_aistpp.NAME
_TAKES = human36m_files.takes({"S1": ["Walking"]}, frames=2)


def amass() -> list[bytes]:
    return made(test_amass.save, "*.npz")


def mocap_h5() -> list[bytes]:
    return made(lambda at: test_mocap_h5.write(at / "a.h5", {}), "*.h5")


def rotations_h5() -> list[bytes]:
    def write(folder: Path) -> None:
        with h5py.File(folder / "a.h5", "w") as file:
            file.attrs.update({"format": FORMAT, "version": VERSION, "joint_names": '["a", "b"]'})
            group = file.create_group("train")
            group["axis_angle"] = np.zeros((3, 2, 3), np.float32)
            group["transl"] = np.zeros((3, 3), np.float32)
            group["ok"], group["clip_starts"] = np.ones(3, bool), [0, 3]
            group["fps"], group["weight"] = [30.0], [1.0]
            group["name"] = group["subject"] = np.array(["a"], "S3")

    return made(write, "*.h5")


def aistpp() -> list[bytes]:
    return made(test_aistpp.save, "keypoints3d/*.pkl")


def aistpp_2d() -> list[bytes]:
    return made(test_aistpp.save, "keypoints2d/*.pkl")


def aistpp_motions() -> list[bytes]:
    return made(test_aistpp.save, "motions/*.pkl")


def aistpp_mapping() -> list[bytes]:
    return made(test_aistpp.save, "mapping.txt")


def aistpp_cameras() -> list[bytes]:
    return made(test_aistpp.save, "setting1.json")


def beside_aistpp(folder: Path) -> None:
    test_aistpp.save(folder)


def pw3d() -> list[bytes]:
    return made(test_pw3d.save, "*.pkl")


def h3wb_json() -> list[bytes]:
    sample = {"keypoints_3d": test_h3wb.points(np.ones((133, 3)))}
    path = "S5/Images/WalkingDog 1.54138969/frame_1005.jpg"
    return as_json({"7": sample | {"image_path": path}})


def h3wb_npz() -> list[bytes]:
    world = np.random.default_rng(0).uniform(-500, 500, (2, 133, 3)) + np.array([0, 0, 900])
    return made(lambda at: test_h3wb.archive(human36m_files, at, world, [10, 15]), "*.npz")


def human36m_npz() -> list[bytes]:
    return made(lambda at: human36m_files.write_npz(at, _TAKES), "data_3d_h36m.npz")


def human36m_h5() -> list[bytes]:
    return made(lambda at: human36m_files.write_h5(at, _TAKES), "*.h5")


def human36m_mmpose() -> list[bytes]:
    return made(lambda at: human36m_files.write_mmpose(at, _TAKES, "train"), "*.npz")


def human36m_motionbert() -> list[bytes]:
    world = _TAKES["S1", "Walking"]
    parts = {"train": [("S1", "s_01_act_02_subact_01", world)]}
    parts["test"] = [("S9", "s_09_act_02_subact_01", world)]
    return made(lambda at: human36m_files.write_motionbert(at, parts), "*.pkl")


def cdf() -> list[bytes]:
    values = np.ones((2, 96))
    return made(lambda at: human36m_files.write_cdf_file(at / "a.cdf", values), "*.cdf")


def cameras_xml() -> list[bytes]:
    return made(lambda at: human36m_files.write_xml(at, _TAKES), "*.xml")


def cameras_h5() -> list[bytes]:
    return made(lambda at: human36m_files.write_cameras_h5(at, _TAKES), "*.h5")


def cameras_pkl() -> list[bytes]:
    return made(lambda at: human36m_files.write_mmpose(at, _TAKES, "train"), "*.pkl")


def mpi_mat() -> list[bytes]:
    return made(lambda at: mpi.write_train(at, mpi.world_mm(2)), "*.mat")


def mpi_calibration() -> list[bytes]:
    return [mpi.calibration().encode()]


def beside_mpi(folder: Path) -> None:
    mpi.write_train(folder / "S1/Seq1", mpi.world_mm(2))


def mpi_test() -> list[bytes]:
    return made(mpi.write_test, "*.mat")


def mpii_mat() -> list[bytes]:
    return made(lambda at: sets.mpii_mat(at / "a.mat"), "*.mat")


def mpii_json() -> list[bytes]:
    entry = {"image": "a.jpg", "center": [9, 9], "scale": 1.0, "joints": [[1, 1]] * 16}
    return as_json([entry | {"joints_vis": [1] * 16}])


def coco_json() -> list[bytes]:
    return as_json(sets.document(sets.person()))


def crowdpose_json() -> list[bytes]:
    return as_json(sets.document(sets.person(14)))


def densepose_json() -> list[bytes]:
    return as_json(sets.document(sets.surface()))
