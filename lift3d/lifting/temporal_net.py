"""The network of the temporal lifter: what the frames around a frame say about it.

Dilated convolutions over time with residual links, as in Pavllo, Feichtenhofer, Grangier and Auli,
"3D human pose estimation in video with temporal convolutions and semi-supervised training", CVPR
2019, arXiv:1811.11742, section 3. Written from the paper.

What differs: the layers do not start from keypoints but from what the single-frame network says of
each frame, and correct it; frames without keypoints are gaps that are filled from both sides. Each
layer looks at three frames, a step of 1, 3, 9 and 27 apart: both ways as long as the allowed latency
lasts, then back only. A clip is one matrix product per layer.
"""

from dataclasses import asdict, dataclass, field
from os import PathLike
from typing import Any, Final, Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from lift3d.geometry.rays import virtual_from_camera
from lift3d.lifting.universal_net import (
    Answer,
    Numbers,
    UniversalConfig,
    UniversalNet,
    factors,
    features_of,
    mirrored_view,
    placed,
)
from lift3d.lifting.view import View
from lift3d.lifting.vocabulary import VOCABULARY
from lift3d.lifting.weights_file import load_network, save_network

__all__ = [
    "WHOLE",
    "ClipNetwork",
    "ClipNumbers",
    "TemporalConfig",
    "TemporalNet",
    "bridged",
    "clip_inputs",
    "corrected",
    "load_temporal",
    "predict_clips",
    "said_of",
    "save_temporal",
]

_FORMAT: Final = "lift3d temporal 1"
_POINTS: Final = len(VOCABULARY)
_PLACES: Final = 3 * _POINTS + 1
_SPREADS: Final = 6 * _POINTS
_INPUTS: Final = _PLACES + 3 * _POINTS + _POINTS + 3 * _POINTS + 2
_STEPS: Final = (1, 3, 9, 27)
WHOLE: Final = sum(_STEPS)
"""The latency (frames) at which every layer looks both ways."""


@dataclass(frozen=True, slots=True)
class TemporalConfig:
    """The shape of the network; stored with its weights."""

    width: int = 384
    """Numbers per frame in hidden layers."""
    dropout: float = 0.05
    """Share of hidden activations dropped while training."""
    latency: int = WHOLE
    """Frames that are waited for, at most; layers whose reach does not fit in look back only."""
    fps: float = 30.0
    """Frame rate that it was trained at."""
    single: UniversalConfig = field(default_factory=UniversalConfig)
    """The single-frame network below."""

    @property
    def reaches(self) -> tuple[tuple[int, int, int], ...]:
        """The three frames that each layer looks at, relative to its own."""
        out: list[tuple[int, int, int]] = []
        left = self.latency
        for step in _STEPS:
            ahead = step <= left
            left -= step * ahead
            out.append((-step, 0, step) if ahead else (-2 * step, -step, 0))
        return tuple(out)

    @property
    def waits(self) -> bool:
        """Whether every layer looks both ways."""
        return self.latency >= WHOLE

    @property
    def lookahead(self) -> int:
        """Frames after a frame that its answer depends on."""
        return sum(max(reach) for reach in self.reaches)

    @property
    def lookback(self) -> int:
        """Frames before a frame that its answer depends on."""
        return -sum(min(reach) for reach in self.reaches)


class Layer(nn.Module):
    """Three frames to one, then within the frame (figure 2 of the paper: one residual block)."""

    def __init__(self, inputs: int, width: int, dropout: float, *, residual: bool) -> None:
        super().__init__()
        self.over = nn.Sequential(
            nn.Linear(3 * inputs, width, bias=False), nn.BatchNorm1d(width), nn.ReLU()
        )
        self.within = nn.Sequential(
            nn.Linear(width, width, bias=False),
            nn.BatchNorm1d(width),
            nn.ReLU(),
            nn.Dropout(dropout),
        )
        self.residual = residual

    def forward(
        self, three: Float[Tensor, "rows three"], now: Tensor
    ) -> Float[Tensor, "rows width"]:
        """`three` frames side by side, and the hidden numbers `now`."""
        hidden: Tensor = self.within(self.over(three))
        return now + hidden if self.residual else hidden


