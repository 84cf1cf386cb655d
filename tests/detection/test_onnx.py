"""Networks of every form that find coloured dots: what they say must be where the dots are."""

from pathlib import Path

import numpy as np
import pytest
import torch

from lift3d.detection.onnx import OnnxDetector, OnnxOptions
from lift3d.detection.onnx_people import OnnxPeople, box_nms
from lift3d.errors import FileFormatError, InputError, SkeletonError
from lift3d.skeleton import Skeleton
from tests.detection.networks import (
    DOTS,
    constant_network,
    heatmap_network,
    simcc_network,
    with_dots,
)

PLACES = [(150.0, 110.0), (175.3, 160.8), (131.0, 201.5)]
BOX = [[100.0, 80.0, 100.0, 150.0]]
PLAIN = OnnxOptions(mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0), grid="half_pixel", threads=1)


def plain(**changes: object) -> OnnxOptions:
    fields = {name: getattr(PLAIN, name) for name in OnnxOptions.__slots__}
    return OnnxOptions(**(fields | changes))


def found(detector: OnnxDetector, radius: float = 12.0) -> np.ndarray:
    picture = with_dots((300, 320), PLACES, radius)
    people = detector([picture], [torch.tensor(BOX)])[0]
    assert people.pose.image_size == (300, 320)
    assert people.boxes.tolist() == BOX
    return people.pose.keypoints[0].numpy()


@pytest.mark.parametrize(
    ("network", "options"),
    [
        ({}, {}),
        ({"batch": 1}, {}),
        ({"batch": 4}, {}),
        ({"last": True}, {}),
        ({"whole": True}, {"mean": (9.0, 9.0, 9.0)}),  # it normalises pictures itself
        ({"channels": "bgr"}, {"channels": "bgr"}),
        ({"sides": ("height", "width")}, {"input_size": (256, 192)}),
        ({"size": (384, 288), "stride": 8}, {}),
    ],
)
def test_heatmaps_of_every_form_are_read(
    network: dict[str, object], options: dict[str, object], tmp_path: Path
) -> None:
    path = heatmap_network(tmp_path / "dots.onnx", **network)  # type: ignore[arg-type]
    detector = OnnxDetector(path, DOTS, options=plain(**options))
    assert not detector.finds_people
    np.testing.assert_allclose(found(detector), PLACES, atol=0.35)


@pytest.mark.parametrize("crossed", [False, True])
def test_two_classifications_are_read_whichever_comes_first(crossed: bool, tmp_path: Path) -> None:
    path = simcc_network(tmp_path / "simcc.onnx", crossed=crossed)
    detector = OnnxDetector(path, DOTS, options=plain(grid="multiple"))
    np.testing.assert_allclose(found(detector), PLACES, atol=0.5)


def test_the_mirror_image_agrees(tmp_path: Path) -> None:
    """Dots have no left and right, so that both images must say the same of a symmetric network."""
    path = heatmap_network(tmp_path / "dots.onnx")
    once = found(OnnxDetector(path, DOTS, options=PLAIN))
    twice = found(OnnxDetector(path, DOTS, options=plain(flip=True)))
    np.testing.assert_allclose(twice, once, atol=0.05)
    path = simcc_network(tmp_path / "simcc.onnx")
    twice = found(OnnxDetector(path, DOTS, options=plain(flip=True, grid="multiple")))
    np.testing.assert_allclose(twice, PLACES, atol=0.5)


def test_wrong_colours_are_another_order_of_joints(tmp_path: Path) -> None:
    path = heatmap_network(tmp_path / "dots.onnx")
    swapped = found(OnnxDetector(path, DOTS, options=plain(channels="bgr")))
    np.testing.assert_allclose(swapped, PLACES[::-1], atol=0.35)


def test_without_boxes_it_looks_at_the_whole_picture_and_nobody_is_nobody(tmp_path: Path) -> None:
    detector = OnnxDetector(heatmap_network(tmp_path / "dots.onnx"), DOTS, options=PLAIN)
    places = [(60.0, 40.0), (90.0, 100.0), (40.0, 120.0)]
    one, two = detector(
        [with_dots((160, 120), places, 24.0), np.zeros((1, 1, 3), np.uint8)],
    )
    np.testing.assert_allclose(one.pose.keypoints[0].numpy(), places, atol=1.0)
    assert one.boxes.tolist() == [[0, 0, 120, 160]]
    assert not two.pose.seen.any()  # black: no value above 0
    assert two.pose.keypoints.isnan().all()
    assert not len(detector([np.zeros((9, 9, 3), np.uint8)], [torch.zeros(0, 4)])[0])
    outside = detector([np.zeros((9, 9, 3), np.uint8)], [torch.tensor([[50.0, 0.0, 5.0, 5.0]])])
    assert not len(outside[0])


