"""What is killed: stages of the library's work, each with its inputs, its outputs and who opens them."""

import json
import random
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.resources import as_file, files
from pathlib import Path
from typing import Final

import h5py
import numpy as np
import torch
from safetensors.torch import load_file

from lift3d.io import read_clip, read_keypoints
from lift3d.io.keypoints.trc import read_trc_table
from lift3d.io.motion.bvh import read_bvh
from lift3d.io.motion.c3d import read_c3d
from lift3d.io.output_formats import FORMATS
from lift3d.motion import Motion
from lift3d.pose import Pose3D
from lift3d.skeletons import LIFT_23
from lift3d_datasets.synthetic import Synthetic
from tests.helpers.journey_files import default_body_as_smpl, short_sample
from tests.helpers.killing import KILLED, Did, Job, Moment, Workers, tree

__all__ = ["STAGES", "Lost", "Stage", "kill_often", "opens"]

MAIN: Final = "lift3d.cli:main"
HERE: Final = "tests.helpers.killed_stages"
FRAMES: Final = 8
_TRAIN: Final = (
    "train --output run --dataset synthetic --reader count=2 frames=12 --lifter martinez --steps 32 "
    "--validate-every 16 --batch 16 --unmeasured --baseline.width 32 --cache poses.h5"
)
_OLD: Final = b"what was there before"


@dataclass(frozen=True, slots=True)
class Stage:
    """A piece of work on files of one folder.

    `outputs` are files (or, ending in /, folders) that must be whole or absent. What `changing` names
    may differ from run to run: logs with times in them. `prepare` puts the inputs into the folder.
    """

    name: str
    function: str
    arguments: tuple[str, ...]
    outputs: tuple[str, ...]
    prepare: Callable[[Path], object]
    changing: tuple[str, ...] = ()
    grows: bool = False
    """Whether outputs may be earlier ones of the same run, whole though not the last."""

    def job(self, folder: Path, ends: Moment) -> Job:
        return Job(self.function, self.arguments, str(folder), ends=ends)


@dataclass(frozen=True, slots=True)
class Lost:
    """Something that a killed process took with it, and when it was killed."""

    stage: str
    moment: Moment
    what: str


@dataclass(slots=True)
class Tally:
    """Moments tried of a stage, how many of them hit a process at work, and what was lost."""

    tried: int = 0
    hit: int = 0
    lost: list[Lost] = field(default_factory=list)


def keypoints(folder: Path) -> None:
    short_sample(folder, FRAMES)


def lifted(folder: Path) -> None:
    from lift3d.io import write_clip
    from lift3d.pipeline import lift

    write_clip(folder / "clip.npz", lift(short_sample(folder, FRAMES)))


def weights(folder: Path) -> None:
    with as_file(files("lift3d.lifting") / "weights" / "martinez.safetensors") as path:
        shutil.copyfile(path, folder / "lifter.safetensors")


def nothing(_: Path) -> None:
    """Some work needs no files."""


def engine(output: str) -> None:
    """The toy training, whose weights appear as those of real tasks do."""
    from lift3d.io.files.atomic import atomic_path
    from lift3d.training.engine import run
    from tests.helpers.toy_training import CONFIG, ToyTask, network

    class Task(ToyTask):
        def save(self, path: Path) -> None:
            with atomic_path(path) as partial:
                super().save(partial)

    run(Task(network(dropout=0.1)), CONFIG, Path(output))


def retargeting(target: str) -> None:
    """Motion capture put onto a body, clip by clip."""
    from lift3d.plugins import body_models
    from lift3d.training.retarget_file import retarget_dataset

    retarget_dataset(_Captured(), body_models["default"]().articulation, Path(target))


@dataclass(frozen=True)
class _Clip:
    name: str
    motion: Motion[Pose3D]
    subject: str = "somebody"
    action: str = ""


class _Captured:
    """Two short clips, in the joints that motion capture is read as."""

    @property
    def splits(self) -> tuple[str, ...]:
        return ("train",)

    def clips(self, split: str) -> Iterator[_Clip]:
        for clip in Synthetic(count=2, frames=6).clips(split):
            pose = clip.motion.pose
            have = pose.skeleton.joints
            joints = torch.full((len(clip.motion), len(LIFT_23), 3), torch.nan)
            for at, name in enumerate(LIFT_23.joints):
                if name in have:
                    joints[:, at] = pose.joints[:, have.index(name)]
            told = Pose3D.certain(joints, LIFT_23, "world")
            yield _Clip(clip.name, replace(clip.motion, pose=told))


