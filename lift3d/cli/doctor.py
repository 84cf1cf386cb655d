"""What works on this machine: each part is really tried, and told in one line."""

import os
import platform
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import platformdirs

from lift3d.errors import MissingDependencyError

__all__ = ["Check", "examine"]


@dataclass(frozen=True, slots=True)
class Check:
    """One part of the library on this machine."""

    what: str
    works: bool
    detail: str


def examine() -> Iterator[Check]:
    """Try every part; what fails says what to do."""
    yield Check("lift3d", True, f"{version('lift3d')} on Python {platform.python_version()}")
    for what, trial in (
        ("torch", _torch),
        ("off-screen rendering", _gl),
        ("H.264 video", _ffmpeg),
        ("lifter weights", _weights),
        ("default body", _body),
        ("licensed bodies", _licensed),
    ):
        yield _try(what, trial)


def _try(what: str, trial: Callable[[], str]) -> Check:
    try:
        return Check(what, True, trial())
    except Exception as error:  # a doctor reports every illness and falls to none
        return Check(what, False, str(error) or type(error).__name__)


def _torch() -> str:
    import torch

    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU only"
    return f"{torch.__version__}, {device}, {torch.get_num_threads()} threads"


def _gl() -> str:
    """Viewers may try themselves in a process of their own: a broken driver may end it."""
    from lift3d.plugins import viewers

    probe = getattr(viewers["pyrender"], "probe", None)
    told = str(probe()) if probe is not None else "works: it does not say with what"
    if not told.startswith("works"):
        raise MissingDependencyError(told)
    return told.removeprefix("works: ")


def _ffmpeg() -> str:
    import imageio_ffmpeg

    return f"ffmpeg {imageio_ffmpeg.get_ffmpeg_version()}"


def _weights() -> str:
    from lift3d.plugins import lifters

    return f"martinez, gives {len(lifters['martinez']().skeleton)} joints"


def _body() -> str:
    from lift3d.plugins import body_models

    surface = body_models["default"]().surface
    return f"{len(surface.lbs_weights)} vertices, {len(surface.faces)} triangles"


def _licensed() -> str:
    """Looks where licensed body models are kept; none is needed."""
    places = [
        Path(os.environ.get("LIFT3D_BODY_MODELS", "")),
        platformdirs.user_data_path("lift3d") / "body_models",
    ]
    found = [
        str(path)
        for place in places
        if str(place) != "." and place.is_dir()
        for path in sorted(place.rglob("*"))
        if path.suffix in {".pkl", ".npz", ".safetensors"}
    ]
    return ", ".join(found) if found else "none found, and none needed"
