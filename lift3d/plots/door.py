"""One door to all plots: a clip or the folder of a run goes in, a picture comes out."""

from os import PathLike
from typing import TYPE_CHECKING, Final, Literal, get_args

from lift3d.body import Articulation
from lift3d.clip import Clip, Person
from lift3d.errors import InputError
from lift3d.plots.angles import plot_angles
from lift3d.plots.errors import compared, plot_joint_errors
from lift3d.plots.path import plot_path
from lift3d.plots.style import save
from lift3d.plots.training import plot_training
from lift3d.plots.uncertainty import plot_reliability, plot_uncertainty

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["ClipPlot", "chosen_person", "plot_clip", "plot_run"]

ClipPlot = Literal["angles", "path", "uncertainty", "errors", "reliability"]
_NEED_TRUTH: Final = ("errors", "reliability")


def plot_run(folder: str | PathLike[str], path: str | PathLike[str]) -> None:
    """The curves of a training run, from its folder, as `.png`, `.pdf` or `.svg`."""
    save(plot_training(folder), path)


def plot_clip(
    clip: Clip,
    path: str | PathLike[str],
    what: ClipPlot = "angles",
    *,
    person: int | None = None,
    body: Articulation | None = None,
    truth: Clip | None = None,
) -> None:
    """One plot of one person (an id; the one seen most where it is None) as `.png`, `.pdf` or `.svg`.

    `body` lets angles come from a fitted body's rotations. `truth` is a clip of the same frames that
    `errors` and `reliability` compare with. Raises `InputError` and `OutputError`.
    """
    save(_figure(clip, what, person, body, truth), path)


def _figure(
    clip: Clip, what: str, number: int | None, body: Articulation | None, truth: Clip | None
) -> "Figure":
    if what not in get_args(ClipPlot):
        raise InputError(
            f"expected a plot out of {', '.join(get_args(ClipPlot))}, got '{what}': choose one of these"
        )
    person = chosen_person(clip, number)
    if what in _NEED_TRUTH:
        if truth is None:
            raise InputError(f"expected a clip with the truth for '{what}', got none: name one")
        found = compared(person, chosen_person(truth, number if number is not None else None))
        return plot_joint_errors(found) if what == "errors" else plot_reliability(found.reliability)
    if what == "angles":
        return plot_angles(clip, person, body)
    return plot_path(clip, person) if what == "path" else plot_uncertainty(clip, person)


def chosen_person(clip: Clip, number: int | None = None) -> Person:
    """The person of an id, or the one who is seen in most frames. Raises `InputError`."""
    if not clip.people:
        raise InputError("expected a clip with people, got one without: check where it is from")
    if number is None:
        return max(clip.people, key=lambda person: int(person.joints.observed.sum()))
    for person in clip.people:
        if person.id == number:
            return person
    known = ", ".join(str(person.id) for person in clip.people[:10])
    raise InputError(f"expected the id of a person ({known}), got {number}: choose one of these")
