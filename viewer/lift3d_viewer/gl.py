"""Which OpenGL to draw with on a machine without a display, and the one renderer of a process.

pyrender takes its platform from the environment when it is first imported, keeps one display per
process, and terminates that display for everybody when any renderer is deleted. So the choice is
made here, once, and the renderer lives as long as the process does.
"""

import atexit
import ctypes
import ctypes.util
import os
import subprocess
import sys
import threading
import warnings
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Any, Final

from lift3d.errors import InputError, MissingDependencyError

__all__ = ["borrowed_renderer", "choose_platform", "probe"]

PACKAGES: Final = "libegl1 libegl-mesa0 libgl1-mesa-dri libgl1"
_ADVICE: Final = f"install the Debian packages {PACKAGES} (on other systems: Mesa's EGL driver)"

_EGL_PLATFORM_DEVICE: Final = 0x313F
_EGL_OPENGL_API: Final = 0x30A2
# A surface-less desktop OpenGL 4.1 core context: what pyrender asks for.
_CONFIG: Final = (0x3033, 0x0001, 0x3040, 0x0008, 0x3025, 24, 0x3038)
_CONTEXT: Final = (0x3098, 4, 0x30FB, 1, 0x30FD, 1, 0x3038)


def choose_platform() -> str:
    """Settle the GL platform of this process, `egl` or `osmesa`, without needing a display.

    A `PYOPENGL_PLATFORM` that is already set is respected. Raises `MissingDependencyError` where
    neither works, naming the packages to install.
    """
    given = os.environ.get("PYOPENGL_PLATFORM")
    if given not in (None, "egl"):
        return given
    device, reason = working_egl_device()
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


def working_egl_device() -> tuple[int | None, str]:
    """The first EGL device on which a context can be made, or None and the reason."""
    try:
        egl = ctypes.CDLL("libEGL.so.1")
    except OSError:
        return None, "libEGL.so.1 is not installed"
    displays = _egl_displays(egl)
    for index, display in enumerate(displays):
        if _makes_context(egl, display):
            return index, ""
    return None, f"libEGL.so.1 lists {len(displays)} devices, of which none makes a GL context"


def _egl_displays(egl: ctypes.CDLL) -> list[int | None]:
    """One display per EGL device, in EGL's order."""
    query = _extension(egl, b"eglQueryDevicesEXT", ctypes.c_uint)
    display_of = _extension(egl, b"eglGetPlatformDisplayEXT", ctypes.c_void_p)
    if query is None or display_of is None:
        egl.eglGetDisplay.restype = ctypes.c_void_p
        return [egl.eglGetDisplay(None)]
    count = ctypes.c_int(0)
    devices = (ctypes.c_void_p * 32)()
    if not query(ctypes.c_int(32), devices, ctypes.byref(count)):
        return []
    return [
        display_of(ctypes.c_uint(_EGL_PLATFORM_DEVICE), ctypes.c_void_p(devices[index]), None)
        for index in range(count.value)
    ]


def _extension(egl: ctypes.CDLL, name: bytes, returns: Any) -> Any:
    egl.eglGetProcAddress.restype = ctypes.c_void_p
    address = egl.eglGetProcAddress(name)
    return ctypes.CFUNCTYPE(returns)(address) if address else None


def _makes_context(egl: ctypes.CDLL, display: int | None) -> bool:
    if not display:
        return False
    handle, config, count = ctypes.c_void_p(display), ctypes.c_void_p(), ctypes.c_int(0)
    if not egl.eglInitialize(handle, None, None):
        return False
    try:
        wanted = (ctypes.c_int * len(_CONFIG))(*_CONFIG)
        egl.eglChooseConfig(handle, wanted, ctypes.byref(config), 1, ctypes.byref(count))
        egl.eglBindAPI(ctypes.c_uint(_EGL_OPENGL_API))
        egl.eglCreateContext.restype = ctypes.c_void_p
        context = egl.eglCreateContext(
            handle, config, None, (ctypes.c_int * len(_CONTEXT))(*_CONTEXT)
        )
        if context:
            egl.eglDestroyContext(handle, ctypes.c_void_p(context))
        return bool(count.value and context)
    finally:
        egl.eglTerminate(handle)


def import_pyrender() -> Any:
    """pyrender, imported once the platform is settled and with the one NumPy 2 gap filled."""
    import numpy as np

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
        raise InputError(
            "expected lift3d to choose the GL platform before PyOpenGL is imported, got PyOpenGL "
            "imported by something else: set PYOPENGL_PLATFORM=egl before the program starts"
        )


class _Shared:
    """The renderer and scene of this process, and who may use them."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.owner = os.getpid()
        self.renderer: Any = None
        self.scene: Any = None

    def start(self) -> None:
        pyrender = import_pyrender()
        try:
            self.renderer = pyrender.OffscreenRenderer(64, 64)
        except Exception as error:  # AssertionError, GLError, ImportError: depends on the driver
            raise MissingDependencyError(
                "expected the GL driver to make an off-screen context, got "
                f"{type(error).__name__} ({error}): {_ADVICE}"
            ) from error
        self.scene = pyrender.Scene(bg_color=[0.0, 0.0, 0.0, 0.0], ambient_light=[0.0, 0.0, 0.0])
        self.owner = os.getpid()
        atexit.register(self.stop)

    def stop(self) -> None:
        if self.renderer is not None and self.owner == os.getpid():
            with suppress(Exception):
                self.renderer.delete()
        self.renderer = self.scene = None

    def release(self) -> None:
        """Let go of the context, so that another thread can draw next."""
        if os.environ.get("PYOPENGL_PLATFORM") == "egl":
            from OpenGL import EGL  # pyright: ignore[reportMissingTypeStubs]

            display = self.renderer._platform._egl_display
            EGL.eglMakeCurrent(display, EGL.EGL_NO_SURFACE, EGL.EGL_NO_SURFACE, EGL.EGL_NO_CONTEXT)


_shared: Final = _Shared()


@contextmanager
def borrowed_renderer() -> Generator[tuple[Any, Any]]:
    """The process's renderer and scene, for one thread at a time."""
    with _shared.lock:
        if _shared.renderer is not None and _shared.owner != os.getpid():
            raise InputError(
                "expected a process of its own to draw in, got one forked from a process that had "
                "already drawn: start workers with multiprocessing's 'spawn'"
            )
        if _shared.renderer is None:
            _shared.start()
        try:
            yield _shared.renderer, _shared.scene
        finally:
            _shared.release()


_PROBE: Final = """
from lift3d_viewer.gl import borrowed_renderer
with borrowed_renderer() as (renderer, scene):
    renderer._platform.make_current()
    from OpenGL.GL import GL_RENDERER, glGetString
    print(renderer._platform.__class__.__name__.removesuffix("Platform"), "on",
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
