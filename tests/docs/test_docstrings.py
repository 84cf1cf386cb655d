"""Every public name says what it is; at the doors that people use, also what it raises."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = (
    "lift3d", "body_models/lift3d_body_models", "datasets/lift3d_datasets", "viewer/lift3d_viewer"
)  # fmt: skip
DOORS = (
    "decoders", "evaluation", "fitting", "geometry", "lifting", "metrics", "pictures", "plots",
    "regressing", "skeletons", "surface", "tracking",
)  # fmt: skip

Documented = ast.FunctionDef | ast.ClassDef


def modules() -> Iterator[Path]:
    for package in PACKAGES:
        yield from sorted((ROOT / package).rglob("*.py"))


def listed(tree: ast.Module) -> set[str]:
    for node in tree.body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        if getattr(target, "id", "") == "__all__":
            return set(ast.literal_eval(node.value))  # type: ignore[attr-defined]
    return set()


def public(path: Path) -> list[Documented]:
    tree = ast.parse(path.read_text())
    names = listed(tree)
    return [n for n in tree.body if isinstance(n, Documented) and n.name in names]


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_has_a_docstring(package: str) -> None:
    silent = [
        f"{path.relative_to(ROOT)}: {node.name}"
        for path in sorted((ROOT / package).rglob("*.py"))
        for node in public(path)
        if not ast.get_docstring(node)
    ]
    assert silent == []


def raises(function: ast.FunctionDef) -> bool:
    """Whether it raises an error of ours by itself."""
    return any(
        isinstance(node, ast.Raise)
        and isinstance(node.exc, ast.Call)
        and getattr(node.exc.func, "id", "").endswith("Error")
        for node in ast.walk(function)
    )


@pytest.mark.parametrize("room", DOORS)
def test_functions_at_the_doors_say_what_they_raise(room: str) -> None:
    folder = ROOT / "lift3d" / room
    offered = listed(ast.parse((folder / "__init__.py").read_text()))
    silent = [
        f"{path.name}: {node.name}"
        for path in sorted(folder.glob("*.py"))
        for node in public(path)
        if isinstance(node, ast.FunctionDef)
        and (node.name in offered or room == "geometry")
        and raises(node)
        and "rror`" not in (ast.get_docstring(node) or "")
    ]
    assert silent == []


def test_formulas_of_geometry_have_shapes_in_their_signatures() -> None:
    bare = []
    for path in sorted((ROOT / "lift3d" / "geometry").glob("*.py")):
        for node in public(path):
            if isinstance(node, ast.FunctionDef):
                said = ast.unparse(node.args) + ast.unparse(node.returns or ast.Constant(None))
                if "Tensor" in said and '"' not in said and "'" not in said:
                    bare.append(f"{path.name}: {node.name}")
    assert bare == []
