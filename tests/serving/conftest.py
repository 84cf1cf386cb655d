"""Fixtures for the service: somebody's keypoints as requests, and the application without processes."""

import asyncio
import json
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import httpx
import pytest

from lift3d.io import read_keypoints
from lift3d.motion import Motion
from lift3d.pose import Pose2D
from lift3d.samples import balancing
from lift3d.serving.app import Service
from lift3d.serving.engine import Engine
from lift3d.serving.reading import Bounds
from lift3d.serving.settings import ServeSettings
from lift3d.serving.values import Answer, Job
from lift3d.serving.worker import Place


class InlineWorker:
    """A worker in the thread that feeds it: no process, the same engine."""

    engines: dict[str, Engine] = {}  # noqa: RUF012 - lifters are loaded once for all tests

    def __init__(self, place: Place) -> None:
        self.place = place
        shared = self.engines.setdefault("all", Engine(Path(place.folder)))
        bounds = Bounds(place.frames, place.people)
        self.engine = Engine(Path(place.folder), bounds, shared.lifters, shared.models)

    def start(self) -> None:
        pass

    def ask(self, jobs: Sequence[Job], seconds: float) -> list[Answer]:
        assert seconds > 0
        return self.engine.answers(jobs)

    def close(self) -> None:
        pass


T = TypeVar("T")


class Client:
    """A client of a service in this process; a context, in which the service runs."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> "Client":
        self._thread.start()
        self._running = self.service.running()
        self.wait(self._running.__aenter__())
        transport = httpx.ASGITransport(self.service.app, raise_app_exceptions=False)
        self._http = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000")
        crew = self.service.crew
        assert crew is not None
        while not crew.ready:
            self.wait(asyncio.sleep(0.01))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.wait(self._http.aclose())
        self.wait(self._running.__aexit__(None, None, None))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(120)

    def request(self, method: str, path: str, **more: Any) -> Any:
        return self.wait(self._http.request(method, path, timeout=120, **more))

    def get(self, path: str, **more: Any) -> Any:
        return self.request("GET", path, **more)

    def post(self, path: str, **more: Any) -> Any:
        return self.request("POST", path, **more)

    def at_once(self, path: str, bodies: Sequence[Any]) -> list[Any]:
        """Several posts of JSON at the same time."""

        async def all_of_them() -> list[Any]:
            posts = [self._http.post(path, json=body, timeout=120) for body in bodies]
            return list(await asyncio.gather(*posts))

        return self.wait(all_of_them())


@pytest.fixture(scope="session")
def person() -> Motion[Pose2D]:
    """Somebody real over 100 frames."""
    with balancing() as sample:
        return read_keypoints(sample).people[0]


@pytest.fixture(scope="session")
def sample_bytes() -> bytes:
    """The keypoint file of the same person."""
    with balancing() as sample:
        return sample.read_bytes()


@pytest.fixture(scope="session")
def document(person: Motion[Pose2D]) -> Callable[..., dict[str, Any]]:
    """Makes a request's JSON of some frames of that person."""

    def make(first: int = 0, frames: int = 10, **more: Any) -> dict[str, Any]:
        rows = slice(first, first + frames)
        points = person.pose.keypoints[rows].double().nan_to_num().tolist()
        confidence = person.pose.confidence[rows].double().tolist()
        keypoints = [
            [[*xy, c] for xy, c in zip(some, sure, strict=True)]
            for some, sure in zip(points, confidence, strict=True)
        ]
        size = person.pose.image_size
        assert size is not None
        told = {"skeleton": person.pose.skeleton.name, "image_size": size, "fps": person.fps}
        return {**told, "keypoints": keypoints, **more}

    return make


@pytest.fixture(scope="session")
def job(document: Callable[..., dict[str, Any]]) -> Callable[..., Job]:
    """Makes a job of some frames of that person; further words are what is wanted."""
    from lift3d.serving.values import Wanted

    def make(first: int = 0, frames: int = 10, **wanted: Any) -> Job:
        return Job(json.dumps(document(first, frames)).encode(), "plain", Wanted(**wanted))

    return make


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    return InlineWorker(Place(str(tmp_path), 20_000, 50)).engine


@pytest.fixture(scope="session")
def open_client() -> Callable[..., Client]:
    """Makes a client of a service with these settings; use it as a context."""

    def make(host: str = "127.0.0.1", **settings: Any) -> Client:
        chosen = ServeSettings(host=host, workers=1, max_wait_ms=0.0, **settings)
        return Client(Service(chosen, InlineWorker))

    return make


@pytest.fixture(scope="session")
def client(open_client: Callable[..., Client]) -> Iterator[Client]:
    """A service as it is usually run."""
    with open_client(max_body_mb=4.0, max_frames=500) as found:
        yield found
