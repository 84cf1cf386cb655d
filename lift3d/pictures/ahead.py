"""Work done ahead in a thread of its own, so that decoding, posing and drawing overlap."""

from collections.abc import Generator, Iterable
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, Queue
from threading import Event, Thread
from typing import Final, Generic, TypeVar

__all__ = ["ahead"]

T = TypeVar("T")
_WAIT: Final = 0.02  # seconds between looks at a thread that is told to stop


@dataclass(frozen=True, slots=True)
class _Made(Generic[T]):
    """Something that was made, or why nothing more comes."""

    item: T | None
    error: BaseException | None = None
    last: bool = False


def ahead(source: Iterable[T], depth: int = 4) -> Generator[T]:
    """The same items in the same order, made in a thread up to `depth` of them before their turn.

    What `source` raises is raised where its item was due. A generator that is closed early stops its
    thread after the item that is being made.
    """
    shelf: Queue[_Made[T]] = Queue(depth)
    stopped = Event()
    thread = Thread(target=_work, args=(source, shelf, stopped), daemon=True)
    thread.start()
    try:
        while not (made := shelf.get()).last:
            yield made.item  # type: ignore[misc]  # pyright: ignore[reportReturnType]
        if made.error is not None:
            raise made.error
    finally:
        stopped.set()
        while thread.is_alive():  # it may be waiting for room on the shelf
            with suppress(Empty):
                shelf.get(timeout=_WAIT)


def _work(source: Iterable[T], shelf: "Queue[_Made[T]]", stopped: Event) -> None:
    error: BaseException | None = None
    try:
        for item in source:
            shelf.put(_Made(item))
            if stopped.is_set():
                break
        if isinstance(source, Generator):
            source.close()  # it may have a thread of its own
    except BaseException as raised:  # raised again by whoever takes the items
        error = raised
    shelf.put(_Made(None, error, last=True))
