"""All attacks on all readers, or with `--share N` so many for each, in a process of its own.

Tests check types at every call, which makes readers ten times as slow, and a crash of a C library would
end them: `python -m tests.helpers.attack_run` tells what came of it as a line of JSON.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice

from tests.helpers.attack_doors import DOORS
from tests.helpers.attack_lair import Verdict
from tests.helpers.attacks import MAY_READ, Attack, attack, attacks_on, warm

__all__ = ["Tally", "run_attacks"]


@dataclass(slots=True)
class Tally:
    """What came of many attacks; `unclear` says which did neither of what is allowed."""

    tried: int = 0
    run: int = 0
    refused: int = 0
    read: int = 0
    slowest: float = 0.0
    most: float = 0.0

    def add(self, verdict: Verdict) -> None:
        """Count one."""
        self.tried += 1
        self.run += bool(verdict.ran)
        self.refused += verdict.outcome == "refused"
        self.read += verdict.outcome == "read"
        self.slowest, self.most = (
            max(self.slowest, verdict.seconds),
            max(self.most, verdict.megabytes),
        )


def run_attacks(tally: Tally, share: int | None = None) -> Iterator[str]:
    """Attack every reader; yields what is not as it should be, and fills the tally."""
    for number, (name, door) in enumerate(DOORS.items()):
        warm(door)
        everything = list(attacks_on(door))
        step = max(1, len(everything) // share) if share else 1
        for what in islice(everything, number % step, None, step):
            verdict = attack(door, what)
            tally.add(verdict)
            if not _allowed(verdict, what, plain=door.plain):
                cost = f"{verdict.seconds:.2f} s, {verdict.megabytes:.0f} MB, ran {verdict.ran!r}"
                yield f"{name}, {what.name}: {verdict.outcome}, {cost}, {verdict.told[:200]}"


def _allowed(verdict: Verdict, what: Attack, *, plain: bool) -> bool:
    if verdict.outcome == "read":
        return verdict.harmless and (plain or what.name in MAY_READ)
    return verdict.refused and verdict.told.startswith("expected")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--share", type=int)
    tally = Tally()
    unclear = list(run_attacks(tally, parser.parse_args().share))
    sys.stdout.write(json.dumps({**asdict(tally), "unclear": unclear}) + "\n")


if __name__ == "__main__":
    main()
