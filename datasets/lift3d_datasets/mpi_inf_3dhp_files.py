"""The files of MPI-INF-3DHP: MATLAB cells and calibration to train on, HDF5 to test on."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import h5py
import numpy as np
import torch
from jaxtyping import Bool, Float
from numpy import ndarray

from lift3d.camera import Camera
from lift3d.conventions import WORLD_FROM_CAMERA
from lift3d.errors import FileFormatError
from lift3d.geometry.rigid import rigid_from
from lift3d.io.files.hdf5_check import check_hdf5
from lift3d.io.files.hdf5_values import values
from lift3d.io.files.limits import LIMITS
from lift3d.io.files.mat_files import read_mat
from lift3d.io.files.zip_entries import check_regular
from lift3d.skeleton import Skeleton

__all__ = [
    "MPI_INF_3DHP_17",
    "MPI_INF_3DHP_28",
    "Joints",
    "Sequence",
    "read_calibration",
    "read_test",
    "read_train",
]

MPI_INF_3DHP_28: Final = Skeleton(
    "mpi_inf_3dhp_28",
    (
        "spine3", "spine4", "spine2", "spine", "pelvis", "thorax", "head", "head_top",
        "left_clavicle", "left_shoulder", "left_elbow", "left_wrist", "left_hand",
        "right_clavicle", "right_shoulder", "right_elbow", "right_wrist", "right_hand",
        "left_hip", "left_knee", "left_ankle", "left_foot", "left_toe",
        "right_hip", "right_knee", "right_ankle", "right_foot", "right_toe",
    ),
    (2, 0, 3, 4, -1, 1, 5, 6, 5, 8, 9, 10, 11, 5, 13, 14, 15, 16, 4, 18, 19, 20, 21, 4, 23, 24, 25, 26),
)  # fmt: skip
"""All joints of the training files. What the set calls neck is `thorax` here: the base of the neck."""

_TEST_ORDER: Final = (7, 5, 14, 15, 16, 9, 10, 11, 23, 24, 25, 18, 19, 20, 4, 3, 6)

MPI_INF_3DHP_17: Final = MPI_INF_3DHP_28.subset(
    "mpi_inf_3dhp_17", tuple(MPI_INF_3DHP_28.joints[index] for index in _TEST_ORDER)
)
"""The joints of the test files, in their order; the root is the fifteenth."""

_VIDEO_FRAMES: Final[Mapping[tuple[str, str], tuple[int, float]]] = {
    ("S1", "Seq1"): (6416, 25.0), ("S1", "Seq2"): (12430, 50.0), ("S2", "Seq1"): (6502, 25.0),
    ("S2", "Seq2"): (6081, 25.0), ("S3", "Seq1"): (12488, 50.0), ("S3", "Seq2"): (12283, 50.0),
    ("S4", "Seq1"): (6171, 25.0), ("S4", "Seq2"): (6675, 25.0), ("S5", "Seq1"): (12820, 50.0),
    ("S5", "Seq2"): (12312, 50.0), ("S6", "Seq1"): (6188, 25.0), ("S6", "Seq2"): (6145, 25.0),
    ("S7", "Seq1"): (6239, 25.0), ("S7", "Seq2"): (6320, 25.0), ("S8", "Seq1"): (6468, 25.0),
    ("S8", "Seq2"): (6054, 25.0),
}  # fmt: skip
"""Frames of the videos and frames per second: annotations may run on beyond the pictures."""
_TEST_FPS: Final = 25.0
_FIT: Final = 20.0
"""Test joints must project to within this (pixels, median) through the fitted camera."""

Joints = Literal["measured", "universal"]


@dataclass(frozen=True, slots=True, eq=False)
class Sequence:
    """Joints in our world (metres), which frames are valid, and each view's camera and pixels."""

    joints: Float[ndarray, "frames joints 3"]
    valid: Bool[ndarray, " frames"]
    fps: float
    skeleton: Skeleton
    views: Mapping[str, tuple[Camera, ndarray]]


