"""Pages as text: what is in them, what is left out, and what cannot become one."""

import base64
import gzip
import hashlib
import html
import json
import re
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lift3d import notebook
from lift3d.body import BodyMesh
from lift3d.clip import Clip
from lift3d.errors import InputError, OutputError
from lift3d.io.motion.world_body import at_rest, one_shape
from lift3d.io.motion.world_points import world_joints
from lift3d.motion import Motion
from lift3d.notebook import html_of
from lift3d.pictures.web import FILE, Limits, inline_html, open_html, write_html
from lift3d.pictures.web.clips import stage_of_clip
from lift3d.pictures.web.page import page_of
from lift3d.pictures.web.values import stage_of_motion
from lift3d.pose import Pose2D, Pose3D
from lift3d.skeletons import COCO_17, SMPL_24
from lift3d_body_models import DefaultBody
from tests.helpers.body_clip import clip_of, swinging


def part(page: str, name: str) -> str:
    found = re.search(rf'<script id="{name}"[^>]*>(.*?)</script>', page, re.DOTALL)
    assert found
    return found[1]


def unzipped(page: str, name: str) -> bytes:
    return gzip.decompress(base64.b64decode(part(page, name)))


def walker(frames: int, person: int = 0, fps: float = 30.0) -> Motion[Pose3D]:
    """Joints that drift, in the camera's frame, with a covariance each."""
    draw = torch.Generator().manual_seed(person)
    joints = torch.randn(frames, 24, 3, generator=draw).cumsum(0) * 0.01
    joints = joints + torch.tensor([0.5 * person, 0.3, 4.0])
    root = torch.randn(frames, 24, 3, 3, generator=draw) * 0.05
    covariance = root @ root.mT + 1e-4 * torch.eye(3)
    seen = torch.ones(frames, dtype=torch.bool)
    return Motion(Pose3D(joints, covariance, SMPL_24, "camera"), fps, person, seen)


def skeletons(frames: int, people: int = 1) -> Clip:
    clip = clip_of(*[swinging(frames)] * people)
    made = [replace(p, joints=walker(frames, i), body=None) for i, p in enumerate(clip.people)]
    return replace(clip, people=tuple(made), body_model="")


