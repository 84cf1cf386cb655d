"""The service as users run it: a process, its workers, slow clients, and the end of all of them."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

ROOT = Path(__file__).parents[2]
COMMAND = [
    sys.executable,
    "-c",
    "import sys; from lift3d.cli import main; sys.exit(main())",
    "serve",
]
Document = Callable[..., dict[str, Any]]

pytestmark = pytest.mark.timeout(600)


class Running:
    """A service on a port of its own."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        environment = {**os.environ, "TMPDIR": str(folder), "OMP_NUM_THREADS": "1"}
        self.said = (folder / "said").open("w+")
        self.process = subprocess.Popen(
            [*COMMAND, "--port", "0", "--workers", "1", *options],
            stdout=self.said, stderr=subprocess.STDOUT, env=environment, cwd=folder,
        )  # fmt: skip
        self.port = 0
        until = time.monotonic() + 300
        while not self._ready():
            assert self.process.poll() is None, (folder / "said").read_text()
            assert time.monotonic() < until, "the service did not get ready"
            time.sleep(0.2)

    def _ready(self) -> bool:
        found = re.search(r"127\.0\.0\.1:(\d+)", (self.folder / "said").read_text())
        self.port = int(found[1]) if found else 0
        try:
            return bool(self.port) and self.ask("GET", "/ready")[0] == 200
        except httpx.TransportError:
            return False

    def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        url = f"http://127.0.0.1:{self.port}{path}"
        head = {"Content-Type": "application/json"}
        answer = httpx.request(method, url, content=body, headers=head, timeout=120)
        return answer.status_code, answer.content

    def workers(self) -> list[int]:
        """Processes that lift."""
        children = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        found = [int(word) for path in children for word in path.read_text().split()]
        return [pid for pid in found if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(60)
        self.said.close()
        return code


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    found = Running(tmp_path_factory.mktemp("serve"), "--max-slow-seconds", "1.0")
    yield found
    if found.process.poll() is None:
        found.process.kill()
        found.process.wait(30)
        found.said.close()


def exchange(port: int, pieces: list[bytes], pause: float) -> tuple[bytes, float]:
    """What a client gets that sends in pieces, and the seconds until the connection ends."""
    started = time.monotonic()
    with socket.create_connection(("127.0.0.1", port), timeout=30) as line:
        try:
            for piece in pieces:
                line.sendall(piece)
                time.sleep(pause)
            got = b""
            while more := line.recv(65536):
                got += more
        except ConnectionError:
            got = b""
    return got, time.monotonic() - started


def test_joints_come_out_of_a_process(running: Running, document: Document) -> None:
    status, content = running.ask("POST", "/v1/joints", json.dumps(document(0, 5)).encode())
    assert status == 200
    assert len(json.loads(content)["people"][0]["joints"]) == 5


def test_slow_clients_do_not_stay(running: Running) -> None:
    # A head that never ends, one that grows by a byte now and then, and nothing at all.
    for pieces in (
        [b"POST /v1/joints HTTP/1.1\r\nHost: localhost\r\nX: "],
        [b"G", b"E", b"T"] * 20,
        [],
    ):
        _, seconds = exchange(running.port, pieces, 0.2)
        assert seconds < 20
    head = b"POST /v1/joints HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    got, seconds = exchange(running.port, [head + b"Content-Length: 1000\r\n\r\n{"], 0.0)
    assert got.startswith(b"HTTP/1.1 408")
    assert seconds < 20
    assert running.ask("GET", "/health")[0] == 200


def test_what_is_no_http(running: Running) -> None:
    for text in (
        b"\x16\x03\x01\x02\x00" * 20,
        b"GET / HTTP/9.9\r\n\r\n",
        b"X" * 100_000 + b"\r\n\r\n",
    ):
        exchange(running.port, [text], 0.0)
    both = b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    head = b"POST /v1/joints HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    got, _ = exchange(running.port, [head + both], 0.0)
    assert b" 200 " not in got[:20]
    assert running.ask("GET", "/health")[0] == 200


def landmark_table(sample: bytes) -> str:
    """MediaPipe's landmarks as a table, one row each."""
    rows = ["frame,landmark,x,y,z,visibility"]
    for frame in json.loads(sample)["frames"]:
        for number, point in enumerate(frame["landmarks"]):
            values = [frame["frame"], number, *(point[name] for name in point)]
            rows.append(",".join(str(value) for value in values))
    return "\n".join(rows) + "\n"


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is absent")
def test_the_examples_of_the_docs(running: Running, sample_bytes: bytes, tmp_path: Path) -> None:
    (tmp_path / "keypoints.json").write_bytes(sample_bytes)
    (tmp_path / "landmarks.csv").write_text(landmark_table(sample_bytes))
    text = (ROOT / "docs" / "serving.md").read_text()
    blocks = re.findall(r"```bash\n(.*?)```", text, re.DOTALL)
    assert len(blocks) == 4
    for block in blocks:
        script = block.replace("127.0.0.1:8000", f"127.0.0.1:{running.port}")
        done = subprocess.run(
            ["bash", "-ec", script], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        assert "expected" not in done.stdout
    assert (tmp_path / "walk.glb").read_bytes()[:4] == b"glTF"
    assert (tmp_path / "walk.bvh").read_bytes()[:9] == b"HIERARCHY"
    assert (tmp_path / "walk.npz").read_bytes()[:2] == b"PK"


def test_nothing_found_by_schemathesis_is_a_500(running: Running, tmp_path: Path) -> None:
    pytest.importorskip("schemathesis", reason="schemathesis is absent: pip install schemathesis")
    done = subprocess.run(
        [
            sys.executable, "-m", "schemathesis.cli", "run",
            f"http://127.0.0.1:{running.port}/openapi.json", "--checks", "not_a_server_error",
            "--max-examples", "25", "--phases", "examples,coverage,fuzzing", "--seed", "1",
            "--request-timeout", "60", "--suppress-health-check", "all",
            "--max-time", "120",
        ],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=400,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    lines = running.ask("GET", "/metrics")[1].decode().splitlines()
    assert not [line for line in lines if 'status="500"' in line]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="/proc is absent: it needs Linux")
def test_a_lost_worker_is_replaced(running: Running, document: Document) -> None:
    (before,) = running.workers()
    os.kill(before, signal.SIGKILL)
    body = json.dumps(document(0, 3)).encode()
    codes = []
    until = time.monotonic() + 200
    while 200 not in codes and time.monotonic() < until:
        codes.append(running.ask("POST", "/v1/joints", body)[0])
        time.sleep(0.2)
    assert set(codes) <= {200, 503}
    assert codes[-1] == 200
    assert running.workers() != [before]
    assert b"lift3d_workers_lost_total 1" in running.ask("GET", "/metrics")[1]


def test_it_stops_and_leaves_nothing(running: Running) -> None:
    workers = running.workers()
    assert list(running.folder.glob("lift3d-serve-*"))
    assert running.stop() in (0, -signal.SIGTERM)
    assert not list(running.folder.glob("lift3d-serve-*"))
    assert not [pid for pid in workers if Path(f"/proc/{pid}").exists()]
    assert "Traceback" not in (running.folder / "said").read_text()


def test_a_taken_port_is_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [*COMMAND, "--port", str(port)], capture_output=True, text=True, check=False
        )
    assert done.returncode == 2
    assert "expected a free port" in done.stderr
