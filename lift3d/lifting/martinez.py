"""The classic baseline: pixels of sixteen joints through a residual network to joints in space.

Martinez, Hossain, Romero and Little, "A simple yet effective baseline for 3d human pose estimation",
ICCV 2017, arXiv:1705.03098. Written from the paper and kept as the paper has it, so that it can serve
as a yardstick: pixels and millimetres standardised by the training split, linear layers of 1024 with
batch normalisation, ReLU, dropout 0.5, two residual blocks, weights of bounded norm, Kaiming start.
The weights are ours, see `weights/martinez.md`.

Pixels are those of a camera of 1000 x 1000 pixels and focal length 1145, as Human3.6M's are; those of
another camera are moved there along their rays. The paper knows no missing keypoints: here they take
their mean over the training split, and joints of the trunk that detectors do not give are made from
those that they do. The person's place is computed from the rays, as the paper does not predict it.
"""

from dataclasses import asdict, dataclass
from importlib.resources import files
from os import PathLike
from pathlib import Path
from typing import Final, Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from lift3d.camera import Camera
from lift3d.geometry.rays import root_from_rays
from lift3d.lifting.pretrained import Pretrained
from lift3d.lifting.weights_file import load_network, save_network
from lift3d.motion import Motion
from lift3d.pose import Pose2D, Pose3D
from lift3d.skeleton import Skeleton
from lift3d.skeletons import H36M_17, LIFT_23

__all__ = [
    "FOCAL",
    "LAYOUTS",
    "SIZE",
    "Layout",
    "MartinezConfig",
    "MartinezLifter",
    "MartinezNet",
    "load_martinez",
    "network_keypoints",
    "save_martinez",
]

SIZE: Final = 1000
"""Pixels along each side of the picture that the network is made for."""
FOCAL: Final = 1145.0
"""Its focal length in pixels."""

_FORMAT: Final = "lift3d martinez 1"
_CHUNK: Final = 512
_MIN_CONFIDENCE: Final = 0.2
_MIN_KEYPOINTS: Final = 6
_MADE: Final = frozenset(
    {"pelvis", "spine", "thorax", "head", "head_top", "neck", "upper_neck", "neck_nose"}
)
"""Joints that are made from detected ones where nobody gives them."""

LayoutName = Literal["lift_16", "h36m_17"]


@dataclass(frozen=True, slots=True)
class Layout:
    """Which joints the network reads, and which it says; the first of the latter is the root."""

    inputs: Skeleton
    outputs: Skeleton


_LIFT_16: Final = LIFT_23.subset("lift_16", LIFT_23.joints[:16])

LAYOUTS: Final[dict[LayoutName, Layout]] = {
    "lift_16": Layout(_LIFT_16, _LIFT_16),
    "h36m_17": Layout(
        H36M_17.subset("h36m_16", tuple(j for j in H36M_17.joints if j != "neck_nose")), H36M_17
    ),
}
"""By name. `h36m_17` is the paper's: neck or nose is not among the sixteen inputs but is predicted."""


@dataclass(frozen=True, slots=True)
class MartinezConfig:
    """The network of the paper; stored with its weights."""

    width: int = 1024
    """Neurons per hidden layer."""
    blocks: int = 2
    """Residual blocks of two layers each."""
    dropout: float = 0.5
    """Share of hidden activations dropped while training."""
    layout: LayoutName = "lift_16"
    """Which joints it reads and gives: LIFT_23's limbs and trunk, or those of Human3.6M."""


