"""The network that reads a body out of lifted joints, and how its numbers become rotations.

It stands on a lifter, whichever it is: what it reads are the 40 points of the lifters' vocabulary and
how certain each is, seen from the person and not from the camera. So a pose is the same pose for it
from all sides, and the root's rotation is what the frame of hips and shoulders says, but for a
correction. Rotations are written as two columns (Zhou, Barnes, Lu, Yang and Li, "On the continuity of
rotation representations in neural networks", CVPR 2019, arXiv:1812.07035, equation 7), residual layers
are those of the lifters.
"""

from dataclasses import asdict, dataclass
from os import PathLike
from typing import Final

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from lift3d.geometry.rotations import rotmat_from_rot6d
from lift3d.lifting.universal_net import Block, layer
from lift3d.lifting.vocabulary import HIPS, VOCABULARY
from lift3d.lifting.weights_file import load_network, save_network

__all__ = [
    "JOINTS",
    "Posture",
    "PostureConfig",
    "PostureNet",
    "SeenPerson",
    "load_posture",
    "save_posture",
    "trunk_frame",
]

_FORMAT: Final = "lift3d posture 1"
_POINTS: Final = len(VOCABULARY)
JOINTS: Final = 24
"""Rotations of SMPL's tree, the root's first."""
_SIZE: Final = 0.5
"""Metres of one unit of the joints that the network reads."""
_SPREAD: Final = 0.05
_ERROR: Final = 0.05
"""Metres of one unit of the spreads that it reads, and of the error that it foretells."""
_TURN: Final = 0.15
"""Radians of one unit of the spreads of rotations that it says."""
_MOST_BETA: Final = 4.0
_SHOULDERS: Final = (VOCABULARY.index("left_shoulder"), VOCABULARY.index("right_shoulder"))
_INPUTS: Final = _POINTS * 5 + 7


@dataclass(frozen=True, slots=True)
class PostureConfig:
    """The shape of the network; stored with its weights."""

    width: int = 768
    """Neurons per hidden layer."""
    blocks: int = 2
    """Residual blocks of two layers each."""
    dropout: float = 0.05
    """Share of hidden activations dropped while training."""
    betas: int = 10
    """Shape coefficients of the body that it was taught."""


@dataclass(frozen=True, slots=True)
class SeenPerson:
    """What the network reads of each frame, in any frame of coordinates that a camera looks into.

    `joints` are relative to the middle of the hips (metres), `root` is where that is from the camera
    (metres), `virtual` turns the coordinates into those of a camera that looks straight at it.
    """

    joints: Float[Tensor, "batch 40 3"]
    covariance: Float[Tensor, "batch 40 3 3"]
    seen: Bool[Tensor, "batch 40"]
    root: Float[Tensor, "batch 3"]
    virtual: Float[Tensor, "batch 3 3"]

    def __len__(self) -> int:
        return len(self.joints)

    @property
    def frame(self) -> Float[Tensor, "batch 3 3"]:
        """The person's own axes as columns: left, up along the trunk, forward."""
        return trunk_frame(self.joints)

    @property
    def features(self) -> Float[Tensor, "batch features"]:
        """The points from the person, where the camera is and which way up, and what is certain."""
        frame = self.frame
        local = self.joints @ frame / _SIZE
        towards = self.virtual @ frame  # the virtual camera's axes, told by the person's: rows
        towards = towards[:, 1:].flatten(1)
        seen = self.seen.to(local.dtype)
        spread = self.covariance.diagonal(dim1=-2, dim2=-1).mean(-1).clamp(min=1e-8).sqrt()
        spread = (spread / _SPREAD + 0.05).log()
        distance = self.root.norm(dim=-1, keepdim=True).clamp(min=0.1).log()
        return torch.cat([local.flatten(1), seen, spread, towards, distance], -1)


