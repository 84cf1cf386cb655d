"""The same input gives the same numbers, bit for bit, and files the same bytes, in every process."""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest
import torch
from torch import Tensor

import lift3d
from lift3d.camera import Camera
from lift3d.clip import Clip
from lift3d.io.files.tensor_file import tensor_bytes
from lift3d.lifting.field_of_view import camera_for
from lift3d.motion import Motion
from lift3d.pipeline import LiftOptions, lift
from lift3d.pose import Pose2D
from lift3d.protocols import Lifter
from tests.helpers.journey_files import short_sample
from tests.helpers.killed_stages import STAGES, lifted
from tests.helpers.killing import Job, Moment, Workers, tree

HERE: Final = "tests.reliability.test_same_input_same_output"
LIFTERS: Final = ("universal", "temporal", "streaming", "matching", "martinez")
FRAMES: Final = 12


def answer(name: str, path: Path, dtype: torch.dtype = torch.float32) -> Mapping[str, Tensor]:
    """What a lifter says of the sample: joints and covariances."""
    person = lift3d.read_keypoints(path).people[0]
    camera, _ = camera_for([person], person.pose.image_size or (1, 1), "prior")
    if dtype == torch.float64:
        camera = Camera(
            camera.intrinsics.double(),
            camera.cam_from_world.double(),
            camera.distortion.double(),
            camera.image_size,
        )
    lifter: Lifter = lift3d.lifters[name]()
    pose = lifter(person, camera).pose
    return {"joints": pose.joints, "covariance": pose.covariance}


def part(motion: Motion[Pose2D], frames: slice) -> Motion[Pose2D]:
    """Some frames of a clip, as a clip."""
    pose = motion.pose
    cut = Pose2D(pose.keypoints[frames], pose.confidence[frames], pose.skeleton, pose.image_size)
    return Motion(cut, motion.fps, motion.person, motion.observed[frames], motion.first_frame)


def digest(tensors: Mapping[str, Tensor]) -> str:
    whole = {name: tensor.contiguous() for name, tensor in tensors.items()}
    return hashlib.sha256(tensor_bytes(whole, {})).hexdigest()


def tell_digests(path: str) -> None:
    """In a process of its own: what reading, lifting and fitting say."""
    for name in LIFTERS:
        Path(f"{name}.sha").write_text(digest(answer(name, Path(path))), encoding="ascii")
    Path("fit.sha").write_text(digest(body_of(lift(path))), encoding="ascii")


def body_of(clip: Clip) -> Mapping[str, Tensor]:
    body = clip.people[0].body
    assert body is not None
    return {
        "betas": body.betas,
        "body_pose": body.body_pose,
        "global_orient": body.global_orient,
        "transl": body.transl,
    }


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    with Workers() as running:
        yield running


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return short_sample(tmp_path_factory.mktemp("sample"), FRAMES)


@pytest.fixture(scope="module")
def elsewhere(sample: Path, workers: Workers) -> Mapping[str, str]:
    """What another process said."""
    did = workers.do(Job(f"{HERE}:tell_digests", (sample.name,), str(sample.parent)))
    assert did.code == 0, did.said
    return {path.stem: path.read_text(encoding="ascii") for path in sample.parent.glob("*.sha")}


@pytest.mark.parametrize("name", LIFTERS)
def test_lifters_twice_and_in_two_processes(
    name: str, sample: Path, elsewhere: Mapping[str, str]
) -> None:
    first, second = (digest(answer(name, sample)) for _ in range(2))
    assert first == second == elsewhere[name]


def test_fitting_twice_and_in_two_processes(sample: Path, elsewhere: Mapping[str, str]) -> None:
    first, second = (digest(body_of(lift(sample))) for _ in range(2))
    assert first == second == elsewhere["fit"]


@pytest.mark.parametrize("stage", STAGES["convert"], ids=lambda stage: stage.name)
def test_files_are_the_same_bytes_a_day_later(
    stage: object, tmp_path: Path, workers: Workers, clip_bytes: bytes
) -> None:
    chosen = next(each for each in STAGES["convert"] if each is stage)
    written: list[Mapping[str, bytes]] = []
    for number in range(2):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "clip.npz").write_bytes(clip_bytes)
        job = chosen.job(folder, Moment())
        did = workers.do(
            Job(f"{HERE}:later", (str(number), job.function, *job.arguments), job.folder)
        )
        assert did.code == 0, did.said
        written.append(tree(folder))
    assert written[0].keys() == written[1].keys()
    assert [name for name in written[0] if written[0][name] != written[1][name]] == []


@pytest.fixture(scope="module")
def clip_bytes(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("clip")
    lifted(folder)
    return (folder / "clip.npz").read_bytes()


def later(days: str, _: str, *arguments: str) -> int:
    """A verb, so many days and some hours from now."""
    import time

    from lift3d.cli import main

    now, aside = time.time, int(days) * 100_000.0
    time.time = lambda: now() + aside
    return main(arguments)


def test_weights_are_the_same_bytes(tmp_path: Path) -> None:
    metadata = {name: name * 2 for name in "hgfedcba"}
    tensors = {"b": torch.ones(3), "a": torch.zeros(2, 2)}
    files = {tensor_bytes(tensors, metadata) for _ in range(8)}
    assert len(files) == 1
    (tmp_path / "a.safetensors").write_bytes(files.pop())
    from safetensors import safe_open
    from safetensors.torch import load_file

    assert all(torch.equal(v, tensors[k]) for k, v in load_file(tmp_path / "a.safetensors").items())
    with safe_open(tmp_path / "a.safetensors", framework="pt") as file:
        assert file.metadata() == metadata


@pytest.mark.parametrize("name", LIFTERS)
def test_one_thread_or_two(name: str, sample: Path) -> None:
    one = answer(name, sample)["joints"]
    torch.set_num_threads(2)
    try:
        two = answer(name, sample)["joints"]
    finally:
        torch.set_num_threads(1)
    assert float((one - two).abs().max()) < 2e-5


@pytest.mark.parametrize("name", LIFTERS)
def test_a_camera_in_double_precision(name: str, sample: Path) -> None:
    one, other = answer(name, sample), answer(name, sample, torch.float64)
    assert float((one["joints"] - other["joints"]).abs().max()) < 1e-3


@pytest.mark.parametrize("name", ["universal", "matching", "martinez"])
def test_a_frame_alone_or_among_others(name: str, sample: Path) -> None:
    person = lift3d.read_keypoints(sample).people[0]
    camera, _ = camera_for([person], person.pose.image_size or (1, 1), "prior")
    lifter: Lifter = lift3d.lifters[name]()
    together = lifter(person, camera).pose.joints
    alone = torch.cat(
        [lifter(part(person, slice(at, at + 1)), camera).pose.joints for at in range(FRAMES)]
    )
    assert float((together - alone).abs().max()) < 1e-4


def test_lifting_without_a_body_is_what_lifting_with_one_says(sample: Path) -> None:
    with_body, without = lift(sample), lift(sample, options=LiftOptions(body_model=""))
    joints = [clip.people[0].joints.pose.joints for clip in (with_body, without)]
    assert torch.equal(*joints)
