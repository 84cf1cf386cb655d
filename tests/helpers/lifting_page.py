"""The page that lifts, written for tests, and where ONNX Runtime Web may lie."""

import os
from pathlib import Path

import pytest

from lift3d.cli.page import write_page

ROOT = Path(__file__).parents[2]
WASM = "ort-wasm-simd-threaded.wasm"
SCRIPT = "ort.wasm.bundle.min.mjs"


def runtime_folder() -> Path:
    """The npm package onnxruntime-web, as LIFT3D_ONNXRUNTIME_WEB names it or from node_modules."""
    named = os.environ.get("LIFT3D_ONNXRUNTIME_WEB", "")
    places = [Path(named)] if named else []
    places += [folder / "node_modules" / "onnxruntime-web" for folder in (ROOT, *ROOT.parents)]
    for place in places:
        if (place / "dist" / WASM).is_file():
            return place
    pytest.skip(
        "ONNX Runtime Web is absent: npm install onnxruntime-web, and set LIFT3D_ONNXRUNTIME_WEB to "
        "its folder"
    )


def written_page(folder: Path, runtime: Path) -> Path:
    """The folder of a page."""
    pytest.importorskip("onnx", reason="ONNX is absent: pip install 'lift3d[onnx]'")
    write_page(folder / "page", runtime=runtime, weights=None)
    return folder / "page"


def made_up_runtime(folder: Path, version: str = '{"version": "9.8.7"}') -> Path:
    """Files with the names of the runtime's, and nothing of it."""
    dist = folder / "node_modules" / "onnxruntime-web" / "dist"
    dist.mkdir(parents=True)
    (dist / SCRIPT).write_bytes(b"export const env = {};")
    (dist / WASM).write_bytes(b"\0asm")
    (dist.parent / "package.json").write_text(version)
    return folder
