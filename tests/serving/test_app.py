"""The routes: what comes out, and that everything wrong gets a sentence and never a 500."""

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pytest

from lift3d.serving.document import EXAMPLE
from lift3d.serving.values import LiftedOut

Document = Callable[..., dict[str, Any]]
JOINTS, BODIES = "/v1/joints", "/v1/bodies"
FILE = {"content-type": "application/octet-stream"}


def refused(answer: Any, status: int) -> str:
    """The sentence of a refusal of that status."""
    assert answer.status_code == status, answer.text
    sentence = str(json.loads(answer.content)["error"])
    assert sentence.startswith("expected ")
    assert ", got " in sentence
    assert "\n" not in sentence
    return sentence


def test_keypoints_to_joints(client: Any, document: Document) -> None:
    answer = client.post(JOINTS, json=document(0, 6))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    told = msgspec.json.decode(answer.content, type=LiftedOut)
    assert (told.frames, len(told.people), len(told.skeleton.joints)) == (6, 1, 23)
    assert np.array(told.people[0].joints).shape == (6, 23, 3)
    assert "field of view" in told.note


def test_missing_keypoints_come_back_as_null(client: Any, document: Document) -> None:
    told = document(0, 4)
    told["keypoints"][1] = [[None, None, None]] * len(told["keypoints"][1])
    answer = client.post(JOINTS, json=told, params={"smooth_seconds": 0}).json()
    assert answer["people"][0]["observed"] == [True, False, True, True]
    assert b"NaN" not in json.dumps(answer).encode()


def test_files_as_they_are_and_in_forms(client: Any, sample_bytes: bytes) -> None:
    raw = client.post(JOINTS, content=sample_bytes, headers=FILE)
    form = client.post(JOINTS, files={"file": ("anything.json", sample_bytes)})
    assert raw.status_code == form.status_code == 200
    assert raw.content == form.content


def test_the_answer_is_written_as_accept_asks(client: Any, document: Document) -> None:
    glb = client.post(BODIES, json=document(0, 8), headers={"accept": "model/gltf-binary"})
    assert glb.headers["content-type"] == "model/gltf-binary"
    assert glb.content.startswith(b"glTF")
    accept = {"accept": "text/html;q=0.1, application/x-npz;q=0.8, application/json;q=0.5"}
    npz = client.post(JOINTS, json=document(0, 8), headers=accept)
    assert npz.headers["content-type"] == "application/x-npz"
    asked = client.post(JOINTS, json=document(0, 8), params={"output": "json"}, headers=accept)
    assert asked.headers["content-type"] == "application/json"
    refused(client.post(JOINTS, json=document(0, 2), headers={"accept": "image/png"}), 406)


def test_a_zip_of_frames_is_a_clip(client: Any) -> None:
    points = [
        value for x, y in [(500 + 7 * j, 200 + 30 * j) for j in range(25)] for value in (x, y, 1)
    ]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for frame in range(5):
            people = [{"pose_keypoints_2d": points}]
            text = json.dumps({"version": 1.3, "people": people})
            archive.writestr(f"../../up/clip_{frame:012d}_keypoints.json", text)
    size = {"height": 1080, "width": 1920, "skeleton": "body_25"}
    answer = client.post(JOINTS, content=packed.getvalue(), headers=FILE, params=size)
    assert answer.status_code == 200, answer.text
    assert answer.json()["frames"] == 5


