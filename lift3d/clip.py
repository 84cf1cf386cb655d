"""The result of lifting: everybody seen by one camera over one time axis."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.body import BodyParams
from lift3d.camera import Camera
from lift3d.conventions import WORLD_FROM_CAMERA
from lift3d.errors import InputError
from lift3d.motion import Motion
from lift3d.notebook import html_of
from lift3d.pose import Pose2D, Pose3D

__all__ = ["Clip", "Person"]


@dataclass(frozen=True, slots=True)
class Person:
    """One person's way from keypoints to a body; all parts have the same frames.

    `joints` are in the camera frame. `body` (camera frame as well: its `global_orient` holds the
    half turn from y up to y down) is None where only joints were asked for.
    """

    keypoints: Motion[Pose2D]
    joints: Motion[Pose3D]
    body: BodyParams | None

    def __post_init__(self) -> None:
        if len(self.keypoints) != len(self.joints) or self.keypoints.person != self.joints.person:
            raise InputError(
                f"expected keypoints and joints of the same person and frames, got persons "
                f"{self.keypoints.person} and {self.joints.person} over {len(self.keypoints)} and "
                f"{len(self.joints)} frames: cut both to the same frames"
            )

    @property
    def id(self) -> int:
        """The person's id in the keypoint file."""
        return self.joints.person


@dataclass(frozen=True, slots=True)
class Clip:
    """People over the same frames, the camera that saw them, and the body model they are fitted with.

    `body_model` is a name in `lift3d.body_models`; empty where no body was fitted. The camera's
    `cam_from_world` says how it is tilted, so that files in a y-up world can stand upright; where it
    is the identity nobody knows, and the camera is taken as level. `note` says in words what was found
    or assumed on the way; files do not keep it.
    """

    people: tuple[Person, ...]
    camera: Camera
    fps: float
    first_frame: int
    body_model: str
    note: str = ""

    def __len__(self) -> int:
        return len(self.people[0].joints) if self.people else 0

    @property
    def world_from_camera(self) -> Float[Tensor, "3 3"]:
        """The rotation from the camera's axes to a y-up world's."""
        turn = self.camera.cam_from_world[:3, :3].double()
        if torch.equal(turn, torch.eye(3, dtype=torch.float64)):
            return WORLD_FROM_CAMERA.clone()
        return turn.transpose(0, 1)

    def _repr_html_(self) -> str | None:
        """The value as a page, for notebooks."""
        return html_of(self)
