"""No line of the four packages can run what is in a file: their code is walked, call by call."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = (
    ROOT / "lift3d",
    ROOT / "body_models" / "lift3d_body_models",
    ROOT / "datasets" / "lift3d_datasets",
    ROOT / "viewer" / "lift3d_viewer",
)
MODULES = {
    *("pickle", "_pickle", "cPickle", "pickletools", "dill", "cloudpickle", "joblib", "shelve"),
    *("marshal", "yaml", "ruamel", "runpy", "code", "codeop", "imp", "pty", "antigravity"),
    *("tarfile", "shutil.unpack_archive", "xmlrpc", "dbm", "copyreg", "torch.package", "torch.hub"),
}
"""Nothing of these is imported anywhere; `tarfile` since it writes where an archive says."""
CALLS = {"eval", "exec", "compile", "__import__", "breakpoint", "execfile"}
METHODS = {
    *("os.system", "os.popen", "os.startfile", "os.execv", "os.execve", "os.posix_spawn"),
    *("subprocess.getoutput", "subprocess.getstatusoutput", "subprocess.call"),
    *("pandas.read_pickle", "pandas.read_hdf", "pandas.eval", "numpy.fromregex"),
    *("torch.load", "torch.jit.load", "torch.export.load", "torch.ops.load_library"),
    *("sys.setrecursionlimit", "extract", "extractall", "unpack_archive", "find_class"),
}
ALLOWED = {
    ("lift3d/__init__.py", "import_module"): "its own modules, when they are first asked for",
    ("lift3d_viewer/egl.py", "subprocess.run"): "tries the graphics driver: our own script",
    ("lift3d_viewer/gl.py", "subprocess.run"): "the same",
    ("lift3d_viewer/screen.py", "subprocess.run"): "tries a window: our own script",
    ("lift3d_viewer/egl.py", "ctypes.CDLL"): "libEGL",
    ("lift3d/pictures/encoder.py", "subprocess.run"): "ffmpeg, told by a list of words",
    ("lift3d/pictures/encoder.py", "subprocess.Popen"): "the same, while frames come",
    ("lift3d/io/files/hdf5_probe.py", "subprocess.Popen"): "opens HDF5 first: our own script",
    ("lift3d/lifting/onnx_export.py", "import_module"): "onnx, onnxruntime",
    ("lift3d/detection/mediapipe.py", "import_module"): "mediapipe",
    ("lift3d/detection/onnx_model.py", "import_module"): "onnxruntime",
    ("lift3d/detection/rtmlib.py", "import_module"): "rtmlib",
    ("lift3d/detection/torchvision.py", "import_module"): "torchvision.models.detection",
    ("lift3d/pictures/video_av.py", "import_module"): "av",
    ("lift3d/io/clips/table_write.py", "import_module"): "pyarrow",
    ("lift3d/io/clips/clip_rows.py", "import_module"): "pyarrow",
    ("lift3d/scaling/ray_engine.py", "import_module"): "ray and its parts",
    ("lift3d/io/scenes/usd_write.py", "import_module"): "pxr",
    ("lift3d_body_models/anny.py", "import_module"): "anny",
}
"""Where a program is started, or a module imported by a name that is no constant, and which."""
NAMED = {
    *("subprocess.run", "subprocess.Popen", "import_module", "importlib.import_module"),
    *("ctypes.CDLL", "ctypes.cdll.LoadLibrary", "ctypes.PyDLL"),
}


def sources() -> Iterator[tuple[str, ast.Module]]:
    for package in PACKAGES:
        for path in sorted(package.rglob("*.py")):
            yield f"{package.name}/{path.relative_to(package)}", ast.parse(path.read_text())


SOURCES = dict(sources())


def dotted(node: ast.expr) -> str:
    """`np.lib.format.open_memmap` as it is written; calls and places in between are left out."""
    match node:
        case ast.Name(name):
            return name
        case ast.Attribute(value, name):
            return f"{dotted(value)}.{name}"
        case _:
            return ""


def calls(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    aliases = dict(imported(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            first, point, rest = dotted(node.func).partition(".")
            yield aliases.get(first, first) + point + rest, node


def imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """What a module calls things, and what they are."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names):
                for name in names:
                    yield name.asname or name.name.partition(".")[0], name.name
            case ast.ImportFrom(module, names):
                for name in names:
                    yield name.asname or name.name, f"{module}.{name.name}"
            case _:
                pass


