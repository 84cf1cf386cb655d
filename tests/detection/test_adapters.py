"""Detectors of other packages: what they are given and what is made of their answers, with stand-ins."""

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from lift3d.detection.files import FilesDetector
from lift3d.detection.mediapipe import MediapipeDetector
from lift3d.detection.rtmlib import RtmlibDetector
from lift3d.detection.torchvision import TorchvisionDetector
from lift3d.errors import (
    FileFormatError,
    InputError,
    MissingDependencyError,
    PluginError,
    SkeletonError,
)
from lift3d.io import read_keypoints
from lift3d.plugins import detectors, open_detector
from lift3d.protocols import Detector, TopDownDetector, VideoDetector

PICTURE = np.zeros((100, 200, 3), dtype=np.uint8)
PICTURE[..., 0] = 9  # red


def stand_in(name: str, monkeypatch: pytest.MonkeyPatch, **members: object) -> ModuleType:
    module = ModuleType(name)
    for key, value in members.items():
        setattr(module, key, value)
    monkeypatch.setitem(sys.modules, name, module)
    return module


@pytest.mark.parametrize(
    ("name", "package", "options"),
    [
        ("rtmlib", "rtmlib", ["pose=a.onnx", "skeleton=coco_17"]),
        ("mediapipe", "mediapipe", ["path=a.task"]),
        ("onnx", "onnxruntime", ["path=a.onnx", "skeleton=coco_17"]),
        ("torchvision", "torchvision.models.detection", ["path=a.safetensors"]),
    ],
)
def test_without_its_package_a_detector_says_what_to_install(
    name: str, package: str, options: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    save_file({"a": torch.zeros(1)}, tmp_path / "a.safetensors")
    monkeypatch.setitem(sys.modules, package, None)  # what Python keeps of a missing module
    with pytest.raises(MissingDependencyError, match=f"pip install {package.partition('.')[0]}"):
        open_detector(name, options)


@pytest.mark.parametrize(
    ("name", "option"),
    [("rtmlib", "pose"), ("mediapipe", "path"), ("torchvision", "path"), ("files", "path")],
)
def test_a_file_that_is_not_there_is_named(
    name: str, option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in("rtmlib", monkeypatch)
    stand_in("mediapipe", monkeypatch)
    missing = tmp_path / "nothing.onnx"
    more = ["skeleton=coco_17"] if name in ("rtmlib", "files") else []
    with pytest.raises(FileFormatError, match=r"nothing\.onnx"):
        open_detector(name, [f"{option}={missing}", *more])


def test_options_are_text_and_groups_of_them_are_flat() -> None:
    assert {"files", "mediapipe", "onnx", "rtmlib", "torchvision"} <= set(detectors)
    with pytest.raises(InputError, match=r"expected path for the detector 'onnx'"):
        open_detector("onnx")
    with pytest.raises(InputError, match=r"path, skeleton, people, mean"):
        open_detector("onnx", ["nonsense=1"])
    with pytest.raises(InputError, match="true or false for flip"):
        open_detector("onnx", ["path=a.onnx", "flip=perhaps"])
    with pytest.raises(PluginError, match="did you mean 'onnx'"):
        open_detector("onx")


class _Landmarker:
    seen: list[object]

    def __init__(self) -> None:
        self.seen = []

    def detect(self, image: SimpleNamespace) -> SimpleNamespace:
        self.seen.append(image)
        one = [SimpleNamespace(x=0.5, y=0.25, visibility=0.75) for _ in range(33)]
        one[0] = SimpleNamespace(x=0.0, y=0.0, visibility=None)
        return SimpleNamespace(pose_landmarks=[one] if image.data.any() else [])

    def close(self) -> None: ...


@pytest.fixture
def landmarker(monkeypatch: pytest.MonkeyPatch) -> _Landmarker:
    made = _Landmarker()
    vision = SimpleNamespace(
        PoseLandmarkerOptions=SimpleNamespace,
        PoseLandmarker=SimpleNamespace(create_from_options=lambda _options: made),
    )
    stand_in(
        "mediapipe",
        monkeypatch,
        Image=SimpleNamespace,
        ImageFormat=SimpleNamespace(SRGB=1),
        tasks=SimpleNamespace(BaseOptions=SimpleNamespace, vision=vision),
    )
    return made


def test_mediapipe_counts_from_edge_to_edge(landmarker: _Landmarker, tmp_path: Path) -> None:
    (tmp_path / "a.task").touch()
    detector = MediapipeDetector(tmp_path / "a.task")
    assert isinstance(detector, Detector)
    assert not isinstance(detector, TopDownDetector)
    one, two = detector([PICTURE, np.zeros((4, 4, 3), np.uint8)])
    assert one.pose.keypoints[0, 1].tolist() == [99.5, 24.5]
    assert one.pose.confidence[0, 1].item() == 0.75
    assert one.pose.keypoints[0, 0].isnan().all()  # no visibility is none
    assert not len(two)
    assert landmarker.seen[0].data[0, 0].tolist() == [9, 0, 0]  # type: ignore[attr-defined]
    detector.close()


def test_given_boxes_are_cut_out_for_those_who_take_none(
    landmarker: _Landmarker, tmp_path: Path
) -> None:
    (tmp_path / "a.task").touch()
    boxes = torch.tensor([[40.0, 20.0, 80.0, 40.0], [500.0, 0.0, 10.0, 10.0]])
    found = MediapipeDetector(tmp_path / "a.task")([PICTURE], [boxes])[0]
    # With an eighth on each side: columns 30 to 130 and rows 15 to 65; the second lies outside.
    assert landmarker.seen[0].data.shape == (50, 100, 3)  # type: ignore[attr-defined]
    assert found.pose.keypoints[0, 1].tolist() == [30 + 49.5, 15 + 12.0]
    assert found.boxes.tolist() == [[40, 20, 80, 40]]


def test_rtmlib_gets_bgr_and_corners_and_is_not_asked_about_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[list[int], object]] = []

    class RTMPose:
        def __init__(self, _path: str, **told: object) -> None:
            assert told["model_input_size"] == (192, 256)  # width first

        def __call__(self, picture: np.ndarray, bboxes: list) -> tuple[np.ndarray, np.ndarray]:
            asked.append((picture[0, 0].tolist(), bboxes))
            return np.full((len(bboxes), 17, 2), 5.0), np.full((len(bboxes), 17), 1.5)

    class YOLOX:
        def __init__(self, *_: object, **__: object) -> None: ...

        def __call__(self, picture: np.ndarray) -> np.ndarray:
            return np.zeros((0, 4)) if not picture.any() else np.array([[10.0, 20, 40, 60]])

    stand_in("rtmlib", monkeypatch, RTMPose=RTMPose, YOLOX=YOLOX)
    (tmp_path / "a.onnx").touch()
    path = str(tmp_path / "a.onnx")
    detector = RtmlibDetector(path, "coco_17", people=path)
    assert detector.finds_people
    one, two = detector([PICTURE, np.zeros((4, 4, 3), np.uint8)])
    assert asked == [([0, 0, 9], [[10, 20, 40, 60]])]
    assert one.boxes.tolist() == [[10, 20, 30, 40]]
    assert one.pose.confidence.max() == 1
    assert not len(two)
    alone = RtmlibDetector(path, "coco_17")
    assert not alone.finds_people
    assert alone([PICTURE])[0].boxes.tolist() == [[0, 0, 200, 100]]
    with pytest.raises(SkeletonError, match="expected 26 keypoints"):
        RtmlibDetector(path, "halpe_26")([PICTURE])


class _KeypointRcnn(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.bias = torch.nn.Parameter(torch.zeros(2))

    def forward(self, pictures: list[torch.Tensor]) -> list[dict[str, torch.Tensor]]:
        assert pictures[0].shape == (3, 100, 200)
        assert float(pictures[0].max()) == pytest.approx(9 / 255)
        return [
            {
                "scores": torch.tensor([0.9, 0.8, 0.1]),
                "labels": torch.tensor([1, 2, 1]),
                "keypoints": torch.full((3, 17, 3), 10.5),
                "keypoints_scores": torch.zeros(3, 17),
            }
        ]


def test_torchvision_gives_people_of_a_score(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def made(**asked: object) -> _KeypointRcnn:
        assert asked == {"weights": None, "weights_backbone": None}  # nothing is downloaded
        return _KeypointRcnn()

    stand_in("torchvision.models.detection", monkeypatch, keypointrcnn_resnet50_fpn=made)
    stand_in("torchvision.models", monkeypatch)
    stand_in("torchvision", monkeypatch)
    save_file({"bias": torch.ones(2)}, tmp_path / "a.safetensors")
    torch.save({"bias": torch.ones(2)}, tmp_path / "a.pth")
    for name in ("a.safetensors", "a.pth"):
        found = TorchvisionDetector(tmp_path / name)([PICTURE])[0]
        assert found.scores.tolist() == [pytest.approx(0.9)]
        assert found.pose.keypoints[0, 0].tolist() == [10.0, 10.0]
        assert found.pose.confidence[0, 0].item() == 0.5
    save_file({"other": torch.ones(2)}, tmp_path / "b.safetensors")
    (tmp_path / "b.pth").write_bytes(b"no weights")
    for name, said in (("b.safetensors", "another network"), ("b.pth", "expected")):
        with pytest.raises(FileFormatError, match=said):
            TorchvisionDetector(tmp_path / name)


def test_a_keypoint_file_poses_as_a_detector(shared: Path) -> None:
    folder = shared / "keypoints" / "pose2sim" / "balancing" / "cam01_json"
    detector = FilesDetector(folder, "body_25b")
    assert isinstance(detector, VideoDetector)
    assert detector.skeleton.name == "body_25b"
    pictures = [np.zeros((1920, 1080, 3), np.uint8)] * 2
    people = detector.over(iter([40, 10**6]), None)(pictures)
    truth = read_keypoints(folder, "body_25b", fps=60.0)
    there = [p.pose.keypoints[40] for p in truth.people if bool(p.observed[40])]
    assert len(people[0]) == len(there)
    assert any(
        torch.equal(people[0].pose.keypoints[0].nan_to_num(), one.nan_to_num()) for one in there
    )
    assert not len(people[1])
    later = FilesDetector(folder, "body_25b", offset=40).over(iter([0]), None)(pictures[:1])
    assert torch.equal(later[0].pose.keypoints.nan_to_num(), people[0].pose.keypoints.nan_to_num())
    with pytest.raises(InputError, match="expected pictures of 640 x 480"):
        FilesDetector(folder, "body_25b", image_size=(480, 640))(pictures[:1])
