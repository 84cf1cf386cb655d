"""Recorded motion on a body: AMASS's by its rotations, others retargeted by their joints."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import torch

from lift3d.body import BodyParams
from lift3d.capture import Capture
from lift3d.clip import Clip
from lift3d.errors import FileFormatError, InputError, Lift3dError
from lift3d.io.keypoints.joint_names import joints_named
from lift3d.io.motion.clip_build import clip_of_joints, with_world_body
from lift3d.io.motion.recordings import read_recording, skeleton_file
from lift3d.io.motion.world_points import world_joints
from lift3d.motion import Motion
from lift3d.plugins import datasets
from lift3d.pose import Pose3D
from lift3d.protocols import BodyModel
from lift3d.skeletons import LIFT_23, SMPLH_52, SMPLX_55
from lift3d.training.retarget import LIMB_JOINTS, captured_person, retarget

__all__ = ["amass_on_body", "recording_on_body"]

_LAYOUTS: Final = {"smplh": SMPLH_52, "smplx": SMPLX_55}


def amass_on_body(path: Path, model: BodyModel, name: str, fps: float | None = None) -> Clip:
    """An AMASS motion on the body model that plug-ins know as `name`; the default one has no betas."""
    # The default body has betas of its own: AMASS's would make somebody else of it.
    own = {} if name == "default" else {"body": model}
    capture = _capture("amass", [path], **own)
    if capture.bodies is None:
        raise FileFormatError(f"expected body parameters in '{path}', got none: download it again")
    params = _by_name(capture.bodies, capture.body_format, model, shaped=bool(own))
    return with_world_body(_clip_of(capture, fps), params, model, name)


def _by_name(bodies: BodyParams, layout: str, model: BodyModel, *, shaped: bool) -> BodyParams:
    """The rotations of joints that a body has; the others stay at rest."""
    given, wanted = _LAYOUTS[layout].joints, model.skeleton.joints
    turns = bodies.transl.new_zeros(len(bodies.transl), len(wanted), 3)
    for place, joint in enumerate(wanted):
        if joint in given:
            turns[:, place] = bodies.axis_angle[:, given.index(joint)]
    betas = torch.zeros(1, model.articulation.joints_shapedirs.shape[-1])
    if shaped:
        count = min(betas.shape[-1], bodies.betas.shape[-1])
        betas[0, :count] = bodies.betas.reshape(-1)[:count]
    return BodyParams(betas, turns[:, 1:], turns[:, 0], bodies.transl)


def recording_on_body(
    path: Path, model: BodyModel, name: str, fps: float | None = None
) -> tuple[Clip, float]:
    """A recording retargeted to a body, and how far its limb joints lie off in the mean (metres).

    The rig must be one that is known, or its joints have names that are. Raises `FileFormatError` or
    `InputError` otherwise.
    """
    suffix = path.suffix.lower()
    if suffix == ".bvh":
        clip = _clip_of(_capture("bvh", [path]), fps)
    elif suffix == ".amc":
        clip = _clip_of(_capture("asf_amc", [path, skeleton_file(path)]), fps)
    else:
        clip = _as_lift_23(read_recording(path, fps=fps), path)
    motion = _world_motion(clip)
    person = captured_person(model.articulation, [motion])
    done = retarget(model.articulation, person, motion)
    error = float(done.residual.nanmean())
    return with_world_body(clip, done.params, model, name), error


def _lend(file: Path, target: Path) -> None:
    """The same file under another name; Windows keeps symbolic links for administrators."""
    try:
        target.hardlink_to(file.resolve())
    except (OSError, NotImplementedError):  # on another disk
        if file.is_file():
            shutil.copyfile(file, target)


def _capture(kind: str, files: Sequence[Path], **more: Any) -> Capture:
    """What the reader of a dataset makes of single files, shown to it in a folder of their own."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        for file in files:
            _lend(file, folder / file.name)
        try:
            dataset = datasets[kind](folder, **more)
            found = next(clip for split in dataset.splits for clip in dataset.clips(split))
        except Lift3dError as error:
            told = str(error).replace(name, str(files[0].parent))
            raise type(error)(told) from error
    if not isinstance(found, Capture):
        raise InputError(
            f"expected the plug-in '{kind}' of lift3d.datasets to be the built-in one, got one whose "
            "clips move no bodies: uninstall it"
        )
    return found


def _clip_of(capture: Capture, fps: float | None) -> Clip:
    motion = capture.motion
    places = motion.pose.joints.double().numpy()
    return clip_of_joints(motion.pose.skeleton, places, fps or motion.fps, motion.first_frame)


def _as_lift_23(clip: Clip, path: Path) -> Clip:
    """A recording whose names are a person's joints, in `LIFT_23`."""
    person = clip.people[0]
    named = joints_named(person.joints.pose.skeleton.joints)
    have = named.skeleton.joints if named.skeleton is not None else ()
    missing = [joint for joint in LIMB_JOINTS if joint not in have]
    if named.skeleton is None or missing:
        raise InputError(
            f"expected hips, knees, ankles, shoulders, elbows and wrists in '{path}' to move a body, "
            f"got no point called {missing[0]}: rename the points, or write what needs no body"
        )
    places = world_joints(clip, person)[:, list(named.columns)]
    known = Pose3D.certain(places, named.skeleton, "world").to(LIFT_23)
    return clip_of_joints(LIFT_23, known.joints.numpy(), clip.fps, clip.first_frame)


def _world_motion(clip: Clip) -> Motion[Pose3D]:
    person = clip.people[0]
    joints = world_joints(clip, person).float()
    pose = Pose3D.certain(joints, person.joints.pose.skeleton, "world")
    return replace(person.joints, pose=pose)
