"""`scripts/fuzz`: readers under damaged files, each for some seconds; exit code 1 where one fell."""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from tempfile import mkdtemp

from fuzzing.run import run_targets
from fuzzing.watch import DOORS


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/fuzz", description=__doc__)
    parser.add_argument("target", nargs="*", choices=[[], *DOORS], metavar="TARGET")
    parser.add_argument("--seconds", type=int, default=20, help="for each target")
    parser.add_argument("--finds", type=Path, help="where to keep what fell (a new folder)")
    parser.add_argument("--json", type=Path, help="where to write what each target did")
    asked = parser.parse_args()
    folder = asked.finds or Path(mkdtemp(prefix="fuzz-"))
    rows = []
    print(
        f"{'target':24s} {'executions':>10s} {'processor':>9s} {'read':>8s} {'slowest':>8s}  finds"
    )
    for told in run_targets(asked.target or DOORS, asked.seconds, folder):
        rows.append(told)
        line = f"{told.target:24s} {told.executions:10d} {told.processor:8.0f}s"
        print(
            f"{line} {told.read:8d} {told.slowest:7.2f}s  {', '.join(told.finds) or '-'}  ({told.good})",
            flush=True,
        )
    fallen = sum(len(told.finds) for told in rows)
    print(f"{sum(told.executions for told in rows)} executions, {fallen} finds in {folder}")
    if asked.json:
        asked.json.write_text(json.dumps([asdict(told) for told in rows], indent=2))
    return 1 if fallen else 0


if __name__ == "__main__":
    sys.exit(main())
