"""Everybody of a clip lifted by one lifter, and what is to be doubted about them."""

from collections.abc import Sequence

from lift3d.camera import Camera
from lift3d.errors import InputError
from lift3d.lifting.doubt import doubts_about, note_of, questioned, without_specks
from lift3d.lifting.level import LevelLifter
from lift3d.motion import Motion
from lift3d.pose import Pose2D, Pose3D
from lift3d.protocols import Lifter

__all__ = ["lift_people"]


def lift_people(
    people: Sequence[Motion[Pose2D]], camera: Camera, lifter: Lifter
) -> tuple[tuple[Motion[Pose2D], ...], tuple[Motion[Pose3D], ...], str]:
    """Keypoints and joints (camera frame) of those who could be lifted, and doubts in words.

    Where the camera's tilt is known people are lifted as a level camera sees them (`LevelLifter`).
    Frames with keypoints on one point are not lifted; joints in doubt have larger covariances
    (`lift3d.lifting.doubt`). Raises `InputError` where nobody can be lifted.
    """
    level = LevelLifter(lifter)
    plain = [without_specks(keypoints, camera) for keypoints in people]
    pairs = [(keypoints, level(keypoints, camera)) for keypoints in plain]
    pairs = [(keypoints, joints) for keypoints, joints in pairs if bool(joints.observed.any())]
    if not pairs:
        raise InputError(
            "expected somebody with at least 6 keypoints in some frame that do not lie on one point, "
            "got nobody: check the detector's confidences and the skeleton"
        )
    doubts = [doubts_about(keypoints, joints, camera) for keypoints, joints in pairs]
    kept = tuple(keypoints for keypoints, _ in pairs)
    lifted = tuple(questioned(joints, d) for (_, joints), d in zip(pairs, doubts, strict=True))
    return kept, lifted, note_of([(k.person, d) for k, d in zip(kept, doubts, strict=True)])
