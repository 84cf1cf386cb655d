"""The network of the universal lifter: what it reads, its layers, and how its numbers become joints.

Linear layers with batch normalisation, ReLU, dropout and residual links, as in Martinez, Hossain,
Romero and Little, "A simple yet effective baseline for 3d human pose estimation", ICCV 2017,
arXiv:1705.03098, figure 1. Written from the paper.

What comes out is not joints but what rays leave open: how far away the person is, and how much nearer
or further than the pelvis each point lies. A seen point then lies on its ray, but for a small
correction; one that was not seen is placed freely. So the answer keeps to the definitions of whoever
made the keypoints, and a longer arm in the picture is a longer arm in space.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from os import PathLike
from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lift3d.lifting.view import View
from lift3d.lifting.vocabulary import FLIP, HIPS, VOCABULARY, mirrored_points
from lift3d.lifting.weights_file import load_network, save_network

__all__ = [
    "Answer",
    "Block",
    "Numbers",
    "UniversalConfig",
    "UniversalNet",
    "about_hips",
    "answer_of",
    "factors",
    "features_of",
    "layer",
    "load_weights",
    "mirrored_view",
    "placed",
    "predict",
    "save_weights",
]

_FORMAT: Final = "lift3d universal 2"
_POINTS: Final = len(VOCABULARY)
_AXES: Final = 3
_SPREADS: Final = 6
_BODY: Final = 0.5
"""Mean distance (metres) of a person's points from their middle, about: a guess that is corrected."""
_CORRECTION: Final = 0.3
_SPREAD: Final = 0.05
"""Metres of one unit of the network's corrections across, and of its spreads."""
_LEAST: Final = 0.004
"""Nothing is known better than to this many metres."""


@dataclass(frozen=True, slots=True)
class UniversalConfig:
    """The shape of the network; stored with its weights."""

    width: int = 768
    """Neurons per hidden layer."""
    blocks: int = 2
    """Residual blocks of two layers each."""
    dropout: float = 0.05
    """Share of hidden activations dropped while training."""
    hypotheses: int = 8
    """How many different answers can be asked for."""


