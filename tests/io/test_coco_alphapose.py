"""COCO and AlphaPose lists: one file for a whole clip."""

from typing import Any

import pytest
import torch

from lift3d.errors import FileFormatError, SkeletonError
from lift3d.io import read_keypoints
from lift3d.skeletons import BODY_25, COCO_17, COCO_18, HALPE_26, MPII_16


def result(frame: Any, keypoints: list[float], **more: Any) -> dict[str, Any]:
    return {"image_id": frame, "category_id": 1, "keypoints": keypoints, "score": 0.9, **more}


def test_coco_results(walker, write) -> None:
    rows = [result(n, walker(COCO_17, dx=n)) for n in (3, 4, 6)]
    file = read_keypoints(write("r.json", rows))
    (person,) = file.people
    assert file.report.format == "COCO results"
    assert (person.first_frame, person.observed.tolist()) == (3, [True, True, False, True])
    assert person.pose.keypoints[3, 0].tolist() == [328, 92]


def test_coco_annotations_with_flags_and_picture_size(walker, write) -> None:
    flat = walker(COCO_17, c=2)
    flat[2], flat[5] = 1, 0
    document = {
        "images": [{"id": n, "width": 640, "height": 480} for n in (1, 2)],
        "annotations": [
            {"id": 7, "image_id": 1, "keypoints": flat, "num_keypoints": 16, "bbox": [0, 0, 9, 9]},
            {"id": 8, "image_id": 1, "keypoints": [0] * 51, "num_keypoints": 0},
            {"id": 9, "image_id": 2, "segmentation": []},
        ],
    }
    file = read_keypoints(write("a.json", document))
    (person,) = file.people
    assert person.pose.confidence[0, :4].tolist() == [0.5, 0.0, 1.0, 1.0]
    assert person.observed.tolist() == [True, False]
    assert (file.report.image_size, file.report.image_size_from) == ((480, 640), "file")


def test_far_apart_picture_ids_are_counted(walker, write) -> None:
    rows = [result(n, walker(COCO_17)) for n in (397133, 785, 139)]
    report = read_keypoints(write("r.json", rows)).report
    assert (report.first_frame, report.frames) == (0, 3)
    assert "pictures were taken as frames in the order of their ids" in report.notes


def test_track_ids_are_honoured(walker, write) -> None:
    rows = [
        result(n, walker(COCO_17, dx=250 * ((n + k) % 2)), track_id=k)
        for n in range(4)
        for k in (0, 1)
    ]
    for person in read_keypoints(write("r.json", rows)).people:
        assert person.pose.keypoints[:, 0, 0].diff().abs().tolist() == [250.0] * 3


def test_coco_of_another_count_needs_a_skeleton(walker, write) -> None:
    path = write("r.json", [result(1, walker(MPII_16_LIKE))])
    with pytest.raises(SkeletonError, match="mpii_16"):
        read_keypoints(path)
    assert read_keypoints(path, skeleton="MPII-16").report.skeleton == "mpii_16"


MPII_16_LIKE = COCO_17.subset("sixteen", COCO_17.joints[:16])


@pytest.mark.parametrize(
    ("count", "layout"), [(17, COCO_17), (26, HALPE_26), (133, COCO_17), (136, HALPE_26)]
)
def test_alphapose_layouts(count, layout, walker, write) -> None:
    flat = walker(layout) + [5.0, 6.0, 0.5] * (count - len(layout))
    rows = [result(f"{n}.jpg", flat, box=[0, 0, 9, 9]) for n in range(10, 13)]
    file = read_keypoints(write("alphapose-results.json", rows))
    assert file.report.format == "AlphaPose results"
    assert file.people[0].pose.skeleton == layout
    assert (file.report.first_frame, file.report.frames) == (10, 3)
    assert any("the body, were read" in note for note in file.report.notes) == (count > 100)


def test_alphapose_mpii(walker, write) -> None:
    path = write("r.json", [result("1.jpg", walker(MPII_16_LIKE))])
    assert read_keypoints(path).people[0].pose.skeleton == MPII_16


