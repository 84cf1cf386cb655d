"""The page that lifts, in a real browser: the same joints as Python's, and nothing leaves it."""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import cv2
import numpy as np
import pytest

from lift3d.camera import Camera
from lift3d.io import read_keypoints
from lift3d.io.keypoints.coco_write import write_coco
from lift3d.lifting.steady import steady_motion
from lift3d.lifting.universal import UniversalLifter
from lift3d.motion import Motion
from lift3d.pose import Pose3D
from lift3d.samples import balancing
from tests.helpers.browser import Browser
from tests.helpers.lifting_page import runtime_folder, written_page

SIZE = (900, 620)
DROP = """(() => {{
  const carried = new DataTransfer();
  carried.items.add(new File([{text}], {name}, {{type: "application/json"}}));
  document.dispatchEvent(new DragEvent("drop", {{dataTransfer: carried, cancelable: true}}));
}})()"""


class Quiet(SimpleHTTPRequestHandler):
    """A server of files that writes no log."""

    def log_message(self, *_: object) -> None: ...


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written_page(tmp_path_factory.mktemp("lifting"), runtime_folder())


@pytest.fixture(scope="module")
def browser(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    made = Browser(tmp_path_factory.mktemp("profile"))
    made.open(folder / "index.html", SIZE)
    yield made
    made.close()


@pytest.fixture(scope="module")
def lifter() -> UniversalLifter:
    return UniversalLifter()


def dropped(browser: Browser, text: str, name: str) -> None:
    """Drop a file on the page and wait until it is lifted or refused."""
    browser.run("refusal.hidden = true; state.textContent = ''")
    browser.run(DROP.format(text=json.dumps(text), name=json.dumps(name)))
    browser.wait("!refusal.hidden || /lifted here/.test(state.textContent)", 200)


def chosen(browser: Browser, files: list[Path]) -> None:
    """Choose files by the page's button."""
    browser.run("refusal.hidden = true; state.textContent = ''")
    root = browser.call("DOM.getDocument")["root"]["nodeId"]
    field = browser.call("DOM.querySelector", nodeId=root, selector="#files")["nodeId"]
    browser.call("DOM.setFileInputFiles", nodeId=field, files=[str(file) for file in files])
    browser.wait("!refusal.hidden || /lifted here/.test(state.textContent)", 200)


def smoothing(browser: Browser, seconds: str) -> None:
    browser.run(f"smoothing.value = '{seconds}'; smoothing.onchange()")


def saved(browser: Browser) -> Any:
    return json.loads(browser.run("lift3d.asJson()"))


def joints_of(document: Any, who: int = 0) -> np.ndarray:
    frames, count = document["people"][who]["frames"], len(document["joints"])
    return np.array([frame or [[np.nan] * 3] * count for frame in frames])


def lifted(path: Path, lifter: UniversalLifter) -> list[Motion[Pose3D]]:
    file = read_keypoints(path)
    camera = Camera.default(file.report.image_size)
    return [lifter(person, camera) for person in file.people]


def agree(found: np.ndarray, wanted: Motion[Pose3D]) -> None:
    """To a millimetre, and in the same frames."""
    joints = wanted.pose.joints.double().numpy()
    assert found.shape == joints.shape
    np.testing.assert_array_equal(np.isfinite(found), np.isfinite(joints))
    off = np.linalg.norm(found - joints, axis=-1)
    assert np.nanmax(off) < 1e-3, np.nanmax(off)


@pytest.fixture(scope="module")
def sample(browser: Browser, lifter: UniversalLifter) -> list[Motion[Pose3D]]:
    """What Python makes of the sample, which the page has lifted, too."""
    with balancing() as path:
        dropped(browser, path.read_text(), path.name)
        assert browser.run("refusal.textContent") == ""
        return lifted(path, lifter)


def test_the_sample_is_lifted_as_in_python(browser: Browser, sample: list[Motion[Pose3D]]) -> None:
    smoothing(browser, "0")
    document = saved(browser)
    assert len(document["people"]) == len(sample) == 1
    assert document["fps"] == sample[0].fps
    raw = steady_motion(sample[0], 0.0)
    agree(joints_of(document), raw)


def test_it_is_smoothed_as_in_python(browser: Browser, sample: list[Motion[Pose3D]]) -> None:
    smoothing(browser, "0.06")
    agree(joints_of(saved(browser)), steady_motion(sample[0], 0.06))


def test_a_table_is_saved_upright(browser: Browser, sample: list[Motion[Pose3D]]) -> None:
    smoothing(browser, "0.06")
    document = saved(browser)
    rows = list(csv.DictReader(io.StringIO(browser.run("lift3d.asCsv()"))))
    joints = joints_of(document)
    assert len(rows) == np.isfinite(joints[..., 0]).sum()
    world = np.array(document["world_from_camera"])
    np.testing.assert_allclose(world @ world.T, np.eye(3), atol=1e-6)
    assert np.linalg.det(world) > 0
    first = {r["joint"]: [float(r[a]) for a in "xyz"] for r in rows if r["frame"] == "0"}
    for number, name in enumerate(document["joints"]):
        np.testing.assert_allclose(first[name], world @ joints[0, number], atol=2e-5)
    assert first["head"][1] > first["pelvis"][1] + 0.3 > first["left_ankle"][1] + 0.9
    assert len(sample[0]) == int(rows[-1]["frame"]) + 1


def test_openpose_frames_are_lifted_as_in_python(
    browser: Browser, shared: Path, lifter: UniversalLifter
) -> None:
    folder = shared / "keypoints" / "openpose_body25" / "clip_a"
    chosen(browser, sorted(folder.glob("*.json")))
    assert browser.run("refusal.textContent") == ""
    smoothing(browser, "0")
    document = saved(browser)
    wanted = lifted(folder, lifter)
    assert document["image_size"] == list(read_keypoints(folder).report.image_size)
    agree(joints_of(document), steady_motion(wanted[0], 0.0))


@pytest.mark.parametrize("form", ["coco", "alphapose"])
def test_lists_of_people_are_lifted_as_in_python(
    browser: Browser, lifter: UniversalLifter, tmp_path: Path, form: str
) -> None:
    """Two people, who cross the picture without ids in the one form and with them in the other."""
    with balancing() as source:
        person = read_keypoints(source).people[0]
    moved = person.pose.keypoints + person.pose.keypoints.new_tensor([300.0, 20.0])
    other = replace(person, pose=replace(person.pose, keypoints=moved), person=1)
    path = tmp_path / f"{form}.json"
    write_coco(path, [person, other])
    if form == "alphapose":
        entries = json.loads(path.read_text())
        for entry in entries:
            entry["image_id"] = f"{entry['image_id']:04d}.jpg"
            del entry["track_id"]
        path.write_text(json.dumps(entries))
    dropped(browser, path.read_text(), path.name)
    assert browser.run("refusal.textContent") == ""
    smoothing(browser, "0")
    document, wanted = saved(browser), lifted(path, lifter)
    assert len(document["people"]) == len(wanted) == 2
    for who, motion in enumerate(wanted):
        agree(joints_of(document, who), steady_motion(motion, 0.0))


def test_what_is_shown_is_drawn_and_moves(browser: Browser, sample: list[Motion[Pose3D]]) -> None:
    assert sample
    player = (
        "lift3d.done().then(({player}) => { window.player = player; player.set({playing: false});"
    )
    browser.run(player + " player.look('front'); player.seek(10); player.fit(); player.draw(); })")
    before = cv2.imdecode(np.frombuffer(browser.picture(), np.uint8), cv2.IMREAD_COLOR)
    assert before is not None
    assert before[120:500, 200:700].std() > 8
    browser.run("player.seek(60); player.draw()")
    after = cv2.imdecode(np.frombuffer(browser.picture(), np.uint8), cv2.IMREAD_COLOR)
    assert after is not None
    assert (before != after).any()


def test_a_static_server_shows_it_too(
    folder: Path, tmp_path: Path, sample: list[Motion[Pose3D]]
) -> None:
    """Also in a folder of its own on a server; only that server is asked."""
    quiet = partial(Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), quiet) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        home = f"http://127.0.0.1:{server.server_port}/"
        other = Browser(tmp_path / "profile")
        try:
            other.call("Page.navigate", url=home)
            other.wait("document.readyState === 'complete' && window.lift3d !== undefined")
            with balancing() as path:
                dropped(other, path.read_text(), path.name)
            smoothing(other, "0")
            agree(joints_of(saved(other)), steady_motion(sample[0], 0.0))
            asked = {url for url in other.requests if not url.startswith(f"blob:{home}")}
            assert asked - {"about:blank", home + "favicon.ico"} == {
                home, *(f"{home}{name}.js" for name in ("runtime", "wasm", "universal")),
            }  # fmt: skip
        finally:
            other.close()
            server.shutdown()


