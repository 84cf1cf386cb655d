"""What works on this machine: each part is really tried, and told in one line."""

import platform
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from lift3d.capture import Finding
from lift3d.cli.licences import check_shipped
from lift3d.errors import MissingDependencyError

__all__ = ["Check", "examine", "examine_dataset"]


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
        ("data that came along", check_shipped),
        ("licensed bodies", _licensed),
    ):
        yield _try(what, trial)


def examine_dataset(name: str, root: Path) -> Iterator[Check]:
    """What of a dataset is under a folder, in the words of its reader's `examine(root)`.

    Raises `PluginError` where there is no reader of that name.
    """
    from lift3d.plugins import datasets

    look: Callable[[Path], Iterator[Finding]] | None = getattr(datasets[name], "examine", None)
    if look is None:
        yield Check(name, False, "its reader cannot say what is there: try to read it")
        return
    try:
        if not root.exists():
            yield Check(name, False, f"nothing at '{root}': check the path")
            return
        for finding in look(root):
            yield Check(finding.what, finding.present, finding.detail)
    except Exception as error:  # a doctor reports every illness and falls to none
        yield Check(name, False, str(error) or type(error).__name__)


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

    return f"universal, gives {len(lifters['universal']().skeleton)} joints"


def _body() -> str:
    from lift3d.plugins import body_models

    surface = body_models["default"]().surface
    return f"{len(surface.lbs_weights)} vertices, {len(surface.faces)} triangles"


def _licensed() -> str:
    """Looks where licensed body models are kept; none is needed."""
    from lift3d.io.files.body_files import body_model_files, body_model_folders

    folders = body_model_folders()
    found = [str(path) for folder in folders for path in body_model_files(folder)]
    searched = " and ".join(str(folder) for folder in folders)
    return ", ".join(found) if found else f"none in {searched}, and none needed"
