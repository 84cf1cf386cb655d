"""Laws of lifters: keypoints of one person to joints in metres in the camera's frame."""

from dataclasses import replace
from typing import Final

from torch import Tensor

from lift3d.camera import Camera
from lift3d.motion import Motion
from lift3d.pose import Pose2D, Pose3D
from lift3d.protocols import Lifter
from lift3d.skeletons import BODY_25, COCO_17
from lift3d.testing.laws import Kept, all_alike, apart, demand, demand_joints, demand_skeleton
from lift3d.testing.specimens import as_layout, cropped_view, seen_person, with_gap

__all__ = ["check_lifter"]

EXACT: Final = 2e-4
"""Metres that joints may move when a picture is cropped: what float32 leaves."""
_HEIGHTS: Final = (0.5, 3.0)
_DEPTHS: Final = (0.3, 100.0)
_SHARE: Final = 0.15
"""Of a person's height in the picture: how far off joints may be drawn, in the median."""


def check_lifter(lifter: Lifter, *, crop_tolerance: float = EXACT) -> None:
    """`BrokenLawError` where a lifter does not obey `lift3d.protocols.Lifter`.

    - The answer is a `Motion[Pose3D]` of the lifter's `skeleton` in the camera frame, with the
      keypoints' frames, rate, person id and dtype; also for a single frame and for other layouts.
    - Joints are in metres, before the camera, and where the keypoints are in the picture.
    - Joints are finite or NaN; a frame in which nobody was seen is not observed; covariances are such.
    - The same keypoints give the same answer, whoever was lifted between and whatever their frame
      numbers are, and stay as they are.
    - A cropped and zoomed picture with its camera gives the same joints, up to `crop_tolerance` metres
      (`math.inf` for lifters that read pixels and do not promise it).
    """
    demand_skeleton(getattr(lifter, "skeleton", None), "`skeleton` of a lifter")
    person, camera = seen_person()
    kept = Kept(person, camera)
    lifted = lifter(person, camera)
    kept.demand_untouched("a lifter")
    _motion(lifted)
    _form(lifter, lifted, person)
    _place(lifted, person, camera)
    for shown in (
        _first_frame(person),
        as_layout(person, COCO_17),
        as_layout(person, BODY_25),
        _exactly(person),
    ):
        _form(lifter, lifter(shown, _camera_as(camera, shown)), shown)
    _gap(lifter, person, camera)
    _same_again(lifter, lifted, person, camera)
    _crop(lifter, lifted, (person, camera), crop_tolerance)


def _motion(lifted: object) -> None:
    demand(
        isinstance(lifted, Motion) and isinstance(lifted.pose, Pose3D),
        "a Motion of Pose3D from a lifter",
        type(lifted).__name__,
        "return Motion(Pose3D(...), ...)",
    )


def _form(lifter: Lifter, lifted: Motion[Pose3D], shown: Motion[Pose2D]) -> None:
    demand(
        lifted.pose.skeleton == lifter.skeleton,
        f"joints of the lifter's own skeleton '{lifter.skeleton.name}'",
        f"'{lifted.pose.skeleton.name}'",
        "make both the same",
    )
    demand(
        lifted.pose.frame == "camera",
        "joints in the camera frame",
        f"the {lifted.pose.frame} frame",
        "transform them",
    )
    wanted = (len(shown), shown.fps, shown.person, shown.first_frame)
    got = (len(lifted), lifted.fps, lifted.person, lifted.first_frame)
    demand(
        got == wanted,
        f"frames, rate, person id and first frame of the keypoints, {wanted}",
        got,
        "hand them on",
    )
    demand(
        lifted.pose.joints.dtype == shown.pose.keypoints.dtype,
        f"joints of the keypoints' type, {shown.pose.keypoints.dtype}",
        lifted.pose.joints.dtype,
        "convert the answer",
    )
    demand_joints(lifted, "a lifter")


