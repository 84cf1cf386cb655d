"""What the verb `page` does: a folder with a page that lifts keypoint files in a browser.

ONNX Runtime Web runs the network there. It is not part of lift3d and never downloaded by it: whoever
writes a page has it from npm, and the page carries a copy.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from lift3d.cli.console import console
from lift3d.errors import InputError
from lift3d.io.files.atomic_folder import atomic_folder
from lift3d.lifting.onnx_export import onnx_bytes
from lift3d.lifting.universal import UniversalLifter
from lift3d.lifting.vocabulary import HIPS, VOCABULARY
from lift3d.pictures.web.lifting_page import LiftingFacts, lifting_page, pack

__all__ = ["write_page"]

_SCRIPT: Final = "ort.wasm.bundle.min.mjs"
_WASM: Final = "ort-wasm-simd-threaded.wasm"
_PACKAGE: Final = "onnxruntime-web"
_MOST: Final = 100_000_000
"""Bytes of a file of the runtime: the largest of them has 28 million."""

_LICENCE: Final = """\
runtime.js and wasm.js in this folder carry ONNX Runtime Web {version}, unchanged but for packing
(gzip, base64).

{text}"""
_MIT: Final = """\
MIT License

Copyright (c) Microsoft Corporation

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and \
associated documentation files (the "Software"), to deal in the Software without restriction, \
including without limitation the rights to use, copy, modify, merge, publish, distribute, sublicense, \
and/or sell copies of the Software, and to permit persons to whom the Software is furnished to do so, \
subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial \
portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT \
LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN \
NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, \
WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE \
SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""


def write_page(folder: Path, *, runtime: Path | None, weights: Path | None) -> None:
    """Write the page and what it needs into a new folder.

    `runtime` is where the npm package onnxruntime-web lies (the package or its `dist`); without it
    node_modules is looked for here and above. `weights` are those of a universal lifter; without them
    those in the package. Raises `InputError` without the runtime, `MissingDependencyError` without
    the package onnx, `FileFormatError` for other weights, `OutputError` where nothing can be written.
    """
    dist = _dist(runtime)
    lifter = UniversalLifter(weights)
    options = lifter.options
    facts = LiftingFacts(
        VOCABULARY.joints, lifter.skeleton, HIPS, options.min_confidence, options.min_keypoints
    )
    packs = {
        "runtime": _content(dist / _SCRIPT),
        "wasm": _content(dist / _WASM),
        "universal": onnx_bytes(lifter.network, flip=options.flip),
    }
    version = _version(dist)
    with atomic_folder(folder) as partial:
        (partial / "index.html").write_text(lifting_page(facts), encoding="utf-8", newline="\n")
        for name, data in packs.items():
            (partial / f"{name}.js").write_text(pack(name, data), encoding="utf-8", newline="\n")
        about = _LICENCE.format(version=version, text=_MIT)
        (partial / "ONNXRUNTIME-LICENSE.txt").write_text(about, encoding="utf-8", newline="\n")
    console.print(
        f"open {folder / 'index.html'} (with ONNX Runtime Web {version}) and drop keypoint files on it",
        highlight=False,
    )


def _dist(given: Path | None) -> Path:
    """The folder with the runtime's files."""
    asked = [given] if given is not None else list(_installed(Path.cwd()))
    for place in asked:
        for folder in (place, place / "dist", place / "node_modules" / _PACKAGE / "dist"):
            if (folder / _SCRIPT).is_file() and (folder / _WASM).is_file():
                return folder
    where = f"in '{given}'" if given is not None else "in a folder node_modules here or above"
    raise InputError(
        f"expected ONNX Runtime Web ({_SCRIPT} and {_WASM}) {where}, got no such "
        f"files: run 'npm install {_PACKAGE}' and name its folder with --runtime"
    )


def _installed(start: Path) -> Iterator[Path]:
    for folder in (start, *start.parents):
        yield folder / "node_modules" / _PACKAGE


def _content(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > _MOST:
            raise InputError(
                f"expected a file of ONNX Runtime Web at '{path}', got {size} bytes: install it again"
            )
        return path.read_bytes()
    except OSError as error:
        raise InputError(
            f"expected a readable file at '{path}', got {error.strerror}: check its permissions"
        ) from error


def _version(dist: Path) -> str:
    """As the package says it, for people; "of unknown version" without its package.json."""
    try:
        told = json.loads((dist.parent / "package.json").read_bytes())
    except (OSError, ValueError):
        told = None
    version = told.get("version") if isinstance(told, dict) else None
    return version[:40] if isinstance(version, str) else "of unknown version"
