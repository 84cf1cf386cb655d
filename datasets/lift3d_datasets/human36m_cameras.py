"""Human3.6M's cameras: from its `metadata.xml`, `cameras.h5`, `cameras.pkl`, or a built-in table.

The world of the files is z up in millimetres; ours is y up in metres. `to_world` turns points a
quarter turn about x, and cameras are turned with them, so that pictures stay what they were.
"""

import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import h5py
import numpy as np
import torch
from jaxtyping import Float
from numpy import ndarray

from lift3d.camera import Camera
from lift3d.errors import FileFormatError
from lift3d.geometry.rigid import rigid_from
from lift3d.io.files.hdf5_check import check_hdf5
from lift3d.io.files.hdf5_values import group, values
from lift3d.io.files.safe_pickle import read_pickle
from lift3d_datasets.human36m_calibration import EXTRINSICS, INTRINSICS
from lift3d_datasets.human36m_facts import CAMERAS, subject_named

__all__ = ["Calibration", "Rig", "built_in_cameras", "cameras_of", "to_world", "turned"]

_WORLD: Final = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])
"""Turns Human3.6M's world (z up) into ours (y up)."""
_W0_LENGTH: Final = 300
_MAX_XML: Final = 16_000_000
_DEEPEST: Final = 100
_BLOCK: Final = 1 << 16


def turned(points: Float[ndarray, "*batch 3"]) -> Float[ndarray, "*batch 3"]:
    """Points of Human3.6M's world (z up) in the axes of ours (y up), exactly and in the same unit."""
    out: ndarray = points[..., [0, 2, 1]] * np.array([1, 1, -1], points.dtype)
    return out


def to_world(points_mm: Float[ndarray, "*batch 3"]) -> Float[ndarray, "*batch 3"]:
    """Human3.6M's world points (z up, millimetres) in ours (y up, metres)."""
    metres: ndarray = turned(points_mm) / np.array(1000, points_mm.dtype)
    return metres


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """One camera as the files give it: `x_camera = rotation @ (x_world - position)`, millimetres."""

    rotation: Float[ndarray, "3 3"]
    position: Float[ndarray, "3"]
    focal: Float[ndarray, "2"]
    centre: Float[ndarray, "2"]
    radial: Float[ndarray, "3"]
    tangential: Float[ndarray, "2"]

    def __post_init__(self) -> None:
        given = (
            self.rotation,
            self.position,
            self.focal,
            self.centre,
            self.radial,
            self.tangential,
        )
        shapes = tuple(values.shape for values in given)
        if shapes != ((3, 3), (3,), (2,), (2,), (3,), (2,)) or not all(
            np.isfinite(values).all() for values in given
        ):
            raise FileFormatError(
                "expected finite R [3 3], T [3], f [2], c [2], k [3] and p [2] in Human3.6M's camera "
                f"file, got {', '.join(map(str, shapes))}: get the file again"
            )
        fault = np.abs(self.rotation @ self.rotation.T - np.eye(3)).max()
        if not (fault < 1e-4 and np.linalg.det(self.rotation) > 0):
            raise FileFormatError(
                "expected a rotation in Human3.6M's camera file, got a matrix that is none: "
                "get the file again"
            )

    def world(self, points_mm: Float[ndarray, "*batch 3"]) -> Float[ndarray, "*batch 3"]:
        """Camera points (millimetres) in our world (metres)."""
        return to_world(points_mm @ self.rotation + self.position)

    def camera(self, name: str, dtype: torch.dtype) -> Camera:
        """The camera in our world, with Human3.6M's own lens."""
        (fx, fy), (cx, cy) = self.focal, self.centre
        (k1, k2, k3), (p1, p2) = self.radial, self.tangential
        rotation = torch.from_numpy(self.rotation @ _WORLD.T)
        translation = torch.from_numpy(-self.rotation @ self.position / 1000)
        return Camera(
            torch.tensor([[fx, 0, cx], [0, fy, cy], [0, 0, 1]], dtype=dtype),
            rigid_from(rotation, translation).to(dtype),
            torch.tensor([k1, k2, p1, p2, k3], dtype=dtype),
            CAMERAS[name],
            "human36m",
        )


Rig = Mapping[tuple[str, str], Calibration]
"""Calibrations by (subject, camera)."""


def cameras_of(root: Path) -> tuple[Rig, str]:
    """The cameras that lie with a dataset, and where they are from; else the built-in ones."""
    folder = root if root.is_dir() else root.parent
    readers: tuple[tuple[str, Callable[[Path], Rig]], ...] = (
        ("metadata.xml", _from_xml),
        ("cameras.h5", _from_h5),
        ("cameras.pkl", _from_pickle),
    )
    for name, read in readers:
        for place in (folder, folder / "annotation_body3d", folder.parent):
            # MMPose keeps cameras.pkl one level up; other names there may be anybody's.
            if (place / name).is_file() and (place != folder.parent or name == "cameras.pkl"):
                return read(place / name), str(place / name)
    return built_in_cameras(), "the built-in table"


def built_in_cameras() -> Rig:
    """The calibration of the seven people whose poses are public."""
    return {
        (subject, name): _calibration(EXTRINSICS[name][subject], INTRINSICS[name])
        for name in CAMERAS
        for subject in EXTRINSICS[name]
    }


