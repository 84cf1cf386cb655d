"""What users may rely on: the names of the library, and that every module says what it offers."""

import importlib
import pkgutil
from types import ModuleType

import pytest

import lift3d

PACKAGES = ("lift3d", "lift3d_body_models", "lift3d_datasets", "lift3d_viewer")

PUBLIC = [
    "SKELETONS", "BodyEstimate", "BodyMesh", "BodyParams", "Camera", "Clip", "KeypointFile",
    "Lift3dError", "LiftOptions", "Motion", "Person", "Pose2D", "Pose3D", "Skeleton", "body_models",
    "correspondence", "datasets", "detect", "detectors", "lift", "lifters", "read_clip",
    "read_keypoints", "regressors",
    "render_clip", "reprojection", "skeleton_named", "viewers", "write_clip", "write_glb",
]  # fmt: skip


def modules() -> list[str]:
    names: list[str] = []
    for package in PACKAGES:
        root = importlib.import_module(package)
        names.append(package)
        names += [found.name for found in pkgutil.walk_packages(root.__path__, f"{package}.")]
    return names


def test_the_public_names() -> None:
    # A change here is a change for users: it belongs in the changelog.
    assert lift3d.__all__ == PUBLIC


@pytest.mark.parametrize("name", modules())
def test_every_module_loads_and_offers_what_it_lists(name: str) -> None:
    module: ModuleType = importlib.import_module(name)
    assert module.__doc__, f"{name} does not say what it is for"
    listed = getattr(module, "__all__", [])
    assert all(hasattr(module, offered) for offered in listed)
    assert len(listed) == len(set(listed))


def test_groups_and_rooms_do_not_shadow_each_other() -> None:
    # `lift3d.lifters` is a group of plug-ins; a sub-package of that name would replace it.
    from lift3d.plugins import PluginGroup

    for name in modules():
        importlib.import_module(name)
    for group in ("body_models", "datasets", "detectors", "lifters", "regressors", "viewers"):
        assert isinstance(getattr(lift3d, group), PluginGroup)
