"""A window: `WindowViewer().show(clip, model)` plays a clip that can be walked around.

The window's thread takes keys and mouse and never waits; pictures are drawn by any viewer in a thread
beside it, and those that are late are left out. So the window needs no GL of its own beyond pyglet's,
and what it shows looks as files do.
"""

import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Final

from jaxtyping import Bool, Float, UInt8
from numpy import ndarray
from torch import Tensor

from lift3d.body import BodyMesh
from lift3d.camera import Camera
from lift3d.clip import Clip
from lift3d.errors import InputError, OutputError
from lift3d.pictures.renderers import open_viewer
from lift3d.pictures.video import write_png
from lift3d.protocols import BodyModel, Viewer
from lift3d_viewer.player import Show, dragged, passed, pressed, scrolled, scrubbed
from lift3d_viewer.screen import Event, Screen, probe
from lift3d_viewer.stage import TIME_LINE, Shot, Stage, with_controls

__all__ = ["WindowViewer", "show"]

_SIZE: Final = (720, 1080)
_SETTLED: Final = 0.2  # seconds after the last movement until a draft gives way to the full picture
_SLOW: Final = 0.1  # seconds for a picture from which on playing shows drafts
_SAID: Final = 2.5  # seconds for which a message stays
_REST: Final = 1 / 240


class WindowViewer:
    """Draws as another viewer does, in a window as well; `show` plays a whole clip in it.

    `viewer` makes the pictures (whatever works here where it is None). Raises `MissingDependencyError`
    where there is no display. Pictures are still made when somebody has closed the window.
    """

    def __init__(self, viewer: Viewer | None = None, size: tuple[int, int] = _SIZE) -> None:
        self._screen = Screen(size, "lift3d")
        self._painter = ThreadPoolExecutor(1, "lift3d-window")
        self._owned = viewer is None
        try:
            self._viewer = (
                self._painter.submit(open_viewer).result()[0] if viewer is None else viewer
            )
        except BaseException:
            self._screen.close()
            raise
        self._open = True

    probe = staticmethod(probe)

    def render(
        self,
        meshes: list[BodyMesh],
        colors: list[Float[Tensor, "_ 3"]],
        camera: Camera,
        background: UInt8[ndarray, "height width 3"] | None = None,
    ) -> tuple[UInt8[ndarray, "height width 3"], Bool[ndarray, "height width"]]:
        """What the other viewer draws, shown as well. Raises `InputError` for a closed viewer."""
        self._check()
        drawing = self._painter.submit(self._viewer.render, meshes, colors, camera, background)
        picture, mask = drawing.result()
        self._screen.events()
        self._screen.put(picture)
        return picture, mask

    def show(self, clip: Clip, model: BodyModel | None = None, folder: str | Path = ".") -> None:
        """Play a clip until somebody closes the window; H shows the keys.

        `folder` is where pictures are saved. Raises `InputError` for clips without people.
        """
        self._check()
        stage = self._painter.submit(Stage, clip, model, self._viewer).result()
        Performance(stage, self._screen, self._painter, Path(folder)).run()

    def close(self) -> None:
        """Take the window away; drawing afterwards raises `InputError`."""
        if self._open:
            self._open = False
            self._screen.close()
            self._painter.shutdown()
            if self._owned:
                self._viewer.close()

    def __enter__(self) -> "WindowViewer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _check(self) -> None:
        if not self._open:
            raise InputError("expected an open viewer, got one after close(): make a new one")


def show(
    clip: Clip,
    model: BodyModel | None = None,
    viewer: Viewer | None = None,
    folder: str | Path = ".",
) -> None:
    """Play a clip in a window until somebody closes it; see `WindowViewer.show`."""
    with WindowViewer(viewer) as window:
        window.show(clip, model, folder)


