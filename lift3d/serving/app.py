"""The application: routes, and how a request waits for its answer without holding anybody up."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from importlib.metadata import version
from typing import Annotated, Any, Final, get_args

from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from lift3d.serving.bodies import read_body
from lift3d.serving.crew import Crew, NoRoomError
from lift3d.serving.document import document, request_body, responses
from lift3d.serving.gate import Gate
from lift3d.serving.metrics import Metrics
from lift3d.serving.queries import (
    BodiesOutput,
    BodiesQuery,
    JointsOutput,
    JointsQuery,
    wanted_of,
)
from lift3d.serving.refused import JSON, RefusedError, refusal
from lift3d.serving.settings import ServeSettings
from lift3d.serving.values import Answer, Job, Wanted
from lift3d.serving.worker import Place, ProcessWorker, Worker

__all__ = ["Service", "make_app"]

_JOINTS: Final = "/v1/joints"
_BODIES: Final = "/v1/bodies"
_TEXT: Final = "text/plain; version=0.0.4; charset=utf-8"
_FULL: Final = "expected room for one more request, got a queue of {most}: come again later"
_GRACE: Final = 5.0
"""Seconds beyond its limit that a request is given to be told so by the crew itself."""


class Service:
    """The application with all that it needs; `app` is an ASGI application.

    `worker` makes a worker; tests hand in one that is no process.
    """

    def __init__(
        self, settings: ServeSettings, worker: Callable[[Place], Worker] = ProcessWorker
    ) -> None:
        self.settings, self.metrics = settings, Metrics()
        self._worker = worker
        self.crew: Crew | None = None
        inner = make_app(self)
        routes = (_JOINTS, _BODIES, "/health", "/ready", "/metrics", "/openapi.json")
        self.app = Gate(inner, settings, self.metrics, routes)

    @asynccontextmanager
    async def running(self, _app: FastAPI | None = None) -> AsyncGenerator[None]:
        """The crew's life: it gets ready beside, and is sent home off the event loop."""
        crew = self.crew = Crew(self.settings, self.metrics, self._worker)
        try:
            yield
        finally:
            await asyncio.to_thread(crew.close)

    async def answer(self, request: Request, wanted: Wanted) -> Answer:
        """Have the request's body lifted. Raises `RefusedError`."""
        came = self.metrics.now()
        body = await read_body(request, self.settings)
        crew = self.crew
        if crew is None or not crew.ready:
            raise _later(503, "expected a worker that is ready, got none yet: come again later", 2)
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Answer] = loop.create_future()

        def settle(answer: Answer) -> None:
            if not done.done():
                done.set_result(answer)

        def tell(answer: Answer) -> None:  # from a thread of the crew
            with suppress(RuntimeError):  # the loop has ended: nobody waits any more
                loop.call_soon_threadsafe(settle, answer)

        job = Job(body.content, body.kind, wanted, body.boundary)
        try:
            crew.submit(job, came, tell)
        except NoRoomError:
            most = self.settings.max_queue
            raise _later(429, _FULL.format(most=most), self._seconds_until_room()) from None
        try:
            answer = await asyncio.wait_for(done, self.settings.max_seconds + _GRACE)
        except asyncio.TimeoutError:
            raise _later(
                503, "expected an answer in time, got none: send less at once", 5
            ) from None
        self.metrics.frames(answer.frames)
        return answer

    def _seconds_until_room(self) -> int:
        """A guess: a batch takes about a second at worst where there is much to do."""
        crew = self.crew
        waiting = len(crew.backlog) if crew is not None else 0
        return max(1, round(waiting / self.settings.max_batch / self.settings.processes))


def _later(status: int, sentence: str, seconds: int) -> RefusedError:
    return RefusedError(status, sentence, **{"retry-after": str(seconds)})


