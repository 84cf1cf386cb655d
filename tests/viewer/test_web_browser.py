"""Pages in a real browser: they draw what the body model says, play, and fetch nothing."""

import base64
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from lift3d.body import BodyParams
from lift3d.camera import Camera
from lift3d.clip import Clip
from lift3d.geometry.rigid import rigid_from
from lift3d.geometry.rotations import rotmat_from_axis_angle
from lift3d.io.motion.world_points import world_joints
from lift3d.motion import Motion
from lift3d.pictures.web import Limits, inline_html, write_html
from lift3d.pose import Pose2D, Pose3D
from lift3d.skeletons import COCO_17
from lift3d_body_models import DefaultBody
from tests.helpers.body_clip import clip_of, swinging
from tests.helpers.browser import Browser

FRAMES = 8
SIZE = (480, 360)
WATCHED = 5
MASK = """(() => {
  const {gl} = player.engine;
  const {width, height} = player.canvas;
  const pixels = new Uint8Array(4 * width * height);
  player.set({ground: false, stands: false, playing: false});
  player.draw();
  gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, pixels);
  let text = "";
  for (let i = 0; i < pixels.length; i += 4) text += pixels[i + 3] > 127 ? "1" : "0";
  return text;
})()"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    made = Browser(tmp_path_factory.mktemp("profile"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def model() -> DefaultBody:
    return DefaultBody()


def lifted(clip: Clip, model: DefaultBody) -> Clip:
    """The clip with its bodies' joints as lifted ones, as if seen by a tilted, off-centre camera."""
    turn = rotmat_from_axis_angle(torch.tensor([3.0, 0.2, 0.1], dtype=torch.float64))
    camera = Camera(
        torch.tensor([[500.0, 0, 300], [0, 480, 260], [0, 0, 1]]),
        rigid_from(turn, torch.tensor([0.3, 1.4, -0.2], dtype=torch.float64)).float(),
        torch.zeros(5),
        (480, 640),
    )
    people = []
    for person in clip.people:
        assert person.body is not None
        joints = model.joints(person.body)
        spread = torch.eye(3).expand(*joints.shape, 3) * 0.01
        seen = person.joints.observed
        pixels = camera.project(joints @ camera.cam_from_world[:3, :3])[:, :17]
        keypoints = Pose2D(pixels, torch.ones(len(seen), 17), COCO_17, (480, 640))
        pose = Pose3D(joints, spread, model.skeleton, "camera")
        people.append(replace(
            person,
            keypoints=Motion(keypoints, 30.0, person.id, seen),
            joints=Motion(pose, 30.0, person.id, seen),
        ))  # fmt: skip
    return replace(clip, people=tuple(people), camera=camera)


@pytest.fixture(scope="module")
def clip(model: DefaultBody) -> Clip:
    people = [swinging(FRAMES, aside=aside, seed=i) for i, aside in enumerate((-0.6, 0.6))]
    return lifted(clip_of(*people), model)


@pytest.fixture(scope="module")
def loaded(
    browser: Browser, clip: Clip, model: DefaultBody, tmp_path_factory: pytest.TempPathFactory
) -> Browser:
    path = tmp_path_factory.mktemp("page") / "a.html"
    write_html(path, clip, model, names={1: '</script><b title="x">\'&'})
    opened(browser, path)
    return browser


@pytest.fixture
def page(loaded: Browser) -> Browser:
    loaded.run("player.visible.fill(true); player.set({mode: 'body', ground: true, stands: true})")
    loaded.run(f"player.look('camera'); player.seek({WATCHED})")
    return loaded


def opened(browser: Browser, path: Path, *, dark: bool = True) -> None:
    browser.open(path, SIZE, dark=dark)
    browser.run("lift3d.then((made) => { window.player = made; made.fit(); })")
    browser.run(f"player.set({{playing: false}}); player.seek({WATCHED})")


def mask(browser: Browser) -> np.ndarray:
    flat = np.frombuffer(browser.run(MASK).encode(), np.uint8) == ord("1")
    return flat.reshape(SIZE[1], SIZE[0])[::-1]


def in_window(camera: Camera) -> Camera:
    """The camera in its own frame, its picture fitted into the middle of the window."""
    alone = Camera(camera.intrinsics, torch.eye(4), camera.distortion, camera.image_size)
    assert SIZE[0] / SIZE[1] == camera.image_size[1] / camera.image_size[0]
    return alone.zoomed(SIZE[1] / camera.image_size[0])


def silhouette(model: DefaultBody, bodies: list[BodyParams], camera: Camera) -> np.ndarray:
    """Every triangle of the body model's own meshes, filled."""
    drawn = np.zeros((SIZE[1] * 4, SIZE[0] * 4), np.uint8)
    for body in bodies:
        pixels = (
            in_window(camera).zoomed(4.0).project(model(body[torch.tensor([WATCHED])]).vertices)
        )
        corners = pixels[0][model.surface.faces.long()].double().numpy()
        for corner in np.round(corners * 16).astype(np.int32):
            cv2.fillConvexPoly(drawn, corner, 255, shift=4)
    return cv2.resize(drawn, SIZE, interpolation=cv2.INTER_AREA) > 127


def test_bodies_cover_what_the_body_model_covers(
    page: Browser, clip: Clip, model: DefaultBody
) -> None:
    seen = mask(page)
    bodies = [person.body for person in clip.people if person.body is not None]
    wanted = silhouette(model, bodies, clip.camera)
    assert wanted.sum() > 5000
    assert (seen & wanted).sum() / (seen | wanted).sum() > 0.98
    page.run("player.visible[1] = false; player.set({})")
    first = silhouette(model, bodies[:1], clip.camera)
    alone = mask(page)
    assert (alone & first).sum() / (alone | first).sum() > 0.975