def test_hostile_files_are_refused_in_a_sentence(browser: Browser) -> None:
    person = {"pose_keypoints_2d": [1.0, 2.0]}
    for text, name, sentence in (
        ("{", "a.json", "expected JSON in 'a.json'"),
        ("{}", "a.json", "expected keypoints of OpenPose, COCO, AlphaPose or MediaPipe in 'a.json'"),
        ("[1, 2]", "a.json", "expected keypoints of OpenPose"),
        ("x", "a.txt", "expected keypoint files ending in .json, got 'a.txt'"),
        (json.dumps({"people": [person]}), "a.json", "expected x, y, confidence for every keypoint"),
        (json.dumps({"people": []}), "a.json", "expected at least one person"),
        (json.dumps({"people": [None]}), "a.json", "expected 'pose_keypoints_2d'"),
        (json.dumps([{"image_id": 1}]), "<b>.json", "expected 'keypoints' in '<b>.json', entry 0"),
        (json.dumps({"frames": [[1]]}), "a.json", "expected 33 landmarks in 'a.json', frame 0"),
        (json.dumps({"annotations": 3}), "a.json", "expected lists of images and people"),
    ):  # fmt: skip
        dropped(browser, text, name)
        said = browser.run("refusal.textContent")
        assert said.startswith(sentence)
        assert ", got " in said
        assert ": " in said


def test_normalised_points_ask_for_the_size(browser: Browser) -> None:
    landmarks = [{"x": 0.5 + 0.01 * i, "y": 0.02 * i, "z": 0, "visibility": 1} for i in range(33)]
    dropped(browser, json.dumps([{"landmarks": landmarks}]), "a.json")
    assert "expected the picture's size" in browser.run("refusal.textContent")


def test_nothing_leaves_the_page(browser: Browser, folder: Path) -> None:
    home = folder.as_uri()
    for url in browser.requests:
        assert url.startswith((home, "blob:null/")), url
    names = {Path(url).name for url in browser.requests if url.startswith(home)}
    assert names == {"index.html", "runtime.js", "wasm.js", "universal.js"}
    assert browser.complaints == []
    for way in ("fetch('data:,x')", f"fetch('{home}/wasm.js')", "fetch('https://example.org')"):
        assert browser.run(f"{way}.then(() => 'got it', () => 'refused')") == "refused"
    beacon = "Promise.resolve(navigator.sendBeacon('https://example.org', 'x')).then(() => 0)"
    browser.run(beacon)
    assert all("violates" in line or "refused" in line.lower() for line in browser.complaints)
