"""Plug-ins with one fault each: the law that it breaks is named."""

# ruff: noqa: ARG001, ARG005, E501 - each fault is a line, and takes what it needs of its arguments
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import lift3d
from lift3d.body import BodyParams
from lift3d.camera import Camera
from lift3d.detected import DetectedPeople
from lift3d.errors import FileFormatError, InputError, Lift3dError
from lift3d.io.keypoints.detections import Detection, Detections, FileFacts, gather
from lift3d.io.keypoints.specimen import Specimen
from lift3d.motion import Motion
from lift3d.pose import Pose2D, Pose3D
from lift3d.protocols import BodyModel, Lifter
from lift3d.skeletons import COCO_17
from lift3d.testing import (
    BrokenLawError,
    check_body_model,
    check_dataset,
    check_detector,
    check_lifter,
    check_reader,
    check_regressor,
    check_viewer,
)

Fault = Callable[..., Any]


def moved(motion: Motion[Pose3D], change: Callable[[torch.Tensor], torch.Tensor]) -> Motion[Pose3D]:
    return replace(motion, pose=replace(motion.pose, joints=change(motion.pose.joints)))


@dataclass
class Faulty:
    """A good lifter whose answer is spoilt; `spoil` gets answer, keypoints, camera, number of the call."""

    spoil: Fault
    inner: Lifter
    calls: int = 0

    @property
    def skeleton(self) -> Any:
        return self.inner.skeleton

    def __call__(self, keypoints: Motion[Pose2D], camera: Camera) -> Any:
        self.calls += 1
        return self.spoil(self.inner(keypoints, camera), keypoints, camera, self.calls)


def overwritten(m: Any, k: Any, *_: Any) -> Any:
    k.pose.confidence.mul_(0.5)
    return m


def from_pixels(m: Any, k: Any, c: Any, n: int) -> Any:
    return moved(m, lambda j: j + 1e-4 * (k.pose.keypoints[:, :1, :1].to(j) - 500))


def never_missing(m: Any, *_: Any) -> Any:
    return replace(m, observed=torch.ones_like(m.observed))


LIFTERS: dict[str, tuple[Fault, str]] = {
    "millimetres": (lambda m, *_: moved(m, lambda j: 1000 * j), "metres high"),
    "behind": (lambda m, *_: moved(m, lambda j: j * torch.tensor([1, 1, -1.0]).to(j)), "before the"),
    "y up": (lambda m, *_: moved(m, lambda j: j * torch.tensor([1, -1, 1.0]).to(j)), "x right, y down"),
    "infinite": (lambda m, *_: moved(m, lambda j: j + torch.inf), "three finite numbers"),
    "half missing": (lambda m, *_: moved(m, lambda j: j.index_fill(-1, torch.tensor(0), torch.nan)),
                     "three finite numbers"),
    "root relative": (lambda m, *_: replace(m, pose=replace(m.pose, frame="root_relative")), "camera frame"),
    "another rate": (lambda m, *_: replace(m, fps=30.0), "rate"),
    "another person": (lambda m, *_: replace(m, person=0), "person id"),
    "frames from zero": (lambda m, *_: replace(m, first_frame=0), "first frame"),
    "single precision only": (lambda m, *_: moved(m, lambda j: j.float()), "type"),
    "no covariance": (lambda m, *_: replace(m, pose=replace(m.pose, covariance=-1 - m.pose.covariance)),
                      "covariances"),
    "sees nobody": (never_missing, "observed"),
    "state": (lambda m, k, c, n: moved(m, lambda j: j + 0.001 * n), "same joints for the same"),
    "frame numbers": (lambda m, k, c, n: moved(m, lambda j: j + 1e-4 * k.first_frame), "same joints for"),
    "pixels": (from_pixels, "cropped picture"),
    "writes": (overwritten, "leaves as they are"),
    "no motion": (lambda m, *_: m.pose.joints, "a Motion of Pose3D"),
}  # fmt: skip


@pytest.fixture(scope="module")
def matching() -> Lifter:
    return lift3d.lifters["universal"]()


@pytest.mark.parametrize("fault", LIFTERS)
def test_lifters(fault: str, matching: Lifter) -> None:
    spoil, law = LIFTERS[fault]
    with pytest.raises(BrokenLawError, match=law):
        check_lifter(Faulty(spoil, matching))


