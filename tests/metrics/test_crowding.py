"""The crowd index, worked out by hand."""

import torch

from lift3d.metrics import crowd_index


def test_people_in_each_others_boxes() -> None:
    points = torch.tensor([[[1.0, 1], [2, 2]], [[2, 1], [9, 9]]])
    boxes = torch.tensor([[0.0, 0, 4, 4], [1, 0, 10, 10]])
    every = torch.ones(2, 2, dtype=torch.bool)
    # In the first box: 2 own joints, 1 of the other. In the second: 2 own, 2 of the other.
    assert crowd_index(points, every, boxes) == (1 / 2 + 2 / 2) / 2
    unlabelled = torch.tensor([[True, True], [False, True]])
    assert crowd_index(points, unlabelled, boxes) == (0 / 2 + 2 / 1) / 2


def test_people_apart_and_nobody() -> None:
    points = torch.tensor([[[1.0, 1]], [[50, 50]]])
    boxes = torch.tensor([[0.0, 0, 4, 4], [48, 48, 5, 5]])
    assert crowd_index(points, torch.ones(2, 1, dtype=torch.bool), boxes) == 0
    assert crowd_index(points, torch.zeros(2, 1, dtype=torch.bool), boxes).isnan()
