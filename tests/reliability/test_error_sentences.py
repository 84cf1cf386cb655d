"""Every error says in one sentence what was expected, what came, and what to do."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from lift3d import errors

ROOT: Final = Path(__file__).parents[2]
PACKAGES: Final = ("lift3d", "body_models", "datasets", "viewer")
NAMES: Final = {n for n, kind in vars(errors).items() if isinstance(kind, type)}
WHOLE: Final = re.compile(r"expected .+\bgot .+: .+", re.DOTALL)

# Honest exceptions: what is said becomes part of another sentence, or was said by somebody else.
PARTS: Final = {
    ("lift3d/io/clips/clip_values.py", "values that do not fit, told by read_clip"),
    ("lift3d/io/clips/clip_npz.py", "the same"),
    ("lift3d/io/keypoints/plain_keypoints.py", "another error's words, with the file"),
    ("lift3d/cli/convert.py", "another error's words, with a hint"),
    ("lift3d/detection/torchvision.py", "the same"),
    ("lift3d/pictures/renderers.py", "why a renderer is not taken"),
}


def literal(node: ast.expr) -> str | None:
    """The text of a message with {} where values stand; None where it is made elsewhere."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(str(p.value) if isinstance(p, ast.Constant) else "{}" for p in parts)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            one, other = literal(left), literal(right)
            return None if one is None or other is None else one + other
        case _:
            return None


def sentences() -> Iterator[tuple[str, int, str | None]]:
    """File, line and message of every error of ours that is made anywhere."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
                    func = node.func
                    name = func.id if isinstance(func, ast.Name) else func.attr
                    if name in NAMES and node.args:
                        where = path.relative_to(ROOT).as_posix()
                        yield where, node.lineno, literal(node.args[0])


def test_the_walk_sees_the_errors() -> None:
    found = list(sentences())
    assert len(found) > 500
    assert sum(text is None for _, _, text in found) < len(found) / 20


def test_sentences_say_what_was_expected_what_came_and_what_to_do() -> None:
    allowed = {file for file, _ in PARTS}
    wrong = [
        f"{file}:{line}: {text}"
        for file, line, text in sentences()
        if text is not None and file not in allowed and not WHOLE.fullmatch(text)
    ]
    assert not wrong, "\n".join(wrong)


def test_sentences_are_one_line_and_end_without_a_stop() -> None:
    for file, line, text in sentences():
        if text is not None:
            assert "\n" not in text, f"{file}:{line}"
            assert not re.search(r"[^.]\.$|[! ]$", text), f"{file}:{line}: {text}"


@pytest.mark.parametrize(
    ("text", "fine"),
    [
        ("expected a file, got a folder: choose another name", True),
        ("expected a file, got a folder", False),
        ("got a folder: choose another name", False),
    ],
)
def test_the_form(text: str, fine: bool) -> None:
    assert bool(WHOLE.fullmatch(text)) == fine
