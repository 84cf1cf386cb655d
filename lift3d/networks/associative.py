"""Stacked hourglasses that give heatmaps and tags: who belongs together has the same tag.

Newell, Huang and Deng, "Associative Embedding: End-to-End Learning for Joint Detection and Grouping",
NIPS 2017, arXiv:1611.05424, sections 3.1 to 3.3. Written from the paper; the hourglasses are those of
`stacked_hourglass`, not the wider ones of the paper. With `scale_adaptive` the maps also say how wide
each Gaussian is to be (Luo et al., CVPR 2021; see `parts.scale_adaptive`).
"""

from dataclasses import dataclass
from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

from lift3d.decoders import People, TagGrouping, decode_associative
from lift3d.losses import Term
from lift3d.networks.heatmaps import in_picture, people_goal, summed, term
from lift3d.networks.network import (
    KeypointNetwork,
    Targets,
    expect_numbers,
    expect_pictures,
    expect_sigma,
    expect_weights,
)
from lift3d.networks.parts.scale_adaptive import scale_term, weighted_term
from lift3d.networks.parts.stacks import Stacks
from lift3d.networks.parts.tags import tag_terms

__all__ = ["Associative", "AssociativeConfig", "TaggedMaps"]

_STRIDE = 4


@dataclass(frozen=True, slots=True)
class AssociativeConfig:
    """The shape of the network."""

    joints: int = 17
    """Keypoints of a person."""
    stacks: int = 4
    """Hourglasses, one after the other."""
    width: int = 256
    """Channels, a multiple of 4."""
    depth: int = 4
    """How often an hourglass halves the maps."""
    tag_weight: float = 1e-3
    """What the tags' losses are multiplied with."""
    scale_adaptive: bool = False
    """Learn the width of each Gaussian, and weigh pixels by how hard they are."""
    sigma: float = 2.0
    """Width of the targets' Gaussians in heat-map pixels."""

    def __post_init__(self) -> None:
        expect_numbers("numbers", 1, joints=self.joints, stacks=self.stacks, depth=self.depth)
        expect_numbers("a width", 4, width=self.width)
        expect_weights(tag_weight=self.tag_weight)
        expect_sigma(self.sigma)

    def build(self) -> "Associative":
        return Associative(self)


class TaggedMaps(NamedTuple):
    """Heatmaps, tags and logarithms of scales (of none, or one for each joint) of each stage."""

    heatmaps: tuple[Tensor, ...]
    tags: tuple[Tensor, ...]
    scales: tuple[Tensor, ...]


class Associative(KeypointNetwork[TaggedMaps]):
    """Pictures of several people to heatmaps and tags of a quarter of their size."""

    def __init__(self, config: AssociativeConfig) -> None:
        super().__init__()
        self.config = config
        scales = ("scales",) if config.scale_adaptive else ()
        self.terms = ("heatmaps", "pull", "push", *scales)
        self.kinds = 3 if config.scale_adaptive else 2
        outputs = self.kinds * config.joints
        self.body = Stacks(config.stacks, config.width, config.depth, outputs)

    def forward(self, pictures: Float[Tensor, "batch 3 height width"]) -> TaggedMaps:
        expect_pictures(pictures, _STRIDE * 2**self.config.depth)
        joints = self.config.joints
        stages = self.body(pictures)  # stacks x [batch kinds*joints height/4 width/4]
        return TaggedMaps(
            tuple(maps[:, :joints] for maps in stages),  # [batch joints height/4 width/4]
            tuple(maps[:, joints : 2 * joints] for maps in stages),
            tuple(maps[:, 2 * joints :] for maps in stages),  # [batch 0|joints height/4 width/4]
        )

    def losses(self, output: TaggedMaps, targets: Targets) -> dict[str, Term]:
        """Squared error of the heatmaps, and the tags' pull and push, summed over the stages."""
        goal = people_goal(targets, output.heatmaps[-1], _STRIDE, self.config.sigma)
        each: dict[str, list[Term]] = {name: [] for name in self.terms}
        for maps, tags, scales in zip(*output, strict=True):
            if self.config.scale_adaptive:
                each["heatmaps"].append(weighted_term(maps, scales, goal))
                each["scales"].append(scale_term(scales, goal))
            else:
                each["heatmaps"].append(term(maps, goal))
            for name, one in zip(("pull", "push"), tag_terms(tags, targets, _STRIDE), strict=True):
                each[name].append(Term(self.config.tag_weight * one.total, one.count))
        return {name: summed(found) for name, found in each.items()}

    def people(self, output: TaggedMaps) -> tuple[People, ...]:
        return self.grouped(output)

    def grouped(self, output: TaggedMaps, options: TagGrouping | None = None) -> tuple[People, ...]:
        """The people of each picture, by options of `decode_associative`."""
        maps, tags = output.heatmaps[-1].detach().float(), output.tags[-1].detach().float()
        size = (maps.shape[-2], maps.shape[-1])
        found = [decode_associative(m, t, options=options) for m, t in zip(maps, tags, strict=True)]
        return tuple(People(in_picture(one.keypoints, size, _STRIDE), one.scores) for one in found)
