"""OpenPose's files of heat maps, written here byte by byte."""

import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from lift3d.decoders import (
    BODY_25_LIMBS,
    COCO_18_LIMBS,
    MPI_15_LIMBS,
    LimbModel,
    PafGrouping,
    decode_paf,
    gaussian_maps,
    limb_fields,
    read_openpose_maps,
    split_openpose_maps,
)
from lift3d.errors import FileFormatError, InputError
from tests.decoders.scenes import expect_people, person


def as_dump(maps: np.ndarray, path: Path) -> Path:
    axes = [maps.ndim, *maps.shape]
    path.write_bytes(struct.pack(f"<{len(axes)}f", *axes) + maps.astype("<f4").tobytes())
    return path


def as_picture(maps: np.ndarray, path: Path) -> Path:
    assert cv2.imwrite(str(path), np.concatenate(list(maps), axis=1))
    return path


def network_maps(model: LimbModel, size: tuple[int, int]) -> tuple[np.ndarray, torch.Tensor]:
    """Two people at the size of the network's input, as whole maps in the file's order."""
    bodies = [person(model.skeleton, x, 12, size[0] * 0.8) for x in (60, 150)]
    people = torch.stack(bodies)
    joints = gaussian_maps(people, size, 5.0).amax(0)
    fields = limb_fields(people, model, size, half_width=5.0)
    maps = torch.cat([joints, 1 - joints.amax(0, keepdim=True), fields])
    return maps.numpy().astype(np.float32), people


def scaled(maps: np.ndarray, joints: int, scale: int) -> np.ndarray:
    parts, fields = maps[: joints + 1], maps[joints + 1 :]
    if scale == 0:
        parts = parts * 2 - 1
    if scale in (1, 2):
        fields = (fields + 1) / 2
    whole = np.concatenate([parts, fields])
    return np.round(whole * 255) if scale == 2 else whole


@pytest.mark.parametrize("model", [BODY_25_LIMBS, COCO_18_LIMBS, MPI_15_LIMBS])
@pytest.mark.parametrize("layout", ["picture", 0, 1, 2, 3])
def test_people_come_out_of_every_layout(model, layout, tmp_path: Path) -> None:
    maps, people = network_maps(model, (128, 208))
    joints = len(model.skeleton)
    if layout == "picture":
        path = as_picture(
            scaled(maps, joints, 2).astype(np.uint8), tmp_path / "a_pose_heatmaps.png"
        )
        read = read_openpose_maps(path, model)
    else:
        path = as_dump(scaled(maps, joints, layout), tmp_path / "a_pose_heatmaps.float")
        read = read_openpose_maps(path, model, heatmaps_scale=layout)
    within = 1 / 127 if layout in ("picture", 2) else 1e-6
    assert np.abs(read.joints.numpy() - maps[:joints]).max() < within
    assert np.abs(read.background.numpy() - maps[joints]).max() < within
    assert np.abs(read.pafs.numpy() - maps[joints + 1 :]).max() < within
    found = decode_paf(read.joints, read.pafs, model, PafGrouping(stride=1.0))
    expect_people(found.keypoints, people, within=0.5)


def test_column_and_row_of_a_picture(tmp_path: Path) -> None:
    """Map k lies in the columns from k w to (k + 1) w; of 57 maps the 19th is the background."""
    picture = np.zeros((4, 57 * 6), np.uint8)
    picture[3, 18 * 6 + 1] = 255
    picture[1, 2 * 6 + 5] = 51
    path = tmp_path / "maps.png"
    assert cv2.imwrite(str(path), picture)
    read = read_openpose_maps(path, COCO_18_LIMBS)
    assert torch.nonzero(read.background).tolist() == [[3, 1]]
    assert read.joints[2, 1, 5].item() == pytest.approx(0.2)
    assert read.pafs.shape == (38, 4, 6)


def test_maps_of_a_network_are_split() -> None:
    maps = torch.arange(57.0)[:, None, None].expand(57, 46, 46)
    split = split_openpose_maps(maps, COCO_18_LIMBS)
    assert split.joints[:, 0, 0].tolist() == list(range(18))
    assert split.background[0, 0] == 18
    assert split.pafs[:, 0, 0].tolist() == list(range(19, 57))
    with pytest.raises(
        InputError, match=r"expected 78 maps of body_25 .* got 57: these are coco_18's"
    ):
        split_openpose_maps(maps, BODY_25_LIMBS)
    with pytest.raises(InputError, match="got 67: write joints, background and fields"):
        split_openpose_maps(torch.zeros(67, 4, 4), COCO_18_LIMBS)


def test_files_that_are_not_what_they_say(tmp_path: Path) -> None:
    maps = np.zeros((57, 4, 6), np.float32)
    good = as_dump(maps, tmp_path / "good.float").read_bytes()
    other = as_dump(maps[:19], tmp_path / "other.float").read_bytes()
    damaged = {
        "empty": (b"", "float dump"),
        "short": (good[:-8], "1368 values .* got 1366"),
        "ragged": (good[:-3], "bytes that are not"),
        "axes": (struct.pack("<5f", 2, 57, 24, 0, 0), "float dump of maps"),
        "huge": (struct.pack("<4f", 3, 57, 1e9, 1e9), "values in"),
        "negative": (struct.pack("<5f", 3, -57, -4, 6, 0), "float dump of maps"),
        "fraction": (struct.pack("<5f", 3, 1.5, 1, 1, 0), "float dump of maps"),
        "nan_shape": (struct.pack("<5f", 3, float("nan"), 1, 1, 0), "float dump of maps"),
        "model": (other, "expected 57 maps"),
        "range": (good, "range of --heatmaps_scale 2"),
        "nan": (struct.pack("<4f", 3, 57, 4, 6) + np.full(1368, np.nan, "<f4").tobytes(), "finite"),
    }  # fmt: skip
    for name, (content, sentence) in damaged.items():
        path = tmp_path / f"{name}.float"
        path.write_bytes(content)
        with pytest.raises(FileFormatError, match=sentence):
            read_openpose_maps(path, COCO_18_LIMBS)
    with pytest.raises(FileFormatError, match=r"absent\.float"):
        read_openpose_maps(tmp_path / "absent.float", COCO_18_LIMBS)
    with pytest.raises(FileFormatError):
        read_openpose_maps(tmp_path, COCO_18_LIMBS)


def test_pictures_that_are_not_what_they_say(tmp_path: Path) -> None:
    for name, content in {"empty": b"", "text": b"heat maps", "cut": b"\x89PNG\r\n\x1a\n"}.items():
        path = tmp_path / f"{name}.png"
        path.write_bytes(content)
        with pytest.raises(FileFormatError, match="expected a picture"):
            read_openpose_maps(path, COCO_18_LIMBS)
    path = as_picture(np.zeros((67, 4, 6), np.uint8), tmp_path / "wrong.png")
    with pytest.raises(FileFormatError, match=r"57 maps side by side .* got 402 columns"):
        read_openpose_maps(path, COCO_18_LIMBS)
