"""Which OpenGL to draw with on a machine without a display, and the one renderer of a process.

pyrender takes its platform from the environment when it is first imported, keeps one display per
process, and terminates that display for everybody when any renderer is deleted. So the choice is
made here, once, and the renderer lives as long as the process does.
"""

import atexit
import ctypes.util
import os
import subprocess
import sys
import threading
import warnings
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Any, Final

import numpy as np

from lift3d.errors import InputError, MissingDependencyError
from lift3d_viewer.egl import device_that_draws
from lift3d_viewer.readback import Reader

__all__ = ["Studio", "borrowed_studio", "choose_platform", "probe"]

PACKAGES: Final = "libegl1 libegl-mesa0 libgl1-mesa-dri libgl1"
_ADVICE: Final = f"install the Debian packages {PACKAGES} (on other systems: Mesa's EGL driver)"

_TOO_LATE: Final = (
    "expected lift3d to choose the GL platform before PyOpenGL is imported, got PyOpenGL or pyrender "
    "imported by something else: set PYOPENGL_PLATFORM=egl before the program starts"
)


def choose_platform() -> str:
    """Settle the GL platform of this process, `egl` or `osmesa`, without needing a display.

    A `PYOPENGL_PLATFORM` that is already set is respected, and with it an `EGL_DEVICE_ID`. Raises
    `MissingDependencyError` where neither works, naming the packages to install.
    """
    given = os.environ.get("PYOPENGL_PLATFORM")
    if given is not None and (given != "egl" or "EGL_DEVICE_ID" in os.environ):
        return given
    device, reason = device_that_draws()
    if device is not None:
        os.environ["PYOPENGL_PLATFORM"] = "egl"
        os.environ.setdefault("EGL_DEVICE_ID", str(device))
        return "egl"
    if given is None and ctypes.util.find_library("OSMesa"):
        os.environ["PYOPENGL_PLATFORM"] = "osmesa"
        return "osmesa"
    raise MissingDependencyError(
        f"expected EGL or OSMesa to draw pictures with, got neither ({reason}): {_ADVICE}"
    )


def import_pyrender() -> Any:
    """pyrender, imported once the platform is settled and with the one NumPy 2 gap filled."""
    if "pyrender" not in sys.modules:
        _refuse_late_choice()
        choose_platform()
        if not hasattr(np, "infty"):
            setattr(np, "infty", np.inf)  # noqa: B010 - NumPy's types know no such name
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of pyrender's own dependencies
            import pyrender  # pyright: ignore[reportMissingTypeStubs]
    except (ImportError, AttributeError, OSError) as error:
        platform = os.environ.get("PYOPENGL_PLATFORM")
        raise MissingDependencyError(
            f"expected pyrender to load with PYOPENGL_PLATFORM={platform}, got {error}: {_ADVICE}"
            + ("; OSMesa needs PyOpenGL 3.1.5 or later" if platform == "osmesa" else "")
        ) from error
    return pyrender


def _refuse_late_choice() -> None:
    if "OpenGL.GL" in sys.modules and "PYOPENGL_PLATFORM" not in os.environ:
        raise InputError(_TOO_LATE)


class Studio:
    """The renderer and scene of this process, how pictures are read, and who may use them."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.owner = os.getpid()
        self.renderer: Any = None
        self.scene: Any = None
        self.reader: Any = None
        self.largest = 0
        """Pixels that a picture's side may have."""

    def start(self) -> None:
        pyrender = import_pyrender()
        try:
            self.renderer = pyrender.OffscreenRenderer(64, 64)
            self.largest = self._prepare()
        except Exception as error:  # AssertionError, GLError, ImportError: depends on the driver
            self.renderer = None
            if "PYOPENGL_PLATFORM" not in os.environ:
                raise InputError(_TOO_LATE) from error
            raise MissingDependencyError(
                "expected the GL driver to make an off-screen context, got "
                f"{type(error).__name__} ({error}): {_ADVICE}"
            ) from error
        self.scene = pyrender.Scene(bg_color=[0.0, 0.0, 0.0, 0.0], ambient_light=[0.0, 0.0, 0.0])
        self.reader = Reader(self.renderer._renderer)
        self.owner = os.getpid()
        atexit.register(self.stop)

    def _prepare(self) -> int:
        """Settle how the context draws; gives how many pixels a picture's side may have."""
        from OpenGL import GL  # pyright: ignore[reportMissingTypeStubs]

        self.renderer._platform.make_current()
        if self.renderer._platform.supports_framebuffers():
            # Colour at each sample: in the middle of a pixel it would be extrapolated where a small
            # triangle covers a corner only, which gives bright and black dots.
            GL.glEnable(GL.GL_SAMPLE_SHADING)
            GL.glMinSampleShading(1.0)
        names = (GL.GL_MAX_RENDERBUFFER_SIZE, GL.GL_MAX_VIEWPORT_DIMS)
        return min(int(side) for name in names for side in np.ravel(GL.glGetIntegerv(name)))

    def stop(self) -> None:
        if self.renderer is not None and self.owner == os.getpid():
            with suppress(Exception):
                self.renderer.delete()
        self.renderer = self.scene = self.reader = None

    def alive(self) -> bool:
        """Whether the context can still be drawn with; deleting any pyrender renderer ends them all."""
        try:
            self.renderer._platform.make_current()
        except Exception:  # GLError or AssertionError, by the platform
            return False
        return True

    def forget(self) -> None:
        """Let go of a context that is gone, without deleting what has its numbers in the next one."""
        for gone in (self.renderer, self.renderer._renderer):
            gone.delete = lambda: None
        self.renderer = self.scene = self.reader = None

    def release(self) -> None:
        """Let go of the context, so that another thread can draw next."""
        if self.renderer is not None and os.environ.get("PYOPENGL_PLATFORM") == "egl":
            from OpenGL import EGL  # pyright: ignore[reportMissingTypeStubs]

            display = self.renderer._platform._egl_display
            EGL.eglMakeCurrent(display, EGL.EGL_NO_SURFACE, EGL.EGL_NO_SURFACE, EGL.EGL_NO_CONTEXT)


_studio: Final = Studio()


@contextmanager
def borrowed_studio() -> Generator[Studio]:
    """What this process draws with, for one thread at a time."""
    with _studio.lock:
        if _studio.renderer is not None and _studio.owner != os.getpid():
            raise InputError(
                "expected a process of its own to draw in, got one forked from a process that had "
                "already drawn: start workers with multiprocessing's 'spawn'"
            )
        if _studio.renderer is not None and not _studio.alive():
            _studio.forget()
        if _studio.renderer is None:
            _studio.start()
        try:
            yield _studio
        finally:
            _studio.release()


_PROBE: Final = """
from lift3d_viewer.gl import borrowed_studio
with borrowed_studio() as studio:
    platform = studio.renderer._platform
    platform.make_current()
    from OpenGL.GL import GL_RENDERER, glGetString
    print(platform.__class__.__name__.removesuffix("Platform"), "on",
          glGetString(GL_RENDERER).decode())
"""


def probe(timeout: float = 60) -> str:
    """One line on whether pictures can be drawn here and with what; never raises.

    Tried in a process of its own, since a broken driver may take the process down with it.
    """
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and a fixed script
            [sys.executable, "-c", _PROBE],
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"does not work: {type(error).__name__} ({error})"
    if done.returncode == 0:
        return f"works: {done.stdout.strip()}"
    lines = done.stderr.strip().splitlines() or [f"the driver ended with code {done.returncode}"]
    return "does not work: " + lines[-1].split("MissingDependencyError: ")[-1]
