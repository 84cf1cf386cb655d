"""Keypoints of any layout to a body in SMPL's vocabulary, in one pass and refined.

    lifter -> joints and covariances -> posture network -> rotations, betas, root -> a few steps of
    Gauss-Newton on the viewing rays and on what the network is sure of

A lifter gives joints in space; the network reads rotations and shape out of them (`posture_net`); the
root follows from the rays; betas are one for a clip, each frame counting by its certainty. The steps
that follow (`refinement`) see the keypoints, the joints with their covariances and the network's own
spreads. Frames in which the network does not trust itself are fitted from the joints alone. The
weights are ours, see `weights/posture.md`.
"""

from dataclasses import dataclass
from importlib.resources import files
from os import PathLike
from pathlib import Path
from typing import Final

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lift3d.body import Articulation, BodyParams
from lift3d.camera import Camera
from lift3d.errors import InputError
from lift3d.estimate import BodyEstimate
from lift3d.fitting.points import place_points, point_table
from lift3d.geometry.rays import root_from_rays, virtual_from_camera
from lift3d.lifting.pretrained import Pretrained
from lift3d.lifting.temporal import TemporalLifter, TemporalOptions
from lift3d.lifting.vocabulary import HIPS, VOCABULARY, known_keypoints
from lift3d.motion import Motion
from lift3d.plugins import body_models
from lift3d.pose import Pose2D, Pose3D
from lift3d.protocols import BodyModel, Lifter
from lift3d.regressing.posture_net import (
    Posture,
    PostureNet,
    SeenPerson,
    load_posture,
    save_posture,
)
from lift3d.regressing.refinement import RefineOptions, refine
from lift3d.skeleton import Skeleton
from lift3d.skeletons import SMPL_24

__all__ = ["RegressorOptions", "SmplRegressor"]

_CHUNK: Final = 2048
_UNKNOWN_STD: Final = 0.03
"""Metres: of joints whose uncertainty nobody estimated."""
_FEWEST: Final = 6
"""Keypoints that place the root; with fewer it stays where the lifter put it."""


@dataclass(frozen=True, slots=True)
class RegressorOptions:
    """How the network is used. Without `refine` its first answer is given, as `lift3d.lift` wants it."""

    min_confidence: float = 0.2
    """Keypoints below count as missing."""
    refine: RefineOptions | None = None
    """How the answer is refined inside the call."""