def test_a_lifter_that_reads_pixels_may_say_so(matching: Lifter) -> None:
    check_lifter(Faulty(from_pixels, matching), crop_tolerance=float("inf"))


PARTS = ("name", "skeleton", "articulation", "surface")


class FaultyBody:
    """A good body one of whose parts is spoilt."""

    def __init__(self, inner: BodyModel, **spoilt: Any) -> None:
        self._inner, self._spoilt = inner, spoilt
        self.calls = 0
        # From Python 3.12 on a protocol asks for what is there without __getattr__.
        vars(self).update({name: getattr(self, name) for name in PARTS})

    def __getattr__(self, name: str) -> Any:
        return self._spoilt[name] if name in self._spoilt else getattr(self._inner, name)

    def __call__(self, params: BodyParams) -> Any:
        self.calls += 1
        mesh = self._inner(params)
        return self._spoilt["mesh"](mesh, params, self.calls) if "mesh" in self._spoilt else mesh

    def joints(self, params: BodyParams) -> Any:
        joints = self._inner.joints(params)
        return self._spoilt["posed"](joints, params) if "posed" in self._spoilt else joints


def shifted(mesh: Any, by: Any) -> Any:
    return replace(mesh, vertices=mesh.vertices + by, joints=mesh.joints + by)


def shown_twice(mesh: Any, params: Any, calls: int) -> Any:
    return shifted(mesh, -0.5 * params.transl[..., None, :])


def mixed_up(mesh: Any, params: Any, calls: int) -> Any:
    mean = mesh.vertices.mean(0, keepdim=True) if mesh.vertices.ndim > 2 else 0 * mesh.vertices
    return replace(mesh, vertices=mesh.vertices + 0.01 * mean)


BODIES: dict[str, tuple[dict[str, Any], str]] = {
    "no name": ({"name": ""}, "a body's name"),
    "other joints": ({"posed": lambda j, p: j + 0.01}, r"joints\(\) at rest"),
    "joints twice translated": ({"posed": lambda j, p: j + p.transl[..., None, :]}, "to be the joints of"),
    "centimetres": ({"mesh": lambda m, p, n: replace(m, vertices=100 * m.vertices)}, "metres large"),
    "half translated": ({"mesh": shown_twice}, "transl"),
    "batch mixed up": ({"mesh": mixed_up}, "alone as it is in a batch"),
    "turned about the world": (
        {"mesh": lambda m, p, n: shifted(m, 0.1 * p.global_orient[..., None, :].sin())}, "global_orient"),
    "state": ({"mesh": lambda m, p, n: shifted(m, 1e-6 * n)}, "same body for the same"),
    "single precision": ({"mesh": lambda m, p, n: replace(m, vertices=m.vertices.float())}, "type"),
    "no gradients": ({"mesh": lambda m, p, n: replace(
        m, vertices=m.vertices.detach(), joints=m.joints.detach().requires_grad_())}, "gradients"),
}  # fmt: skip


@pytest.fixture(scope="module")
def stick() -> BodyModel:
    return lift3d.body_models["stick"]()


@pytest.mark.parametrize("fault", BODIES)
def test_bodies(fault: str, stick: BodyModel) -> None:
    spoilt, law = BODIES[fault]
    with pytest.raises(BrokenLawError, match=law):
        check_body_model(FaultyBody(stick, **spoilt))


def test_surfaces(stick: BodyModel) -> None:
    surface = stick.surface
    for changes, law in (
        ({"lbs_weights": 2 * surface.lbs_weights}, "sum to 1"),
        ({"colors": surface.colors * 255}, "from 0 to 1"),
        ({"faces": surface.faces + 10**6}, "triangles of vertices"),
        ({"parts": surface.parts + 10**6}, "one part for each"),
        ({"faces": surface.faces.flip(-1)}, "triangles"),
    ):
        with pytest.raises(BrokenLawError, match=law):
            check_body_model(FaultyBody(stick, surface=replace(surface, **changes)))


def test_a_body_inside_out(stick: BodyModel) -> None:
    surface = replace(stick.surface, faces=stick.surface.faces.flip(-1))
    spoilt = {"surface": surface, "mesh": lambda m, p, n: replace(m, faces=surface.faces)}
    with pytest.raises(BrokenLawError, match="inside out"):
        check_body_model(FaultyBody(stick, **spoilt))


