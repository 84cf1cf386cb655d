"""Joints of many requests at once: one pass of the network over the frames of all of them.

Lifters that look at one frame at a time do not care whose frame it is. What they say of a frame in
company and alone differs in the last digits only, since sums of other lengths are rounded otherwise
(tests hold that to 1e-5 metres); the steps before and after them are those of `lift3d.lift`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import torch

from lift3d.camera import Camera
from lift3d.errors import InputError
from lift3d.lifting.doubt import Doubts, doubts_about, note_of, questioned, without_specks
from lift3d.lifting.field_of_view import camera_for
from lift3d.lifting.martinez import MartinezLifter
from lift3d.lifting.matching import MatchingLifter
from lift3d.lifting.universal import UniversalLifter
from lift3d.motion import Motion
from lift3d.pipeline import LiftOptions
from lift3d.plugins import lifters
from lift3d.pose import Pose2D, Pose3D
from lift3d.protocols import Lifter
from lift3d.regressing.framewise import FramewiseLifter
from lift3d.serving.reading import Request
from lift3d.serving.smoothing import steady_motions
from lift3d.skeleton import Skeleton

__all__ = ["JointLifters", "Lifted", "common_key", "lift_together"]

_FRAMEWISE: Final = (UniversalLifter, MartinezLifter, MatchingLifter, FramewiseLifter)
"""Lifters whose answer to a frame depends on that frame alone."""
_USUAL: Final = LiftOptions()


@dataclass(frozen=True, slots=True)
class Lifted:
    """One request's people in the camera frame; `note` says what was assumed and doubted."""

    joints: tuple[Motion[Pose3D], ...]
    camera: Camera
    note: str


@dataclass(frozen=True, slots=True)
class JointLifters:
    """Lifters by name, kept once they are made."""

    made: dict[str, Lifter] = field(default_factory=dict[str, Lifter])

    def __getitem__(self, name: str) -> Lifter:
        """Raises `PluginError` for unknown names."""
        if name not in self.made:
            self.made[name] = lifters[name]()
        return self.made[name]


def common_key(request: Request) -> tuple[str, Skeleton, tuple[int, int], float | None]:
    """What requests must share to be lifted together; cameras are compared by their focal length."""
    pose = request.people[0].pose
    focal = None if request.camera is None else float(request.camera.intrinsics[0, 0])
    return request.wanted.lifter, pose.skeleton, _image_size(request), focal


def lift_together(requests: Sequence[Request], lifter: Lifter) -> list[Lifted | InputError]:
    """Requests of one `common_key`, none with a distortion, in their order.

    An error is what that request alone is answered with.
    """
    if len(requests) > 1 and isinstance(lifter, _FRAMEWISE):
        return _in_one_pass(requests, lifter)
    return [_alone(request, lifter) for request in requests]


def _alone(request: Request, lifter: Lifter) -> Lifted | InputError:
    try:
        return _in_one_pass([request], lifter)[0]
    except InputError as error:
        return error


def _image_size(request: Request) -> tuple[int, int]:
    return request.people[0].pose.image_size or (0, 0)


def _in_one_pass(requests: Sequence[Request], lifter: Lifter) -> list[Lifted | InputError]:
    """All people of all requests as one clip, where there are several."""
    camera, assumed = requests[0].camera, ""
    if camera is None:
        camera, assumed = camera_for(requests[0].people, _image_size(requests[0]), "prior")
    kept = [_worth_lifting(request) for request in requests]
    people = [person for some in kept for person in some]
    whole = without_specks(_joined(people), camera)
    found = lifter(whole, camera)
    doubtful = bool(doubts_about(whole, found, camera).reasons)
    ends = torch.tensor([len(person) for person in people]).cumsum(0).tolist()
    parts: list[tuple[Motion[Pose3D], Doubts | None]] = []
    for person, end in zip(people, ends, strict=True):
        rows = slice(end - len(person), end)
        joints = _lifted_part(found, rows, person)
        doubts = doubts_about(_seen_part(whole, rows, person), joints, camera) if doubtful else None
        parts.append((joints if doubts is None else questioned(joints, doubts), doubts))
    seconds = [
        r.wanted.smooth_seconds for r, some in zip(requests, kept, strict=True) for _ in some
    ]
    steady = steady_motions([joints for joints, _ in parts], seconds)
    told = iter(zip(steady, (doubts for _, doubts in parts), strict=True))
    return [_gathered([next(told) for _ in some], camera, assumed) for some in kept]


def _worth_lifting(request: Request) -> list[Motion[Pose2D]]:
    """As `lift3d.lift` chooses: those who are seen for a quarter of a second, or longest."""
    seen = [int(person.observed.sum()) for person in request.people]
    enough = min(max(seen), max(1, round(_USUAL.min_seconds * request.people[0].fps)))
    kept = [person for person, count in zip(request.people, seen, strict=True) if count >= enough]
    return kept[: request.wanted.max_people or len(kept)]


def _joined(people: Sequence[Motion[Pose2D]]) -> Motion[Pose2D]:
    """Clips one after the other; only for what looks at single frames."""
    if len(people) == 1:
        return people[0]
    first = people[0].pose
    pose = Pose2D(
        torch.cat([person.pose.keypoints for person in people]),
        torch.cat([person.pose.confidence for person in people]),
        first.skeleton,
        first.image_size,
    )
    return Motion(pose, people[0].fps, 0, torch.cat([person.observed for person in people]))


def _seen_part(whole: Motion[Pose2D], rows: slice, person: Motion[Pose2D]) -> Motion[Pose2D]:
    pose = whole.pose
    part = Pose2D(pose.keypoints[rows], pose.confidence[rows], pose.skeleton, pose.image_size)
    return replace(person, pose=part, observed=whole.observed[rows])


def _lifted_part(whole: Motion[Pose3D], rows: slice, person: Motion[Pose2D]) -> Motion[Pose3D]:
    pose = whole.pose
    part = Pose3D(pose.joints[rows], pose.covariance[rows], pose.skeleton, pose.frame)
    return Motion(part, person.fps, person.person, whole.observed[rows], person.first_frame)


def _gathered(
    told: Sequence[tuple[Motion[Pose3D], Doubts | None]], camera: Camera, assumed: str
) -> Lifted | InputError:
    """The people of one request who could be lifted, or why there is none."""
    kept = [(joints, doubts) for joints, doubts in told if bool(joints.observed.any())]
    if not kept:
        return InputError(
            "expected somebody with at least 6 keypoints in some frame that do not lie on one point, "
            "got nobody: check the detector's confidences and the skeleton"
        )
    doubts = note_of([(joints.person, d) for joints, d in kept if d is not None])
    note = "; ".join(part for part in (assumed, doubts) if part)
    return Lifted(tuple(joints for joints, _ in kept), camera, note)
