"""Plug-ins, found through Python entry points: `lift3d.body_models["default"]()`.

A group is a read-only mapping from names to factories. Listing reads metadata only; a plug-in's code
runs when its entry is taken, so one that is broken spoils nothing but itself. Built-ins come through
the same door as anybody's.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import fields, is_dataclass, replace
from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points
from inspect import Parameter, signature
from pathlib import Path
from types import UnionType
from typing import Any, Final, Generic, Literal, TypeVar, Union, get_args, get_origin

from lift3d.errors import InputError, PluginError
from lift3d.protocols import BodyModel, Dataset, Detector, Lifter, Regressor, Viewer

__all__ = [
    "PluginGroup",
    "body_models",
    "datasets",
    "detectors",
    "displays",
    "lifters",
    "open_dataset",
    "open_detector",
    "readers",
    "regressors",
    "viewers",
]

T = TypeVar("T")


class PluginGroup(Mapping[str, Callable[..., T]], Generic[T]):
    """The plug-ins of one entry-point group, by name."""

    def __init__(self, group: str) -> None:
        self.group = group

    def _found(self) -> dict[str, EntryPoint]:
        found: dict[str, EntryPoint] = {}
        for entry in entry_points(group=self.group):
            other = found.setdefault(entry.name, entry)
            if other.value != entry.value or _owner(other) != _owner(entry):
                raise PluginError(
                    f"expected one plug-in '{entry.name}' in {self.group}, got two, from "
                    f"{_owner(other)} and {_owner(entry)}: uninstall one of them"
                )
        return found

    def __getitem__(self, name: str) -> Callable[..., T]:
        found = self._found()
        if name not in found:
            near = get_close_matches(name, found, n=1)
            hint = f"did you mean '{near[0]}'?" if near else "install the package that brings it"
            known = ", ".join(sorted(found)) or "none"
            raise PluginError(f"expected a plug-in of {self.group} ({known}), got '{name}': {hint}")
        return self._load(found[name])

    def _load(self, entry: EntryPoint) -> Callable[..., T]:
        try:
            factory: Any = entry.load()
        except Exception as error:  # whatever a stranger's module raises while it is imported
            raise PluginError(
                f"expected plug-in '{entry.name}' of {_owner(entry)} to load, got "
                f"{type(error).__name__} ({error}): repair or uninstall {_owner(entry)}"
            ) from error
        return factory  # type: ignore[no-any-return]

    def __contains__(self, name: object) -> bool:
        return name in self._found()

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._found()))

    def __len__(self) -> int:
        return len(self._found())

    def __repr__(self) -> str:
        return f"<{self.group}: {', '.join(self) or 'none'}>"


def _owner(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else "an unknown package"


body_models: Final[PluginGroup[BodyModel]] = PluginGroup("lift3d.body_models")
datasets: Final[PluginGroup[Dataset]] = PluginGroup("lift3d.datasets")
detectors: Final[PluginGroup[Detector]] = PluginGroup("lift3d.detectors")
lifters: Final[PluginGroup[Lifter]] = PluginGroup("lift3d.lifters")
displays: Final[PluginGroup[Any]] = PluginGroup("lift3d.displays")
readers: Final[PluginGroup[Any]] = PluginGroup("lift3d.readers")
regressors: Final[PluginGroup[Regressor]] = PluginGroup("lift3d.regressors")
viewers: Final[PluginGroup[Viewer]] = PluginGroup("lift3d.viewers")


def open_dataset(name: str, root: Path | None, options: Sequence[str] = ()) -> Dataset:
    """A dataset of motion by the name of its reader, with options as text ("partial=true").

    `root` is None for readers that need no files. Values are read as what the reader's parameters
    take, several with commas between them. Raises `InputError` for options that the reader does not
    have or cannot take as text, for a root too many or missing, and for datasets of pictures.
    """
    factory = datasets[name]
    parameters = signature(factory).parameters.values()
    folder = any(p.kind is not p.KEYWORD_ONLY for p in parameters)
    if folder == (root is None):
        if folder:
            raise InputError(f"expected the folder or file of dataset '{name}', got none: give it")
        raise InputError(
            f"expected no folder or file for dataset '{name}', which needs none, got '{root}': "
            "leave it out"
        )
    known = {p.name: _kinds(p.annotation) for p in parameters if p.kind is p.KEYWORD_ONLY}
    values = dict(_option(name, option, known) for option in options)
    try:
        data = factory(root, **values) if folder else factory(**values)
    except (TypeError, ValueError, AttributeError) as error:
        if not options:
            raise
        raise InputError(
            f"expected options that the reader of '{name}' can take, got {' '.join(options)} "
            f"({error}): its card says what they may be"
        ) from error
    if not hasattr(data, "clips"):  # the group holds datasets of pictures too
        raise InputError(
            f"expected a dataset of motion, got '{name}', which has no clips: choose another"
        )
    return data


def open_detector(name: str, options: Sequence[str] = ()) -> Detector:
    """A detector by its name, with options as text ("path=net.onnx", "flip=true").

    Options are its parameters, and the fields of a parameter that is a group of options. Raises
    `InputError` for options that it does not have or cannot take as text, and for one that it needs.
    """
    factory = detectors[name]
    parameters = signature(factory).parameters.values()
    groups: dict[str, Any] = {p.name: p.default for p in parameters if is_dataclass(p.default)}
    known = {p.name: _kinds(p.annotation) for p in parameters if p.name not in groups}
    of_group = {
        field.name: (group, _kinds(field.type))
        for group, default in groups.items()
        for field in fields(default)
    }
    known |= {option: kinds for option, (_, kinds) in of_group.items()}
    told = dict(_option(name, option, known) for option in options)
    needed = [p.name for p in parameters if p.default is p.empty and p.name not in told]
    if needed:
        raise InputError(
            f"expected {' and '.join(needed)} for the detector '{name}', got none: give "
            f"--detector-option {needed[0]}=..."
        )
    values = {option: value for option, value in told.items() if option not in of_group}
    for group, default in groups.items():
        changed = {
            key: told[key] for key, (owner, _) in of_group.items() if owner == group and key in told
        }
        values[group] = replace(default, **changed)
    return factory(**values)


def _option(
    dataset: str, option: str, known: Mapping[str, tuple[object, ...]]
) -> tuple[str, object]:
    key, equals, text = option.partition("=")
    if not equals or not known.get(key):
        names = ", ".join(name for name, kinds in known.items() if kinds)
        raise InputError(
            f"expected options of '{dataset}' as NAME=VALUE ({names or 'it has none'}), "
            f"got '{option}': correct it"
        )
    for kind in known[key]:
        with suppress(ValueError):
            return key, _value(text, kind)
    wanted = " or ".join(map(_in_words, known[key]))
    raise InputError(f"expected {wanted} for {key} of '{dataset}', got '{text}': correct it")


def _kinds(annotation: object) -> tuple[object, ...]:
    """What text can stand for, of the types of a parameter; nothing for a skeleton, say."""
    union = get_origin(annotation) in (Union, UnionType)
    kinds = get_args(annotation) if union else (annotation,)
    return tuple(
        kind
        for kind in kinds
        if kind in (Parameter.empty, bool, int, float, str)
        or isinstance(kind, str)
        or get_origin(kind) in (Literal, tuple, Collection)
    )


_PLAIN: Final[Mapping[type, Callable[[str], object]]] = {
    bool: lambda text: ("false", "true").index(text) == 1,
    int: int,
    float: float,
    str: str,
}


def _value(text: str, kind: object) -> object:
    """The text as a value of that kind; `ValueError` where it is none."""
    plain = next((make for known, make in _PLAIN.items() if kind is known), None)
    if plain is not None:
        return plain(text)
    if get_origin(kind) is Literal:
        return get_args(kind)[get_args(kind).index(text)]
    if get_origin(kind) in (tuple, Collection):
        return tuple(_value(part, get_args(kind)[0]) for part in text.split(","))
    return _guess(text)


def _in_words(kind: object) -> str:
    if get_origin(kind) is Literal:
        return f"one of {', '.join(map(str, get_args(kind)))}"
    if get_origin(kind) in (tuple, Collection):
        return "values with commas between them"
    words = {bool: "true or false", int: "a whole number", float: "a number"}
    return next((said for known, said in words.items() if kind is known), "a text")


def _guess(text: str) -> object:
    """What a reader that does not say its types may mean."""
    for kind in (bool, int, float):
        with suppress(ValueError):
            return _value(text, kind)
    return tuple(text.split(",")) if "," in text else text
