"""A body from a file through the whole journey, and the verb that converts files."""

from pathlib import Path
from typing import Any

import pytest
import torch
import trimesh

import lift3d
from lift3d.cli import main
from lift3d.errors import InputError
from lift3d.pipeline import LiftOptions, lift, make_body
from lift3d_body_models import DefaultBody
from lift3d_body_models.model_files import read_model
from lift3d_body_models.smpl_family import SmplBody
from tests.helpers.journey_files import default_body_as_smpl, short_sample


@pytest.fixture(scope="module")
def person(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return default_body_as_smpl(tmp_path_factory.mktemp("bodies"))


@pytest.fixture
def few_frames(tmp_path: Path) -> Path:
    return short_sample(tmp_path, 4)


def can_draw() -> bool:
    probe = getattr(lift3d.viewers["pyrender"], "probe", None)
    return probe is not None and str(probe()).startswith("works")


def test_a_body_from_a_file_through_every_output(
    person: Path, few_frames: Path, tmp_path: Path
) -> None:
    out = [tmp_path / "body.npz", tmp_path / "body.glb"]
    arguments = ["lift", str(few_frames), "--body-model", "smpl", "--path", str(person)]
    assert main([*arguments, "-o", *map(str, out)]) == 0
    clip = lift3d.read_clip(out[0])
    assert clip.body_model == "smpl"
    assert clip.people[0].body is not None
    (mesh,) = trimesh.load(out[1]).geometry.values()
    assert len(mesh.faces) == len(DefaultBody().surface.faces)
    assert (tmp_path / "body.glb").read_bytes().find(b"TEXCOORD_0") < 0
    pictures = [tmp_path / "body.png", tmp_path / "body.mp4"] if can_draw() else []
    again = [tmp_path / "again.glb", *pictures]
    folder = str(person.parent)
    assert main(["render", str(out[0]), "--path", folder, "-o", *map(str, again)]) == 0
    assert again[0].read_bytes() == out[1].read_bytes()


def test_the_fit_is_as_good_as_that_of_the_same_body(person: Path, few_frames: Path) -> None:
    """The default body under another name and without landmarks lands within some centimetres."""
    ours = lift(few_frames)
    theirs = lift(few_frames, options=LiftOptions(body_model="smpl", body_path=person))
    a, b = ours.people[0].body, theirs.people[0].body
    assert a is not None
    assert b is not None
    gap = DefaultBody().joints(a) - SmplBody(person).joints(b)
    assert float(gap.norm(dim=-1).median()) < 0.05


def test_a_clip_whose_body_is_nowhere(
    person: Path,
    few_frames: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("LIFT3D_BODY_MODELS", str(person.parent))
    npz = tmp_path / "body.npz"
    assert main(["lift", str(few_frames), "--body-model", "smpl", "-o", str(npz)]) == 0
    monkeypatch.setenv("LIFT3D_BODY_MODELS", str(tmp_path))
    monkeypatch.setattr("platformdirs.user_data_path", lambda _: tmp_path / "data")
    assert main(["render", str(npz), "-o", str(tmp_path / "body.glb")]) == 2
    said = capsys.readouterr().err
    assert "smpl.is.tue.mpg.de" in said
    assert said.count("\n") == 1


def test_a_path_for_a_body_that_needs_none(person: Path) -> None:
    with pytest.raises(InputError, match="expected no path for body model 'default'"):
        make_body("default", person)


def test_convert_writes_the_same_body(
    family: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = family.write_old_pickle(tmp_path / "SMPLX_FEMALE.pkl", family.arrays("smplx"))
    target = tmp_path / "new" / "body.safetensors"
    assert main(["convert", str(source), str(target)]) == 0
    said = capsys.readouterr().out
    for found in ("SMPL-X", "female", "55", "300", "100", "left, right"):
        assert found in said
    assert [path.name for path in target.parent.iterdir()] == ["body.safetensors"]
    before, after = read_model(source), read_model(target)
    assert torch.equal(before.posedirs, after.posedirs)
    assert after.gender == "female"


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        ("body.pkl", "body.npz", "nothing else is converted"),
        ("clip.json", "body.safetensors", "nothing else is converted"),
        ("none.pkl", "body.safetensors", "nothing there"),
        ("broken.pkl", "body.safetensors", "broken.pkl"),
        ("body.safetensors", "body.safetensors", "a target beside the source"),
    ],
)
def test_what_convert_refuses(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    source: str,
    target: str,
    message: str,
) -> None:
    (tmp_path / "broken.pkl").write_bytes(b"\x80\x04cos\nsystem\n.")
    (tmp_path / "body.safetensors").write_bytes(b"as before")
    assert main(["convert", str(tmp_path / source), str(tmp_path / target)]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert (tmp_path / "body.safetensors").read_bytes() == b"as before"


def test_a_conversion_that_cannot_be_written(
    family: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = family.write_npz(tmp_path / "m.npz", family.arrays("mano"))
    (tmp_path / "file").write_text("in the way")
    assert main(["convert", str(source), str(tmp_path / "file" / "out.safetensors")]) == 2
    assert "expected a place to write" in capsys.readouterr().err
