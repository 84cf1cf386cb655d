"""The verb `render`: every kind of picture of a short clip, and every way to ask wrongly."""

import importlib
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace

import cv2
import numpy as np
import pytest
import torch

from lift3d.camera import Camera
from lift3d.cli import render as verb
from lift3d.cli.render import RenderOptions, render
from lift3d.clip import Clip, Person
from lift3d.errors import FileFormatError, InputError, Lift3dError
from lift3d.io import read_clip, write_clip
from lift3d.motion import Motion
from lift3d.pictures import StoppedByHandError, write_video
from lift3d.pose import Pose2D, Pose3D
from lift3d.skeletons import SMPL_24

FRAMES = 9
SIZE = (640, 480)


class FlatViewer:
    """Paints a body as the rectangle around it: quick, and enough to see that it is there."""

    def render(self, meshes, _colors, camera, background=None):
        height, width = camera.image_size
        rgb = np.zeros((height, width, 3), np.uint8) if background is None else background.copy()
        mask = np.zeros((height, width), bool)
        for mesh in meshes:
            pixels = camera.project(mesh.vertices.float())
            (x0, y0), (x1, y1) = (pixels.amin(0).int().tolist(), pixels.amax(0).int().tolist())
            rgb[max(0, y0) : max(0, y1), max(0, x0) : max(0, x1)] = (200, 60, 60)
            mask[max(0, y0) : max(0, y1), max(0, x0) : max(0, x1)] = True
        return rgb, mask

    def close(self) -> None:
        pass


@pytest.fixture(scope="module")
def capsules() -> ModuleType:
    """The module with the stand-in body."""
    place = str(Path(__file__).parents[1] / "helpers")
    if place not in sys.path:
        sys.path.insert(0, place)
    return importlib.import_module("capsule_body")