def _place(lifted: Motion[Pose3D], person: Motion[Pose2D], camera: Camera) -> None:
    joints = lifted.pose.joints
    demand(
        bool(lifted.observed.any()),
        "a person who is wholly seen to be lifted in some frame",
        "no observed frame",
        "set observed where joints were found",
    )
    found = joints[joints.isfinite().all(-1)]
    height = float((joints[..., 1].nan_to_num(-1e9).amax(-1) - _least(joints)).median())
    demand(
        _HEIGHTS[0] < height < _HEIGHTS[1],
        f"a person {_HEIGHTS[0]} to {_HEIGHTS[1]} metres high",
        f"{height:.3g}",
        "give joints in metres",
    )
    depth = found[:, 2]
    demand(
        bool(((depth > _DEPTHS[0]) & (depth < _DEPTHS[1])).all()),
        f"people before the camera, z from {_DEPTHS[0]} to {_DEPTHS[1]} metres",
        f"{float(depth.min()):.3g} to {float(depth.max()):.3g}",
        "place them on their viewing rays (lift3d.geometry.rays.root_from_rays)",
    )
    share = _drawn_apart(lifted, person, camera)
    demand(
        share < _SHARE,
        f"joints that are drawn where their keypoints are, up to {_SHARE:.0%} of the person's height",
        f"{share:.0%}",
        "give OpenCV's camera axes: x right, y down, z forward",
    )


def _least(joints: Tensor) -> Tensor:
    return joints[..., 1].nan_to_num(1e9).amin(-1)


def _drawn_apart(lifted: Motion[Pose3D], person: Motion[Pose2D], camera: Camera) -> float:
    """Median distance between joints as drawn and keypoints, as a share of the person's height."""
    told = person.pose.to(lifted.pose.skeleton)
    pixels = camera.project(lifted.pose.joints.to(camera.intrinsics.dtype)).to(told.keypoints)
    off = (pixels - told.keypoints).norm(dim=-1)[told.seen].nanmedian()
    y = person.pose.keypoints[..., 1]
    return float(off / (y.nan_to_num(-1e9).amax(-1) - y.nan_to_num(1e9).amin(-1)).median())


def _first_frame(person: Motion[Pose2D]) -> Motion[Pose2D]:
    pose = person.pose
    one = replace(pose, keypoints=pose.keypoints[:1], confidence=pose.confidence[:1])
    return replace(person, pose=one, observed=person.observed[:1])


def _exactly(person: Motion[Pose2D]) -> Motion[Pose2D]:
    pose = person.pose
    double = replace(pose, keypoints=pose.keypoints.double(), confidence=pose.confidence.double())
    return replace(person, pose=double)


def _camera_as(camera: Camera, shown: Motion[Pose2D]) -> Camera:
    dtype = shown.pose.keypoints.dtype
    return replace(
        camera,
        intrinsics=camera.intrinsics.to(dtype),
        cam_from_world=camera.cam_from_world.to(dtype),
        distortion=camera.distortion.to(dtype),
    )


def _gap(lifter: Lifter, person: Motion[Pose2D], camera: Camera) -> None:
    first, last = 5, 9
    lifted = lifter(with_gap(person, first, last), camera)
    demand_joints(lifted, "a lifter")
    demand(
        not bool(lifted.observed[first:last].any()),
        "no observed frames where nobody was seen",
        int(lifted.observed[first:last].sum()),
        "set observed to false there, and joints to NaN or to what time tells",
    )


def _same_again(
    lifter: Lifter, lifted: Motion[Pose3D], person: Motion[Pose2D], camera: Camera
) -> None:
    lifter(*cropped_view(_first_frame(person), camera))
    again = lifter(replace(person, person=8, first_frame=1234), camera)
    demand(
        all_alike(lifted, again),
        "the same joints for the same keypoints",
        f"joints {1000 * apart(lifted.pose.joints, again.pose.joints):.3g} mm off",
        "keep no state between calls, draw no random numbers, and leave ids and frame numbers out of it",
    )


def _crop(
    lifter: Lifter,
    lifted: Motion[Pose3D],
    shown: tuple[Motion[Pose2D], Camera],
    tolerance: float,
) -> None:
    off = apart(lifted.pose.joints, lifter(*cropped_view(*shown)).pose.joints)
    demand(
        off <= tolerance,
        f"the same joints from a cropped picture with its camera, up to {1000 * tolerance:g} mm",
        f"{1000 * off:.3g} mm",
        "read viewing rays (camera.rays) in place of pixels",
    )