def read_calibration(path: Path) -> dict[int, Camera]:
    """The cameras of a `camera.calibration` file by number, in metres; its world is y up already.

    Seven lines per camera: name, sensor, size (width height), animated, intrinsic and extrinsic
    (4 x 4, row by row, millimetres, world to camera), radial. Radial terms are 0 in the set.
    """
    cameras: dict[int, Camera] = {}
    try:
        check_regular(path)
        words = [line.split() for line in path.read_text(encoding="utf-8").splitlines()]
        block: dict[str, list[str]] = {}
        for key, *values in (line for line in words if line):
            block[key] = values
            if key == "radial":
                cameras[int(block["name"][0])] = _camera_of(block)
                block = {}
    except (OSError, ValueError, KeyError, IndexError) as error:
        raise FileFormatError(
            f"expected a camera.calibration of MPI-INF-3DHP at '{path}', got "
            f"{type(error).__name__}: {error}"
        ) from error
    return cameras


def _camera_of(block: Mapping[str, list[str]]) -> Camera:
    inner = np.array([float(v) for v in block["intrinsic"]]).reshape(4, 4)
    outer = np.array([float(v) for v in block["extrinsic"]]).reshape(4, 4)
    if any(float(v) for v in block["radial"]):
        raise ValueError("a lens with radial terms, whose formula is not documented")
    width, height = (int(v) for v in block["size"])
    rotation, translation = torch.from_numpy(outer[:3, :3]), torch.from_numpy(outer[:3, 3] / 1000)
    return Camera(
        torch.from_numpy(inner[:3, :3]).contiguous(),
        rigid_from(rotation, translation),
        torch.zeros(5, dtype=torch.float64),
        (height, width),
    )


def read_train(
    folder: Path, key: tuple[str, str], joints: Joints, wanted: tuple[int, ...]
) -> Sequence:
    """A sequence of (person, sequence), seen by the cameras that are wanted."""
    cameras = read_calibration(folder / "camera.calibration")
    name = "annot3" if joints == "measured" else "univ_annot3"
    stored = _cells(folder / "annot.mat", ("annot2", name))
    frames, fps = _VIDEO_FRAMES[key]
    used = [c for c in wanted if c in cameras and c < len(stored[name])]
    if not used:
        raise FileFormatError(
            f"expected some of the cameras {', '.join(map(str, wanted))} in '{folder}', got "
            f"{', '.join(map(str, cameras)) or 'none'}: name others with cameras=(...)"
        )
    first = cameras[used[0]].cam_from_world.numpy()
    local = _frames(stored[name][used[0]], 3, folder)[:frames] / 1000
    if joints == "universal":
        # On a body of another size the place in the room means nothing: only turn upright.
        world = local @ first[:3, :3]
        return Sequence(world, np.ones(len(world), bool), fps, MPI_INF_3DHP_28, {})
    world = (local - first[:3, 3]) @ first[:3, :3]
    views = {str(c): (cameras[c], _frames(stored["annot2"][c], 2, folder)[:frames]) for c in used}
    if any(len(pixels) != len(world) for _, pixels in views.values()):
        raise FileFormatError(
            f"expected {len(world)} frames of 2D for each camera in '{folder}', got "
            f"{', '.join(str(len(pixels)) for _, pixels in views.values())}: get the file again"
        )
    return Sequence(world, np.ones(len(world), bool), fps, MPI_INF_3DHP_28, views)


def _cells(path: Path, names: tuple[str, ...]) -> dict[str, list[ndarray]]:
    """Cell arrays of a MATLAB 5 file, one entry per camera."""
    try:
        content = read_mat(path, names)
        return {name: [np.asarray(cell[0]) for cell in content[name]] for name in names}
    except Exception as error:  # a parser of a binary format raises whatever it runs into
        raise FileFormatError(
            f"expected MATLAB cells {', '.join(names)} in '{path}', got {type(error).__name__} "
            f"({error}): get the file again"
        ) from error


