"""Every plug-in that comes with lift3d obeys the laws for plug-ins."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from shutil import which

import numpy as np
import pytest

import lift3d
from lift3d.detection.following import FollowingDetector
from lift3d.errors import MissingDependencyError
from lift3d.io.keypoints.sniff import FORMATS
from lift3d.io.keypoints.specimen import Specimen
from lift3d.samples import balancing
from lift3d.testing import (
    check_body_model,
    check_dataset,
    check_detector,
    check_lifter,
    check_reader,
    check_regressor,
    check_viewer,
)
from tests.datasets import test_aistpp, test_amass, test_folder_mocap, test_mocap_h5, test_pw3d
from tests.datasets import test_h3wb as h3wb
from tests.datasets import test_mpi_inf_3dhp as mpi
from tests.datasets import test_picture_sets as sets
from tests.detection.networks import DOTS, heatmap_network, with_dots
from tests.helpers import attack_seeds, detector_packages, human36m_files
from tests.helpers.family_files import JOINTS, arrays, write_npz
from tests.helpers.virtual_display import virtual_display

PEOPLE = np.random.default_rng(0).uniform((-500, -500, 400), (500, 500, 1400), (3, 133, 3))  # mm
TAKES = {"S1": ["Walking"], "S9": ["Walking"]}

DATASETS: dict[str, Callable[[Path], object]] = {
    "3dpw": test_pw3d.save,
    "aistpp": test_aistpp.save,
    "amass": test_amass.save,
    "bvh": lambda at: test_folder_mocap.bvh(at / "01_01.bvh", ["0 90 0 0 0 0"] * 3),
    "coco": lambda at: sets.coco(at, sets.person()),
    "crowdpose": lambda at: sets.save(
        at / "json/crowdpose_val.json", sets.document(sets.person(14))
    ),
    "densepose_coco": lambda at: sets.save(
        at / "annotations/densepose_coco_2014_minival.json",
        sets.document(sets.person(**sets.surface())),
    ),
    "h3wb": lambda at: h3wb.archive(human36m_files, at, PEOPLE, [10, 15, 20]),
    "human36m": lambda at: human36m_files.write_npz(at, human36m_files.takes(TAKES)),
    "mocap_h5": lambda at: test_mocap_h5.write(at / "open_motion_30hz.h5", {}),
    "mpi_inf_3dhp": lambda at: mpi.write_train(at / "S1/Seq1", mpi.world_mm(6)),
    "mpii": lambda at: sets.mpii_mat(at / "mpii_human_pose_v1_u12_1.mat"),
}
PARTIAL = {"human36m", "mpi_inf_3dhp"}
KEYPOINTS = ("json", "npy", "npz", "h5", "pickle", "csv")


@pytest.mark.parametrize("name", lift3d.lifters)
def test_lifters(name: str) -> None:
    check_lifter(lift3d.lifters[name]())


def test_the_detector_that_comes_along() -> None:
    check_detector(lift3d.detectors["builtin"]())


def test_a_detector_that_follows() -> None:
    check_detector(FollowingDetector(lift3d.detectors["builtin"]()))


def test_the_detector_of_networks_in_onnx(tmp_path: Path) -> None:
    places = [(60.0, 40.0), (90.0, 100.0), (40.0, 120.0)]
    pictures = [with_dots(size, places, 24.0) for size in ((160, 120), (150, 130), (160, 120))]
    network = heatmap_network(tmp_path / "dots.onnx")
    check_detector(lift3d.detectors["onnx"](network, DOTS), pictures)


def test_the_detector_of_keypoint_files() -> None:
    with balancing() as path:
        detector = lift3d.detectors["files"](path)
    sizes = {person.pose.image_size for person in lift3d.read_keypoints(path).people}
    ((height, width),) = sizes
    check_detector(detector, [np.zeros((height, width, 3), np.uint8)] * 3)


@pytest.mark.parametrize("name", detector_packages.PACKAGES)
def test_detectors_of_other_packages(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = detector_packages.ready(name, tmp_path, monkeypatch)
    check_detector(lift3d.detectors[name](**options))


def test_every_detector_is_among_them() -> None:
    assert set(lift3d.detectors) == {"builtin", "files", "onnx", *detector_packages.PACKAGES}


@pytest.mark.parametrize("name", ["anny", "default", "stick"])
def test_bodies_without_files(name: str) -> None:
    try:
        body = lift3d.body_models[name]()
    except MissingDependencyError as error:
        pytest.skip(str(error))
    check_body_model(body)


@pytest.mark.parametrize("name", JOINTS)
def test_bodies_of_files(name: str, tmp_path: Path) -> None:
    check_body_model(lift3d.body_models[name](write_npz(tmp_path / "model.npz", arrays(name))))


def test_every_body_is_among_them() -> None:
    assert set(lift3d.body_models) == {"anny", "default", "stick", *JOINTS}


@pytest.mark.parametrize("name", lift3d.regressors)
def test_regressors(name: str) -> None:
    body = lift3d.body_models["default"]()
    check_regressor(lift3d.regressors[name](body), body)


@pytest.mark.parametrize("name", ["pyrender", "software"])
def test_viewers(name: str) -> None:
    try:
        viewer = lift3d.viewers[name]()
    except MissingDependencyError as error:
        pytest.skip(str(error))
    check_viewer(viewer)


WINDOW = """
import lift3d
from lift3d.testing import check_viewer
check_viewer(lift3d.viewers["window"](lift3d.viewers["software"]()))
"""


@pytest.mark.skipif(which("Xvfb") is None, reason="a virtual display (Xvfb) is not installed")
def test_the_window(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with virtual_display(tmp_path) as display:
        monkeypatch.setenv("DISPLAY", display.name)
        # A process of its own: X ends whoever still knows a display that is gone.
        subprocess.run([sys.executable, "-c", WINDOW], check=True, timeout=250)


def test_every_viewer_is_among_them() -> None:
    assert set(lift3d.viewers) == {"pyrender", "software", "window"}


def test_the_dataset_without_files() -> None:
    check_dataset(lift3d.datasets["synthetic"](count=3, frames=20))


@pytest.mark.parametrize("name", DATASETS)
def test_datasets_of_files(name: str, tmp_path: Path) -> None:
    DATASETS[name](tmp_path)
    options = {"partial": True} if name in PARTIAL else {}
    check_dataset(lift3d.datasets[name](tmp_path, **options))


def test_every_dataset_is_among_them() -> None:
    # Acclaim files that are people, not the shapes that tests of its reader are made of, are real ones.
    assert set(lift3d.datasets) == {*DATASETS, "synthetic", "asf_amc"}


@pytest.mark.parametrize("name", ["mocap_h5", "asf_amc"])
def test_real_datasets(name: str, shared: Path) -> None:
    places = {"mocap_h5": "mocap", "asf_amc": "mocap/original_files"}
    root = shared / places[name]
    if not root.is_dir():
        pytest.skip(f"the folder {places[name]} is absent")
    check_dataset(lift3d.datasets[name](root))


def test_readers_of_files_made_up(tmp_path: Path) -> None:
    met: set[str] = set()
    contents = [each for kind in KEYPOINTS for each in getattr(attack_seeds, f"keypoints_{kind}")()]
    for number, content in enumerate(contents):
        path = tmp_path / f"clip{number}"
        path.write_bytes(content)
        specimen = Specimen.of(path)
        for kind in FORMATS:
            if kind.signs(specimen):
                check_reader(kind, path)
                met.add(kind.name)
                break
    assert met == {kind.name for kind in FORMATS} - {"trc"}


def test_the_reader_of_marker_tables(tmp_path: Path) -> None:
    trc = next(kind for kind in FORMATS if kind.name == "trc")
    path = tmp_path / "clip.trc"
    path.write_bytes(attack_seeds.trc()[1])
    check_reader(trc, path)


def test_the_reader_of_the_sample() -> None:
    with balancing() as path:
        check_reader(next(kind for kind in FORMATS if kind.name == "mediapipe"), path)
