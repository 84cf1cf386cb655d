"""A DensePose-style network: boxes' features to 24 charts, mask and keypoints, in one or more stages.

R. A. Gueler, N. Neverova, I. Kokkinos: DensePose, CVPR 2018, sections 3.1 to 3.3: ROIAligned features
of a pyramid (T.-Y. Lin et al., CVPR 2017) go through eight 3 x 3 convolutions to part labels and to U
and V for each part; further stages see the features again together with what all tasks said before
(their cross-cascade). Options: `paths="adaptive"` pools each box from every level of the pyramid and
lets the box decide how much each counts, after Y. Guo et al., "Adaptive Multi-Path Aggregation for Human
DensePose Estimation in the Wild" (AMA-net), ACM Multimedia 2019; `doubt` adds sigma and kappa (N.
Neverova et al., NeurIPS 2019). Written from the papers; parity with their figures is not claimed.
"""

from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from lift3d.errors import InputError
from lift3d.losses import Term
from lift3d.networks.backbones.resnet import ResNet, ResNetConfig
from lift3d.networks.heatmaps import person_goal, read_maps, term
from lift3d.networks.network import PersonNetwork, Targets, expect_numbers, expect_pictures
from lift3d.networks.parts.layers import conv
from lift3d.surface.roi_align import align_boxes, align_whole
from lift3d.surface.surface_map import PARTS, SurfaceDoubt, SurfaceMap
from lift3d.surface.uv_losses import SurfaceTargets, doubt_term, label_term, of_true_part, uv_term

__all__ = ["UvConfig", "UvNetwork", "UvOutput", "UvStage"]

_STRIDES: Final = (4.0, 8.0, 16.0, 32.0)
_LEAST_SIGMA: Final = 0.01
_WEIGHTS: Final = {"labels": 1.0, "uv": 1.0, "mask": 1.0, "keypoints": 10.0}


class UvStage(NamedTuple):
    """What one stage says on its grid, four times as fine as the pooled features."""

    labels: Float[Tensor, "boxes 25 side side"]
    u: Float[Tensor, "boxes 24 side side"]
    v: Float[Tensor, "boxes 24 side side"]
    doubt: Float[Tensor, "boxes doubts side side"]
    """Sigma (before softplus), kappa of U and kappa of V for each part; none without doubt."""
    mask: Float[Tensor, "boxes 1 side side"]
    keypoints: Float[Tensor, "boxes joints side side"]


class UvOutput(NamedTuple):
    """All stages; the last one's is the answer."""

    stages: tuple[UvStage, ...]


@dataclass(frozen=True, slots=True)
class UvConfig:
    """The shape of the network."""

    joints: int = 17
    """Keypoints of a person."""
    backbone: ResNetConfig = field(default_factory=ResNetConfig)
    """The network below, at strides 4 to 32."""
    pyramid: int = 256
    """Channels of the pyramid."""
    width: int = 512
    """Channels of the heads."""
    depth: int = 8
    """3 x 3 convolutions of each head."""
    side: int = 14
    """Bins of the pooled features; maps have four times as many cells along a side."""
    stages: int = 1
    """Each after the first sees what all tasks said before."""
    paths: Literal["single", "adaptive"] = "single"
    """Features from the one level of the pyramid that suits the box, or from all."""
    doubt: bool = False
    """Whether it says how sure U and V are."""
    sigma: float = 1.5
    """Width of the keypoints' Gaussians in cells."""

    def __post_init__(self) -> None:
        counts = {name: getattr(self, name) for name in ("joints", "pyramid", "width", "depth")}
        expect_numbers("numbers", 1, **counts, side=self.side, stages=self.stages)
        if self.backbone.stride != _STRIDES[-1]:
            raise InputError(
                f"expected a backbone of stride 32, got {self.backbone.stride}: leave it undilated"
            )

    @property
    def grid(self) -> int:
        """Cells of the maps along a side."""
        return 4 * self.side

    def build(self) -> "UvNetwork":
        """A network of this shape, with random weights."""
        return UvNetwork(self)


