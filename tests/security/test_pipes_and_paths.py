"""Readers open plain files only, and only those that they were given."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lift3d.cli import main
from tests.helpers.attack_archives import npy, npz
from tests.helpers.attack_doors import DOORS
from tests.helpers.attack_lair import Lair
from tests.helpers.attack_opcodes import call
from tests.helpers.attacks import pipe_before

OPEN = {"exemplars", "rotations_h5"}
"""Readers that still wait at pipes."""


@contextmanager
def at_most(seconds: int) -> Iterator[None]:
    """`TimeoutError` for what waits for ever."""

    def late(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("name", sorted(set(DOORS) - OPEN))
def test_nobody_waits_at_a_pipe(name: str) -> None:
    with at_most(20):
        verdict = pipe_before(DOORS[name])
    assert verdict.harmless, verdict.told


ATTACKED = (
    ("lift", "{file}", "-o", "{out}.npz"),
    ("convert", "{file}", "{out}.csv"),
    ("convert", "{file}", "{out}.safetensors"),
    ("render", "{file}", "-o", "{out}.png"),
    ("lift", "{good}", "-o", "{out}.npz", "--body-model", "smpl", "--path", "{file}"),
    ("eval", "{file}", "--dataset", "mocap_h5"),
    ("doctor", "{folder}", "--dataset", "amass"),
)


@pytest.mark.parametrize("ending", [".pkl", ".npz", ".npy"])
@pytest.mark.parametrize("words", ATTACKED, ids=" ".join)
def test_the_command_line_runs_nothing(
    words: tuple[str, ...], ending: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lair = Lair(tmp_path)
    lair.prepare()
    gadget = call("os.mkdir", str(lair.canary)) + b"."
    forms = {".pkl": gadget, ".npy": npy(gadget), ".npz": npz(npy(gadget))}
    file = lair.victim / f"a_poses{ending}"
    file.write_bytes(forms[ending])
    good = Path(__file__).parents[2] / "lift3d" / "samples" / "balancing_mediapipe.json"
    places = {"file": file, "out": tmp_path / "out", "good": good, "folder": lair.victim}
    code = main([word.format(**places) for word in words])
    told = capsys.readouterr()
    assert code == (0 if words[0] == "doctor" else 2), told.out
    assert not lair.canary.exists()
    assert not list(tmp_path.glob("out*"))
    assert "Traceback" not in told.err