@dataclass(frozen=True, slots=True)
class Posture:
    """A body's pose and shape, and how far each may be off (standard deviations).

    `rotmats` are local but for the root's, which is in the frame of what was read; `turn_std` is in
    radians about each axis; `error` is the mean distance of the skin that is to be expected (metres).
    """

    rotmats: Float[Tensor, "batch 24 3 3"]
    betas: Float[Tensor, "batch betas"]
    turn_std: Float[Tensor, "batch 24"]
    betas_std: Float[Tensor, "batch betas"]
    error: Float[Tensor, " batch"]


class PostureNet(nn.Module):
    """Features of a person to the numbers that `posture` makes a body of.

    `calibration` multiplies the spreads of rotations so that on validation data they are what they say.
    """

    calibration: Tensor

    def __init__(self, config: PostureConfig) -> None:
        super().__init__()
        self.config = config
        blocks = [Block(config.width, config.dropout) for _ in range(config.blocks)]
        self.body = nn.Sequential(*layer(_INPUTS, config.width, config.dropout), *blocks)
        self.turns = nn.Linear(config.width, JOINTS * 6)
        self.shape = nn.Linear(config.width, config.betas)
        self.spread = nn.Linear(config.width, JOINTS + config.betas + 1)
        for head in (self.turns, self.shape, self.spread):
            nn.init.normal_(head.weight, std=0.1 / config.width**0.5)  # start at the rest pose
            nn.init.zeros_(head.bias)
        with torch.no_grad():
            self.turns.bias.copy_(torch.eye(3)[:, :2].T.flatten().repeat(JOINTS))
        self.register_buffer("calibration", torch.ones(JOINTS))

    def forward(self, features: Float[Tensor, "batch features"]) -> Float[Tensor, "batch numbers"]:
        """Numbers for `posture`. The layers below are not taught by the spreads."""
        hidden = self.body(features)  # [batch width]
        spread = self.spread(hidden.detach())
        return torch.cat([self.turns(hidden), self.shape(hidden), spread], -1)

    def posture(
        self, numbers: Float[Tensor, "batch numbers"], frame: Float[Tensor, "batch 3 3"]
    ) -> Posture:
        """What the network's numbers say of a person with these axes."""
        parts = [JOINTS * 6, self.config.betas, JOINTS, self.config.betas, 1]
        turns, betas, turn_std, betas_std, error = torch.split(numbers, parts, -1)
        rotmats = rotmat_from_rot6d(torch.unflatten(turns, -1, (JOINTS, 6)))
        root = frame @ rotmats[:, 0]
        return Posture(
            torch.cat([root[:, None], rotmats[:, 1:]], 1),
            betas.clamp(-_MOST_BETA, _MOST_BETA),
            _TURN * turn_std.clamp(-4, 4).exp() * self.calibration,
            betas_std.clamp(-4, 4).exp(),
            _ERROR * error[:, 0].clamp(-4, 4).exp(),
        )


def trunk_frame(joints: Float[Tensor, "*batch 40 3"]) -> Float[Tensor, "*batch 3 3"]:
    """Axes as columns: left, up from hips to shoulders, forward; of people with a trunk."""
    left = joints[..., HIPS[0], :] - joints[..., HIPS[1], :]
    up = joints[..., list(_SHOULDERS), :].mean(-2) - joints[..., list(HIPS), :].mean(-2)
    up = torch.nn.functional.normalize(up, dim=-1, eps=1e-6)
    forward = torch.nn.functional.normalize(torch.linalg.cross(left, up), dim=-1, eps=1e-6)
    return torch.stack([torch.linalg.cross(up, forward), up, forward], -1)


def save_posture(network: PostureNet, path: str | PathLike[str]) -> None:
    """Write a network with its shape; matrices in half precision."""
    tensors = {
        key: value.half() if value.ndim == 2 else value
        for key, value in network.state_dict().items()
    }
    save_network(path, _FORMAT, asdict(network.config), tensors)


def load_posture(path: str | PathLike[str]) -> PostureNet:
    """A network ready to predict; `FileFormatError` where the file is not one of `save_posture`."""
    advice = "train them with 'lift3d train regressor' or leave the path out"
    return load_network(path, _FORMAT, lambda c: PostureNet(PostureConfig(**c)), advice)