class UvNetwork(PersonNetwork[UvOutput]):
    """Pictures of one person each, or boxes of pictures, to charts, mask and keypoints."""

    terms = ("labels", "uv", "mask", "keypoints")

    def __init__(self, config: UvConfig) -> None:
        super().__init__()
        self.config = config
        self.backbone = ResNet(config.backbone)
        self.pyramid = _Pyramid(config.backbone.channels, config.pyramid)
        self.paths = _Adaptive(config.pyramid) if config.paths == "adaptive" else None
        self.stages = nn.ModuleList(_Stage(config, first=n == 0) for n in range(config.stages))

    def forward(self, pictures: Float[Tensor, "batch 3 height width"]) -> UvOutput:
        """The person of each picture, whose box is the picture."""
        expect_pictures(pictures, 32)
        levels = self.pyramid(self.backbone(pictures))
        pooled = [align_whole(level, self.config.side) for level in levels]
        return self._heads(pooled[0] if self.paths is None else self.paths(pooled))

    def of_boxes(
        self,
        pictures: Float[Tensor, "batch 3 height width"],
        boxes: Float[Tensor, "boxes 4"],
        of: Int[Tensor, " boxes"],
    ) -> UvOutput:
        """People by their boxes (left, top, width, height in pixels), `of` saying whose picture."""
        expect_pictures(pictures, 32)
        levels = self.pyramid(self.backbone(pictures))
        pooled = [
            align_boxes(level, boxes, of, self.config.side, stride)
            for level, stride in zip(levels, _STRIDES, strict=True)
        ]
        if self.paths is not None:
            return self._heads(self.paths(pooled))
        chosen = _level_of(boxes)
        stacked = torch.stack(pooled, 1)
        return self._heads(stacked[torch.arange(len(boxes), device=boxes.device), chosen])

    def losses(self, output: UvOutput, targets: Targets) -> dict[str, Term]:
        """The sums over all stages. Raises `InputError` for targets without maps."""
        if not isinstance(targets, SurfaceTargets):
            raise InputError(
                f"expected SurfaceTargets, which have maps, got {type(targets).__name__}: give part, U "
                "and V as well"
            )
        found = [self._stage_losses(stage, targets) for stage in output.stages]
        return {
            name: Term(
                _WEIGHTS[name] * torch.stack([one[name].total for one in found]).sum(),
                found[0][name].count,
            )
            for name in self.terms
        }

    def keypoints(self, output: UvOutput) -> Float[Tensor, "batch joints 3"]:
        """In cells of the grid, for boxes that are pictures of that size."""
        return read_maps(output.stages[-1].keypoints, 1, self.config.sigma)

    @torch.no_grad()
    def maps(
        self, output: UvOutput, boxes: Float[Tensor, "boxes 4"], image_size: tuple[int, int]
    ) -> tuple[SurfaceMap, ...]:
        """What the last stage says of each box, as surface maps."""
        stage = output.stages[-1]
        part = stage.labels.argmax(1)
        uv = torch.stack([of_true_part(stage.u, part), of_true_part(stage.v, part)], 1).clamp(0, 1)
        sure = stage.labels.softmax(1)[:, 1:].sum(1)
        out: list[SurfaceMap] = []
        for n in range(len(part)):
            seen = part[n] > 0
            score = float(sure[n][seen].mean()) if bool(seen.any()) else 0.0
            doubt = None
            if self.config.doubt:
                sigma, kappa = _doubt(stage, part)
                doubt = SurfaceDoubt(sigma[n], kappa[:, n])
            out.append(SurfaceMap(part[n], uv[n], boxes[n].cpu(), image_size, score, doubt))
        return tuple(out)

    def _heads(self, pooled: Float[Tensor, "boxes channels side side"]) -> UvOutput:
        found: list[UvStage] = []
        for stage in self.stages:
            found.append(stage(pooled, found[-1] if found else None))
        return UvOutput(tuple(found))

    def _stage_losses(self, stage: UvStage, targets: SurfaceTargets) -> dict[str, Term]:
        part, uv = targets.part, targets.uv
        seen = part > 0
        mask = functional.binary_cross_entropy_with_logits(
            stage.mask[:, 0], seen.to(stage.mask), reduction="sum"
        )
        goal = person_goal(targets, stage.keypoints, 1, self.config.sigma)
        return {
            "labels": label_term(stage.labels, part),
            "uv": self._uv_loss(stage, part, uv),
            "mask": Term(mask, mask.new_tensor(float(part.numel()))),
            "keypoints": term(stage.keypoints, goal),
        }

    def _uv_loss(self, stage: UvStage, part: Tensor, uv: Tensor) -> Term:
        if not self.config.doubt:
            return uv_term(stage.u, stage.v, part, uv)
        found = torch.stack([of_true_part(stage.u, part), of_true_part(stage.v, part)])
        sigma, kappa = _doubt(stage, part)
        each = doubt_term(found - uv.transpose(0, 1), sigma, kappa)
        total = torch.where(part > 0, each, 0).sum()
        return Term(total, (part > 0).sum().to(total))


