"""The ground, people's places and standing feet: how far off, and how fast feet slide, in metres.

Clips of the validation split, and walks, runs and jumps of the training split (the lifter knows
these), through one random camera of known intrinsics each: one that stands still, and one that follows
the person. Lifted by `universal` with a detector's noise, smoothed by `kalman`, then grounded.
Figures are medians over clips. `root_error_mm` is the mean distance of a clip's root from the truth for
the validation split, a still camera, nothing else told: the grounded one, of likely size. Truth for
standing feet is `find_contacts` on the true joints. Needs LIFT3D_TEST_DATA.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

import torch
from benches._harness import report
from benches._views import Shot, captured, seen_by_one, shots, through
from torch import Generator, Tensor

from lift3d.geometry.contacts import contact_speed, find_contacts
from lift3d.lifting.grounded import Grounding, ground_motions, stature
from lift3d.lifting.steady import steady_motion
from lift3d.lifting.upright import upright_world
from lift3d.motion import Motion
from lift3d.plugins import lifters
from lift3d.pose import Pose3D
from lift3d.skeletons import LIFT_23

__all__ = ["figures"]

NAMES: Final = LIFT_23.joints
MOVING: Final = ("walk", "run", "jump", "hop", "march")
KNOWN: Final = 16
"""Moving clips that are taken of the training split."""


@dataclass
class Answer:
    """A clip lifted and steady, grounded without and with the known height, and grounded untold."""

    shot: Shot
    lifted: Motion[Pose3D]
    likely: tuple[Grounding, Motion[Pose3D]]
    told: tuple[Grounding, Motion[Pose3D]]
    untold: Grounding


def answer(shot: Shot, *, moves: bool) -> Answer | None:
    camera = replace(shot.camera, cam_from_world=torch.eye(4))
    lifted = lifters["universal"]()(shot.keypoints, camera)
    if not bool(lifted.observed.any()):
        return None
    steady = steady_motion(lifted, smoothing="kalman")
    height = stature(shot.true, LIFT_23)
    likely, (sized,) = ground_motions([steady], camera_moves=moves)
    told, (known,) = ground_motions([steady], camera_moves=moves, heights=(height,))
    untold, _ = ground_motions([steady])
    return Answer(shot, steady, (likely, sized), (told, known), untold)


def following(shot: Shot, generator: Generator) -> Shot:
    """The same clip through a camera that keeps the person's root where it was first."""
    held = shot.true - shot.true[:, :1] + shot.true[:1, :1]
    return through(shot.camera, held, (shot.name, shot.action, shot.keypoints.fps), generator)


def walks(generator: Generator) -> list[Shot]:
    """Takes of the training split in which people move about."""
    rows = [row for row in captured("train", 1.0, generator) if is_moving(row[0].action)]
    step = max(1, len(rows) // KNOWN)
    found = [seen_by_one(clip, joints, generator) for clip, joints in rows[::step]]
    return [shot for shot in found if shot is not None][:KNOWN]


def is_moving(action: str) -> bool:
    return any(word in MOVING for word in action.lower().replace(",", " ").split())


def root_error(motion: Motion[Pose3D], shot: Shot) -> float:
    return 1000 * float((motion.pose.joints[:, 0] - shot.true[:, 0]).norm(dim=-1).nanmean())


def root_path_error(motion: Motion[Pose3D], shot: Shot) -> float:
    off = motion.pose.joints[:, 0] - shot.true[:, 0]
    return 1000 * float((off - off.nanmean(0)).norm(dim=-1).nanmean())


def standing_speed(motion: Motion[Pose3D], shot: Shot) -> float:
    """Of feet that stand in truth, mm/s; NaN where none does."""
    up = shot.camera.cam_from_world[:3, 1].double()
    contacts = find_contacts(NAMES, shot.true, motion.fps, up)
    if not bool(contacts.any()):
        return math.nan
    return 1000 * contact_speed(NAMES, motion.pose.joints.double(), contacts, motion.fps)


def tilt_error(plane_up: Tensor, shot: Shot) -> float:
    up = shot.camera.cam_from_world[:3, 1].double()
    return math.degrees(float(torch.arccos((plane_up.double() @ up).clamp(-1, 1))))


def median(values: Iterable[float]) -> float:
    return float(torch.tensor(list(values)).nanmedian())


def still(name: str, answers: list[Answer]) -> dict[str, float]:
    ways = {
        "lifted": [a.lifted for a in answers],
        "grounded": [a.likely[1] for a in answers],
        "known_height": [a.told[1] for a in answers],
    }
    found: dict[str, float] = {f"{name}_clips": len(answers)}
    for way, motions in ways.items():
        pairs = [(motion, a.shot) for motion, a in zip(motions, answers, strict=True)]
        found[f"{name}_{way}_root_mm"] = median(root_error(*pair) for pair in pairs)
        found[f"{name}_{way}_path_mm"] = median(root_path_error(*pair) for pair in pairs)
        found[f"{name}_{way}_standing_feet_mm_s"] = median(standing_speed(*pair) for pair in pairs)
    said = [a.likely[0] for a in answers]
    found[f"{name}_noted_feet_before_mm_s"] = 1000 * median(g.foot_speed_before for g in said)
    found[f"{name}_noted_feet_after_mm_s"] = 1000 * median(g.foot_speed_after for g in said)
    planes = [(g.plane, a.shot) for g, a in zip(said, answers, strict=True)]
    found[f"{name}_ground_tilt_degrees"] = median(
        tilt_error(plane.normal, shot) for plane, shot in planes if plane is not None
    )
    found[f"{name}_balance_tilt_degrees"] = median(
        tilt_error(upright_world([a.lifted])[1], a.shot) for a in answers
    )
    return found | verdicts(f"{name}_still", answers)


def verdicts(name: str, answers: list[Answer]) -> dict[str, float]:
    """How many cameras feet took for still, could not tell of, and took for moving."""
    said = [a.untold.camera_moves for a in answers]
    return {
        f"{name}_taken_for_still": said.count(False),
        f"{name}_not_told": said.count(None),
        f"{name}_taken_for_moving": said.count(True),
    }


def moving(name: str, answers: list[Answer]) -> dict[str, float]:
    ways = {"lifted": [a.lifted for a in answers], "sized": [a.likely[1] for a in answers]}
    found = {
        f"{name}_following_{way}_root_mm": median(
            root_error(m, a.shot) for m, a in zip(motions, answers, strict=True)
        )
        for way, motions in ways.items()
    }
    return found | verdicts(f"{name}_following", answers)


def figures() -> dict[str, float]:
    torch.set_num_threads(1)
    generator = Generator().manual_seed(0)
    found: dict[str, float] = {}
    for name, clips in (("val", shots("val", generator)), ("walks", walks(generator))):
        before = [answer(shot, moves=False) for shot in clips]
        found |= still(name, [a for a in before if a is not None])
        after = [answer(following(shot, generator), moves=True) for shot in clips]
        found |= moving(name, [a for a in after if a is not None])
    return {"root_error_mm": found["val_grounded_root_mm"]} | found


if __name__ == "__main__":
    report(figures())
