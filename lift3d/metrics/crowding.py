"""How crowded a picture is."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

__all__ = ["crowd_index"]


def crowd_index(
    keypoints: Float[Tensor, "people joints 2"],
    labelled: Bool[Tensor, "people joints"],
    boxes: Float[Tensor, "people 4"],
) -> Float[Tensor, ""]:
    """Mean over people of other people's joints within their box over their own joints there.

    Li, Wang, Zhu, Mao, Fang and Lu, "CrowdPose: Efficient Crowded Scenes Pose Estimation and A New
    Benchmark", CVPR 2019, section 4. Boxes are left, top, width, height in pixels. 0 where
    nobody stands in anybody's box; people without a labelled joint in their own box do not count, and
    without anyone who counts it is NaN.
    """
    places = torch.where(labelled[..., None], keypoints, torch.nan)
    low, high = boxes[:, :2], boxes[:, :2] + boxes[:, 2:]
    within = (places >= low[:, None, None]) & (places <= high[:, None, None])
    counts = within.all(-1).sum(-1)  # [box person]
    own = counts.diagonal()
    ratio = (counts.sum(1) - own) / own.clamp(min=1)
    return torch.where(own > 0, ratio, torch.nan).nanmean()