def _frames(flat: ndarray, axes: int, where: Path) -> Float[ndarray, "frames 28 axes"]:
    if flat.dtype.kind != "f" or flat.ndim != 2 or flat.shape[1] != 28 * axes:
        raise FileFormatError(
            f"expected frames of 28 joints with {axes} numbers each in '{where}', got {flat.dtype} "
            f"of shape {flat.shape}: get the file again"
        )
    return flat.reshape(-1, 28, axes).astype(np.float64)


def read_test(folder: Path, who: str, joints: Joints) -> Sequence:
    """A test sequence; its camera stands at the world's origin."""
    path = folder / "annot_data.mat"
    try:
        check_hdf5(path)
        with h5py.File(path) as file:
            pixels, local, universal = (
                values(file, name, LIMITS.values).astype(np.float64).reshape(-1, 17, axes)
                for name, axes in (("annot2", 2), ("annot3", 3), ("univ_annot3", 3))
            )
            valid = np.ravel(values(file, "valid_frame")) > 0
    except (OSError, KeyError, ValueError, TypeError, AttributeError, RuntimeError) as error:
        raise FileFormatError(
            f"expected annot2, annot3, univ_annot3 and valid_frame in '{path}', got "
            f"{type(error).__name__}: {error}"
        ) from error
    local, universal = local / 1000, universal / 1000
    if not len(pixels) == len(local) == len(universal) == len(valid):
        raise FileFormatError(
            f"expected equally many frames in '{path}', got {len(pixels)} of 2D, {len(local)} of 3D, "
            f"{len(universal)} universal, {len(valid)} flags: get the file again"
        )
    turn = WORLD_FROM_CAMERA.numpy()
    if joints == "universal":
        return Sequence(universal @ turn.T, valid, _TEST_FPS, MPI_INF_3DHP_17, {})
    size = (1080, 1920) if who in {"TS5", "TS6"} else (2048, 2048)
    camera = _fitted_camera(local[valid], pixels[valid], size, path)
    return Sequence(local @ turn.T, valid, _TEST_FPS, MPI_INF_3DHP_17, {"0": (camera, pixels)})


def _line(rows: ndarray, seen: ndarray, path: Path) -> tuple[float, float]:
    try:
        (focal, centre), *_ = np.linalg.lstsq(rows, seen, rcond=None)
    except np.linalg.LinAlgError as error:
        raise FileFormatError(
            f"expected 2D and 3D of one camera in '{path}', got numbers of no camera ({error}): "
            "get the file again"
        ) from error
    return float(focal), float(centre)


def _fitted_camera(
    points: Float[ndarray, "frames 17 3"],
    pixels: Float[ndarray, "frames 17 2"],
    size: tuple[int, int],
    path: Path,
) -> Camera:
    """Focal lengths and centre by least squares: u z = f x + c z, for each axis on its own."""
    intrinsics = np.eye(3)
    apart: list[ndarray] = []
    for axis in (0, 1):
        rows = points[..., [axis, 2]].reshape(-1, 2)
        seen = (pixels[..., axis] * points[..., 2]).reshape(-1)
        focal, centre = _line(rows, seen, path)
        intrinsics[axis, axis], intrinsics[axis, 2] = focal, centre
        apart.append((rows @ [focal, centre] - seen) / rows[:, 1])
    error = float(np.median(np.hypot(*apart))) if len(points) else 0.0
    if not error < _FIT or not intrinsics[0, 0] > 0:
        raise FileFormatError(
            f"expected 2D and 3D of one camera in '{path}', got joints that project {error:.0f} px "
            "away: annot3 projects, univ_annot3 does not"
        )
    outer = rigid_from(WORLD_FROM_CAMERA, torch.zeros(3, dtype=torch.float64))
    return Camera(torch.from_numpy(intrinsics), outer, torch.zeros(5, dtype=torch.float64), size)
