"""Every figure that an evaluation gives: what it is called, in which unit, and how it is computed."""

from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lift3d.evaluation.config import H36M_14, JointSet
from lift3d.evaluation.views import Shot
from lift3d.metrics import (
    Metric,
    acceleration_error,
    auc_3d,
    bone_length_error,
    bone_length_spread,
    foot_contact_speed,
    mpjpe,
    mpjve,
    n_mpjpe,
    pa_mpjpe,
    pck_3d,
)

__all__ = ["FIGURES", "Figure", "figure_named", "figures_of", "judged"]


@dataclass(frozen=True, slots=True)
class Figure:
    """How a figure is written: `factor` makes its unit of metres or shares."""

    name: str
    unit: str
    factor: float


FIGURES: Final = {
    "mpjpe_mm": Figure("MPJPE", "mm", 1000.0),
    "pa_mpjpe_mm": Figure("PA-MPJPE", "mm", 1000.0),
    "pa_mpjpe_14_mm": Figure("PA-MPJPE, 14 joints", "mm", 1000.0),
    "n_mpjpe_mm": Figure("N-MPJPE", "mm", 1000.0),
    "mpjve_mm": Figure("MPJVE", "mm/frame", 1000.0),
    "acceleration_mm_per_frame2": Figure("acceleration error", "mm/frame²", 1000.0),
    "pck_150_percent": Figure("3D PCK at 150 mm", "%", 100.0),
    "auc_percent": Figure("3D AUC, 0 to 150 mm", "%", 100.0),
    "bone_error_mm": Figure("bone length error", "mm", 1000.0),
    "bone_spread_mm": Figure("bone length spread over a window", "mm", 1000.0),
    "foot_speed_mm_per_s": Figure("speed of standing feet", "mm/s", 1000.0),
    "coverage_90_percent": Figure("joints in their 90 % ellipsoids", "%", 100.0),
    "lifted_share": Figure("frames lifted", "share", 1.0),
    "lifted_joint_share": Figure("known joints lifted", "share", 1.0),
}
"""Plain figures by key; 'limbs_', 'noisy_', 'best_of_N_' and 'best_joints_of_N_' may stand before."""


def figure_named(key: str) -> Figure:
    """The description of a figure, prefixes included."""
    plain = max((k for k in FIGURES if key.endswith(k)), key=len)
    figure, prefix = FIGURES[plain], key.removesuffix(plain).rstrip("_").replace("_", " ")
    name = f"{figure.name}, {prefix}" if prefix else figure.name
    return Figure(name, figure.unit, figure.factor)


def judged(predicted: Tensor, shot: Shot, joint_set: JointSet) -> tuple[Tensor, Tensor, Tensor]:
    """Predicted and true joints of the joint set, and which are known and were answered."""
    chosen = list(joint_set.judged)
    found, true, known = (x[:, chosen] for x in (predicted, shot.true, shot.known))
    return found, true, known & found.isfinite().all(-1)


def figures_of(predicted: Tensor, shot: Shot, joint_set: JointSet) -> dict[str, Tensor]:
    """All plain figures but `lifted_share`, per frame, in metres or shares."""
    found, true, mask = judged(predicted, shot, joint_set)
    wanted = shot.known[:, list(joint_set.judged)]
    figures = {
        "mpjpe_mm": mpjpe(found, true, mask),
        "pa_mpjpe_mm": pa_mpjpe(found, true, mask),
        "n_mpjpe_mm": n_mpjpe(found, true, mask),
        "mpjve_mm": _if_long(mpjve, 2, found, true, mask),
        "acceleration_mm_per_frame2": _if_long(acceleration_error, 3, found, true, mask),
        "pck_150_percent": pck_3d(found, true, mask),
        "auc_percent": auc_3d(found, true, mask),
        "lifted_joint_share": _share(mask, wanted),
    }
    if joint_set.name == "h36m_17":
        some = [joint_set.judged.index(joint) for joint in H36M_14]
        figures["pa_mpjpe_14_mm"] = pa_mpjpe(found[:, some], true[:, some], mask[:, some])
    return figures | _of_bones_and_feet(predicted, shot, joint_set)


def _of_bones_and_feet(predicted: Tensor, shot: Shot, joint_set: JointSet) -> dict[str, Tensor]:
    mask = shot.known & predicted.isfinite().all(-1)
    spread = bone_length_spread(predicted, mask, joint_set.bones)
    feet, fps = list(joint_set.feet), shot.clip.motion.fps
    figures = {
        "bone_error_mm": bone_length_error(predicted, shot.true, mask, joint_set.bones),
        "bone_spread_mm": spread.expand(len(predicted)),
        "foot_speed_mm_per_s": torch.empty(0),
    }
    if len(predicted) > 1:
        found, true = (shot.grounded(joints)[:, feet] for joints in (predicted, shot.true))
        figures["foot_speed_mm_per_s"] = foot_contact_speed(found, true, mask[:, feet], fps)
    return figures


def _if_long(metric: Metric, least: int, found: Tensor, true: Tensor, mask: Tensor) -> Tensor:
    return metric(found, true, mask) if len(found) >= least else torch.empty(0)


def _share(
    mask: Bool[Tensor, "frames joints"], wanted: Bool[Tensor, "frames joints"]
) -> Float[Tensor, " frames"]:
    return mask.sum(-1) / wanted.sum(-1)
