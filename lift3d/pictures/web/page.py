"""One HTML text that shows a stage: everything inside, nothing fetched."""

import base64
import gzip
import hashlib
import html
import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final

from lift3d.pictures.theme import DARK, LIGHT, Theme
from lift3d.pictures.web.packing import packed
from lift3d.pictures.web.stage import Stage

__all__ = [
    "PLAYER",
    "as_json",
    "asset",
    "filled",
    "page_of",
    "script_hash",
    "script_of",
    "variables",
]

PLAYER: Final = ("math", "glb", "tracks", "shaders", "engine", "orbit", "look", "player", "main")
"""The scripts that show people; another one says whom."""


def page_of(stage: Stage) -> str:
    """The page. Its security policy lets it run its own script and reach nothing else."""
    told, track = packed(stage)
    script = script_of((*PLAYER, "start"))
    parts = {
        "policy": "default-src 'none'; style-src 'unsafe-inline'; "
        f"script-src '{script_hash(script)}'",
        "title": html.escape(stage.title),
        "style": variables() + asset("viewer.css"),
        "scene": as_json(told),
        "tracks": _zipped(track),
        "bodies": _zipped(stage.glb),
        "script": script,
    }
    return filled(asset("viewer.html"), parts)


def filled(template: str, parts: Mapping[str, str]) -> str:
    """A template with parts in the places of their @names@."""
    return "".join(parts[piece] if odd else piece for odd, piece in _pieces(template))


def _pieces(template: str) -> list[tuple[bool, str]]:
    """The template cut at its @names@, which are the odd pieces: what is put in is not searched."""
    return [(bool(number % 2), piece) for number, piece in enumerate(template.split("@"))]


@cache
def asset(name: str) -> str:
    """The text of a file that comes with this package."""
    return (files("lift3d.pictures.web") / "assets" / name).read_text("utf-8")


@cache
def script_of(names: tuple[str, ...]) -> str:
    """Several files as one script, which leaves nothing in the page's global names."""
    source = "\n".join(asset(f"{name}.js") for name in names)
    return f'"use strict";\n(() => {{\n{source}}})();\n'


def script_hash(script: str) -> str:
    """By which a security policy allows one script and no other."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"sha256-{digest}"


def variables() -> str:
    """The colours before the script has run, by what the system prefers."""
    dark = f"@media (prefers-color-scheme: dark) {{ :root {{ {_colors(DARK)} }} }}\n"
    return f":root {{ color-scheme: light dark; {_colors(LIGHT)} }}\n{dark}"


def _colors(theme: Theme) -> str:
    names = ("top", "bottom", "text", "faint", "edge")
    values = {name: " ".join(map(str, getattr(theme, name))) for name in names}
    values["mark"] = values["faint"]
    return " ".join(f"--{name}: {value};" for name, value in values.items())


def as_json(told: dict[str, Any]) -> str:
    """JSON that ends no script element, whatever names are in it."""
    text = json.dumps(told, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _zipped(data: bytes) -> str:
    # Without the time of day: the same clip gives the same page.
    return base64.b64encode(gzip.compress(data, 6, mtime=0)).decode() if data else ""