class SmplRegressor(Pretrained):
    """Reads the body parameters of one person's clip from keypoints.

    `lifter` must give the points of `lift3d.lifting.vocabulary`; without it the temporal one does.
    `body` has SMPL's joints by name (SMPL, SMPL-H, SMPL-X, the default body); other joints stay at
    rest. The network knows the default body's betas: those of any other body are told by its bones
    while refining, and are 0 without. `weights` is a file that `lift3d train regressor` wrote. Raises
    `InputError` for a body without SMPL's joints.
    """

    pretrained = "smpl"

    def __init__(
        self,
        body: BodyModel | None = None,
        lifter: Lifter | None = None,
        weights: str | PathLike[str] | None = None,
        options: RegressorOptions | None = None,
    ) -> None:
        body = body if body is not None else body_models["default"]()
        self.articulation: Articulation = body.articulation
        self.knows_shape = body.name == "default"
        self.options = options or RegressorOptions()
        self.lifter = lifter
        self.network: PostureNet = load_posture(weights or _packaged())
        _expect_smpl(self.articulation.skeleton)

    @property
    def needs(self) -> Skeleton:
        return VOCABULARY

    def _save_weights(self, path: Path) -> None:
        save_posture(self.network, path)

    @torch.inference_mode()
    def __call__(
        self,
        keypoints: Motion[Pose2D],
        camera: Camera,
        joints: Motion[Pose3D] | None = None,
    ) -> BodyEstimate:
        """The body in the frame of `camera`; `joints` are the lifted points where they are known.

        Raises `InputError` where nobody was seen, and for joints of another layout than it needs.
        """
        joints = joints if joints is not None else self._lifted(keypoints, camera)
        estimate = self.read(keypoints, camera, joints)
        if self.options.refine is None:
            return estimate
        return refine(estimate, self.articulation, keypoints, camera, self.options.refine)

    def read(
        self, keypoints: Motion[Pose2D], camera: Camera, joints: Motion[Pose3D]
    ) -> BodyEstimate:
        """What the network says, not refined."""
        if joints.pose.skeleton != VOCABULARY:
            raise InputError(
                f"expected joints of '{VOCABULARY.name}', got '{joints.pose.skeleton.name}': ask the "
                "lifter for that skeleton"
            )
        shown = joints.shown
        if not bool(shown.any()):
            raise InputError("expected a person in at least one frame, got none: check confidences")
        rows = torch.nonzero(shown)[:, 0]
        person, rays, confidence = self._seen(keypoints.pose, camera, joints, rows)
        said = self._posture(person)
        betas, betas_std = _one_shape(said)
        if not self.knows_shape:
            betas = betas.new_zeros(self.articulation.joints_shapedirs.shape[-1])
            betas_std = torch.full_like(betas, torch.nan)
        rotmats, turn_std = self._on_body(said)
        transl = self._root(rotmats, betas, person, rays, confidence)
        params = BodyParams.from_rotations(rotmats, betas[None], transl, "rotmat")
        return _spread_out(joints, rows, params, turn_std, betas_std, said.error)

    def _lifted(self, keypoints: Motion[Pose2D], camera: Camera) -> Motion[Pose3D]:
        if self.lifter is None:
            self.lifter = TemporalLifter(options=TemporalOptions(skeleton=VOCABULARY))
        return self.lifter(keypoints, camera)

    def _seen(
        self, pose: Pose2D, camera: Camera, joints: Motion[Pose3D], rows: Tensor
    ) -> tuple[SeenPerson, Float[Tensor, "frames 40 3"], Float[Tensor, "frames 40"]]:
        places = joints.pose.require_frame("camera").joints[rows].float()
        covariance = joints.pose.covariance[rows].float()
        usual = torch.eye(3) * _UNKNOWN_STD**2
        covariance = torch.where(covariance.isfinite(), covariance, usual)
        root = places[:, list(HIPS)].mean(1)
        pixels, confidence = known_keypoints(pose)
        confidence = confidence[rows].float()
        confidence = confidence * (confidence >= self.options.min_confidence)
        rays = camera.rays(pixels[rows].to(camera.intrinsics.dtype)).float()
        person = SeenPerson(
            places - root[:, None], covariance, confidence > 0, root, virtual_from_camera(root)
        )
        return person, rays, confidence

    def _posture(self, person: SeenPerson) -> Posture:
        features, frame = person.features, person.frame
        parts = [
            self.network.posture(self.network(features[at : at + _CHUNK]), frame[at : at + _CHUNK])
            for at in range(0, len(features), _CHUNK)
        ]
        columns = ([getattr(part, name) for part in parts] for name in Posture.__slots__)
        return Posture(*(torch.cat(column) for column in columns))

    def _on_body(self, said: Posture) -> tuple[Tensor, Float[Tensor, "frames rotations"]]:
        """Rotations and their spreads for the body's joints, by name; others stay at rest."""
        names = self.articulation.skeleton.joints
        rest = torch.eye(3).repeat(len(said.rotmats), len(names), 1, 1)
        std = torch.full(rest.shape[:2], float(said.turn_std.median()))
        for index, name in enumerate(SMPL_24.joints):
            if name in names:
                rest[:, names.index(name)] = said.rotmats[:, index]
                std[:, names.index(name)] = said.turn_std[:, index]
        return rest, std

    def _root(
        self,
        rotmats: Tensor,
        betas: Float[Tensor, " betas"],
        person: SeenPerson,
        rays: Float[Tensor, "frames 40 3"],
        confidence: Float[Tensor, "frames 40"],
    ) -> Float[Tensor, "frames 3"]:
        """The translation that brings the body's points onto the rays of their keypoints."""
        table = point_table(self.articulation, torch.float32)
        still = torch.zeros(len(rotmats), 3)
        places = place_points(table, rotmats, still, betas).places
        named = [name in table.names for name in VOCABULARY.joints]
        index = [table.names.index(n) if n in table.names else 0 for n in VOCABULARY.joints]
        ours, weights = places[:, index], confidence * torch.tensor(named)
        lifted = person.root - ours[:, list(HIPS)].mean(1)
        found = root_from_rays(ours, rays, weights)
        good = ((weights > 0).sum(1) >= _FEWEST) & ((found + ours[:, HIPS[0]])[:, 2] > 0)
        good &= found.isfinite().all(-1)
        return torch.where(good[:, None], found, lifted)


def _expect_smpl(skeleton: Skeleton) -> None:
    names = skeleton.joints
    missing = [name for name in SMPL_24.joints if name not in names and "hand" not in name]
    if missing:
        raise InputError(
            f"expected a body with SMPL's joints, got one without {', '.join(missing[:3])}: "
            "fit this body to the joints instead"
        )


def _packaged() -> Path:
    return Path(str(files("lift3d.regressing"))) / "weights" / "posture.safetensors"


def _one_shape(said: Posture) -> tuple[Float[Tensor, " betas"], Float[Tensor, " betas"]]:
    """The betas of all frames, each by its certainty; frames err alike, so many are little surer."""
    weight = said.betas_std**-2
    share = weight / weight.sum(0)
    return (said.betas * share).sum(0), (said.betas_std * share).sum(0)


def _spread_out(
    joints: Motion[Pose3D],
    rows: Tensor,
    params: BodyParams,
    turn_std: Float[Tensor, "rows rotations"],
    betas_std: Float[Tensor, " betas"],
    error: Float[Tensor, " rows"],
) -> BodyEstimate:
    """All frames of the clip, NaN where there is nobody."""
    frames, like = len(joints), joints.pose.joints

    def spread(values: Tensor) -> Tensor:
        out = like.new_full((frames, *values.shape[1:]), torch.nan)
        out[rows] = values.to(like)
        return out

    whole = BodyParams(
        params.betas.to(like),
        spread(params.body_pose),
        spread(params.global_orient),
        spread(params.transl),
    )
    none: Bool[Tensor, " frames"] = torch.zeros(frames, dtype=torch.bool)
    return BodyEstimate(
        whole, joints, spread(turn_std), betas_std, spread(error), joints.shown, none
    )
