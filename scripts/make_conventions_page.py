"""Write docs/conventions.md from the docstring of `lift3d.conventions`, which is the conventions page.

    python scripts/make_conventions_page.py

A test fails where the page is older than the docstring.
"""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Final

from lift3d import conventions

PAGE: Final = Path(__file__).resolve().parent.parent / "docs" / "conventions.md"
OPENING: Final = """# Conventions

Units, axes and frames, the same everywhere in lift3d. This page is the docstring of `lift3d.conventions`
(`scripts/make_conventions_page.py` writes it), and each of its lines has a test in
`tests/test_conventions.py`, against numbers from outside the library.
"""
CLOSING: Final = """
## In one program

```python
import torch

from lift3d import Camera
from lift3d.conventions import WORLD_FROM_CAMERA

camera = Camera.default((1080, 1920))  # height, width; 53.1 degrees along the longer side
point = torch.tensor([[0.5, -0.2, 4.0]])  # metres: right of the axis, above it, ahead
pixel = camera.project(point)  # [[1199.5, 443.5]]: x to the right, y down
ray = camera.rays(pixel)  # a unit vector, along (0.5, -0.2, 4)
world = WORLD_FROM_CAMERA.to(point) @ point[0]  # [0.5, 0.2, -4.0]: y up
```

Files have the axes that their formats want: [Formats](formats.md) says which.
"""


def page() -> str:
    """The page as it should be."""
    _, _, body = inspect.cleandoc(conventions.__doc__ or "").partition("\n\n")
    parts = [OPENING]
    for section in body.split("\n\n"):
        title, *lines = section.split("\n")
        parts.append(f"## {title}\n\n" + "\n".join(line.strip() for line in lines) + "\n")
    return "\n".join(parts) + CLOSING


if __name__ == "__main__":
    PAGE.write_text(page())