def test_a_joint_is_drawn_where_the_camera_sees_it(page: Browser, clip: Clip) -> None:
    pose = clip.people[1].joints.pose
    wanted = in_window(clip.camera).project(pose.joints[WATCHED])
    for joint in range(0, 24, 5):
        drawn = page.run(
            "player.project(Array.from(player.tracks[1].joints)"
            f".slice({3 * (WATCHED * 24 + joint)}, {3 * (WATCHED * 24 + joint) + 3}))"
        )
        np.testing.assert_allclose(drawn, wanted[joint].numpy(), atol=0.1)


def test_it_stands_on_the_floor_in_the_world(page: Browser, clip: Clip) -> None:
    heights = page.run(
        f"Array.from(player.tracks[0].joints).slice({72 * WATCHED}, {72 * WATCHED + 72})"
        ".filter((_, i) => i % 3 === 1)"
    )
    level = world_joints(clip, clip.people[0])[WATCHED, :, 1].numpy()
    shift = np.array(heights) - level
    assert np.ptp(shift) < 1e-3


def test_it_plays_scrubs_and_obeys_keys(page: Browser) -> None:
    still = page.picture()
    page.run("player.set({playing: true}); new Promise((go) => setTimeout(go, 300))")
    assert page.run("player.time") != WATCHED
    page.key(" ")
    assert page.run("player.playing") is False
    page.run("scrub.value = 2; scrub.oninput()")
    assert page.run("counter.textContent") == "2 / 7 \u00b7 0.07 s"
    assert page.picture() != still
    page.key("ArrowRight")
    assert page.run("player.time") == 3
    for key, state in (("2", "view === 'front'"), ("m", "mode === 'skeleton'"), ("u", "doubts")):
        page.key(key)
        assert page.run(f"player.{state}") is True
    page.call("Input.dispatchMouseEvent", type="mouseWheel", x=200, y=100, deltaX=0, deltaY=100)
    page.wait("player.view === ''")
    before = page.run("[player.orbit.yaw, player.orbit.tilt]")
    for kind, x in (("mousePressed", 200), ("mouseMoved", 250), ("mouseReleased", 250)):
        page.call("Input.dispatchMouseEvent", type=kind, x=x, y=100, button="left", buttons=1,
                  clickCount=1)  # fmt: skip
    page.wait(f"player.orbit.yaw < {before[0] - 0.3}")
    assert page.run("player.orbit.tilt") == before[1]


def test_nothing_is_fetched_and_names_are_text(page: Browser) -> None:
    assert [url[:5] for url in page.requests] == ["file:"]
    assert page.complaints == []
    assert '</script><b title="x">\'&' in page.run("people.textContent")
    refused = page.run("fetch('data:,x').then(() => 'got it', () => 'refused')")
    assert refused == "refused"


@pytest.mark.parametrize("dark", [True, False])
def test_the_theme_follows_the_system(
    browser: Browser, clip: Clip, tmp_path: Path, dark: bool
) -> None:
    write_html(tmp_path / "a.html", clip)
    opened(browser, tmp_path / "a.html", dark=dark)
    shown = cv2.imdecode(np.frombuffer(browser.picture(), np.uint8), cv2.IMREAD_COLOR)
    assert (shown[2, 200].mean() < 60) == dark
    assert browser.run("notes.textContent").startswith("skeletons only")


def test_a_damaged_page_says_so(browser: Browser, clip: Clip, tmp_path: Path) -> None:
    write_html(tmp_path / "a.html", clip)
    whole = (tmp_path / "a.html").read_text()
    packed = base64.b64encode(b"\x1f\x8b").decode()
    (tmp_path / "b.html").write_text(whole.replace("H4sI", packed, 1))
    browser.open(tmp_path / "b.html", SIZE)
    browser.wait("!trouble.hidden")
    assert "damaged: write it again" in browser.run("trouble.textContent")


def test_values_in_a_notebook(
    browser: Browser, clip: Clip, model: DefaultBody, tmp_path: Path
) -> None:
    body = clip.people[0].body
    assert body is not None
    cells: list[Any] = [
        clip.people[0].joints,
        clip.people[0].keypoints,
        model(body[torch.tensor([2])]),
    ]
    (tmp_path / "a.html").write_text("<!doctype html>" + "".join(map(inline_html, cells)))
    browser.open(tmp_path / "a.html", (480, 1500))
    # A frame that nothing is drawn in is a smooth gradient.
    end = time.monotonic() + 30
    while min(contrast(browser, top) for top in (0, 484, 968)) < 5.5:
        assert time.monotonic() < end, [contrast(browser, top) for top in (0, 484, 968)]
    assert browser.complaints == []


def contrast(browser: Browser, top: int) -> float:
    shown = cv2.imdecode(np.frombuffer(browser.picture(), np.uint8), cv2.IMREAD_COLOR)
    assert shown is not None
    return float(shown[top + 60 : top + 380, 100:380].std())


def test_missing_frames_show_nobody(
    browser: Browser, clip: Clip, model: DefaultBody, tmp_path: Path
) -> None:
    person = clip.people[0]
    pose, seen = person.joints.pose, person.joints.observed.clone()
    gone, seen[WATCHED] = pose.joints.clone(), False
    gone[WATCHED] = torch.nan
    joints = Motion(replace(pose, joints=gone), 30.0, 0, seen)
    hidden = replace(clip, people=(replace(person, joints=joints),))
    write_html(tmp_path / "a.html", hidden, model, limits=Limits(1000, 5, correctives=0))
    opened(browser, tmp_path / "a.html")
    assert not mask(browser).any()
    browser.run("player.seek(0)")
    assert mask(browser).any()
