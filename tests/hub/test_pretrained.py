"""Weights in folders: what is saved and read again says the same, bit for bit, without a network."""

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

from lift3d.camera import Camera
from lift3d.errors import FileFormatError, InputError, MissingDependencyError
from lift3d.io import read_keypoints
from lift3d.lifting.martinez import MartinezLifter
from lift3d.lifting.matching import MatchingLifter
from lift3d.lifting.temporal import StreamingLifter, TemporalLifter
from lift3d.lifting.universal import UniversalLifter, UniversalOptions
from lift3d.motion import Motion
from lift3d.pose import Pose2D
from lift3d.regressing.articulated import ArticulatedLifter
from lift3d.regressing.framewise import FramewiseLifter
from lift3d.regressing.smpl import SmplRegressor
from lift3d.samples import balancing
from lift3d.skeletons import COCO_17

ROOT = Path(__file__).parents[2]
KINDS: dict[str, Any] = {
    "universal": UniversalLifter,
    "temporal": TemporalLifter,
    "streaming": StreamingLifter,
    "martinez": MartinezLifter,
    "matching": MatchingLifter,
    "articulated": ArticulatedLifter,
    "framewise": FramewiseLifter,
    "smpl": SmplRegressor,
}


@pytest.fixture(scope="module")
def seen() -> tuple[Motion[Pose2D], Camera]:
    """Twelve frames of somebody, and a camera."""
    with balancing() as sample:
        person = read_keypoints(sample).people[0]
    pose = person.pose
    cut = Pose2D(pose.keypoints[:12], pose.confidence[:12], pose.skeleton, pose.image_size)
    assert pose.image_size is not None
    return Motion(cut, person.fps, 0, person.observed[:12]), Camera.default(pose.image_size)


def said(thing: Any, seen: tuple[Motion[Pose2D], Camera]) -> torch.Tensor:
    """All numbers of an answer."""
    answer = thing(*seen)
    if isinstance(thing, SmplRegressor):
        params = answer.params
        return torch.cat([params.body_pose.flatten(1), params.global_orient, params.transl], 1)
    return torch.cat([answer.pose.joints.flatten(1), answer.pose.covariance.flatten(1)], 1)


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_folder_says_the_same_bit_for_bit(
    kind: str, tmp_path: Path, seen: tuple[Motion[Pose2D], Camera]
) -> None:
    first = KINDS[kind].from_pretrained(kind)
    folder = first.save_pretrained(tmp_path / kind)
    about = json.loads((folder / "config.json").read_text())
    assert (about["kind"], about["library_name"]) == (kind, "lift3d")
    assert (folder / "model.safetensors").stat().st_size > 100_000
    again = KINDS[kind].from_pretrained(folder)
    expected = said(KINDS[kind](), seen)
    for thing in (first, again):
        assert torch.equal(said(thing, seen).nan_to_num(7.0), expected.nan_to_num(7.0))
    once_more = again.save_pretrained(tmp_path / "once more")
    for name in ("model.safetensors", "config.json"):
        assert (once_more / name).read_bytes() == (folder / name).read_bytes()


def test_options_and_files_of_weights() -> None:
    lifter = UniversalLifter.from_pretrained(
        "universal", options=UniversalOptions(flip=False, skeleton=COCO_17)
    )
    assert lifter.skeleton == COCO_17
    file = ROOT / "lift3d" / "lifting" / "weights" / "martinez.safetensors"
    assert isinstance(MartinezLifter.from_pretrained(file), MartinezLifter)


def test_other_folders_are_refused(tmp_path: Path) -> None:
    folder = MartinezLifter().save_pretrained(tmp_path / "m")
    with pytest.raises(FileFormatError, match=r"expected weights of 'universal'.+got 'martinez'"):
        UniversalLifter.from_pretrained(folder)
    (folder / "model.safetensors").write_bytes(b"other bytes")
    with pytest.raises(FileFormatError, match="got other bytes: fetch or save the folder again"):
        MartinezLifter.from_pretrained(folder)
    (folder / "config.json").write_text("[]")
    with pytest.raises(FileFormatError, match="expected an object"):
        MartinezLifter.from_pretrained(folder)
    with pytest.raises(FileFormatError, match="nothing there"):
        MartinezLifter.from_pretrained(tmp_path)


@pytest.mark.parametrize(
    "source", ["", "no such folder", "a/b/c", "../x/y", "-a/b", "https://x.org/y"]
)
def test_what_is_no_source(source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises((InputError, FileFormatError), match=r"expected .+, got .+: "):
        UniversalLifter.from_pretrained(source)


def test_a_repository_without_huggingface_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(
        MissingDependencyError, match="pip install huggingface_hub, or give a folder"
    ):
        UniversalLifter.from_pretrained("somebody/universal")


def test_a_repository_is_fetched_by_huggingface_hub(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = MartinezLifter().save_pretrained(tmp_path / "m")
    asked: list[tuple[str, str]] = []

    def snapshot_download(name: str, *, revision: str, allow_patterns: list[str]) -> str:
        asked.append((name, revision))
        assert all(pattern.endswith((".json", ".safetensors")) for pattern in allow_patterns)
        if name == "some/where-else":
            raise OSError("no network")
        return str(folder)

    hub = ModuleType("huggingface_hub")
    hub.snapshot_download = snapshot_download  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)
    assert MartinezLifter.from_pretrained("some/body", revision="v2")
    assert asked == [("some/body", "v2")]
    with pytest.raises(InputError, match="expected the repository 'some/where-else'"):
        MartinezLifter.from_pretrained("some/where-else")


@pytest.mark.parametrize("kind", KINDS)
def test_torch_hub(kind: str, seen: tuple[Motion[Pose2D], Camera]) -> None:
    thing: Any = torch.hub.load(str(ROOT), kind, source="local")
    assert type(thing) is KINDS[kind]
    assert torch.equal(said(thing, seen).nan_to_num(7.0), said(KINDS[kind](), seen).nan_to_num(7.0))


def test_torch_hub_with_weights_of_ones_own(tmp_path: Path) -> None:
    folder = MartinezLifter().save_pretrained(tmp_path / "m")
    thing: Any = torch.hub.load(str(ROOT), "martinez", source="local", weights=str(folder))
    for ours, shipped in zip(
        thing.network.state_dict().values(),
        MartinezLifter().network.state_dict().values(),
        strict=True,
    ):
        assert torch.equal(ours, shipped)
