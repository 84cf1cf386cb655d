"""Clips to joints that hang on a body, and whose frames are tied together.

    temporal lifter -> body regressor -> a body fitted to the clip, with the person's own points
    -> half way between these points and the lifter's -> ties (`lift3d.lifting.ties`)

What one frame cannot tell, how long a forearm is say, all frames of a clip tell together. The body
knows what people look like and how far joints turn: one shape, and one place on its bones for each
point (`personal`). The ties know nothing but lengths and time, and the keypoints' rays. Nothing is
learned here but what the regressor was taught.
"""

from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import Any, Final

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.camera import Camera
from lift3d.errors import InputError
from lift3d.fitting import FitOptions
from lift3d.fitting.clips import smooth_state
from lift3d.fitting.problem import FitState, Near
from lift3d.geometry.rotations import rotmat_from_axis_angle
from lift3d.geometry.smoothing import smooth_gaussian
from lift3d.lifting.pretrained import LIFTER, WEIGHTS, Pretrained
from lift3d.lifting.seen import in_camera
from lift3d.lifting.sights import Sights, sights_of
from lift3d.lifting.temporal import TemporalLifter, TemporalOptions
from lift3d.lifting.ties import TieOptions, tied
from lift3d.lifting.vocabulary import VOCABULARY
from lift3d.motion import Motion
from lift3d.plugins import body_models
from lift3d.pose import Pose2D, Pose3D
from lift3d.protocols import BodyModel, Lifter
from lift3d.regressing.personal import PersonalBody
from lift3d.regressing.places import usual_places
from lift3d.regressing.posture_net import save_posture
from lift3d.regressing.refinement import refine
from lift3d.regressing.smpl import SmplRegressor
from lift3d.skeleton import Skeleton
from lift3d.skeletons import LIFT_23

__all__ = ["ArticulatedLifter", "ArticulatedOptions"]

_CHUNK: Final = 512
"""Frames solved at once; of longer clips half as many, spread over them, tell shape and places."""
_LEAST_FRAMES: Final = 8
"""Fewer frames do not tell where points lie on bones."""
_STD: Final = (0.008, 0.03)
"""Least and most that keypoints are taken to be off (metres at the person)."""
_MEDIAN: Final = 1.177
"""Median length of a vector of two standard normal numbers (Rayleigh)."""
_TREMBLING: Final = 0.010
"""Metres that keypoints are off where a clip is smoothed by a thirtieth of a second; where they are off
by the least that is believed, half as much."""
_CALM: Final = (0.02, 0.8 / 30)
"""Joints of keypoints that are so far off (metres at the person) are smoothed by so much (seconds)."""


@dataclass(frozen=True, slots=True)
class ArticulatedOptions:
    """How a body is laid on a clip."""

    rounds: int = 2
    """How often places on bones and the poses are told from each other."""
    inflation: float = 32.0
    """How much less lifted points count than their covariances say, since they err together."""
    fit: FitOptions = field(
        default_factory=lambda: FitOptions(iterations=3, prior_weight=0.5, beta_std=4.0)
    )
    """Each round's steps."""
    usual: float = 0.3
    """How much of where points usually lie is in where they are taken to lie."""
    loose: float = 3.0
    """What multiplies the regressor's spreads."""
    ties: TieOptions = field(default_factory=TieOptions)
    """What ties the frames of the clip together."""
    skeleton: Skeleton = LIFT_23
    """The layout of the joints that come out."""


