"""Albums of painted pictures, and what the built-in detector's network learns from them."""

from pathlib import Path

import numpy as np
import pytest
import torch

from lift3d.errors import FileFormatError
from lift3d.fitting.detector_points import with_skin_points
from lift3d.painting import PaintConfig, Painter
from lift3d.painting.values import IGNORED
from lift3d.plugins import body_models
from lift3d.skeletons import HALPE_26
from lift3d.surface.small_net import (
    SmallNet,
    SmallNetConfig,
    SmallNetOutput,
    chances,
    folded,
    load_small_net,
    read_keypoints,
    save_small_net,
)
from lift3d.training.album import Album, PictureBatch, paint_shard, postures_of
from lift3d.training.picture_task import PictureTask, _mirrored, picture_scores
from lift3d.training.pose_bank import RotationBank

TINY = SmallNetConfig(26, 8, (12, 16, 24, 32), (1, 1, 1, 1), 24)


def bank() -> RotationBank:
    """A few made-up frames."""
    generator = torch.Generator().manual_seed(0)
    body = body_models["default"]()
    turns = torch.randn(40, 24, 3, generator=generator) * 0.2
    turns[:, 0] *= 0.3
    return RotationBank(
        body.skeleton.joints, turns, torch.zeros(40, 3), torch.ones(40, dtype=torch.bool),
        torch.tensor([0, 40]), torch.tensor([30.0]), torch.tensor([1.0]), ("clip",), ("someone",),
    )  # fmt: skip


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> Album:
    folder = tmp_path_factory.mktemp("album")
    body = body_models["default"]()
    painter = Painter(body, PaintConfig(height=64, width=64, spoilt=0.2, occluded=0.2))
    for number in range(2):
        people = postures_of(bank(), with_skin_points(body), 3, number)
        paint_shard(painter, people, folder, number, count=6)
    return Album(folder)


def test_an_album_holds_what_was_painted(album: Album) -> None:
    assert len(album) == 12
    assert album.size == (64, 64)
    batch = album.rows(np.arange(12))
    assert batch.pictures.shape == (12, 64, 64, 3)
    assert batch.parts.shape == (12, 16, 16)
    assert ((batch.parts <= 24) | (batch.parts == IGNORED)).all()
    assert (batch.parts > 0).any()
    assert (batch.seen == 2).any()
    # A cell of the maps is what the pixel in its middle shows.
    body = body_models["default"]()
    painter = Painter(body, PaintConfig(height=64, width=64, spoilt=0.2, occluded=0.2))
    people = postures_of(bank(), with_skin_points(body), 3, 0)
    painting = painter.paint(next(people), 0)
    own = np.where(painting.mask(0), painting.part, 0)[2::4, 2::4]
    np.testing.assert_array_equal(batch.parts[0].numpy(), own)
    np.testing.assert_array_equal(batch.pictures[0].numpy(), painting.picture)


def test_painting_a_shard_again_changes_nothing(album: Album) -> None:
    before = (album.folder / "00000" / "pictures.npy").stat().st_mtime_ns
    body = body_models["default"]()
    painter = Painter(body, PaintConfig(height=64, width=64))
    people = postures_of(bank(), with_skin_points(body), 3, 0)
    paint_shard(painter, people, album.folder, 0, count=6)
    assert (album.folder / "00000" / "pictures.npy").stat().st_mtime_ns == before


def test_broken_albums_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="expected an album"):
        Album(tmp_path)
    (tmp_path / "00000").mkdir()
    with pytest.raises(FileFormatError, match="expected a shard"):
        Album(tmp_path)


def test_mirroring_twice_is_nothing(album: Album) -> None:
    batch = album.rows(np.arange(12))
    every = torch.ones(12, dtype=torch.bool)
    twice = _mirrored(_mirrored(batch, every, HALPE_26), every, HALPE_26)
    for name in ("pictures", "parts", "seen"):
        assert torch.equal(getattr(batch, name), getattr(twice, name)), name
    torch.testing.assert_close(batch.uv, twice.uv, atol=1e-6, rtol=0)
    torch.testing.assert_close(batch.keypoints, twice.keypoints, atol=1e-3, rtol=1e-5)


def test_keypoints_are_read_where_chances_are() -> None:
    beliefs = torch.full((1, 2, 16, 12), -20.0)
    beliefs[0, 0, 5, 7] = 0.0
    beliefs[0, 0, 5, 8] = 0.0
    output = SmallNetOutput(
        beliefs,
        torch.tensor([[-20.0, 20.0]]),
        torch.zeros(1, 25, 16, 12),
        torch.zeros(1, 48, 16, 12),
    )
    places, sure = read_keypoints(chances(output))
    torch.testing.assert_close(places[0, 0], torch.tensor([7.5 * 4 + 1.5, 5 * 4 + 1.5]))
    assert float(sure[0, 0]) == pytest.approx(1.0, abs=1e-5)
    assert float(sure[0, 1]) < 1e-6


def test_it_learns_a_handful_by_heart(album: Album) -> None:
    torch.manual_seed(0)
    network = SmallNet(TINY)
    batch = album.rows(np.arange(8))
    task = PictureTask(network, album, batch, HALPE_26)
    before = picture_scores(network.eval(), batch)
    optimizer = torch.optim.AdamW(network.train().parameters(), 4e-3)
    for _ in range(150):
        terms = task.losses(network, batch)
        loss = torch.stack([term.mean for term in terms.values()]).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    after = picture_scores(network.eval(), batch)
    assert after["pixels"] < 0.45 * before["pixels"]
    assert after["part_miou"] > 0.35
    assert after["uv_error"] < 0.6 * before["uv_error"]
    assert task.validate().chosen < 25


def test_weights_are_kept_in_half_precision(tmp_path: Path) -> None:
    torch.manual_seed(1)
    network = SmallNet(TINY).eval()
    save_small_net(network, tmp_path / "net.safetensors")
    again = load_small_net(tmp_path / "net.safetensors")
    pictures = torch.rand(2, 3, 64, 64)
    for one, other, fold in zip(
        network(pictures), again(pictures), folded(again)(pictures), strict=True
    ):
        torch.testing.assert_close(one, other, atol=2e-2, rtol=2e-2)
        torch.testing.assert_close(other, fold, atol=1e-4, rtol=1e-4)
    assert (tmp_path / "net.safetensors").stat().st_size < 2.2 * sum(
        p.numel() for p in network.parameters()
    )
    (tmp_path / "net.safetensors").write_bytes(b"no weights")
    with pytest.raises(FileFormatError, match="the small network"):
        load_small_net(tmp_path / "net.safetensors")


def test_draws_follow_from_the_generator(album: Album) -> None:
    task = PictureTask(SmallNet(TINY), album, album.rows(np.arange(2)), HALPE_26)
    draws = [task.draw(5, torch.Generator().manual_seed(4)) for _ in range(2)]
    assert torch.equal(draws[0].pictures, draws[1].pictures)
    assert isinstance(task.part(draws[0], slice(0, 2)), PictureBatch)