def keyword(node: ast.Call, name: str) -> object:
    """The constant that a keyword is given; "?" for anything else than a constant."""
    found = [word.value for word in node.keywords if word.arg == name]
    if not found:
        return None
    return found[0].value if isinstance(found[0], ast.Constant) else "?"


def faults(where: str, tree: ast.Module) -> Iterator[str]:
    for _, what in imported(tree):
        parts = {what, what.partition(".")[0], what.rpartition(".")[0]}
        if parts & MODULES or what in METHODS:
            yield f"imports {what}"
    for name, node in calls(tree):
        for fault in (*_by_name(name), *_by_arguments(name, node), *_not_listed(where, name, node)):
            yield f"line {node.lineno}: {name}{fault}"


def _by_name(name: str) -> Iterator[str]:
    last = name.rpartition(".")[2]
    if name.removeprefix("builtins.") in CALLS or name in METHODS or last in METHODS:
        yield ""
    if last in {"load", "loads"} and "." in name and name not in LOADERS:
        yield ", which is not known to be harmless"
    if name.startswith("numpy.lib.format.read_array") and not name.endswith(HEADERS):
        yield ", which unpickles arrays of objects"


def _by_arguments(name: str, node: ast.Call) -> Iterator[str]:
    if name == "numpy.load" and keyword(node, "allow_pickle") is not False:
        yield " without allow_pickle=False"
    if keyword(node, "shell") not in (None, False) or keyword(node, "allow_pickle"):
        yield " with a shell or pickles"


def _not_listed(where: str, name: str, node: ast.Call) -> Iterator[str]:
    short = name.removeprefix("importlib.")
    constant = bool(node.args) and isinstance(node.args[0], ast.Constant)
    if name in NAMED and (where, short) not in ALLOWED and not (short != name and constant):
        yield ", which is not on the list"


LOADERS = {
    *("json.loads", "orjson.loads", "numpy.load", "safetensors.torch.load", "entry.load"),
}
"""Functions called load or loads that read plain data, and plug-ins' entry points."""
HEADERS = ("header_1_0", "header_2_0")


@pytest.mark.parametrize("package", [package.name for package in PACKAGES])
def test_nothing_runs_what_is_in_a_file(package: str) -> None:
    inside = {where: tree for where, tree in SOURCES.items() if where.startswith(f"{package}/")}
    assert [
        f"{where}, {fault}" for where, tree in inside.items() for fault in faults(where, tree)
    ] == []


def test_all_four_packages_are_walked() -> None:
    assert {where.partition("/")[0] for where in SOURCES} == {package.name for package in PACKAGES}
    assert len(SOURCES) > 250


@pytest.mark.parametrize(
    "code",
    [
        "import pickle", "from pickle import loads", "import yaml", "import joblib", "import marshal",
        "import torch\ntorch.load('x')", "from torch import load as get\nget('x')",
        "import torch\ntorch.load('x', weights_only=True)",
        "import numpy as np\nnp.load('x')", "import numpy as np\nnp.load('x', allow_pickle=True)",
        "import numpy as np\nnp.load('x', allow_pickle=want)",
        "import numpy as np\nnp.lib.format.read_array(f)", "eval('1')", "exec(text)",
        "import builtins\nbuiltins.eval('1')", "compile(text, 'x', 'exec')", "__import__(name)",
        "import os\nos.system('ls')", "from os import system", "import subprocess as s\ns.run('ls')",
        "from subprocess import run\nrun(['ls'], shell=True)", "archive.extractall()", "import tarfile",
        "from importlib import import_module\nimport_module(name)",
        "module.loads(data)", "import scipy.io\nscipy.io.loads(x)",
    ],
)  # fmt: skip
def test_the_walk_sees_what_it_looks_for(code: str) -> None:
    assert list(faults("lift3d/made_up.py", ast.parse(code)))


@pytest.mark.parametrize(
    "code",
    [
        "import json\njson.loads(x)", "import numpy as np\nnp.load(f, allow_pickle=False)",
        "import re\nre.compile('x')", "import importlib\nimportlib.import_module('onnx')",
        "network.eval()", "from lift3d.io.files import safe_pickle",
    ],
)  # fmt: skip
def test_the_walk_forgives_what_is_harmless(code: str) -> None:
    assert not list(faults("lift3d/made_up.py", ast.parse(code)))
