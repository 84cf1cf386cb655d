"""Builds, checks and tries a release: `scripts/release`. It never uploads.

--output DIR   where wheel, sdist and SHA256SUMS go (default: dist)
--as-is        build the working tree, committed or not
--no-install   stop after the checks of the archives
--full         run the test suite against the installed wheel; what follows goes to pytest
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from releasing.build import build, clean_copy
from releasing.check import check, checksum
from releasing.install import Elsewhere
from releasing.steps import Trouble, step


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/release", description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("dist"))
    parser.add_argument("--as-is", action="store_true")
    parser.add_argument("--no-install", action="store_true")
    parser.add_argument("--full", action="store_true")
    options, more = parser.parse_known_args()
    try:
        with tempfile.TemporaryDirectory(prefix="lift3d-release-") as folder:
            _release(Path(folder), options, more)
    except Trouble as trouble:
        print(f"\nrelease: {trouble}", file=sys.stderr)
        return 1
    return 0


def _release(folder: Path, options: argparse.Namespace, more: list[str]) -> None:
    source = clean_copy(folder, as_is=options.as_is)
    with step("wheel and sdist, each twice, and the wheel through the sdist"):
        wheel, sdist = build(source, folder)
    for line in check(wheel, sdist, source, trial=options.as_is):
        print(f"  {line}")
    if not options.no_install:
        elsewhere = Elsewhere(folder, source)
        with step("the wheel in an environment of its own, with constraints.txt"):
            elsewhere.install(wheel)
        with step("the command line"):
            tried = elsewhere.smoke()
        print(f"  lift3d {', '.join(tried)}")
        if options.full:
            with step("the test suite against the installed wheel"):
                told = elsewhere.tests(more)
            print(f"  {told.strip().splitlines()[-1]}")
    _hand_over(wheel, sdist, options.output)


def _hand_over(wheel: Path, sdist: Path, output: Path) -> None:
    output.mkdir(parents=True, exist_ok=True)
    made = [Path(shutil.copy2(path, output)) for path in (wheel, sdist)]
    sums = "".join(f"{checksum(path)}  {path.name}\n" for path in made)
    (output / "SHA256SUMS").write_text(sums, encoding="ascii")
    print(f"Nothing was uploaded. These would be, from {output}:")
    for path in made:
        print(f"  {path.name}  {path.stat().st_size / 1e6:.1f} MB  sha256 {checksum(path)}")


if __name__ == "__main__":
    sys.exit(main())
