"""Which EGL devices can draw, found by ctypes alone; run as a program it prints the first one.

A broken driver may take the process down or never come back, so `device_that_draws` asks a process
of its own. Only the standard library is imported here: the question then costs a tenth of a second.
"""

import ctypes
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

__all__ = ["device_that_draws", "first_device"]

_PLATFORM_DEVICE: Final = 0x313F
_OPENGL_API: Final = 0x30A2
# A surface-less desktop OpenGL 4.1 core context: what pyrender asks for.
_CONFIG: Final = (0x3033, 0x0001, 0x3040, 0x0008, 0x3025, 24, 0x3038)
_CONTEXT: Final = (0x3098, 4, 0x30FB, 1, 0x30FD, 1, 0x3038)


def device_that_draws(timeout: float = 60) -> tuple[int | None, str]:
    """The first EGL device on which a context can be made, or None and the reason.

    Survives drivers that crash or hang (`timeout` in seconds).
    """
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and this file
            [sys.executable, "-I", "-S", str(Path(__file__))],
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None, f"the EGL driver did not answer within {timeout:g} seconds"
    except OSError:  # a program with Python inside, which cannot be started as one
        return first_device()
    if done.returncode:
        return None, f"the EGL driver ended its process with code {done.returncode}"
    answer = done.stdout.strip().splitlines()[-1:] or ["it said nothing"]
    found = answer[0].isdigit()
    return (int(answer[0]), "") if found else (None, answer[0])


def first_device() -> tuple[int | None, str]:
    """The same, asked in this process."""
    try:
        egl = ctypes.CDLL("libEGL.so.1")
    except OSError as error:
        return None, f"libEGL.so.1 does not load: {error}"
    displays = _displays(egl)
    for index, display in enumerate(displays):
        if _makes_context(egl, display):
            return index, ""
    return None, f"libEGL.so.1 lists {len(displays)} devices, of which none makes a GL context"


def _displays(egl: ctypes.CDLL) -> list[int | None]:
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
        display_of(ctypes.c_uint(_PLATFORM_DEVICE), ctypes.c_void_p(devices[index]), None)
        for index in range(count.value)
    ]


def _extension(egl: ctypes.CDLL, name: bytes, returns: Any) -> Any:
    egl.eglGetProcAddress.restype = ctypes.c_void_p
    address = egl.eglGetProcAddress(name)
    return ctypes.CFUNCTYPE(returns)(address) if address else None


def _makes_context(egl: ctypes.CDLL, display: int | None) -> bool:
    """Whether a context can be made on a display, and be drawn with."""
    if not display:
        return False
    handle, config, count = ctypes.c_void_p(display), ctypes.c_void_p(), ctypes.c_int(0)
    if not egl.eglInitialize(handle, None, None):
        return False
    try:
        wanted = (ctypes.c_int * len(_CONFIG))(*_CONFIG)
        egl.eglChooseConfig(handle, wanted, ctypes.byref(config), 1, ctypes.byref(count))
        egl.eglBindAPI(ctypes.c_uint(_OPENGL_API))
        egl.eglCreateContext.restype = ctypes.c_void_p
        context = egl.eglCreateContext(
            handle, config, None, (ctypes.c_int * len(_CONTEXT))(*_CONTEXT)
        )
        if not (count.value and context):
            return False
        current = bool(egl.eglMakeCurrent(handle, None, None, ctypes.c_void_p(context)))
        egl.eglMakeCurrent(handle, None, None, None)
        egl.eglDestroyContext(handle, ctypes.c_void_p(context))
        return current
    finally:
        egl.eglTerminate(handle)


def _main() -> None:
    os.environ.pop("DISPLAY", None)  # as pyrender does: without a display's driver
    device, reason = first_device()
    sys.stdout.write(f"{reason if device is None else device}\n")


if __name__ == "__main__":
    _main()
