"""No file runs code, and none takes a machine down: attacks and damaged files for every reader.

`attacks_tried` are attacks times readers that they are meant for (`tests/helpers/attacks.py`);
`attacks_run` those that made the canary, opened a file outside, or were about to start a program or to
unpickle; `attacks_unclear` those that were neither refused with an error of ours nor plain data,
within two seconds of the processor and 500 MB. `fuzz_executions` are damaged files read in
`--seconds N` for each reader (5), `fuzz_open_crashes` the places where another error than ours came
out, or where reading took more than that. `--quick` tries six attacks on each reader.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benches._harness import report

from tests.helpers.attack_run import Tally, run_attacks


def of_attacks(share: int | None) -> dict[str, float]:
    """All attacks on every reader, or so many for each."""
    tally, unclear = Tally(), 0
    for line in run_attacks(tally, share):
        print(f"unclear: {line}")
        unclear += 1
    return {
        "attacks_tried": tally.tried,
        "attacks_run": tally.run,
        "attacks_refused": tally.refused,
        "attacks_read_as_plain_data": tally.read,
        "attacks_unclear": unclear,
        "attacks_slowest_seconds": tally.slowest,
        "attacks_most_megabytes": tally.most,
    }


def of_fuzzing(seconds: int) -> dict[str, float]:
    """`scripts/fuzz` in a process of its own: it counts the lines that are reached."""
    with TemporaryDirectory() as folder:
        target = Path(folder) / "told.json"
        options = ["--seconds", str(seconds), "--finds", f"{folder}/finds", "--json", str(target)]
        command = [sys.executable, "-m", "fuzzing", *options]
        subprocess.run(command, env=os.environ | {"PYTHONPATH": "scripts"}, check=False)
        rows = json.loads(target.read_text())
    return {
        "fuzz_targets": len(rows),
        "fuzz_seconds_each": seconds,
        "fuzz_executions": sum(row["executions"] for row in rows),
        "fuzz_open_crashes": sum(len(row["finds"]) for row in rows),
    }


def _option(name: str, usual: int) -> int:
    """Takes an option with a number from the command line, which `report` reads as well."""
    if name not in sys.argv:
        return usual
    at = sys.argv.index(name)
    value = int(sys.argv[at + 1])
    del sys.argv[at : at + 2]
    return value


def asked_for() -> dict[str, float]:
    """The figures, as the command line asks for them."""
    seconds, quick = _option("--seconds", 5), "--quick" in sys.argv
    if quick:
        sys.argv.remove("--quick")
    return of_attacks(6 if quick else None) | of_fuzzing(seconds)


def main() -> None:
    report(asked_for())


if __name__ == "__main__":
    main()
