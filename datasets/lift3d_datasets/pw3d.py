"""3DPW: people filmed outdoors by a moving camera (T. von Marcard et al., ECCV 2018).

Layout, read from the dataset's readme (in zhyjiang/mmhuman3d, tools/depth_generate/readme.txt):
`sequenceFiles/{train,validation,test}/<sequence>.pkl`, a pickle of Python 2. Per actor: `poses` [N, 72],
`trans` [N, 3] metres, `betas`, `poses2d` [N, 3, 18] (rows x, y, confidence in COCO_18; the readme
writes poses2D), `jointPositions` [N, 72] (SMPL's 24 joints, metres, world), `genders`,
`campose_valid` [N]. For all: `cam_poses` [N, 4, 4] (world to camera), `cam_intrinsics` [3, 3]. 30 Hz.

The readme does not name the world's up axis: people stand along +y. Each sequence is checked for that.
"""

from collections.abc import Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.body import BodyParams
from lift3d.camera import Camera
from lift3d.capture import Capture, CapturedView, Finding
from lift3d.errors import FileFormatError
from lift3d.io.files.safe_pickle import read_pickle
from lift3d.motion import Motion
from lift3d.pose import Pose2D, Pose3D
from lift3d.skeletons import COCO_18, SMPL_24
from lift3d_datasets.folders import checked_split, existing_folder, read_each
from lift3d_datasets.posed import turned_body
from lift3d_datasets.solved_clip import Z_UP

__all__ = ["Pw3d"]

SPLITS: Final = ("train", "val", "test")
_FOLDERS: Final = {"train": "train", "val": "validation", "test": "test"}
_COUNTS: Final = {"train": 24, "val": 12, "test": 24}
FPS: Final = 30.0
_LONG, _SHORT = 1920, 1080
_TURNS: Final = {
    "y": torch.eye(3, dtype=torch.float64),
    "-y": torch.diag(torch.tensor([1.0, -1.0, -1.0], dtype=torch.float64)),
    "z": Z_UP,
}


class Pw3d:
    """The sequences in `sequenceFiles`; a sequence gives one capture per actor.

    `up` is the axis of the files' world along which people stand. Where they do not, `FileFormatError`
    says so. Frames whose camera is not valid have a camera of NaN, and their keypoints are not
    observed. A broken file raises `FileFormatError`; with `skip_broken` it is left out, and `skipped`
    says why.
    """

    def __init__(
        self,
        root: str | PathLike[str],
        *,
        up: Literal["y", "-y", "z"] = "y",
        skip_broken: bool = False,
    ) -> None:
        folder = existing_folder(root, "3DPW's sequenceFiles")
        self.root = folder / "sequenceFiles" if (folder / "sequenceFiles").is_dir() else folder
        if not any((self.root / name).is_dir() for name in _FOLDERS.values()):
            raise FileFormatError(
                f"expected sequenceFiles with {', '.join(_FOLDERS.values())} in '{folder}', got none "
                "of them: unpack sequenceFiles.zip there"
            )
        self.up = up
        self.skipped: dict[str, str] | None = {} if skip_broken else None

    @property
    def splits(self) -> tuple[str, ...]:
        return SPLITS

    def clips(self, split: str) -> Iterator[Capture]:
        """The clips of a split, in the order of their files, then of the actors."""
        folder = self.root / _FOLDERS[checked_split(split, SPLITS)]
        files = sorted(folder.glob("*.pkl"))
        for captures in read_each(files, self._read, self.skipped):
            yield from captures

    def _read(self, path: Path) -> list[Capture]:
        data = read_pickle(path)
        if not isinstance(data, dict):
            raise _wrong(path, "a dictionary", type(data).__name__)
        actors = _items(data, ("poses",), path)
        camera = _camera(data, _TURNS[self.up], path)
        return [_actor(data, number, camera, self.up, path) for number in range(len(actors))]

    @staticmethod
    def examine(root: str | PathLike[str]) -> Iterator[Finding]:
        """How many sequences each split has, of how many there should be."""
        folder = Path(root)
        folder = folder / "sequenceFiles" if (folder / "sequenceFiles").is_dir() else folder
        for split, name in _FOLDERS.items():
            files = [path for path in folder.glob(f"{name}/*.pkl") if path.stat().st_size]
            detail = f"{len(files)} of {_COUNTS[split]} sequences in '{folder / name}'"
            yield Finding(f"sequences for {split}", len(files) == _COUNTS[split], detail)


def _wrong(path: Path, wanted: str, got: str) -> FileFormatError:
    return FileFormatError(f"expected {wanted} in '{path}', got {got:.80}: download it again")


def _items(data: Mapping[Any, Any], keys: tuple[str, ...], path: Path) -> list[Any]:
    """A list with one value per actor, under the first of the keys that is there."""
    found = next((data[key] for key in keys if key in data), None)
    if isinstance(found, np.ndarray):
        found = list(found)
    if not isinstance(found, list) or not found:
        raise _wrong(path, f"'{keys[0]}', a list with one entry per actor", type(found).__name__)
    return found