def test_half_a_person_has_the_joints_that_are_there(tmp_path: Path) -> None:
    detector = OnnxDetector(heatmap_network(tmp_path / "dots.onnx"), DOTS, options=PLAIN)
    picture = with_dots((300, 320), PLACES)[:180]  # blue lies below
    pose = detector([picture], [torch.tensor(BOX)])[0].pose
    np.testing.assert_allclose(pose.keypoints[0, :2].numpy(), PLACES[:2], atol=0.35)
    assert float(pose.confidence[0, 2]) < 0.2 < float(pose.confidence[0, :2].min())


def test_a_layout_is_never_guessed_from_a_number(tmp_path: Path) -> None:
    path = constant_network(tmp_path / "a.onnx", {"maps": np.ones((1, 17, 16, 12))}, (64, 48))
    with pytest.raises(SkeletonError, match=r"coco_17.*h36m_17") as caught:
        OnnxDetector(path)
    assert "name it" in str(caught.value)
    with pytest.raises(SkeletonError, match=r"25 keypoints \('body_25'\)"):
        OnnxDetector(path, "body_25")
    assert len(OnnxDetector(path, "coco_17", options=OnnxOptions(decode="argmax")).skeleton) == 17


def test_networks_that_cannot_be_used_are_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="nothing there"):
        OnnxDetector(tmp_path / "none.onnx", DOTS)
    (tmp_path / "text.onnx").write_text("to be or not to be")
    with pytest.raises(FileFormatError, match="expected a network"):
        OnnxDetector(tmp_path / "text.onnx", DOTS)
    free = heatmap_network(tmp_path / "free.onnx", sides=("height", "width"))
    with pytest.raises(InputError, match="input_size"):
        OnnxDetector(free, DOTS)
    fixed = heatmap_network(tmp_path / "fixed.onnx")
    with pytest.raises(InputError, match="256 x 192"):
        OnnxDetector(fixed, DOTS, options=plain(input_size=(128, 96)))
    uneven = {"x": np.ones((1, 3, 100)), "y": np.ones((1, 3, 77))}
    with pytest.raises(InputError, match="as many bins"):
        OnnxDetector(constant_network(tmp_path / "uneven.onnx", uneven), DOTS)
    with pytest.raises(InputError, match="each of 1 pictures"):
        OnnxDetector(fixed, DOTS)([np.zeros((9, 9, 3), np.uint8)], [])


def test_rtmlib_says_the_same_of_the_same_network(tmp_path: Path) -> None:
    rtmlib = pytest.importorskip("rtmlib", reason="rtmlib is not installed")
    path = simcc_network(tmp_path / "simcc.onnx")
    picture = with_dots((300, 320), PLACES)
    theirs, scores = rtmlib.RTMPose(str(path), (192, 256))(
        picture[..., ::-1], bboxes=[[100, 80, 200, 230]]
    )
    # Their numbers go in as blue, green, red of ImageNet's means in the order that they come.
    options = OnnxOptions(channels="bgr", threads=1)
    ours = OnnxDetector(path, DOTS, options=options)([picture], [torch.tensor(BOX)])[0]
    np.testing.assert_allclose(ours.pose.keypoints[0].numpy(), theirs[0], atol=0.02)
    np.testing.assert_allclose(ours.pose.confidence[0], np.minimum(scores[0], 1), atol=1e-3)


SHAPE = (100, 200)
"""A picture that is twice as wide as high: an input of 64 x 64 shows it 64 wide and 32 high."""


def people_by(path: Path, kind: str = "auto") -> tuple[list[list[float]], list[float]]:
    boxes, scores = OnnxPeople(path, kind, threads=1)(np.zeros((*SHAPE, 3), np.uint8))  # type: ignore[arg-type]
    return boxes.round(decimals=3).tolist(), scores.round(decimals=3).tolist()


def cells() -> int:
    return 8 * 8 + 4 * 4 + 2 * 2


