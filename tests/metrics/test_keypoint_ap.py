"""Average precision on cases small enough to work out, and on one that pycocotools worked out."""

import math

import numpy as np
import pytest
import torch

from lift3d.capture import AnnotatedPerson
from lift3d.errors import InputError
from lift3d.metrics import COCO_SIGMAS, PictureResult, keypoint_ap
from lift3d.pose import Pose2D
from lift3d.skeletons import COCO_17

BODY = torch.stack(
    [torch.linspace(0, 60, 17, dtype=torch.float64), torch.arange(17.0) % 5 * 30], -1
)
AREA = 64.0 * 64  # a medium person


def person(x: float = 0.0, *, crowd: bool = False, seen: bool = True) -> AnnotatedPerson:
    points = BODY + torch.tensor([x, 0.0])
    confidence = torch.full((17,), float(seen), dtype=torch.float64)
    pose = Pose2D.from_detections(points, confidence, COCO_17)
    return AnnotatedPerson(pose, torch.tensor([x, 0.0, 60, 120]), AREA, crowd)


def found(*places: tuple[float, float]) -> tuple[torch.Tensor, torch.Tensor]:
    """Perfect bodies at x with a score."""
    bodies = [BODY + torch.tensor([x, 0.0]) for x, _ in places]
    return torch.stack(bodies), torch.tensor([score for _, score in places])


def test_perfect_detections_have_ap_1() -> None:
    picture = PictureResult((person(), person(500)), *found((0, 0.5), (500, 0.9)))
    result = keypoint_ap([picture], COCO_SIGMAS)
    assert result.ap == result.ap50 == result.ap_medium == result.ar == pytest.approx(1)
    assert math.isnan(result.ap_large)


def test_a_false_alarm_before_and_a_miss_after() -> None:
    # Best score first: wrong, right; one of two people is missed. Precision is 1/2 up to recall
    # 1/2, which 51 of the 101 recalls do not pass.
    picture = PictureResult((person(), person(500)), *found((900, 0.9), (0, 0.5)))
    result = keypoint_ap([picture], COCO_SIGMAS)
    assert result.ap50 == pytest.approx(0.5 * 51 / 101)
    assert result.ar == pytest.approx(0.5)


def test_scores_are_compared_across_pictures() -> None:
    # Right (0.9), wrong (0.8), right (0.7): precision 1 up to recall 1/2, then 2/3.
    first = PictureResult((person(),), *found((0, 0.9), (900, 0.8)))
    second = PictureResult((person(),), *found((0, 0.7)))
    expected = (51 * 1 + 50 * 2 / 3) / 101
    assert keypoint_ap([first, second], COCO_SIGMAS).ap == pytest.approx(expected)
    assert keypoint_ap([second, first], COCO_SIGMAS).ap == pytest.approx(expected)


def test_a_second_detection_of_one_person_is_wrong() -> None:
    doubled = PictureResult((person(), person(500)), *found((0, 0.9), (0, 0.8), (500, 0.7)))
    assert keypoint_ap([doubled], COCO_SIGMAS).ap == pytest.approx((51 + 50 * 2 / 3) / 101)


def test_crowds_and_unlabelled_people_neither_count_nor_spoil() -> None:
    people = (person(), person(500, crowd=True), person(900, seen=False))
    places = found((0, 0.5), (500, 0.9), (500, 0.8), (900, 0.7))
    result = keypoint_ap([PictureResult(people, *places)], COCO_SIGMAS)
    assert result.ap == pytest.approx(1)
    assert result.ar == pytest.approx(1)


def test_a_threshold_splits_right_from_wrong() -> None:
    # All joints as far off as gives OKS 0.72: right up to threshold 0.7, five of ten.
    offset = (torch.tensor(COCO_SIGMAS) * 2 * math.sqrt(-2 * math.log(0.72) * AREA)).double()
    keypoints = BODY + offset[:, None] * torch.tensor([0.0, 1.0])
    picture = PictureResult((person(),), keypoints[None], torch.tensor([0.5]))
    result = keypoint_ap([picture], COCO_SIGMAS)
    assert (result.ap50, result.ap75) == pytest.approx((1, 0))
    assert result.ap == result.ar == pytest.approx(0.5)


def test_only_the_best_scored_count() -> None:
    places = [(float(900 + 100 * k), 0.9) for k in range(20)]
    picture = PictureResult((person(),), *found((0, 0.1), *places))
    assert keypoint_ap([picture], COCO_SIGMAS).ar == 0
    assert keypoint_ap([picture], COCO_SIGMAS, most=21).ar == 1


def test_nobody_anywhere_is_nan_and_other_layouts_are_refused() -> None:
    nothing = PictureResult((), torch.zeros(0, 17, 2), torch.zeros(0))
    assert math.isnan(keypoint_ap([nothing], COCO_SIGMAS).ap)
    other = PictureResult((person(),), torch.zeros(1, 26, 2), torch.ones(1))
    with pytest.raises(InputError, match="17 joints"):
        keypoint_ap([other], COCO_SIGMAS)


def random_picture(random: np.random.Generator) -> PictureResult:
    """Up to four people of all sizes, some crowds, some unlabelled, with zero to two detections each."""
    people, bodies, scores = [], [], []
    for _ in range(int(random.integers(0, 5))):
        size = random.uniform(20, 220)
        left, top = random.uniform(0, 300, 2)
        points = (random.uniform(0, 1, (17, 2)) * [size, 1.5 * size] + [left, top]).round(2)
        labelled = (random.uniform(size=17) < 0.7) & (random.uniform() > 0.1)
        pose = Pose2D.from_detections(
            torch.from_numpy(points), torch.from_numpy(labelled.astype(float)), COCO_17
        )
        box = torch.tensor([left, top, size, 1.5 * size], dtype=torch.float64)
        area = round(size * size * random.uniform(0.45, 1.2), 2)
        people.append(AnnotatedPerson(pose, box, area, bool(random.uniform() < 0.1)))
        for _ in range(int(random.integers(0, 3))):
            bodies.append(points + random.normal(size=(17, 2)) * random.uniform(0, 0.15) * size)
            scores.append(round(random.uniform(), 1))
    keypoints = torch.from_numpy(np.array(bodies).reshape(-1, 17, 2))
    return PictureResult(tuple(people), keypoints, torch.tensor(scores, dtype=torch.float64))


def test_pycocotools_finds_the_same_in_forty_random_pictures() -> None:
    """The numbers are pycocotools 2.0.11's for these pictures: AP, AP50, AP75, APm, APl, AR."""
    random = np.random.default_rng(11)
    result = keypoint_ap([random_picture(random) for _ in range(40)], COCO_SIGMAS)
    assert (
        result.ap, result.ap50, result.ap75, result.ap_medium, result.ap_large, result.ar
    ) == pytest.approx(
        (0.25334015398682513, 0.5286068602184043, 0.2437832591760455,
         0.31180898859116685, 0.22812935238197138, 0.4216666666666666), abs=1e-9,
    )  # fmt: skip
