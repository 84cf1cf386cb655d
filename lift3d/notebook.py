"""How values show themselves in notebooks, without knowing who draws them.

Values lie below all that draws. They ask whoever is registered in the entry-point group
`lift3d.displays` under the name `html`: a function from a value to HTML. lift3d's own is one of them.
"""

import html
from importlib.metadata import entry_points
from typing import Any

from lift3d.errors import Lift3dError

__all__ = ["html_of"]


def html_of(value: object) -> str | None:
    """The value as HTML; None where nobody is there to draw it, so that its text is shown.

    What cannot be shown comes as a sentence that says why.
    """
    for entry in entry_points(group="lift3d.displays", name="html"):
        draw: Any = entry.load()
        try:
            return str(draw(value))
        except Lift3dError as error:
            return f"<p>{html.escape(str(error))}</p>"
    return None
