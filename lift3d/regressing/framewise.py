"""Single frames to joints that hang on a body, each frame by itself.

As `articulated`, but what a clip would tell must be known beforehand: where on its bones each point
usually lies (`weights/places.safetensors`, from training people), and what shapes are likely. Seen
points stay on the rays where the lifter put them; what the body has a say in is how deep they lie.
"""

from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from lift3d.camera import Camera
from lift3d.errors import InputError
from lift3d.estimate import BodyEstimate
from lift3d.fitting import FitOptions
from lift3d.fitting.problem import FitState, Near
from lift3d.geometry.rotations import rotmat_from_axis_angle
from lift3d.lifting.pretrained import LIFTER, WEIGHTS, Pretrained
from lift3d.lifting.seen import in_camera
from lift3d.lifting.sights import Sights, sights_of
from lift3d.lifting.universal import UniversalLifter, UniversalOptions
from lift3d.lifting.vocabulary import VOCABULARY
from lift3d.motion import Motion
from lift3d.plugins import body_models
from lift3d.pose import Pose2D, Pose3D
from lift3d.protocols import Lifter
from lift3d.regressing.personal import PersonalBody, on_rays
from lift3d.regressing.places import usual_places
from lift3d.regressing.posture_net import save_posture
from lift3d.regressing.smpl import SmplRegressor
from lift3d.skeleton import Skeleton
from lift3d.skeletons import LIFT_23

__all__ = ["FramewiseLifter", "FramewiseOptions"]

_CHUNK: Final = 512


@dataclass(frozen=True, slots=True)
class FramewiseOptions:
    """How a body is laid on a frame."""

    std: float = 0.015
    """How far keypoints are taken to be off (metres at the person)."""
    inflation: float = 2.0
    """How much less lifted points count than their covariances say, since they err together."""
    fit: FitOptions = field(
        default_factory=lambda: FitOptions(iterations=4, prior_weight=1.5, one_shape=False)
    )
    """The steps."""
    loose: float = 3.0
    """What multiplies the regressor's spreads."""
    skeleton: Skeleton = LIFT_23
    """The layout of the joints that come out."""


class FramewiseLifter(Pretrained):
    """Lifts each frame on its own to joints of a body, in the camera frame.

    Frames without answer, what is observed and covariances are the inner lifter's, by default the
    universal one. `weights` are the regressor's.
    """

    pretrained = "framewise"

    def __init__(
        self,
        lifter: Lifter | None = None,
        weights: str | PathLike[str] | None = None,
        options: FramewiseOptions | None = None,
    ) -> None:
        self.options = options or FramewiseOptions()
        self.lifter = lifter or UniversalLifter(options=UniversalOptions(skeleton=VOCABULARY))
        body = body_models["default"]()
        self.regressor = SmplRegressor(body, self.lifter, weights)
        self.personal = PersonalBody(body.articulation)
        self.places = usual_places()

    @property
    def skeleton(self) -> Skeleton:
        return self.options.skeleton

    @classmethod
    def _from_folder(cls, folder: Path, **options: Any) -> "FramewiseLifter":
        inner = UniversalLifter.from_pretrained(folder / LIFTER).giving(VOCABULARY)
        return cls(inner, folder / WEIGHTS, **options)

    def save_pretrained(self, folder: str | PathLike[str]) -> Path:
        """As others do, with the lifter that it stands on in the folder `lifter`."""
        place = super().save_pretrained(folder)
        if not isinstance(self.lifter, UniversalLifter):
            raise InputError(
                f"expected a {UniversalLifter.__name__} below, got a {type(self.lifter).__name__}: "
                "save it by itself"
            )
        self.lifter.save_pretrained(place / LIFTER)
        return place

    def _save_weights(self, path: Path) -> None:
        save_posture(self.regressor.network, path)

    @torch.inference_mode()
    def __call__(self, keypoints: Motion[Pose2D], camera: Camera) -> Motion[Pose3D]:
        """Joints in metres in the frame of `camera`, for keypoints of any layout in pixels."""
        lifted = self.lifter(keypoints, camera)
        joints = lifted.pose.joints.float().clone()
        rows = torch.nonzero(lifted.shown)[:, 0]
        if len(rows):
            estimate = self.regressor.read(keypoints, camera, lifted)
            for some in torch.split(rows, _CHUNK):
                sights = sights_of(keypoints, camera, lifted, some)
                points = self.personal.points(self._laid(sights, estimate, some), self.places)
                joints[some] = on_rays(sights.joints, points)
        covariance = lifted.pose.covariance.float()
        skeleton, dtype = self.options.skeleton, lifted.pose.joints.dtype
        return replace(lifted, pose=in_camera(joints, covariance, skeleton, dtype))

    def _laid(self, sights: Sights, estimate: BodyEstimate, rows: Tensor) -> FitState:
        """The body of each frame, from the mean shape on."""
        params, options = estimate.params, self.options
        start = FitState(
            rotmat_from_axis_angle(params.axis_angle[rows].float()),
            params.transl[rows].float(),
            torch.zeros(len(rows), params.betas.shape[-1]),
        )
        near = Near(start, estimate.turn_std[rows].float() * options.loose)
        return self.personal.laid_on(
            sights, self.places, near, start, options.fit,
            std=options.std, inflation=options.inflation,
        )  # fmt: skip