def _array(value: object, shape: tuple[int, ...], what: str, path: Path) -> Tensor:
    """A tensor of numbers of this shape; -1 stands for any length."""
    array = np.asarray(value)
    fits = array.ndim == len(shape) and all(
        want in (-1, have) for want, have in zip(shape, array.shape, strict=True)
    )
    if not fits or array.dtype.kind not in "fiub":
        raise _wrong(path, f"{what} of shape {list(shape)}", f"{array.dtype} {list(array.shape)}")
    return torch.from_numpy(array.astype(np.float64))


def _camera(data: Mapping[Any, Any], turn: Float[Tensor, "3 3"], path: Path) -> Camera:
    """The moving camera in the y-up world; people hold it upright or lay it on its side."""
    extrinsics = _array(data.get("cam_poses"), (-1, 4, 4), "cam_poses", path)
    intrinsics = _array(data.get("cam_intrinsics"), (3, 3), "cam_intrinsics", path)
    frames = len(extrinsics)
    upright = bool(intrinsics[1, 2] > intrinsics[0, 2])
    size = (_LONG, _SHORT) if upright else (_SHORT, _LONG)
    turned = extrinsics.clone()
    turned[:, :3, :3] = extrinsics[:, :3, :3] @ turn.T
    lens = torch.zeros(frames, 5, dtype=torch.float64)
    return Camera(intrinsics.expand(frames, 3, 3), turned, lens, size)


def _actor(data: Mapping[Any, Any], number: int, camera: Camera, up: str, path: Path) -> Capture:
    frames = len(camera.cam_from_world)
    turn = _TURNS[up]
    of_actor = [
        _one(data, keys, number, path)
        for keys in (("poses",), ("trans",), ("betas",), ("jointPositions",), ("campose_valid",))
    ]
    poses = _array(of_actor[0], (frames, 72), f"poses of actor {number}", path)
    trans = _array(of_actor[1], (frames, 3), f"trans of actor {number}", path)
    betas = _array(np.asarray(of_actor[2])[:10], (10,), f"betas of actor {number}", path)
    joints = _array(of_actor[3], (frames, 72), f"jointPositions of actor {number}", path)
    valid = _array(of_actor[4], (frames,), f"campose_valid of actor {number}", path) > 0
    joints = joints.reshape(frames, 24, 3)
    turns = poses.reshape(frames, 24, 3)
    observed = joints.isfinite().flatten(1).all(-1) & poses.isfinite().all(-1)
    if not observed.any():
        raise _wrong(path, f"numbers for actor {number}", "none in any frame")
    body = BodyParams(betas, turns[:, 1:], turns[:, 0], trans)
    # The root joint at rest is what its place has beyond the translation.
    upright = turned_body(body, turn, joints[:, 0] - trans) if up != "y" else body
    world = torch.where(observed[:, None, None], joints @ turn.T, torch.nan)
    _check_standing(world[observed], path)
    gender = str(_one(data, ("genders", "gender"), number, path))
    motion = Motion(Pose3D.certain(world.float(), SMPL_24, "world"), FPS, number, observed)
    return Capture(
        f"{path.stem}_{number}",
        f"{path.stem}_{number}_{gender}",
        path.stem,
        motion,
        views=(_view(data, number, camera, valid, path),),
        bodies=BodyParams(
            upright.betas.float(),
            upright.body_pose.float(),
            upright.global_orient.float(),
            upright.transl.float(),
        ),
        body_format="smpl",
    )


def _one(data: Mapping[Any, Any], keys: tuple[str, ...], number: int, path: Path) -> Any:
    entries = _items(data, keys, path)
    if number >= len(entries):
        raise _wrong(path, f"'{keys[0]}' for actor {number}", f"{len(entries)} entries")
    return entries[number]


def _check_standing(joints: Float[Tensor, "frames 24 3"], path: Path) -> None:
    ankles = (joints[:, SMPL_24.index("left_ankle")] + joints[:, SMPL_24.index("right_ankle")]) / 2
    tall = torch.nn.functional.normalize(joints[:, SMPL_24.index("head")] - ankles, dim=-1)
    standing = tall.median(0).values
    if float(standing[1]) < 0.3:
        axes = {"-y": -standing[1], "z": standing[2]}
        best = max(axes, key=lambda axis: float(axes[axis]))
        raise FileFormatError(
            f"expected people to stand along the world's y axis in '{path}', got "
            f"({', '.join(f'{float(x):.2f}' for x in standing)}) from feet to head: give up='{best}'"
        )


def _view(
    data: Mapping[Any, Any], number: int, camera: Camera, valid: Tensor, path: Path
) -> CapturedView:
    entry = _one(data, ("poses2d", "poses2D"), number, path)
    points = _array(entry, (len(valid), 3, 18), f"poses2d of actor {number}", path).mT.float()
    found = torch.where(valid[:, None], points[..., 2], 0.0)
    pose = Pose2D.from_detections(points[..., :2], found, COCO_18, camera.image_size)
    motion = Motion(pose, FPS, number, pose.seen.any(-1))
    extrinsics = torch.where(valid[:, None, None], camera.cam_from_world, torch.nan)
    moving = Camera(
        camera.intrinsics.float(), extrinsics.float(), camera.distortion.float(), camera.image_size
    )
    return CapturedView("camera", moving, motion, "3DPW's detector")