@pytest.mark.parametrize("wrap", [int, float, lambda n: [n], lambda n: [[float(n)]]])
def test_alphapose_ids_in_every_spelling(wrap, walker, write) -> None:
    rows = [
        result(f"{n}.jpg", walker(HALPE_26, dx=250 * ((n + k) % 2)), idx=wrap(k + 1))
        for n in range(4)
        for k in (0, 1)
    ]
    file = read_keypoints(write("r.json", rows))
    for person in file.people:
        assert person.pose.keypoints[:, 0, 0].diff().abs().tolist() == [250.0] * 3
    assert "people were told apart by the ids in the file" in file.report.notes


def test_alphapose_confidence_above_one_becomes_one(walker, write) -> None:
    file = read_keypoints(write("r.json", [result("1.jpg", walker(COCO_17, c=5.5))]))
    assert torch.equal(file.people[0].pose.confidence, torch.ones(1, 17))
    assert "confidences above 1 were taken as 1" in file.report.notes


def test_alphapose_names_without_numbers_are_counted(walker, write) -> None:
    rows = [result(name, walker(COCO_17)) for name in ("b.jpg", "a.jpg")]
    report = read_keypoints(write("r.json", rows)).report
    assert (report.first_frame, report.frames) == (0, 2)
    assert any("in the order in which the file names them" in note for note in report.notes)


@pytest.mark.parametrize(
    "person", [lambda k: ("bodies", {"joints": k}), lambda k: ("people", {"pose_keypoints_2d": k})]
)
def test_alphapose_cmu_and_open_forms(person, walker, write) -> None:
    document = {}
    for n in range(3):
        key, body = person(walker(COCO_18, dx=n))
        document[f"{n}.jpg"] = {"version": "AlphaPose v0.3", key: [body]}
    file = read_keypoints(write("r.json", document))
    assert file.report.skeleton == "coco_18"
    assert file.people[0].pose.keypoints[:, 0, 0].tolist() == [322, 323, 324]


def test_sep_json_folder(walker, write) -> None:
    for n in range(3):
        body = {"version": "AlphaPose v0.3", "bodies": [{"joints": walker(COCO_18)}]}
        path = write(f"sep-json/{n}.json", body)
    assert read_keypoints(path.parent).report.frames == 3


def test_a_folder_with_one_list_is_that_list(walker, write) -> None:
    path = write("out/alphapose-results.json", [result("1.jpg", walker(HALPE_26))])
    assert read_keypoints(path.parent).report.skeleton == "halpe_26"


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([result(1, [1.0, 2.0])], "got 2 numbers"),
        ([result(1, None)], "expected a list of numbers"),
        ([result(1, [1.0] * 51), result("a", [1.0] * 51)], "whole number as 'image_id'"),
        ([result("a", [1.0] * 51), result(1, [1.0] * 51)], "image_id' as a picture's name"),
        ([result("a", [1.0] * 51), 5], "image_id' as a picture's name"),
        ([result(1, [1.0] * 51), result(1, [1.0] * 78)], "17 keypoints in frame 1 and 26"),
        ({"annotations": [], "images": []}, "expected frames"),
        ({"annotations": {}, "images": []}, "expected lists of images"),
        ({"annotations": [], "images": [{"id": 1}]}, "1 frames without anybody"),
        ({"annotations": [], "images": ["a"]}, "whole number as 'id'"),
        (
            {
                "annotations": [result(1, [1.0] * 51)],
                "images": [{"id": 1, "width": [], "height": 3}],
            },
            "width and height",
        ),
        (
            {
                "annotations": [result(1, [1.0] * 51)],
                "images": [{"id": n, "width": n + 1, "height": 3} for n in range(2)],
            },
            "several sizes",
        ),
    ],
)
def test_bad_lists(rows, message, write) -> None:
    with pytest.raises(FileFormatError, match=message):
        read_keypoints(write("r.json", rows))


def test_walkers_of_different_layouts_do_not_mix(walker, write) -> None:
    rows = [result("1.jpg", walker(COCO_17)), result("2.jpg", walker(BODY_25))]
    with pytest.raises(FileFormatError, match="expected one skeleton for everybody"):
        read_keypoints(write("r.json", rows))
