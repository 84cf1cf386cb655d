"""The server: a socket, uvicorn on it, and connections that do not wait for ever."""

import socket
from asyncio import TimerHandle, Transport
from collections.abc import Callable

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from lift3d.errors import OutputError
from lift3d.serving.app import Service
from lift3d.serving.settings import ServeSettings

__all__ = ["run"]

_IDLE = 15
"""Seconds that a connection may rest between requests."""
_DONE = 10
"""Seconds that work at hand is given when the service is stopped."""


def run(settings: ServeSettings, tell: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM; `tell` is given the address. `OutputError` for a taken port."""
    listener = _listener(settings)
    host, port = listener.getsockname()[:2]
    tell(f"http://{f'[{host}]' if ':' in host else host}:{port}")
    service = Service(settings)
    config = uvicorn.Config(
        service.app,
        http=_patient(settings.max_slow_seconds),
        ws="none",
        lifespan="on",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=settings.max_connections,
        timeout_keep_alive=_IDLE,
        timeout_graceful_shutdown=_DONE,
    )
    with listener:
        uvicorn.Server(config).run(sockets=[listener])


def _listener(settings: ServeSettings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=1024)
    except (OSError, OverflowError, UnicodeError) as error:
        raise OutputError(
            f"expected a free port at '{settings.host}', got {error}: choose another port or address"
        ) from error


def _patient(seconds: float) -> type[HttpToolsProtocol]:
    """uvicorn's protocol, which ends connections whose request's head takes longer than that."""

    class Patient(HttpToolsProtocol):
        _late: TimerHandle | None = None

        def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._wait()

        def on_message_begin(self) -> None:
            super().on_message_begin()
            self._wait()

        def on_headers_complete(self) -> None:
            self._rest()
            super().on_headers_complete()

        def connection_lost(self, exc: Exception | None) -> None:
            self._rest()
            super().connection_lost(exc)

        def _wait(self) -> None:
            self._rest()
            self._late = self.loop.call_later(seconds, self.transport.close)

        def _rest(self) -> None:
            if self._late is not None:
                self._late.cancel()
                self._late = None

    return Patient
