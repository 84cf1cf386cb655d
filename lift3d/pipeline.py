"""The whole journey: a keypoint file in, moving bodies out."""

import inspect
import math
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import torch
from torch import Tensor

from lift3d.body import BodyParams
from lift3d.camera import Camera
from lift3d.clip import Clip, Person
from lift3d.errors import InputError
from lift3d.fitting import ContactOptions, FitOptions, fit, fitted_keypoints
from lift3d.geometry.projection import pixels_from_points
from lift3d.geometry.rigid import rigid_from
from lift3d.geometry.rotations import rotmat_between
from lift3d.io import KeypointFile, read_keypoints
from lift3d.lifting.field_of_view import FieldOfViewChoice, camera_for
from lift3d.lifting.grounded import Grounding, ground_motions
from lift3d.lifting.people import lift_people
from lift3d.lifting.steady import Smoothing, steady_motion
from lift3d.lifting.upright import upright_world
from lift3d.motion import Motion
from lift3d.plugins import body_models, lifters, regressors
from lift3d.pose import Pose2D, Pose3D
from lift3d.protocols import AnyLayoutLifter, BodyModel, Lifter, Regressor
from lift3d.regressing.refinement import RefineOptions, refine
from lift3d.skeleton import Skeleton
from lift3d.skeletons import LIFT_23, SMPL_24

__all__ = [
    "LiftOptions",
    "Prepared",
    "Reprojection",
    "lift",
    "make_body",
    "prepare",
    "reprojection",
]

_HOUR: Final = 3600.0
_SMPL: Final = tuple(joint for joint in SMPL_24.joints if not joint.endswith("hand"))
"""What a body must have to be regressed."""
_UNDONE: Final = 1.0
"""How many pixels off a lens may be undone, in the median."""

Progress = Callable[[str, int, int], None]
"""Called with the name of a stage, the steps done and the steps in all."""


@dataclass(frozen=True, slots=True)
class LiftOptions:
    """How to lift.

    `lifter` and `body_model` are plug-in names (`lift3d list` shows them); an empty `body_model`
    stops after the joints. `weights` is a file of weights that the lifter shall have in place of its
    own, as `lift3d train` writes them. `body_path` is the file or folder of a body that is read from
    one; without it the usual places are searched (`lift3d.io.files.body_files`). `max_people` keeps the
    people who fill most of the clip, 0 keeps all. People seen in fewer than `min_seconds` are left out,
    unless nobody is seen for longer.

    With `grounded` the ground is found where feet stand, standing feet are held there, and sizes are
    made likely (`lift3d.lifting.grounded`); `camera_moves` says whether the camera does, None lets
    feet tell. `height` is that of the person seen longest, in metres, and sets their size and distance.

    `regressor` is the plug-in that reads bodies out of the joints, before a few steps of fitting. Where
    it is empty, for lifters that do not give what it needs, and for bodies without SMPL's joints, bodies
    are fitted from the joints alone, with `fit`'s steps.

    `field_of_view` is for cameras of which nothing is known: the prior (`DEFAULT_FOV`), or an estimate
    from people's perspective (`lift3d.lifting.field_of_view`).
    """

    lifter: str = "articulated"
    weights: str | os.PathLike[str] | None = None
    body_model: str = "default"
    body_path: str | os.PathLike[str] | None = None
    regressor: str = "smpl"
    smooth_seconds: float = 0.06
    smoothing: Smoothing = "gaussian"
    grounded: bool = False
    camera_moves: bool | None = None
    height: float | None = None
    max_people: int = 0
    min_seconds: float = 0.25
    field_of_view: FieldOfViewChoice = "prior"
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
    prepared: "Prepared | None" = None,
) -> Clip:
    """Lift everybody in a keypoint file to joints and bodies in the camera frame (metres).

    `skeleton`, `fps` and `image_size` overrule what the file says. Without a `camera` a field of view
    is assumed or estimated (`LiftOptions.field_of_view`): distances from the camera then scale with
    the true focal length, poses hardly change. A camera whose `cam_from_world` is the identity counts
    as one whose tilt nobody knows; the clip's camera then has the tilt at which people keep their
    balance. The clip's note says what was assumed, found and doubted. For many clips, `prepared`
    networks and bodies are loaded once (`prepare`), and their options count. Raises `Lift3dError` for
    bad input.
    """
    options = prepared.options if prepared is not None else options or LiftOptions()
    tell = progress or (lambda _stage, _done, _total: None)
    file = (
        source
        if isinstance(source, KeypointFile)
        else read_keypoints(source, skeleton, fps=fps, image_size=image_size)
    )
    people = _worth_lifting(file.people, options)
    camera, assumed = _known_or_assumed(camera, people, options)
    _check_camera(camera, people)
    ready = prepared or prepare(options)
    lifter, bodies = ready.lifter, ready.bodies
    people, motions, doubts = lift_people(people, camera, lifter)
    motions, grounding = _in_time(motions, camera, options)
    lifted: list[Person] = []
    frames = len(people[0])
    for number, (keypoints, joints) in enumerate(zip(people, motions, strict=True)):

        def done(share: float, before: int = number * frames) -> None:
            tell("lifting and fitting", before + round(share * frames), len(people) * frames)

        done(0.0)
        contacts = _contacts(grounding, number)
        body = bodies(keypoints, joints, camera, contacts, done) if bodies is not None else None
        lifted.append(Person(keypoints, _for_files(joints), body))
        done(1.0)
    first = lifted[0].joints
    camera = _stood_upright(camera, motions, grounding)
    notes = (assumed, grounding.note if grounding is not None else "", doubts)
    note = "; ".join(part for part in notes if part)
    return Clip(tuple(lifted), camera, first.fps, first.first_frame, options.body_model, note)


