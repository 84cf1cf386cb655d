"""The wheel in an environment that knows nothing of the source tree."""

import os
import subprocess
import sys
from pathlib import Path

from releasing.check import PACKAGES
from releasing.steps import Trouble

__all__ = ["Elsewhere"]

BESIDE = ("tests", "scripts", "docs", "examples", "pyproject.toml", "constraints.txt", "README.md",
          "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "NOTICE", "hubconf.py",
          "mkdocs.yml")  # fmt: skip
"""What tests look at, beside the packages."""
PACKS = {
    "lift3d_body_models": "body_models",
    "lift3d_datasets": "datasets",
    "lift3d_viewer": "viewer",
}
SMOKE = (
    ("--help",),
    ("list",),
    ("licences",),
    ("doctor",),
    ("cite",),
    ("demo", "-o", "out"),
    ("convert", "out/balancing.npz", "out/balancing.bvh"),
    ("eval", "--dataset", "synthetic", "--lifter", "matching", "--help"),
)


class Elsewhere:
    """A virtual environment of its own, and a folder to work in that is no part of the source tree."""

    def __init__(self, folder: Path, source: Path) -> None:
        self._venv, self._work, self._source = folder / "venv", folder / "work", source
        self._work.mkdir()
        subprocess.run([sys.executable, "-m", "venv", str(self._venv)], check=True)

    def install(self, wheel: Path) -> None:
        """The wheel with what it needs, in the versions of constraints.txt."""
        self._pip("install", "-q", "-c", str(self._source / "constraints.txt"), str(wheel))
        self._pip("check")

    def smoke(self) -> list[str]:
        """Verbs of the command line that must work on a fresh machine."""
        where = self._run(["python", "-c", "import lift3d; print(lift3d.__file__)"])
        if not where.startswith(str(self._venv)):
            raise Trouble(f"expected lift3d of the wheel, got {where.strip()}: unset PYTHONPATH")
        for words in SMOKE:
            self._run(["lift3d", *words])
        return [" ".join(words) for words in SMOKE]

    def tests(self, arguments: list[str]) -> str:
        """The test suite against the installed packages, from a folder that holds nothing else of them.

        Where tests look for a package's files there are links to the installed ones.
        """
        group = f"{self._source / 'pyproject.toml'}:dev"
        self._pip("install", "-q", "--upgrade", "pip>=25.1")
        self._pip("install", "-q", "-c", str(self._source / "constraints.txt"), "--group", group)
        site = Path(self._run(["python", "-c", "import lift3d; print(lift3d.__file__)"])).parents[1]
        for name in BESIDE:
            (self._work / name).symlink_to(self._source / name)
        for package in PACKAGES:
            folder = self._work / PACKS.get(package, "")
            folder.mkdir(exist_ok=True)
            (folder / package).symlink_to(site / package)
            if package in PACKS:
                (folder / "README.md").symlink_to(self._source / PACKS[package] / "README.md")
        return self._run(["python", "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments])

    def _pip(self, *words: str) -> None:
        self._run(["python", "-m", "pip", *words])

    def _run(self, words: list[str]) -> str:
        env = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
        program = self._venv / "bin" / words[0]
        done = subprocess.run(
            [str(program), *words[1:]],
            cwd=self._work,
            env=env | {"OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            tail = "\n".join((done.stdout + done.stderr).splitlines()[-15:])
            raise Trouble(
                f"expected '{' '.join(words)}' to work, got exit {done.returncode}: {tail}"
            )
        return done.stdout
