"""Where a body model is looked for: the order of places, names as downloads have them, genders."""

from pathlib import Path
from typing import Any

import pytest

from lift3d.errors import InputError, MissingDependencyError
from lift3d.plugins import body_models
from lift3d_body_models.family import FAMILY
from lift3d_body_models.lookup import find_model
from lift3d_body_models.model_files import read_model, write_model
from lift3d_body_models.smpl_family import ManoBody, SmplBody, SmplxBody


@pytest.fixture
def homes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """The folder of the environment variable, and the user's data folder."""
    named, data = tmp_path / "named", tmp_path / "data"
    monkeypatch.setenv("LIFT3D_BODY_MODELS", str(named))
    monkeypatch.setattr("platformdirs.user_data_path", lambda name: data / name)
    own = data / "lift3d" / "body_models"
    named.mkdir()
    own.mkdir(parents=True)
    return named, own


def where(kind: str, variant: str = "neutral", path: Path | None = None) -> Path:
    return find_model(FAMILY[kind], path, variant)[1]


def test_a_missing_file_is_one_sentence(homes: tuple[Path, Path]) -> None:
    with pytest.raises(MissingDependencyError) as caught:
        body_models["smpl"]()
    said = str(caught.value)
    assert "https://smpl.is.tue.mpg.de" in said
    assert "not for commerce" in said
    assert str(homes[0]) in said
    assert str(homes[1]) in said
    assert "LIFT3D_BODY_MODELS" in said
    assert "\n" not in said


def test_the_order_of_places(family: Any, homes: tuple[Path, Path]) -> None:
    named, own = homes
    model = family.arrays("smpl")
    far = family.write_npz(own / "SMPL_NEUTRAL.npz", model)
    assert where("smpl") == far
    near = family.write_npz(named / "SMPL_NEUTRAL.npz", model)
    assert where("smpl") == near
    given = family.write_npz(named.parent / "mine.npz", model)
    assert where("smpl", path=given) == given


def test_the_usual_folders_are_found_by_name(family: Any, homes: tuple[Path, Path]) -> None:
    """As the downloads unpack; each file is a different model, so that a mistake shows."""
    named, _ = homes
    files = {
        ("smpl", "female"): "smpl/models/basicModel_f_lbs_10_207_0_v1.0.0.pkl",
        ("smpl", "male"): "smpl/models/basicmodel_m_lbs_10_207_0_v1.1.0.pkl",
        ("smpl", "neutral"): "smpl/SMPL_NEUTRAL.pkl",
        ("smplh", "male"): "smplh/male/model.npz",
        ("smplh", "female"): "mano_v1_2/models/SMPLH_female.pkl",
        ("smplx", "neutral"): "models/smplx/SMPLX_NEUTRAL.npz",
        ("smplx", "male"): "models/smplx/SMPLX_MALE.npz",
        ("mano", "right"): "mano_v1_2/models/MANO_RIGHT.pkl",
        ("mano", "left"): "mano_v1_2/models/MANO_LEFT.pkl",
        ("flame", "neutral"): "flame/generic_model.pkl",
    }
    for (kind, _), name in files.items():
        path = named / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write = family.write_npz if path.suffix == ".npz" else family.write_old_pickle
        write(path, family.arrays(kind))
    for (kind, variant), name in files.items():
        assert where(kind, variant) == named / name
        assert where(kind, variant, named) == named / name
    assert body_models["smplx"](gender="male").skeleton.name == "smplx_55"
    with pytest.raises(MissingDependencyError, match=r"female SMPL-X in .*got only male, neutral"):
        SmplxBody(gender="female")


def test_a_file_named_like_nothing_is_found_by_content(
    family: Any, homes: tuple[Path, Path]
) -> None:
    named, _ = homes
    (named / "aaa.pkl").write_bytes(b"no model at all")
    family.write_npz(named / "body.npz", family.arrays("flame"))
    family.write_pickle(named / "weights.pkl", family.arrays("smpl"))
    assert where("smpl") == named / "weights.pkl"
    assert where("flame") == named / "body.npz"
    with pytest.raises(MissingDependencyError, match=r"smpl-x\.is\.tue"):
        where("smplx")
    (named / "SMPLX_NEUTRAL.npz").write_bytes(b"damaged")
    with pytest.raises(MissingDependencyError, match=r"cannot be read: .*SMPLX_NEUTRAL\.npz"):
        where("smplx")


def test_the_quickest_form_comes_first(family: Any, homes: tuple[Path, Path]) -> None:
    named, _ = homes
    model = family.arrays("smpl")
    for version in ("v1.0.0", "v1.1.0"):
        family.write_pickle(named / f"basicmodel_neutral_lbs_10_207_0_{version}.pkl", model)
    assert where("smpl").name == "basicmodel_neutral_lbs_10_207_0_v1.1.0.pkl"
    family.write_npz(named / "SMPL_NEUTRAL.npz", model)
    assert where("smpl").name == "SMPL_NEUTRAL.npz"
    write_model(named / "smpl.safetensors", read_model(named / "SMPL_NEUTRAL.npz"))
    assert where("smpl").name == "smpl.safetensors"


def test_a_wrong_gender_is_told(family: Any, tmp_path: Path) -> None:
    path = family.write_npz(tmp_path / "SMPL_MALE.npz", family.arrays("smpl"))
    with pytest.raises(
        InputError, match="expected one of neutral, female, male for SMPL, got 'other'"
    ):
        SmplBody(path, gender="other")
    with pytest.raises(InputError, match=r"expected a female SMPL, got .* which is male"):
        SmplBody(path, gender="female")
    SmplBody(path)  # the file alone says enough
    with pytest.raises(InputError, match="expected one of right, left for MANO"):
        ManoBody(path, side="neutral")
