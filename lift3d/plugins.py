"""Plug-ins, found through Python entry points: `lift3d.body_models["default"]()`.

A group is a read-only mapping from names to factories. Listing reads metadata only; a plug-in's code
runs when its entry is taken, so one that is broken spoils nothing but itself. Built-ins come through
the same door as anybody's.
"""

from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final, Generic, TypeVar

from lift3d.errors import PluginError
from lift3d.protocols import BodyModel, Dataset, Lifter, Viewer

__all__ = ["PluginGroup", "body_models", "datasets", "lifters", "viewers"]

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
lifters: Final[PluginGroup[Lifter]] = PluginGroup("lift3d.lifters")
viewers: Final[PluginGroup[Viewer]] = PluginGroup("lift3d.viewers")
