"""Keypoint networks trained from pictures on disk, and what is done to the pictures on the way."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import Generator

from lift3d.cli import main
from lift3d.errors import FileFormatError, InputError
from lift3d.networks import Targets
from lift3d.networks.catalogue import load_keypoint_network
from lift3d.skeletons import COCO_17
from lift3d.training.engine import EngineConfig
from lift3d.training.keypoint_task import KeypointBatch, PictureChanges, changed
from lift3d.training.keypoints import KeypointTrainConfig, train_keypoints
from lift3d.training.person_pictures import PersonPictures

_TINY = {"backbone": {"depth": 18, "width": 4}, "width": 4}


@pytest.fixture
def coco(tmp_path: Path) -> Path:
    """Two splits of four pictures, in each two people of 17 white dots."""
    rng = np.random.default_rng(0)
    root = tmp_path / "coco"
    for split in ("train", "val"):
        images, people = [], []
        (root / f"{split}2017").mkdir(parents=True)
        for number in range(4):
            picture = np.zeros((80, 120, 3), np.uint8)
            for left in (5, 65):
                points = np.column_stack([rng.uniform(left, left + 45, 17), rng.uniform(5, 70, 17)])
                for x, y in points.round().astype(int):
                    picture[y - 1 : y + 2, x - 1 : x + 2] = 255
                rows = np.column_stack([points.round(), np.full(17, 2)])
                rows[0] = 0  # the nose is never annotated
                people.append(
                    {"id": len(people), "image_id": number, "category_id": 1, "iscrowd": 0,
                     "area": 900.0, "num_keypoints": 16, "keypoints": rows.ravel().tolist(),
                     "bbox": [left, 5, 46, 66]}
                )  # fmt: skip
            name = f"{number}.png"
            cv2.imwrite(str(root / f"{split}2017" / name), picture)
            images.append({"id": number, "file_name": name, "height": 80, "width": 120})
        (root / "annotations").mkdir(exist_ok=True)
        (root / "annotations" / f"person_keypoints_{split}2017.json").write_text(
            json.dumps({"images": images, "annotations": people, "categories": []})
        )
    return root


def test_keypoints_lie_on_what_they_mark_after_cutting(coco: Path) -> None:
    from lift3d.plugins import datasets
    from lift3d.training.person_pictures import read_person_pictures

    annotated = list(datasets["coco"](coco).pictures("train"))  # type: ignore[attr-defined]
    for several, count in ((False, 8), (True, 4)):
        cut = read_person_pictures(annotated, coco, (96, 64), several=several)
        assert len(cut) == count
        assert not cut.targets.visible[..., 0].any()
        points = cut.targets.keypoints[..., 1:, :].round().long()
        for picture, people in zip(cut.pictures, points, strict=True):
            assert (picture[0, people[..., 1], people[..., 0]] > 150).float().mean() > 0.95
    assert len(read_person_pictures(annotated, coco, (96, 64), most=3)) == 3


@pytest.mark.parametrize("mirror", [0.0, 1.0])
def test_keypoints_go_where_pictures_go(mirror: float) -> None:
    dots = torch.tensor([[20.0, 30.0], [40.0, 25.0], [30.0, 45.0]])
    ys, xs = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    pictures = torch.stack([torch.exp(-((xs - x) ** 2 + (ys - y) ** 2) / 8) for x, y in dots])
    batch = KeypointBatch(
        pictures[None].expand(6, -1, -1, -1),
        Targets.of_one(dots.expand(6, -1, -1), torch.ones(6, 3, dtype=torch.bool)),
    )
    changes = PictureChanges(degrees=15.0, scale=0.1, shift=0.03, mirror=mirror, light=0.0)
    out = changed(batch, changes, (1, 0, 2), Generator().manual_seed(1))
    weights = out.pictures / out.pictures.sum((-2, -1), keepdim=True)
    centres = torch.stack([(weights * xs).sum((-2, -1)), (weights * ys).sum((-2, -1))], -1)
    order = [1, 0, 2] if mirror else [0, 1, 2]  # a mirrored left hand is a right one
    torch.testing.assert_close(out.targets.keypoints[:, 0], centres[:, order], atol=0.1, rtol=0)


def test_a_run_from_the_command_line_and_its_weights(
    coco: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shape, output = tmp_path / "shape.json", tmp_path / "run"
    shape.write_text(json.dumps(_TINY))
    words = (
        f"train keypoints --pictures {coco} --output {output} --network simple_baseline --shape {shape} "
        "--size 64 64 --engine.steps 4 --engine.batch 4 --engine.validate-every 2 --device cpu"
    )
    assert main(words.split()) == 0
    assert "px of 64 x 64" in capsys.readouterr().out
    log = [json.loads(line) for line in (output / "log.jsonl").read_text().splitlines()]
    assert {"loss/heatmaps", "px/error"} <= set(log[-1])
    network = load_keypoint_network(output / "keypoints.safetensors")
    found = network.people(network(torch.rand(2, 3, 64, 64)))
    assert [list(one.keypoints.shape) for one in found] == [[1, 17, 3], [1, 17, 3]]


def test_several_people_are_learned_from_whole_pictures(coco: Path, tmp_path: Path) -> None:
    shape = tmp_path / "shape.json"
    shape.write_text(json.dumps({"stacks": 1, "width": 4, "depth": 1}))
    engine = EngineConfig(steps=1, batch=2, draws=1, validate_every=1)
    config = KeypointTrainConfig(
        coco, tmp_path / "run", "associative", shape, (64, 96), engine=engine, device="cpu"
    )
    report = train_keypoints(config)
    assert report.pictures == 4
    assert report.weights.is_file()


def test_what_cannot_be_trained_is_refused_in_one_sentence(coco: Path, tmp_path: Path) -> None:
    def config(**changed: object) -> KeypointTrainConfig:
        return KeypointTrainConfig(coco, tmp_path / "run", size=(64, 64), device="cpu", **changed)  # type: ignore[arg-type]

    (tmp_path / "list.json").write_text("[1]")
    with pytest.raises(InputError, match="named fields of the network"):
        train_keypoints(config(shape=tmp_path / "list.json"))
    with pytest.raises(InputError, match="expected a split of 'coco'"):
        train_keypoints(config(training_split="test"))
    with pytest.raises(InputError, match="dataset of pictures"):
        train_keypoints(config(dataset="bvh"))
    with pytest.raises(FileFormatError):
        train_keypoints(config(picture_folder=tmp_path))
    with pytest.raises(InputError, match="mirrored share"):
        PictureChanges(mirror=2.0)
    nobody = torch.zeros(0, 3, 8, 8, dtype=torch.uint8)
    with pytest.raises(InputError, match="at least one picture"):
        PersonPictures(
            nobody,
            Targets(torch.zeros(0, 1, 17, 2), torch.zeros(0, 1, 17, dtype=torch.bool)),
            COCO_17,
        )
    with pytest.raises(InputError, match="batches of pictures, got none"):
        PersonPictures.of_batches([], COCO_17)
