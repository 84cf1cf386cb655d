"""Bodies of requests: bytes within their bounds, in time, and what kind of content they are."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request

from lift3d.serving.forms import boundary_of
from lift3d.serving.refused import JSON, RefusedError
from lift3d.serving.settings import ServeSettings
from lift3d.serving.values import BodyKind

__all__ = ["FORM", "OCTETS", "Body", "read_body"]

OCTETS: Final = "application/octet-stream"
FORM: Final = "multipart/form-data"
_KINDS: Final[dict[str, BodyKind]] = {JSON: "plain", OCTETS: "file", FORM: "form"}
_CLOSE: Final = {"connection": "close"}


@dataclass(frozen=True, slots=True)
class Body:
    """What was sent, and as which of the content types."""

    content: bytes
    kind: BodyKind
    boundary: str = ""


async def read_body(request: Request, settings: ServeSettings) -> Body:
    """The body of a request; `RefusedError` for other content types, too many bytes, slow senders."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in _KINDS:
        raise RefusedError(
            415,
            f"expected Content-Type {JSON} for keypoints as JSON, {OCTETS} or {FORM} for a keypoint "
            f"file, got '{kind[:60]}': name what is sent",
            **_CLOSE,
        )
    packed = request.headers.get("content-encoding", "identity")
    if packed.lower() != "identity":
        raise RefusedError(
            415, f"expected a body as it is, got one packed as '{packed[:20]}': unpack it", **_CLOSE
        )
    said = request.headers.get("content-length", "0")
    if said.isdigit() and int(said) > settings.max_body:
        raise _too_large(settings)
    content = b"".join([piece async for piece in _pieces(request, settings)])
    return Body(content, _KINDS[kind], boundary_of(request.headers.get("content-type", "")))


def _too_large(settings: ServeSettings) -> RefusedError:
    return RefusedError(
        413,
        f"expected at most {settings.max_body_mb:g} MB, got more: send the clip in parts",
        **_CLOSE,
    )


async def _pieces(request: Request, settings: ServeSettings) -> AsyncGenerator[bytes]:
    """The body as it comes, until it is too much or comes too slowly."""
    loop = asyncio.get_running_loop()
    size, until, more = 0, loop.time() + settings.max_seconds, True
    while more:
        left = min(until - loop.time(), settings.max_slow_seconds)
        try:
            message = await asyncio.wait_for(request.receive(), max(left, 0.0))
        except asyncio.TimeoutError:
            raise RefusedError(
                408,
                f"expected the next bytes within {settings.max_slow_seconds:g} seconds, got none: send "
                "the body at once",
                **_CLOSE,
            ) from None
        if message["type"] != "http.request":
            raise RefusedError(
                400, "expected the whole body, got a part of it: send it again", **_CLOSE
            )
        piece = message.get("body", b"")
        size, more = size + len(piece), message.get("more_body", False)
        if size > settings.max_body:
            raise _too_large(settings)
        yield piece
