"""Which renderer draws the bodies here: the first that works, and a line that says which and why."""

import platform
from collections.abc import Callable
from pathlib import Path
from typing import Final

from lift3d.errors import Lift3dError, MissingDependencyError
from lift3d.plugins import viewers
from lift3d.protocols import Viewer

__all__ = ["open_viewer"]

_WITH_GPU: Final = "pyrender"
_ANYWHERE: Final = "software"
_DEVICES: Final = ("dri/renderD*", "nvidia[0-9]*", "dxg", "mali*", "kgsl*")
_NO_GPU: Final = ("llvmpipe", "softpipe", "swrast", "swr ", "software", "osmesa")


def open_viewer(name: str = "auto") -> tuple[Viewer, str]:
    """A viewer that draws on this machine, and one line on which it is and why.

    `auto` takes pyrender where it finds a GPU, else the renderer that needs none, else pyrender on the
    CPU. A driver is tried in a process of its own first, since a broken one may end the process.
    Raises `MissingDependencyError` where no renderer works, or the one that is named does not, and
    `PluginError` for unknown names.
    """
    if name != "auto":
        return _named(name)
    reasons: list[str] = []
    for candidate, suits in ((_WITH_GPU, _has_gpu), (_ANYWHERE, _works), (_WITH_GPU, _works)):
        try:
            told = suits(candidate)
            return viewers[candidate](), _line(candidate, told, reasons)
        except Exception as error:  # whatever a driver or a stranger's plug-in raises
            reasons.append(f"{candidate}: {error}")
    raise MissingDependencyError(
        f"expected some renderer to work here, got none ({'; '.join(dict.fromkeys(reasons))}): "
        "lift3d doctor says what to install"
    )


def _line(name: str, told: str, reasons: list[str]) -> str:
    why = f" ({told})" if told else ""
    short = [reason.removeprefix(f"{name}: ").splitlines()[0] for reason in reasons]
    return f"renderer: {name}{why}" + (f", since {'; '.join(short)}" if reasons else "")


def _named(name: str) -> tuple[Viewer, str]:
    factory = viewers[name]
    told = _works(name)
    try:
        return factory(), f"renderer: {name}" + (f" ({told})" if told else "")
    except Lift3dError:
        raise
    except Exception as error:
        raise MissingDependencyError(
            f"expected the renderer '{name}' to start, got {type(error).__name__} ({error}): "
            "take another with --viewer auto"
        ) from error


def _works(name: str) -> str:
    """What a viewer tells of itself; raises `MissingDependencyError` where it does not work."""
    probe: Callable[[], object] | None = getattr(viewers[name], "probe", None)
    if probe is None:
        return ""
    told = str(probe())
    if not told.startswith("works"):
        raise MissingDependencyError(told)
    return told.removeprefix("works").strip(": ")


def _has_gpu(name: str) -> str:
    """As `_works`, for drawing on a GPU; without its device files the slow trial is left out."""
    if not _gpu_files():
        raise MissingDependencyError("no GPU on this machine")
    told = _works(name)
    if any(word in told.lower() for word in _NO_GPU):
        raise MissingDependencyError(f"no GPU, only {told}")
    return told


def _gpu_files() -> bool:
    """Whether a GPU may be there; on systems other than Linux only a trial can tell."""
    if platform.system() != "Linux":
        return True
    return any(next(Path("/dev").glob(pattern), None) is not None for pattern in _DEVICES)
