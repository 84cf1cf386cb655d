"""What the documentation's site takes from elsewhere in the repository: a hook of MkDocs.

- Files that pages link to outside `docs` (cards of weights, READMEs of packs, NOTICE) become pages or
  files of the site, and links between them lead there. A link to anything else is a warning, and
  warnings are errors.
- The reference gets a page for each room, whose modules mkdocstrings reads without importing them.
"""

from __future__ import annotations

import ast
import posixpath
import re
from pathlib import Path
from typing import Any, Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT: Final = Path(__file__).resolve().parent.parent
TAKEN: Final = {
    **{
        path: f"project/{Path(path).stem.lower()}.md"
        for path in ("CHANGELOG.md", "CONTRIBUTING.md")
    },
    "NOTICE": "project/NOTICE.txt",
    "LICENSE": "project/LICENSE.txt",
    **{f"{name}/README.md": f"packs/{name}.md" for name in ("body_models", "datasets", "viewer")},
}
"""Files of the repository and where they are in the site, beside all cards of `CARDS`."""
CARDS: Final = ("lift3d/*/weights/*.md", "lift3d/samples/*.md", "datasets/lift3d_datasets/*.md",
                "body_models/lift3d_body_models/assets/*.md")  # fmt: skip
SOURCES: Final = {
    "lift3d": ROOT / "lift3d",
    "lift3d_body_models": ROOT / "body_models" / "lift3d_body_models",
    "lift3d_datasets": ROOT / "datasets" / "lift3d_datasets",
    "lift3d_viewer": ROOT / "viewer" / "lift3d_viewer",
}
VALUES: Final = "values"
"""The page of the modules that lie in lift3d itself."""
WITHOUT: Final = frozenset({"cli", "__main__", "kernels", "assets", "web", "parts"})
_LINK: Final = re.compile(r"(?<!`)(\]\()([^)\s#]+)(#[^)\s]*)?(\))")


def taken() -> dict[str, str]:
    """Files of the repository by their paths, and the pages that they are in the site."""
    cards = [path.relative_to(ROOT) for pattern in CARDS for path in sorted(ROOT.glob(pattern))]
    return {**TAKEN, **{path.as_posix(): f"cards/{path.name}" for path in cards}}


def offered(path: Path) -> frozenset[str]:
    """The names in a module's `__all__`; nothing where it has none."""
    for node in ast.parse(path.read_text()).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(getattr(target, "id", "") == "__all__" for target in targets):
            return frozenset(ast.literal_eval(node.value))  # type: ignore[attr-defined]
    return frozenset()


def rooms() -> dict[str, list[str]]:
    """Pages of the reference, and the modules on each that offer something (`__all__`).

    Modules whose names are all offered by their room itself do not come again.
    """
    found: dict[str, list[str]] = {}
    for package, folder in SOURCES.items():
        for path in sorted(folder.rglob("*.py")):
            parts = path.relative_to(folder).with_suffix("").parts
            if WITHOUT & set(parts) or any(p.startswith("_") and p != "__init__" for p in parts):
                continue
            names, door = offered(path), path.parent / "__init__.py"
            again = (
                path != door and package == "lift3d" and len(parts) > 1 and names <= offered(door)
            )
            if not names or again:
                continue
            inner = [part for part in parts if part != "__init__"]
            packed = package != "lift3d" or path.name == "__init__.py" or len(inner) > 1
            room = (inner[0] if inner else VALUES) if package == "lift3d" and packed else VALUES
            room = room if package == "lift3d" else package
            found.setdefault(room, []).append(".".join([package, *inner]))
    return dict(sorted(found.items(), key=lambda item: (item[0] != VALUES, item[0])))


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Add the reference, the packs, the cards and the project's own pages to the navigation."""
    pages: list[Any] = ["reference/index.md"]
    pages += [{room: f"reference/{room}.md"} for room in rooms()]
    own = taken()
    cards = sorted(uri for uri in own.values() if uri.startswith("cards/"))
    config.nav = [
        *(config.nav or []),
        {"Reference": pages},
        {"Packs": [uri for uri in own.values() if uri.startswith("packs/")]},
        {"Cards": [{Path(uri).stem: uri} for uri in cards]},
        {"Project": [uri for uri in own.values() if uri.startswith("project/") and uri.endswith("md")]},
    ]  # fmt: skip
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Bring in what lies outside `docs`, and the pages of the reference."""
    for origin, uri in taken().items():
        files.append(File.generated(config, uri, abs_src_path=str(ROOT / origin)))
    for room, modules in rooms().items():
        words = "\n".join(f"::: {module}\n" for module in modules)
        content = f"# {room}\n\n{words}"
        files.append(File.generated(config, f"reference/{room}.md", content=content))
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Lead links to where their targets are in the site."""
    uri = page.file.src_uri
    origins = {target: origin for origin, target in taken().items()}
    here = origins.get(uri, f"docs/{uri}")

    def led(match: re.Match[str]) -> str:
        before, target, anchor, after = match.groups()
        if "://" in target or target.startswith("mailto:"):
            return match.group(0)
        place = posixpath.normpath(posixpath.join(posixpath.dirname(here), target))
        wanted = place.removeprefix("docs/") if place.startswith("docs/") else taken().get(place)
        if wanted is None:
            return match.group(0)  # MkDocs warns
        way = posixpath.relpath(wanted, posixpath.dirname(uri) or ".")
        return f"{before}{way}{anchor or ''}{after}"

    return _LINK.sub(led, markdown)
