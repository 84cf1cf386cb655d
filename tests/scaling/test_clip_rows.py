"""Clips as rows of Parquet: they come back bit for bit, and other files are refused."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
import torch

from lift3d.clip import Clip
from lift3d.errors import FileFormatError
from lift3d.io.clips.clip_npz import clip_arrays
from lift3d.io.clips.clip_rows import ClipRows, drop_rows, keys_in, parquet_files, read_clips
from tests.helpers.body_clip import clip_of, swinging


def body_clip() -> Clip:
    return clip_of(swinging(), swinging(seed=1, aside=1.0))


def same(clip: Clip, other: Clip) -> bool:
    first, second = clip_arrays(clip), clip_arrays(other)
    return all(
        values.dtype == second[name].dtype
        and np.array_equal(values, second[name], equal_nan=values.dtype.kind == "f")
        for name, values in first.items()
    )


def written(path: Path, *clips: Clip) -> Path:
    with ClipRows(path) as rows:
        for number, clip in enumerate(clips):
            rows.add(f"clip{number}", f"key{number}", clip)
    return path


def moved(clip: Clip) -> Clip:
    """The same before a moving camera."""
    camera = clip.camera
    frames = len(clip)
    many = replace(
        camera,
        intrinsics=camera.intrinsics.expand(frames, 3, 3).clone(),
        cam_from_world=camera.cam_from_world.expand(frames, 4, 4).clone(),
        distortion=camera.distortion.expand(frames, 5).clone(),
    )
    return replace(clip, camera=many)


def test_clips_come_back_bit_for_bit(tmp_path: Path) -> None:
    clip = body_clip()
    joints_only = replace(
        clip, people=tuple(replace(person, body=None) for person in clip.people), body_model=""
    )
    clips = [clip, joints_only, moved(clip)]
    path = written(tmp_path / "a.parquet", *clips)
    back = list(read_clips(path))
    assert [name for name, _ in back] == ["clip0", "clip1", "clip2"]
    assert all(same(clip, other) for clip, (_, other) in zip(clips, back, strict=True))
    assert keys_in(path) == [("clip0", "key0"), ("clip1", "key1"), ("clip2", "key2")]


def test_numbers_for_other_readers(tmp_path: Path) -> None:
    clip = body_clip()
    table = pyarrow.parquet.read_table(written(tmp_path / "a.parquet", clip))
    row = table.to_pylist()[0]
    shape = (len(row["person_ids"]), row["frames"], len(row["joint_names"]), 3)
    joints = np.reshape(np.array(row["joints"], np.float32), shape)
    expected = torch.stack([person.joints.pose.joints for person in clip.people]).numpy()
    assert np.array_equal(joints, expected, equal_nan=True)


def test_rows_can_be_dropped(tmp_path: Path) -> None:
    clip = body_clip()
    path = written(tmp_path / "a.parquet", clip, clip, clip)
    drop_rows(path, tmp_path / "b.parquet", frozenset({"clip1"}))
    assert [name for name, _ in read_clips(tmp_path / "b.parquet")] == ["clip0", "clip2"]
    (tmp_path / "_c.parquet").touch()
    assert [each.name for each in parquet_files(tmp_path)] == ["a.parquet", "b.parquet"]


@pytest.mark.parametrize("case", ["nothing", "text", "table", "lengths", "letters"])
def test_other_files_are_refused_in_a_sentence(case: str, tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    if case == "text":
        path.write_bytes(b"PAR1 no table PAR1")
    elif case == "table":
        pyarrow.parquet.write_table(pyarrow.table({"file": ["a"]}), path)
    elif case != "nothing":
        table = pyarrow.parquet.read_table(written(path, body_clip()))
        column, values = {"lengths": ("joints", [1.0]), "letters": ("frames", -3)}[case]
        index = table.schema.get_field_index(column)
        changed = pyarrow.array([values], table.schema.field(column).type)
        pyarrow.parquet.write_table(table.set_column(index, column, changed), path)
    with pytest.raises(FileFormatError, match=r"expected .+ got .+: "):
        list(read_clips(path))