class Performance:
    """One clip in one window: what is wanted, what is being drawn, what is seen."""

    def __init__(
        self, stage: Stage, screen: Screen, painter: ThreadPoolExecutor, folder: Path
    ) -> None:
        self.show: Show = stage.opening()
        self._stage, self._screen, self._painter, self._folder = stage, screen, painter, folder
        self._drawing: tuple[Shot, Future[UInt8[ndarray, "height width 3"]]] | None = None
        self._saving: Future[str] | None = None
        self._drawn: tuple[Shot, UInt8[ndarray, "height width 3"]] | None = None
        self._put: object = None
        self._note, self._until, self._moved = "", 0.0, -1e9
        self._time_line = False
        self._began, self._warm = 0.0, False  # the first picture has to paint the floor
        self._slow_size = (0, 0)

    def run(self) -> None:
        """Until the window is closed."""
        last = time.monotonic()
        while not self._screen.closed:
            now = time.monotonic()
            self.step(now - last)
            last = now
            time.sleep(_REST)

    def step(self, seconds: float) -> None:
        """Take what happened, let time pass, start and show pictures."""
        for event in self._screen.events():
            self._take(event)
        if self._screen.closed:
            return
        self.show = passed(self.show, seconds)
        self._collect()
        self._start()
        self._put_if_new()

    def _take(self, event: Event) -> None:
        if event.kind == "key" and event.name in ("Q", "ESCAPE"):
            self._screen.closed = True
        elif event.kind == "key" and event.name == "S":
            self._save()
        elif event.kind == "key":
            self._change(pressed(self.show, event.name))
        elif event.kind == "press":
            self._time_line = event.y < TIME_LINE
            if self._time_line:
                self._scrub(event.x)
        elif event.kind == "scroll":
            self._change(scrolled(self.show, event.dy))
        elif self._time_line:
            self._scrub(event.x)
        else:
            height = self._screen.size[0]
            pan = event.shift or event.name != "LEFT"
            self._change(dragged(self.show, event.dx / height, event.dy / height, pan=pan))

    def _scrub(self, x: float) -> None:
        pad = 15
        self.show = scrubbed(self.show, (x - pad) / max(1, self._screen.size[1] - 2 * pad))

    def _change(self, to: Show) -> None:
        """Another view is drafted first, since the floor has to be painted anew."""
        if _place(to) != _place(self.show):
            self._moved = time.monotonic()
        self.show = to

    def _start(self) -> None:
        """Draw what is wanted, if it is not what is there and nothing else is being drawn."""
        now, size = time.monotonic(), self._screen.size
        slow = self.show.playing and size == self._slow_size
        shot = Shot(self.show, size, draft=slow or now - self._moved < _SETTLED)
        same = self._drawn is not None and self._drawn[0].key == shot.key
        if self._drawing is None and not same:
            self._began = now
            self._drawing = (shot, self._painter.submit(self._stage.picture, shot))

    def _collect(self) -> None:
        if self._drawing is not None and self._drawing[1].done():
            shot, future = self._drawing
            self._drawn, self._drawing = (shot, future.result()), None
            if not shot.draft and time.monotonic() - self._began > _SLOW and self._warm:
                self._slow_size = shot.size
            self._warm = True
        if self._saving is not None and self._saving.done():
            self._say(self._saving.result())
            self._saving = None

    def _put_if_new(self) -> None:
        if self._drawn is None:
            return
        shot, picture = self._drawn
        now = time.monotonic()
        note = self._note if now < self._until else ""
        shown = replace(self.show, frame=shot.show.frame if self.show.playing else self.show.frame)
        look = (shot.key, shown.number, shown.help, shown.playing, shown.speed, note)
        if look != self._put:
            self._put = look
            self._screen.put(with_controls(picture, shown, self._stage.clip, note))

    def _save(self) -> None:
        if self._saving is None:
            shot = Shot(self.show, self._screen.size, draft=False)
            self._saving = self._painter.submit(self._saved, shot)

    def _saved(self, shot: Shot) -> str:
        """What to say of a picture that was written, or not."""
        path = _free(self._folder, self._stage.clip.first_frame + shot.show.number)
        try:
            write_png(path, self._stage.picture(shot))
        except (OutputError, OSError) as error:
            return str(error)
        return f"saved {path.name}"

    def _say(self, words: str) -> None:
        self._note, self._until = words, time.monotonic() + _SAID


def _place(show: Show) -> tuple[object, ...]:
    return show.yaw, show.elevation, show.zoom, show.pan


def _free(folder: Path, frame: int) -> Path:
    """A name that no file has."""
    path, number = folder / f"frame_{frame:05d}.png", 1
    while path.exists():
        path, number = folder / f"frame_{frame:05d}_{number}.png", number + 1
    return path
