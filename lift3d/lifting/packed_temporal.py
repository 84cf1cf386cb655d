"""The temporal network made ready to answer: its layers packed, for whole clips or frame by frame."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.lifting.packed import Packed, Step, answering, folded
from lift3d.lifting.temporal_net import Layer, TemporalConfig, TemporalNet

__all__ = ["PackedTemporal"]


class PackedTemporal:
    """A temporal network with the weights that it has now; `ready` is what its layers become.

    In the places of those of `TemporalNet` stand `single`, which leaves out the different answers,
    `layers`, which do not add what they were given, and `head`.
    """

    def __init__(
        self,
        network: TemporalNet,
        ready: Callable[[tuple[Step, ...]], Callable[[Tensor], Tensor]] = Packed,
    ) -> None:
        self.config: TemporalConfig = network.config
        self.calibration = network.calibration
        self.single = ready(answering(network.single))
        over = [layer for layer in network.layers if isinstance(layer, Layer)]
        self.layers = tuple(ready(folded((*layer.over, *layer.within))) for layer in over)
        self.residual = tuple(layer.residual for layer in over)
        self.head = ready(folded((network.head,)))

    def below(self, features: Float[Tensor, "rows inputs"]) -> Float[Tensor, "rows numbers"]:
        """What `single` says."""
        return self.single(features)

    def scales(self) -> Float[Tensor, "3 points"]:
        """`calibration`."""
        return self.calibration

    def __call__(
        self, features: Float[Tensor, "clips frames inputs"]
    ) -> Float[Tensor, "clips frames numbers"]:
        """As `TemporalNet.forward`."""
        clips, frames = features.shape[:2]
        hidden = features
        parts = zip(self.layers, self.residual, self.config.reaches, strict=True)
        for layer, residual, reach in parts:
            around = torch.arange(frames)[:, None] + torch.tensor(reach)
            three = hidden[:, around.clamp(0, frames - 1)].reshape(clips * frames, -1)
            out = layer(three).view(clips, frames, -1)
            hidden = hidden + out if residual else out
        return self.head(hidden.flatten(0, 1)).view(clips, frames, -1)