class Block(nn.Module):
    """Two layers and a residual link (figure 1 of the paper)."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layer(width, width, dropout), *layer(width, width, dropout))

    def forward(self, x: Tensor) -> Tensor:
        residual: Tensor = self.layers(x)  # [batch width]
        return x + residual


def layer(inputs: int, width: int, dropout: float) -> list[nn.Module]:
    """A linear layer with what follows it (figure 1 of the paper)."""
    norm = nn.BatchNorm1d(width)
    return [nn.Linear(inputs, width, bias=False), norm, nn.ReLU(), nn.Dropout(dropout)]


class UniversalNet(nn.Module):
    """Features of a view to the numbers that `placed` makes joints of, and to spreads.

    `calibration` multiplies the covariances that the spreads say, so that on validation data 90 % of
    the joints lie in the ellipsoids that should hold 90 %: first where a point was seen, then where
    it was not.
    """

    calibration: Tensor

    def __init__(self, config: UniversalConfig) -> None:
        super().__init__()
        self.config = config
        first = layer(3 * _POINTS + 1, config.width, config.dropout)
        blocks = [Block(config.width, config.dropout) for _ in range(config.blocks)]
        self.body = nn.Sequential(*first, *blocks)
        self.head = nn.Linear(config.width, _POINTS * _AXES + 1)
        self.spread = nn.Linear(config.width, _POINTS * _SPREADS)
        self.others = nn.Linear(config.width, config.hypotheses * (_POINTS + 2))
        for head in (self.head, self.spread):
            nn.init.normal_(head.weight, std=0.1 / config.width**0.5)  # start at a flat person
            nn.init.zeros_(head.bias)
        self.register_buffer("calibration", torch.ones(2, _POINTS))

    def forward(self, features: Float[Tensor, "batch features"]) -> Float[Tensor, "batch numbers"]:
        """Numbers for `Numbers.of`. The layers below are not taught by the different answers."""
        hidden = self.body(features)  # [batch width]
        others = self.others(hidden.detach())
        return torch.cat([self.head(hidden), self.spread(hidden), others], -1)


@dataclass(frozen=True, slots=True)
class Numbers:
    """What the network says: for `placed`, for `factors`, and different depths with their log odds."""

    places: Float[Tensor, "batch places"]
    spreads: Float[Tensor, "batch spreads"]
    depths: Float[Tensor, "batch answers depths"]
    odds: Float[Tensor, "batch answers"]

    @classmethod
    def of(cls, numbers: Float[Tensor, "batch numbers"]) -> "Numbers":
        """Apart what the network gives in one row."""
        places, spreads = _POINTS * _AXES + 1, _POINTS * _SPREADS
        others = torch.unflatten(numbers[..., places + spreads :], -1, (-1, _POINTS + 2))
        return cls(
            numbers[..., :places],
            numbers[..., places : places + spreads],
            others[..., :-1],
            others[..., -1],
        )

    @property
    def several(self) -> Float[Tensor, "batch answers places"]:
        """Numbers for `placed` of each of the different answers: other depths, the rest alike."""
        moved = torch.unflatten(self.places[:, :-1], -1, (_POINTS, _AXES))
        across = moved[:, None, :, :2]
        across = across.expand(-1, self.depths.shape[1], -1, -1)
        places = torch.cat([across, self.depths[..., :_POINTS, None]], -1).flatten(-2)
        return torch.cat([places, self.depths[..., _POINTS:]], -1)


@dataclass(frozen=True, slots=True)
class Answer:
    """Root-relative joints (metres) in the virtual camera, and their covariance (square metres)."""

    joints: Float[Tensor, "batch 40 3"]
    covariance: Float[Tensor, "batch 40 3 3"]

    def __getitem__(self, rows: slice) -> "Answer":
        return Answer(self.joints[rows], self.covariance[rows])

    def mean_with_mirrored(self, other: "Answer") -> "Answer":
        """The mean with what was said of the mirrored person; the covariance is the mean of both."""
        sign = self.joints.new_tensor([-1.0, 1.0, 1.0])
        joints = other.joints[:, FLIP] * sign
        covariance = other.covariance[:, FLIP] * sign[:, None] * sign
        return Answer((self.joints + joints) / 2, (self.covariance + covariance) / 2)


def features_of(view: View) -> Float[Tensor, "batch features"]:
    """What the network reads: points at mean distance 1, which were seen, and the log of the scale."""
    size = _size(view)
    points = (view.points / size[..., None]).flatten(1)
    return torch.cat([points, view.seen.to(points.dtype), size.log() + 2], -1)


def _size(view: View) -> Float[Tensor, "batch 1"]:
    count = view.seen.sum(-1).clamp(min=1)
    size: Tensor = torch.linalg.vector_norm(view.points, dim=-1).sum(-1) / count
    return size.clamp(min=1e-4)[:, None]


def placed(
    numbers: Float[Tensor, "batch *answers numbers"], view: View
) -> Float[Tensor, "batch *answers 40 3"]:
    """Root-relative joints in the virtual camera: seen points on their rays, but for a correction."""
    some = (len(view),) + (1,) * (numbers.ndim - 2)
    away = numbers[..., _POINTS * _AXES, None].clamp(-2, 2).exp()  # [batch answers 1]
    distance = _BODY * away / _size(view).reshape(*some, 1)
    moved = torch.unflatten(numbers[..., : _POINTS * _AXES], -1, (_POINTS, _AXES))
    depth = moved[..., 2:] - moved[..., :1, 2:]
    points = view.points.reshape(*some, _POINTS, 2)  # 0 where not seen
    across = points * (distance[..., None] + depth) + _CORRECTION * moved[..., :2]
    return about_hips(torch.cat([across, depth], -1))


def about_hips(joints: Float[Tensor, "*batch 40 3"]) -> Float[Tensor, "*batch 40 3"]:
    """Joints relative to the middle of the hips, which is where the pelvis is put.

    Sources place a pelvis of their own centimetres away from there; the hips they have in common.
    """
    joints = joints - joints[..., list(HIPS), :].mean(-2, keepdim=True)
    return torch.cat([torch.zeros_like(joints[..., :1, :]), joints[..., 1:, :]], -2)


def factors(spreads: Float[Tensor, "batch numbers"]) -> Float[Tensor, "batch 40 3 3"]:
    """Lower triangular factors L (metres) of the covariances L L^T."""
    numbers = torch.unflatten(spreads, -1, (_POINTS, _SPREADS))
    diagonal = _LEAST + _SPREAD * numbers[..., :3].clamp(-4, 4).exp()
    below = _SPREAD * numbers[..., 3:]
    zero = torch.zeros_like(below[..., 0])
    rows = (
        torch.stack([diagonal[..., 0], zero, zero], -1),
        torch.stack([below[..., 0], diagonal[..., 1], zero], -1),
        torch.stack([below[..., 1], below[..., 2], diagonal[..., 2]], -1),
    )
    return torch.stack(rows, -2)


def answer_of(numbers: Float[Tensor, "batch numbers"], view: View, calibration: Tensor) -> Answer:
    """What the network's numbers say of a view."""
    said = Numbers.of(numbers)
    factor = factors(said.spreads)
    scale = torch.where(view.seen, calibration[0], calibration[1])
    return Answer(placed(said.places, view), factor @ factor.mT * scale[..., None, None])


def mirrored_view(view: View) -> View:
    """The view of the mirrored person."""
    return View(*mirrored_points(view.points, view.seen), view.virtual)


def predict(
    network: UniversalNet,
    view: View,
    *,
    flip: bool,
    forward: Callable[[Tensor], Tensor] | None = None,
) -> Answer:
    """What a network says; with `flip` the mean over both mirror images.

    The covariance is then the mean of both. `forward` stands in for the network where something else
    runs it.
    """
    forward = forward or network
    answer = answer_of(forward(features_of(view)), view, network.calibration)
    if not flip:
        return answer
    mirrored = mirrored_view(view)
    other = answer_of(forward(features_of(mirrored)), mirrored, network.calibration)
    return answer.mean_with_mirrored(other)


def save_weights(network: UniversalNet, path: str | PathLike[str]) -> None:
    """Write a network with its shape; matrices in half precision, which costs less than 0.1 mm."""
    tensors = {
        key: value.half() if value.ndim == 2 and key != "calibration" else value
        for key, value in network.state_dict().items()
    }
    save_network(path, _FORMAT, asdict(network.config), tensors)


def load_weights(path: str | PathLike[str]) -> UniversalNet:
    """A network ready to predict; `FileFormatError` where the file is not one of `save_weights`."""
    advice = "train them with 'lift3d train' or leave the path out"
    return load_network(path, _FORMAT, lambda c: UniversalNet(UniversalConfig(**c)), advice)
