"""Boxes that follow the keypoints of the picture before, with a detector that sees only in its box."""

from collections.abc import Sequence
from itertools import count

import numpy as np
import pytest
import torch
from torch import Tensor

from lift3d.detected import DetectedPeople
from lift3d.detection.following import (
    FollowingDetector,
    FollowingOptions,
    box_from_keypoints,
)
from lift3d.errors import InputError
from lift3d.protocols import Detector, TopDownDetector, VideoDetector
from lift3d.skeletons import COCO_17

SHAPE = torch.rand(17, 2, generator=torch.Generator().manual_seed(3)) * torch.tensor([40.0, 100.0])
SIZE = (300, 400)


class Spy:
    """Finds each of the people of a picture whose middle lies in the box; counts its looks."""

    finds_people = False

    def __init__(self) -> None:
        self.asked: list[list[list[float]]] = []

    @property
    def skeleton(self):
        return COCO_17

    def __call__(self, pictures: Sequence[np.ndarray], boxes=None) -> list[DetectedPeople]:
        assert boxes is not None
        assert len(pictures) == len(boxes) == 1
        self.asked.append(boxes[0].tolist())
        return [
            DetectedPeople.from_points(
                torch.stack([self._in(pictures[0], box) for box in boxes[0]]),
                COCO_17,
                SIZE,
                boxes[0],
            )
        ]

    def _in(self, picture: np.ndarray, box: Tensor) -> Tensor:
        for x, y, sure in picture[0, :, :].tolist():
            middle = torch.tensor([x, y]) * 2
            if bool(((middle >= box[:2]) & (middle < box[:2] + box[2:])).all()) and sure:
                points = SHAPE - SHAPE.mean(0) + middle
                return torch.cat([points, torch.full((17, 1), sure / 255)], -1)
        return torch.cat([torch.full((17, 2), torch.nan), torch.zeros(17, 1)], -1)


def picture(*people: tuple[int, int, int]) -> np.ndarray:
    """Says in its first row where people are (halved) and how sure they look."""
    out = np.zeros((*SIZE, 3), dtype=np.uint8)
    for column, person in enumerate(people):
        out[0, column] = person
    return out


def middles(found: DetectedPeople) -> list[list[float]]:
    return found.pose.keypoints.mean(1).round().tolist()


def test_protocols() -> None:
    assert isinstance(Spy(), TopDownDetector)
    assert isinstance(FollowingDetector(Spy()), VideoDetector)
    assert isinstance(FollowingDetector(Spy()), Detector)


def test_the_whole_picture_first_then_boxes_follow() -> None:
    spy = Spy()
    detector = FollowingDetector(spy)
    seen = detector([picture((80 + 3 * k, 70, 250)) for k in range(4)])
    assert [middles(each) for each in seen] == [[[160.0 + 6 * k, 140.0]] for k in range(4)]
    whole, nearer, *others = spy.asked
    assert whole == [[0, 0, 400, 300]]
    assert len(others) == 3
    size = torch.tensor(nearer[0][2:])
    around = SHAPE.amax(0) - SHAPE.amin(0) + 1
    torch.testing.assert_close(size, around * 1.2)


def test_whoever_is_not_recognised_is_lost_and_looked_for_again() -> None:
    spy = Spy()
    detector = FollowingDetector(spy, FollowingOptions(lost=0.3, looks=1, windows=()))
    faint = picture((80, 70, 60))
    seen = detector([picture((80, 70, 250)), faint, picture((150, 100, 250))])
    assert [len(each) for each in seen] == [1, 0, 1]
    assert spy.asked[1] != [[0, 0, 400, 300]]  # where it was
    assert spy.asked[2:] == [[[0, 0, 400, 300]]] * 2  # anywhere, in this picture and the next


