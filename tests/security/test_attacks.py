"""No file runs code, reaches another file, or takes long: attacks in front of every reader.

Here each reader gets some of the attacks that are meant for it, the next reader others;
`scripts/bench reliability_security` tries all of them.
"""

import json
import subprocess
import sys
from pathlib import Path

from tests.helpers.attack_doors import DOORS
from tests.helpers.attack_pickles import BOMBS, GADGETS, TRICKS
from tests.helpers.attack_texts import TEXTS
from tests.helpers.attacks import attacks_on

ROOT = Path(__file__).parents[2]
SHARE = 4
OPEN = ("rotations_h5, ", "heatmaps_png, ")
"""Readers that still follow links, or unpack pictures of any size."""
ARMED = """
import os, pickle, sys, tempfile
from pathlib import Path
from tests.helpers.attack_pickles import GADGETS
for name, gadget in GADGETS.items():
    with tempfile.TemporaryDirectory() as folder:
        canary = folder + "/canary"
        Path(folder, "evil.py").write_text(f"open({canary!r}, 'w').close()")
        try:
            pickle.loads(gadget(canary))
        except Exception:
            pass
        if not os.path.lexists(canary):
            print("blank:", name)
"""


def test_attacks_on_readers_are_refused_and_nothing_runs() -> None:
    """In a process of its own, where types are not checked at every call."""
    command = [sys.executable, "-m", "tests.helpers.attack_run", "--share", str(SHARE)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-800:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert [line for line in told["unclear"] if not line.startswith(OPEN)] == []
    assert told["tried"] >= 3 * len(DOORS)


def test_every_gadget_is_armed() -> None:
    """Python's own `pickle` runs each of them."""
    command = [sys.executable, "-c", ARMED]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-500:]
    assert [line for line in done.stdout.splitlines() if line.startswith("blank:")] == []
    assert len(GADGETS) >= 60


def test_there_are_many_kinds_of_attacks() -> None:
    assert len(BOMBS) + len(TRICKS) + len(TEXTS) >= 90
    for name, door in DOORS.items():
        assert next(attacks_on(door), None) is not None, name
