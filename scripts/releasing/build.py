"""Wheel and sdist, built twice from a clean copy of what is committed: both times the same bytes."""

import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

from releasing.steps import Trouble

__all__ = ["build", "clean_copy", "moment"]

ROOT = Path(__file__).parents[2]


def clean_copy(folder: Path, *, as_is: bool) -> Path:
    """What is committed, in a folder of its own; every file that git does not ignore with `as_is`.

    `Trouble` where files are changed and not committed, since they would be left out. Without git (an
    unpacked sdist) it is the tree itself.
    """
    if not (ROOT / ".git").exists():
        return ROOT
    source = folder / "source"
    if as_is:
        for name in _git("ls-files", "-z", "-co", "--exclude-standard").split("\0"):
            if name and (ROOT / name).is_file():
                (source / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, source / name)
        return source
    if changed := _git("status", "--porcelain"):
        raise Trouble(
            f"expected everything committed, got changes in {len(changed.splitlines())} files: commit "
            "them, or build the tree as it is with --as-is"
        )
    archive = folder / "source.tar"
    archive.write_bytes(subprocess.check_output(["git", "archive", "HEAD"], cwd=ROOT))
    with tarfile.open(archive) as packed:
        packed.extractall(source, filter="data")
    return source


def moment() -> str:
    """Seconds since 1970 of the last commit: what the files in the archives are dated."""
    if (ROOT / ".git").exists():
        return _git("log", "-1", "--format=%ct").strip()
    return "1700000000"


def build(source: Path, folder: Path) -> tuple[Path, Path]:
    """The wheel and the sdist; `Trouble` where two builds differ, or the sdist gives another wheel."""
    when = moment()
    first, again = (list(_built(source, folder / name, when)) for name in ("dist", "again"))
    for one, other in zip(first, again, strict=True):
        _demand_same(one, other, "two builds of the same source")
    wheel, sdist = first
    unpacked = folder / "unpacked"
    with tarfile.open(sdist) as packed:
        packed.extractall(unpacked, filter="data")
    (inside,) = unpacked.iterdir()
    other, _ = _built(inside, folder / "through_sdist", when)
    _demand_same(wheel, other, "a wheel from the source and one from its sdist")
    for name in ("again", "through_sdist", "unpacked"):
        shutil.rmtree(folder / name)
    return wheel, sdist


def _built(source: Path, target: Path, when: str) -> Iterator[Path]:
    for kind, pattern in (("wheel", "*.whl"), ("sdist", "*.tar.gz")):
        done = subprocess.run(
            [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(target.resolve())],
            cwd=source,
            env=os.environ | {"SOURCE_DATE_EPOCH": when},
            check=False,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            told = " ".join((done.stdout + done.stderr).split())[-600:]
            raise Trouble(
                f"expected hatchling to build the {kind}, got exit {done.returncode}: {told}"
            )
        (made,) = target.glob(pattern)
        yield made


def _demand_same(one: Path, other: Path, what: str) -> None:
    if one.name != other.name or one.read_bytes() != other.read_bytes():
        raise Trouble(
            f"expected the same bytes from {what}, got others in {one.name}: find what varies"
        )


def _git(*words: str) -> str:
    return subprocess.check_output(["git", *words], cwd=ROOT, text=True)