def make_body(name: str, path: str | os.PathLike[str] | None = None) -> BodyModel:
    """The body model of that name, read from a file or folder where a path is given.

    Raises `PluginError` for an unknown name, `InputError` for a path to a body that needs none, and what
    the body model itself raises.
    """
    factory = body_models[name]
    if path is None:
        return factory()
    if "path" not in inspect.signature(factory).parameters:
        raise InputError(
            f"expected no path for body model '{name}', which is not read from a file, got '{path}': "
            "leave it out, or name another body model"
        )
    return factory(path)


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


def _stood_upright(
    camera: Camera, motions: Sequence[Motion[Pose3D]], grounding: Grounding | None
) -> Camera:
    """The camera with the tilt at which people keep their balance, where its own is not known.

    Where the ground is known the camera is above it, and the world's origin below the camera.
    """
    unknown = torch.eye(4, dtype=camera.cam_from_world.dtype)
    if camera.tilt_known:
        return camera
    turn, height = upright_world(motions).transpose(0, 1), 0.0
    if grounding is not None and grounding.plane is not None:
        turn = rotmat_between(turn[:, 1], grounding.plane.normal) @ turn
        height = grounding.plane.offset
    return replace(camera, cam_from_world=rigid_from(turn, -height * turn[:, 1]).to(unknown))


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


def _known_or_assumed(
    camera: Camera | None, people: Sequence[Motion[Pose2D]], options: LiftOptions
) -> tuple[Camera, str]:
    """The camera, and in words what was assumed of it."""
    if camera is None:
        return camera_for(people, _image_size(people), options.field_of_view)
    if options.field_of_view != "prior":
        raise InputError(
            "expected no camera where its field of view shall be estimated, got one: leave out either"
        )
    return camera, ""


def _in_time(
    lifted: Sequence[Motion[Pose3D]], camera: Camera, options: LiftOptions
) -> tuple[tuple[Motion[Pose3D], ...], Grounding | None]:
    """Joints made steady, at the size that was told, and the ground where it is asked for."""
    seconds, smoothing = options.smooth_seconds, options.smoothing
    motions = tuple(steady_motion(joints, seconds, smoothing=smoothing) for joints in lifted)
    if not options.grounded and options.height is None:
        return motions, None
    grounding, motions = ground_motions(
        motions,
        camera_moves=options.camera_moves if options.grounded else True,
        heights=(options.height,),
        up=camera.cam_from_world[..., :3, 1] if camera.tilt_known else None,
    )
    return motions, grounding if options.grounded else None


