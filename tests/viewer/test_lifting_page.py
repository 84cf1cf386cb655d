"""The page that lifts, as text: what is in its folder, what it may do, and what it refuses."""

import base64
import gzip
import hashlib
import json
import re
from pathlib import Path

import pytest

from lift3d.cli.page import write_page
from lift3d.errors import InputError, OutputError
from lift3d.lifting.vocabulary import HIPS, VOCABULARY
from lift3d.pictures.web.lifting_page import LiftingFacts, lifting_page, pack
from lift3d.skeletons import BODY_135, LIFT_23, MEDIAPIPE_33, SKELETONS
from tests.helpers.lifting_page import made_up_runtime, written_page

FACTS = LiftingFacts(VOCABULARY.joints, LIFT_23, HIPS, 0.2, 6)
ASSETS = Path(__file__).parents[2] / "lift3d/pictures/web/assets/lifting"


def part(page: str, name: str) -> str:
    found = re.search(rf'<script id="{name}"[^>]*>(.*?)</script>', page, re.DOTALL)
    assert found
    return found[1]


def policy(page: str) -> dict[str, list[str]]:
    found = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert found
    rules = [rule.split() for rule in found[1].split(";")]
    return {name: values for name, *values in rules}


def unpacked(text: str) -> tuple[str, bytes]:
    found = re.fullmatch(r'lift3dPack\("(\w+)", "([A-Za-z0-9+/=]+)"\);\n', text)
    assert found
    return found[1], gzip.decompress(base64.b64decode(found[2]))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("made_up")
    return written_page(place, made_up_runtime(place))


def test_the_folder_holds_all_that_the_page_loads(folder: Path) -> None:
    page = (folder / "index.html").read_text()
    loaded = re.findall(r'<script src="([^"]+)"', page)
    assert loaded == ["runtime.js", "wasm.js", "universal.js"]
    assert {path.name for path in folder.iterdir()} == {
        "index.html", "ONNXRUNTIME-LICENSE.txt", *loaded,
    }  # fmt: skip
    assert not re.search(r"https?://", page.replace("http://www.w3.org", ""))
    assert unpacked((folder / "wasm.js").read_text()) == ("wasm", b"\0asm")
    assert "Web 9.8.7," in (folder / "ONNXRUNTIME-LICENSE.txt").read_text()


def test_the_network_is_the_lifters_own(folder: Path) -> None:
    onnx = pytest.importorskip("onnx", reason="ONNX is absent: pip install 'lift3d[onnx]'")
    name, data = unpacked((folder / "universal.js").read_text())
    model = onnx.load_model_from_string(data)
    about = {entry.key: entry.value for entry in model.metadata_props}
    assert name == "universal"
    assert about["input_joints"].split(",") == list(VOCABULARY.joints)
    assert about["flip"] == "mean over both mirror images"
    assert [value.name for value in model.graph.input] == ["points", "seen"]


def test_the_policy_allows_its_own_script_and_nothing_else() -> None:
    page = lifting_page(FACTS)
    rules = policy(page)
    script = page.split("<script>")[1].split("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert rules["default-src"] == ["'none'"]
    assert rules["script-src"] == ["'self'", "blob:", "'wasm-unsafe-eval'", f"'sha256-{digest}'"]
    assert set(rules) == {"default-src", "style-src", "script-src", "base-uri", "form-action"}
    assert not re.search(r"\b(fetch|XMLHttpRequest|WebSocket|sendBeacon|eval|innerHTML)\b", script)


def test_it_knows_the_layouts_and_points_of_the_library() -> None:
    facts = json.loads(part(lifting_page(FACTS), "facts"))
    assert facts["vocabulary"] == list(VOCABULARY.joints)
    assert facts["vocabulary"][: facts["joints"]] == list(LIFT_23.joints)
    assert facts["angle"] == pytest.approx(53.13, abs=0.01)
    for name, joints in facts["layouts"].items():
        assert joints == list(SKELETONS[name].joints)[: len(joints)]
    assert facts["layouts"]["mediapipe_33"] == list(MEDIAPIPE_33.joints)
    assert facts["layouts"]["body_135"] == list(BODY_135.joints[:25])
    named = re.findall(r'\b\d+: "(\w+)"', "".join(f.read_text() for f in ASSETS.glob("*.js")))
    assert set(named) == set(facts["layouts"])
    limbs = facts["scene"]["people"][0]["limbs"]
    assert max(max(limb["start"] + limb["end"]) for limb in limbs) < len(LIFT_23)


@pytest.mark.parametrize("name", ["openpose", "coco", "mediapipe"])
def test_readers_stay_small(name: str) -> None:
    lines = (ASSETS / f"{name}.js").read_text().splitlines()
    assert len(lines) <= 60
    assert max(map(len, lines)) <= 110


def test_packs_are_the_same_every_time() -> None:
    assert pack("wasm", b"abc") == pack("wasm", b"abc")
    assert unpacked(pack("wasm", b"abc")) == ("wasm", b"abc")


def test_another_order_of_joints_is_refused() -> None:
    with pytest.raises(InputError, match="vocabulary that begins with the joints of lift_23"):
        LiftingFacts(VOCABULARY.joints[::-1], LIFT_23, HIPS, 0.2, 6)


def test_without_the_runtime_a_sentence_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(
        InputError, match="'npm install onnxruntime-web' and name its folder with --"
    ):
        write_page(tmp_path / "page", runtime=tmp_path, weights=None)
    assert not (tmp_path / "page").exists()
    monkeypatch.setattr("lift3d.cli.page._installed", lambda _: iter(()))
    with pytest.raises(
        InputError, match="in a folder node_modules here or above, got no such files"
    ):
        write_page(tmp_path / "page", runtime=None, weights=None)


@pytest.mark.parametrize(
    "deep", ["", "node_modules/onnxruntime-web", "node_modules/onnxruntime-web/dist"]
)
def test_the_runtime_is_found_from_any_of_its_folders(tmp_path: Path, deep: str) -> None:
    written_page(tmp_path, made_up_runtime(tmp_path, '{"version": 3') / deep)
    text = (tmp_path / "page" / "ONNXRUNTIME-LICENSE.txt").read_text()
    assert "of unknown version" in text


def test_nothing_that_lies_there_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "mine.txt").write_text("mine")
    with pytest.raises(OutputError, match="choose another name"):
        written_page(tmp_path, made_up_runtime(tmp_path))
    assert [path.name for path in (tmp_path / "page").iterdir()] == ["mine.txt"]
