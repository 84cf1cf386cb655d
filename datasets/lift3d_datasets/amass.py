"""AMASS: motion capture as body parameters (N. Mahmood et al., ICCV 2019).

Layout, read from nghorbani/amass and a sample of it: `<dataset>/<subject>/<take>_poses.npz` with
`poses` [T, 156] (SMPL+H: root, 21 joints, 2 x 15 joints of the hands, axis-angle), `trans` [T, 3]
metres, `betas` [16], `gender` and `mocap_framerate`; or `<take>_stageii.npz` of the SMPL-X release with
`poses` [T, 165] (root, body, jaw, eyes, hands) and `mocap_frame_rate`. The world is z up, the floor
z = 0; here it is y up. `shape.npz` and `*_stagei.npz` hold no motion.
"""

import tokenize
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor

from lift3d.body import BodyParams
from lift3d.capture import Capture, Finding
from lift3d.errors import FileFormatError
from lift3d.io.files.plain_npz import meaningful
from lift3d.io.files.safe_pickle import read_object_npz
from lift3d.io.files.zip_entries import check_packing, check_regular
from lift3d.plugins import body_models
from lift3d.protocols import BodyModel
from lift3d.skeletons import SMPL_24
from lift3d_datasets.folders import checked_split, existing_folder, files_below, read_each
from lift3d_datasets.posed import posed_motion, rest_root, turned_body
from lift3d_datasets.solved_clip import Z_UP

__all__ = ["AMASS_SPLITS", "Amass"]

SPLITS: Final = ("train", "val", "test")

AMASS_SPLITS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("humaneva", "mpihdm05", "hdm05", "sfu", "mpimosh", "mosh"), "val"),
    **dict.fromkeys(("transitionsmocap", "transitions", "ssmsynced", "ssm"), "test"),
}
"""What AMASS recommends (nghorbani/amass, README): the datasets' names in both releases, in small
letters without underscores. All others are for training."""

_RATES: Final = ("mocap_framerate", "mocap_frame_rate")
_KEYS: Final = ("poses", "trans", "betas", "gender", *_RATES)
_FINGERS: Final = tuple(
    f"{side}_{finger}{i}"
    for side in ("left", "right")
    for finger in ("index", "middle", "pinky", "ring", "thumb")
    for i in (1, 2, 3)
)
_BODY: Final = SMPL_24.joints[:22]
_JOINTS: Final = {
    "smplh": (*_BODY, *_FINGERS),
    "smplx": (*_BODY, "jaw", "left_eye_smplhf", "right_eye_smplhf", *_FINGERS),
}
_WIDTHS: Final = {3 * len(joints): name for name, joints in _JOINTS.items()}


class Amass:
    """All motions in a folder of AMASS datasets.

    Joints come from `body`, a model of the files' format (or one per gender: "male", "female",
    "neutral"). Without one, the free default body is posed by the same rotations, in its own mean
    shape: such joints train, but do not judge accuracy (`measured` is false). Body parameters are
    given in the y-up world: the translation then holds exactly for the body that gave the joints, since
    turning a world moves a body's root joint, which differs between bodies.

    A broken file raises `FileFormatError` naming it; with `skip_broken` it is left out, and `skipped`
    says why.
    """

    def __init__(
        self,
        root: str | PathLike[str],
        *,
        body: BodyModel | Mapping[str, BodyModel] | None = None,
        skip_broken: bool = False,
    ) -> None:
        self.root = existing_folder(root, "AMASS datasets (<dataset>/<subject>/<take>.npz)")
        self.files = tuple(path for path in files_below(self.root, ".npz") if _is_motion(path))
        if not self.files:
            raise FileFormatError(
                f"expected motions (<take>_poses.npz or <take>_stageii.npz) below '{self.root}', got "
                "none: unpack the archives there"
            )
        self.body = body
        self.skipped: dict[str, str] | None = {} if skip_broken else None

    @property
    def splits(self) -> tuple[str, ...]:
        return SPLITS

    def clips(self, split: str) -> Iterator[Capture]:
        """The clips of a split, in the order of their paths."""
        checked_split(split, SPLITS)
        chosen = (path for path in self.files if _split(_parts(path, self.root)[0]) == split)
        yield from read_each(chosen, self._read, self.skipped)

    def _read(self, path: Path) -> Capture:
        arrays = _load(path)
        params, format_name = _params(arrays, path)
        fps = _rate(arrays, path)
        body = self._body_of(_gender(arrays))
        observed = params.axis_angle.isfinite().flatten(1).all(-1) & params.transl.isfinite().all(
            -1
        )
        if not observed.any():
            raise FileFormatError(
                f"expected numbers in '{path}', got none in any frame: leave it out"
            )
        shape = params.betas if self.body is not None else torch.zeros(1)
        root = rest_root(body.articulation, shape.double())
        upright = turned_body(params, Z_UP, root)
        motion = posed_motion(
            body.articulation, _for_body(upright, shape, format_name, body), fps, observed
        )
        dataset, subject, take = _parts(path, self.root)
        return Capture(
            f"{dataset}/{subject}/{take}",
            f"{dataset}/{subject}",
            take,
            motion,
            bodies=_in_single(upright),
            body_format=format_name,
            measured=self.body is not None,
        )

    def _body_of(self, gender: str) -> BodyModel:
        if self.body is None:
            return body_models["default"]()
        if not isinstance(self.body, Mapping):
            return self.body
        if gender not in self.body:
            raise FileFormatError(
                f"expected a body for {', '.join(self.body)}, got one of gender '{gender}': "
                f"give body={{'{gender}': ...}}"
            )
        return self.body[gender]

    @staticmethod
    def examine(root: str | PathLike[str]) -> Iterator[Finding]:
        """Which datasets are there, how many motions each has, and whether all can be opened."""
        folder = Path(root)
        files = [path for path in files_below(folder, ".npz") if _is_motion(path)]
        yield Finding("motions", bool(files), f"{len(files)} files (all of AMASS: over 11,000)")
        counts: dict[str, list[Path]] = {}
        for path in files:
            counts.setdefault(_parts(path, folder)[0], []).append(path)
        for dataset, paths in counts.items():
            broken = [path.name for path in paths if not zipfile.is_zipfile(path)]
            detail = f"{len(paths)} motions for {_split(dataset)}"
            cut = f"; cut off: {', '.join(broken[:3])} ({len(broken)})" if broken else ""
            yield Finding(dataset, not broken, detail + cut)


