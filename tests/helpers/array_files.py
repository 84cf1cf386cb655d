"""Keypoint files as arrays and tables, in the layouts that DeepLabCut, SLEAP and others write."""

import io
import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from lift3d.skeletons import COCO_17

BODY = ("nose", "LeftShoulder", "right_shoulder", "L_hip", "rknee")
JOINTS = ("nose", "left_shoulder", "right_shoulder", "left_hip", "right_knee")


def walk(frames: int, joints: int = 17, people: int = 1, seed: int = 0) -> np.ndarray:
    """x, y in pixels and confidence [frames, people, joints, 3], nobody at the origin."""
    rng = np.random.default_rng(seed)
    xy = rng.uniform(50, 900, (frames, people, joints, 2)).round(3)
    return np.concatenate([xy, rng.uniform(0.1, 1, (frames, people, joints, 1)).round(3)], -1)


def npy(array: np.ndarray, **options: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


def npz(**entries: Any) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **entries)
    return file.getvalue()


def listed(frames: Sequence[Any]) -> np.ndarray:
    """An array of objects, one per frame, as NumPy makes of lists of unlike arrays."""
    out = np.empty(len(frames), dtype=object)
    for number, frame in enumerate(frames):
        out[number] = frame
    return out


def dlc_csv(points: np.ndarray, parts: Sequence[str], individuals: Sequence[str] = ()) -> str:
    """[frames, people, parts, 3] as DeepLabCut's CSV; NaN are empty cells."""
    people = individuals or ("",)
    keys = [(p, b, c) for p in people for b in parts for c in ("x", "y", "likelihood")]
    rows = [["scorer", *("DLC_resnet50" for _ in keys)]]
    if individuals:
        rows.append(["individuals", *(key[0] for key in keys)])
    rows.append(["bodyparts", *(key[1] for key in keys)])
    rows.append(["coords", *(key[2] for key in keys)])
    for number, frame in enumerate(points.reshape(len(points), -1)):
        cells = ["" if np.isnan(value) else repr(float(value)) for value in frame]
        rows.append([str(number), *cells])
    return "\n".join(",".join(row) for row in rows) + "\n"


def _names(parts: Sequence[str], individuals: Sequence[str]) -> list[tuple[str, ...]]:
    coords = ("x", "y", "likelihood")
    if not individuals:
        return [("DLC", part, coord) for part in parts for coord in coords]
    return [("DLC", who, part, coord) for who in individuals for part in parts for coord in coords]


def dlc_table_h5(
    path: Path, points: np.ndarray, parts: Sequence[str], individuals: Sequence[str] = ()
) -> Path:
    """The layout that pandas calls a table: records, their columns' names pickled in an attribute."""
    values = points.reshape(len(points), -1)
    record = np.dtype([("index", "<i8"), ("values_block_0", "<f8", (values.shape[1],))])
    table = np.empty(len(values), record)
    table["index"], table["values_block_0"] = np.arange(len(values)), values
    with h5py.File(path, "w") as file:
        group = file.create_group("df_with_missing")
        group.attrs["pandas_type"] = np.bytes_(b"frame_table")
        found = group.create_dataset("table", data=table)
        kinds = pickle.dumps(_names(parts, individuals), protocol=0)
        found.attrs["values_block_0_kind"] = np.bytes_(kinds)
    return path


def dlc_fixed_h5(
    path: Path, points: np.ndarray, parts: Sequence[str], individuals: Sequence[str] = ()
) -> Path:
    """The layout that pandas calls fixed: names as levels, and labels that count in them."""
    values = points.reshape(len(points), -1)
    columns = list(zip(*_names(parts, individuals), strict=True))
    with h5py.File(path, "w") as file:
        group = file.create_group("df_with_missing")
        group.attrs["nblocks"] = 1
        group.attrs["block0_items_nlevels"] = len(columns)
        for level, names in enumerate(columns):
            texts = sorted(set(names))
            labels = np.array([texts.index(name) for name in names], np.int8)
            group[f"block0_items_level{level}"] = np.array(texts, "S")
            group[f"block0_items_label{level}"] = labels
        group["axis1"] = np.arange(len(values))
        group["block0_values"] = values
    return path


