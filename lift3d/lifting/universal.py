"""One frame of any keypoint layout to joints: a residual network on viewing rays.

The network is that of Martinez, Hossain, Romero and Little, "A simple yet effective baseline for 3d
human pose estimation", ICCV 2017, arXiv:1705.03098: linear layers with batch normalisation, ReLU,
dropout and residual links. Written from the paper; the weights are ours, see `weights/universal.md`.

What differs: the input is not pixels but viewing rays, turned so that the person is straight ahead
and scaled to one size (what a shifted, cropped or turned camera changes is undone exactly);
missing keypoints are a mask, never a guess; each joint has a covariance; the place of the person is
not learned but computed from the rays.
"""

from dataclasses import asdict, dataclass
from importlib.resources import files
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from lift3d.camera import Camera
from lift3d.errors import MissingDependencyError
from lift3d.geometry.rays import root_from_rays, virtual_from_camera
from lift3d.lifting.weights_file import load_network, save_network
from lift3d.motion import Motion
from lift3d.pose import Pose2D, Pose3D
from lift3d.skeleton import Skeleton
from lift3d.skeletons import LIFT_23

if TYPE_CHECKING:
    from lift3d.lifting.onnx_export import OnnxNetwork

__all__ = [
    "INPUT_JOINTS",
    "Runtime",
    "UniversalConfig",
    "UniversalLifter",
    "UniversalNet",
    "UniversalOptions",
    "View",
    "load_weights",
    "mirrored_joints",
    "predict",
    "save_weights",
]

INPUT_JOINTS: Final = tuple(
    i for i, j in enumerate(LIFT_23.joints) if j not in ("pelvis", "spine", "thorax", "head")
)
"""Joints of `LIFT_23` that detectors give, in its order: limbs, nose, ears, big toes and heels."""

Runtime = Literal["auto", "torch", "onnx"]
"""What runs a network."""

_INPUTS: Final = len(INPUT_JOINTS)
_HIPS: Final = [INPUT_JOINTS.index(LIFT_23.index(f"{side}_hip")) for side in ("left", "right")]
_FLIP_OUTPUT: Final = list(LIFT_23.flip_permutation)
_FLIP_INPUT: Final = [INPUT_JOINTS.index(_FLIP_OUTPUT[joint]) for joint in INPUT_JOINTS]
_FORMAT: Final = "lift3d universal 1"
_CHUNK: Final = 512
"""Frames per pass: activations of that many stay in a processor's cache."""


@dataclass(frozen=True, slots=True)
class UniversalConfig:
    """The shape of the network; stored with its weights."""

    width: int = 512
    """Neurons per hidden layer."""
    blocks: int = 2
    """Residual blocks of two layers each."""
    dropout: float = 0.05
    """Share of hidden activations dropped while training."""


