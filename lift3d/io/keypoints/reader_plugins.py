"""Readers of keypoint files that other packages bring: the plug-in group `lift3d.readers`.

They are asked after the formats of `lift3d.io.keypoints.sniff`, so that a stranger's reader cannot take
a file that lift3d itself knows; `--format NAME` asks one alone. Its code runs only then.
"""

from collections.abc import Callable, Iterator
from typing import Any, Protocol, TypeVar, runtime_checkable

from lift3d.errors import Lift3dError, PluginError
from lift3d.io.keypoints.detections import Detections
from lift3d.io.keypoints.specimen import Specimen
from lift3d.plugins import readers

__all__ = ["GuardedReader", "KeypointReader", "installed_reader", "installed_readers"]

T = TypeVar("T")


@runtime_checkable
class KeypointReader(Protocol):
    """A kind of keypoint file: how it is recognised, and how it is read.

    A plug-in of the group `lift3d.readers` is a class or function that makes one without arguments;
    its name in the group is that of the format. `lift3d.io.keypoints.detections.gather` makes
    `Detections` of people and frames.
    """

    def signs(self, specimen: Specimen, /) -> str:
        """By what the file is known to be one, in words; "" where it is none. It must not raise."""
        ...

    def read(self, specimen: Specimen, /) -> Detections:
        """What the file says; raises `FileFormatError` where it is broken."""
        ...


class GuardedReader:
    """A stranger's reader: whatever it raises or returns, callers see lift3d's own errors and values."""

    def __init__(self, name: str, reader: KeypointReader) -> None:
        self.name, self._reader = name, reader

    def signs(self, specimen: Specimen) -> str:
        """As `KeypointReader.signs`; `PluginError` where the plug-in breaks its promise."""
        return self._asked("signs", str, lambda: self._reader.signs(specimen))

    def read(self, specimen: Specimen) -> Detections:
        """As `KeypointReader.read`; `PluginError` where the plug-in breaks its promise."""
        return self._asked("detections", Detections, lambda: self._reader.read(specimen))

    def _asked(self, what: str, kind: type[T], ask: Callable[[], object]) -> T:
        try:
            answer: Any = ask()
        except Lift3dError:
            raise
        except Exception as error:  # whatever a stranger's code raises
            raise PluginError(
                f"expected {what} from the reader '{self.name}', got {type(error).__name__} ({error}): "
                "report it to the makers of that plug-in"
            ) from error
        if not isinstance(answer, kind):
            raise PluginError(
                f"expected {what} from the reader '{self.name}', got {type(answer).__name__}: report it "
                "to the makers of that plug-in"
            )
        return answer


def installed_reader(name: str) -> GuardedReader:
    """The plug-in of that name; `PluginError` where there is none, or it does not load."""
    factory = readers[name]
    try:
        return GuardedReader(name, factory())
    except Exception as error:  # whatever a stranger's code raises
        raise PluginError(
            f"expected the reader '{name}' to start, got {type(error).__name__} ({error}): repair or "
            "uninstall that plug-in"
        ) from error


def installed_readers() -> Iterator[tuple[str, GuardedReader | PluginError]]:
    """Every reader that other packages bring, by name, or the reason why it cannot be asked."""
    for name in readers:
        try:
            yield name, installed_reader(name)
        except PluginError as error:
            yield name, error
