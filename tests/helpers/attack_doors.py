"""Every reader of lift3d that opens files, as a door: where a file stands, who reads it, what is good.

Attacks (`tests/security`) and damaged files (`scripts/fuzz`) are put in front of all of them. Readers
of data sets are asked for everything that they have.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.helpers import attack_seeds as seeds
from tests.helpers import attack_seeds_sets as sets

__all__ = ["DOORS", "Door"]

Bytes = Callable[[], list[bytes]]


@dataclass(frozen=True, slots=True)
class Door:
    """`read` gets the folder in which `place` was written; `around` fills the folder before.

    `kinds` are words for the formats that the reader knows: attacks of these kinds are meant for it.
    `plain` readers hand on whatever plain data there is, bombs as well as long as they are small.
    """

    kinds: str
    place: str
    read: Callable[[Path], object]
    seeds: Bytes
    around: Callable[[Path], object] = field(default=lambda _: None)
    plain: bool = False


def _keypoints(folder: Path) -> object:
    from lift3d.errors import SkeletonError
    from lift3d.io import read_keypoints

    (path,) = folder.iterdir()
    try:
        return str(read_keypoints(path, image_size=(1080, 1920)).report)
    except SkeletonError:  # made-up points are like no body: what comes after is tried, too
        with suppress(SkeletonError):
            return str(read_keypoints(path, "coco_17").report)
        return str(read_keypoints(path, "body_25").report)


def _pickle(folder: Path) -> object:
    from lift3d.io.files.safe_pickle import read_pickle

    return read_pickle(folder / "a.pkl", limit_bytes=100_000_000, limit_steps=500_000)


def _objects(folder: Path) -> object:
    from lift3d.io.files.safe_pickle import read_object_npz

    return read_object_npz(folder / "a.npz", limit_bytes=100_000_000)


def _torch(folder: Path) -> object:
    from lift3d.io.files.safe_torch import read_torch_tensors

    return read_torch_tensors(folder / "a.pt", limit_bytes=100_000_000)


def _body(folder: Path) -> object:
    from lift3d_body_models.model_files import read_model

    return read_model(next(folder.glob("body.*")))


def _clip(folder: Path) -> object:
    from lift3d.io import read_clip

    return read_clip(folder / "clip.npz")


def _recording(folder: Path) -> object:
    from lift3d.io.motion.recordings import read_recording

    return read_recording(next(folder.glob("take_01.*")))


def _weights(folder: Path) -> object:
    from lift3d.lifting.universal_net import load_weights

    return load_weights(folder / "w.safetensors")


def _exemplars(folder: Path) -> object:
    from lift3d.lifting.exemplars import load_library

    return load_library(folder / "w.safetensors")


def _rotations(folder: Path) -> object:
    from lift3d.training.pose_bank import read_rotations

    return read_rotations(folder / "bank.h5")


def _heatmaps(name: str) -> Callable[[Path], object]:
    def read(folder: Path) -> object:
        from lift3d.decoders.limbs import LIMB_MODELS
        from lift3d.decoders.openpose_maps import read_openpose_maps

        return read_openpose_maps(folder / name, LIMB_MODELS[0])

    return read


def _clips(name: str, **options: object) -> Callable[[Path], object]:
    """All clips of a data set."""

    def read(folder: Path) -> object:
        from lift3d.plugins import datasets

        found = datasets[name](folder, **options)
        return _all(found.clips(split) for split in found.splits)

    return read


def _pictures(name: str) -> Callable[[Path], object]:
    def read(folder: Path) -> object:
        from lift3d.plugins import datasets

        found = datasets[name](folder)
        return _all(found.pictures(split) for split in found.splits)

    return read


def _surfaces(folder: Path) -> object:
    from lift3d_datasets.densepose_coco import DensePoseCoco

    found = DensePoseCoco(folder)
    return _all((found.pictures("minival"), found.part_maps("minival")))


def _cameras(folder: Path) -> object:
    from lift3d_datasets.human36m_cameras import cameras_of

    return cameras_of(folder)


def _cdf(folder: Path) -> object:
    from lift3d_datasets.human36m_cdf import read_cdf_pose

    return read_cdf_pose(folder / "a.cdf")


def _all(parts: Iterable[Iterable[object]]) -> int:
    return sum(1 for part in parts for _ in part)


_S1: Final = "S1/Seq1/"
_DANCES: Final = _clips("aistpp")
_HUMAN: Final = _clips("human36m", partial=True)
_MPI: Final = _clips("mpi_inf_3dhp", partial=True)

DOORS: Final[dict[str, Door]] = {
    "keypoints_json": Door("json", "a_1.json", _keypoints, seeds.keypoints_json),
    "keypoints_npy": Door("npy", "a.npy", _keypoints, seeds.keypoints_npy),
    "keypoints_npz": Door("npz", "a.npz", _keypoints, seeds.keypoints_npz),
    "keypoints_h5": Door("hdf5", "a.h5", _keypoints, seeds.keypoints_h5),
    "keypoints_pickle": Door("pickle", "a.pkl", _keypoints, seeds.keypoints_pickle),
    "keypoints_csv": Door("text", "a.csv", _keypoints, seeds.keypoints_csv),
    "keypoints_trc": Door("text", "a.trc", _keypoints, seeds.trc),
    "pickle": Door("pickle", "a.pkl", _pickle, seeds.pickles, plain=True),
    "objects_npz": Door("npz npy", "a.npz", _objects, seeds.keypoints_npz, plain=True),
    "torch_zip": Door("torch", "a.pt", _torch, seeds.torch_zip, plain=True),
    "body_pickle": Door("pickle", "body.pkl", _body, seeds.body_pickle),
    "body_npz": Door("npz", "body.npz", _body, seeds.body_npz),
    "body_safetensors": Door("safetensors", "body.safetensors", _body, seeds.body_safetensors),
    "clip_npz": Door("npz", "clip.npz", _clip, seeds.clip_npz),
    "recording_bvh": Door("bvh text", "take_01.bvh", _recording, seeds.bvh),
    "recording_amc": Door("amc text", "take_01.amc", _recording, seeds.amc, seeds.beside_amc),
    "recording_asf": Door("asf text", "take.asf", _recording, seeds.asf, seeds.beside_asf),
    "recording_c3d": Door("c3d", "take_01.c3d", _recording, seeds.c3d),
    "recording_trc": Door("text", "take_01.trc", _recording, seeds.trc),
    "weights": Door("safetensors", "w.safetensors", _weights, seeds.weights),
    "exemplars": Door("safetensors", "w.safetensors", _exemplars, seeds.exemplars),
    "rotations_h5": Door("hdf5", "bank.h5", _rotations, sets.rotations_h5),
    "heatmaps_float": Door("binary", "a.float", _heatmaps("a.float"), seeds.heatmaps_float),
    "heatmaps_png": Door("picture", "a.png", _heatmaps("a.png"), seeds.heatmaps_png),
    "amass": Door("npz", "CMU/01/a_poses.npz", _clips("amass"), sets.amass),
    "mocap_h5": Door("hdf5", "cmu_mocap_30hz.h5", _clips("mocap_h5"), sets.mocap_h5),
    "aistpp": Door(
        "pickle",
        f"keypoints3d/{sets.DANCE}.pkl",
        _DANCES,
        sets.aistpp,
        sets.beside_aistpp,
    ),
    "aistpp_cameras": Door(
        "json", "cameras/setting1.json", _DANCES, sets.aistpp_cameras, sets.beside_aistpp
    ),
    "aistpp_2d": Door(
        "pickle",
        f"keypoints2d/{sets.DANCE}.pkl",
        _DANCES,
        sets.aistpp_2d,
        sets.beside_aistpp,
    ),
    "aistpp_motions": Door(
        "pickle",
        f"motions/{sets.DANCE}.pkl",
        _DANCES,
        sets.aistpp_motions,
        sets.beside_aistpp,
    ),
    "aistpp_mapping": Door(
        "text",
        "cameras/mapping.txt",
        _DANCES,
        sets.aistpp_mapping,
        sets.beside_aistpp,
        plain=True,
    ),
    "pw3d": Door("pickle", "sequenceFiles/train/a.pkl", _clips("3dpw"), sets.pw3d),
    "h3wb_json": Door("json", "RGBto3D_train.json", _clips("h3wb"), sets.h3wb_json),
    "h3wb_npz": Door("npz", "h3wb_train.npz", _clips("h3wb"), sets.h3wb_npz),
    "human36m_npz": Door("npz", "data_3d_h36m.npz", _HUMAN, sets.human36m_npz),
    "human36m_h5": Door(
        "hdf5",
        "S1/MyPoses/3D_positions/Walking.h5",
        _HUMAN,
        sets.human36m_h5,
    ),
    "human36m_mmpose": Door("npz", "h36m_train.npz", _HUMAN, sets.human36m_mmpose),
    "human36m_motionbert": Door(
        "pickle",
        "h36m_sh_conf_cam_source_final.pkl",
        _HUMAN,
        sets.human36m_motionbert,
    ),
    "human36m_cdf": Door("cdf", "a.cdf", _cdf, sets.cdf),
    "human36m_xml": Door("xml", "metadata.xml", _cameras, sets.cameras_xml),
    "human36m_cameras_h5": Door("hdf5", "cameras.h5", _cameras, sets.cameras_h5),
    "human36m_cameras_pkl": Door("pickle", "cameras.pkl", _cameras, sets.cameras_pkl),
    "mpi_train": Door(
        "mat",
        f"{_S1}annot.mat",
        _MPI,
        sets.mpi_mat,
        sets.beside_mpi,
    ),
    "mpi_calibration": Door(
        "text",
        f"{_S1}camera.calibration",
        _MPI,
        sets.mpi_calibration,
        sets.beside_mpi,
    ),
    "mpi_test": Door(
        "hdf5",
        "mpi_inf_3dhp_test_set/TS1/annot_data.mat",
        _MPI,
        sets.mpi_test,
    ),
    "mpii_mat": Door("mat", "mpii_human_pose_v1_u12_1.mat", _pictures("mpii"), sets.mpii_mat),
    "mpii_json": Door("json", "annot/train.json", _pictures("mpii"), sets.mpii_json),
    "coco_json": Door("json", "person_keypoints_val2017.json", _pictures("coco"), sets.coco_json),
    "crowdpose_json": Door(
        "json", "crowdpose_val.json", _pictures("crowdpose"), sets.crowdpose_json
    ),
    "bvh_folder": Door("bvh text", "a.bvh", _clips("bvh"), seeds.bvh),
    "asf_amc_folder": Door(
        "amc text", "02_01.amc", _clips("asf_amc"), seeds.amc, seeds.beside_amc_folder
    ),
    "densepose_json": Door(
        "json", "densepose_coco_2014_minival.json", _surfaces, sets.densepose_json
    ),
}
"""By name; in the order in which they run."""