def render(*names: str) -> tuple[str, ...]:
    return ("render", "clip.npz", "-o", *names)


def _conversions() -> Iterator[Stage]:
    for row in FORMATS:
        for ending in row.endings:
            given = ("convert", "clip.npz", f"out{ending}", "--to", row.name)
            output = f"out{ending}" if ending else "out/"
            yield Stage(f"convert {row.name}{ending}", MAIN, given, (output,), lifted)


_LIFTED: Final = ("a.npz", "a.glb", "a.bvh", "a.csv", "a.trc", "a.json")
STAGES: Final[Mapping[str, tuple[Stage, ...]]] = {
    "lift": (Stage("lift", MAIN, ("lift", "short.json", "-o", *_LIFTED), _LIFTED, keypoints),),
    "picture": (Stage("picture", MAIN, render("a.png"), ("a.png",), lifted),),
    "video": (Stage("video", MAIN, render("a.mp4"), ("a.mp4",), lifted),),
    "convert": tuple(_conversions()),
    "engine": (
        Stage(
            "engine",
            f"{HERE}:engine",
            ("run",),
            ("run/toy.safetensors", "run/checkpoint.safetensors", "run/config.json"),
            nothing,
            changing=("run/log.jsonl", "run/tensorboard/"),
            grows=True,
        ),
    ),
    "train": (
        Stage(
            "train",
            MAIN,
            tuple(_TRAIN.split()),
            (
                "run/martinez.safetensors",
                "run/checkpoint.safetensors",
                "run/config.json",
                "poses.h5",
            ),
            nothing,
            changing=("run/log.jsonl", "run/tensorboard/"),
            grows=True,
        ),
    ),
    "retarget": (
        Stage("retarget", f"{HERE}:retargeting", ("poses.h5",), ("poses.h5",), nothing, grows=True),
    ),
    "export": (
        Stage(
            "export onnx",
            MAIN,
            ("convert", "lifter.safetensors", "a.onnx"),
            ("a.onnx",),
            weights,
        ),
        Stage(
            "export body",
            MAIN,
            ("convert", "SMPL_NEUTRAL.npz", "body.safetensors"),
            ("body.safetensors",),
            default_body_as_smpl,
        ),
    ),
}
"""By name; a stage of several pieces of work does them in turn."""


