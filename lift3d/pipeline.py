"""The whole journey: a keypoint file in, moving bodies out."""

import math
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Final

import torch
from torch import Tensor

from lift3d.camera import Camera
from lift3d.clip import Clip, Person
from lift3d.errors import InputError
from lift3d.fitting import FitOptions, fit_body, fitted_keypoints
from lift3d.geometry.projection import pixels_from_points
from lift3d.geometry.rigid import rigid_from
from lift3d.io import KeypointFile, read_keypoints
from lift3d.lifting.steady import steady_motion
from lift3d.lifting.upright import upright_world
from lift3d.motion import Motion
from lift3d.plugins import body_models, lifters
from lift3d.pose import Pose2D
from lift3d.protocols import BodyModel, Lifter
from lift3d.skeleton import Skeleton

__all__ = ["LiftOptions", "Reprojection", "lift", "reprojection"]

_HOUR: Final = 3600.0
_UNDONE: Final = 1.0
"""How many pixels off a lens may be undone, in the median."""

Progress = Callable[[str, int, int], None]
"""Called with the name of a stage, the steps done and the steps in all."""


@dataclass(frozen=True, slots=True)
class LiftOptions:
    """How to lift.

    `lifter` and `body_model` are plug-in names (`lift3d list` shows them); an empty `body_model`
    stops after the joints. `max_people` keeps the people who fill most of the clip, 0 keeps all.
    People seen in fewer than `min_seconds` are left out, unless nobody is seen for longer.
    """

    lifter: str = "martinez"
    body_model: str = "default"
    smooth_seconds: float = 0.06
    max_people: int = 0
    min_seconds: float = 0.25
    fit: FitOptions = field(default_factory=FitOptions)

    def __post_init__(self) -> None:
        for name in ("smooth_seconds", "min_seconds"):
            seconds = getattr(self, name)
            if not 0 <= seconds <= _HOUR:
                raise InputError(
                    f"expected {name} from 0 to {_HOUR:g}, an hour, got {seconds}: correct it"
                )
        if self.max_people < 0:
            raise InputError(
                f"expected max_people of 1 or more, or 0 for all, got {self.max_people}: correct it"
            )


def lift(
    source: str | os.PathLike[str] | KeypointFile,
    *,
    skeleton: Skeleton | str | None = None,
    fps: float | None = None,
    image_size: tuple[int, int] | None = None,
    camera: Camera | None = None,
    options: LiftOptions | None = None,
    progress: Progress | None = None,
) -> Clip:
    """Lift everybody in a keypoint file to joints and bodies in the camera frame (metres).

    `skeleton`, `fps` and `image_size` overrule what the file says. Without a `camera` the default
    field of view is assumed (`lift3d.conventions.DEFAULT_FOV`): distances from the camera then scale
    with the true focal length, poses hardly change. A camera whose `cam_from_world` is the identity
    counts as one whose tilt nobody knows; the clip's camera then has the tilt at which people keep
    their balance. Raises `Lift3dError` for bad input.
    """
    options = options or LiftOptions()
    tell = progress or (lambda _stage, _done, _total: None)
    file = (
        source
        if isinstance(source, KeypointFile)
        else read_keypoints(source, skeleton, fps=fps, image_size=image_size)
    )
    people = _worth_lifting(file.people, options)
    camera = camera or Camera.default(_image_size(people))
    _check_camera(camera, people)
    lifter = lifters[options.lifter]()
    model = body_models[options.body_model]() if options.body_model else None
    lifted: list[Person] = []
    frames = len(people[0])
    for number, keypoints in enumerate(people):

        def done(share: float, before: int = number * frames) -> None:
            tell("lifting and fitting", before + round(share * frames), len(people) * frames)

        done(0.0)
        person = _lift_person(keypoints, camera, lifter, model, options, done)
        if person is not None:
            lifted.append(person)
        done(1.0)
    if not lifted:
        raise InputError(
            "expected somebody with at least 6 keypoints in some frame, got nobody: check the "
            "detector's confidences and the skeleton"
        )
    first = lifted[0].joints
    camera = _stood_upright(camera, lifted)
    return Clip(tuple(lifted), camera, first.fps, first.first_frame, options.body_model)


