"""Who may look at a live view: a small gate before a server that asks nobody who they are.

Every connection shows its first request. It must come from a page of ours (Host and Origin), and know
the token where there is one; only then are its bytes passed on to the server behind, which listens on
this machine alone. What a browser sends later is passed on in messages of a bounded size.
"""

import asyncio
import hmac
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs, urlsplit

from lift3d.access import LOOPBACK, expect_guarded, is_local
from lift3d.errors import OutputError

__all__ = ["Frames", "Gate", "Policy", "Request", "refusal"]

_HEAD: Final = 16 * 1024
_MESSAGE: Final = 1 << 20
"""Bytes that a browser may send at once: keys, clicks and camera poses take some hundred."""
_PATIENCE: Final = 5.0
_CONNECTIONS: Final = 32


@dataclass(frozen=True, slots=True)
class Policy:
    """Where the gate stands, and the word that lets in; none is needed on this machine alone.

    Raises `InputError` for other addresses without a token, and for short ones.
    """

    host: str
    token: str = ""

    def __post_init__(self) -> None:
        expect_guarded(self.host, self.token, "show people")

    @property
    def local(self) -> bool:
        """Whether only this machine can connect."""
        return is_local(self.host)


@dataclass(frozen=True, slots=True)
class Request:
    """The first request of a connection; names of headers are in small letters."""

    method: str
    path: str
    headers: dict[str, str]

    @classmethod
    def from_bytes(cls, head: bytes) -> "Request | None":
        """None for what is no request, or says something twice."""
        lines = head.decode("latin-1").split("\r\n")
        parts = lines[0].split(" ")
        fields = [line.partition(":") for line in lines[1:] if line]
        names = [name.lower() for name, _, _ in fields]
        if len(parts) != 3 or not all(colon for _, colon, _ in fields):
            return None
        if len(set(names)) != len(names) or any(name != name.strip() for name in names):
            return None
        values = (value.strip() for _, _, value in fields)
        return cls(parts[0], parts[1], dict(zip(names, values, strict=True)))


def refusal(request: Request | None, policy: Policy, port: int) -> bytes:
    """What a request is answered by the gate itself; nothing where it may pass."""
    if request is None or request.method != "GET" or not request.path.startswith("/"):
        return _answer("400 Bad Request", "This is no request of a browser.")
    host = request.headers.get("host", "")
    if policy.local and host not in {f"{name}:{port}" for name in LOOPBACK}:
        return _answer("403 Forbidden", "This view is open on its own machine only.")
    origin = request.headers.get("origin")
    if origin is not None and origin not in {f"http://{host}", f"https://{host}"}:
        return _answer("403 Forbidden", "Another page asked for this view.")
    if not policy.token or _same(_cookie(request, port), policy.token):
        return b""
    given = parse_qs(urlsplit(request.path).query).get("token", [""])[0]
    if not _same(given, policy.token):
        return _answer("403 Forbidden", "Open the address with the token that was printed.")
    cookie = f"Set-Cookie: {_name(port)}={policy.token}; HttpOnly; SameSite=Lax; Path=/\r\n"
    return _answer("303 See Other", "", f"Location: /\r\n{cookie}")


def _name(port: int) -> str:
    return f"lift3d_{port}"  # cookies do not know ports


def _cookie(request: Request, port: int) -> str:
    pairs = (pair.strip().partition("=") for pair in request.headers.get("cookie", "").split(";"))
    return next((value for name, _, value in pairs if name == _name(port)), "")


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


def _answer(status: str, text: str, more: str = "") -> bytes:
    body = text.encode()
    head = f"HTTP/1.1 {status}\r\n{more}Content-Type: text/plain; charset=utf-8\r\n"
    head += (
        f"Content-Length: {len(body)}\r\nReferrer-Policy: no-referrer\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body


class Frames:
    """Watches the lengths of a browser's WebSocket messages (RFC 6455, 5.2) as their bytes pass."""

    def __init__(self, most: int = _MESSAGE) -> None:
        self._most, self._left, self._head = most, 0, b""
        self._sum = 0

    def fit(self, data: bytes) -> bool:
        """Whether all messages that these bytes begin or go on with are short enough."""
        while data:
            passed = min(self._left, len(data))
            self._left -= passed
            data = data[passed:]
            if not data:
                return True
            self._head += data[:1]
            data = data[1:]
            if self._complete() and not self._begun():
                return False
        return True

    def _complete(self) -> bool:
        if len(self._head) < 2:
            return False
        return len(self._head) == 2 + {126: 2, 127: 8}.get(self._head[1] & 127, 0)

    def _begun(self) -> bool:
        """A frame's head was read: its length, with the frames before that it continues."""
        short = self._head[1] & 127
        length = short if short < 126 else int.from_bytes(self._head[2:], "big")
        masked, last, kind = self._head[1] & 128, self._head[0] & 128, self._head[0] & 15
        self._sum = length + (self._sum if kind == 0 else 0)
        fits = self._sum <= self._most
        if last and kind == 0:
            self._sum = 0
        self._left, self._head = length + (4 if masked else 0), b""
        return fits


class Gate:
    """Listens at an address and passes on who may pass, to a port of this machine."""

    def __init__(self, policy: Policy, port: int, behind: int) -> None:
        self._policy, self._behind = policy, behind
        self._open = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        starting = asyncio.start_server(self._connected, policy.host, port, limit=_HEAD)
        try:
            self._server = asyncio.run_coroutine_threadsafe(starting, self._loop).result(10)
        except (OSError, OverflowError) as error:
            self._end()
            raise OutputError(
                f"expected a free port at '{policy.host}', got {error}: choose another port"
            ) from error
        self.port: int = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        """Stop listening and end all connections."""
        asyncio.run_coroutine_threadsafe(self._closed(), self._loop).result(10)
        self._end()

    async def _closed(self) -> None:
        self._server.close()
        mine = asyncio.current_task()
        others = [task for task in asyncio.all_tasks() if task is not mine]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def _end(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        try:
            with suppress(OSError, asyncio.TimeoutError, asyncio.CancelledError):
                await self._served(reader, writer)
        finally:
            self._open -= 1
            writer.close()

    async def _served(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._open > _CONNECTIONS:
            return
        try:
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), _PATIENCE)
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return
        request = Request.from_bytes(head[:-4])
        refused = refusal(request, self._policy, self.port)
        if refused or request is None:
            writer.write(refused)
            await writer.drain()
            return
        inner, outer = await asyncio.open_connection("127.0.0.1", self._behind)
        talks = request.headers.get("upgrade", "").lower() == "websocket"
        outer.write(head)
        frames = Frames()
        # A page is answered once; only a WebSocket may say more.
        fit: Callable[[bytes], bool] = frames.fit if talks else lambda _data: False
        ways = [
            asyncio.ensure_future(_passed(reader, outer, fit)),
            asyncio.ensure_future(_passed(inner, writer, lambda _data: True)),
        ]
        try:
            if talks:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            else:
                await ways[1]
        finally:
            for way in ways:
                way.cancel()
            outer.close()


async def _passed(
    source: asyncio.StreamReader, sink: asyncio.StreamWriter, fit: Callable[[bytes], bool]
) -> None:
    while data := await source.read(1 << 16):
        if not fit(data):
            return
        sink.write(data)
        await sink.drain()
