"""Bodies as AMASS's files hold them (N. Mahmood et al., ICCV 2019), and one person's results as WHAM's.

The layouts are those that `lift3d_datasets.amass` reads: the SMPL+H release (`poses` [T, 156],
`mocap_framerate`) and the SMPL-X one (`root_orient`, `pose_body`, ..., `mocap_frame_rate`). Metres,
axis-angle in radians, z up with the floor at z = 0. Betas mean what they mean to the body that the
clip was fitted with, whose name stands in `body_model`.
"""

import os
from typing import Any, Final, Literal, get_args

import numpy as np
import torch
from jaxtyping import Float64
from numpy import ndarray
from torch import Tensor

from lift3d.body import BodyParams
from lift3d.clip import Clip
from lift3d.errors import InputError
from lift3d.io.files.atomic import atomic_path
from lift3d.io.motion.world_body import body_of, in_world, person_in_world
from lift3d.protocols import BodyModel
from lift3d.skeletons import SMPLH_52, SMPLX_55

__all__ = ["AmassLayout", "write_amass", "write_wham"]

AmassLayout = Literal["smplh", "smplx"]

_Z_UP: Final = torch.tensor(
    [[1.0, 0, 0, 0], [0, 0, -1, 0], [0, 1, 0, 0], [0, 0, 0, 1]], dtype=torch.float64
)
"""y-up coordinates to z-up: (x, y, z) -> (x, -z, y)."""
_SKELETONS: Final = {"smplh": SMPLH_52, "smplx": SMPLX_55}
_FINGERS: Final = ("index1", "middle1", "pinky1", "ring1", "thumb1")
_BETAS: Final = 16
_DMPLS: Final = 8


def write_amass(
    path: str | os.PathLike[str],
    clip: Clip,
    body: BodyModel,
    *,
    layout: str = "smplh",
    person: int = 0,
    gender: str = "neutral",
    on_floor: bool = True,
) -> None:
    """Write one person of a clip (a place in `clip.people`) as an AMASS motion, z up.

    Joints go by name; those that the body lacks stay at rest. SMPL's two hand joints, which neither
    layout has, turn the first joints of the hand's fingers. Betas are filled up with 0 to 16. Frames
    with NaN hold the nearest known pose. Raises `InputError` for an unknown layout or person, and
    `OutputError` where the file cannot be written.
    """
    if layout not in _SKELETONS:
        raise InputError(
            f"expected a layout of {', '.join(get_args(AmassLayout))}, got '{layout}': name one of them"
        )
    upright = person_in_world(clip, body, person, on_floor=on_floor)
    params = in_world(_double(upright), body, _Z_UP)
    turns = _turns(params, body, layout).numpy()
    betas = params.betas[0].numpy()
    common = {
        "poses": turns.reshape(len(turns), -1),
        "trans": params.transl.numpy(),
        "betas": np.pad(betas, (0, max(0, _BETAS - len(betas)))),
        "gender": np.array(gender),
        "body_model": np.array(clip.body_model),
    }
    more = _smplh(len(turns), clip.fps) if layout == "smplh" else _smplx(common, clip.fps)
    _save(path, common | more)


def write_wham(
    path: str | os.PathLike[str], clip: Clip, body: BodyModel, *, person: int = 0
) -> None:
    """Write one person of a clip with the keys of WHAM's results, as arrays instead of a pickle.

    `pose` [T, 72] and `trans` [T, 3] in the camera frame, `pose_world` and `trans_world` in a y-up
    world, `betas` [T, 10] and `frame_ids` [T]: the frames in which the person was seen, counted from
    the clip's start. Raises `InputError` for a person without such frames or a body of other joints
    than SMPL's, and `OutputError` where the file cannot be written.
    """
    if len(body.skeleton) != 24:
        raise InputError(
            f"expected a body with SMPL's 24 joints, got '{body.name}' with {len(body.skeleton)}: "
            "convert the clip first"
        )
    given = body_of(clip, person)
    seen = given.finite.nonzero()[:, 0]
    world = person_in_world(clip, body, person)[seen]
    arrays = {
        "pose": given[seen].axis_angle.flatten(1),
        "trans": given.transl[seen],
        "pose_world": world.axis_angle.flatten(1),
        "trans_world": world.transl,
        "betas": world.betas.expand(len(seen), -1),
        "frame_ids": seen,
    }
    _save(path, {key: values.numpy() for key, values in arrays.items()})


def _double(body: BodyParams) -> BodyParams:
    return BodyParams(
        body.betas.double(),
        body.body_pose.double(),
        body.global_orient.double(),
        body.transl.double(),
        body.expression.double(),
    )


def _turns(params: BodyParams, body: BodyModel, layout: str) -> Float64[Tensor, "T J 3"]:
    """All rotations in the layout's order of joints."""
    given, wanted = body.skeleton.joints, _SKELETONS[layout].joints
    turns = params.transl.new_zeros(len(params.transl), len(wanted), 3)
    for place, joint in enumerate(wanted):
        source = _hand(joint, given)
        if source in given:
            turns[:, place] = params.axis_angle[:, given.index(source)]
    return turns


def _hand(joint: str, given: tuple[str, ...]) -> str:
    """The joint of a body that turns a joint of the layout: for first finger joints maybe the hand."""
    side, _, finger = joint.partition("_")
    return f"{side}_hand" if finger in _FINGERS and joint not in given else joint


def _smplh(frames: int, fps: float) -> dict[str, Any]:
    return {"mocap_framerate": np.float64(fps), "dmpls": np.zeros((frames, _DMPLS))}


def _smplx(common: dict[str, Any], fps: float) -> dict[str, Any]:
    """What the SMPL-X release has beside the common keys: the rotations once more, part by part."""
    poses: Float64[ndarray, "T 165"] = common["poses"]
    parts = {"root_orient": 3, "pose_body": 63, "pose_jaw": 3, "pose_eye": 6, "pose_hand": 90}
    ends = np.cumsum(list(parts.values()))[:-1]
    return {
        **dict(zip(parts, np.split(poses, ends, axis=1), strict=True)),
        "num_betas": np.int64(len(common["betas"])),
        "mocap_frame_rate": np.float64(fps),
        "mocap_time_length": np.float64(len(poses) / fps),
        "surface_model_type": np.array("smplx"),
    }


def _save(path: str | os.PathLike[str], arrays: dict[str, Any]) -> None:
    with atomic_path(path) as partial, partial.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)