def test_what_was_wrong_with_an_upload_names_no_place_of_ours(client: Any) -> None:
    for content in (b"nothing at all", b"", b'{"people": 3}', b"\x93NUMPY"):
        sentence = refused(client.post(JOINTS, content=content, headers=FILE), 422)
        assert "lift3d-serve" not in sentence
        assert "/tmp" not in sentence  # noqa: S108 - it must not be there
        assert "the upload" in sentence


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"skeleton": "centipede"}, "skeleton 'centipede'"),
        ({"skeleton": "coco_17"}, "got 33"),
        ({"fps": 0}, "0"),
        ({"fps": "fast"}, "fps"),
        ({"image_size": [0, 5]}, "image_size"),
        ({"image_size": [10]}, "image_size"),
        ({"keypoints": []}, "[frames, joints, 3]"),
        ({"keypoints": [[]]}, "[frames, joints, 3]"),
        ({"keypoints": [[[1, 2]]]}, "[frames, joints, 3]"),
        ({"keypoints": [[[1, 2, 1]], [[1, 2, 1], [2, 3, 1]]]}, "[frames, joints, 3]"),
        ({"keypoints": [[["a", 2, 1]]]}, "keypoints"),
        ({"keypoints": [[[1, 2, -1]] * 33]}, "confidences"),
        ({"keypoints": [[[1e300, 2, 1]] * 33]}, "keypoints"),
        ({"keypoints": [[[5, 5, 1]] * 33]}, "one point"),
        ({"keypoints": [[[1, 2, 0]] * 33]}, "confidence"),
        ({"keypoints": 3}, "keypoints"),
        ({"centre": [1, 2]}, "focal"),
        ({"focal": 1e-9}, "focal"),
        ({"focal": 1000, "distortion": [9, 9]}, "lens"),
        ({"distortion": [0, 0, 0, 0, 0, 0]}, "distortion"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_values_that_cannot_be(
    client: Any, document: Document, change: dict[str, Any], words: str
) -> None:
    assert words in refused(client.post(JOINTS, json={**document(0, 2), **change}), 422)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b"null", b"NaN", b'"text"', b"\xff\xfe{}", b"[" * 100_000,
        b'{"a":' * 50_000, b'{"skeleton": "coco_17", "image_size": [9, 9], "keypoints": [[[NaN]]]}',
        b'{"skeleton": "coco_17", "image_size": [9, 9], "keypoints": [[[1e999, 1, 1]]]}',
        b'{"skeleton": "\xed\xa0\x80", "image_size": [9, 9], "keypoints": []}',
    ],
)  # fmt: skip
def test_what_is_no_request(client: Any, body: bytes) -> None:
    refused(client.post(JOINTS, content=body, headers={"content-type": "application/json"}), 422)


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ({"nope": "1"}, "nope"), ({"output": "exe"}, "output"), ({"fps": "x"}, "fps"),
        ({"fps": "nan"}, "fps"), ({"smooth_seconds": "-1"}, "smooth_seconds"),
        ({"person": "9999999"}, "person"), ({"lifter": "../../etc/passwd"}, "lifter"),
        ({"skeleton": "\x00"}, "skeleton"), ({"height": "0"}, "height"),
    ],
)  # fmt: skip
def test_parameters_that_cannot_be(
    client: Any, document: Document, query: dict[str, str], name: str
) -> None:
    assert f"'{name}'" in refused(client.post(JOINTS, json=document(0, 2), params=query), 422)


def test_other_ways_and_methods(client: Any) -> None:
    refused(client.get("/v2/joints"), 404)
    refused(client.get(JOINTS), 405)
    refused(client.request("TRACE", JOINTS), 405)
    refused(client.get("/../../etc/passwd"), 404)


def test_watching(client: Any, document: Document) -> None:
    assert client.get("/health").text == "ok\n"
    assert client.get("/ready").status_code == 200
    client.post(JOINTS, json=document(0, 2))
    lines = client.get("/metrics").text.splitlines()
    counted = [
        line for line in lines if line.startswith('lift3d_requests_total{route="/v1/joints"')
    ]
    assert any('status="200"' in line for line in counted)
    for line in lines:  # the text form: comments, or a name with labels, and a number
        assert line.startswith("# ") or float(line.rpartition(" ")[2]) >= 0
    buckets = [line for line in lines if line.startswith("lift3d_batch_size_bucket")]
    counts = [int(line.rpartition(" ")[2]) for line in buckets]
    assert counts == sorted(counts)


def test_the_document_tells_the_truth(client: Any) -> None:
    found = client.get("/openapi.json").json()
    assert found["openapi"].startswith("3.1")
    post = found["paths"][JOINTS]["post"]
    assert {"200", "413", "415", "422", "429", "503"} <= set(post["responses"])
    text = json.dumps(found)
    named = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert named <= set(found["components"]["schemas"])
    example = post["requestBody"]["content"]["application/json"]["example"]
    assert example == json.loads(json.dumps(EXAMPLE))
    assert client.post(JOINTS, json=example).status_code == 200


def test_many_at_once_get_their_own_answers(client: Any, document: Document) -> None:
    documents = [document(2 * n, 3 + n % 3) for n in range(12)]
    answers = client.at_once(JOINTS, documents)
    assert [len(answer.json()["people"][0]["joints"]) for answer in answers] == [
        len(told["keypoints"]) for told in documents
    ]
    alone = client.post(JOINTS, json=documents[5]).json()["people"][0]["joints"]
    np.testing.assert_allclose(answers[5].json()["people"][0]["joints"], alone, atol=1e-5)
