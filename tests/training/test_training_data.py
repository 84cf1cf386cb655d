"""Banks draw by weight, caches map from disk, and datasets are put together as asked."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import h5py
import pytest
import torch
from torch import Generator

from lift3d import plugins
from lift3d.errors import FileFormatError, InputError
from lift3d.lifting.martinez import LAYOUTS
from lift3d.motion import Motion
from lift3d.pose import Pose3D
from lift3d.skeletons import LIFT_23
from lift3d.training.bank import ClipRows, PoseBank, gather
from lift3d.training.body import Poses
from lift3d.training.cache import cached_corpus
from lift3d.training.data import open_sources, read_corpus, split_corpus
from lift3d.training.people import CapturedPeople, as_people
from lift3d.training.recombine import RecombineConfig, recombined
from lift3d.training.shown import ShownConfig, show
from lift3d.training.views import RandomShots


@dataclass(frozen=True)
class NumberedClip:
    """Every joint of frame i lies at (first + i, 0, 0) from the root."""

    name: str
    subject: str
    motion: Motion[Pose3D]
    action: str = ""
    weight: float = 1.0


def clip(subject: str, first: int, frames: int, weight: float = 1.0) -> NumberedClip:
    joints = torch.zeros(frames, len(LIFT_23), 3)
    joints[:, 1:, 0] = torch.arange(first, first + frames)[:, None].float()
    joints[:, LIFT_23.index("nose")] = torch.nan
    observed = torch.ones(frames, dtype=torch.bool)
    observed[-1] = False
    motion = Motion(Pose3D.certain(joints, LIFT_23, "world"), 30.0, 0, observed)
    return NumberedClip(f"{subject}_{first}", subject, motion, weight=weight)


class Numbered:
    """Two subjects to train on, and one to validate on; read from the file `root`."""

    reads = 0

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def splits(self) -> tuple[str, ...]:
        return ("train", "val")

    def clips(self, split: str) -> Iterator[NumberedClip]:
        Numbered.reads += 1
        first = int(self.root.read_text())
        if split == "train":
            yield clip("a", first, 5)
            yield clip("b", first + 100, 3, weight=0.5)
        else:
            yield clip("v", first + 200, 4)


@pytest.fixture(autouse=True)
def _numbered(monkeypatch: pytest.MonkeyPatch) -> None:
    made_up = plugins.datasets["synthetic"]
    known: Mapping[str, object] = MappingProxyType(
        {"numbered": Numbered, "more": Numbered, "synthetic": made_up}
    )
    monkeypatch.setattr(plugins, "datasets", known)


@pytest.fixture
def roots(tmp_path: Path) -> tuple[Path, Path]:
    paths = tmp_path / "first.txt", tmp_path / "second.txt"
    for path, number in zip(paths, ("10", "1000"), strict=True):
        path.write_text(number)
    return paths


def numbers(poses: Poses) -> list[int]:
    return poses.joints[:, 1, 0].long().tolist()


def test_a_bank_draws_by_weight() -> None:
    bank = gather([clip("a", 0, 3), clip("b", 10, 5, weight=0.25), clip("c", 20, 2, weight=0.0)])
    assert len(bank) == 2 + 4  # the last frame of each clip was not observed
    drawn = numbers(bank.draw(30_000, Generator().manual_seed(0)))
    share = {number: drawn.count(number) / 30_000 for number in set(drawn)}
    # Weights 1 + 1 + 4 x 0.25 = 3.
    assert set(share) == {0, 1, 10, 11, 12, 13}
    assert share[1] == pytest.approx(1 / 3, abs=0.01)
    assert share[12] == pytest.approx(1 / 12, abs=0.01)


def test_several_datasets_train_together(roots: tuple[Path, Path]) -> None:
    sources = open_sources(("numbered", "more"), roots)
    corpus = read_corpus(sources, ("train", "val"), LIFT_23)
    bank, held = split_corpus(corpus, ("train", "val"), ("b",), 100)
    assert set(numbers(bank.draw(500, Generator().manual_seed(0)))) == {
        *range(10, 14), *range(1000, 1004)
    }  # fmt: skip
    assert {name: sorted(numbers(poses)) for name, poses in held.items()} == {
        "b": [110, 111, 1100, 1101], "v": [210, 211, 212, 1200, 1201, 1202],
    }  # fmt: skip
    with pytest.raises(InputError, match="one dataset name for each root"):
        open_sources(("numbered", "more"), roots[:1])


def test_subjects_that_do_not_exist_cannot_be_held_out(roots: tuple[Path, Path]) -> None:
    corpus = read_corpus(open_sources(("numbered",), roots[:1]), ("train", "val"), LIFT_23)
    with pytest.raises(InputError, match=r"\(a, b\), got z"):
        split_corpus(corpus, ("train", "val"), ("a", "z"), 10)
    with pytest.raises(InputError, match="validate on"):
        split_corpus(corpus, ("train", "other"), (), 10)


def test_a_dataset_without_files_trains_and_unmeasured_clips_judge_only_when_asked() -> None:
    (source,) = open_sources(("synthetic",), (), ("count=3", "frames=4"))
    corpus = read_corpus((source,), ("train", "val"), LIFT_23)
    with pytest.raises(InputError, match="measured clips to validate on"):
        split_corpus(corpus, ("train", "val"), None, 10)
    bank, held = split_corpus(corpus, ("train", "val"), None, 10, unmeasured=True)
    assert len(bank) == 3 * 4
    assert [len(poses) for poses in held.values()] == [4, 4, 4]


def test_a_cache_holds_what_reading_gives_and_what_was_skipped(
    roots: tuple[Path, Path], tmp_path: Path
) -> None:
    sources, path = open_sources(("numbered",), roots), tmp_path / "cache" / "poses.h5"
    plain = read_corpus(sources, ("train", "val"), LIFT_23)
    cached = cached_corpus(path, sources, ("train", "val"), LIFT_23)
    assert torch.equal(cached.poses.joints, plain.poses.joints)
    assert torch.equal(cached.poses.valid, plain.poses.valid)
    assert cached.clips == plain.clips
    assert [clip.skipped for clip in cached.clips] == [1] * 6
    assert [clip.unknown for clip in cached.clips] == [4, 2, 3] * 2
    with h5py.File(path) as file:
        assert file["joints"].chunks is None
    assert [p.name for p in path.parent.iterdir()] == ["poses.h5"]


def test_a_cache_is_built_again_only_when_its_sources_change(
    roots: tuple[Path, Path], tmp_path: Path
) -> None:
    sources, path = open_sources(("numbered",), roots), tmp_path / "poses.h5"

    def joints() -> set[int]:
        return set(numbers(cached_corpus(path, sources, ("train",), LIFT_23).poses))

    first, Numbered.reads = joints(), 0
    assert joints() == first
    assert Numbered.reads == 0
    roots[1].write_text("2000000")
    assert 2_000_000 in joints()
    assert Numbered.reads == 2
    path.write_bytes(b"something else")
    with pytest.raises(FileFormatError, match="cache of poses"):
        joints()


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs Linux's /proc")
def test_a_corpus_larger_than_memory_trains(roots: tuple[Path, Path], tmp_path: Path) -> None:
    """Two gigabytes of poses, mapped: drawing reads some pages of them and nothing else."""
    sources, path = open_sources(("numbered",), roots[:1]), tmp_path / "poses.h5"
    cached_corpus(path, sources, ("train",), LIFT_23)
    count = 8_000_000
    with h5py.File(path, "r+") as file:  # the same file, had there been 8 million poses
        for name, kind in (("joints", "f4"), ("valid", "u1")):
            shape = (count, *file[name].shape[1:])
            del file[name]
            made = file.create_dataset(name, shape, kind)
            made[-1] = 1
    corpus = cached_corpus(path, sources, ("train",), LIFT_23)
    rows = [ClipRows("all", "a", "", "train", measured=True, weight=1.0, start=0, count=count)]
    bank, before = PoseBank.of(corpus.poses, rows), resident_bytes()
    for seed in range(4):
        crowd = CapturedPeople(bank, RecombineConfig())
        assert len(crowd.draw(64, 1, Generator().manual_seed(seed), fps=30.0)) == 64
    assert resident_bytes() - before < 400e6
    assert corpus.poses.joints.nbytes > 2e9


def test_nothing_is_made_on_another_device_than_the_banks() -> None:
    """With a default device that holds no numbers, whatever forgets the device fails."""
    bank = gather([replace(clip("a", 0, 50), name=str(i)) for i in range(3)])
    generator = Generator("cpu").manual_seed(0)
    with torch.device("meta"):
        poses = recombined(bank.draw(32, generator), RecombineConfig(), generator)
        sample = show(as_people(poses), ShownConfig(), generator)
        layout = LAYOUTS["lift_16"]
        kept = replace(layout, inputs=LIFT_23, outputs=LIFT_23)
        seen = RandomShots(bank, LIFT_23, kept).draw(32, generator)
    tensors = (sample.target, sample.view.points, sample.counts, seen.pixels, seen.joints)
    assert {tensor.device.type for tensor in tensors} == {"cpu"}
