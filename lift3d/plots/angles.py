"""Joint angles of one person over time."""

from typing import TYPE_CHECKING, Final

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from lift3d.body import Articulation
from lift3d.clip import Clip, Person
from lift3d.io.motion.joint_angles import JointAngles, joint_angles
from lift3d.plots.style import LEFT, PALETTE, RIGHT, dressed, keyed, sheet, titled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_angles"]

_PAIRS: Final = (
    ("hip_flexion", "Hip: thigh forward (+)"),
    ("hip_adduction", "Hip: thigh to the middle (+)"),
    ("hip_rotation", "Hip: toes inwards (+)"),
    ("knee_angle", "Knee: bent (+)"),
    ("ankle_angle", "Ankle: toes up (+)"),
    ("arm_flex", "Shoulder: arm forward (+)"),
    ("arm_add", "Shoulder: arm to the middle (+)"),
    ("arm_rot", "Shoulder: forearm inwards (+)"),
    ("elbow_flex", "Elbow: bent (+)"),
)
_TRUNK: Final = (
    (
        "Pelvis: back, right down, to the left (+)",
        ("pelvis_tilt", "pelvis_list", "pelvis_rotation"),
    ),
    (
        "Trunk: back, to the right, to the left (+)",
        ("lumbar_extension", "lumbar_bending", "lumbar_rotation"),
    ),
)


def plot_angles(clip: Clip, person: Person, body: Articulation | None = None) -> "Figure":
    """A panel per joint, in degrees: left and right sides in one, names and signs as in OpenSim.

    Of a body's rotations where `body` is given and fitted, else of joints. Raises `InputError` for
    joints that are not a person's.
    """
    angles = joint_angles(clip, person, body)
    times = (clip.first_frame + np.arange(len(clip))) / clip.fps
    figure = sheet(13.0, 10.0)
    panels = figure.subplots(4, 3, sharex=True).ravel().tolist()
    for axes, (title, lines) in zip(panels, _TRUNK, strict=False):
        for name, color in zip(lines, PALETTE, strict=False):
            _line(axes, times, angles, name, color, name.rpartition("_")[2])
        _finish(axes, title)
        axes.margins(y=0.35)  # room for the legend
        keyed(axes, "upper center", columns=3)
    for axes, (name, title) in zip(panels[len(_TRUNK) :], _PAIRS, strict=False):
        for letter, side, color in (("l", "left", LEFT), ("r", "right", RIGHT)):
            _line(axes, times, angles, f"{name}_{letter}", color, side)
        _finish(axes, title)
    panels[-1].set_axis_off()
    for side, color in (("left side", LEFT), ("right side", RIGHT)):
        panels[-1].plot([], [], color=color, linewidth=2.5, label=side)
    keyed(panels[-1], "center")
    for axes in panels[-4:-1]:
        axes.set_xlabel("time (s)")
        axes.tick_params(labelbottom=True)
    source = "the body's rotations" if body is not None and person.body is not None else "joints"
    titled(
        figure,
        f"Joint angles of person {person.id}",
        f"From {source}; 0 in upright stance with hanging arms. Gaps: not seen, or not known.",
    )
    return figure


def _line(
    axes: "Axes",
    times: Float[ndarray, " frames"],
    angles: JointAngles,
    name: str,
    color: str,
    label: str,
) -> None:
    values = np.degrees(angles[name])
    alone = (
        np.isfinite(values) & ~np.isfinite(np.roll(values, 1)) & ~np.isfinite(np.roll(values, -1))
    )
    axes.plot(times, values, color=color, linewidth=1.6, label=label)
    axes.plot(times[alone], values[alone], ".", color=color, markersize=4)


def _finish(axes: "Axes", title: str) -> None:
    dressed(axes, title, y="degrees")
    axes.axhline(0, color="#999999", linewidth=0.8)