class Block(nn.Module):
    """Two layers and a residual link (figure 1 of the paper)."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.layers = nn.Sequential(*_layer(width, width, dropout), *_layer(width, width, dropout))

    def forward(self, x: Tensor) -> Tensor:
        residual: Tensor = self.layers(x)  # [batch width]
        return x + residual


def _layer(inputs: int, width: int, dropout: float) -> list[nn.Module]:
    norm = nn.BatchNorm1d(width)
    return [nn.Linear(inputs, width, bias=False), norm, nn.ReLU(), nn.Dropout(dropout)]


class UniversalNet(nn.Module):
    """Features of a `View` to root-relative joints (metres) in the virtual camera.

    `covariance[0]` holds each joint's error covariance on validation data where its keypoint was
    seen (or cannot be), `covariance[1]` where it was missing.
    """

    covariance: Tensor

    def __init__(self, config: UniversalConfig) -> None:
        super().__init__()
        self.config = config
        first = _layer(3 * _INPUTS + 1, config.width, config.dropout)
        blocks = [Block(config.width, config.dropout) for _ in range(config.blocks)]
        self.body = nn.Sequential(*first, *blocks)
        self.head = nn.Linear(config.width, 3 * len(LIFT_23))
        nn.init.normal_(self.head.weight, std=0.1 / config.width**0.5)  # start at a small body
        self.register_buffer("covariance", torch.eye(3).repeat(2, len(LIFT_23), 1, 1) * 0.01)

    def forward(self, features: Float[Tensor, "batch inputs"]) -> Float[Tensor, "batch 23 3"]:
        hidden = self.body(features)  # [batch width]
        joints: Tensor = self.head(hidden).float().unflatten(-1, (-1, 3))  # [batch 23 3]
        return joints - joints[:, :1]


@dataclass(frozen=True, slots=True)
class View:
    """Keypoints as a camera sees them that looks straight at the person.

    `points` are x / z, y / z in that virtual camera, of joints `INPUT_JOINTS`, 0 where not seen;
    `virtual` is virtual_from_camera.
    """

    points: Float[Tensor, "batch inputs 2"]
    seen: Bool[Tensor, "batch inputs"]
    virtual: Float[Tensor, "batch 3 3"]

    @classmethod
    def of(
        cls, rays: Float[Tensor, "batch inputs 3"], seen: Bool[Tensor, "batch inputs"]
    ) -> "View":
        """From unit rays in the camera frame; rays that were not seen may be anything.

        The virtual camera looks along the mean ray of the hips, or of all that is seen where a hip
        is missing.
        """
        rays = torch.where(seen[..., None], rays, torch.zeros_like(rays))
        hips = seen[:, _HIPS].all(-1, keepdim=True)
        axis = torch.where(hips, rays[:, _HIPS].sum(1), rays.sum(1))
        axis = torch.where(seen.any(-1, keepdim=True), axis, axis.new_tensor([0.0, 0.0, 1.0]))
        virtual = virtual_from_camera(axis)
        turned = rays @ virtual.transpose(-1, -2)
        seen = seen & (turned[..., 2] > 0.05)
        points = turned[..., :2] / turned[..., 2:].clamp(min=0.05)
        return cls(torch.where(seen[..., None], points, torch.zeros_like(points)), seen, virtual)

    def mirrored(self) -> "View":
        """The view of the mirrored person: x negated, left and right exchanged."""
        points = self.points[:, _FLIP_INPUT] * self.points.new_tensor([-1.0, 1.0])
        return View(points, self.seen[:, _FLIP_INPUT], self.virtual)

    @property
    def features(self) -> Float[Tensor, "batch features"]:
        """What the network reads: points at mean distance 1, what was seen, and the log scale."""
        count = self.seen.sum(-1).clamp(min=1)
        size = torch.linalg.vector_norm(self.points, dim=-1).sum(-1) / count
        size = size.clamp(min=1e-4)[:, None]
        points = (self.points / size[..., None]).flatten(1)
        return torch.cat([points, self.seen.to(points.dtype), size.log() + 2], -1)


def mirrored_joints(joints: Float[Tensor, "batch 23 3"]) -> Float[Tensor, "batch 23 3"]:
    """Joints of the mirrored person."""
    return joints[:, _FLIP_OUTPUT] * joints.new_tensor([-1.0, 1.0, 1.0])


def predict(network: UniversalNet, view: View, *, flip: bool) -> Float[Tensor, "batch 23 3"]:
    """Root-relative joints in the virtual camera; with `flip` the mean over both mirror images."""
    joints: Tensor = network(view.features)
    if flip:
        joints = (joints + mirrored_joints(network(view.mirrored().features))) / 2
    return joints


@dataclass(frozen=True, slots=True)
class UniversalOptions:
    """How a trained network is used."""

    flip: bool = True
    """Average with the mirrored picture's answer: a little better, twice the time."""
    min_confidence: float = 0.2
    """Keypoints below count as missing."""
    min_keypoints: int = 6
    """A frame with fewer seen keypoints is not lifted."""


