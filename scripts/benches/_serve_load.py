"""Load on `lift3d serve`: requests a second and latencies at 1, 8 and 64 clients, on this machine alone.

The service runs as users run it, in processes of its own on a free port of 127.0.0.1. Each client sends
ten frames of somebody real as JSON and waits for their joints, again and again, for some seconds; `wrk`
does that where it is installed, else clients of our own, which take a larger share of the machine.
Everything but a 200 is an error. `python scripts/benches/_serve_load.py [--quick]` runs it alone.
"""

import argparse
import asyncio
import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

__all__ = ["serve_figures"]

CLIENTS: Final = (1, 8, 64)
FRAMES: Final = 10
START: Final = 180.0
ROUTE: Final = "/v1/joints"
_UNITS: Final = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}
_TIME: Final = re.compile(r"^\s+(50|99)%\s+([0-9.]+)(us|ms|s|m)\s*$", re.MULTILINE)


def serve_figures(quick: bool) -> dict[str, float]:
    """`serve_requests_per_s_N`, `serve_p50_ms_N`, `serve_p99_ms_N` for N clients, and `serve_errors`."""
    seconds, rounds = (1.5, 1) if quick else (8.0, 3)
    figures: dict[str, float] = {}
    errors = 0
    with serving() as port, tempfile.TemporaryDirectory() as folder:
        load = _Wrk(port, Path(folder)) if shutil.which("wrk") else _Own(port)
        load.run(8, 1.0)  # warm
        for clients in CLIENTS:
            runs = [load.run(clients, seconds) for _ in range(rounds)]
            errors += sum(run["errors"] for run in runs)
            for name in ("requests_per_s", "p50_ms", "p99_ms"):
                values = [run[name] for run in runs]
                figures[f"serve_{name}_{clients}"] = statistics.median(values)
                print(f"serve, {clients:2d} clients, {name}: {statistics.median(values):.1f} "
                      f"({min(values):.1f} to {max(values):.1f})")  # fmt: skip
    return {**figures, "serve_errors": float(errors)}


@contextmanager
def serving() -> Generator[int]:
    """The service on a free port, ready; stopped at the end."""
    command = [sys.executable, "-c", "import sys; from lift3d.cli import main; sys.exit(main())"]
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(
            [*command, "serve", "--port", "0"], stdout=said, stderr=subprocess.STDOUT
        )
        try:
            yield _ready(process, said)
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)


def _ready(process: "subprocess.Popen[bytes]", said: Any) -> int:
    """The port, once somebody works there."""
    until = time.monotonic() + START
    port = 0
    while time.monotonic() < until and process.poll() is None:
        said.seek(0)
        found = re.search(r"http://127\.0\.0\.1:(\d+)", said.read())
        port = int(found[1]) if found else 0
        if port and _is_ready(port):
            return port
        time.sleep(0.2)
    said.seek(0)
    raise RuntimeError(f"the service did not get ready: {said.read()[-2000:]}")


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=5) as answer:
            return int(answer.status) == 200
    except (urllib.error.URLError, OSError):
        return False


def body() -> bytes:
    """A request of ten frames."""
    from lift3d.io import read_keypoints
    from lift3d.samples import balancing

    with balancing() as sample:
        person = read_keypoints(sample).people[0]
    points = person.pose.keypoints[:FRAMES].double().nan_to_num().numpy().round(2)
    sure = person.pose.confidence[:FRAMES].double().numpy().round(3)
    rows = [
        [[*xy, c] for xy, c in zip(some.tolist(), conf.tolist(), strict=True)]
        for some, conf in zip(points, sure, strict=True)
    ]
    told = {"skeleton": person.pose.skeleton.name, "image_size": person.pose.image_size}
    return json.dumps({**told, "fps": person.fps, "keypoints": rows}).encode()


class _Wrk:
    """Load by wrk, one thread."""

    def __init__(self, port: int, folder: Path) -> None:
        self._url = f"http://127.0.0.1:{port}{ROUTE}"
        self._script = folder / "post.lua"
        self._script.write_text(
            'wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\n'
            f"wrk.body = [==[{body().decode()}]==]\n"
        )

    def run(self, clients: int, seconds: float) -> dict[str, float]:
        command = [
            "wrk",
            "-t1",
            f"-c{clients}",
            f"-d{seconds:.0f}s",
            "--timeout",
            "30s",
            "--latency",
        ]
        done = subprocess.run(
            [*command, "-s", str(self._script), self._url],
            check=True, capture_output=True, text=True, timeout=seconds + 90,
        )  # fmt: skip
        text = done.stdout
        found = {f"p{p}_ms": float(v) * _UNITS[unit] for p, v, unit in _TIME.findall(text)}
        rate = re.search(r"Requests/sec:\s+([0-9.]+)", text)
        bad = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
        sockets = re.search(
            r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text
        )
        errors = int(bad[1]) if bad else 0
        errors += sum(map(int, sockets.groups())) if sockets else 0
        return {**found, "requests_per_s": float(rate[1]) if rate else 0.0, "errors": errors}


class _Own:
    """Load by clients of our own: one connection each, kept open."""

    def __init__(self, port: int) -> None:
        self._port, content = port, body()
        head = (
            f"POST {ROUTE} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        )
        self._request = f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content

    def run(self, clients: int, seconds: float) -> dict[str, float]:
        return asyncio.run(self._run(clients, seconds))

    async def _run(self, clients: int, seconds: float) -> dict[str, float]:
        started = time.perf_counter()
        tasks = [self._client(started + seconds) for _ in range(clients)]
        told = await asyncio.wait_for(asyncio.gather(*tasks), seconds + 90)
        taken = time.perf_counter() - started
        times = sorted(t for some, _ in told for t in some) or [0.0]
        place = lambda share: 1000 * times[min(len(times) - 1, int(share * len(times)))]  # noqa: E731
        return {
            "requests_per_s": sum(len(some) for some, _ in told) / taken,
            "p50_ms": place(0.5),
            "p99_ms": place(0.99),
            "errors": sum(bad for _, bad in told),
        }

    async def _client(self, until: float) -> tuple[list[float], int]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        times: list[float] = []
        bad = 0
        while (now := time.perf_counter()) < until:
            writer.write(self._request)
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 60)
            length = int(re.search(rb"content-length: (\d+)", head)[1])  # type: ignore[index]
            await reader.readexactly(length)
            times.append(time.perf_counter() - now)
            bad += not head.startswith(b"HTTP/1.1 200")
        writer.close()
        return times, bad


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=Path)
    told = parser.parse_args()
    figures = serve_figures(told.quick)
    print(json.dumps(figures, indent=2))
    if told.json is not None:
        told.json.write_text(json.dumps({"figures": figures}, indent=2))


if __name__ == "__main__":
    main()
