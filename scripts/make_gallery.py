"""Run the numbered examples and write docs/gallery.md from their docstrings and pictures.

    python scripts/make_gallery.py            # all of them, pictures and page
    python scripts/make_gallery.py --page     # the page alone, of the pictures that are there

Each example runs in an empty folder and leaves a picture of its own name there. Look at each of them.
"""

from __future__ import annotations

import argparse
import ast
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import cv2

ROOT: Final = Path(__file__).resolve().parent.parent
PAGE: Final = ROOT / "docs" / "gallery.md"
PICTURES: Final = ROOT / "docs" / "images" / "gallery"
OPENING: Final = """# Gallery

Small programs in `examples/`, each less than 40 lines, that run as they are:
`python examples/00_first_lift.py`. What they write goes into the current folder.
`scripts/make_gallery.py` made this page; the tests run every program.

Three notebooks go through the same in more words, and are run by the tests too: `quick_start`,
`train_small` and `cameras_and_uncertainty` in `examples/notebooks`.
"""


def examples() -> list[Path]:
    """The numbered programs, in order."""
    return sorted((ROOT / "examples").glob("[0-9][0-9]_*.py"))


def page() -> str:
    """The page as it should be."""
    parts = [OPENING]
    for path in examples():
        source = path.read_text()
        title, _, words = (ast.get_docstring(ast.parse(source)) or path.stem).partition("\n\n")
        code = source.split('"""', 2)[2].strip()
        picture = f"![{title}](images/gallery/{path.stem}.png)"
        parts.append(
            f"## {title}\n\n{words}\n\n{picture}\n\n`examples/{path.name}`\n\n```python\n{code}\n```\n"
        )
    return "\n".join(parts)


def draw(example: Path) -> None:
    """Run an example and keep its picture."""
    with TemporaryDirectory() as folder:
        subprocess.run([sys.executable, str(example)], cwd=folder, check=True)
        picture = cv2.imread(str(Path(folder) / f"{example.stem}.png"))
        if picture is None:
            raise SystemExit(f"{example.name} left no picture {example.stem}.png")
        PICTURES.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(
            str(PICTURES / f"{example.stem}.png"), picture, [cv2.IMWRITE_PNG_COMPRESSION, 9]
        )


def main() -> None:
    """Pictures, then the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--page", action="store_true")
    parser.add_argument("names", nargs="*", help="beginnings of names; all without")
    asked = parser.parse_args()
    for example in () if asked.page else examples():
        if not asked.names or example.name.startswith(tuple(asked.names)):
            draw(example)
            print(example.stem)
    PAGE.write_text(page())


if __name__ == "__main__":
    main()
