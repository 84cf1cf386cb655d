"""Who may ask: a gate before the application, which looks at heads only.

On this machine alone the service answers requests that name this machine (Host), so that no page of
another site can reach it under a name of its own (DNS rebinding); anywhere, those of another page's
scripts (Origin) are turned away, and where there is a token it must be known.
"""

import hmac
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any, Final

from lift3d.serving.metrics import Metrics
from lift3d.serving.refused import JSON, RefusedError, refusal
from lift3d.serving.settings import ServeSettings

__all__ = ["Gate", "Head", "reason_against"]

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Head = Iterable[tuple[bytes, bytes]]
"""Names of headers in small letters, and their values."""

_OURS: Final = frozenset({b"127.0.0.1", b"localhost", b"[::1]"})
_OPEN: Final = frozenset({"/health", "/ready"})
"""What may be asked without a token: it tells nothing of anybody."""
_BEARER: Final = b"bearer "


def reason_against(path: str, head: Head, settings: ServeSettings) -> RefusedError | None:
    """Why a request may not pass; None where it may."""
    values = list(head)
    hosts = [value for name, value in values if name == b"host"]
    if len(hosts) != 1:
        return RefusedError(400, f"expected one Host header, got {len(hosts)}: send one")
    if settings.local and _without_port(hosts[0].lower()) not in _OURS:
        return RefusedError(
            403,
            "expected a request to 127.0.0.1 or localhost, got one to another name: this service is "
            "open to its own machine only",
        )
    for name, value in values:
        if name == b"origin" and value not in (b"http://" + hosts[0], b"https://" + hosts[0]):
            return RefusedError(
                403,
                "expected a request from this service's own pages or from a program, got one from "
                "another page: ask from a program",
            )
    if not settings.token or path in _OPEN or _known(values, settings.token):
        return None
    return RefusedError(
        401,
        "expected 'Authorization: Bearer TOKEN' with the token of this service, got none or another: "
        "send it",
        **{"www-authenticate": "Bearer"},
    )


def _without_port(host: bytes) -> bytes:
    name, colon, port = host.rpartition(b":")
    return name if colon and port.isdigit() else host


def _known(head: Head, token: str) -> bool:
    said = [value for name, value in head if name == b"authorization"]
    if len(said) != 1 or said[0][: len(_BEARER)].lower() != _BEARER:
        return False
    return hmac.compare_digest(said[0][len(_BEARER) :].strip(), token.encode())


class Gate:
    """Stands before an ASGI application, and counts what is answered."""

    def __init__(
        self, app: App, settings: ServeSettings, metrics: Metrics, routes: Iterable[str]
    ) -> None:
        self._app, self._settings, self._metrics = app, settings, metrics
        self._routes = frozenset(routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        started, status = self._metrics.now(), 500

        async def counted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        path = str(scope["path"])
        refused = reason_against(path, scope["headers"], self._settings)
        try:
            if refused is None:
                await self._app(scope, receive, counted)
            else:
                await _turn_away(refused, counted)
        finally:
            route = path if path in self._routes else "other"
            self._metrics.request(route, status, self._metrics.now() - started)


async def _turn_away(refused: RefusedError, send: Send) -> None:
    answer = refusal(refused.status, str(refused))
    headers = {"content-type": JSON, "content-length": str(len(answer.content))}
    headers |= {"connection": "close", **refused.headers}
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": raw})
    await send({"type": "http.response.body", "body": answer.content})
