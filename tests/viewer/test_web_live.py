"""The live view: who is let in, how much they may say, and people in viser where it is installed."""

import contextlib
import http.client
import importlib.util
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from lift3d.errors import InputError, MissingDependencyError, OutputError
from lift3d.motion import Motion
from lift3d.pose import Pose3D
from lift3d.skeletons import SMPL_24
from lift3d_body_models import DefaultBody
from lift3d_viewer.live import LiveViewer
from lift3d_viewer.live_gate import Frames, Gate, Policy, Request, refusal
from tests.helpers.body_clip import clip_of, swinging

WORD = "sesame-sesame-sesame"
LOCAL, OPEN = Policy("127.0.0.1"), Policy("192.0.2.1", WORD)
PORT = 8090


class Page(BaseHTTPRequestHandler):
    """What stands behind the gate."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"inside")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def behind() -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


def asked(port: int, path: str = "/", **headers: str) -> tuple[int, str, str]:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as way:
        way.request("GET", path, headers=headers)
        answer = way.getresponse()
        return answer.status, answer.read().decode(), answer.getheader("Set-Cookie", "")


def test_without_a_token_this_machine_may_look(behind: int) -> None:
    gate = Gate(Policy("127.0.0.1"), 0, behind)
    try:
        assert asked(gate.port)[:2] == (200, "inside")
        assert asked(gate.port, Host="evil.example:80")[0] == 403
        assert asked(gate.port, Origin="http://evil.example")[0] == 403
        assert asked(gate.port, Origin=f"http://127.0.0.1:{gate.port}")[0] == 200
        with pytest.raises(OutputError, match="choose another port"):
            Gate(Policy("127.0.0.1"), gate.port, behind)
    finally:
        gate.close()


def test_a_token_becomes_a_cookie(behind: int) -> None:
    gate = Gate(Policy("127.0.0.1", WORD), 0, behind)
    try:
        for path in ("/", "/?token=", f"/?token={WORD}x", "/?token=%00"):
            assert asked(gate.port, path)[0] == 403
        status, _, cookie = asked(gate.port, f"/?token={WORD}")
        assert (status, "HttpOnly" in cookie) == (303, True)
        assert asked(gate.port, Cookie=cookie.split(";")[0])[:2] == (200, "inside")
        assert asked(gate.port, Cookie=f"lift3d_{gate.port}=wrong")[0] == 403
    finally:
        gate.close()


@pytest.mark.parametrize(
    ("head", "policy", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: localhost:8090", LOCAL, b""),
        (b"GET / HTTP/1.1\r\nHost: [::1]:8090", LOCAL, b""),
        (b"GET / HTTP/1.1\r\nHost: localhost:81", LOCAL, b"403"),
        (b"GET / HTTP/1.1", LOCAL, b"403"),
        (b"POST / HTTP/1.1\r\nHost: localhost:8090", LOCAL, b"400"),
        (b"GET http://localhost:8090/ HTTP/1.1\r\nHost: localhost:8090", LOCAL, b"400"),
        (b"GET / HTTP/1.1\r\nHost: localhost:8090\r\nhost: evil", LOCAL, b"400"),
        (b"GET / HTTP/1.1\r\nHost: localhost:8090\r\nOrigin: null", LOCAL, b"403"),
        (b"\x00\xff", LOCAL, b"400"),
        (b"GET / HTTP/1.1\r\nHost: me:8090", OPEN, b"403"),
        (b"GET / HTTP/1.1\r\nHost: me:8090\r\nCookie: lift3d_8090=" + WORD.encode(), OPEN, b""),
        (b"GET / HTTP/1.1\r\nHost: me\r\nOrigin: http://you\r\nCookie: lift3d_8090="
         + WORD.encode(), OPEN, b"403"),
    ],
)  # fmt: skip
def test_who_may_pass(head: bytes, policy: Policy, status: bytes) -> None:
    answer = refusal(Request.from_bytes(head), policy, PORT)
    assert answer[9:12] == status


def test_open_addresses_need_a_token() -> None:
    with pytest.raises(InputError, match="a token to show people at 'example'"):
        LiveViewer(host="example")
    for weak in ("short", "with space and more", "x" * 500, "line\r\nbreaks-and-more"):
        with pytest.raises(InputError, match="16 or more letters"):
            Policy("127.0.0.1", weak)


def message(length: int, *, last: bool = True, kind: int = 2) -> bytes:
    """A browser's frame, as RFC 6455 draws it."""
    head = bytes([128 * last + kind])
    if length < 126:
        head += bytes([128 + length])
    elif length < 1 << 16:
        head += bytes([128 + 126]) + length.to_bytes(2, "big")
    else:
        head += bytes([128 + 127]) + length.to_bytes(8, "big")
    return head + b"mask" + b"\x81" * length


@given(
    st.lists(st.sampled_from([0, 1, 125, 126, 400, 401]), max_size=6),
    st.integers(1, 500),
    st.sampled_from([125, 400]),
)
@example([70_000, 70_001], 997, 70_000)
@example([70_000, 3], 1 << 20, 70_000)
def test_long_messages_are_seen_wherever_the_bytes_are_cut(
    lengths: list[int], cut: int, most: int
) -> None:
    data = b"".join(map(message, lengths))
    frames = Frames(most)
    pieces = [data[i : i + cut] for i in range(0, len(data), cut)]
    fits = all(map(frames.fit, pieces))
    assert fits == (max(lengths, default=0) <= most)


def test_pieces_of_one_message_count_together() -> None:
    frames = Frames(1000)
    assert frames.fit(message(600, last=False) + message(300, last=False, kind=0))
    assert not frames.fit(message(200, kind=0))


def test_without_viser_a_sentence_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "viser", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'lift3d\[live\]'"):
        LiveViewer(port=0)


def test_a_clip_and_pushed_frames() -> None:
    if importlib.util.find_spec("viser") is None:
        pytest.skip("viser is absent: pip install 'lift3d[live]'")
    body = DefaultBody()
    clip = clip_of(swinging(4), swinging(4, aside=1.0))
    clip.people[0].joints.pose.joints[2] = torch.nan
    params = clip.people[0].body
    assert params is not None
    joints = Pose3D.certain(body.joints(params), SMPL_24, "camera")
    with LiveViewer(body, port=0) as view:
        assert asked(int(view.url.rstrip("/").rsplit(":", 1)[1]))[0] == 200
        view.show(clip)
        for frame in range(4):
            pose = replace(
                joints,
                joints=joints.joints[frame : frame + 1],
                covariance=joints.covariance[frame : frame + 1],
            )
            seen = torch.ones(1, dtype=torch.bool)
            view.push(Motion(pose, 30.0, frame, seen), params[frame : frame + 1])
        with pytest.raises(InputError, match="got nobody"):
            view.show(replace(clip, people=()))
