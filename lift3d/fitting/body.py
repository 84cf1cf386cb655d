"""The door of the room: what is known of a person in, body parameters out."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lift3d.body import Articulation, BodyParams
from lift3d.camera import Camera
from lift3d.errors import InputError
from lift3d.fitting.clips import (
    as_params,
    at_frames,
    misses,
    smooth_state,
    solve_chunks,
    solve_clip,
)
from lift3d.fitting.contacts import contact_evidence, contact_speed, find_contacts
from lift3d.fitting.evidence import SkinEvidence, together
from lift3d.fitting.guess import PoseGuess
from lift3d.fitting.points import place_points, point_table
from lift3d.fitting.prior import PosePrior
from lift3d.fitting.problem import FitOptions, FitState, Near, Problem, Solution
from lift3d.fitting.task import Task
from lift3d.geometry.projection import pixels_from_points
from lift3d.geometry.rotations import rotmat_from_axis_angle
from lift3d.motion import Motion
from lift3d.pose import Pose2D, Pose3D
from lift3d.protocols import BodyModel

__all__ = ["BodyFit", "ContactOptions", "fit", "fit_body", "fitted_keypoints"]


@dataclass(frozen=True, slots=True)
class ContactOptions:
    """Feet that stand are held still in the frame of the joints, so the camera must not move.

    `flags` tell when the left and the right foot stand; without them they are found: slow and low.
    `up` points upwards in the frame of the joints; by default it is that of the camera, whose y axis
    points down.
    """

    flags: Bool[Tensor, "frames 2"] | None = None
    up: tuple[float, float, float] = (0.0, -1.0, 0.0)

    def __post_init__(self) -> None:
        if not 0 < math.hypot(*self.up) < math.inf:
            raise InputError(f"expected up as a direction, got {self.up}: give one of some length")
        if self.flags is not None and self.flags.dtype != torch.bool:
            raise InputError(
                f"expected contact flags that are true or false, got {self.flags.dtype}: compare them"
            )


@dataclass(frozen=True, slots=True)
class BodyFit:
    """Body parameters, and how well they fit, frame by frame (NaN where nobody was observed).

    `cost` is in squared standard deviations, evidence and prior together. A frame has `converged`
    when the last step promised next to nothing; look before you trust one that has not.
    `rms` tells for each kind of evidence ("joints", "keypoints", "vertices", "surface", "contact")
    how far off the body is, in metres; keypoints and pixels across their ray, at the body's distance.
    `contacts` are the frames in which the left and the right foot were held, and `contact_speeds`
    how fast standing feet slid before and after, in metres per second.
    """

    params: BodyParams
    cost: Float[Tensor, " frames"]
    converged: Bool[Tensor, " frames"]
    iterations: int
    rms: Mapping[str, Float[Tensor, " frames"]]
    contacts: Bool[Tensor, "frames 2"] | None = None
    contact_speeds: tuple[float, float] | None = None


def fit_body(
    body: BodyModel | Articulation,
    joints: Motion[Pose3D] | None = None,
    keypoints: Motion[Pose2D] | None = None,
    camera: Camera | None = None,
    options: FitOptions | None = None,
    *,
    smooth_seconds: float = 0.0,
    progress: Callable[[float], None] = lambda _share: None,
) -> BodyParams:
    """The parameters alone of `fit`, for joints and keypoints."""
    found = fit(
        body, joints, keypoints, camera, options, smooth_seconds=smooth_seconds, progress=progress
    )
    return found.params


def fit(  # noqa: PLR0913 - each piece of evidence is one argument
    body: BodyModel | Articulation,
    joints: Motion[Pose3D] | None = None,
    keypoints: Motion[Pose2D] | None = None,
    camera: Camera | None = None,
    options: FitOptions | None = None,
    *,
    skin: SkinEvidence | None = None,
    prior: PosePrior | None = None,
    guess: PoseGuess | None = None,
    contacts: ContactOptions | None = None,
    smooth_seconds: float = 0.0,
    progress: Callable[[float], None] = lambda _share: None,
) -> BodyFit:
    """Fit one body to a clip: one pose per frame, one shape for all (see `FitOptions.one_shape`).

    Any mix of evidence will do, each piece with the same frames. Joints (metres) are matched to the
    body by name; keypoints pull the body's joints and landmarks onto their viewing rays; `skin` says
    where places on its surface are, or are seen, and needs the body model itself. With rays all is in
    the camera frame. Keypoints alone find the body that most likely shows them; depth and mirrored
    limbs are then a guess. With `contacts` a second pass holds standing feet still, and with
    `smooth_seconds` it stays near the first one's poses after smoothing them in a Gaussian window of
    that width; it takes half the steps. Without a `prior` the learned one counts
    (`lift3d.fitting.pose_prior`). With a `guess`, that of a regressor say, the descent starts there and
    stays as near as the guess is sure of itself.

    Frames without evidence are NaN. `progress` is told the share that is done, in [0, 1]. The
    result has the dtype of the joints, or else of the keypoints or the skin. Raises `InputError` when
    nothing was observed, for points that all lie in one place, many metres apart or behind the camera,
    for rays without a camera, and for evidence or a guess of different lengths.
    """
    options = options or FitOptions()
    if not 0 <= smooth_seconds < math.inf:
        raise InputError(f"expected smooth_seconds of at least 0, got {smooth_seconds}: correct it")
    task = Task.of(body, joints, keypoints, camera, skin)
    problem = task.problem(prior, options)
    seen = torch.nonzero(task.observed & problem.evidence.informed)[:, 0]
    if not len(seen):
        raise InputError(_nothing(problem))
    problem = task.at(replace(problem, evidence=problem.evidence[seen]), seen)
    again = contacts is not None or (smooth_seconds > 0 and len(seen) > 2)
    share = 2 / 3 if again else 1.0
    start = None
    if guess is not None:
        problem, start = guess.into(problem, seen, len(task.observed))
    found = solve_clip(task.shift, problem, lambda done: progress(share * done), start)
    held, speeds = None, None
    if again:
        calmer = replace(problem, options=_second(options))
        state = at_frames(found.state, seen, len(task.observed))
        if smooth_seconds > 0 and len(seen) > 2:
            state = smooth_state(state, task.observed, smooth_seconds * task.fps)
            calmer = replace(calmer, near=Near.smoothed(state[seen]))
        before = _places(problem, state)
        if contacts is not None:
            held = _contacts(problem, before, contacts, task)
            hold = contact_evidence(problem.table.names, before, held)[seen]
            calmer = replace(calmer, evidence=together([problem.evidence, hold]))
        found = solve_chunks(
            task.shift, calmer, lambda done: progress(share + (1 - share) * done), state[seen]
        )
        problem = calmer
        if held is not None:
            after = _places(problem, at_frames(found.state, seen, len(task.observed)))
            names = problem.table.names
            speeds = (
                contact_speed(names, before, held, task.fps),
                contact_speed(names, after, held, task.fps),
            )
    return _result(task, problem, found, seen, held, speeds)


def _nothing(problem: Problem) -> str:
    if len(problem.evidence.points):
        return "expected evidence in some observed frame, got none: check confidences"
    names = ", ".join(problem.table.names[:4])
    return (
        f"expected evidence of points that the body has ({names}, ...), got none: "
        "fit a body with the joints that were observed"
    )


def _second(options: FitOptions) -> FitOptions:
    return replace(options, iterations=max(1, options.iterations // 2), fit_betas=False)


def _places(problem: Problem, state: FitState) -> Float[Tensor, "frames points 3"]:
    return place_points(problem.table, state.rotmats, state.transl, state.betas).places


def _contacts(
    problem: Problem, places: Tensor, options: ContactOptions, task: Task
) -> Bool[Tensor, "frames 2"]:
    if options.flags is None:
        up = torch.tensor(options.up, dtype=places.dtype)
        return find_contacts(problem.table.names, places, task.fps, up / up.norm())
    if options.flags.shape != (len(task.observed), 2):
        raise InputError(
            f"expected contact flags of shape {[len(task.observed), 2]}, got "
            f"{list(options.flags.shape)}: one for each frame and foot, the left one first"
        )
    return options.flags & places.isfinite().all(-1).all(-1)[:, None]


def _result(
    task: Task,
    problem: Problem,
    found: Solution,
    seen: Tensor,
    held: Tensor | None,
    speeds: tuple[float, float] | None,
) -> BodyFit:
    frames = len(task.observed)

    def spread(values: Tensor) -> Tensor:
        out = values.new_full((frames,), torch.nan)
        out[seen] = values
        return out

    converged = torch.zeros(frames, dtype=torch.bool)
    converged[seen] = found.settled
    params = as_params(at_frames(found.state, seen, frames))
    found_misses = misses(task.shift, problem, found.state)
    rms = {kind: spread(values) for kind, values in found_misses.items()}
    return BodyFit(params, spread(found.cost), converged, found.iterations, rms, held, speeds)


def fitted_keypoints(
    articulation: Articulation, params: BodyParams, target: Pose2D, camera: Camera
) -> tuple[Float[Tensor, "frames joints 2"], Float[Tensor, "frames joints"]]:
    """Where the fitted body's points lie in the picture, and how far that is from `target`.

    Returns pixels and distances in pixels, NaN for keypoints that the body has no point for or that
    were not seen.
    """
    table = point_table(articulation, params.transl.dtype)
    rotmats = rotmat_from_axis_angle(params.axis_angle)
    places = place_points(table, rotmats, params.transl, params.betas).places
    places = places.to(camera.intrinsics.dtype)
    pixels = pixels_from_points(places, camera.intrinsics, camera.distortion, camera.lens)
    out = torch.full_like(target.keypoints, torch.nan)
    for joint, name in enumerate(target.skeleton.joints):
        if name in table.names:
            out[:, joint] = pixels[:, table.names.index(name)].to(out.dtype)
    return out, torch.linalg.vector_norm(out - target.keypoints, dim=-1)
