"""`lift3d texture`: pictures of one person and their surface maps in, one texture out."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from lift3d.cli import main
from lift3d.pictures import write_png
from lift3d.pictures.picture_files import read_picture
from lift3d.plugins import body_models
from lift3d.surface.atlas import atlas_of
from lift3d.surface.atlas_picture import COLUMNS, ROWS, texel_points
from lift3d.surface.densepose_dump import PictureMaps
from lift3d.surface.densepose_write import write_densepose_dump
from lift3d.surface.iuv_png import write_iuv_png
from lift3d.surface.lookup import Lookup, lookup_of
from lift3d.surface.map_npz import write_map_npz
from lift3d.surface.surface_map import SurfaceMap
from tests.helpers.drawn_people import drawn, people
from tests.surface.test_textures import painted, picture_of

TILE = 24


@dataclass(frozen=True)
class Shots:
    """A person whose colours tell their places, from both sides; files and the truth."""

    folder: Path
    maps: list[SurfaceMap]
    lookup: Lookup
    colors: np.ndarray

    def words(self, *more: str) -> list[str]:
        pictures = [str(self.folder / f"{side}.png") for side in ("front", "back")]
        maps = [str(self.folder / name) for name in ("front_IUV.png", "back.npz")]
        return ["texture", *pictures, "--maps", *maps, *more]


@pytest.fixture(scope="module")
def shots(tmp_path_factory: pytest.TempPathFactory) -> Shots:
    folder = tmp_path_factory.mktemp("shots")
    body = body_models["default"]()
    lookup = lookup_of(atlas_of(body))
    colors = painted(body)
    seen = [drawn(body, lookup.atlas, people(0.0, turn))[0] for turn in (0.0, 3.1)]
    for one, side in zip(seen, ("front", "back"), strict=True):
        write_png(folder / f"{side}.png", picture_of(one, lookup, colors))
    maps = [one.map for one in seen]
    write_iuv_png(folder / "front_IUV.png", maps[:1])
    write_map_npz(folder / "back.npz", maps[1:])
    return Shots(folder, maps, lookup, colors)


def test_what_both_pictures_show_is_in_the_texture(
    shots: Shots, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "texture.png"
    assert main(shots.words("-o", str(target), "--tile", str(TILE))) == 0
    said = capsys.readouterr().out
    assert "texture.png" in said
    share = int(said.partition(" % of the tiles")[0].split()[-1])
    assert 25 < share < 60
    texture = read_picture(target)
    assert texture.shape == (ROWS * TILE, COLUMNS * TILE, 3)
    part, uv = texel_points(TILE)
    found = shots.lookup.places(part, uv, beside=False)
    corners = shots.colors[shots.lookup.atlas.faces[found.faces]]
    true = (corners * found.barycentric[..., None]).sum(1)
    skin = found.faces >= 0
    # Height and depth alone: what nobody saw comes from the other side of the body, where x is another.
    off = np.abs(texture.reshape(-1, 3)[skin] - true[skin])[:, 1:].max(-1)
    assert np.median(off) < 4
    assert np.quantile(off, 0.95) < 50


def test_the_bodys_own_layout_is_another_picture(shots: Shots, tmp_path: Path) -> None:
    target = tmp_path / "own.png"
    assert main(shots.words("-o", str(target), "--tile", "16", "--own-layout")) == 0
    picture = read_picture(target)
    assert picture.shape == (1024, 1024, 3)
    assert picture.std() > 10


def test_people_of_a_dump_are_told_apart_by_number(shots: Shots, tmp_path: Path) -> None:
    front = shots.folder / "front.png"
    nobody = SurfaceMap.over_picture(0 * shots.maps[0].part, 0 * shots.maps[0].uv)
    pictures = [
        PictureMaps("other.png", (nobody,)),
        PictureMaps("at/home/front.png", (nobody, shots.maps[0])),
    ]
    write_densepose_dump(tmp_path / "dump.pkl", pictures)
    words = ["texture", str(front), "--maps", str(tmp_path / "dump.pkl"), "--tile", "16"]
    assert main([*words, "-o", str(tmp_path / "one.png"), "--person", "1"]) == 0
    assert main([*words, "-o", str(tmp_path / "none.png")]) == 2  # nothing of the skin is seen
    assert [path.name for path in tmp_path.glob("*.png")] == ["one.png"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["-o", "texture.jpg"], "ends in .png"),
        (["-o", "texture.png", "--tile", "4"], "correct --tile"),
        (["-o", "texture.png", "--person", "3"], "correct --person"),
        (["-o", "texture.png", "--maps", "front_IUV.png"], "1 for 2"),
        (["-o", "texture.png", "--maps", "front.png", "nothing.npz"], "expected"),
    ],
)
def test_what_does_not_belong_together_is_refused_in_a_sentence(
    more: list[str],
    said: str,
    shots: Shots,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    words = shots.words()
    if "--maps" in more:
        words = words[: words.index("--maps")]
        here = ("front.png", "front_IUV.png")
        more = [str(shots.folder / word) if word in here else word for word in more]
    assert main([*words, *more]) == 2
    told = capsys.readouterr().err
    assert said in told
    assert "Traceback" not in told
    assert not list(tmp_path.iterdir())
