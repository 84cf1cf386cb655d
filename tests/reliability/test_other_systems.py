"""What goes wrong on Windows and macOS, tried here: encodings, names, new processes."""

import ast
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path, PureWindowsPath

import pytest

from tests.helpers.journey_files import short_sample

ROOT = Path(__file__).parents[2]
SPAWN = """
import multiprocessing, sys
from pathlib import Path
def count(path):
    from lift3d import lift
    from lift3d.pipeline import LiftOptions
    return len(lift(path, options=LiftOptions(lifter="universal", body_model="")))
if __name__ == "__main__":
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        print(pool.apply(count, (sys.argv[1],)))
"""


VERB = "import sys; from lift3d.cli import main; sys.exit(main(sys.argv[1:]))"


def sources() -> Iterator[tuple[Path, ast.Module]]:
    for folder in ("lift3d", "body_models", "datasets", "viewer"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path, ast.parse(path.read_text(encoding="utf-8"))


def calls(tree: ast.Module) -> Iterator[tuple[ast.Call, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute):
                yield node, node.func.attr
            elif isinstance(node.func, ast.Name):
                yield node, node.func.id


def mode_of(call: ast.Call, name: str) -> str:
    """The mode of an open, as far as it is written down: text where nothing is said."""
    position = 1 if isinstance(call.func, ast.Name) else 0
    given = [k.value for k in call.keywords if k.arg == "mode"] or call.args[position:][:1]
    if name != "open" or not given:
        return "r"
    return str(given[0].value) if isinstance(given[0], ast.Constant) else "b"


def test_text_is_read_and_written_in_a_named_encoding() -> None:
    """Windows would take that of the country: names with accents come back as others."""
    nameless: list[str] = []
    for path, tree in sources():
        for call, name in calls(tree):
            if name not in ("open", "read_text", "write_text") or "b" in mode_of(call, name):
                continue
            if name == "open" and _is_another_open(call):
                continue
            if name == "write_text" and isinstance(call.func, ast.Name):
                continue  # letters of a picture
            named = any(k.arg == "encoding" for k in call.keywords)
            named |= name == "read_text" and bool(call.args)
            if not named:
                nameless.append(f"{path.relative_to(ROOT)}:{call.lineno}")
    assert not nameless, "\n".join(nameless)


def _is_another_open(call: ast.Call) -> bool:
    """`os.open` and what opens archives take no encoding."""
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    return isinstance(owner, ast.Name) and owner.id in ("os", "archive", "webbrowser", "Stage")


def test_no_symbolic_links_and_no_posix_only_modules_at_import() -> None:
    for path, tree in sources():
        for _, name in calls(tree):
            assert name not in ("symlink_to", "symlink", "mkfifo"), path
        for node in tree.body:
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            assert not {"fcntl", "resource", "pwd", "grp", "termios"} & set(names), path


def test_names_of_files_in_the_code_are_fit_for_windows() -> None:
    names = [
        p.relative_to(ROOT) for p in (ROOT / "lift3d").rglob("*") if "__pycache__" not in p.parts
    ]
    for name in names:
        assert not set(str(name)) & set('<>:"|?*'), name
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # from 3.13 on, for Windows alone
            assert not PureWindowsPath(name.name).is_reserved(), name
    assert len({str(name).lower() for name in names}) == len(names)


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_the_command_line_in_a_terminal_that_knows_few_letters(
    encoding: str, tmp_path: Path
) -> None:
    source = short_sample(tmp_path, 3)
    named = source.rename(tmp_path / "gehen_\u00fc_\u6b69.json")
    done = subprocess.run(
        [sys.executable, "-c", VERB, "lift", str(named), "-o", "a\u6b69.npz", "--body-model", ""],
        cwd=tmp_path,
        env=os.environ
        | {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0", "LC_ALL": "C", "COLUMNS": "100"}
        | {"PYTHONCOERCECLOCALE": "0"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len([path for path in tmp_path.iterdir() if path.suffix == ".npz"]) == 1


def test_a_backslash_in_a_name_is_a_letter_here_and_no_folder_there(tmp_path: Path) -> None:
    from lift3d.io.files.atomic import atomic_path

    target = tmp_path / "C:\\people\\walk.npz"
    with atomic_path(target) as partial:
        partial.write_bytes(b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["C:\\people\\walk.npz"]


def test_processes_that_start_from_nothing(tmp_path: Path) -> None:
    """Windows and macOS spawn: nothing may hang on what the parent had set up."""
    program = tmp_path / "program.py"
    program.write_text(SPAWN, encoding="utf-8")
    source = short_sample(tmp_path, 4)
    done = subprocess.run(
        [sys.executable, str(program), str(source)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout.strip() == "4", done.stderr
