"""An X server without a screen, and what it shows: for tests that open windows."""

import os
import shutil
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np


class VirtualDisplay:
    """A display `name`; `picture` is a screenshot, read from the server's own frame buffer."""

    def __init__(self, name: str, buffer: Path) -> None:
        self.name, self._buffer = name, buffer

    def picture(self) -> np.ndarray:
        """Display RGB of the whole screen, [height, width, 3]."""
        data = self._buffer.read_bytes()
        header = struct.unpack(">25I", data[:100])  # the X window dump format (XWDFile.h)
        start, width, height = header[0] + 12 * header[19], header[4], header[5]
        little = header[7] == 0
        rows = np.frombuffer(data, "<u4" if little else ">u4", height * header[12] // 4, start)
        pixels = rows.reshape(height, header[12] // 4)[:, :width]
        return np.stack([pixels >> shift & 255 for shift in (16, 8, 0)], -1).astype(np.uint8)


@contextmanager
def virtual_display(folder: Path, width: int = 800, height: int = 600) -> Iterator[VirtualDisplay]:
    """A server on a number that it finds itself; `FileNotFoundError` where there is no Xvfb."""
    program = shutil.which("Xvfb")
    if program is None:
        raise FileNotFoundError("Xvfb is not installed")
    said, says = os.pipe()
    server = subprocess.Popen(
        [program, "-displayfd", str(says), "-screen", "0", f"{width}x{height}x24",
         "-fbdir", str(folder), "-nolisten", "tcp"],
        pass_fds=[says], stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(says)
    try:
        with os.fdopen(said) as answer:
            number = answer.readline().strip()
        if not number:
            raise OSError("Xvfb ended before it listened")
        yield VirtualDisplay(f":{number}", folder / "Xvfb_screen0")
    finally:
        server.terminate()
        server.wait(timeout=20)