class FaultyViewer:
    """A good viewer whose scene or picture is spoilt."""

    def __init__(self, before: Fault | None = None, after: Fault | None = None) -> None:
        self._inner = lift3d.viewers["software"]()
        self._before, self._after = before, after
        self.calls = 0

    def render(self, meshes: Any, colors: Any, camera: Any, background: Any = None) -> Any:
        self.calls += 1
        if self._before:
            meshes, colors, camera = self._before(meshes, colors, camera)
        found = self._inner.render(meshes, colors, camera, background)
        return self._after(*found, background, self.calls) if self._after else found

    def close(self) -> None:
        self._inner.close()


def mirrored(meshes: Any, colors: Any, camera: Any) -> Any:
    turn = torch.tensor([-1.0, 1, 1])
    return [replace(m, vertices=m.vertices * turn) for m in meshes], colors, camera


def at_the_origin(meshes: Any, colors: Any, camera: Any) -> Any:
    return meshes, colors, replace(camera, cam_from_world=torch.eye(4))


def behind_as_well(meshes: Any, colors: Any, camera: Any) -> Any:
    def before(vertices: torch.Tensor) -> torch.Tensor:
        return vertices * vertices[:, 2:].sign() if torch.equal(camera.cam_from_world, torch.eye(4)) \
            else vertices  # fmt: skip

    return [replace(m, vertices=before(m.vertices)) for m in meshes], colors, camera


def drawn_in_place(picture: Any, mask: Any, background: Any, n: int) -> Any:
    if background is not None:
        background[:] = picture
    return picture, mask


VIEWERS: dict[str, tuple[FaultyViewer, str]] = {
    "mirrored": (FaultyViewer(mirrored), "a box to cover"),
    "stands still": (FaultyViewer(at_the_origin), "moved together"),
    "sees backwards": (FaultyViewer(behind_as_well), "behind the camera"),
    "blue for red": (FaultyViewer(after=lambda p, m, b, n: (p[..., ::-1].copy(), m)), "background|red box"),
    "draws in place": (FaultyViewer(after=drawn_in_place), "leaves as they are"),
    "flickers": (FaultyViewer(after=lambda p, m, b, n: (p if b is not None else p + np.uint8(n), m)),
                 "same picture|nearer"),
    "mask of numbers": (FaultyViewer(after=lambda p, m, b, n: (p, m.astype(np.uint8))), "type bool"),
    "transposed": (FaultyViewer(after=lambda p, m, b, n: (p.transpose(1, 0, 2), m)), "picture of shape"),
}  # fmt: skip


@pytest.mark.parametrize("fault", VIEWERS)
def test_viewers(fault: str) -> None:
    viewer, law = VIEWERS[fault]
    with pytest.raises(BrokenLawError, match=law):
        check_viewer(viewer)


class FaultyData:
    """The made-up motions with one fault."""

    def __init__(self, spoil: Fault, splits: Any = ("train",), refuses: bool = True) -> None:
        self._inner = lift3d.datasets["synthetic"](count=2, frames=8)
        self._spoil, self.splits, self._refuses = spoil, splits, refuses
        self.calls = 0

    def clips(self, split: str) -> Iterator[Any]:
        if split not in self.splits and not self._refuses:
            return iter(())
        self.calls += 1
        return (self._spoil(clip, self.calls) for clip in self._inner.clips(split))


def changed(clip: Any, change: Fault) -> Any:
    return replace(clip, motion=moved(clip.motion, change))


DATA: dict[str, tuple[Fault, str]] = {
    "millimetres": (lambda c, n: changed(c, lambda j: 1000 * j), "metres in y"),
    "z up": (lambda c, n: changed(c, lambda j: j[..., [0, 2, 1]] * 0.2), "metres in y"),
    "other each time": (lambda c, n: changed(c, lambda j: j + 0.01 * n), "same clips"),
    "nameless": (lambda c, n: replace(c, name=""), "different names|a name of each clip"),
    "one name": (lambda c, n: replace(c, name="walk"), "different names"),
    "empty frames": (lambda c, n: changed(c, lambda j: j * torch.nan), "observed frame"),
}