def _check_camera(camera: Camera, people: Iterable[Motion[Pose2D]]) -> None:
    """Pixels must come back from their rays: wrong coefficients fold the picture upon itself."""
    off: list[Tensor] = []
    for person in people:
        pixels = person.pose.keypoints.to(camera.intrinsics.dtype)
        rays = camera.rays(pixels.nan_to_num())
        again = pixels_from_points(rays, camera.intrinsics, camera.distortion, camera.lens)
        off.append((again - pixels).norm(dim=-1)[person.pose.seen])
    typical = float(torch.cat(off).median())
    if not typical <= _UNDONE:
        raise InputError(
            "expected a camera whose lens can be undone at the keypoints, got pixels that come back "
            f"{typical:.1f} pixels away: check focal length, centre, distortion and picture size"
        )


def _stood_upright(camera: Camera, people: Iterable[Person]) -> Camera:
    """The camera with the tilt at which people keep their balance, where its own is not known."""
    unknown = torch.eye(4, dtype=camera.cam_from_world.dtype)
    if not torch.equal(camera.cam_from_world, unknown):
        return camera
    turn = upright_world([person.joints for person in people]).transpose(0, 1)
    return replace(camera, cam_from_world=rigid_from(turn, torch.zeros(3).double()).to(unknown))


def _worth_lifting(
    people: tuple[Motion[Pose2D], ...], options: LiftOptions
) -> tuple[Motion[Pose2D], ...]:
    longest = max(int(person.observed.sum()) for person in people)
    enough = min(longest, max(1, round(options.min_seconds * people[0].fps)))
    kept = tuple(person for person in people if int(person.observed.sum()) >= enough)
    return kept[: options.max_people] if options.max_people > 0 else kept


def _image_size(people: Iterable[Motion[Pose2D]]) -> tuple[int, int]:
    for person in people:
        if person.pose.image_size is not None:
            return person.pose.image_size
    raise InputError("expected a picture size, got none: pass image_size=(height, width)")


def _lift_person(
    keypoints: Motion[Pose2D],
    camera: Camera,
    lifter: Lifter,
    model: BodyModel | None,
    options: LiftOptions,
    progress: Callable[[float], None],
) -> Person | None:
    joints = lifter(keypoints, camera)
    if not bool(joints.observed.any()):
        return None
    joints = steady_motion(joints, options.smooth_seconds)
    body = None
    if model is not None:
        body = fit_body(
            model.articulation,
            joints,
            keypoints,
            camera,
            options.fit,
            smooth_seconds=options.smooth_seconds,
            progress=progress,
        )
    return Person(keypoints, joints, body)


@dataclass(frozen=True, slots=True)
class Reprojection:
    """How well a fitted body covers a person's keypoints.

    `error_px` is the median distance over frames and keypoints, `height_px` the median height of the
    person in the picture, both in pixels; `share` is their ratio.
    """

    error_px: float
    height_px: float

    @property
    def share(self) -> float:
        """Infinite where all keypoints lie on one height."""
        return self.error_px / self.height_px if self.height_px > 0 else math.inf


def reprojection(clip: Clip, person: Person, model: BodyModel) -> Reprojection:
    """Project the fitted body's joints and landmarks and compare them with the keypoints."""
    if person.body is None:
        raise InputError("expected a person with a fitted body, got joints only: lift with a body")
    target = person.keypoints.pose
    _, distance = fitted_keypoints(model.articulation, person.body, target, clip.camera)
    y = target.keypoints[..., 1]
    low = torch.where(target.seen, y, torch.inf).amin(-1)
    high = torch.where(target.seen, y, -torch.inf).amax(-1)
    height = (high - low)[person.keypoints.observed]
    return Reprojection(float(distance.nanmedian()), float(height.median()))