def sleap_h5(
    path: Path,
    tracks: np.ndarray,
    nodes: Sequence[str],
    names: Sequence[str],
    scores: np.ndarray | None = None,
) -> Path:
    """tracks [tracks, 2, nodes, frames]."""
    with h5py.File(path, "w") as file:
        file.create_dataset("tracks", data=tracks, compression="gzip")
        file["node_names"] = np.array(nodes, "S")
        file["track_names"] = np.array(names, "S") if names else np.empty(0)
        if scores is not None:
            file["point_scores"] = scores
    return path


_TRC_VALUES = (
    *("DataRate", "CameraRate", "NumFrames", "NumMarkers", "Units"),
    *("OrigDataRate", "OrigDataStartFrame", "OrigNumFrames"),
)


def trc(
    positions: np.ndarray,
    names: Sequence[str],
    *,
    units: str = "m",
    rate: str = "60",
    first: int = 1,
) -> str:
    """[frames, markers, 3] as Pose2Sim writes them: three tabs between names and behind them."""
    count = len(names)
    lines = [
        "PathFileType\t4\t(X/Y/Z)\tclip.trc",
        "\t".join(_TRC_VALUES),
        "\t".join(
            [rate, rate, str(len(positions)), str(count), units, rate, "0", str(len(positions))]
        ),
        "Frame#\tTime\t" + "\t\t\t".join(names) + "\t\t\t",
        "\t\t" + "\t".join(f"X{n}\tY{n}\tZ{n}" for n in range(1, count + 1)),
    ]
    for row, frame in enumerate(positions.reshape(len(positions), -1)):
        cells = ["" if np.isnan(value) else repr(float(value)) for value in frame]
        lines.append("\t".join([str(first + row), repr((first + row) / float(rate)), *cells]))
    return "\n".join(lines) + "\n"


def detectron(frames: Sequence[np.ndarray], size: Mapping[str, int]) -> bytes:
    """People [n, 17, 3] of each frame: Detectron's two classes, of rows x, y, logit, probability."""
    keypoints, boxes = np.empty((len(frames), 2), object), np.empty((len(frames), 2), object)
    for number, people in enumerate(frames):
        keypoints[number, 0] = boxes[number, 0] = []
        rows = np.stack([people[..., 0], people[..., 1], 0 * people[..., 2], people[..., 2]], 1)
        keypoints[number, 1] = rows.astype(np.float32) if len(people) else []
        boxes[number, 1] = np.zeros((len(people), 5), np.float32)
    return npz(keypoints=keypoints, boxes=boxes, metadata=np.array(dict(size), dtype=object))


def videopose3d(videos: Mapping[str, np.ndarray], layout: str = "coco") -> bytes:
    """[frames, 17, 2] by the video's name, as prepare_data_2d_custom saves them."""
    positions = {name: {"custom": [points]} for name, points in videos.items()}
    metadata = {
        "layout_name": layout,
        "num_joints": 17,
        "keypoints_symmetry": [[1, 3], [2, 4]],
        "video_metadata": {name: {"w": 1920, "h": 1080} for name in videos},
    }
    return npz(
        positions_2d=np.array(positions, dtype=object), metadata=np.array(metadata, dtype=object)
    )


def tidy_csv(points: np.ndarray, joints: Sequence[str] = COCO_17.joints) -> str:
    """[frames, people, joints, 3], one row per joint that is there."""
    lines = ["frame,person,joint,x,y,confidence"]
    for frame, person, joint in np.argwhere(~np.isnan(points[..., 0])).tolist():
        x, y, c = points[frame, person, joint].tolist()
        lines.append(f"{frame},{person},{joints[joint]},{x!r},{y!r},{c!r}")
    return "\n".join(lines) + "\n"


def wide_csv(points: np.ndarray, joints: Sequence[str] = COCO_17.joints) -> str:
    """[frames, people, joints, 3], one row per frame and person."""
    cells = [f"{joint}_{axis}" for joint in joints for axis in ("x", "y", "confidence")]
    lines = [",".join(["frame", "person", *cells])]
    for frame, people in enumerate(points):
        for person, values in enumerate(people.reshape(len(people), -1)):
            row = ["" if np.isnan(value) else repr(float(value)) for value in values]
            lines.append(",".join([str(frame), str(person), *row]))
    return "\n".join(lines) + "\n"
