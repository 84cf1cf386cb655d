"""Reading Markdown: links, anchors, and blocks of code."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCE = re.compile(r"^( *)(```+) *(\w*)[^\n]*\n(.*?)^\1\2 *$", re.MULTILINE | re.DOTALL)


def pages(root: Path) -> list[Path]:
    """The README and everything in docs."""
    return [root / "README.md", *sorted((root / "docs").rglob("*.md"))]


def prose(text: str) -> str:
    """The page without code."""
    return re.sub(r"`[^`\n]*`", "", FENCE.sub("", text))


def anchors(text: str) -> set[str]:
    """Anchors of headings as MkDocs and GitHub make them (they agree on what we write)."""
    found: set[str] = set()
    for line in FENCE.sub("", text).splitlines():
        if re.match(r"#+ ", line):
            words = re.sub(r"[^\w\s-]", "", line.lstrip("# ").replace("`", "").lower())
            found.add(re.sub(r"[\s]+", "-", words.strip()))
    return found


def blocks(text: str, language: str) -> list[str]:
    """Blocks of code in a language, without the indentation of the list that they stand in."""
    return [
        re.sub(rf"^{found[1]}", "", found[4], flags=re.MULTILINE)
        for found in FENCE.finditer(text)
        if found[3] == language
    ]


def commands(text: str) -> Iterator[list[str]]:
    """The words after `lift3d` of every such line in blocks without a language, or of a shell.

    Lines that show a form (`[OUT ...]`) are none; what a shell would put in is a word of 32 letters.
    """
    for language in ("", "sh", "bash", "console"):
        for block in blocks(text, language):
            joined = block.replace("\\\n", " ")
            for line in joined.splitlines():
                if re.match(r"(lift3d|python -m lift3d) ", line.strip()) and "...]" not in line:
                    words = shlex.split(line, comments=True)
                    words = ["x" * 32 if word.startswith("$(") else word for word in words]
                    yield words[words.index("lift3d") + 1 :]
