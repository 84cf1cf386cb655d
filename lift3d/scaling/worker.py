"""What every worker of every engine does: load once, then lift chunk after chunk."""

import errno
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from lift3d.errors import Lift3dError, OutputError
from lift3d.pipeline import make_body
from lift3d.scaling.keys import input_key
from lift3d.scaling.sinks import Sink, Writer
from lift3d.scaling.values import Chunk, Done, Failure, Item, Result
from lift3d.scaling.work import Work

__all__ = ["Recipe", "Worker"]

_LONGEST: Final = 1_000
"""Characters of an error's sentence in the table."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """All that a worker must know; `options` is the key of `work` (`lift3d.scaling.keys`)."""

    work: Work
    sink: Sink
    options: str


class Worker:
    """Lifts chunks with networks and bodies that are loaded once, on one thread."""

    def __init__(self, recipe: Recipe) -> None:
        import cv2
        import torch

        torch.set_num_threads(1)
        cv2.setNumThreads(1)
        self._recipe = recipe
        self._prepared = recipe.work.prepared()
        chosen = recipe.work.options
        drawn = recipe.sink.needs_body and chosen.body_model
        self._model = make_body(chosen.body_model, chosen.body_path) if drawn else None

    def __call__(self, chunk: Chunk) -> Result:
        """Lift and write a chunk. No file's error ends it; that of the place of the outputs does."""
        started = time.process_time()
        done: list[Done] = []
        failures: list[Failure] = []
        fatal = ""
        try:
            with self._recipe.sink.writer(chunk, self._model) as writer:
                for item in chunk.items:
                    what = self._lifted(item, writer)
                    if isinstance(what, Done):
                        done.append(what)
                    else:
                        failures.append(what)
        except OutputError as error:
            fatal = str(error)
        seconds = time.process_time() - started
        return Result(chunk.number, tuple(done), tuple(failures), seconds, fatal)

    def _lifted(self, item: Item, writer: Writer) -> Done | Failure:
        try:
            key = input_key(item.path, self._recipe.options)
            clip = self._recipe.work.lift(Path(item.path), self._prepared)
            return Done(item.name, key, writer.add(item, key, clip))
        except OutputError as error:
            if not _too_long(error):
                raise
            return _failure(item, error)
        except (KeyboardInterrupt, SystemExit):
            raise
        except (
            Exception
        ) as error:  # whatever a stranger's file brings about is told, and is not fatal
            return _failure(item, error)


def _too_long(error: OutputError) -> bool:
    cause = error.__cause__
    return isinstance(cause, OSError) and cause.errno == errno.ENAMETOOLONG


def _failure(item: Item, error: Exception) -> Failure:
    said = " ".join(str(error).split())
    if not isinstance(error, Lift3dError):
        said = f"expected to lift the file, got {said or 'an error'}: report it, with the file"
    return Failure(item.name, type(error).__name__, said[:_LONGEST])