def kill_often(stages: Sequence[Stage], kills: int, seed: int, workers: Workers) -> Tally:
    """Kill pieces of work in turn, by time and by changes to the disk, and see what is left."""
    draw = random.Random(seed)  # noqa: S311 - moments, not secrets
    tally = Tally()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:
        whole = [
            _undisturbed(stage, Path(place) / str(n), workers) for n, stage in enumerate(stages)
        ]
        for number in range(kills):
            chosen = number % len(stages)
            stage, (ready, wanted, did) = stages[chosen], whole[chosen]
            folder = Path(place) / "killed"
            shutil.copytree(ready, folder)
            moment = _moment(draw, did, by_time=bool(number // len(stages) % 2))
            old = draw.random() < 0.5
            problems, hit = _kill(stage, folder, moment, wanted, workers, old=old)
            tally.tried += 1
            tally.hit += hit
            tally.lost += [Lost(stage.name, moment, problem) for problem in problems]
            shutil.rmtree(folder, ignore_errors=True)
    return tally


def _moment(draw: random.Random, whole: Did, *, by_time: bool) -> Moment:
    if by_time or not whole.changes:
        return Moment(seconds=draw.uniform(0, whole.seconds))
    return Moment(change=draw.randint(1, whole.changes))


def _undisturbed(stage: Stage, place: Path, workers: Workers) -> tuple[Path, dict[str, bytes], Did]:
    """The folder with inputs, all files after the work, and how long it took."""
    ready, done = place / "ready", place / "done"
    ready.mkdir(parents=True)
    stage.prepare(ready)
    shutil.copytree(ready, done)
    workers.do(stage.job(ready / "..", Moment(seconds=0)))  # the process is warm
    did = workers.do(stage.job(done, Moment()))
    assert did.code == 0, did.said
    for output in stage.outputs:
        assert not opens(done / output), opens(done / output)
    return ready, _kept(stage, tree(done)), did


def _kept(stage: Stage, files: Mapping[str, bytes]) -> dict[str, bytes]:
    return {
        name: data for name, data in files.items() if not name.startswith(stage.changing or "?")
    }


def _kill(
    stage: Stage,
    folder: Path,
    moment: Moment,
    wanted: Mapping[str, bytes],
    workers: Workers,
    *,
    old: bool,
) -> tuple[list[str], bool]:
    """What is wrong after a kill and after doing the work again; and whether the kill hit."""
    if old and not stage.grows:
        for output in stage.outputs:
            if not output.endswith("/"):
                (folder / output).write_bytes(_OLD)
    did = workers.do(stage.job(folder, moment))
    problems = [] if did.code in (0, KILLED) else [f"exit code {did.code}: {did.said}"]
    for output in stage.outputs:
        problems += _half_written(stage, folder, output, wanted)
    again = workers.do(stage.job(folder, Moment()))
    if again.code != 0:
        return [*problems, f"the second run: exit code {again.code}: {again.said}"], True
    now = _kept(stage, tree(folder))
    strays = sorted(name for name in now if name not in wanted)
    others = sorted(name for name in wanted if now.get(name) != wanted[name])
    if strays:
        problems.append(f"left behind: {', '.join(strays)}")
    if others:
        problems.append(f"not the same after a second run: {', '.join(others)}")
    problems += list(_broken_logs(folder))
    return problems, did.code == KILLED


def _half_written(
    stage: Stage, folder: Path, output: str, wanted: Mapping[str, bytes]
) -> list[str]:
    path = folder / output
    if not path.exists():
        return []
    if output.endswith("/"):
        there = {f"{output}{name}": data for name, data in tree(path).items()}
        whole = {name: data for name, data in wanted.items() if name.startswith(output)}
        return [] if there in ({}, whole) else [f"part of the folder {output}"]
    if path.read_bytes() in (_OLD, wanted[output]):
        return []
    said = opens(path) if stage.grows else "neither the old file nor the new one"
    return [f"{output}: {said}"] if said else []


def _broken_logs(folder: Path) -> Iterator[str]:
    for path in folder.rglob("log.jsonl"):
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                json.loads(line)
            except ValueError:
                yield f"a broken line in {path.name}"


def opens(path: Path) -> str:
    """What its own reader says against a file, "" for nothing."""
    try:
        _OPENERS[path.suffix](path)
    except Exception as error:  # whatever a reader says of it
        return f"{type(error).__name__}: {error}"
    return ""


def _npz(path: Path) -> None:
    with np.load(path) as arrays:
        names = set(arrays)
    if "format_version" in names:
        read_clip(path)


def _json(path: Path) -> None:
    if path.name == "config.json":
        json.loads(path.read_text(encoding="utf-8"))
    else:
        read_keypoints(path, fps=30.0)


def _hdf5(path: Path) -> None:
    with h5py.File(path) as file:
        file.visititems(lambda _, item: item[()] if isinstance(item, h5py.Dataset) else None)


def _zip(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None


def _glb(path: Path) -> None:
    import trimesh

    assert len(trimesh.load(path).geometry)


def _usd(path: Path) -> None:
    from pxr import Usd

    stage = Usd.Stage.Open(str(path))  # prims live as long as their stage
    assert stage.GetDefaultPrim().IsValid()


def _picture(path: Path) -> None:
    import cv2

    assert cv2.imread(str(path)) is not None


def _video(path: Path) -> None:
    import imageio_ffmpeg

    assert imageio_ffmpeg.count_frames_and_secs(str(path))[0] == FRAMES


def _table(path: Path) -> None:
    rows = path.read_text(encoding="utf-8").splitlines()
    assert len({row.count(",") for row in rows}) == 1


def _mot(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    head, rows = text.split("endheader\n")
    assert f"nRows={FRAMES}" in head.replace(" ", "")
    assert len(rows.splitlines()) == FRAMES + 1


def _parquet(path: Path) -> None:
    from pyarrow import parquet

    parquet.read_table(path)


def _onnx(path: Path) -> None:
    import onnx

    onnx.checker.check_model(onnx.load(path))


def _folder(path: Path) -> None:
    assert len(list(path.iterdir())) == FRAMES


_OPENERS: Final[Mapping[str, Callable[[Path], object]]] = {
    "": _folder,
    ".bvh": read_bvh,
    ".c3d": read_c3d,
    ".csv": _table,
    ".glb": _glb,
    ".h5": _hdf5,
    ".json": _json,
    ".mot": _mot,
    ".mp4": _video,
    ".npz": _npz,
    ".onnx": _onnx,
    ".parquet": _parquet,
    ".png": _picture,
    ".safetensors": load_file,
    ".trc": read_trc_table,
    ".usd": _usd,
    ".usda": _usd,
    ".usdc": _usd,
    ".zip": _zip,
}