class UniversalLifter:
    """Lifts each frame on its own to `LIFT_23` in the camera frame.

    `weights` is a file that `save_weights` or `lift3d train` wrote; without it, the weights in the
    package. Frames with too few keypoints come back as NaN and not observed. The covariance is that
    of the joints against the root, from validation data; the person's distance is less certain than
    that. Nothing is smoothed over time.

    `runtime` runs the network: torch, ONNX Runtime (several times as fast with single frames, little
    faster with whole clips; needs the extra `onnx`, else `MissingDependencyError`), or with "auto" the
    latter where it is installed. ONNX Runtime takes the network and `options.flip` as they are now.
    """

    def __init__(
        self,
        weights: str | PathLike[str] | None = None,
        options: UniversalOptions | None = None,
        *,
        runtime: Runtime = "torch",
    ) -> None:
        packaged = Path(str(files("lift3d.lifting"))) / "weights" / "universal.safetensors"
        self.options = options if options is not None else UniversalOptions()
        self.network = load_weights(weights if weights is not None else packaged)
        self._onnx = _onnx_network(self.network, runtime, flip=self.options.flip)

    @property
    def skeleton(self) -> Skeleton:
        return LIFT_23

    def __call__(self, keypoints: Motion[Pose2D], camera: Camera) -> Motion[Pose3D]:
        """Joints in metres in the frame of `camera`, for keypoints of any layout in pixels."""
        pose = keypoints.pose.to(LIFT_23)
        pixels = pose.keypoints[:, list(INPUT_JOINTS)].nan_to_num().float()
        confidence = pose.confidence[:, list(INPUT_JOINTS)].float()
        seen = confidence >= self.options.min_confidence
        rays = camera.rays(pixels.to(camera.intrinsics.dtype)).float()
        inputs = (torch.split(tensor, _CHUNK) for tensor in (rays, seen, confidence))
        parts = [self._lift(*part) for part in zip(*inputs, strict=True)]
        joints, covariance = (torch.cat(part) for part in zip(*parts, strict=True))
        dtype = pose.keypoints.dtype
        lifted = Pose3D(joints.to(dtype), covariance.to(dtype), LIFT_23, "camera")
        observed = joints.isfinite().all(-1).all(-1)
        return Motion(lifted, keypoints.fps, keypoints.person, observed, keypoints.first_frame)

    def _predict(self, view: View) -> Float[Tensor, "batch 23 3"]:
        if self._onnx is not None:
            return self._onnx(view.points, view.seen)
        return predict(self.network, view, flip=self.options.flip)

    @torch.inference_mode()
    def _lift(self, rays: Tensor, seen: Tensor, confidence: Tensor) -> tuple[Tensor, Tensor]:
        view = View.of(rays, seen)
        joints = self._predict(view)
        straight = torch.cat([view.points, torch.ones_like(view.points[..., :1])], -1)
        weights = confidence * view.seen
        root = root_from_rays(joints[:, list(INPUT_JOINTS)], straight, weights)
        enough = view.seen.sum(-1) >= self.options.min_keypoints
        lifted = enough & (root[:, 2] > 0)
        joints = (joints + root[:, None]) @ view.virtual
        covariance = (
            view.virtual.mT[:, None] @ _covariance(self.network, view) @ view.virtual[:, None]
        )
        joints = torch.where(lifted[:, None, None], joints, torch.nan)
        return joints, torch.where(lifted[:, None, None, None], covariance, torch.nan)


def _onnx_network(network: UniversalNet, runtime: Runtime, *, flip: bool) -> "OnnxNetwork | None":
    """The network for ONNX Runtime, or nothing where torch shall run it."""
    if runtime == "torch":
        return None
    from lift3d.lifting.onnx_export import OnnxNetwork

    try:
        return OnnxNetwork(network, flip=flip)
    except MissingDependencyError:
        if runtime == "auto":
            return None
        raise


def _covariance(network: UniversalNet, view: View) -> Float[Tensor, "batch 23 3 3"]:
    missing = torch.zeros(len(view.seen), len(LIFT_23), dtype=torch.bool)
    missing[:, list(INPUT_JOINTS)] = ~view.seen
    seen_row, missing_row = network.covariance
    return torch.where(missing[..., None, None], missing_row, seen_row)


def save_weights(network: UniversalNet, path: str | PathLike[str]) -> None:
    """Write a network with its shape; matrices in half precision, which costs less than 0.1 mm."""
    tensors = {
        key: value.half() if value.ndim == 2 else value
        for key, value in network.state_dict().items()
    }
    save_network(path, _FORMAT, asdict(network.config), tensors)


def load_weights(path: str | PathLike[str]) -> UniversalNet:
    """A network ready to predict; `FileFormatError` where the file is not one of `save_weights`."""
    advice = "train them with 'lift3d train' or leave the path out"
    return load_network(path, _FORMAT, lambda c: UniversalNet(UniversalConfig(**c)), advice)