def _contacts(grounding: Grounding | None, person: int) -> ContactOptions | None:
    """The stands found, to be held when the body is fitted; None where none was looked for."""
    if grounding is None or grounding.plane is None:
        return None
    return ContactOptions(grounding.contacts[person])


_Bodies = Callable[
    [Motion[Pose2D], Motion[Pose3D], Camera, ContactOptions | None, Callable[[float], None]],
    BodyParams,
]
"""Keypoints and joints of one person before a camera to a body."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A lifter and what makes bodies, loaded once for many clips."""

    options: LiftOptions
    lifter: Lifter
    bodies: _Bodies | None


def prepare(options: LiftOptions | None = None) -> Prepared:
    """Load what `lift` needs, so that many clips can share it: `lift(file, prepared=prepare())`.

    Raises `PluginError` for unknown names, and what lifters and bodies raise about their files.
    """
    options = options or LiftOptions()
    model = make_body(options.body_model, options.body_path) if options.body_model else None
    return Prepared(options, *_lifter_and_bodies(model, options))


def _lifter_and_bodies(
    model: BodyModel | None, options: LiftOptions
) -> tuple[Lifter, _Bodies | None]:
    """The lifter, in the layout that the regressor needs where there is one, and what makes bodies."""
    lifter = _make_lifter(options.lifter, options.weights)
    if model is None:
        return lifter, None
    smpl = all(joint in model.skeleton.joints for joint in _SMPL)
    if options.regressor and smpl and isinstance(lifter, AnyLayoutLifter):
        regressor = regressors[options.regressor](model)
        return lifter.giving(regressor.needs), _regressed(regressor, model, options)
    return lifter, _fitted(model, options)


def _make_lifter(name: str, weights: str | os.PathLike[str] | None) -> Lifter:
    factory = lifters[name]
    if weights is None:
        return factory()
    if next(iter(inspect.signature(factory).parameters), "") != "weights":
        raise InputError(
            f"expected no weights for lifter '{name}', which stands on another's, got '{weights}': name "
            "the lifter that was trained"
        )
    return factory(weights)


def _regressed(regressor: Regressor, model: BodyModel, options: LiftOptions) -> _Bodies:
    def bodies(
        keypoints: Motion[Pose2D],
        joints: Motion[Pose3D],
        camera: Camera,
        contacts: ContactOptions | None,
        progress: Callable[[float], None],
    ) -> BodyParams:
        told = RefineOptions(smooth_seconds=options.smooth_seconds, contacts=contacts)
        estimate = regressor(keypoints, camera, joints)
        done = refine(estimate, model.articulation, keypoints, camera, told, progress=progress)
        return done.params

    return bodies


def _fitted(model: BodyModel, options: LiftOptions) -> _Bodies:
    def bodies(
        keypoints: Motion[Pose2D],
        joints: Motion[Pose3D],
        camera: Camera,
        contacts: ContactOptions | None,
        progress: Callable[[float], None],
    ) -> BodyParams:
        found = fit(
            model.articulation,
            joints,
            keypoints,
            camera,
            options.fit,
            contacts=contacts,
            smooth_seconds=options.smooth_seconds,
            progress=progress,
        )
        return found.params

    return bodies


def _for_files(joints: Motion[Pose3D]) -> Motion[Pose3D]:
    """Joints in the layout of clips; the regressor's further points stay behind."""
    if not set(LIFT_23.joints) < set(joints.pose.skeleton.joints):
        return joints
    return replace(joints, pose=joints.pose.to(LIFT_23))


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
    """Project the fitted body's joints and landmarks and compare them with the keypoints.

    Raises `InputError` for a person without a body.
    """
    if person.body is None:
        raise InputError("expected a person with a fitted body, got joints only: lift with a body")
    target = person.keypoints.pose
    _, distance = fitted_keypoints(model.articulation, person.body, target, clip.camera)
    y = target.keypoints[..., 1]
    low = torch.where(target.seen, y, torch.inf).amin(-1)
    high = torch.where(target.seen, y, -torch.inf).amax(-1)
    height = (high - low)[person.keypoints.observed]
    return Reprojection(float(distance.nanmedian()), float(height.median()))