def _calibration(outer: Sequence[float], inner: Sequence[float]) -> Calibration:
    angles, position = np.array(outer[:3]), np.array(outer[3:6])
    values = np.array(inner)
    return Calibration(
        _rotation(*angles), position, values[:2], values[2:4], values[4:7], values[7:9]
    )


def _rotation(x: float, y: float, z: float) -> Float[ndarray, "3 3"]:
    """Rx(x) Ry(y) Rz(z)."""
    out = np.eye(3)
    for axis, angle in enumerate((x, y, z)):
        a, b = (axis + 1) % 3, (axis + 2) % 3
        turn = np.eye(3)
        turn[a, a] = turn[b, b] = np.cos(angle)
        turn[b, a] = np.sin(angle)
        turn[a, b] = -turn[b, a]
        out = out @ turn
    return out


def _from_xml(path: Path) -> Rig:
    text = path.read_bytes()
    # A zero byte: UTF-16, in which the words would not be found.
    if b"<!DOCTYPE" in text or b"<!ENTITY" in text or b"\0" in text or len(text) > _MAX_XML:
        raise FileFormatError(
            f"expected Human3.6M's metadata.xml at '{path}', got XML with a document type or of "
            "great size: get the file again"
        )
    try:
        w0 = _w0(text)
        numbers = [float(word) for word in w0.strip(" []\n").split()]
    except (ET.ParseError, ValueError, LookupError) as error:  # encodings that nobody knows
        raise FileFormatError(
            f"expected Human3.6M's metadata.xml with 'w0' at '{path}', got {error}: "
            "get the file again"
        ) from error
    if len(numbers) != _W0_LENGTH:
        raise FileFormatError(
            f"expected {_W0_LENGTH} numbers in 'w0' of '{path}', got {len(numbers)}: "
            "get the file again"
        )
    return {
        (f"S{subject}", name): _calibration(
            numbers[6 * (index * 11 + subject - 1) :][:6], numbers[264 + 9 * index :][:9]
        )
        for index, name in enumerate(CAMERAS)
        for subject in range(1, 12)
    }


def _w0(text: bytes) -> str:
    """The text of `w0` below the root; `ValueError` for elements that lie deeper than in any file."""
    parser: Any = ET.XMLPullParser(("start", "end"))  # its events have many types
    depth, found = 0, ""
    for at in range(0, len(text), _BLOCK):
        parser.feed(text[at : at + _BLOCK])
        for event, element in parser.read_events():
            depth += 1 if event == "start" else -1
            if depth > _DEEPEST:
                raise ValueError(f"elements more than {_DEEPEST} deep")
            if event == "end" and depth == 1 and element.tag == "w0":
                found = element.text or ""
    parser.close()
    return found


def _from_h5(path: Path) -> Rig:
    """Martinez's file; MATLAB wrote it, so matrices lie transposed and names are character codes."""
    rig: dict[tuple[str, str], Calibration] = {}
    try:
        check_hdf5(path)
        with h5py.File(path) as file:
            for subject, camera in _groups(file):
                place = group(group(file, subject), camera)
                name = "".join(chr(int(c)) for c in np.ravel(values(place, "Name", 100)))
                key = (subject_named(subject.removeprefix("subject")), name)
                rig[key] = Calibration(
                    values(place, "R", 100).astype(np.float64).T,
                    *(np.ravel(values(place, k, 100)).astype(np.float64) for k in "Tfckp"),
                )
    except (
        OSError,
        KeyError,
        ValueError,
        TypeError,
        AttributeError,
        RuntimeError,
        OverflowError,
    ) as error:
        raise FileFormatError(
            f"expected cameras in '{path}' (HDF5 with subject1/camera1/R, T, f, c, k, p, Name), got "
            f"{type(error).__name__}: {error}"
        ) from error
    return _known(rig, path)


def _groups(file: Any) -> list[tuple[str, str]]:
    """Subjects and cameras; a link to another file is none."""
    return [(subject, camera) for subject in file for camera in group(file, subject)]


def _from_pickle(path: Path) -> Rig:
    """MMPose's file: rotations from the camera to the world, positions in metres."""
    try:
        content: Any = read_pickle(path)
        rig = {
            (subject_named(str(subject)), str(name)): Calibration(
                np.asarray(camera["R"], np.float64).T,
                np.ravel(camera["T"]).astype(np.float64) * 1000,
                *(np.ravel(camera[k]).astype(np.float64) for k in "fckp"),
            )
            for (subject, name), camera in content.items()
        }
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise FileFormatError(
            f"expected cameras in '{path}' (a dict of (subject, camera): R, T, f, c, k, p), got "
            f"{type(error).__name__}: {error}"
        ) from error
    return _known(rig, path)


def _known(rig: Rig, path: Path) -> Rig:
    strange = {name for _, name in rig} - CAMERAS.keys()
    if strange or not rig:
        raise FileFormatError(
            f"expected the cameras {', '.join(CAMERAS)} in '{path}', got "
            f"{', '.join(sorted(strange)) or 'none'}: get the file again"
        )
    return rig