def make_app(service: Service) -> FastAPI:
    """The routes of a service."""
    app = FastAPI(
        title="lift3d", docs_url=None, redoc_url=None, openapi_url=None, lifespan=service.running
    )

    @app.post(
        _JOINTS,
        summary="Keypoints to joints in space",
        responses=responses(get_args(JointsOutput)),
        openapi_extra={"requestBody": request_body()},
        response_class=Response,
    )
    async def joints(request: Request, query: Annotated[JointsQuery, Query()]) -> Response:
        """Joints in metres in the camera frame, each with a standard deviation."""
        wanted = wanted_of(query, request.headers.get("accept", ""))
        return _response(await service.answer(request, wanted))

    @app.post(
        _BODIES,
        summary="Keypoints to bodies",
        responses=responses(get_args(BodiesOutput)),
        openapi_extra={"requestBody": request_body()},
        response_class=Response,
    )
    async def bodies(request: Request, query: Annotated[BodiesQuery, Query()]) -> Response:
        """Body parameters, or an animated body as GLB or BVH."""
        wanted = wanted_of(query, request.headers.get("accept", ""))
        return _response(await service.answer(request, wanted))

    _add_watching(app, service)
    app.add_exception_handler(RefusedError, _refused)
    app.add_exception_handler(RequestValidationError, _bad_query)
    app.add_exception_handler(HTTPException, _no_route)
    app.add_exception_handler(Exception, _broken)
    return app


def _add_watching(app: FastAPI, service: Service) -> None:
    """What those ask who watch the service, and what it can do."""
    plain: dict[int | str, dict[str, Any]] = {200: {"content": {"text/plain": {}}}}

    @app.get(
        "/health", summary="Whether the service lives", responses=plain, response_class=Response
    )
    async def health() -> Response:
        return Response("ok\n", media_type="text/plain")

    @app.get(
        "/ready",
        summary="Whether somebody works",
        responses=plain | {503: {"content": {"text/plain": {}}, "description": "Not yet."}},
        response_class=Response,
    )
    async def ready() -> Response:
        here = service.crew is not None and service.crew.ready
        words = "ready\n" if here else "not yet\n"
        return Response(words, 200 if here else 503, media_type="text/plain")

    @app.get(
        "/metrics", summary="Counters for Prometheus", responses=plain, response_class=Response
    )
    async def metrics() -> Response:
        crew = service.crew
        waiting = len(crew.backlog) if crew is not None else 0
        text = service.metrics.text(waiting, ready=crew is not None and crew.ready)
        return Response(text, media_type=_TEXT)

    found: dict[str, Any] = {}

    @app.get("/openapi.json", include_in_schema=False)
    async def openapi() -> dict[str, Any]:
        if not found:
            found.update(document(app, version("lift3d")))
        return found


def _response(answer: Answer) -> Response:
    headers = {"retry-after": "1"} if answer.status in (429, 503) else None
    return Response(answer.content, answer.status, headers, answer.media)


def _told(refused: RefusedError) -> Response:
    answer = refusal(refused.status, str(refused))
    return Response(answer.content, answer.status, refused.headers, JSON)


async def _refused(_request: Request, error: Exception) -> Response:
    return _told(error if isinstance(error, RefusedError) else RefusedError(400, str(error)))


async def _bad_query(_request: Request, error: Exception) -> Response:
    """FastAPI's list of complaints as one sentence, of the first of them."""
    first = error.errors()[0] if isinstance(error, RequestValidationError) else {}
    name = str(first.get("loc", ("", "query"))[-1])[:40]
    got = str(first.get("input", "something else"))[:60]
    said = str(first.get("msg", "another value")).removeprefix("Input should be ")
    return _told(
        RefusedError(422, f"expected {said} for the parameter '{name}', got '{got}': correct it")
    )


async def _no_route(_request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    return _told(
        RefusedError(
            status,
            f"expected POST {_JOINTS} or {_BODIES}, or GET /health, /ready, /metrics or /openapi.json, "
            "got another request: see /openapi.json",
            **headers,
        )
    )


async def _broken(_request: Request, _error: Exception) -> Response:
    return _told(
        RefusedError(
            500, "expected an answer, got an error of our own, which is in the log: report it"
        )
    )
