"""A request's body as people with keypoints: plain JSON, a file of any format, or a zip of frames.

Readers read files, so an upload is written to one of our own naming in a folder of our own; nothing
that a request says is ever taken for a path.
"""

import io
import re
import tempfile
import zipfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import torch
from jaxtyping import Float64
from numpy import ndarray

from lift3d.camera import Camera
from lift3d.conventions import FPS_RANGE, MAX_SIDE
from lift3d.errors import InputError, Lift3dError
from lift3d.io import read_keypoints
from lift3d.io.files.zip_entries import check_packing, entry_bytes
from lift3d.io.keypoints.json_stream import decoded
from lift3d.motion import Motion
from lift3d.pose import Pose2D
from lift3d.serving.forms import file_of_form
from lift3d.serving.refused import RefusedError
from lift3d.serving.values import Job, KeypointsIn, Wanted
from lift3d.skeletons import skeleton_named

__all__ = ["Bounds", "Request", "read_request"]

_DECODER: Final = msgspec.json.Decoder(KeypointsIn)
_WHERE: Final = "the request"
_COMPLAINT: Final = re.compile(r"Expected (.+?), got (.+?)(?: - at `\$\.?(.*)`)?")
_UPLOAD: Final = "upload"
_FRAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,200}\.json", re.ASCII)
_FAR: Final = 1e6
_FEWEST: Final = 3


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much a request may hold; further people, seen the least, are left out."""

    frames: int = 20_000
    people: int = 50


@dataclass(frozen=True, slots=True)
class Request:
    """Who is to be lifted, before which camera (None: nothing is known of it), and how."""

    people: tuple[Motion[Pose2D], ...]
    camera: Camera | None
    wanted: Wanted
    note: str = ""

    @property
    def frames(self) -> int:
        """Frames of everybody together."""
        return len(self.people) * len(self.people[0])


def read_request(job: Job, bounds: Bounds, folder: Path) -> Request:
    """Whom a request shows; uploads go to `folder` meanwhile.

    Raises `Lift3dError` for what cannot be read, and `RefusedError` for what is too long.
    """
    return _plain(job, bounds) if job.kind == "plain" else _file(job, bounds, folder)


def _plain(job: Job, bounds: Bounds) -> Request:
    told = decoded(_typed, job.body, _WHERE)
    _expect_frames(len(told.keypoints), bounds)
    skeleton = skeleton_named(told.skeleton)
    size, points = _size(told.image_size), _points(told)
    values = torch.from_numpy(points.astype(np.float32))
    if points.shape[1] != len(skeleton):
        raise InputError(
            f"expected {len(skeleton)} keypoints in each frame for skeleton '{skeleton.name}', got "
            f"{points.shape[1]}: name the skeleton that they have"
        )
    pose = Pose2D.from_detections(values[..., :2], values[..., 2], skeleton, size)
    observed = pose.seen.sum(-1) >= _FEWEST
    if not bool(observed.any()):
        raise InputError(
            f"expected at least {_FEWEST} keypoints with a confidence above 0 in some frame, got "
            "fewer in all: check the detector's picture"
        )
    person = Motion(pose, told.fps, 0, observed)
    return Request((person,), _camera(told, size), job.wanted)


def _typed(body: bytes | msgspec.Raw) -> KeypointsIn:
    """`InputError` for JSON of other names and types, with the place."""
    try:
        return _DECODER.decode(body)
    except msgspec.ValidationError as error:
        said = str(error)
    found = _COMPLAINT.fullmatch(said)
    if found is None:
        raise InputError(
            f"expected a request as /openapi.json describes it, got another ({said}): correct it"
        )
    wanted, got, place = (text.replace("`", "") for text in found.groups(""))
    raise InputError(f"expected {wanted} at '{place}' of {_WHERE}, got {got}: correct it")


def _points(told: KeypointsIn) -> Float64[ndarray, "frames joints 3"]:
    """Missing: NaN and a confidence of 0, as what lies on no picture is."""
    try:
        points = np.array(told.keypoints, dtype=np.float64)
    except ValueError:
        points = np.zeros((0, 0, 3))
    if points.ndim != 3 or points.shape[2] != 3 or not points.size:
        raise InputError(
            "expected keypoints as [frames, joints, 3], every frame with the same joints and every "
            "joint with x, y and confidence, got lists of other lengths: write null for what is missing"
        )
    if bool((points[..., 2] < 0).any()):
        raise InputError(
            f"expected confidences from 0 to 1, got {np.nanmin(points[..., 2]):g}: write 0 for what is "
            "missing"
        )
    with np.errstate(invalid="ignore"):
        there = (np.abs(points[..., :2]) < _FAR).all(-1)
    points[~there] = (np.nan, np.nan, 0.0)
    return points


def _size(size: tuple[int, int]) -> tuple[int, int]:
    if not 1 <= min(size) <= max(size) <= MAX_SIDE:
        raise InputError(
            f"expected image_size as height and width in pixels, 1 to {MAX_SIDE}, got "
            f"{size[0]} and {size[1]}: correct it"
        )
    return size


def _camera(told: KeypointsIn, size: tuple[int, int]) -> Camera | None:
    if told.focal is None:
        if told.centre is not None or told.distortion:
            raise InputError("expected a focal length with centre or distortion, got none: give it")
        return None
    return Camera.from_intrinsics(size, told.focal, told.centre, tuple(told.distortion))


def _file(job: Job, bounds: Bounds, folder: Path) -> Request:
    wanted = job.wanted
    size = _asked_size(wanted)
    if wanted.fps is not None and not FPS_RANGE[0] <= wanted.fps <= FPS_RANGE[1]:
        raise InputError(f"expected fps from 0.01 to 1e6, got {wanted.fps}: correct it")
    body = job.body if job.kind == "file" else file_of_form(job.body, job.boundary)
    with _written(body, bounds, folder) as path:
        try:
            file = read_keypoints(
                path,
                wanted.skeleton or None,
                fps=wanted.fps,
                image_size=size,
                repair_swaps=wanted.repair_swaps,
            )
        except Lift3dError as error:  # our own names say nothing to those who sent the file
            raise InputError(_named(str(error), path)) from None
    _expect_frames(file.report.frames, bounds)
    people, note = file.people[: bounds.people], "; ".join(file.report.notes)
    left = len(file.people) - len(people)
    if left:
        note = "; ".join([*filter(None, [note]), f"{left} people, seen the least, were left out"])
    camera = None
    if wanted.focal is not None:
        camera = Camera.from_intrinsics(file.report.image_size, wanted.focal)
    return Request(people, camera, wanted, _named(note, path))


def _named(text: str, path: Path) -> str:
    plain = text.replace(f"'{path}'", "the upload").replace(str(path), "the upload")
    return plain.replace(str(path.parent), "")


def _asked_size(wanted: Wanted) -> tuple[int, int] | None:
    if wanted.height is None and wanted.width is None:
        return None
    if wanted.height is None or wanted.width is None:
        raise InputError(
            "expected the picture's height and width together, got one of them: give both"
        )
    return _size((wanted.height, wanted.width))


def _expect_frames(frames: int, bounds: Bounds) -> None:
    if frames > bounds.frames:
        raise RefusedError(
            413, f"expected at most {bounds.frames} frames, got {frames}: send the clip in parts"
        )


@contextmanager
def _written(body: bytes, bounds: Bounds, folder: Path) -> Generator[Path]:
    """The upload as a file, or as a folder of frames where it is a zip of JSON files."""
    with tempfile.TemporaryDirectory(dir=folder) as own:
        path = Path(own) / _UPLOAD
        frames = _frames(body, bounds) if body.startswith(b"PK\x03\x04") else {}
        if frames:
            path.mkdir()
            for name, content in frames.items():
                (path / name).write_bytes(content)
        else:
            path.write_bytes(body)
        yield path


def _frames(body: bytes, bounds: Bounds) -> dict[str, bytes]:
    """The JSON files of a zip by their plain names; none where it holds something else (arrays)."""
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            infos = [info for info in archive.infolist() if not info.is_dir()]
            if not infos or not all(info.filename.endswith(".json") for info in infos):
                return {}
            _expect_frames(len(infos), bounds)
            check_packing(archive)
            frames = {_plain_name(info.filename): entry_bytes(archive, info) for info in infos}
    except (zipfile.BadZipFile, ValueError, NotImplementedError, RuntimeError, EOFError) as error:
        raise InputError(
            f"expected a whole zip of JSON files, one for each frame, got {error}: zip them again"
        ) from None
    if len(frames) < len(infos):
        raise InputError(
            "expected the frames of one clip in a zip, got two files of one name: zip one folder"
        )
    return frames


def _plain_name(name: str) -> str:
    """The last part of a name, of letters, digits, dots, - and _; the folders before it are left out."""
    last = re.split(r"[/\\]", name)[-1]
    if not _FRAME.fullmatch(last) or last.startswith("."):
        raise ValueError(f"a file called '{last[:40]}', not of letters, digits, . - and _")
    return last
