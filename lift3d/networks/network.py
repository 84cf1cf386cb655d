"""What all keypoint networks have in common: pictures in, named tensors out, and how those are learned.

Pictures are `[batch, 3, height, width]`: red, green and blue from 0 to 1. Keypoints are x (column),
y (row) in pixels of that picture, a whole number being the middle of a pixel, as everywhere in lift3d.
Nothing is downloaded: a network starts from random weights or from a file of `save_network_weights`.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

from jaxtyping import Bool, Float
from torch import Tensor, nn

from lift3d.decoders import People, pose_scores
from lift3d.errors import InputError
from lift3d.losses import Term

__all__ = [
    "KeypointNetwork",
    "NetworkConfig",
    "PersonNetwork",
    "Targets",
    "expect_numbers",
    "expect_pictures",
    "expect_sigma",
    "expect_weights",
]

OutputT = TypeVar("OutputT")


@dataclass(frozen=True, slots=True)
class Targets:
    """The people in each picture, in pixels of the picture that the network gets.

    `visible` says which joints are annotated; the others hold anything, NaN as well. Joints outside the
    picture may count. Networks of single persons want one person in each picture (`of_one`).
    """

    keypoints: Float[Tensor, "batch people joints 2"]
    visible: Bool[Tensor, "batch people joints"]

    def __post_init__(self) -> None:
        if self.keypoints.shape[:-1] != self.visible.shape:
            raise InputError(
                f"expected one visibility for each of the keypoints {list(self.keypoints.shape)}, got "
                f"{list(self.visible.shape)}: leave the last axis out"
            )

    @classmethod
    def of_one(
        cls, keypoints: Float[Tensor, "batch joints 2"], visible: Bool[Tensor, "batch joints"]
    ) -> "Targets":
        """One person in each picture."""
        return cls(keypoints[:, None], visible[:, None])

    def __len__(self) -> int:
        return len(self.keypoints)

    def __getitem__(self, rows: slice) -> "Targets":
        return Targets(self.keypoints[rows], self.visible[rows])

    def person(self, joints: int) -> tuple[Tensor, Tensor]:
        """Keypoints [batch joints 2] and visibility [batch joints] of the one person in each picture."""
        self.expect_joints(joints)
        if self.keypoints.shape[1] != 1:
            raise InputError(
                f"expected one person in each picture, got {self.keypoints.shape[1]}: cut the people "
                "out, or take a network of several people (associative, paf, dekr)"
            )
        return self.keypoints[:, 0], self.visible[:, 0]

    def expect_joints(self, joints: int) -> None:
        """`InputError` where a network has another number of joints."""
        if self.keypoints.shape[2] != joints:
            raise InputError(
                f"expected keypoints of the network's {joints} joints, got {self.keypoints.shape[2]}: "
                "configure the network for this skeleton"
            )


class KeypointNetwork(nn.Module, ABC, Generic[OutputT]):
    """A network that finds people's keypoints; `terms` names its losses, in their order."""

    terms: tuple[str, ...]

    @abstractmethod
    def forward(self, pictures: Float[Tensor, "batch 3 height width"]) -> OutputT: ...

    @abstractmethod
    def losses(self, output: OutputT, targets: Targets) -> dict[str, Term]:
        """Weighted loss terms by name; `InputError` where the targets are not of such a network."""

    @abstractmethod
    def people(self, output: OutputT) -> tuple[People, ...]:
        """Who is in each picture, in its pixels."""


class PersonNetwork(KeypointNetwork[OutputT]):
    """A network for pictures of one person, cut out by a box."""

    @abstractmethod
    def keypoints(self, output: OutputT) -> Float[Tensor, "batch joints 3"]:
        """x, y in pixels of the picture and confidence; a joint that is not there is NaN, NaN, 0."""

    def people(self, output: OutputT) -> tuple[People, ...]:
        """The one person of each picture."""
        found = self.keypoints(output)
        return tuple(
            People(one[None], score[None])
            for one, score in zip(found, pose_scores(found), strict=True)
        )


@runtime_checkable
class NetworkConfig(Protocol):
    """The shape of a network: a frozen dataclass of numbers, so that it can lie beside weights."""

    @property
    def joints(self) -> int: ...

    def build(self) -> KeypointNetwork[Any]:
        """A network of this shape, with random weights."""
        ...


def expect_pictures(pictures: Tensor, multiple: int, size: tuple[int, int] | None = None) -> None:
    """`InputError` for pictures that a network cannot take: sides are a multiple, or of one size."""
    height, width = pictures.shape[-2:]
    if not pictures.is_floating_point():
        raise InputError(
            f"expected pictures as decimal numbers from 0 to 1, got {pictures.dtype}: divide by 255"
        )
    if size is not None and (height, width) != tuple(size):
        raise InputError(
            f"expected pictures of {size[0]} x {size[1]} pixels (height x width), got {height} x "
            f"{width}: resize them, or configure the network for that size"
        )
    if height % multiple or width % multiple or 0 in (height, width):
        raise InputError(
            f"expected pictures whose sides are multiples of {multiple} pixels, got {height} x {width}: "
            "resize or pad them"
        )


def expect_numbers(what: str, least: int, **numbers: int) -> None:
    """`InputError` naming the fields of a configuration that are below `least`."""
    wrong = {name: n for name, n in numbers.items() if isinstance(n, bool) or n < least}
    if wrong:
        named = ", ".join(f"{name} {value}" for name, value in wrong.items())
        raise InputError(f"expected {what} of at least {least}, got {named}: correct the network")


def expect_weights(**weights: float) -> None:
    """`InputError` naming the fields of a configuration that cannot be weights of losses."""
    wrong = {name: weight for name, weight in weights.items() if not 0 <= weight < float("inf")}
    if wrong:
        named = ", ".join(f"{name} {value}" for name, value in wrong.items())
        raise InputError(f"expected weights of 0 or more, got {named}: correct the network")


def expect_sigma(sigma: float) -> None:
    """`InputError` for a width of Gaussians that is none."""
    if not 0 < sigma < float("inf"):
        raise InputError(f"expected a sigma above 0, got {sigma}: 2 heat-map pixels are usual")