def _doubt(stage: UvStage, part: Tensor) -> tuple[Tensor, Tensor]:
    sigma, kappa_u, kappa_v = (of_true_part(x, part) for x in torch.split(stage.doubt, PARTS, 1))
    return functional.softplus(sigma) + _LEAST_SIGMA, torch.stack([kappa_u, kappa_v])


def _level_of(boxes: Float[Tensor, "boxes 4"]) -> Int[Tensor, " boxes"]:
    """The level of the pyramid by the box's size (Lin et al., equation 1; 224 pixels: stride 16)."""
    size = boxes[:, 2:].prod(-1).clamp(min=1).sqrt()
    return (2 + (size / 224).log2().floor()).long().clamp(0, len(_STRIDES) - 1)


class _Pyramid(nn.Module):
    """Stages of a backbone, each with what is coarser added to it."""

    def __init__(self, channels: tuple[int, ...], width: int) -> None:
        super().__init__()
        self.sideways = nn.ModuleList(conv(inputs, width, 1) for inputs in channels)
        self.smooth = nn.ModuleList(conv(width, width) for _ in channels)

    def forward(self, stages: tuple[Tensor, ...]) -> list[Tensor]:
        found: list[Tensor] = []
        for stage, sideways in zip(stages[::-1], reversed(list(self.sideways)), strict=True):
            x: Tensor = sideways(stage)  # [batch width h w]
            if found:
                x = x + functional.interpolate(found[-1], x.shape[-2:], mode="nearest")
            found.append(x)
        return [smooth(x) for smooth, x in zip(self.smooth, found[::-1], strict=True)]


class _Adaptive(nn.Module):
    """A path for each level of the pyramid, and how much each counts for a box."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.paths = nn.ModuleList(
            nn.Sequential(conv(width, width), nn.ReLU()) for _ in range(len(_STRIDES))
        )
        self.gate = nn.Linear(width * len(_STRIDES), len(_STRIDES))

    def forward(self, pooled: list[Tensor]) -> Float[Tensor, "boxes width side side"]:
        found: list[Tensor] = [path(x) for path, x in zip(self.paths, pooled, strict=True)]
        shares: Tensor = self.gate(torch.cat([x.mean((-2, -1)) for x in found], 1))  # [boxes paths]
        shares = shares.softmax(1)
        mixed = found[0] * shares[:, 0:1, None, None]
        for n, x in enumerate(found[1:], 1):
            mixed = mixed + x * shares[:, n : n + 1, None, None]
        return mixed


class _Stage(nn.Module):
    """Heads of the three tasks; after the first stage with the others' last words."""

    def __init__(self, config: UvConfig, *, first: bool) -> None:
        super().__init__()
        doubts = 3 * PARTS if config.doubt else 0
        self.outputs = (PARTS + 1, PARTS, PARTS, doubts, 1, config.joints)
        inputs = config.pyramid
        self.heard = None if first else conv(sum(self.outputs), config.pyramid, 1)
        if not first:
            inputs += config.pyramid
        charts = sum(self.outputs[:4])
        self.charts = _head(inputs, config, charts)
        self.mask = _head(inputs, config, 1)
        self.joints = _head(inputs, config, config.joints)

    def forward(self, pooled: Tensor, before: UvStage | None) -> UvStage:
        if self.heard is not None and before is not None:
            said = torch.cat(list(before), 1)  # [boxes outputs 4*side 4*side]
            small = functional.interpolate(
                said, pooled.shape[-2:], mode="bilinear", align_corners=False
            )
            pooled = torch.cat([pooled, self.heard(small)], 1)
        found = torch.cat([self.charts(pooled), self.mask(pooled), self.joints(pooled)], 1)
        side = 2 * found.shape[-1]
        fine = functional.interpolate(found, (side, side), mode="bilinear", align_corners=False)
        parts: list[Tensor] = []
        begin = 0
        for count in self.outputs:
            parts.append(fine[:, begin : begin + count])
            begin += count
        return UvStage(*parts)


def _head(inputs: int, config: UvConfig, outputs: int) -> nn.Sequential:
    """3 x 3 convolutions, then twice the size by a transposed one."""
    layers: list[nn.Module] = []
    for n in range(config.depth):
        layers += [conv(inputs if n == 0 else config.width, config.width), nn.ReLU()]
    last = nn.ConvTranspose2d(config.width, outputs, 4, 2, 1)
    for layer in [*layers[::2], last]:
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
    return nn.Sequential(*layers, last)
