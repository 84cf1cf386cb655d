"""What `lift3d cite` prints: every method has its papers, every paper of a docstring is there."""

import re
from pathlib import Path

import pytest

import lift3d
from lift3d import decoders, metrics, plugins
from lift3d.citations import METHODS, PAPERS, papers_of, unique
from lift3d.citations.paper import VENUES
from lift3d.cli import main
from lift3d.cli.cite import CiteOptions, cited
from lift3d.errors import InputError
from lift3d.pipeline import LiftOptions
from lift3d.samples import balancing
from lift3d.tracking.following import Tracker

ROOT = Path(__file__).parents[2]
GROUPS = {
    "detector": plugins.detectors,
    "lifter": plugins.lifters,
    "regressor": plugins.regressors,
    "body_model": plugins.body_models,
    "dataset": plugins.datasets,
    "viewer": plugins.viewers,
}
ROOMS = (
    "lift3d/decoders",
    "lift3d/lifting",
    "lift3d/metrics",
    "lift3d/regressing",
    "lift3d/tracking",
    "body_models",
    "datasets",
    "viewer",
)
MENTION = re.compile(
    r"\b(CVPR|ICCV|ECCV|NIPS|BMVC|3DV|ICLR|T?PAMI|ACM Transactions on Graphics)\b[^.;]{0,20}?"
    r"\b((?:19|20)\d\d)\b"
)
# How to draw targets for training and to build a basis are steps inside a method, not the method; and
# Luo et al. wait for somebody who has the paper at hand.
ASIDE = {("lift3d/decoders/targets.py", "CVPR 2021"), ("lift3d/decoders/targets.py", "CVPR 2017")}


def entries(text: str) -> dict[str, dict[str, str]]:
    """BibTeX as a strict reader takes it: kind, key, fields in braces, nothing else but comments."""
    body = "\n".join(line for line in text.splitlines() if not line.startswith("%"))
    found: dict[str, dict[str, str]] = {}
    for block in filter(None, (part.strip() for part in re.split(r"\n(?=@)", body.strip()))):
        head = re.fullmatch(r"@(article|inproceedings|misc)\{(\w+),\n(.*)\n\}", block, re.DOTALL)
        assert head, block
        fields = dict(re.findall(r"^  (\w+) = \{(.*)\},$", head[3], re.MULTILINE))
        assert len(fields) == len(head[3].splitlines()), block
        for value in fields.values():
            depth = 0
            for letter in value:
                depth += {"{": 1, "}": -1}.get(letter, 0)
                assert depth >= 0
            assert depth == 0
        assert head[2] not in found
        found[head[2]] = fields | {"kind": head[1]}
    return found


@pytest.mark.parametrize("kind", GROUPS)
def test_every_plugin_has_its_papers_or_none(kind: str) -> None:
    assert set(METHODS[kind]) >= set(GROUPS[kind])


def test_every_metric_decoder_and_tracker_too() -> None:
    functions = {name for name in metrics.__all__ if name.islower()}
    assert functions <= set(METHODS["metric"])
    assert {name for name in decoders.__all__ if name.startswith("decode_")} <= set(
        METHODS["decoder"]
    )
    assert set(Tracker.__args__) <= set(METHODS["tracker"])
    assert LiftOptions().smoothing in METHODS["smoothing"]


def test_keys_and_venues_are_used_and_known() -> None:
    used = {key for names in METHODS.values() for keys in names.values() for key in keys}
    assert used == set(PAPERS)
    assert {paper.venue for paper in PAPERS.values()} == set(VENUES) - {"ICLR", "JGC", "JMLR"}


def test_numbers_look_like_what_they_are() -> None:
    for paper in PAPERS.values():
        first = paper.surnames[0].lower()
        year = str(paper.year)
        assert year in paper.key
        assert paper.key.isascii()
        assert paper.key[0].isalpha()
        assert first[0] in paper.key
        if paper.arxiv:
            assert re.fullmatch(r"\d{4}\.\d{4,5}", paper.arxiv)
            assert int(paper.arxiv[:2]) in range(paper.year - 2003, paper.year - 1998)
        if paper.doi:
            assert re.fullmatch(r"10\.\d{4,}/\S+", paper.doi)
    for numbers in (
        [p.arxiv for p in PAPERS.values() if p.arxiv],
        [p.doi for p in PAPERS.values() if p.doi],
    ):
        assert len(numbers) == len(set(numbers))


