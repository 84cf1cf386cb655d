"""HRNet: features of high resolution all the way, beside ever coarser ones that they exchange with.

Sun, Xiao, Liu and Wang, "Deep High-Resolution Representation Learning for Human Pose Estimation",
CVPR 2019, section 3 and figures 1 and 3. Written from the paper.
"""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn

from lift3d.networks.backbones.resnet import Basic, Bottleneck
from lift3d.networks.network import expect_numbers
from lift3d.networks.parts.layers import conv, normed

__all__ = ["HRNet", "HRNetConfig"]


@dataclass(frozen=True, slots=True)
class HRNetConfig:
    """The shape of the backbone: W32 as it is, W48 with a width of 48."""

    width: int = 32
    """Channels of the finest branch; the coarser ones have 2, 4 and 8 times as many."""
    stem: int = 64
    """Channels of the first layers, and within the bottlenecks of the first stage."""
    modules: tuple[int, int, int] = (1, 4, 3)
    """Exchange modules of the stages with two, three and four branches."""
    blocks: int = 4
    """Blocks of each branch of a module, and bottlenecks of the first stage."""

    def __post_init__(self) -> None:
        named = {f"modules[{place}]": count for place, count in enumerate(self.modules)}
        expect_numbers("numbers", 1, width=self.width, stem=self.stem, blocks=self.blocks, **named)

    @property
    def channels(self) -> tuple[int, ...]:
        """Channels of the four branches."""
        return tuple(self.width * 2**branch for branch in range(4))


class HRNet(nn.Module):
    """Pictures to features at strides 4, 8, 16 and 32; with `finest` only at stride 4.

    The last exchange then makes nothing else, which is HRNet for heatmaps (section 3.3).
    """

    def __init__(self, config: HRNetConfig, *, finest: bool = False) -> None:
        super().__init__()
        stem, widths = config.stem, config.channels
        self.stem = nn.Sequential(normed(3, stem, 3, 2), normed(stem, stem, 3, 2))
        first = [
            Bottleneck(stem, stem),
            *(Bottleneck(4 * stem, stem) for _ in range(config.blocks - 1)),
        ]
        self.first = nn.Sequential(*first)
        stages: list[nn.Module] = []
        for stage, count in enumerate(config.modules):
            given = (4 * stem,) if stage == 0 else widths[: stage + 1]
            last = finest and stage == len(config.modules) - 1
            outputs = [1 if last and at == count - 1 else stage + 2 for at in range(count)]
            stages.append(Stage(given, widths[: stage + 2], config.blocks, outputs))
        self.stages = nn.Sequential(*stages)

    def forward(self, pictures: Float[Tensor, "batch 3 height width"]) -> tuple[Tensor, ...]:
        x: Tensor = self.first(self.stem(pictures))  # [batch 4*stem height/4 width/4]
        found: tuple[Tensor, ...] = self.stages((x,))  # each [batch width*2^i h_i w_i]
        return found


class Stage(nn.Module):
    """One branch more, of half the size, then exchanges that give so many branches each."""

    def __init__(
        self,
        given: tuple[int, ...],
        widths: tuple[int, ...],
        blocks: int,
        outputs: list[int],
    ) -> None:
        super().__init__()
        # The finest branch changes its channels once, after the first stage.
        self.kept = nn.Identity() if given[0] == widths[0] else normed(given[0], widths[0])
        self.added = normed(given[-1], widths[-1], 3, 2)
        self.exchanges = nn.Sequential(*(Exchange(widths, blocks, made) for made in outputs))

    def forward(self, branches: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        added: Tensor = self.added(branches[-1])  # [batch widths[-1] h/2 w/2]
        mixed: tuple[Tensor, ...] = self.exchanges((self.kept(branches[0]), *branches[1:], added))
        return mixed


class Exchange(nn.Module):
    """Residual blocks in each branch, then each is the sum of all, resized (figure 3).

    `outputs` of the branches come out, from the finest on.
    """

    def __init__(self, widths: tuple[int, ...], blocks: int, outputs: int) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            nn.Sequential(*(Basic(width, width) for _ in range(blocks))) for width in widths
        )
        self.mixes = nn.ModuleList(Mix(widths, target) for target in range(outputs))

    def forward(self, x: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        own = tuple(branch(one) for branch, one in zip(self.branches, x, strict=True))
        return tuple(mix(own) for mix in self.mixes)  # each [batch width_t h_t w_t]


class Mix(nn.Module):
    """All branches resized to one of them, and added up."""

    def __init__(self, widths: tuple[int, ...], target: int) -> None:
        super().__init__()
        self.links = nn.ModuleList(_link(widths, source, target) for source in range(len(widths)))
        self.relu = nn.ReLU()

    def forward(self, x: tuple[Tensor, ...]) -> Tensor:
        resized: list[Tensor] = [link(one) for link, one in zip(self.links, x, strict=True)]
        out: Tensor = self.relu(sum(resized[1:], resized[0]))  # [batch width_t h_t w_t]
        return out


def _link(widths: tuple[int, ...], source: int, target: int) -> nn.Module:
    """From one branch to another: 1 x 1 and nearest upsampling, or 3 x 3 steps of stride 2."""
    inputs, outputs = widths[source], widths[target]
    if source == target:
        return nn.Identity()
    if source > target:
        up = nn.Upsample(scale_factor=2 ** (source - target), mode="nearest")
        return nn.Sequential(conv(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs), up)
    steps: list[nn.Module] = [normed(inputs, inputs, 3, 2) for _ in range(target - source - 1)]
    last = conv(inputs, outputs, 3, 2, bias=False)
    return nn.Sequential(*steps, last, nn.BatchNorm2d(outputs))
