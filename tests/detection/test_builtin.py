"""The built-in detector finds painted people whom it has never seen, wherever they are in a picture."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from numpy import ndarray

from lift3d.detection.builtin import RULE, BuiltinDetector
from lift3d.errors import FileFormatError, InputError
from lift3d.painting import PaintConfig, Painter, Painting, Postures
from lift3d.plugins import body_models, detectors
from lift3d.skeletons import HALPE_26
from lift3d.surface.small_net import SmallNet, SmallNetConfig, save_small_net

EASY = PaintConfig(
    height=320, width=240, people=1, turned=0.0, truncated=0.0, occluded=0.0, spoilt=0.0, edged=0.0,
    zoom=0.0, shift=0.0, padding=1.3, near=3.0,
)  # fmt: skip
BODY = [
    HALPE_26.index(f"{side}_{joint}")
    for side in ("left", "right")
    for joint in ("shoulder", "elbow", "hip", "knee", "ankle")
]


@pytest.fixture(scope="module")
def detector() -> BuiltinDetector:
    return BuiltinDetector()


@pytest.fixture(scope="module")
def paintings() -> list[Painting]:
    """People standing with their arms down, elbows and knees bent a little."""
    painter = Painter(body_models["default"](), EASY, seed=12345)
    generator = torch.Generator().manual_seed(5)
    out = []
    for index in range(12):
        turns = torch.randn(1, 24, 3, generator=generator) * 0.12
        turns[:, 0] = 0
        turns[:, 16, 2], turns[:, 17, 2] = turns[:, 16, 2] - 1.1, turns[:, 17, 2] + 1.1
        out.append(painter.paint(Postures(turns, torch.zeros(1, 10)), index))
    return out


def errors(detector: BuiltinDetector, paintings: list[Painting]) -> ndarray:
    """Pixels that visible joints of the body are off."""
    off = []
    for one in paintings:
        person = one.people[0]
        found = detector([one.picture], [torch.from_numpy(person.box)[None]])[0]
        away = np.linalg.norm(found.pose.keypoints[0].numpy() - person.keypoints, axis=1)
        off.append(away[[joint for joint in BODY if person.seen[joint] == 2]])
    return np.concatenate(off)


def test_it_is_a_plug_in() -> None:
    assert detectors["builtin"] is BuiltinDetector


def test_keypoints_of_painted_people_are_found(
    detector: BuiltinDetector, paintings: list[Painting]
) -> None:
    # The people are about 240 pixels tall.
    assert np.mean(errors(detector, paintings) < 12) > 0.85
    assert np.mean(errors(BuiltinDetector(flip=True), paintings) < 12) > 0.85


def test_a_shifted_person_is_found_shifted(
    detector: BuiltinDetector, paintings: list[Painting]
) -> None:
    one = paintings[0]
    wide = np.zeros((400, 500, 3), np.uint8)
    wide[50:370, 200:440] = one.picture
    box = torch.from_numpy(one.people[0].box)[None]
    alone = detector([one.picture], [box])[0].pose.keypoints[0]
    moved = detector([wide], [box + torch.tensor([200.0, 50, 0, 0])])[0].pose.keypoints[0]
    off = torch.linalg.vector_norm(moved - torch.tensor([200.0, 50.0]) - alone, dim=-1)
    assert float(off[BODY].median()) < 1.0


def test_an_enlarged_person_is_found_enlarged(
    detector: BuiltinDetector, paintings: list[Painting]
) -> None:
    one = paintings[1]
    large = cv2.resize(one.picture, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    box = torch.from_numpy(one.people[0].box)[None]
    alone = detector([one.picture], [box])[0].pose.keypoints[0]
    grown = detector([large], [box * 2])[0].pose.keypoints[0]
    off = torch.linalg.vector_norm(grown / 2 - 0.25 - alone, dim=-1)
    assert float(off[BODY].median()) < 2.0


def test_without_boxes_the_picture_is_the_box(
    detector: BuiltinDetector, paintings: list[Painting]
) -> None:
    picture = paintings[2].picture
    whole = torch.tensor([[0.0, 0.0, 240.0, 320.0]])
    told, untold = detector([picture, picture], [whole, None])
    assert torch.equal(told.pose.keypoints, untold.pose.keypoints)
    assert len(untold) == 1
    assert untold.pose.skeleton == HALPE_26
    assert untold.pose.image_size == (320, 240)


def test_confidence_falls_where_nobody_is(
    detector: BuiltinDetector, paintings: list[Painting]
) -> None:
    sure = np.mean([float(detector([one.picture])[0].scores) for one in paintings])
    noise = np.random.default_rng(0).integers(0, 255, (320, 240, 3), np.uint8)
    flat = np.full((320, 240, 3), 120, np.uint8)
    assert max(float(detector([p])[0].scores) for p in (noise, flat)) < 0.6 * sure


def test_surface_maps_name_the_parts(detector: BuiltinDetector, paintings: list[Painting]) -> None:
    agreed, uv = [], []
    for one in paintings:
        box = torch.from_numpy(one.people[0].box)[None]
        surface = detector.surface_maps(one.picture, box)[0]
        assert surface.part.shape == (RULE.size[0] // 4, RULE.size[1] // 4)
        drawn = surface.on_picture()
        here = (one.part > 0) & (one.part <= 24)
        agreed.append((drawn.part.numpy() == one.part)[here].mean())
        right = here & (drawn.part.numpy() == one.part)
        uv.append(np.abs(drawn.uv.numpy() - one.uv)[:, right].mean())
    assert np.mean(agreed) > 0.6
    assert np.mean(uv) < 0.15


def test_onnx_gives_the_same_maps(tmp_path: Path, detector: BuiltinDetector) -> None:
    runtime = pytest.importorskip("onnxruntime", reason="needs onnxruntime")
    pytest.importorskip("onnx", reason="needs onnx")
    detector.export_onnx(tmp_path / "net.onnx")
    session = runtime.InferenceSession(
        str(tmp_path / "net.onnx"), providers=["CPUExecutionProvider"]
    )
    crops = np.random.default_rng(1).integers(0, 255, (3, *RULE.size, 3), np.uint8)
    theirs = session.run(None, {"pictures": crops.transpose(0, 3, 1, 2).astype(np.float32) / 255})
    for one, other in zip(detector.look(crops), theirs, strict=True):
        np.testing.assert_allclose(one.numpy(), other, atol=2e-3, rtol=1e-3)


def test_other_weights(tmp_path: Path) -> None:
    torch.manual_seed(0)
    tiny = SmallNetConfig(17, 8, (12, 16, 24, 32), (1, 1, 1, 1), 24)
    save_small_net(SmallNet(tiny), tmp_path / "coco.safetensors")
    with pytest.raises(InputError, match="expected weights for 26 keypoints"):
        BuiltinDetector(weights=tmp_path / "coco.safetensors")
    with pytest.raises(FileFormatError, match="the small network"):
        BuiltinDetector(weights=tmp_path / "none.safetensors")