class Block(nn.Module):
    """Two layers and a residual link (figure 1 of the paper)."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(*_layer(width, width, dropout), *_layer(width, width, dropout))

    def forward(self, x: Tensor) -> Tensor:
        residual: Tensor = self.layers(x)  # [batch width]
        return x + residual


def _layer(inputs: int, width: int, dropout: float) -> list[nn.Module]:
    return [nn.Linear(inputs, width), nn.BatchNorm1d(width), nn.ReLU(), nn.Dropout(dropout)]


class MartinezNet(nn.Module):
    """Standardised pixels to standardised root-relative joints, as the paper trains it.

    The buffers hold mean and standard deviation, over the training split, of the pixels and of the
    root-relative joints (millimetres, without the root), and the covariance (square metres) of the
    errors on validation data.
    """

    pixel_mean: Tensor
    pixel_std: Tensor
    joint_mean: Tensor
    joint_std: Tensor
    covariance: Tensor

    def __init__(self, config: MartinezConfig) -> None:
        super().__init__()
        self.config = config
        layout = LAYOUTS[config.layout]
        inputs, outputs = len(layout.inputs), len(layout.outputs) - 1
        first = _layer(2 * inputs, config.width, config.dropout)
        blocks = [Block(config.width, config.dropout) for _ in range(config.blocks)]
        head = nn.Linear(config.width, 3 * outputs)
        self.body = nn.Sequential(*first, *blocks, head)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                nn.init.zeros_(module.bias)
        self.register_buffer("pixel_mean", torch.full((inputs, 2), (SIZE - 1) / 2))
        self.register_buffer("pixel_std", torch.full((inputs, 2), 100.0))
        self.register_buffer("joint_mean", torch.zeros(outputs, 3))
        self.register_buffer("joint_std", torch.full((outputs, 3), 300.0))
        self.register_buffer("covariance", torch.eye(3).repeat(outputs + 1, 1, 1) * 0.01)

    @property
    def layout(self) -> Layout:
        return LAYOUTS[self.config.layout]

    def forward(self, standard: Float[Tensor, "batch inputs"]) -> Float[Tensor, "batch outputs"]:
        out: Tensor = self.body(standard)  # [batch 3*outputs]
        return out

    def standardised(
        self, pixels: Float[Tensor, "batch joints 2"], seen: Bool[Tensor, "batch joints"]
    ) -> Float[Tensor, "batch inputs"]:
        """What `forward` reads; a keypoint that was not seen becomes its mean, 0."""
        standard = (pixels - self.pixel_mean) / self.pixel_std
        return torch.where(seen[..., None], standard, 0.0).flatten(1)

    def targets(
        self, joints: Float[Tensor, "batch joints 3"]
    ) -> Float[Tensor, "batch joints_but_root 3"]:
        """What `forward` should give for root-relative joints in metres, as three axes per joint."""
        return (joints[:, 1:] * 1000 - self.joint_mean) / self.joint_std

    def joints(
        self, pixels: Float[Tensor, "batch joints 2"], seen: Bool[Tensor, "batch joints"]
    ) -> Float[Tensor, "batch outputs 3"]:
        """Root-relative joints in the camera frame, in metres; the first is the root, at 0."""
        standard = self(self.standardised(pixels, seen)).float().unflatten(-1, (-1, 3))
        return self.in_metres(standard)

    def in_metres(
        self, standard: Float[Tensor, "batch joints_but_root 3"]
    ) -> Float[Tensor, "batch outputs 3"]:
        """Root-relative joints in metres from what `forward` gave: the inverse of `targets`."""
        joints = (standard * self.joint_std + self.joint_mean) / 1000
        return torch.cat([torch.zeros_like(joints[:, :1]), joints], 1)


def network_keypoints(
    pose: Pose2D, inputs: Skeleton
) -> tuple[Float[Tensor, "frames joints 2"], Float[Tensor, "frames joints"]]:
    """Keypoints of any layout as the network reads them, and their confidence (0 where missing).

    A joint of the trunk or head that is not given is made from limbs and face by the rules of
    `lift3d.skeletons`.
    """
    given = pose.to(inputs)
    names = tuple(joint for joint in pose.skeleton.joints if joint not in _MADE)
    kept = [pose.skeleton.index(joint) for joint in names]
    limbs = pose.skeleton.subset(f"{pose.skeleton.name}_detected", names)
    detected = Pose2D(pose.keypoints[:, kept], pose.confidence[:, kept], limbs, None).to(inputs)
    keypoints = torch.where(given.seen[..., None], given.keypoints, detected.keypoints)
    confidence = torch.where(given.seen, given.confidence, detected.confidence)
    return keypoints.nan_to_num(), confidence


class MartinezLifter(Pretrained):
    """Lifts each frame on its own to sixteen joints (seventeen with `h36m_17`) in the camera frame.

    `weights` is a file that `save_martinez` or `lift3d train` wrote; without it, the weights in the
    package. Frames with fewer than six keypoints come back as NaN and not observed.
    """

    pretrained = "martinez"

    def __init__(self, weights: str | PathLike[str] | None = None) -> None:
        packaged = Path(str(files("lift3d.lifting"))) / "weights" / "martinez.safetensors"
        self.network = load_martinez(weights if weights is not None else packaged)

    @property
    def skeleton(self) -> Skeleton:
        return self.network.layout.outputs

    def _save_weights(self, path: Path) -> None:
        save_martinez(self.network, path)

    def __call__(self, keypoints: Motion[Pose2D], camera: Camera) -> Motion[Pose3D]:
        """Joints in metres in the frame of `camera`, for keypoints of any layout in pixels."""
        pose = keypoints.pose
        pixels, confidence = network_keypoints(pose, self.network.layout.inputs)
        rays = camera.rays(pixels.to(camera.intrinsics.dtype)).float()
        parts = zip(torch.split(rays, _CHUNK), torch.split(confidence.float(), _CHUNK), strict=True)
        joints = torch.cat([self._lift(*part) for part in parts]).to(pose.keypoints.dtype)
        observed = joints.isfinite().all(-1).all(-1)
        covariance = self.network.covariance.to(joints.dtype).expand(len(joints), -1, -1, -1)
        covariance = torch.where(observed[:, None, None, None], covariance, torch.nan)
        lifted = Pose3D(joints, covariance, self.skeleton, "camera")
        return Motion(lifted, keypoints.fps, keypoints.person, observed, keypoints.first_frame)

    @torch.inference_mode()
    def _lift(self, rays: Tensor, confidence: Tensor) -> Tensor:
        seen = (confidence >= _MIN_CONFIDENCE) & (rays[..., 2] > 0.05)
        slopes = rays[..., :2] / rays[..., 2:].clamp(min=0.05)
        joints = self.network.joints(slopes * FOCAL + (SIZE - 1) / 2, seen)
        layout = self.network.layout
        shared = [layout.outputs.index(joint) for joint in layout.inputs.joints]
        root = root_from_rays(joints[:, shared], rays, confidence * seen)
        lifted = (seen.sum(-1) >= _MIN_KEYPOINTS) & (root[:, 2] > 0)
        return torch.where(lifted[:, None, None], joints + root[:, None], torch.nan)


def save_martinez(network: MartinezNet, path: str | PathLike[str]) -> None:
    """Write a network with its shape; the weight matrices in half precision."""
    tensors = {
        key: value.half() if key.startswith("body.") and value.ndim == 2 else value
        for key, value in network.state_dict().items()
    }
    save_network(path, _FORMAT, asdict(network.config), tensors)


def load_martinez(path: str | PathLike[str]) -> MartinezNet:
    """A network ready to predict; `FileFormatError` where the file is not of `save_martinez`."""
    advice = "train them with 'lift3d train --lifter martinez'"
    return load_network(path, _FORMAT, lambda c: MartinezNet(MartinezConfig(**c)), advice)
