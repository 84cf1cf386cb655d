"""Requests from those who mean harm: each ends with a refusal, in time, and touches nothing."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lift3d.errors import InputError
from lift3d.serving.forms import boundary_of, file_of_form
from lift3d.serving.gate import reason_against
from lift3d.serving.settings import ServeSettings

Document = Callable[..., dict[str, Any]]
JOINTS = "/v1/joints"
FILE = {"content-type": "application/octet-stream"}
TOKEN = "a-token-of-some-length"  # noqa: S105 - made up


def sentence(answer: Any, status: int) -> str:
    assert answer.status_code == status, answer.text
    return str(json.loads(answer.content)["error"])


def test_too_many_bytes_and_frames(client: Any, document: Document) -> None:
    assert "at most 4 MB" in sentence(
        client.post(JOINTS, content=b" " * 4_000_001, headers=FILE), 413
    )
    rows = document(0, 1)["keypoints"] * 501
    said = sentence(client.post(JOINTS, json=document(0, 1, keypoints=rows)), 413)
    assert "at most 500 frames, got 501" in said


def test_a_body_that_grows_while_it_comes(client: Any) -> None:
    async def without_end() -> Any:
        while True:
            yield b" " * 65536

    assert "at most 4 MB" in sentence(client.post(JOINTS, content=without_end(), headers=FILE), 413)


def test_other_contents(client: Any) -> None:
    for kind in ("text/html", "application/x-www-form-urlencoded", "", "application/x-python"):
        said = sentence(client.post(JOINTS, content=b"x=1", headers={"content-type": kind}), 415)
        assert "Content-Type" in said
    packed = {**FILE, "content-encoding": "gzip"}
    assert "unpack" in sentence(client.post(JOINTS, content=b"\x1f\x8b", headers=packed), 415)


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


@pytest.mark.parametrize(
    "body",
    [
        zipped({"bomb_1.json": b" " * 300_000_000}),
        zipped({"keypoints.npy": b"\x93NUMPY\x01\x00" + b"\x00" * 100_000_000}),
        zipped({"a.json": b"{}"}, zipfile.ZIP_LZMA),
        zipped({"a_1.json": b"{}"})[:-30],
        zipped({f"{'x' * 300}.json": b"{}"}),
        zipped({"one/a_1.json": b"{}", "two/a_1.json": b"{}"}),
        zipped({"..\\..\\.json": b"{}"}),
        zipped({"/etc/passwd": b"root"}),
        zipped({}),
    ],
    ids=["bomb", "arrays", "lzma", "cut", "long name", "two clips", "dots", "absolute", "empty"],
)
def test_archives_that_lie(client: Any, body: bytes) -> None:
    assert sentence(client.post(JOINTS, content=body, headers=FILE), 422).startswith("expected ")


def test_a_pickle_is_not_run(client: Any, tmp_path: Path) -> None:
    there = tmp_path / "there"
    evil = b"cos\nsystem\n(S'touch " + str(there).encode() + b"'\ntR."
    assert sentence(client.post(JOINTS, content=evil, headers=FILE), 422)
    held = io.BytesIO()
    np.save(held, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    assert sentence(client.post(JOINTS, content=held.getvalue(), headers=FILE), 422)
    assert not there.exists()


def test_names_in_forms_are_no_paths(client: Any, sample_bytes: bytes, tmp_path: Path) -> None:
    for name in ("../../../etc/passwd", str(tmp_path / "planted"), "a\x00b", "C:\\windows\\x"):
        answer = client.post(JOINTS, files={"file": (name, sample_bytes)})
        assert answer.status_code == 200
    assert list(tmp_path.iterdir()) == []


def test_forms_that_are_none(client: Any) -> None:
    kind = "multipart/form-data"
    for header, body in (
        (kind, b"--x\r\n"), (f"{kind}; boundary=x", b""), (f"{kind}; boundary=x", b"--x--\r\n"),
        (f"{kind}; boundary=x", b"--x\r\nContent-Disposition: form-data; name=file\r\n\r\nhi\r\n--x--"),
        (f"{kind}; boundary={'y' * 80}", b"--x\r\n\r\n"),
        (f"{kind}; boundary=x", b"\r\n--x" * 200_000),
    ):  # fmt: skip
        assert "file" in sentence(
            client.post(JOINTS, content=body, headers={"content-type": header}), 422
        )


def test_the_file_of_a_form() -> None:
    assert boundary_of('multipart/form-data; boundary="a b"') == "a b"
    head = b'--q\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'
    other = b'--q\r\nContent-Disposition: form-data; name="note"\r\n\r\nwords\r\n'
    for content in (b"", b"\r\n", b"-q", b"\r\n--p\r\n", bytes(range(256))):
        assert file_of_form(other + head + content + b"\r\n--q--\r\n", "q") == content
    with pytest.raises(InputError, match="a form with a file"):
        file_of_form(head + b"cut short", "q")


@pytest.mark.parametrize(
    "host", ["evil.com", "127.0.0.1.evil.com:80", "localhost.evil.com", "", "[::2]"]
)
def test_other_names_for_this_machine_are_turned_away(client: Any, host: str) -> None:
    assert sentence(client.get("/metrics", headers={"host": host}), 403)


def test_this_machine_by_its_names(client: Any) -> None:
    for host in ("localhost", "LOCALHOST:9000", "127.0.0.1:1", "[::1]:8000"):
        assert client.get("/metrics", headers={"host": host}).status_code == 200


def test_scripts_of_other_pages_are_turned_away(client: Any) -> None:
    for origin in ("http://evil.com", "null", "http://127.0.0.1:9000"):
        said = sentence(client.post(JOINTS, content=b"", headers={**FILE, "origin": origin}), 403)
        assert "another page" in said
    own = {"origin": "http://127.0.0.1:8000", "host": "127.0.0.1:8000"}
    assert client.get("/metrics", headers=own).status_code == 200


def test_a_head_without_one_host() -> None:
    settings = ServeSettings()
    for head in ([], [(b"host", b"localhost"), (b"host", b"evil.com")]):
        refused = reason_against("/health", head, settings)
        assert refused is not None
        assert refused.status == 400


def test_a_token_is_asked_for(open_client: Callable[..., Any], document: Document) -> None:
    with open_client(host="0.0.0.0", token=TOKEN) as guarded:  # noqa: S104 - nothing listens here
        elsewhere = {"host": "lifting.example.org"}
        for given in (None, "Bearer wrong", f"Basic {TOKEN}", TOKEN, "Bearer "):
            heads = elsewhere if given is None else {**elsewhere, "authorization": given}
            answer = guarded.post(JOINTS, json=document(0, 2), headers=heads)
            assert sentence(answer, 401)
            assert answer.headers["www-authenticate"] == "Bearer"
            assert guarded.get("/metrics", headers=heads).status_code == 401
        known = {**elsewhere, "authorization": f"Bearer {TOKEN}"}
        assert guarded.post(JOINTS, json=document(0, 2), headers=known).status_code == 200
        assert guarded.get("/health", headers=elsewhere).status_code == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"host": "192.0.2.1"}, {"host": ""}, {"token": "short"}, {"token": "with a space in it, long"},
        {"port": 70000}, {"workers": -1}, {"max_batch": 0}, {"max_body_mb": float("nan")},
        {"max_seconds": 0.0}, {"max_queue": 0},
    ],
)  # fmt: skip
def test_settings_that_cannot_be(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"expected .+, got .+: "):
        ServeSettings(**wrong)