@pytest.mark.parametrize("fault", DATA)
def test_datasets(fault: str) -> None:
    spoil, law = DATA[fault]
    with pytest.raises(BrokenLawError, match=law):
        check_dataset(FaultyData(spoil))


def test_splits() -> None:
    for splits, law in (
        ((), "names of splits"),
        (("train", "train"), "names of splits"),
        (["train"], "tuple"),
    ):
        with pytest.raises(BrokenLawError, match=law):
            check_dataset(FaultyData(lambda c, n: c, splits))
    with pytest.raises(BrokenLawError, match="no such split"):
        check_dataset(FaultyData(lambda c, n: c, refuses=False))


def test_regressors() -> None:
    body = lift3d.body_models["default"]()
    good = lift3d.regressors["smpl"](body)

    class Spoilt:
        needs = good.needs
        calls = 0

        def __init__(self, spoil: Fault) -> None:
            self.spoil = spoil

        def __call__(self, keypoints: Any, camera: Any, joints: Any = None) -> Any:
            self.calls += 1
            return self.spoil(good(keypoints, camera, joints), self.calls)

    def params(change: Fault) -> Fault:
        return lambda e, n: replace(e, params=change(e.params))

    faults: list[tuple[Fault, str]] = [
        (params(lambda p: replace(p, transl=-p.transl)), "before the camera"),
        (params(lambda p: replace(p, global_orient=0 * p.global_orient)), "person's height"),
        (params(lambda p: replace(p, betas=p.betas[..., :3])), "10 betas"),
        (params(lambda p: replace(p, transl=p.transl + torch.nan)), "finite parameters"),
        (lambda e, n: replace(e, error=-e.error - 1), "at least 0"),
        (
            lambda e, n: replace(e, params=replace(e.params, transl=e.params.transl + 1e-3 * n)),
            "same body",
        ),
    ]
    for spoil, law in faults:
        with pytest.raises(BrokenLawError, match=law):
            check_regressor(Spoilt(spoil), body)


@dataclass
class Middle:
    """A detector that puts all joints into the middle of each box."""

    spoil: Fault = lambda found, pictures, n: found
    skeleton = COCO_17
    calls: int = 0

    def __call__(self, pictures: Any, boxes: Any = None) -> Any:
        self.calls += 1
        told = boxes if boxes is not None else [None] * len(pictures)
        found = [self.one(p.shape[:2], b) for p, b in zip(pictures, told, strict=True)]
        return self.spoil(found, pictures, self.calls)

    def one(self, size: tuple[int, int], box: Any) -> DetectedPeople:
        where = torch.tensor([[0.0, 0.0, size[1], size[0]]]) if box is None else box
        middle = where[:, :2] + where[:, 2:] / 2
        points = torch.cat([middle, torch.ones(len(where), 1)], -1)[:, None].expand(-1, 17, 3)
        return DetectedPeople.from_points(points, COCO_17, size, where)


def redrawn(found: Any, pictures: Any, n: int) -> Any:
    for picture in pictures:
        picture[0, 0] += 1
    return found


DETECTORS: dict[str, tuple[Fault, str]] = {
    "one answer": (lambda f, p, n: f[:1], "answers for 3 pictures|nobody for no"),
    "wrong size": (lambda f, p, n: [replace(x, pose=replace(x.pose, image_size=(5, 5))) for x in f],
                   r"\(height, width\)"),
    "state": (lambda f, p, n: [replace(x, boxes=x.boxes + n) for x in f], "same people in the same"),
    "batch": (lambda f, p, n: [replace(x, pose=replace(x.pose, keypoints=x.pose.keypoints + len(f)))
                               for x in f], "alone as among others"),
    "nobody": (lambda f, p, n: [DetectedPeople.nobody(COCO_17, x.pose.image_size) for x in f], "each box"),
    "writes": (redrawn, "leaves as they are"),
}  # fmt: skip


def test_a_detector_that_obeys() -> None:
    check_detector(Middle())


@pytest.mark.parametrize("fault", DETECTORS)
def test_detectors(fault: str) -> None:
    spoil, law = DETECTORS[fault]
    with pytest.raises(BrokenLawError, match=law):
        check_detector(Middle(spoil))


