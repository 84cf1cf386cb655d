"""Laws of body regressors: keypoints of one person to body parameters in the camera's frame."""

import math
from dataclasses import replace
from typing import Final

import torch

from lift3d.camera import Camera
from lift3d.estimate import BodyEstimate
from lift3d.motion import Motion
from lift3d.pose import Pose2D
from lift3d.protocols import BodyModel, Regressor
from lift3d.testing.laws import Kept, all_alike, apart, demand, demand_skeleton
from lift3d.testing.specimens import cropped_view, seen_person, with_gap

__all__ = ["check_regressor"]

EXACT: Final = 1e-2
"""Metres that the body may move when a picture is cropped: steps of a solver may end elsewhere."""
_SHARE: Final = 0.1
"""Of a person's height in the picture: how far off the body's joints may be, in the median."""


def check_regressor(
    regressor: Regressor, body: BodyModel, *, crop_tolerance: float = EXACT
) -> None:
    """`BrokenLawError` where a regressor for `body` does not obey `lift3d.protocols.Regressor`.

    - A `BodyEstimate` has the keypoints' frames and parameters that `body` takes, finite where somebody
      was seen and NaN elsewhere; spreads and errors are at least 0, or NaN.
    - The body stands before the camera, upright, where the keypoints are in the picture.
    - The same keypoints give the same answer and stay as they are; a single frame is enough.
    - A cropped and zoomed picture with its camera gives the same body, up to `crop_tolerance` metres.
    """
    demand_skeleton(getattr(regressor, "needs", None), "`needs` of a regressor")
    person, camera = seen_person()
    kept = Kept(person, camera)
    estimate = regressor(person, camera)
    kept.demand_untouched("a regressor")
    _form(estimate, person, body)
    _place(estimate, person, camera, body)
    _gap(regressor, person, camera, body)
    pose = person.pose
    first = replace(pose, keypoints=pose.keypoints[:1], confidence=pose.confidence[:1])
    single = replace(person, pose=first, observed=person.observed[:1])
    _form(regressor(single, camera), single, body)
    again = regressor(replace(person, first_frame=99), camera)
    demand(
        all_alike(estimate.params, again.params),
        "the same body for the same keypoints",
        "another",
        "keep no state between calls",
    )
    _crop(estimate, regressor(*cropped_view(person, camera)), body, crop_tolerance)


def _form(estimate: BodyEstimate, person: Motion[Pose2D], body: BodyModel) -> None:
    frames, rotations = len(person), len(body.articulation.skeleton)
    params = estimate.params
    wanted = {
        "global_orient": (params.global_orient, (frames, 3)),
        "transl": (params.transl, (frames, 3)),
        "body_pose": (params.body_pose, (frames, rotations - 1, 3)),
        "turn_std": (estimate.turn_std, (frames, rotations)),
        "error": (estimate.error, (frames,)),
        "converged": (estimate.converged, (frames,)),
        "doubtful": (estimate.doubtful, (frames,)),
    }
    for name, (values, shape) in wanted.items():
        got = tuple(values.shape)
        demand(got == shape, f"{name} of shape {shape}", got, "give one row for each frame")
    betas = body.articulation.joints_shapedirs.shape[-1]
    demand(
        params.betas.shape[-1] == betas,
        f"{betas} betas, as the body has",
        params.betas.shape[-1],
        "give zeros where the shape is not known",
    )
    for name in ("turn_std", "betas_std", "error"):
        values = getattr(estimate, name)
        demand(
            not bool((values < 0).any()) and not bool(values.isinf().any()),
            f"{name} of at least 0, or NaN",
            float(values.nan_to_num().min()),
            "give standard deviations",
        )
    joints = estimate.joints
    told = (len(joints), joints.fps, joints.person, joints.first_frame)
    demand(
        told == (frames, person.fps, person.person, person.first_frame),
        "joints with the keypoints' frames, rate, person id and first frame",
        told,
        "hand them on",
    )
    demand(
        bool(params.finite[joints.observed].all()),
        "finite parameters in observed frames",
        "NaN or infinity",
        "mark frames without a body as not observed",
    )


def _place(estimate: BodyEstimate, person: Motion[Pose2D], camera: Camera, body: BodyModel) -> None:
    rows = estimate.params.finite
    demand(bool(rows.any()), "a body of a person who is wholly seen", "none", "find one")
    joints = body.joints(estimate.params[rows])
    names = [n for n in body.skeleton.joints if n in person.pose.skeleton.joints]
    ours = [body.skeleton.index(name) for name in names]
    theirs = [person.pose.skeleton.index(name) for name in names]
    pixels = camera.project(joints[:, ours].to(camera.intrinsics))
    off = (pixels - person.pose.keypoints[rows][:, theirs]).norm(dim=-1).nanmedian()
    y = person.pose.keypoints[rows][..., 1]
    height = (y.nan_to_num(-1e9).amax(-1) - y.nan_to_num(1e9).amin(-1)).median()
    share = float(off / height)
    before = bool((joints[..., 2] > 0).all())
    demand(
        before and (not names or share < _SHARE),
        f"a body before the camera, up to {_SHARE:.0%} of the person's height from the keypoints",
        f"{share:.0%}" if before else "one behind it",
        "give parameters in the camera's frame: global_orient holds the half turn from y up to y down",
    )


def _gap(regressor: Regressor, person: Motion[Pose2D], camera: Camera, body: BodyModel) -> None:
    """Time may tell where somebody was who was not seen; what it does not tell is NaN."""
    shown = with_gap(person, 5, 9)
    estimate = regressor(shown, camera)
    _form(estimate, shown, body)
    params = torch.cat([estimate.params.axis_angle.flatten(-2), estimate.params.transl], -1)
    demand(
        bool((params.isfinite().all(-1) | params.isnan().any(-1)).all())
        and not bool(params.isinf().any()),
        "parameters that are finite or NaN where nobody was seen",
        "infinity",
        "set them to NaN",
    )


def _crop(one: BodyEstimate, other: BodyEstimate, body: BodyModel, tolerance: float) -> None:
    if math.isinf(tolerance):
        return
    both = one.params.finite & other.params.finite
    off = apart(body.joints(one.params[both]), body.joints(other.params[both]))
    demand(
        torch.equal(one.params.finite, other.params.finite) and off <= tolerance,
        f"the same body from a cropped picture with its camera, up to {1000 * tolerance:g} mm",
        f"{1000 * off:.3g} mm",
        "read viewing rays (camera.rays) in place of pixels",
    )