class TemporalNet(nn.Module):
    """Features of clips to corrections of the single-frame numbers, and to spreads.

    `single` is the network below; it is not taught. `calibration` is as in `UniversalNet`: for points
    that were seen, that were not, and for frames without any.
    """

    calibration: Tensor

    def __init__(self, config: TemporalConfig) -> None:
        super().__init__()
        self.config = config
        self.single = UniversalNet(config.single)
        width = config.width
        inputs = [_INPUTS, *([width] * (len(_STEPS) - 1))]
        self.layers = nn.ModuleList(
            Layer(size, width, config.dropout, residual=at > 0) for at, size in enumerate(inputs)
        )
        self.head = nn.Linear(width, _PLACES + _SPREADS)
        nn.init.zeros_(self.head.weight)  # start at the single-frame answer
        nn.init.zeros_(self.head.bias)
        self.register_buffer("calibration", torch.ones(3, _POINTS))

    def forward(
        self, features: Float[Tensor, "clips frames inputs"]
    ) -> Float[Tensor, "clips frames _"]:
        """Whole clips at once; before the first frame and after the last one these stand still."""
        clips, frames = features.shape[:2]
        hidden = features
        for layer, reach in zip(self.layers, self.config.reaches, strict=True):
            index = _around(frames, reach).to(features.device)
            three = hidden[:, index].reshape(clips * frames, -1)
            hidden = layer(three, hidden.reshape(clips * frames, -1))
            hidden = hidden.reshape(clips, frames, -1)
        out: Tensor = self.head(hidden)
        return out

    def below(self, features: Float[Tensor, "rows inputs"]) -> Float[Tensor, "rows numbers"]:
        """What `single` says."""
        numbers: Tensor = self.single(features)
        return numbers

    def scales(self) -> Float[Tensor, "3 points"]:
        """`calibration`."""
        return self.calibration


def _around(frames: int, reach: tuple[int, int, int]) -> Int[Tensor, "frames 3"]:
    return (torch.arange(frames)[:, None] + torch.tensor(reach)).clamp(0, frames - 1)


@runtime_checkable
class ClipNetwork(Protocol):
    """What clips are answered with: a `TemporalNet`, or one that was made ready to run fast."""

    def below(self, features: Tensor, /) -> Tensor:
        """What the single-frame network says, perhaps without its different answers."""
        ...

    def scales(self) -> Tensor:
        """What covariances are multiplied by, [3, points]: seen, not seen, in frames without any."""
        ...

    def __call__(self, features: Tensor, /) -> Tensor: ...


@torch.no_grad()
def single_numbers(
    network: ClipNetwork, view: View, enough: Bool[Tensor, " frames"]
) -> tuple[Float[Tensor, "frames places"], Float[Tensor, "frames spreads"]]:
    """What the single-frame network says, 0 in frames with too few keypoints."""
    said = Numbers.of(network.below(features_of(view)).float())
    keep = enough[:, None].float()
    return said.places * keep, said.spreads * keep


def temporal_features(
    places: Float[Tensor, "frames places"],
    spreads: Float[Tensor, "frames spreads"],
    view: View,
    enough: Bool[Tensor, " frames"],
) -> Float[Tensor, "frames inputs"]:
    """What the layers over time read of each frame: the answer, how sure it is, and the keypoints."""
    keep = enough[:, None].float()
    joints = placed(places, view).flatten(1) * keep
    sure = torch.diagonal(factors(spreads), dim1=-2, dim2=-1)[..., 2].log()
    seen = torch.cat([features_of(view), enough[:, None].to(joints.dtype)], -1)
    return torch.cat([joints, places, sure * keep, seen * keep], -1)


