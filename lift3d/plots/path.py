"""Where one person went: the way seen from above, the root's height and speed, and when feet stood."""

from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from jaxtyping import Bool, Float
from numpy import ndarray
from torch import Tensor

from lift3d.clip import Clip, Person
from lift3d.errors import InputError
from lift3d.geometry.contacts import FEET, find_contacts, soles
from lift3d.io.keypoints.joint_names import joints_named
from lift3d.io.motion.world_points import world_joints
from lift3d.plots.style import CENTRE, GREEN, LEFT, RIGHT, dressed, keyed, shaded, sheet, titled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_path"]

_SIDES: Final = (LEFT, RIGHT)
_ALONG: Final = 0.3  # how much of the motion along the line of sight counts: cameras tell it badly
_AROUND: Final = 2.0  # seconds


def plot_path(clip: Clip, person: Person) -> "Figure":
    """The root's way in metres, its height and speed, the feet's heights and contacts, over time.

    Contacts are found from the lifted joints. Raises `InputError` for a person without hips.
    """
    places = world_joints(clip, person)
    names, places = _named(person, places)
    root = _root(names, places)
    feet, standing = _feet(clip, person, names, places)
    times = (clip.first_frame + np.arange(len(clip))) / clip.fps
    figure = sheet(13.0, 7.5)
    grid = figure.add_gridspec(3, 2, width_ratios=[1, 1.35], height_ratios=[1.5, 1, 0.62])
    _from_above(figure.add_subplot(grid[:, 0]), times, root)
    heights, speed, stands = (figure.add_subplot(grid[row, 1]) for row in range(3))
    for axes in (speed, stands):
        axes.sharex(heights)
    heights.plot(times, root[:, 1], color=CENTRE, linewidth=1.8, label="root")
    for foot, color, side in zip(feet.transpose(1, 0, 2), _SIDES, FEET, strict=True):
        heights.plot(times, foot[:, 1], color=color, linewidth=1.5, label=f"{side} foot")
    dressed(heights, "Height, y", y="metres")
    keyed(heights, columns=3)
    speed.plot(times, _speed(root, clip.fps), color=GREEN, linewidth=1.5)
    dressed(speed, "Speed of the root", y="metres a second")
    speed.set_ylim(bottom=0)
    for place, (color, on) in enumerate(zip(_SIDES, standing.T, strict=True)):
        shaded(stands, times, on, (0.62 - 0.5 * place, 0.36), color)
    dressed(stands, "Feet standing", x="time (s)")
    stands.set_yticks([0.8, 0.3], list(FEET))
    stands.set_ylim(0, 1.1)
    stands.grid(axis="y", visible=False)
    level = (
        ""
        if clip.camera.tilt_known
        else "; the camera's tilt is not known, so it is taken as level"
    )
    titled(figure, f"Path of person {person.id}", f"A world with y up, metres{level}.")
    return figure


def _named(person: Person, places: Tensor) -> tuple[tuple[str, ...], Tensor]:
    """Joints by the names that this library gives them, whatever a file calls them."""
    own = person.joints.pose.skeleton
    found = joints_named(own.joints)
    if found.skeleton is None:
        return own.joints, places
    return found.skeleton.joints, places[:, list(found.columns)]


def _root(names: tuple[str, ...], places: Tensor) -> Float[ndarray, "frames 3"]:
    for wanted in (("pelvis",), ("left_hip", "right_hip")):
        if set(wanted) <= set(names):
            return np.asarray(places[:, [names.index(name) for name in wanted]].mean(1).numpy())
    raise InputError(
        f"expected a pelvis or both hips for a path, got joints {', '.join(names[:4])} and so on: "
        "give a clip of people"
    )


def _feet(
    clip: Clip, person: Person, names: tuple[str, ...], places: Tensor
) -> tuple[Float[ndarray, "frames 2 3"], Bool[ndarray, "frames 2"]]:
    _, local = _named(person, person.joints.pose.joints.double())
    up = clip.world_from_camera[1] if clip.camera.cam_from_world.ndim == 2 else None
    seen, along = (places, 1.0) if up is None else (local, _ALONG)
    upwards = torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64) if up is None else up
    standing = find_contacts(names, seen, clip.fps, upwards, around=_AROUND, along=along)
    return soles(names, places).numpy(), standing.numpy()


def _speed(root: Float[ndarray, "frames 3"], fps: float) -> Float[ndarray, " frames"]:
    if len(root) < 2:
        return np.full(len(root), np.nan)
    return np.asarray(np.linalg.norm(np.gradient(root, axis=0), axis=1) * fps)


def _from_above(
    axes: "Axes", times: Float[ndarray, " frames"], root: Float[ndarray, "frames 3"]
) -> None:
    """A map whose lower edge is the camera's side: x to the right, the camera looks up the page."""
    known = np.isfinite(root).all(1)
    dressed(axes, "From above", x="to the right, x (m)", y="z (m); the camera looks up the page")
    axes.plot(root[:, 0], root[:, 2], color="#bbbbbb", linewidth=1, zorder=1)
    if known.any():
        drawn = axes.scatter(
            root[known, 0], root[known, 2], c=times[known], cmap="cividis", s=14, zorder=2
        )
        bar = axes.figure.colorbar(drawn, ax=axes, shrink=0.6, pad=0.02)
        bar.set_label("time (s)", fontsize=10)
        for row, words in ((np.flatnonzero(known)[0], "start"), (np.flatnonzero(known)[-1], "end")):
            axes.annotate(words, root[row, [0, 2]].tolist(), xytext=(6, 6), fontsize=9,
                          textcoords="offset points")  # fmt: skip
        middle = (root[known].min(0) + root[known].max(0)) / 2
        reach = max(0.25, float(np.ptp(root[known], axis=0)[[0, 2]].max()) * 0.58)
        axes.set_xlim(middle[0] - reach, middle[0] + reach)
        axes.set_ylim(middle[2] + reach, middle[2] - reach)
    axes.set_aspect("equal", adjustable="box")