def test_yolox_cells_are_decoded(tmp_path: Path) -> None:
    raw = np.zeros((1, cells(), 85))
    raw[..., 2:4] = -1
    # Cell (x 3, y 2) of stride 8: the middle at (3.5, 2.25) cells, 2 cells wide and 1 high.
    raw[0, 2 * 8 + 3, :6] = [0.5, 0.25, np.log(2), np.log(1), 0.9, 0.8]
    raw[0, 0, :7] = [0, 0, 0, 0, 1.0, 0.0, 1.0]  # something else than a person
    boxes, scores = people_by(constant_network(tmp_path / "a.onnx", {"out": raw}))
    # Middle (28, 18), 16 x 8 of the input; a pixel of the input is 3.125 of the picture.
    assert boxes == [[20 * 3.125, 14 * 3.125, 16 * 3.125, 8 * 3.125]]
    assert scores == [pytest.approx(0.72)]
    decoded = np.zeros((1, cells(), 85))
    decoded[0, 7, :6] = [28, 18, 16, 8, 0.9, 0.8]
    assert people_by(constant_network(tmp_path / "b.onnx", {"out": decoded}))[0] == boxes


def test_yolov8_lies_in_the_middle_of_its_square(tmp_path: Path) -> None:
    raw = np.zeros((1, 6, cells()))  # two classes
    raw[0, :5, 11] = [28, 34, 16, 8, 0.9]
    raw[0, :5, 12] = [28.5, 34, 16, 8, 0.6]  # the same person
    raw[0, :5, 13] = [50, 34, 8, 8, 0.7]
    boxes, scores = people_by(constant_network(tmp_path / "a.onnx", {"out": raw}))
    assert boxes == [[62.5, 43.75, 50.0, 25.0], [143.75, 43.75, 25.0, 25.0]]
    assert scores == [pytest.approx(0.9), pytest.approx(0.7)]


def test_boxes_with_labels_have_to_be_named(tmp_path: Path) -> None:
    outputs = {
        "dets": np.array([[[20, 14, 36, 22, 0.8], [0, 0, 9, 9, 0.9], [50, 20, 90, 60, 0.5]]]),
        "labels": np.array([[0, 3, 0]]),
    }
    path = constant_network(tmp_path / "a.onnx", outputs)
    with pytest.raises(InputError, match="yolox, yolov8 or rtmdet"):
        OnnxPeople(path)
    boxes, scores = people_by(path, "rtmdet")
    # The second reaches out of the picture, where it is cut.
    assert boxes == [[62.5, 43.75, 50.0, 25.0], [156.25, 62.5, 43.75, 37.5]]
    assert scores == [pytest.approx(0.8), pytest.approx(0.5)]


def test_a_network_for_people_makes_the_boxes_of_the_other(tmp_path: Path) -> None:
    outputs = {"dets": np.array([[[20, 16, 40, 46, 0.8]]]), "labels": np.array([[0]])}
    people = constant_network(tmp_path / "people.onnx", outputs)
    detector = OnnxDetector(
        heatmap_network(tmp_path / "dots.onnx"),
        DOTS,
        people=people,
        options=plain(people_kind="rtmdet"),
    )
    assert detector.finds_people
    assert detector.skeleton is DOTS
    answer = detector([with_dots((320, 320), PLACES)])[0]
    np.testing.assert_allclose(answer.boxes.numpy(), [[100, 80, 100, 150]], atol=1e-3)
    np.testing.assert_allclose(answer.pose.keypoints[0].numpy(), PLACES, atol=0.35)
    assert float(answer.scores) < 0.8


def test_of_boxes_on_each_other_the_surest_stays() -> None:
    corners = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [20, 0, 30, 10], [0, 0, 10, 9.9]])
    kept = box_nms(corners, np.array([0.5, 0.9, 0.3, 0.4]), 0.65)
    assert kept.tolist() == [1, 2]  # the first two share 9/11, the second and last 0.81
    assert len(box_nms(np.zeros((0, 4)), np.zeros(0), 0.5)) == 0


def test_mirrored_joints_are_exchanged(tmp_path: Path) -> None:
    """A network that always sees the left joint on the left of the input: mirrored, on the right."""
    sides = Skeleton("sides", ("nose", "left_ear", "right_ear"), (-1, 0, 0))
    maps = np.zeros((1, 3, 16, 12))
    maps[0, 0, 8, 6], maps[0, 1, 8, 3], maps[0, 2, 8, 9] = 1, 1, 1
    path = constant_network(tmp_path / "a.onnx", {"maps": maps}, (64, 48))
    options = plain(decode="argmax", flip=True)
    pose = OnnxDetector(path, sides, options=options)([np.zeros((64, 48, 3), np.uint8)])[0].pose
    # Reversed and exchanged, the left joint lies in column 11 - 9 = 2 of the maps, 3 in the other.
    assert pose.confidence[0].tolist() == [0.5, 0.5, 0.5]