def _is_motion(path: Path) -> bool:
    return path.stem != "shape" and not path.stem.endswith(("_stagei", "_shape"))


def _plain(name: str) -> str:
    return name.lower().replace("_", "")


def _split(dataset: str) -> str:
    return AMASS_SPLITS.get(_plain(dataset), "train")


def _parts(path: Path, root: Path) -> tuple[str, str, str]:
    """Dataset, subject and take; the given folder may be that of one dataset."""
    folders = path.relative_to(root).parts[:-1]
    if len(folders) < 2:
        folders = (root.name, *folders)
    take = path.stem.removesuffix("_poses").removesuffix("_stageii")
    return folders[0], "/".join(folders[1:]) or folders[0], take


def _load(path: Path) -> dict[str, Any]:
    """The arrays that are needed, without unpacking the markers."""
    try:
        check_regular(path)
        with zipfile.ZipFile(path) as archive:
            check_packing(archive, {f"{key}.npy" for key in _KEYS})
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            return {key: meaningful(file[key]) for key in _KEYS if key in file.files}
    except ValueError as error:
        if "bject array" in str(error):
            return {key: value for key, value in read_object_npz(path).items() if key in _KEYS}
        raise _broken(path, error) from error
    except (
        OSError,
        EOFError,
        AttributeError,
        TypeError,
        RuntimeError,
        NotImplementedError,
    ) as error:
        raise _broken(path, error) from error
    except (zipfile.BadZipFile, zlib.error, SyntaxError, tokenize.TokenError, MemoryError) as error:
        raise _broken(path, error) from error


def _broken(path: Path, error: Exception) -> FileFormatError:
    return FileFormatError(
        f"expected an AMASS motion in '{path}', got {type(error).__name__} ({error}): download it again"
    )


def _params(arrays: Mapping[str, Any], path: Path) -> tuple[BodyParams, str]:
    missing = [key for key in ("poses", "trans", "betas") if key not in arrays]
    if missing:
        raise FileFormatError(
            f"expected poses, trans and betas in '{path}', got no {missing[0]}: it is no AMASS motion"
        )
    poses, trans, betas = (np.asarray(arrays[key]) for key in ("poses", "trans", "betas"))
    width = poses.shape[-1] if poses.ndim == 2 else 0
    frames = len(poses) if poses.ndim == 2 else 0
    fits = trans.shape == (frames, 3) and betas.ndim == 1 and frames > 0
    if width not in _WIDTHS or not fits or any(x.dtype.kind != "f" for x in (poses, trans, betas)):
        raise FileFormatError(
            f"expected poses [T, 156 or 165], trans [T, 3] and betas [n] in '{path}', got "
            f"{list(poses.shape)}, {list(trans.shape)} and {list(betas.shape)}: download it again"
        )
    turns = torch.from_numpy(poses.astype(np.float64)).reshape(len(poses), -1, 3)
    shape, place = (torch.from_numpy(x.astype(np.float64)) for x in (betas, trans))
    return BodyParams(shape, turns[:, 1:], turns[:, 0], place), _WIDTHS[width]


def _rate(arrays: Mapping[str, Any], path: Path) -> float:
    rates = [np.asarray(arrays[key]) for key in _RATES if key in arrays]
    number = bool(rates) and rates[0].size == 1 and rates[0].dtype.kind in "fiu"
    rate = float(rates[0].reshape(-1)[0]) if number else 0.0
    if not 1 <= rate <= 10_000:
        raise FileFormatError(
            f"expected {' or '.join(_RATES)} (frames per second) in '{path}', got "
            f"{rate if rates else 'neither'}: download it again"
        )
    return rate


def _gender(arrays: Mapping[str, Any]) -> str:
    value = next(iter(np.asarray(arrays.get("gender", "neutral")).reshape(-1)), "neutral")
    text = value.decode("latin1") if isinstance(value, bytes) else str(value)
    return text.strip().lower().removeprefix("b'").removesuffix("'")


def _for_body(params: BodyParams, betas: Tensor, format_name: str, body: BodyModel) -> BodyParams:
    """The rotations for the joints of a body, by name; others stay at rest."""
    given, wanted = _JOINTS[format_name], body.skeleton.joints
    same = len(given) == len(wanted) and given[:22] == wanted[:22]
    turns = torch.zeros(len(params.transl), len(wanted), 3, dtype=torch.float64)
    for index, joint in enumerate(wanted):
        if same or joint in given:
            turns[:, index] = params.axis_angle[:, index if same else given.index(joint)]
    return BodyParams(betas.double(), turns[:, 1:], turns[:, 0], params.transl)


def _in_single(params: BodyParams) -> BodyParams:
    values = (params.betas, params.body_pose, params.global_orient, params.transl)
    betas, body_pose, orient, transl = (value.float() for value in values)
    return BodyParams(betas, body_pose, orient, transl)
