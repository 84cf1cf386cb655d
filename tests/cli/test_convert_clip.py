"""`lift3d convert CLIP OUT --body-model NAME`."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from lift3d.cli import main
from lift3d.clip import Clip
from lift3d.io import read_clip, write_clip
from lift3d.pipeline import lift
from lift3d_body_models import DefaultBody
from tests.helpers.journey_files import default_body_as_smpl, short_sample


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    return lift(short_sample(tmp_path_factory.mktemp("sample"), 6))


def test_a_clip_gets_another_body_that_stands_as_the_first(
    clip: Clip, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_clip(tmp_path / "walk.npz", clip)
    model = default_body_as_smpl(tmp_path)
    args = [str(tmp_path / "walk.npz"), str(tmp_path / "smpl.npz")]
    assert main(["convert", *args, "--body-model", "smpl", "--path", str(model)]) == 0
    assert "person" in capsys.readouterr().out
    new = read_clip(tmp_path / "smpl.npz")
    assert new.body_model == "smpl"
    before, after = clip.people[0].body, new.people[0].body
    assert before is not None
    assert after is not None
    torch.testing.assert_close(  # the file holds the default body itself
        DefaultBody().joints(after),
        DefaultBody().joints(before).to(after.transl),
        atol=0.01,
        rtol=0,
    )


def test_keypoints_have_no_body_to_change(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = short_sample(tmp_path, 3)
    assert main(["convert", str(source), str(tmp_path / "b.npz"), "--body-model", "default"]) == 2
    assert "lift them with lift3d lift" in capsys.readouterr().err
    assert not (tmp_path / "b.npz").exists()


def test_joints_only_cannot_change_their_body(
    clip: Clip, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bare = replace(clip, people=(replace(clip.people[0], body=None),), body_model="")
    write_clip(tmp_path / "joints.npz", bare)
    target = tmp_path / "out.npz"
    assert (
        main(["convert", str(tmp_path / "joints.npz"), str(target), "--body-model", "default"]) == 2
    )
    assert "joints only" in capsys.readouterr().err
    assert not target.exists()