class ArticulatedLifter(Pretrained):
    """Lifts whole clips of one person, bones of one length, to joints in the camera frame.

    Gaps, frames without answer, what is observed and covariances are the temporal lifter's. Clips of
    less than 8 frames are left as they were lifted. `weights` are the regressor's.
    """

    pretrained = "articulated"

    def __init__(
        self,
        lifter: Lifter | None = None,
        weights: str | PathLike[str] | None = None,
        options: ArticulatedOptions | None = None,
    ) -> None:
        self.options = options or ArticulatedOptions()
        self.lifter = lifter or TemporalLifter(options=TemporalOptions(skeleton=VOCABULARY))
        self.body: BodyModel = body_models["default"]()
        self.regressor = SmplRegressor(self.body, self.lifter, weights)
        self.personal = PersonalBody(self.body.articulation)

    @property
    def skeleton(self) -> Skeleton:
        return self.options.skeleton

    @classmethod
    def _from_folder(cls, folder: Path, **options: Any) -> "ArticulatedLifter":
        inner = TemporalLifter.from_pretrained(folder / LIFTER).giving(VOCABULARY)
        return cls(inner, folder / WEIGHTS, **options)

    def save_pretrained(self, folder: str | PathLike[str]) -> Path:
        """As others do, with the lifter that it stands on in the folder `lifter`."""
        place = super().save_pretrained(folder)
        if not isinstance(self.lifter, TemporalLifter):
            raise InputError(
                f"expected a {TemporalLifter.__name__} below, got a {type(self.lifter).__name__}: "
                "save it by itself"
            )
        self.lifter.save_pretrained(place / LIFTER)
        return place

    def _save_weights(self, path: Path) -> None:
        save_posture(self.regressor.network, path)

    def giving(self, skeleton: Skeleton) -> "ArticulatedLifter":
        """The same lifter, whose joints come out in another layout."""
        options = replace(self.options, skeleton=skeleton)
        other = ArticulatedLifter.__new__(ArticulatedLifter)
        other.__dict__.update(self.__dict__, options=options)
        return other

    @torch.inference_mode()
    def __call__(self, keypoints: Motion[Pose2D], camera: Camera) -> Motion[Pose3D]:
        """Joints in metres in the frame of `camera`, for keypoints of any layout in pixels."""
        lifted = self.lifter(keypoints, camera)
        joints = lifted.pose.joints.float().clone()
        rows = torch.nonzero(lifted.shown)[:, 0]
        if len(rows) >= _LEAST_FRAMES:
            clip, start = self._clip(keypoints, camera, lifted, rows)
            joints[rows] = self._tied(clip.sights, clip.hung(start), rows, lifted.fps)
        pose = in_camera(
            joints,
            lifted.pose.covariance.float(),
            self.options.skeleton,
            lifted.pose.joints.dtype,
        )
        return replace(lifted, pose=pose)

    def _tied(
        self, sights: Sights, hung: Float[Tensor, "rows 40 3"], rows: Tensor, fps: float
    ) -> Float[Tensor, "rows 40 3"]:
        """Half way between network and body, tied together; smoothed where keypoints tremble."""
        between = replace(sights, joints=(sights.joints + hung) / 2)
        told = tied(between, rows, fps, self.options.ties)
        first, last = int(rows[0]), int(rows[-1])
        joints = torch.zeros(last - first + 1, *told.joints.shape[1:])
        known = torch.zeros(len(joints), 1, 1)
        joints[rows - first], known[rows - first] = told.joints, 1.0
        off, seconds = _CALM
        sigma = seconds * fps * min(1.0, told.std / off)
        return smooth_gaussian(joints, known, sigma)[rows - first]

    @torch.inference_mode()
    def places(self, keypoints: Motion[Pose2D], camera: Camera) -> Float[Tensor, "40 3"] | None:
        """Where on its bone each point of the person lies (metres); None for clips too short to tell."""
        lifted = self.lifter(keypoints, camera)
        rows = torch.nonzero(lifted.shown)[:, 0]
        if len(rows) < _LEAST_FRAMES:
            return None
        clip, start = self._clip(keypoints, camera, lifted, rows)
        return clip.told(start)[1]

    def _clip(
        self, keypoints: Motion[Pose2D], camera: Camera, lifted: Motion[Pose3D], rows: Tensor
    ) -> "tuple[_Clip, FitState]":
        """The frames in which there is somebody, and the refined body to start from."""
        estimate = self.regressor.read(keypoints, camera, lifted)
        params = refine(estimate, self.body.articulation, keypoints, camera).params[rows]
        clip = _Clip(
            self.personal,
            self.options,
            sights_of(keypoints, camera, lifted, rows),
            rotmat_from_axis_angle(estimate.params.axis_angle[rows].float()),
            estimate.turn_std[rows].float() * self.options.loose,
            lifted.fps,
        )
        turns = rotmat_from_axis_angle(params.axis_angle.float())
        return clip, FitState(turns, params.transl.float(), params.betas.float())