def bridged(
    view: View, enough: Bool[Tensor, " frames"], frames: int, *, hold: bool = False
) -> View:
    """Views whose camera, in frames with too few keypoints, looks between where it looked around them.

    With `hold` it looks where it looked last, as nobody knows yet where it will. `frames` consecutive
    rows are one clip. Keypoints of such frames do not count.
    """
    axis = torch.unflatten(view.virtual[:, 2], 0, (-1, frames))  # what the camera looks along
    known = torch.unflatten(enough, 0, (-1, frames))
    at = torch.arange(frames, device=known.device).expand_as(known)
    before = torch.where(known, at, -1).cummax(1).values
    after = torch.where(known, at, frames).flip(1).cummin(1).values.flip(1)
    first = torch.where(before >= 0, before, after).clamp(0, frames - 1)
    last = torch.where(after < frames, after, before).clamp(0, frames - 1)
    share = ((at - first) / (last - first).clamp(min=1)).clamp(0, 1)[..., None] * (not hold)
    rows = torch.arange(len(known), device=known.device)[:, None]
    between = torch.lerp(axis[rows, first], axis[rows, last], share).flatten(0, 1)
    turned = virtual_from_camera(torch.nn.functional.normalize(between, dim=-1))
    keep = enough[:, None]
    return View(
        view.points * keep[..., None],
        view.seen & keep,
        torch.where(keep[..., None], view.virtual, turned),
    )


@dataclass(frozen=True, slots=True)
class ClipNumbers:
    """What is said of each frame of clips: numbers for `placed` and for `factors`."""

    places: Float[Tensor, "rows places"]
    spreads: Float[Tensor, "rows spreads"]


def corrected(
    single: ClipNumbers, correction: Float[Tensor, "clips frames numbers"]
) -> ClipNumbers:
    """The single-frame numbers with the corrections of the layers over time."""
    more = correction.float().flatten(0, 1)
    return ClipNumbers(single.places + more[:, :_PLACES], single.spreads + more[:, _PLACES:])


def clip_inputs(
    network: ClipNetwork, view: View, enough: Bool[Tensor, " rows"], frames: int
) -> tuple[ClipNumbers, Float[Tensor, "clips frames inputs"]]:
    """Single-frame numbers of clips (`bridged` views), and what the layers over time read."""
    single = ClipNumbers(*single_numbers(network, view, enough))
    features = temporal_features(single.places, single.spreads, view, enough)
    return single, torch.unflatten(features, 0, (-1, frames))


def predict_clips(
    network: ClipNetwork, view: View, enough: Bool[Tensor, " rows"], frames: int, *, flip: bool
) -> Answer:
    """What the network says of `bridged` views; `frames` consecutive rows are one clip.

    With `flip` the mean over both mirror images.
    """
    answer = _answer(network, view, enough, frames)
    if not flip:
        return answer
    other = _answer(network, mirrored_view(view), enough, frames)
    return answer.mean_with_mirrored(other)


def _answer(network: ClipNetwork, view: View, enough: Tensor, frames: int) -> Answer:
    single, features = clip_inputs(network, view, enough, frames)
    said = corrected(single, network(features))
    return said_of(network, said, view, enough)


def said_of(
    network: ClipNetwork, said: ClipNumbers, view: View, enough: Bool[Tensor, " rows"]
) -> Answer:
    """Joints and calibrated covariances from a clip's numbers."""
    factor = factors(said.spreads)
    calibration = network.scales()
    scale = torch.where(view.seen, calibration[0], calibration[1])
    scale = torch.where(enough[:, None], scale, calibration[2])
    return Answer(placed(said.places, view), factor @ factor.mT * scale[..., None, None])


def save_temporal(network: TemporalNet, path: str | PathLike[str]) -> None:
    """Write a network with its shape; matrices in half precision."""
    tensors = {
        key: value.half() if value.ndim == 2 and "calibration" not in key else value
        for key, value in network.state_dict().items()
    }
    save_network(path, _FORMAT, asdict(network.config), tensors)


def load_temporal(path: str | PathLike[str]) -> TemporalNet:
    """A network ready to predict; `FileFormatError` where the file is not one of `save_temporal`."""
    advice = "train them with 'lift3d train --lifter temporal' or leave the path out"
    return load_network(path, _FORMAT, _build, advice)


def _build(config: dict[str, Any]) -> TemporalNet:
    single = UniversalConfig(**config.pop("single"))
    return TemporalNet(TemporalConfig(**config, single=single))