@pytest.fixture(scope="module")
def folder(capsules, tmp_path_factory) -> Path:
    """A clip of nine frames at 60 a second, and its video in a quarter of the size."""
    folder = tmp_path_factory.mktemp("clip")
    body, camera = capsules.CapsuleBody(torch.float32), Camera.default(SIZE)
    params = capsules.walk(FRAMES, torch.float32)
    joints, seen = body.joints(params), torch.ones(FRAMES, dtype=torch.bool)
    found = Pose2D.from_detections(
        camera.project(joints), torch.full((FRAMES, 24), 0.9), SMPL_24, SIZE
    )
    pose = Pose3D.certain(joints, SMPL_24, "camera")
    person = Person(Motion(found, 60.0, 0, seen), Motion(pose, 60.0, 0, seen), params)
    write_clip(folder / "walk.npz", Clip((person,), camera, 60.0, 0, "capsule"))
    tones = (np.full((SIZE[0] // 2, SIZE[1] // 2, 3), 20 * i, np.uint8) for i in range(FRAMES))
    write_video(folder / "small.mp4", tones, 60.0)
    return folder


@pytest.fixture(autouse=True)
def flat(monkeypatch, capsules):
    monkeypatch.setattr(verb, "open_viewer", lambda _: (FlatViewer(), "renderer: flat"))
    monkeypatch.setattr(verb, "make_body", lambda *_: capsules.CapsuleBody(torch.float32))


def played(path: Path) -> list[np.ndarray]:
    video = cv2.VideoCapture(str(path))
    frames = []
    while (read := video.read())[0]:
        frames.append(read[1][..., ::-1])
    return frames


def test_pictures_videos_gifs_and_files_in_one_go(folder, tmp_path, capsys):
    outputs = [tmp_path / name for name in ("a.png", "a.mp4", "a.gif", "a.csv")]
    render(folder / "walk.npz", outputs, RenderOptions(size=(120, 400)))
    said = capsys.readouterr().out
    assert "renderer: flat" in said
    assert all(path.name in said for path in outputs)
    assert len(played(outputs[1])) == FRAMES
    assert len(played(outputs[2])) == 3  # 20 of 60 frames a second
    assert cv2.imread(str(outputs[0])).shape[0] <= 120


def test_a_video_is_drawn_over_at_its_own_size(folder, tmp_path, capsys):
    options = RenderOptions(video=folder / "small.mp4", fit_video=True, size=(320, 240))
    render(folder / "walk.npz", [tmp_path / "over.mp4"], options)
    frames = played(tmp_path / "over.mp4")
    assert len(frames) == FRAMES
    for number, frame in enumerate(frames):
        assert frame.shape[:2] == (320, 240)
        assert frame[-4, 4].mean() == pytest.approx(20 * number, abs=6)
    assert "note" not in capsys.readouterr().out


def test_notes_say_where_a_video_ends(folder, tmp_path, capsys):
    write_video(tmp_path / "short.mp4", [np.zeros((640, 480, 3), np.uint8)] * 3, 25.0)
    options = RenderOptions(video=tmp_path / "short.mp4", size=(120, 120))
    render(folder / "walk.npz", [tmp_path / "over.mp4"], options)
    said = " ".join(capsys.readouterr().out.split())
    assert "no picture for 6 frames, the first of them frame 3" in said
    assert "25 frames per second, the clip 60: frames were matched by their numbers" in said


def test_one_frame_one_stretch_and_other_rates(folder, tmp_path):
    base = RenderOptions(panels=("skeleton",), size=(80, 80))
    for changes, count in (
        ({"start": 0.05, "stop": 0.1}, 4),
        ({"fps": 20.0}, 3),
        ({"frame": 4}, 1),
        ({"turntable": 0.5, "fps": 10.0}, 5),
    ):
        render(folder / "walk.npz", [tmp_path / "a.mp4"], replace(base, **changes))
        assert len(played(tmp_path / "a.mp4")) == count


def test_sheets_cutouts_themes_clothes_and_captions(folder, tmp_path):
    look = RenderOptions(size=(160, 300), theme="light", clothes="sporty", captions="{frame}")
    for name, options in (
        ("sheet", replace(look, sheet="2x2")),
        ("turn", replace(look, turntable=2.0)),
        ("plain", replace(look, captions="", contacts=True, uncertainty=False)),
    ):
        render(folder / "walk.npz", [tmp_path / f"{name}.png"], options)
        assert cv2.imread(str(tmp_path / f"{name}.png")).mean() > 128
    render(folder / "walk.npz", [tmp_path / "cut.png"], replace(look, transparent=True))
    cut = cv2.imread(str(tmp_path / "cut.png"), cv2.IMREAD_UNCHANGED)
    assert cut.shape[-1] == 4
    assert {0, 255} <= set(np.unique(cut[..., 3]))


def test_ctrl_c_leaves_a_video_that_plays(folder, tmp_path, monkeypatch):
    class Interrupted(FlatViewer):
        drawn = 0

        def render(self, *args, **more):
            Interrupted.drawn += 1
            if Interrupted.drawn > 5:
                raise KeyboardInterrupt
            return super().render(*args, **more)

    monkeypatch.setattr(verb, "open_viewer", lambda _: (Interrupted(), ""))
    options = RenderOptions(panels=("mesh",), size=(80, 80))
    with pytest.raises(StoppedByHandError, match="first 5 frames"):
        render(folder / "walk.npz", [tmp_path / "a.mp4"], options)
    assert len(played(tmp_path / "a_first_5_frames.mp4")) == 5
    assert not (tmp_path / "a.mp4").exists()


@pytest.mark.parametrize(("changes", "name", "sentence"), [
    ({"transparent": True}, "a.mp4", "a .png for --transparent"),
    ({"sheet": "2x2"}, "a.gif", "a .png for --sheet"),
    ({"sheet": "many"}, "a.png", "ROWSxCOLUMNS"),
    ({"sheet": "0x4"}, "a.png", "1 to 400 cells"),
    ({"sheet": "2x2", "turntable": 3.0}, "a.png", "--sheet or --turntable, got both"),
    ({"transparent": True, "video": Path("a.mp4")}, "a.png", "got both"),
    ({"video": Path("a.mp4"), "pictures": Path("b")}, "a.png", "--video or --pictures"),
    ({"turntable": 0.0}, "a.mp4", "a turn of up to 600 seconds"),
    ({"turntable": 1.0, "panels": ("top",)}, "a.mp4", "mesh or skeleton on a turntable"),
    ({"frame": 9}, "a.png", "a frame from 0 to 8, got 9"),
    ({"frame": -1}, "a.png", "a frame from 0 to 8, got -1"),
    ({"start": 7.0}, "a.mp4", "correct --from and --to"),
    ({"fps": 0.0}, "a.mp4", "0 to 240 frames per second"),
    ({"size": (0, 100)}, "a.png", "height of 2 to"),
    ({"size": (10**6, 100)}, "a.png", "height of 2 to"),
    ({"opacity": 2.0}, "a.png", "opacity from 0 to 1"),
    ({"captions": "{frame.__class__}"}, "a.png", "expected a caption"),
    ({"video": Path("nowhere.mp4")}, "a.png", "expected a video"),
    ({"pictures": Path("nowhere")}, "a.png", "expected pictures"),
    ({"texture": Path("nowhere.png")}, "a.png", "expected a texture"),
    ({}, "a.webm", "outputs ending in"),
])  # fmt: skip
def test_what_makes_no_sense_is_one_sentence_and_no_file(changes, name, sentence, folder, tmp_path):
    with pytest.raises(Lift3dError, match=sentence):
        render(folder / "walk.npz", [tmp_path / name], replace(RenderOptions(), **changes))
    assert not list(tmp_path.iterdir())


def test_a_video_of_another_size_is_refused_with_both_sizes(folder, tmp_path):
    with pytest.raises(InputError, match=r"480 x 640 pixels.*got 240 x 320"):
        render(folder / "walk.npz", [tmp_path / "a.mp4"], RenderOptions(video=folder / "small.mp4"))
    assert not list(tmp_path.iterdir())


def test_textures_need_a_renderer_that_draws_them(folder, tmp_path, monkeypatch):
    cv2.imwrite(str(tmp_path / "skin.png"), np.full((8, 8, 3), 90, np.uint8))
    options = RenderOptions(texture=tmp_path / "skin.png", panels=("turned",), size=(80, 80))
    with pytest.raises(InputError, match="a renderer that draws textures"):
        render(folder / "walk.npz", [tmp_path / "a.png"], options)
    given = []

    class Textured(FlatViewer):
        @staticmethod
        def texture(picture, uv, uv_faces):
            return SimpleNamespace(picture=picture, uv=uv, uv_faces=uv_faces)

        def render(self, meshes, colors, camera, background=None, *, textures=None):
            given.append(textures)
            return super().render(meshes, colors, camera, background)

    monkeypatch.setattr(verb, "open_viewer", lambda _: (Textured(), ""))
    render(folder / "walk.npz", [tmp_path / "a.png"], options)
    assert (given[0][0].picture == 90).all()
    (tmp_path / "skin.png").write_bytes(b"no picture")
    with pytest.raises(FileFormatError, match="cannot be decoded"):
        render(folder / "walk.npz", [tmp_path / "b.png"], options)


def test_a_clip_without_bodies_needs_no_renderer(folder, tmp_path, monkeypatch):
    clip = read_clip(folder / "walk.npz")
    bare = replace(clip, people=tuple(replace(p, body=None) for p in clip.people), body_model="")
    write_clip(tmp_path / "joints.npz", bare)
    monkeypatch.setattr(verb, "open_viewer", lambda _: pytest.fail("a renderer was opened"))
    render(tmp_path / "joints.npz", [tmp_path / "a.png"], RenderOptions(size=(80, 200)))
    options = RenderOptions(size=(120, 120), panels=("overlay", "side"))
    render(tmp_path / "joints.npz", [tmp_path / "b.png"], options)
    assert cv2.imread(str(tmp_path / "b.png")).std() > 5