class Watching(Middle):
    """Points that go to the right by a pixel a picture, from where they were in the one before."""

    forgets: bool = False
    remembers: bool = False
    column: float = 0.0

    def over(self, frames: Any, before: DetectedPeople | None) -> "Watching":
        del frames
        other = self if self.remembers else Watching()
        other.forgets = self.forgets
        if before is not None and not self.forgets:
            other.column = float(before.pose.keypoints[0, 0, 0])
        return other

    def __call__(self, pictures: Any, boxes: Any = None) -> Any:
        del boxes
        return [self.next(picture.shape[:2]) for picture in pictures]

    def next(self, size: tuple[int, int]) -> DetectedPeople:
        self.column += 1
        points = torch.tensor([self.column, 5.0, 1.0]).expand(1, 17, 3)
        return DetectedPeople.from_points(points, COCO_17, size)


def test_a_detector_of_videos_that_obeys() -> None:
    check_detector(Watching())


@pytest.mark.parametrize(("fault", "law"), [("forgets", "broken off"), ("remembers", "same video")])
def test_detectors_of_videos(fault: str, law: str) -> None:
    detector = Watching()
    setattr(detector, fault, True)
    with pytest.raises(BrokenLawError, match=law):
        check_detector(detector)


class Reader:
    """One person a line of JSON numbers after 'walk'."""

    def signs(self, specimen: Specimen) -> str:
        return "a first word 'walk'" if specimen.head.startswith(b"walk") else ""

    def read(self, specimen: Specimen) -> Detections:
        try:
            rows = json.loads(specimen.content.removeprefix(b"walk"))
            found = [
                Detection(n, np.reshape(np.array(r, float), (17, 3)), 1) for n, r in enumerate(rows)
            ]
        except (ValueError, TypeError, RecursionError) as error:
            raise FileFormatError(f"expected rows, got {error}: record again") from error
        return gather(
            found, range(len(found)), FileFacts("walk", "pixels", COCO_17), specimen.where
        )


def taken(reader: Reader, specimen: Specimen) -> str:
    return "everything"


def careless(reader: Reader, specimen: Specimen) -> Detections:
    rows = json.loads(specimen.content.removeprefix(b"walk"))
    found = [Detection(n, np.reshape(np.array(r, float), (17, 3)), 1) for n, r in enumerate(rows)]
    return gather(found, range(len(found)), FileFacts("walk", "pixels", COCO_17), specimen.where)


def twice_one(reader: Reader, specimen: Specimen) -> Detections:
    found = Reader.read(reader, specimen)
    return replace(found, frames=0 * found.frames)


def zeros_for_missing(reader: Reader, specimen: Specimen) -> Detections:
    found = Reader.read(reader, specimen)
    return replace(found, points=np.nan_to_num(found.points))


def forgetful(reader: Reader, specimen: Specimen) -> Detections:
    specimen.path.write_bytes(specimen.content + b" ")
    return Reader.read(reader, specimen)


READERS: dict[str, tuple[str, Fault, str]] = {
    "knows nothing": ("signs", lambda r, s: "", "by what it knows"),
    "takes everything": ("signs", taken, "which is no keypoint file"),
    "careless": ("read", careless, "for a damaged file"),
    "one person twice": ("read", twice_one, "at most once in a frame"),
    "zeros": ("read", zeros_for_missing, "NaN and 0 elsewhere"),
    "writes": ("read", forgetful, "left as it was"),
}


@pytest.fixture
def walk(tmp_path: Path) -> Path:
    rows = [
        [float(n + 3 * j) if k else 0.0 for j in range(17) for k in (j, j, j)] for n in range(3)
    ]
    path = tmp_path / "a.walk"
    path.write_text("walk" + json.dumps([[min(v, 900) for v in row] for row in rows]))
    return path


def test_a_reader_that_obeys(walk: Path) -> None:
    check_reader(Reader(), walk)


@pytest.mark.parametrize("fault", READERS)
def test_readers(fault: str, walk: Path) -> None:
    where, spoil, law = READERS[fault]
    spoilt = type("Spoilt", (Reader,), {where: spoil})()
    with pytest.raises(BrokenLawError, match=law):
        check_reader(spoilt, walk)


def test_a_broken_law_is_an_assertion_and_an_error_of_lift3d() -> None:
    assert issubclass(BrokenLawError, AssertionError)
    assert issubclass(BrokenLawError, Lift3dError)
    assert not issubclass(BrokenLawError, InputError)
