"""How far the joints of two clips lie apart: one person's, against the truth."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lift3d.clip import Person
from lift3d.errors import InputError
from lift3d.plots.style import CENTRE, LEFT, RIGHT, dressed, sheet, titled
from lift3d.plots.uncertainty import Reliability, reliability
from lift3d.skeletons import correspondence

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["compared", "plot_joint_errors"]


@dataclass(frozen=True, slots=True)
class Compared:
    """Two people's joints in the same layout, root-relative (metres); `mask` is what both know."""

    names: tuple[str, ...]
    predicted: Float[Tensor, "frames joints 3"]
    true: Float[Tensor, "frames joints 3"]
    covariance: Float[Tensor, "frames joints 3 3"]
    mask: Bool[Tensor, "frames joints"]

    @property
    def reliability(self) -> Reliability:
        """Whether the covariances of what was predicted hold what they say."""
        return reliability(self.predicted, self.true, self.covariance, self.mask)


def compared(person: Person, truth: Person) -> Compared:
    """A person beside the truth, both from their middle of the hips.

    The root itself is left out. Raises `InputError` for clips of different lengths, and for layouts
    without joints in common.
    """
    if len(person.joints) != len(truth.joints):
        raise InputError(
            f"expected as many frames as in the truth ({len(truth.joints)}), got "
            f"{len(person.joints)}: cut one of them"
        )
    target = truth.joints.pose.skeleton
    known = correspondence(person.joints.pose.skeleton, target).known
    own, true = person.joints.pose.to(target), truth.joints.pose
    hips = [n for n, name in enumerate(target.joints) if name in ("left_hip", "right_hip")]
    root = [target.joints.index("pelvis")] if "pelvis" in target.joints else hips
    kept = [n for n in range(len(target)) if known[n] and n not in root]
    if not kept or not root:
        raise InputError(
            f"expected joints that '{person.joints.pose.skeleton.name}' and '{target.name}' share, "
            "and hips, got none: give two clips of people"
        )
    places = [pose.joints.double() - pose.joints.double()[:, root].mean(1, keepdim=True)
              for pose in (own, true)]  # fmt: skip
    predicted, right = (place[:, kept] for place in places)
    mask = predicted.isfinite().all(-1) & right.isfinite().all(-1)
    mask &= (person.joints.shown & truth.joints.shown)[:, None]
    names = tuple(target.joints[n] for n in kept)
    return Compared(names, predicted, right, own.covariance.double()[:, kept], mask)


def plot_joint_errors(found: Compared, title: str = "Error by joint") -> "Figure":
    """A box per joint: half of all frames lie in it, 90 % between the whiskers; medians in numbers.

    Raises `InputError` where no joint is known in both.
    """
    error = 1000 * torch.linalg.vector_norm(found.predicted - found.true, dim=-1)
    columns = [error[found.mask[:, joint], joint].numpy() for joint in range(len(found.names))]
    rows = [n for n, column in enumerate(columns) if len(column)]
    if not rows:
        raise InputError(
            "expected joints that are known in both, got none to compare: check mask and missing values"
        )
    figure = sheet(9.0, max(4.0, 1.6 + 0.3 * len(rows)))
    axes = figure.subplots()
    boxes = axes.boxplot(
        [columns[n] for n in rows], orientation="horizontal", widths=0.62, whis=(5, 95),
        showfliers=False, patch_artist=True, medianprops={"color": "white", "linewidth": 1.6},
    )  # fmt: skip
    for box, n in zip(boxes["boxes"], rows, strict=True):
        box.set_facecolor(_color(found.names[n]))
        box.set_edgecolor("none")
    for place, n in enumerate(rows, 1):
        high = float(np.quantile(columns[n], 0.95))
        axes.annotate(f"{np.median(columns[n]):.0f}", (high, place), xytext=(6, 0), fontsize=9,
                      textcoords="offset points", va="center")  # fmt: skip
    axes.set_yticks(range(1, len(rows) + 1), [found.names[n].replace("_", " ") for n in rows])
    axes.invert_yaxis()
    mean = float(error[found.mask].mean())
    dressed(axes, "", x="distance from the truth, root-relative (mm)")
    axes.set_xlim(left=0)
    axes.grid(axis="y", visible=False)
    titled(
        figure,
        f"{title}: mean {mean:.1f} mm",
        f"{int(found.mask.any(1).sum()):,} frames. Orange left, blue right; half of the frames in a "
        "box, 90 % between whiskers; numbers are medians.",
    )
    return figure


def _color(name: str) -> str:
    return LEFT if name.startswith("left_") else RIGHT if name.startswith("right_") else CENTRE