def test_everything_parses() -> None:
    text = cited(None, CiteOptions(everything=True))
    assert text.isascii()
    found = entries(text)
    assert set(found) == set(PAPERS)
    smpl = found["loper2015smpl"]
    assert smpl["author"].split(" and ")[0] == "Loper, Matthew"
    assert (smpl["journal"], smpl["volume"], smpl["number"]) == (
        "ACM Transactions on Graphics",
        "34",
        "6",
    )
    assert found["vonmarcard2018recovering"]["author"].startswith("von Marcard, Timo and ")
    for fields in found.values():
        assert {"author", "title", "year"} <= set(fields)
        assert {"booktitle", "journal", "eprint"} & set(fields)


@pytest.mark.parametrize("room", ROOMS)
def test_papers_of_docstrings_are_there(room: str) -> None:
    """A paper is mentioned by an author's name, a venue and a year."""
    missing: list[str] = []
    for path in sorted((ROOT / room).rglob("*.py")):
        name = str(path.relative_to(ROOT))
        text = " ".join(path.read_text(encoding="utf-8").split())
        for found in MENTION.finditer(text):
            before = text[max(0, found.start() - 260) : found.start()].replace("Gueler", "Güler")
            year = int(found[2])
            known = [
                p for p in PAPERS.values()
                if abs(p.year - year) <= (p.venue == "TPAMI")
                and any(re.search(rf"\b{who}\b", before) for who in p.surnames)
            ]  # fmt: skip
            if not known and (name, f"{found[1]} {year}") not in ASIDE:
                missing.append(f"{name}: {found[0]}")
    assert missing == []


def test_arxiv_numbers_of_docstrings_are_there() -> None:
    known = {paper.arxiv for paper in PAPERS.values()}
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            numbers = re.findall(r"arXiv:(\d{4}\.\d{4,5})", path.read_text(encoding="utf-8"))
            assert set(numbers) <= known, path


def test_the_default_road(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cite"]) == 0
    found = entries(capsys.readouterr().out)
    usual = LiftOptions()
    wanted = [papers_of("lifter", usual.lifter), papers_of("body_model", usual.body_model)]
    wanted += [papers_of("regressor", usual.regressor)]
    assert {paper.key for papers in wanted for paper in papers} <= set(found)


def test_named_methods(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--lifter", "matching", "--body-model", "smpl", "--metric", "mpjpe", "n_mpjpe"]
    assert main(["cite", *words]) == 0
    keys = ["chen2017matching", "vakanski2018data", "loper2015smpl", "ionescu2014human36m",
            "rhodin2018learning"]  # fmt: skip
    assert sorted(entries(capsys.readouterr().out)) == sorted(keys)


def test_methods_without_a_paper_say_so() -> None:
    said = cited(None, CiteOptions(body_model="stick", tracker="greedy"))
    assert "% body_model 'stick': no paper to cite" in said
    assert "xiao2018simple" in entries(said)


def test_what_nobody_knows_is_refused() -> None:
    with pytest.raises(InputError, match="did you mean 'matching'"):
        cited(None, CiteOptions(lifter="matchin"))
    with pytest.raises(InputError, match="metric"):
        cited(None, CiteOptions(metric=("x",)))
    assert main(["cite", "nothing.npz"]) == 2


def test_a_clip_says_its_body(tmp_path: Path) -> None:
    with balancing() as sample:
        clip = lift3d.lift(sample, options=LiftOptions(lifter="matching", regressor=""))
    path = tmp_path / "clip.npz"
    lift3d.write_clip(path, clip)
    said = cited(path, CiteOptions(lifter="matching"))
    assert "says its body: default" in said
    assert "does not say its lifter" not in said
    assert {"chen2017matching", "loper2015smpl", "bregier2025human"} <= set(entries(said))
    assert "does not say its lifter, assumed: articulated" in cited(path, CiteOptions())


def test_plugins_of_others_bring_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "lift3d_citetest-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: lift3d-citetest\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[lift3d.lifters]\nmine = lift3d_citetest:Mine\nbare = lift3d_citetest:Bare\n"
    )
    (tmp_path / "lift3d_citetest.py").write_text(
        "class Bare: ...\nclass Mine:\n    bibtex = '@misc{me2030,\\n  title = {Mine},\\n}'\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    assert "me2030" in entries(cited(None, CiteOptions(lifter="mine")))
    assert "% lifter 'bare': no paper" in cited(None, CiteOptions(lifter="bare"))


def test_a_paper_comes_once() -> None:
    twice = papers_of("body_model", "mano") * 2
    assert unique(twice) == papers_of("body_model", "mano")