def decoded(page: str, who: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Joints and covariances, read back by another way than the page's."""
    person, data = json.loads(part(page, "scene"))["people"][who], unzipped(page, "tracks")
    count = len(person["joints"])

    def array(where: list[int], kind: str) -> np.ndarray:
        return np.frombuffer(data, kind, where[1], where[0])

    def walked(where: list[int], step: float) -> np.ndarray:
        changes = array(where, "<i2").astype(np.int64).reshape(-1, where[1] // frames)
        whole = (changes.cumsum(0) + 32768) % 65536 - 32768
        return np.where(whole == -32768, np.nan, whole * step)

    middles = array(person["middles"], "<f4").reshape(-1, 1, 3)
    frames = len(middles)
    joints = walked(person["places"], person["step"]).reshape(frames, count, 3) + middles
    l00, l10, l20, l11, l21, l22 = np.moveaxis(
        walked(person["spread"], person["spreadStep"]).reshape(frames, count, 6), -1, 0
    )
    none = np.zeros_like(l00)
    factor = np.stack([l00, none, none, l10, l11, none, l20, l21, l22], -1)
    factor = factor.reshape(frames, count, 3, 3)
    return joints, factor @ factor.swapaxes(-1, -2)


def test_joints_and_covariances_arrive() -> None:
    clip = skeletons(40)
    pose = clip.people[0].joints.pose
    pose.joints[7], pose.joints[9, 3] = torch.nan, torch.nan
    pose.covariance[12, 5] = torch.nan
    joints, covariance = decoded(page_of(stage_of_clip(clip, None)))
    wanted = world_joints(clip, clip.people[0]).numpy()
    shift = np.nanmedian(joints - wanted, (0, 1))
    np.testing.assert_allclose(shift[[0, 2]], 0, atol=1e-4)
    np.testing.assert_allclose(joints - shift, wanted, atol=2e-4)
    turned = np.diag([1.0, -1, -1]) @ pose.covariance.double().numpy() @ np.diag([1.0, -1, -1])
    np.testing.assert_allclose(covariance, turned, atol=2e-4)


def test_the_script_is_the_one_that_the_policy_allows() -> None:
    page = page_of(stage_of_clip(skeletons(3), None))
    script = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    assert len(script) == 1
    digest = base64.b64encode(hashlib.sha256(script[0].encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'" in page
    assert not re.search(r"https?://|@import|url\(", page)


def test_names_and_titles_stay_words() -> None:
    evil = '</script><script>alert("1")</script>&@scene@\u2028'
    page = page_of(stage_of_clip(skeletons(3), None, title=evil, names={0: evil}))
    assert page.count("<script") == 4
    assert json.loads(part(page, "scene"))["people"][0]["name"] == evil
    assert html.escape(evil) in page


def test_the_same_clip_gives_the_same_page(tmp_path: Path) -> None:
    for name in "ab":
        write_html(tmp_path / f"{name}.html", skeletons(5))
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


def test_ten_thousand_frames_are_bounded_and_the_page_says_so() -> None:
    stage = stage_of_clip(skeletons(10_000, people=4), None)
    assert (len(stage), stage.stride, stage.fps) == (5000, 2, 15.0)
    page = page_of(stage)
    assert "every 2nd of 10000 frames" in part(page, "scene")
    assert len(page) < 25_000_000


def test_many_people_keep_skeletons_where_bodies_are_too_many() -> None:
    body = DefaultBody()
    clip = clip_of(*(swinging(4, aside=0.5 * i, seed=i) for i in range(6)))
    joints = [replace(p, joints=walker(4, i)) for i, p in enumerate(clip.people)]
    stage = stage_of_clip(replace(clip, people=tuple(joints)), body, Limits(1000, 2))
    assert [figure.body for figure in stage.figures] == [0, 1, None, None, None, None]
    assert stage.notes == ["bodies of the first 2 of 6 people"]


def test_the_surface_in_the_page_is_the_models() -> None:
    body, clip = DefaultBody(), clip_of(swinging(6))
    page = page_of(stage_of_clip(clip, body, replace(FILE, correctives=0)))
    glb = unzipped(page, "bodies")
    size = int.from_bytes(glb[12:16], "little")
    told, blob = json.loads(glb[20 : 20 + size]), glb[28 + size :]
    part_ = told["meshes"][0]["primitives"][0]["attributes"]

    def values(name: str, kind: str, width: int) -> np.ndarray:
        view = told["bufferViews"][told["accessors"][part_[name]]["bufferView"]]
        flat = np.frombuffer(
            blob, kind, view["byteLength"] // np.dtype(kind).itemsize, view["byteOffset"]
        )
        return flat.reshape(-1, width)

    assert clip.people[0].body is not None
    rest = body(at_rest(one_shape(clip.people[0].body))).vertices[0].numpy()
    gaps = np.abs(values("POSITION", "<f4", 3)[::50, None] - rest).max(-1).min(1)
    assert gaps.max() < 1e-4
    assert (values("WEIGHTS_0", "u1", 4).sum(1, dtype=int) == 255).all()


def test_what_cannot_be_shown_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="got nobody"):
        write_html(tmp_path / "a.html", replace(skeletons(3), people=()))
    with pytest.raises(InputError, match=r"stands of shape \[3, 2\]"):
        write_html(tmp_path / "a.html", skeletons(3), stands=[torch.ones(2, 2, dtype=torch.bool)])
    with pytest.raises(InputError, match="limits of 1 or more frames"):
        Limits(0, 1)
    nowhere = torch.full((2, 5, 3), torch.nan)
    five = SMPL_24.subset("five", SMPL_24.joints[:5])
    mesh = BodyMesh(nowhere, nowhere, torch.zeros(1, 3, dtype=torch.int64), five)
    with pytest.raises(InputError, match="finite vertices"):
        inline_html(mesh)
    with pytest.raises(InputError, match="got a int"):
        inline_html(3)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        write_html(tmp_path / "file" / "a.html", skeletons(3))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("frames", [1, 2])
def test_few_frames_and_nobody_seen(frames: int) -> None:
    clip = skeletons(frames)
    motion = clip.people[0].joints
    motion.pose.joints[:] = torch.nan
    unseen = replace(motion, observed=torch.zeros(frames, dtype=torch.bool))
    nobody = replace(clip, people=(replace(clip.people[0], joints=unseen),))
    assert len(page_of(stage_of_clip(nobody, None))) > 10_000


def test_keypoints_stand_upright_in_a_plane() -> None:
    pixels = torch.stack([torch.linspace(100, 150, 17), torch.linspace(50, 450, 17)], -1)[None]
    pose = Pose2D(pixels, torch.ones(1, 17), COCO_17, (480, 640))
    stage = stage_of_motion(Motion(pose, 25.0, 0, torch.ones(1, dtype=torch.bool)))
    joints = stage.figures[0].joints[0]
    assert float(joints[0, 1] - joints[-1, 1]) == pytest.approx(2.0)
    assert float(joints[-1, 0] - joints[0, 0]) == pytest.approx(0.25)
    assert float(joints[:, 2].abs().max()) == 0


def test_values_ask_whoever_is_registered(monkeypatch: pytest.MonkeyPatch) -> None:
    def found(value: str) -> Any:
        entry = EntryPoint("html", value, "lift3d.displays")
        monkeypatch.setattr(notebook, "entry_points", lambda **_: [entry])

    found("lift3d.pictures.web:inline_html")
    shown = html_of(skeletons(3))
    assert shown is not None
    assert shown.startswith("<iframe srcdoc=")
    assert 'sandbox="allow-scripts"' in shown
    assert "got a int" in str(html_of(3))
    monkeypatch.setattr(notebook, "entry_points", lambda **_: [])
    assert html_of(skeletons(3)) is None


def test_a_page_opens_in_the_users_browser(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda url: bool(opened.append(url)))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    path = open_html(skeletons(3), title="three")
    assert opened == [path.as_uri()]
    assert "<title>three</title>" in path.read_text(encoding="utf-8")
    assert path.is_relative_to(tmp_path)


def test_a_camera_that_moves_has_a_place_in_every_frame() -> None:
    clip = skeletons(6)
    turn = torch.diag(torch.tensor([1.0, -1, -1, 1])).repeat(6, 1, 1)
    turn[:, 0, 3] = torch.arange(6.0)
    still = clip.camera
    camera = replace(
        still,
        intrinsics=still.intrinsics.repeat(6, 1, 1),
        cam_from_world=turn,
        distortion=still.distortion.repeat(6, 1),
    )
    moving = replace(clip, camera=camera)
    people = [
        replace(p, keypoints=replace(p.keypoints, pose=as_coco(len(clip)))) for p in clip.people
    ]
    stage = stage_of_clip(replace(moving, people=tuple(people)), None, Limits(3, 0))
    assert stage.sight is not None
    assert stage.sight.cam_from_world[:, 0, 3].tolist() == [0, 2, 4]
    data = unzipped(page_of(stage), "tracks")
    places = np.frombuffer(data, "<f4", 48).reshape(3, 4, 4)
    np.testing.assert_allclose(places[:, 0, 3], [0, 2, 4])


def as_coco(frames: int) -> Pose2D:
    return Pose2D(torch.zeros(frames, 17, 2), torch.ones(frames, 17), COCO_17, (480, 640))
