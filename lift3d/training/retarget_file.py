"""Retargeting a whole dataset into one HDF5 file: splits kept apart, resumable, all or nothing.

Each clip is kept in a folder beside the target as soon as it is done, so a run that was stopped goes
on where it was. The file itself appears when all clips are there. Its arrays are contiguous and not
compressed, so that they map into memory (`lift3d.training.pose_bank`).
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import h5py
import torch
from safetensors import safe_open
from torch import Tensor

from lift3d.body import Articulation
from lift3d.errors import FileFormatError
from lift3d.io.files.atomic import atomic_path
from lift3d.io.files.tensor_file import tensor_bytes
from lift3d.motion import Motion
from lift3d.pose import Pose3D
from lift3d.protocols import Dataset, MotionClip
from lift3d.skeletons import LIFT_23
from lift3d.training.retarget import CapturedPerson, captured_person, retarget

__all__ = ["FORMAT", "VERSION", "ClipReport", "retarget_dataset"]

FORMAT: Final = "lift3d-poses"
VERSION: Final = 1
_ARRAYS: Final = ("axis_angle", "transl", "residual", "misfit", "ok")
_STORED: Final = {"residual": torch.float16, "misfit": torch.float16, "ok": torch.uint8}
_PER_CLIP: Final = 120  # frames of a clip that help to tell a person's shape


@dataclass(frozen=True, slots=True)
class ClipReport:
    """What became of a clip; `error` and `misfit` are medians over its frames (metres)."""

    split: str
    name: str
    family: str
    frames: int
    error: float
    misfit: float
    good: float
    """Share of its frames that are `ok`."""


def retarget_dataset(
    dataset: Dataset,
    body: Articulation,
    target: Path,
    *,
    progress: Callable[[ClipReport, int, int], None] = lambda _clip, _done, _all: None,
) -> list[ClipReport]:
    """All clips of all splits on a body, as `target`.

    `progress` is told each clip, how many are done, and how many there are. Raises
    `FileFormatError` where the folder of finished clips belongs to something else.
    """
    parts = target.with_name(f"{target.name}.parts")
    keys = [(split, clip.name) for split in dataset.splits for clip in dataset.clips(split)]
    reports: list[ClipReport] = []
    for split in dataset.splits:
        for clip, part in _clips(dataset, split, parts, body):
            report = _report(split, clip, part)
            reports.append(report)
            progress(report, len(reports), len(keys))
    with atomic_path(target) as partial, h5py.File(partial, "w") as file:
        file.attrs.update({"format": FORMAT, "version": VERSION})
        file.attrs["joint_names"] = json.dumps(body.skeleton.joints)
        for split in dataset.splits:
            names = [name for at, name in keys if at == split]
            _write_split(file.create_group(split), [_part_path(parts, split, n) for n in names])
    return reports


def _clips(
    dataset: Dataset, split: str, parts: Path, body: Articulation
) -> Iterator[tuple[MotionClip, dict[str, Tensor]]]:
    """Every clip of a split with its result, fresh or found on disk."""
    missing = {
        c.name for c in dataset.clips(split) if not _part_path(parts, split, c.name).exists()
    }
    people = _people(dataset, split, missing, body)
    for clip in dataset.clips(split):
        path = _part_path(parts, split, clip.name)
        if clip.name in missing:
            _save_part(path, clip, _on_body(body, people.get(_key(clip)), _captured(clip)))
        yield clip, _load_part(path)


def _people(
    dataset: Dataset, split: str, missing: set[str], body: Articulation
) -> dict[str, CapturedPerson]:
    """Everyone with clips to do, from all of their clips, so that resuming changes nothing."""
    samples: dict[str, list[Motion[Pose3D]]] = defaultdict(list)
    wanted: set[str] = set()
    for clip in dataset.clips(split):
        if bool(clip.motion.observed.any()):
            key = _key(clip)
            samples[key].append(_some_frames(_captured(clip)))
            if clip.name in missing:
                wanted.add(key)
    return {key: captured_person(body, samples[key]) for key in sorted(wanted)}


def _captured(clip: MotionClip) -> Motion[Pose3D]:
    """The clip's joints in the layout that people are captured in."""
    return replace(clip.motion, pose=clip.motion.pose.to(LIFT_23))


def _some_frames(motion: Motion[Pose3D]) -> Motion[Pose3D]:
    rows = torch.nonzero(motion.observed)[:, 0]
    rows = rows[torch.linspace(0, len(rows) - 1, min(len(rows), _PER_CLIP)).round().long()]
    pose = Pose3D.certain(motion.pose.joints[rows].clone(), motion.pose.skeleton, motion.pose.frame)
    return Motion(pose, motion.fps, motion.person, motion.observed[rows])


