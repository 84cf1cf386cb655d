"""Nothing lost, no one in, as figures: attacks, fuzzing, killed runs, a long stream, hostile visitors.

Gathers `reliability_security` (its `--seconds N` of fuzzing for each reader, `--quick`),
`reliability_runs` (`--kills N` for each stage, `--frames N`, `--stages ...`), `reliability_live`
(`--live-frames N`) and `reliability_render` (`--render-frames N`), which say what they count, and
`viewer_attacks_tried`: requests to the gate of the live view, through a socket, that must not reach what
stands behind it: foreign hosts and origins, wrong tokens and cookies, other methods, broken and endless
heads; `viewer_attacks_let_in` of them did.
"""

import contextlib
import socket
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import torch
from benches import (
    reliability_live,
    reliability_render,
    reliability_runs,
    reliability_security,
)
from benches._harness import report

from lift3d_viewer.live_gate import Gate, Policy

WORD = "a-word-of-sixteen-letters"
SECRET = b"people inside"


class Room(BaseHTTPRequestHandler):
    """What nobody else may see."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(SECRET)

    do_POST = do_PUT = do_HEAD = do_GET  # noqa: N815 - the names that http.server looks for

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


def hostile(host: str, cookie: str) -> Iterator[bytes]:
    """Requests as strangers send them; `host` is where the gate is, `cookie` the name of its cookie."""
    get = "GET / HTTP/1.1"
    heads = [
        *(f"{get}\r\nHost: {name}" for name in ("evil.example", "localhost.evil:80", "10.0.0.1", "")),
        f"{get}\r\nX: y",
        *(f"{get}\r\nHost: {host}\r\nOrigin: {o}" for o in ("http://evil.example", "null", "file://")),
        f"{get}\r\nHost: {host}\r\nHost: evil.example",
        f"GET http://{host}/ HTTP/1.1\r\nHost: {host}",
        *(f"{way} / HTTP/1.1\r\nHost: {host}" for way in ("POST", "PUT", "CONNECT", "OPTIONS", "TRACE")),
        *(f"GET {path} HTTP/1.1\r\nHost: {host}" for path in
          ("/?token=", f"/?token={WORD}x", f"/?token={WORD[:-1]}", "/?token=%00", f"/?Token={WORD}",
           "/../../etc/passwd", "/%2e%2e/", "//evil.example/", "/?token=" + "x" * 9000)),
        *(f"{get}\r\nHost: {host}\r\nCookie: {name}={word}" for name, word in
          ((cookie, "wrong"), (cookie, ""), (cookie, WORD[:8]), ("lift3d", WORD))),
        f"{get}\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nOrigin: http://evil.example",
        f"{get}\r\nHost: {host}\r\n" + "\r\n".join(f"H{n}: {'x' * 200}" for n in range(500)),
        "\x00\x00\x00", "GET", "GET / HTTP/9.9\r\nHost: " + host, "\x16\x03\x01\x02\x00\x01",
    ]  # fmt: skip
    yield from (head.encode("latin-1") + b"\r\n\r\n" for head in heads)


def asked(port: int, request: bytes) -> bytes:
    """What comes back until the other side hangs up, or nothing does for a second."""
    with contextlib.closing(socket.create_connection(("127.0.0.1", port), timeout=1.0)) as way:
        told = b""
        with contextlib.suppress(OSError):
            way.sendall(request)
            while piece := way.recv(1 << 16):
                told += piece
        return told


def of_visitors() -> dict[str, float]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Room)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    tried = let_in = 0
    try:
        gate = Gate(Policy("127.0.0.1", WORD), 0, server.server_port)
        try:
            for request in hostile(f"127.0.0.1:{gate.port}", f"lift3d_{gate.port}"):
                tried += 1
                let_in += SECRET in asked(gate.port, request)
        finally:
            gate.close()
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    return {"viewer_attacks_tried": tried, "viewer_attacks_let_in": let_in}


def main() -> None:
    torch.set_num_threads(1)
    figures = of_visitors()
    figures |= reliability_security.asked_for()
    figures |= reliability_live.asked_for()
    figures |= reliability_render.asked_for()
    report(figures | reliability_runs.asked_for())


if __name__ == "__main__":
    sys.exit(main())
