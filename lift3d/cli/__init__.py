"""The command line: `lift3d VERB`. Each verb calls one function of the library."""

import io
import sys
from collections.abc import Sequence
from importlib.metadata import version

__all__ = ["main"]


def main(args: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code: 0, the verb's own, or 2 with one sentence for bad input."""
    words = _told(sys.argv[1:] if args is None else args)
    if words == ["--version"]:
        sys.stdout.write(f"lift3d {version('lift3d')}\n")
        return 0
    # The library is slow to import; `lift3d --help` should not wait for more than it needs.
    import cv2
    import torch

    from lift3d.cli.app import app
    from lift3d.errors import Lift3dError

    if isinstance(sys.stdout, io.TextIOWrapper):  # names of files may hold any bytes
        sys.stdout.reconfigure(errors="backslashreplace")
    # Small operations only: a second thread costs more than it brings, ten times beside other jobs.
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    try:
        code = app.cli(prog="lift3d", args=words)
    except Lift3dError as error:
        sentence = " ".join(str(error).split())  # names may hold line breaks
        sys.stderr.write(f"lift3d: {sentence}\n")
        return 2
    except BrokenPipeError:  # `lift3d list | head`: the reader has seen enough
        return 0
    except KeyboardInterrupt as stop:
        said = str(stop) or "stopped by hand; nothing half-written was left behind"
        sys.stderr.write(f"lift3d: {said}\n")
        return 130
    return code if isinstance(code, int) else 0


def _told(args: Sequence[str]) -> list[str]:
    """The arguments; `train regressor` and `train keypoints` are verbs of two words."""
    words = list(args)
    if words[:1] == ["train"] and words[1:2] in (["regressor"], ["keypoints"]):
        return ["-".join(words[:2]), *words[2:]]
    return words
