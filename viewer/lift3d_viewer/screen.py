"""A window on a display: pictures go in, keys and mouse come out. pyglet does the work."""

import importlib
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray

from lift3d.errors import MissingDependencyError

__all__ = ["Event", "Screen", "probe"]

_ADVICE: Final = "use `lift3d render` for pictures and video files, or `lift3d view` for a web page"
_SMALLEST: Final = 64
_Number = float | int


@dataclass(frozen=True, slots=True)
class Event:
    """What somebody did: a key, or the mouse at (`x`, `y`) pixels from the lower left corner.

    `name` is pyglet's name of a key, or of the mouse button; `dx` and `dy` are how far the mouse was
    dragged (pixels) or its wheel turned (steps).
    """

    kind: Literal["key", "press", "drag", "scroll"]
    name: str = ""
    x: float = 0.0
    y: float = 0.0
    dx: float = 0.0
    dy: float = 0.0
    shift: bool = False


class Screen:
    """A window of `size` (height, width) pixels. Raises `MissingDependencyError` without a display.

    It is used by the thread that opened it, which is the main thread on macOS.
    """

    def __init__(self, size: tuple[int, int], caption: str) -> None:
        self._pyglet = _import_pyglet()
        self._events: list[Event] = []
        self._texture: Any = None
        self.closed = self._gone = False
        self._window: Any = self._opened(size, caption)
        self._window.set_minimum_size(4 * _SMALLEST, 3 * _SMALLEST)
        self._window.push_handlers(
            on_key_press=self._key,
            on_mouse_press=self._press,
            on_mouse_drag=self._drag,
            on_mouse_scroll=self._scroll,
            on_close=self._shut,
        )

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels; people may change it."""
        width, height = self._window.get_size()
        return max(_SMALLEST, int(height)), max(_SMALLEST, int(width))

    def events(self) -> list[Event]:
        """What happened since the last call."""
        if not self.closed:
            self._window.switch_to()
            self._window.dispatch_events()
            self._release()
        happened, self._events = self._events, []
        return happened

    def put(self, picture: UInt8[ndarray, "height width 3"]) -> None:
        """Show display RGB, stretched over the window."""
        if self.closed:
            return
        height, width = picture.shape[:2]
        data = np.ascontiguousarray(picture).tobytes()
        self._window.switch_to()
        image = self._pyglet.image.ImageData(width, height, "RGB", data, pitch=-3 * width)
        if self._texture is None or (self._texture.width, self._texture.height) != (width, height):
            self._texture = image.get_texture()
        else:
            self._texture.blit_into(image, 0, 0, 0)
        self._window.clear()
        across, down = self._window.get_size()
        self._texture.blit(0, 0, width=across, height=down)
        self._window.flip()
        self._release()

    def close(self) -> None:
        """Take the window away; again does nothing."""
        self.closed = True
        if not self._gone:
            self._gone, self._texture = True, None
            self._window.close()

    def _opened(self, size: tuple[int, int], caption: str) -> Any:
        try:
            window = self._pyglet.window.Window(
                width=size[1], height=size[0], caption=caption, resizable=True, vsync=False
            )
        except Exception as error:  # as many kinds as there are window systems and GL drivers
            raise MissingDependencyError(
                f"expected a display to open a window on, got {_where()} ({error or type(error)}): "
                f"{_ADVICE}"
            ) from error
        return window

    def _release(self) -> None:
        """Let go of GL under X11, so that this thread may draw off-screen in between."""
        if sys.platform.startswith("linux"):
            context = self._window.context
            self._pyglet.gl.xlib.glx.glXMakeContextCurrent(context.x_display, 0, 0, None)

    def _key(self, symbol: int, modifiers: int) -> bool:
        self._events.append(
            Event(
                "key", self._pyglet.window.key.symbol_string(symbol), shift=self._shift(modifiers)
            )
        )
        return True

    def _press(self, x: _Number, y: _Number, button: int, modifiers: int) -> bool:
        shift = self._shift(modifiers)
        self._events.append(Event("press", self._button(button), float(x), float(y), shift=shift))
        return True

    def _drag(
        self, x: _Number, y: _Number, dx: _Number, dy: _Number, buttons: int, modifiers: int
    ) -> bool:
        button, moved = self._button(buttons), (float(dx), float(dy))
        shift = self._shift(modifiers)
        self._events.append(Event("drag", button, float(x), float(y), *moved, shift))
        return True

    def _scroll(self, x: _Number, y: _Number, dx: _Number, dy: _Number) -> bool:
        self._events.append(Event("scroll", "", float(x), float(y), float(dx), float(dy)))
        return True

    def _shut(self) -> bool:
        self.closed = True
        return True

    def _button(self, buttons: int) -> str:
        return "LEFT" if buttons & self._pyglet.window.mouse.LEFT else "RIGHT"

    def _shift(self, modifiers: int) -> bool:
        return bool(modifiers & self._pyglet.window.key.MOD_SHIFT)


def _import_pyglet() -> Any:
    """pyglet without its hidden window, which needs a display already while importing."""
    if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
        raise MissingDependencyError(
            f"expected a display to open a window on, got {_where()}: {_ADVICE}"
        )
    try:
        import pyglet  # pyright: ignore[reportMissingTypeStubs]

        pyglet.options["shadow_window"] = False
        importlib.import_module("pyglet.image")
        importlib.import_module("pyglet.window")
    except Exception as error:
        raise MissingDependencyError(
            f"expected pyglet to load with a display, got {type(error).__name__} ({error}): {_ADVICE}"
        ) from error
    return pyglet


def _where() -> str:
    given = os.environ.get("DISPLAY")
    return f"none that works at DISPLAY={given}" if given else "none (DISPLAY is not set)"


def probe(timeout: float = 60) -> str:
    """One line on whether windows can be opened here; never raises.

    Tried in a process of its own, since a lost display ends the process that used it.
    """
    script = f"from {__name__} import Screen; Screen((64, 64), 'lift3d').close()"
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and a fixed script
            [sys.executable, "-c", script],
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"does not work: {type(error).__name__} ({error})"
    if done.returncode == 0:
        return "works: with pyglet"
    lines = done.stderr.strip().splitlines() or [f"it ended with code {done.returncode}"]
    return "does not work: " + lines[-1].split("MissingDependencyError: ")[-1]