def _key(clip: MotionClip) -> str:
    """A person in one source: the same subject with other bones is another one."""
    joints = _captured(clip).pose.joints
    pairs = [(2, 3), (1, 2)] + [
        (LIFT_23.index(f"left_{a}"), LIFT_23.index(f"left_{b}"))
        for a, b in (("shoulder", "elbow"), ("elbow", "wrist"))
    ]
    lengths = [(joints[:, a] - joints[:, b]).norm(dim=-1).nanmedian() for a, b in pairs]
    bones = [-1 if not length.isfinite() else round(float(length) * 200) for length in lengths]
    return f"{clip.subject} {bones}"


def _on_body(
    body: Articulation, person: CapturedPerson | None, motion: Motion[Pose3D]
) -> dict[str, Tensor]:
    if person is None:  # nothing was observed
        lost = torch.full((len(motion), len(body.skeleton) + 1, 3), torch.nan)
        none = torch.zeros(len(motion), dtype=torch.bool)
        betas = torch.zeros(body.joints_shapedirs.shape[-1])
        return _arrays(lost[:, 1:], lost[:, 0], betas, lost[:, 0, 0], lost[:, 0, 0], none)
    done = retarget(body, person, motion)
    params = done.params
    return _arrays(
        params.axis_angle, params.transl, person.betas, done.residual, done.misfit, done.ok
    )


def _arrays(
    axis_angle: Tensor, transl: Tensor, betas: Tensor, residual: Tensor, misfit: Tensor, ok: Tensor
) -> dict[str, Tensor]:
    named = {
        "axis_angle": axis_angle,
        "transl": transl,
        "residual": residual,
        "misfit": misfit,
        "ok": ok,
        "betas": betas,
    }
    return {k: v.to(_STORED.get(k, torch.float32)).contiguous() for k, v in named.items()}


def _part_path(parts: Path, split: str, name: str) -> Path:
    """Names come from files and may hold anything."""
    return parts / split / f"{hashlib.sha256(name.encode()).hexdigest()[:24]}.safetensors"


def _save_part(path: Path, clip: MotionClip, arrays: dict[str, Tensor]) -> None:
    about = {
        "name": clip.name,
        "subject": clip.subject,
        "action": clip.action,
        "family": str(getattr(clip, "fidelity", "")),
        "fps": repr(clip.motion.fps),
        "weight": repr(float(getattr(clip, "weight", 1.0))),
    }
    with atomic_path(path) as partial:
        partial.write_bytes(tensor_bytes(arrays, about))


def _load_part(path: Path) -> dict[str, Tensor]:
    try:
        with safe_open(path, framework="pt") as file:
            return {key: file.get_tensor(key) for key in (*_ARRAYS, "betas")}
    except Exception as error:
        raise FileFormatError(
            f"expected a finished clip in '{path}', got {type(error).__name__}: {error}: "
            "delete the file to have it made again"
        ) from error


def _about_part(path: Path) -> dict[str, str]:
    with safe_open(path, framework="pt") as file:
        return dict(file.metadata() or {})


def _report(split: str, clip: MotionClip, part: dict[str, Tensor]) -> ClipReport:
    residual, misfit = (part[key].float().nanmedian() for key in ("residual", "misfit"))
    family = str(getattr(clip, "fidelity", ""))
    good = float(part["ok"].float().mean()) if len(part["ok"]) else 0.0
    frames = len(part["ok"])
    return ClipReport(split, clip.name, family, frames, float(residual), float(misfit), good)


def _write_split(group: Any, paths: list[Path]) -> None:
    """Frames of all clips one after another; `clip_starts` has one entry more than there are clips."""
    loaded = [_load_part(path) for path in paths]
    lengths = torch.tensor([0, *(len(part["ok"]) for part in loaded)])
    for key in (*_ARRAYS, "betas"):
        stacked = [part[key][None] if key == "betas" else part[key] for part in loaded]
        if stacked:
            group.create_dataset(key, data=torch.cat(stacked).numpy())
    group.create_dataset("clip_starts", data=lengths.cumsum(0).numpy())
    about = [_about_part(path) for path in paths]
    group.create_dataset("fps", data=[float(a["fps"]) for a in about])
    group.create_dataset("weight", data=[float(a["weight"]) for a in about])
    for key in ("name", "subject", "action", "family"):
        text = [a[key].encode("utf-8") for a in about]
        group.create_dataset(key, data=text, dtype=f"S{max([1, *map(len, text)])}")
