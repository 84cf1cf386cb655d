"""The Ray engine: actors of Ray Data's `map_batches` that hold the networks, on one machine or many.

The object store carries names and results only: actors read the inputs and write the outputs, in places
that all nodes share. Where `RAY_ADDRESS` names a cluster it is used, or one that was joined before
(`ray.init`); otherwise a Ray of this machine is started for the run, reachable from this machine only.
"""

import logging
import os
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from numpy import ndarray

from lift3d.errors import InputError, Lift3dError, MissingDependencyError
from lift3d.scaling.local import cores
from lift3d.scaling.sinks import workplace
from lift3d.scaling.values import Chunk, Result
from lift3d.scaling.worker import Recipe, Worker

__all__ = ["RayEngine"]

_STORE: Final = 200_000_000
"""Bytes of the object store of a Ray of our own: it carries names only."""
_STARTS: Final = 4
"""How often a Ray of our own is tried to be started."""


@dataclass(frozen=True, slots=True)
class RayEngine:
    """Actors on a Ray cluster; 0 `workers` means one for each of its cores.

    `gpus` is the share of a GPU that each actor reserves, for lifters that use one; those that come
    with lift3d compute on the processor. Raises `MissingDependencyError` without the extra `ray`.
    """

    workers: int = 0
    gpus: float = 0.0

    def __post_init__(self) -> None:
        if self.workers < 0 or not 0 <= self.gpus <= 64:
            raise InputError(
                "expected 1 worker or more, or 0 for one a core, and a share of GPUs from 0 to 64, got "
                f"{self.workers} and {self.gpus}: correct it"
            )

    @property
    def count(self) -> int:
        """Workers, as far as it is known before a cluster is asked."""
        return self.workers or cores()

    def run(self, recipe: Recipe, chunks: Sequence[Chunk]) -> Iterator[Result]:
        """Results as they come; chunks of actors that died are left out."""
        for name, value in _settings().items():
            os.environ.setdefault(name, value)
        ray = _ray("ray")
        with workplace(recipe.sink.out) as tries, _told(), _joined(ray, self.count):
            data = _ray("ray.data")
            count = self.workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
            rows = [{"chunk": msgspec.json.encode(chunk)} for chunk in chunks]
            with _quiet(data):
                lifted = data.from_items(rows, override_num_blocks=len(rows)).map_batches(
                    _Actor,
                    fn_constructor_args=(recipe, str(tries.absolute())),
                    batch_size=None,
                    compute=data.ActorPoolStrategy(size=min(count, len(rows))),
                    num_cpus=1,
                    num_gpus=self.gpus,
                )
                for batch in lifted.iter_batches(batch_size=None, batch_format="numpy"):
                    for text in batch["result"]:
                        if text:
                            yield msgspec.json.decode(text, type=Result)


class _Actor:
    """A worker, as Ray Data calls it: columns in, columns out.

    Ray gives the chunk of an actor that died to another one, again and again. A file in `tries` says
    that it was begun before: then nothing is done and nothing comes back, and whoever leads asks again
    with smaller chunks.
    """

    def __init__(self, recipe: Recipe, tries: str) -> None:
        self._worker = Worker(recipe)
        self._tries = Path(tries)

    def __call__(self, batch: Mapping[str, ndarray]) -> dict[str, ndarray]:
        results = [self._answer(text) for text in batch["chunk"]]
        return {"result": np.array(results, dtype=object)}

    def _answer(self, text: bytes) -> bytes:
        chunk = msgspec.json.decode(text, type=Chunk)
        try:
            (self._tries / str(chunk.number)).touch(exist_ok=False)
        except FileExistsError:
            return b""
        return msgspec.json.encode(self._worker(chunk))


def _settings() -> dict[str, str]:
    """What Ray is told by the environment, before it is imported."""
    told = {
        "RAY_USAGE_STATS_ENABLED": "0",  # nobody else is told
        "RAY_BACKEND_LOG_LEVEL": "fatal",  # the leader tells what was lost
    }
    if os.environ.get("RAY_ADDRESS"):
        return told
    return {**told, "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}  # 127.0.0.1, on Linux too


def _ray(module: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingDependencyError(
            f"expected the packages of Ray Data for the engine 'ray', got {error}: "
            "pip install 'lift3d[ray]', or use the engine 'local'"
        ) from error


@contextmanager
def _joined(ray: Any, workers: int) -> Generator[None]:
    """The cluster that is named or joined already; else a Ray of our own, which ends with the block."""
    if ray.is_initialized():
        yield
        return
    if os.environ.get("RAY_ADDRESS"):
        ray.init(log_to_driver=False, logging_level=logging.ERROR)
    else:
        _start(ray, workers)
    try:
        yield
    finally:
        ray.shutdown()


def _start(ray: Any, workers: int) -> None:
    """A Ray of this machine; on a busy one its parts may not find each other in Ray's 30 seconds."""
    for attempt in range(_STARTS):
        try:
            ray.init(
                address="local",
                num_cpus=workers,
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.ERROR,
                object_store_memory=_STORE,
            )
            return
        except Exception as error:
            ray.shutdown()
            if attempt == _STARTS - 1 or "timed out" not in str(error):
                raise


@contextmanager
def _told() -> Generator[None]:
    """Errors of Ray's own as one of ours: those of files and of outputs are results."""
    try:
        yield
    except (Lift3dError, MemoryError):
        raise
    except Exception as error:
        said = " ".join(str(error).split())
        raise InputError(
            f"expected a Ray cluster on which lift3d runs, got {type(error).__name__} ({said:.300}): "
            "install the same version on every node, and share the folders of inputs and outputs"
        ) from error


@contextmanager
def _quiet(data: Any) -> Generator[None]:
    """No bars and tables of Ray's: whoever leads tells what was done, and what was lost."""
    context = data.DataContext.get_current()
    kept = (context.enable_progress_bars, context.print_on_execution_start)
    loggers = [logging.getLogger(name) for name in ("ray", "ray.data")]
    levels = [logger.level for logger in loggers]
    context.enable_progress_bars = context.print_on_execution_start = False
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        context.enable_progress_bars, context.print_on_execution_start = kept
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