@dataclass(frozen=True, slots=True)
class _Clip:
    """The frames of a person in which there is somebody, and what is known of them."""

    personal: PersonalBody
    options: ArticulatedOptions
    sights: Sights
    guess: Float[Tensor, "frames 24 3 3"]
    belief: Float[Tensor, "frames 24"]
    fps: float

    def hung(self, state: FitState) -> Float[Tensor, "frames 40 3"]:
        """The person's own points, moved by the body that fits them best."""
        told, places, std = self.told(state)
        frames = len(state.transl)
        if len(told.transl) < frames:
            state = replace(state, betas=told.betas)
            parts = [
                self._laid(state[rows], places, rows, std, fixed=True)
                for rows in torch.split(torch.arange(frames), _CHUNK)
            ]
            told = FitState(
                torch.cat([part.rotmats for part in parts]),
                torch.cat([part.transl for part in parts]),
                told.betas,
            )
        return self.personal.points(self._calmed(told, std), places)

    def told(self, state: FitState) -> tuple[FitState, Float[Tensor, "40 3"], float]:
        """Poses of all frames, or of some of a long clip; places on bones; how far keypoints are off."""
        frames = len(state.transl)
        some = torch.arange(frames)
        if frames > _CHUNK:
            some = torch.linspace(0, frames - 1, _CHUNK // 2).round().long()
        told = state[some]
        places = self.personal.places_on(told, self.sights.joints[some])
        std = self._std(told, places, some)
        for _ in range(self.options.rounds):
            told = self._laid(told, self._likely(places), some, std, fixed=False)
            places = self.personal.places_on(told, self.sights.joints[some])
        return told, self._likely(places), std

    def _likely(self, places: Float[Tensor, "40 3"]) -> Float[Tensor, "40 3"]:
        """Places that a clip tells, which one of little movement tells badly, and the usual ones."""
        return (
            torch.lerp(places, usual_places(), self.options.usual) if self.options.usual else places
        )

    def _laid(
        self, state: FitState, places: Tensor, rows: Tensor, std: float, *, fixed: bool
    ) -> FitState:
        near = Near(FitState(self.guess[rows], state.transl, state.betas), self.belief[rows])
        options = replace(self.options.fit, fit_betas=not fixed)
        return self.personal.laid_on(
            self.sights[rows],
            places,
            near,
            state,
            options,
            std=std,
            inflation=self.options.inflation,
        )

    def _std(self, state: FitState, places: Tensor, rows: Tensor) -> float:
        """How far keypoints are off (metres at the person), told by how badly the body covers them."""
        points, seen = self.personal.points(state, places), self.sights[rows]
        off = (points[..., :2] / points[..., 2:] - seen.slopes) * points[..., 2:]
        off = torch.linalg.vector_norm(off, dim=-1)[seen.sure > 0]
        least, most = _STD
        return min(most, max(least, float(off.median()) / _MEDIAN)) if len(off) else most

    def _calmed(self, state: FitState, std: float) -> FitState:
        """Smoothed by half a thirtieth of a second, and by all of it where keypoints tremble."""
        share = min(1.0, (std - _STD[0]) / (_TREMBLING - _STD[0]))
        sigma = (1 + share) / 2 * self.fps / 30
        known = torch.ones(len(state.transl), dtype=torch.bool)
        return smooth_state(state, known, sigma)
