"""Faults that only damaged bytes have: each is told with the file's name."""

import importlib
import pickle
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from lift3d.errors import FileFormatError
from lift3d_datasets.human36m import Human36m
from lift3d_datasets.human36m_cameras import cameras_of
from lift3d_datasets.mocap_h5 import MocapH5


@pytest.fixture(scope="module")
def files() -> Any:
    folder = str(Path(__file__).parents[1] / "helpers")
    if folder not in sys.path:
        sys.path.insert(0, folder)
    return importlib.import_module("human36m_files")


@pytest.mark.parametrize(
    "change",
    [
        {"source": 1.5},
        {"source": ["s_01_act_02_subact_01", "x"]},
        {"joint_2d": [[1], [1, 2]]},
        {"camera_name": 3},
        {"source": ["nonsense"] * 2},
    ],
)
def test_a_motionbert_file_of_other_types(tmp_path: Path, change: dict[str, Any]) -> None:
    part = {
        "source": ["s_01_act_02_subact_01"] * 2,
        "camera_name": ["54138969"] * 2,
        "joint_2d": np.zeros((2, 17, 2)),
        "joint3d_image": np.zeros((2, 17, 3)),
        "2.5d_factor": np.ones(2),
        "joints_2.5d_image": np.zeros((2, 17, 3)),
    }
    path = tmp_path / "h36m_x.pkl"
    path.write_bytes(pickle.dumps({"train": part | change, "test": part}))
    with pytest.raises(FileFormatError, match=r"h36m_x\.pkl|frames|camera"):
        list(Human36m(tmp_path, partial=True).clips("trainval"))


@pytest.mark.parametrize(
    "change",
    [{"k": np.zeros(2)}, {"f": np.zeros(1)}, {"T": np.full(3, np.nan)}, {"p": np.zeros(0)}],
)
def test_cameras_of_other_shapes(files: Any, tmp_path: Path, change: dict[str, Any]) -> None:
    camera = {"R": np.eye(3), "T": np.zeros(3), "f": np.ones(2), "c": np.ones(2)}
    camera |= {"k": np.zeros(3), "p": np.zeros(2)}
    path = tmp_path / "cameras.pkl"
    path.write_bytes(pickle.dumps({("S1", files.CAMERAS[0]): camera}))
    assert cameras_of(tmp_path)[1] == str(path)
    path.write_bytes(pickle.dumps({("S1", files.CAMERAS[0]): camera | change}))
    with pytest.raises(FileFormatError, match="camera"):
        cameras_of(tmp_path)


def test_xml_in_16_bits_hides_no_entities(tmp_path: Path) -> None:
    text = (
        '<?xml version="1.0" encoding="utf-16"?><!DOCTYPE x [<!ENTITY a "1 ">]><x><w0>&a;</w0></x>'
    )
    (tmp_path / "metadata.xml").write_bytes(text.encode("utf-16"))
    with pytest.raises(FileFormatError, match="document type"):
        cameras_of(tmp_path)


@pytest.mark.parametrize("names", [b"\xff\xfe", b"hips"])
def test_motion_capture_with_names_that_are_no_text(tmp_path: Path, names: bytes) -> None:
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        clip = file.create_group("clips/jump")
        clip["joint_names"] = np.array([names], "S4")
        clip.attrs.update({"subject": "s", "split": "train", "fps": "x"})
    with pytest.raises(FileFormatError, match=r"x\.h5"):
        list(MocapH5(path).clips("train"))
    (finding,) = MocapH5.examine(path)
    assert finding.detail == "1 clips: 1 to train, 0 to val, 0 to test"
    path.write_bytes(b"garbage")
    (finding,) = MocapH5.examine(path)
    assert not finding.present
