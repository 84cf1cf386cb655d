"""What the verb `cite` says: BibTeX for the methods of a run."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Final, get_args

from lift3d import plugins
from lift3d.citations import METHODS, Kind, Paper, papers_of, unique
from lift3d.errors import InputError
from lift3d.io import read_clip
from lift3d.pipeline import LiftOptions
from lift3d.plugins import PluginGroup

__all__ = ["CiteOptions", "cited"]

_NOBODY: Final = "% {kind} '{name}': no paper to cite"
_GROUPS: Final[Mapping[str, PluginGroup[Any]]] = {
    "body_model": plugins.body_models,
    "dataset": plugins.datasets,
    "detector": plugins.detectors,
    "lifter": plugins.lifters,
    "regressor": plugins.regressors,
    "viewer": plugins.viewers,
}


@dataclass(frozen=True)
class CiteOptions:
    """Methods by name (see `lift3d list`). Without any it is what `lift3d lift` uses by itself."""

    detector: str | None = None
    """Which detector found the keypoints."""
    lifter: str | None = None
    """Which lifter lifted them."""
    regressor: str | None = None
    """What read bodies out of the joints."""
    body_model: str | None = None
    """Which body was fitted."""
    dataset: str | None = None
    """Which dataset was read."""
    viewer: str | None = None
    """Which viewer drew."""
    tracker: str | None = None
    """How people were followed."""
    smoothing: str | None = None
    """How clips were smoothed; "grounded" is one, too."""
    decoder: str | None = None
    """Which function of `lift3d.decoders` read a network's maps."""
    metric: tuple[str, ...] = ()
    """Which functions of `lift3d.metrics` judged."""
    everything: bool = False
    """All papers that lift3d knows."""


def cited(clip: Path | None, options: CiteOptions) -> str:
    """BibTeX for the methods named, those of a lifted clip, or those of `lift3d lift` by itself.

    Raises `InputError` for names that nobody knows, and what `read_clip` raises.
    """
    if options.everything:
        found = (papers_of(kind, name) for kind in get_args(Kind) for name in METHODS[kind])
        return _written([], unique(paper for papers in found for paper in papers), [])
    remarks: list[str] = []
    if clip is not None:
        options, remarks = _of_clip(clip, options)
    elif options == CiteOptions():
        remarks.append("% what `lift3d lift` uses by itself")
        options = _by_itself()
    papers: list[Paper] = []
    foreign: list[str] = []
    for kind, name in _named(options):
        if name in METHODS[kind]:
            new = papers_of(kind, name)
            papers += new
            remarks += [] if new else [_NOBODY.format(kind=kind, name=name)]
        else:
            told = _told_by_plugin(kind, name)
            foreign += [told] if told else []
            remarks += [] if told else [_NOBODY.format(kind=kind, name=name)]
    return _written(remarks, unique(papers), foreign)


def _by_itself() -> CiteOptions:
    usual = LiftOptions()
    return CiteOptions(
        lifter=usual.lifter,
        regressor=usual.regressor,
        body_model=usual.body_model,
        tracker="greedy",
        smoothing=usual.smoothing,
    )


def _of_clip(path: Path, options: CiteOptions) -> tuple[CiteOptions, list[str]]:
    """What the file says, filled up with what `lift3d lift` uses by itself."""
    body, usual = read_clip(path).body_model, _by_itself()
    told = replace(options, body_model=options.body_model or body or None)
    remarks = [f"% '{path}' says its body: {body}" if body else f"% '{path}' has no bodies"]
    said = "% it does not say its {what}, assumed: {name} (--{what} names another)"
    if told.lifter is None:
        remarks.append(said.format(what="lifter", name=usual.lifter))
        told = replace(told, lifter=usual.lifter)
    if told.regressor is None and body:
        remarks.append(said.format(what="regressor", name=usual.regressor))
        told = replace(told, regressor=usual.regressor)
    return told, remarks


def _named(options: CiteOptions) -> Iterator[tuple[Kind, str]]:
    for field in fields(options):
        value = getattr(options, field.name)
        names = value if isinstance(value, tuple) else (value,)
        for kind in get_args(Kind):
            if kind == field.name:
                yield from ((kind, name) for name in names if name)


def _told_by_plugin(kind: Kind, name: str) -> str:
    """The BibTeX that another package's plug-in brings as its attribute `bibtex`; "" for none."""
    group = _GROUPS.get(kind)
    if group is None or name not in group:
        papers_of(kind, name)  # says which names there are
        raise InputError(f"expected a {kind} that is known, got '{name}': name another")
    return str(getattr(group[name], "bibtex", "")).strip()


def _written(remarks: list[str], papers: tuple[Paper, ...], foreign: list[str]) -> str:
    entries = [*(paper.bibtex() for paper in papers), *foreign]
    return "\n\n".join(["\n".join(remarks), *entries] if remarks else entries) + "\n"
