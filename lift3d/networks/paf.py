"""Heatmaps and part affinity fields, in two branches that correct each other stage by stage.

Cao, Simon, Wei and Sheikh, "Realtime Multi-Person 2D Pose Estimation using Part Affinity Fields", CVPR
2017, arXiv:1611.08050, sections 2.1 to 2.3 and figure 3. Written from the paper; ten layers of VGG-19
below, six stages.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lift3d.decoders import LimbModel, PafGrouping, People, decode_paf, limb_fields
from lift3d.errors import InputError
from lift3d.losses import Term
from lift3d.networks.backbones.vgg import Vgg
from lift3d.networks.heatmaps import Goal, in_maps, in_picture, people_goal, summed, term
from lift3d.networks.network import (
    KeypointNetwork,
    Targets,
    expect_numbers,
    expect_pictures,
    expect_sigma,
)
from lift3d.networks.parts.layers import conv, step
from lift3d.skeleton import Skeleton
from lift3d.skeletons import COCO_18

__all__ = ["AffinityFields", "AffinityFieldsConfig", "FieldMaps", "limbs_of"]

_STRIDE = 8


@dataclass(frozen=True, slots=True)
class AffinityFieldsConfig:
    """The shape of the network."""

    skeleton: Skeleton = field(default_factory=lambda: COCO_18)
    """Keypoints of a person; its bones are the limbs."""
    stages: int = 6
    """Stages of two branches."""
    width: int = 128
    """Channels of the branches' convolutions; VGG's first layers have half as many."""
    norm: bool = False
    """Batch normalisation after the convolutions, which the paper had not: learns faster."""
    sigma: float = 1.0
    """Width of the targets' Gaussians in heat-map pixels."""
    limb: float = 1.0
    """Half the width of the limbs on which fields stand, in heat-map pixels."""

    def __post_init__(self) -> None:
        expect_numbers("numbers", 1, stages=self.stages)
        expect_numbers("a width", 2, width=self.width)
        for size in (self.sigma, self.limb):
            expect_sigma(size)
        if not self.skeleton.bones:
            raise InputError(
                f"expected a skeleton with bones, got '{self.skeleton.name}' without any: limbs hold "
                "people together"
            )

    @property
    def joints(self) -> int:
        return len(self.skeleton)

    def build(self) -> "AffinityFields":
        return AffinityFields(self)


class FieldMaps(NamedTuple):
    """Of each stage the heatmaps, the background last, and the fields: x and y of each limb in turn."""

    heatmaps: tuple[Tensor, ...]
    fields: tuple[Tensor, ...]


class AffinityFields(KeypointNetwork[FieldMaps]):
    """Pictures of several people to heatmaps and fields of an eighth of their size."""

    terms = ("heatmaps", "fields")

    def __init__(self, config: AffinityFieldsConfig) -> None:
        super().__init__()
        self.config = config
        self.limbs = limbs_of(config.skeleton)
        outputs = (config.joints + 1, 2 * len(self.limbs.pairs))
        self.backbone = Vgg(config.width // 2, norm=config.norm)
        features = 2 * (config.width // 2)
        self.stages = nn.ModuleList(
            Branches(config, features + (sum(outputs) if stage else 0), outputs, first=not stage)
            for stage in range(config.stages)
        )

    def forward(self, pictures: Float[Tensor, "batch 3 height width"]) -> FieldMaps:
        expect_pictures(pictures, _STRIDE)
        features: Tensor = self.backbone(pictures)  # [batch width height/8 width/8]
        heatmaps: list[Tensor] = []
        fields: list[Tensor] = []
        x = features
        for stage in self.stages:
            maps, field = stage(x)
            heatmaps.append(maps)  # [batch joints+1 height/8 width/8]
            fields.append(field)  # [batch 2*limbs height/8 width/8]
            x = torch.cat([features, heatmaps[-1], fields[-1]], 1)
        return FieldMaps(tuple(heatmaps), tuple(fields))

    def losses(self, output: FieldMaps, targets: Targets) -> dict[str, Term]:
        """Squared error of every stage's heatmaps and fields (eq. 5)."""
        maps, known = people_goal(targets, output.heatmaps[-1][:, :-1], _STRIDE, self.config.sigma)
        maps = torch.cat([maps, 1 - maps.amax(1, keepdim=True)], 1)
        goal = Goal(maps, torch.cat([known, known[:, :1]], 1))
        wanted = self._fields(targets, output.fields[-1])
        fields = Goal(wanted, known[:, :1].expand(-1, wanted.shape[1]))
        return {
            "heatmaps": summed([term(one, goal) for one in output.heatmaps]),
            "fields": summed([term(one, fields) for one in output.fields]),
        }

    def _fields(self, targets: Targets, like: Tensor) -> Tensor:
        hidden = torch.where(targets.visible[..., None], targets.keypoints.float(), torch.nan)
        size = (like.shape[-2], like.shape[-1])
        people = in_maps(hidden, _STRIDE)
        return torch.stack([limb_fields(p, self.limbs, size, self.config.limb) for p in people])

    def people(self, output: FieldMaps) -> tuple[People, ...]:
        return self.grouped(output)

    def grouped(self, output: FieldMaps, options: PafGrouping | None = None) -> tuple[People, ...]:
        """The people of each picture, by options of `decode_paf`."""
        maps, fields = output.heatmaps[-1].detach().float(), output.fields[-1].detach().float()
        size = (maps.shape[-2], maps.shape[-1])
        found = [
            decode_paf(one[:-1], field, self.limbs, options)
            for one, field in zip(maps, fields, strict=True)
        ]
        return tuple(People(in_picture(one.keypoints, size, _STRIDE), one.scores) for one in found)


class Branches(nn.Module):
    """One stage: heatmaps and fields of the same features."""

    def __init__(
        self, config: AffinityFieldsConfig, inputs: int, outputs: tuple[int, int], *, first: bool
    ) -> None:
        super().__init__()
        self.to_maps = _branch(config, inputs, outputs[0], first=first)
        self.to_fields = _branch(config, inputs, outputs[1], first=first)

    def forward(self, x: Float[Tensor, "batch _ h w"]) -> tuple[Tensor, Tensor]:
        return self.to_maps(x), self.to_fields(x)


def limbs_of(skeleton: Skeleton) -> LimbModel:
    """The skeleton's bones as limbs, in their order, with OpenPose's thresholds."""
    places = tuple(range(0, 2 * len(skeleton.bones), 2))
    return LimbModel(skeleton, skeleton.bones, places, 0.05, 0.05)


def _branch(
    config: AffinityFieldsConfig, inputs: int, outputs: int, *, first: bool
) -> nn.Sequential:
    """Three 3 x 3 convolutions and a wide 1 x 1 one; after the first stage five of 7 x 7 (figure 3)."""
    count, kernel, last = (3, 3, 4 * config.width) if first else (5, 7, config.width)
    layers = [step(inputs, config.width, kernel, norm=config.norm)]
    layers += [step(config.width, config.width, kernel, norm=config.norm) for _ in range(count - 1)]
    return nn.Sequential(
        *layers, step(config.width, last, 1, norm=config.norm), conv(last, outputs, 1)
    )
