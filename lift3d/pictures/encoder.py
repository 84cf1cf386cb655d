"""ffmpeg as a process that takes frames: fed by a thread, ended whole or not at all."""

import os
import subprocess
from pathlib import Path
from queue import Queue
from tempfile import TemporaryFile
from threading import Event, Thread
from typing import Any, Final

from jaxtyping import UInt8
from numpy import ndarray

from lift3d.errors import MissingDependencyError, OutputError

__all__ = ["LOSSLESS", "Encoder", "ffmpeg", "h264", "palette", "paletted", "run_ffmpeg"]

_AHEAD: Final = 3  # frames that wait for ffmpeg
# Players take HD for BT.709 whatever is in it; without this, colours shift a little.
_COLORS: Final = (
    *("-vf", "scale=out_color_matrix=bt709:out_range=tv"),
    *("-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709"),
)
LOSSLESS: Final = ("-c:v", "libx264rgb", "-crf", "0", "-preset", "ultrafast")
"""Arguments for a video that keeps every pixel, quickly."""


def h264() -> tuple[str, ...]:
    """Arguments for a video that plays everywhere, and starts to play before it is loaded."""
    codec = ("-c:v", "libx264", "-pix_fmt", "yuv420p", "-crf", "18", "-preset", "veryfast")
    return (*codec, *_COLORS, "-movflags", "+faststart")


def palette(source: Path, target: Path) -> tuple[str, ...]:
    """Arguments that find the 256 colours of a video that serve its moving parts best."""
    return ("-i", str(source), "-vf", "palettegen=stats_mode=diff", "-frames:v", "1", str(target))


def paletted(source: Path, colors: Path, target: Path) -> tuple[str, ...]:
    """Arguments that write a video as an endless GIF in given colours; ordered dots pack well."""
    dots = "paletteuse=dither=bayer:bayer_scale=3:diff_mode=rectangle"
    return ("-i", str(source), "-i", str(colors), "-lavfi", dots, "-loop", "0", str(target))


def ffmpeg() -> str:
    """Where ffmpeg is; `MissingDependencyError` where it is not."""
    try:
        import imageio_ffmpeg

        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except (ImportError, RuntimeError) as error:
        raise MissingDependencyError(
            f"expected ffmpeg to write or read a video, got {error}: "
            "pip install imageio-ffmpeg, or put ffmpeg on the PATH"
        ) from error


def run_ffmpeg(arguments: tuple[str, ...]) -> bytes:
    """What ffmpeg says on its standard output; `OutputError` with its last line where it fails."""
    command = [ffmpeg(), "-y", "-v", "error", "-nostdin", *arguments]
    done = subprocess.run(command, capture_output=True, check=False, **_apart())  # noqa: S603
    if done.returncode:
        raise OutputError(_failure(done.stderr))
    told: bytes = done.stdout
    return told


def _apart() -> dict[str, Any]:
    """Ctrl-C in a terminal goes to all of a group: ffmpeg is to finish its file."""
    if os.name == "nt":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}  # type: ignore[attr-defined]
    return {"start_new_session": True}


def _failure(told: bytes) -> str:
    lines = told.decode(errors="replace").strip().splitlines() or ["it stopped"]
    return f"expected ffmpeg to take the frames, got {lines[-1]}: free some room and try again"


class Encoder:
    """A video that is being written: frames (display RGB of one size) in, a file when finished."""

    def __init__(
        self, path: Path, size: tuple[int, int], fps: float, arguments: tuple[str, ...]
    ) -> None:
        height, width = size
        raw = ("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", f"{fps:.6f}")
        command = [ffmpeg(), "-y", "-v", "error", *raw, "-i", "-", "-an", *arguments, str(path)]
        self._errors = TemporaryFile()  # noqa: SIM115 - closed in `abort`
        self._process = subprocess.Popen(  # noqa: S603
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=self._errors,
            **_apart(),
        )
        self._frames: Queue[ndarray | None] = Queue(_AHEAD)
        self._broken, self._written = Event(), 0
        self._thread = Thread(target=self._feed, daemon=True)
        self._thread.start()

    def send(self, frame: UInt8[ndarray, "height width 3"]) -> None:
        """Hand over a frame, which must not change afterwards. Raises `OutputError`."""
        if self._broken.is_set():
            self.finish()
        self._frames.put(frame)

    def finish(self) -> int:
        """Complete the file; returns how many frames it holds. Raises `OutputError`."""
        self._frames.put(None)  # the thread goes on taking frames even after the pipe has broken
        self._thread.join()
        if self._process.wait() or self._broken.is_set():
            raise OutputError(self._told())
        return self._written

    def abort(self) -> None:
        """End ffmpeg if it has not finished; what it wrote is of no use then."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        if self._thread.is_alive():
            self._frames.put(None)
            self._thread.join()
        self._errors.close()

    def _feed(self) -> None:
        pipe = self._process.stdin
        assert pipe is not None  # noqa: S101 - a pipe was asked for
        while (frame := self._frames.get()) is not None:
            if self._broken.is_set():
                continue
            try:
                pipe.write(frame.tobytes())
                self._written += 1
            except OSError:
                self._broken.set()
        try:
            pipe.close()
        except OSError:
            self._broken.set()

    def _told(self) -> str:
        self._errors.seek(0)
        return _failure(self._errors.read())
