"""Lifters that can be asked for another layout give the same people in it."""

from collections.abc import Callable

import pytest
import torch

from lift3d.lifting.martinez import MartinezLifter
from lift3d.lifting.temporal import TemporalLifter
from lift3d.lifting.universal import UniversalLifter
from lift3d.lifting.vocabulary import VOCABULARY
from lift3d.protocols import AnyLayoutLifter, BodyModel
from lift3d.skeleton import Skeleton
from lift3d.skeletons import COCO_17, H36M_17, LIFT_23
from tests.regressing.people import CAMERA, keypoints_of, walking


@pytest.mark.parametrize("make", [UniversalLifter, TemporalLifter])
@pytest.mark.parametrize("skeleton", [VOCABULARY, COCO_17, H36M_17])
def test_the_same_people_in_another_layout(
    make: Callable[[], AnyLayoutLifter], skeleton: Skeleton, body: BodyModel
) -> None:
    lifter = make()
    assert isinstance(lifter, AnyLayoutLifter)
    keypoints = keypoints_of(body.articulation, walking(6))
    other = lifter.giving(skeleton)
    assert (lifter.skeleton, other.skeleton) == (LIFT_23, skeleton)
    usual, asked = lifter(keypoints, CAMERA), other(keypoints, CAMERA)
    assert asked.pose.skeleton == skeleton
    assert asked.pose.joints.shape == (6, len(skeleton), 3)
    for name in set(skeleton.joints) & set(LIFT_23.joints):
        torch.testing.assert_close(
            asked.pose.joints[:, skeleton.index(name)],
            usual.pose.joints[:, LIFT_23.index(name)],
        )
    assert lifter.skeleton == LIFT_23  # asking changes nothing


def test_a_lifter_of_one_layout_is_none_of_them() -> None:
    assert not isinstance(MartinezLifter(), AnyLayoutLifter)
