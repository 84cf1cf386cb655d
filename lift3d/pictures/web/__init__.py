"""Clips as pages for browsers and notebooks: one HTML text each, drawn with WebGL 2."""

from lift3d.pictures.web.clips import FILE, NOTEBOOK, Limits
from lift3d.pictures.web.inline import inline_html
from lift3d.pictures.web.write import open_html, write_html

__all__ = ["FILE", "NOTEBOOK", "Limits", "inline_html", "open_html", "write_html"]
