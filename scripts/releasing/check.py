"""What must be true of a wheel and an sdist before anybody gets them."""

import hashlib
import re
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from email.parser import Parser
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from lift3d.cli.licences import CHECKSUMS, SHIPPED
from releasing.steps import Trouble

__all__ = ["check", "checksum"]

PACKAGES = ("lift3d", "lift3d_body_models", "lift3d_datasets", "lift3d_viewer")
OWN = (".py", ".md", ".typed")
STRAY = (
    "*.pyc",
    "*/__pycache__/*",
    "*~",
    "*.orig",
    "*.rej",
    "*.log",
    "*/.DS_Store",
    "*.egg-info/*",
)
CHECKED = (".json", ".safetensors")
WHEEL_MB, FILE_MB, SDIST_MB = 60, 20, 60
"""Megabytes that an archive, and a file in the wheel, may have; PyPI takes 100 for an archive."""


def check(wheel: Path, sdist: Path, source: Path, *, trial: bool = False) -> list[str]:
    """What was found good, a line for each check; `Trouble` names the first that is not.

    In a trial the changelog need not name the version yet.
    """
    project: dict[str, Any] = tomllib.loads((source / "pyproject.toml").read_text())["project"]
    with zipfile.ZipFile(wheel) as archive:
        files = {info.filename: archive.read(info) for info in archive.infolist()}
    with tarfile.open(sdist) as packed:
        names = [member.name for member in packed.getmembers() if member.isfile()]
    return [
        _metadata(files, project, source),
        _tree(files),
        _licences(files),
        _sums(files),
        _sizes(wheel, sdist, files),
        _source(names, sdist),
        _changelog(source, project["version"], trial=trial),
    ]


def checksum(path: Path) -> str:
    """SHA-256, as `sha256sum` writes it."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _demand(holds: object, expected: str, got: object) -> None:
    if not holds:
        raise Trouble(f"expected {expected}, got {got}: mend it and start again")


def _metadata(files: dict[str, bytes], project: dict[str, Any], source: Path) -> str:
    (name,) = [name for name in files if name.endswith(".dist-info/METADATA")]
    told = Parser().parsestr(files[name].decode())
    for field, wanted in (
        ("Name", project["name"]),
        ("Version", project["version"]),
        ("Summary", project["description"]),
        ("Requires-Python", project["requires-python"]),
        ("License-Expression", project["license"]),
    ):
        _demand(told[field] == wanted, f"{field} '{wanted}' in the metadata", told[field])
    licences = told.get_all("License-File") or []
    _demand({"LICENSE", "NOTICE"} <= set(licences), "LICENSE and NOTICE in the wheel", licences)
    needed = {line for line in told.get_all("Requires-Dist") or [] if "extra ==" not in line}
    _demand(len(needed) == len(project["dependencies"]), "all dependencies", sorted(needed))
    _demand(str(told.get_payload()).strip(), "the README as the long description", "none")
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", str(told.get_payload()))
    broken = [link for link in links if not (source / link).exists()]
    _demand(not broken, "links of the README that lead somewhere", broken)
    (entries,) = [text for name, text in files.items() if name.endswith("/entry_points.txt")]
    _demand(
        b"[lift3d.lifters]" in entries and b"lift3d = " in entries, "entry points", entries[:80]
    )
    return f"metadata: {told['Name']} {told['Version']}, {told['License-Expression']}"


def _changelog(source: Path, version: str, *, trial: bool) -> str:
    said = version in (source / "CHANGELOG.md").read_text(encoding="utf-8")
    _demand(said or trial, f"{version} in CHANGELOG.md", "none")
    return f"changelog: {version} is {'there' if said else 'NOT there yet'}"


def _tree(files: dict[str, bytes]) -> str:
    tops = {name.split("/")[0] for name in files}
    extra = {top for top in tops if top not in PACKAGES and not top.endswith(".dist-info")}
    _demand(not extra, "nothing but the four packages in the wheel", sorted(extra))
    stray = [n for n in files if any(fnmatchcase(n, pattern) for pattern in STRAY)]
    _demand(not stray, "no stray files", stray[:5])
    for package in PACKAGES:
        _demand(f"{package}/py.typed" in files, f"{package}/py.typed", "none")
    return f"tree: {len(files)} files, nothing stray"


def _data(files: dict[str, bytes]) -> Iterator[str]:
    yield from (n for n in files if not n.endswith(OWN) and ".dist-info/" not in n)


def _licences(files: dict[str, bytes]) -> str:
    lines: dict[str, int] = {}
    for name in _data(files):
        rows = [row for row in SHIPPED if fnmatchcase(name, row.pattern)]
        _demand(rows, f"a line in `lift3d licences` for {name}", "none")
        _demand(rows[0].licence and rows[0].source, f"licence and source of {name}", "none")
        lines[rows[0].licence] = lines.get(rows[0].licence, 0) + 1
    return "licences: " + ", ".join(
        f"{count} files {name}" for name, count in sorted(lines.items())
    )


def _sums(files: dict[str, bytes]) -> str:
    lines = files[f"lift3d/{CHECKSUMS}"].decode().splitlines()
    known = {name: digest for digest, name in (line.split("  ", 1) for line in lines)}
    checked = {name for name in _data(files) if name.endswith(CHECKED)}
    _demand(set(known) == checked, f"a line in {CHECKSUMS} for each asset", set(known) ^ checked)
    wrong = [n for n, digest in known.items() if hashlib.sha256(files[n]).hexdigest() != digest]
    _demand(not wrong, f"assets as {CHECKSUMS} says", wrong)
    return f"checksums: {len(known)} assets are what {CHECKSUMS} says"


def _sizes(wheel: Path, sdist: Path, files: dict[str, bytes]) -> str:
    sizes = {
        wheel.name: (wheel.stat().st_size, WHEEL_MB),
        sdist.name: (sdist.stat().st_size, SDIST_MB),
    }
    sizes |= {name: (len(content), FILE_MB) for name, content in files.items()}
    for name, (size, most) in sizes.items():
        _demand(size < most * 1e6, f"{name} below {most} MB", f"{size / 1e6:.1f}")
    largest = max(files, key=lambda name: len(files[name]))
    return (
        f"sizes: wheel {wheel.stat().st_size / 1e6:.1f} MB, sdist {sdist.stat().st_size / 1e6:.1f} MB, "
        f"largest file {largest} {len(files[largest]) / 1e6:.1f} MB"
    )


def _source(names: list[str], sdist: Path) -> str:
    inside = {name.split("/", 1)[1] for name in names}
    stray = [n for n in inside if any(fnmatchcase(f"/{n}", pattern) for pattern in STRAY)]
    _demand(not stray, "no stray files in the sdist", stray[:5])
    for wanted in (
        "pyproject.toml",
        "README.md",
        "LICENSE",
        "NOTICE",
        "CHANGELOG.md",
        "constraints.txt",
    ):
        _demand(wanted in inside, f"{wanted} in {sdist.name}", "none")
    for folder in ("tests/", "scripts/", "docs/"):
        _demand(any(n.startswith(folder) for n in inside), f"{folder} in {sdist.name}", "none")
    return f"sdist: {len(inside)} files"
