"""One HTML text that shows a stage: everything inside, nothing fetched."""

import base64
import gzip
import hashlib
import html
import json
from functools import cache
from importlib.resources import files
from typing import Any, Final

from lift3d.pictures.theme import DARK, LIGHT, Theme
from lift3d.pictures.web.packing import packed
from lift3d.pictures.web.stage import Stage

__all__ = ["page_of"]

_SCRIPTS: Final = ("math", "glb", "tracks", "shaders", "engine", "orbit", "look", "player", "main")


def page_of(stage: Stage) -> str:
    """The page. Its security policy lets it run its own script and reach nothing else."""
    told, track = packed(stage)
    script = _script()
    parts = {
        "policy": _policy(script),
        "title": html.escape(stage.title),
        "style": _variables() + _asset("viewer.css"),
        "scene": _as_json(told),
        "tracks": _zipped(track),
        "bodies": _zipped(stage.glb),
        "script": script,
    }
    return "".join(parts[piece] if odd else piece for odd, piece in _pieces(_asset("viewer.html")))


def _pieces(template: str) -> list[tuple[bool, str]]:
    """The template cut at its @names@, which are the odd pieces: what is put in is not searched."""
    return [(bool(number % 2), piece) for number, piece in enumerate(template.split("@"))]


@cache
def _asset(name: str) -> str:
    return (files("lift3d.pictures.web") / "assets" / name).read_text("utf-8")


@cache
def _script() -> str:
    source = "\n".join(_asset(f"{name}.js") for name in _SCRIPTS)
    return f'"use strict";\n(() => {{\n{source}}})();\n'


def _policy(script: str) -> str:
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"


def _variables() -> str:
    """The colours before the script has run, by what the system prefers."""
    dark = f"@media (prefers-color-scheme: dark) {{ :root {{ {_colors(DARK)} }} }}\n"
    return f":root {{ color-scheme: light dark; {_colors(LIGHT)} }}\n{dark}"


def _colors(theme: Theme) -> str:
    names = ("top", "bottom", "text", "faint", "edge")
    values = {name: " ".join(map(str, getattr(theme, name))) for name in names}
    values["mark"] = values["faint"]
    return " ".join(f"--{name}: {value};" for name, value in values.items())


def _as_json(told: dict[str, Any]) -> str:
    """JSON that ends no script element, whatever names are in it."""
    text = json.dumps(told, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _zipped(data: bytes) -> str:
    # Without the time of day: the same clip gives the same page.
    return base64.b64encode(gzip.compress(data, 6, mtime=0)).decode() if data else ""
