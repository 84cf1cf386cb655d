"""COCO, CrowdPose, DensePose-COCO and MPII: layouts, flags, boxes, surfaces, and what is broken."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from scipy.io import savemat

from lift3d.capture import AnnotatedPicture
from lift3d.errors import FileFormatError, InputError
from lift3d.protocols import PictureDataset
from lift3d.skeletons import COCO_17, CROWDPOSE_14, MPII_16
from lift3d_datasets.coco import Coco
from lift3d_datasets.crowdpose import CrowdPose
from lift3d_datasets.densepose_coco import MASK_PARTS, DensePoseCoco
from lift3d_datasets.jpeg_size import jpeg_size
from lift3d_datasets.mpii import Mpii
from lift3d_datasets.rle import decode_mask, unpack_runs


def person(joints: int = 17, **changes: Any) -> dict[str, Any]:
    """The first joint is visible, the second hidden, the others not labelled."""
    keypoints = [10, 20, 2, 30.5, 40, 1] + [0] * 3 * (joints - 2)
    entry = {
        "id": 7, "image_id": 3, "category_id": 1, "keypoints": keypoints, "num_keypoints": 2,
        "bbox": [5.5, 6, 70, 80], "area": 1234.5, "iscrowd": 0,
    }  # fmt: skip
    return {key: value for key, value in (entry | changes).items() if value is not None}


def document(*people: dict[str, Any], **image: Any) -> dict[str, Any]:
    about = {"id": 3, "file_name": "000000000003.jpg", "width": 640, "height": 480} | image
    return {"images": [about, about | {"id": 4}], "annotations": list(people)}


def save(path: Path, value: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))
    return path


def coco(root: Path, *people: dict[str, Any], **image: Any) -> list[AnnotatedPicture]:
    save(root / "annotations/person_keypoints_val2017.json", document(*people, **image))
    return list(Coco(root).pictures("val"))


def test_coco_people_with_hidden_and_missing_keypoints(tmp_path: Path) -> None:
    (picture,) = coco(tmp_path, person(), person(iscrowd=1, num_keypoints=0))
    assert isinstance(Coco(tmp_path), PictureDataset)
    assert (picture.file_name, picture.image_size) == ("val2017/000000000003.jpg", (480, 640))
    one, crowd = picture.people
    assert one.keypoints.skeleton == COCO_17
    assert one.keypoints.confidence[:3].tolist() == [1.0, 0.5, 0.0]
    assert one.keypoints.keypoints[:2].tolist() == [[10, 20], [30.5, 40]]
    assert one.keypoints.keypoints[2:].isnan().all()
    assert one.box.tolist() == [5.5, 6, 70, 80]
    assert (one.area, one.crowd, crowd.crowd) == (1234.5, False, True)


def test_coco_years_and_splits(tmp_path: Path) -> None:
    save(tmp_path / "annotations/person_keypoints_train2014.json", document(person()))
    assert Coco(tmp_path).splits == ("train",)
    assert next(Coco(tmp_path).pictures("train")).file_name.startswith("train2014/")
    save(tmp_path / "annotations/person_keypoints_val2017.json", document(person()))
    assert (Coco(tmp_path).year, Coco(tmp_path).splits) == ("2017", ("val",))
    assert Coco(tmp_path, year="2014").splits == ("train",)
    with pytest.raises(InputError, match="expected a split of val, got 'train'"):
        list(Coco(tmp_path).pictures("train"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"keypoints": [1, 2, 2] * 16}, "51 keypoint numbers.*got 48"),
        ({"keypoints": [1, 2, 3] * 17}, "visibilities of 0, 1 or 2"),
        ({"keypoints": ["1", 2, 2] * 17}, "51 keypoint numbers"),
        ({"bbox": [1, 2, 3]}, "bbox of x, y, width, height"),
        ({"bbox": None}, "bbox"),
        ({"iscrowd": 2}, "iscrowd"),
        ({"image_id": 9}, "an image for every annotation"),
        ({"image_id": "3"}, "whole image_id"),
    ],
)
def test_broken_annotations_are_refused(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(FileFormatError, match=message):
        coco(tmp_path, person(**changes))


@pytest.mark.parametrize(
    "image",
    [{"width": 0}, {"height": "480"}, {"file_name": "../../etc/passwd"}, {"file_name": "/a"}],
)
def test_broken_images_are_refused(tmp_path: Path, image: dict[str, Any]) -> None:
    with pytest.raises(FileFormatError, match="image 0"):
        coco(tmp_path, person(), **image)


def test_a_half_downloaded_coco_is_seen(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"annotations_trainval2017\.zip"):
        Coco(tmp_path)
    path = save(tmp_path / "annotations/person_keypoints_val2017.json", document(person()))
    (tmp_path / "val2017").mkdir()
    (tmp_path / "val2017/1.jpg").touch()
    findings = {finding.what: finding for finding in Coco.examine(tmp_path)}
    assert findings["annotations val2017"].present
    assert findings["pictures val2017"].detail.startswith("1 of 5000")
    assert not findings["annotations train2017"].present
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(FileFormatError, match="cut off"):
        list(Coco(tmp_path).pictures("val"))


def test_crowdpose_has_fourteen_joints(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="crowdpose_train"):
        CrowdPose(tmp_path)
    save(tmp_path / "json/crowdpose_test.json", document(person(14), crowdIndex=0.7))
    dataset = CrowdPose(tmp_path)
    assert dataset.splits == ("test",)
    (picture,) = dataset.pictures("test")
    assert picture.file_name == "images/000000000003.jpg"
    assert picture.people[0].keypoints.skeleton == CROWDPOSE_14
    as_coco = picture.people[0].keypoints.to(COCO_17)
    assert as_coco.keypoints[COCO_17.index("left_shoulder")].tolist() == [10, 20]
    save(tmp_path / "json/crowdpose_test.json", document(person(17)))
    with pytest.raises(FileFormatError, match="42 keypoint numbers"):
        list(dataset.pictures("test"))


# DensePose ----------------------------------------------------------------------------------------


def pack(mask: np.ndarray) -> str:
    """COCO's packed runs, written from the format's description for these tests."""
    flat = mask.T.ravel()
    edges = np.flatnonzero(np.diff(flat)) + 1
    runs = np.diff([0, *edges, len(flat)]).tolist()
    if flat[0]:
        runs.insert(0, 0)
    text = ""
    for i, run in enumerate(runs):
        x = run - (runs[i - 2] if i > 2 else 0)
        more = True
        while more:
            group, x = x & 31, x >> 5
            more = x != (-1 if group & 16 else 0)
            text += chr(group + (32 if more else 0) + 48)
    return text


def surface(**changes: Any) -> dict[str, Any]:
    masks: list[Any] = [[] for _ in MASK_PARTS]
    for part, columns in ((1, slice(0, 10)), (13, slice(100, 200))):
        mask = np.zeros((256, 256), np.uint8)
        mask[50:60, columns] = 1
        masks[part] = {"size": [256, 256], "counts": pack(mask)}
    dense = {
        "dp_I": [1.0, 24.0], "dp_U": [0.25, 1.0], "dp_V": [0.5, 0.0], "dp_x": [0, 128],
        "dp_y": [64, 256], "dp_masks": masks,
    }  # fmt: skip
    return person(**(dense | changes))


def test_surface_points_lie_in_the_picture(tmp_path: Path) -> None:
    save(
        tmp_path / "annotations/densepose_coco_2014_minival.json", document(surface(), person(id=8))
    )
    dataset = DensePoseCoco(tmp_path)
    assert dataset.splits == ("minival",)
    (picture,) = dataset.pictures("minival")
    assert picture.file_name.startswith("val2014/")
    (someone,) = picture.people  # the other person has no surface points
    points = someone.surface
    assert points is not None
    # The box is 70 x 80 at (5.5, 6).
    assert points.pixels.tolist() == [[5.5, 6 + 20], [5.5 + 35, 6 + 80]]
    assert points.part.tolist() == [1, 24]
    assert points.uv.tolist() == [[0.25, 0.5], [1.0, 0.0]]


def test_part_masks_are_decoded(tmp_path: Path) -> None:
    save(tmp_path / "densepose_minival2014.json", document(surface()))
    (found,) = DensePoseCoco(tmp_path).part_maps("minival")
    assert found.annotation == 7
    assert (found.labels[50:60, 0:10] == 2).all()
    assert MASK_PARTS[found.labels[55, 150] - 1] == "head"
    assert np.bincount(found.labels.ravel()).tolist()[2::12] == [100, 1000]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"dp_I": [0, 1]}, "parts 1 to 24"),
        ({"dp_I": [1.5, 1]}, "parts 1 to 24"),
        ({"dp_U": [0.5, 1.2]}, "U, V from 0 to 1"),
        ({"dp_x": [0, float("nan")]}, "cut off|about the box"),
        ({"dp_y": [0, 9000]}, "about the box"),
        ({"dp_V": [0.5]}, "lists of one length"),
        ({"dp_V": "none"}, "lists of one length"),
        ({"dp_V": None}, "lists of one length"),
    ],
)
def test_broken_surfaces_are_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    save(tmp_path / "densepose_coco_2014_train.json", document(surface(**changes)))
    with pytest.raises(FileFormatError, match=message):
        list(DensePoseCoco(tmp_path).pictures("train"))


def test_runs_of_masks_by_hand() -> None:
    # 2 zeros, 3 ones, 1 zero down the columns of 2 x 3.
    wanted = [[False, True, True], [False, True, False]]
    assert decode_mask([2, 3, 1], (2, 3)).tolist() == wanted
    assert unpack_runs("231") == [2, 3, 1]
    assert unpack_runs(b"n0R1") == [
        30,
        34,
    ]  # 30 = 11110 needs a second group, so that it has no sign
    assert decode_mask("231", (2, 3)).tolist() == wanted


@pytest.mark.parametrize("seed", range(5))
def test_packed_masks_come_back(seed: int) -> None:
    generator = np.random.default_rng(seed)
    noise = cv2.GaussianBlur(generator.normal(size=(61, 83)), (0, 0), 1 + seed)
    mask = noise > 0
    assert np.array_equal(decode_mask(pack(mask.astype(np.uint8)), mask.shape), mask)


@pytest.mark.parametrize("runs", [[2, 3], [7, -1], "23", "P", "\x00", "2é", "o" * 30])
def test_broken_runs_are_refused(runs: Any) -> None:
    with pytest.raises(FileFormatError):
        decode_mask(runs, (2, 3))


# MPII ---------------------------------------------------------------------------------------------


def mpii_mat(path: Path) -> Path:
    """The nested structures of the .mat: three pictures to train with, one to test with."""

    def rows(values: list[dict[str, Any]]) -> np.ndarray:
        keys = list(values[0])
        out = np.zeros((1, len(values)), [(key, object) for key in keys])
        for i, value in enumerate(values):
            for key in keys:
                out[key][0, i] = value[key]
        return out

    empty = np.zeros((0, 0))
    points = rows([
        {"x": 101.0, "y": 51.0, "id": 0, "is_visible": 1},
        {"x": 11.5, "y": 21.0, "id": 9, "is_visible": empty},
        {"x": 31.0, "y": 41.0, "id": 15, "is_visible": "0"},
    ])  # fmt: skip
    place = rows([{"x": 201.0, "y": 301.0}])
    full = {"annopoints": rows([{"point": points}]), "objpos": place, "scale": 2.0}
    alone = {"annopoints": empty, "objpos": place, "scale": 1.0}
    head = {"annopoints": empty, "objpos": empty, "scale": empty}
    entries = [
        {"image": rows([{"name": "a.jpg"}]), "annorect": rows([full, head])},
        {"image": rows([{"name": "b.jpg"}]), "annorect": empty},
        {"image": rows([{"name": "c.jpg"}]), "annorect": rows([alone])},
        {"image": rows([{"name": "d.jpg"}]), "annorect": rows([full])},
    ]
    release = rows([{"annolist": rows(entries), "img_train": np.array([[1, 1, 0, 1]])}])
    savemat(path, {"RELEASE": release})
    return path


def test_mpii_from_matlab(tmp_path: Path) -> None:
    mpii_mat(tmp_path / "mpii_human_pose_v1_u12_1.mat")
    (tmp_path / "images").mkdir()
    cv2.imwrite(str(tmp_path / "images/a.jpg"), np.zeros((90, 160, 3), np.uint8))
    dataset = Mpii(tmp_path)
    assert isinstance(dataset, PictureDataset)
    assert dataset.splits == ("train", "test")
    first, second = dataset.pictures("train")
    assert [p.file_name for p in (first, second)] == ["images/a.jpg", "images/d.jpg"]
    assert (first.image_size, second.image_size) == ((90, 160), (0, 0))
    (someone,) = first.people  # a head without a body is nobody
    pose = someone.keypoints
    assert pose.skeleton == MPII_16
    # Pixels count from 0 here; head and neck carry no flag; the left wrist is hidden.
    assert pose.keypoints[[0, 9, 15]].tolist() == [[100, 50], [10.5, 20], [30, 40]]
    assert pose.confidence[[0, 1, 9, 15]].tolist() == [1.0, 0.0, 1.0, 0.5]
    assert someone.box.tolist() == [0, 100, 400, 400]
    (other,) = dataset.pictures("test")
    assert not other.people[0].keypoints.seen.any()


def test_mpii_from_json(tmp_path: Path) -> None:
    joints = [[101.0, 51.0]] + [[-1.0, -1.0]] * 14 + [[31, 41]]
    entry = {"image": "a.jpg", "center": [201.0, 301.0], "scale": 2.0, "joints": joints,
             "joints_vis": [1] + [0] * 14 + [1]}  # fmt: skip
    save(tmp_path / "annot/valid.json", [entry, entry | {"image": "b.jpg"}, entry])
    dataset = Mpii(tmp_path)
    assert dataset.splits == ("val",)
    first, second = dataset.pictures("val")
    assert (len(first.people), len(second.people)) == (2, 1)
    assert first.people[0].keypoints.keypoints[[0, 15]].tolist() == [[100, 50], [30, 40]]
    assert int(first.people[0].keypoints.seen.sum()) == 2
    for changes in ({"joints": joints[:14]}, {"center": None}, {"scale": 0}, {"image": 3}):
        save(tmp_path / "annot/valid.json", [entry | changes])
        with pytest.raises(FileFormatError, match="entry 0"):
            list(Mpii(tmp_path).pictures("val"))


def test_broken_mpii_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="got neither"):
        Mpii(tmp_path)
    path = tmp_path / "mpii_human_pose_v1_u12_1.mat"
    savemat(path, {"other": 1})
    with pytest.raises(FileFormatError, match="RELEASE"):
        list(Mpii(tmp_path).pictures("train"))
    whole = mpii_mat(path).read_bytes()
    for length in range(0, len(whole) - 200, 211):
        path.write_bytes(whole[:length])
        with pytest.raises(FileFormatError):
            list(Mpii(tmp_path).pictures("train"))
    assert [finding.present for finding in Mpii.examine(tmp_path)][:2] == [True, False]


def test_sizes_of_pictures_from_their_headers(tmp_path: Path) -> None:
    for name, flags in (("a.jpg", []), ("b.jpg", [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])):
        cv2.imwrite(str(tmp_path / name), np.zeros((33, 77, 3), np.uint8), flags)
        assert jpeg_size(tmp_path / name) == (33, 77)
    (tmp_path / "c.jpg").write_bytes((tmp_path / "a.jpg").read_bytes()[:30])
    for name in ("c.jpg", "none.jpg"):
        assert jpeg_size(tmp_path / name) is None