def test_given_boxes_are_used_and_followed() -> None:
    spy = Spy()
    boxes = torch.tensor([[120.0, 80.0, 80.0, 120.0], [260.0, 150.0, 80.0, 120.0]])
    people = [(80, 70, 250), (150, 105, 250)]
    seen = FollowingDetector(spy)([picture(*people)] * 3, [boxes, None, torch.zeros(0, 4)])
    assert [len(each) for each in seen] == [2, 2, 0]
    assert spy.asked[0] == boxes.tolist()
    assert len(spy.asked[1]) == 2


def test_two_who_became_one_are_one() -> None:
    both = torch.tensor([[120.0, 80.0, 80.0, 120.0], [125.0, 85.0, 80.0, 120.0]])
    seen = FollowingDetector(Spy())([picture((80, 70, 250))], [both])
    assert len(seen[0]) == 1


def test_work_goes_on_where_it_was_broken_off() -> None:
    shown = [picture((80 + 2 * k, 70 + k, 250), (150 - k, 105, 240)) for k in range(8)]
    first = [torch.tensor([[120.0, 80.0, 80.0, 120.0], [260.0, 150.0, 80.0, 120.0]])]
    detector = FollowingDetector(Spy())
    whole = detector.over(count(), None)(shown, [*first, *[None] * 7])
    start = detector.over(count(), None)(shown[:3], [*first, None, None])
    rest = detector.over(count(3), start[-1])(shown[3:])
    for one, other in zip(whole, [*start, *rest], strict=True):
        assert torch.equal(one.pose.keypoints, other.pose.keypoints)
        assert torch.equal(one.boxes, other.boxes)


def test_a_person_of_two_keypoints_makes_no_box() -> None:
    points = torch.full((1, 17, 3), torch.nan)
    points[..., 2] = 0
    points[0, :2] = torch.tensor([[5.0, 5.0, 1.0], [9.0, 9.0, 1.0]])
    assert not len(box_from_keypoints(DetectedPeople.from_points(points, COCO_17, SIZE)))


@pytest.mark.parametrize("wrong", [{"lost": 2.0}, {"padding": 0.5}, {"looks": 0}])
def test_options_that_cannot_be_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError, match="correct them"):
        FollowingOptions(**wrong)


class Shortsighted(Spy):
    """Sees nobody in a box more than two and a half times as tall as they are."""

    def _in(self, picture: np.ndarray, box: Tensor) -> Tensor:
        if float(box[3]) > 250:
            return torch.cat([torch.full((17, 2), torch.nan), torch.zeros(17, 1)], -1)
        return super()._in(picture, box)


def test_windows_are_searched_where_the_whole_picture_shows_nobody() -> None:
    spy = Shortsighted()
    detector = FollowingDetector(spy)
    found = detector([picture((40, 40, 255)), picture((42, 40, 255))])
    assert middles(found[0]) == [[80, 80]]
    assert middles(found[1]) == [[84, 80]]
    whole, windows, nearer = spy.asked[0], spy.asked[1], spy.asked[2]
    assert whole == [[0, 0, 400, 300]]
    assert len(windows) > 10
    assert len(nearer) == 1
    every = torch.tensor(windows)
    assert float(every[:, :2].min()) == 0
    assert float((every[:, 0] + every[:, 2]).max()) == pytest.approx(400)
    assert float((every[:, 1] + every[:, 3]).max()) == pytest.approx(300)
    assert len(spy.asked) < 7


def searched(detector: FollowingDetector, spy: Spy, pictures: int) -> list[bool]:
    """Whether windows were searched, for each picture without anybody."""
    out: list[bool] = []
    for _ in range(pictures):
        spy.asked.clear()
        detector([picture()])
        out.append(any(len(boxes) > 1 for boxes in spy.asked))
    return out


def test_a_search_in_vain_is_made_only_now_and_then() -> None:
    spy, nobody = Spy(), DetectedPeople.nobody(COCO_17, SIZE)
    following = FollowingDetector(spy, FollowingOptions(patience=5))
    whole = searched(following.over(range(12), None), spy, 12)
    assert [number for number, yes in enumerate(whole) if yes] == [0, 5, 10]
    assert searched(following.over(range(3, 12), nobody), spy, 9) == whole[3:]
