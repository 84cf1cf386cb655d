"""Pictures look as they did when somebody last looked at them, within what GL drivers differ."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

SCENES = ("front", "side", "close", "three")
PLAIN = np.array([34, 36, 42])


@pytest.fixture(scope="module")
def gallery():
    folder = str(Path(__file__).parents[2] / "scripts")
    if folder not in sys.path:
        sys.path.insert(0, folder)
    return importlib.import_module("make_golden_pictures")


def overlap(one, other):
    """Intersection over union."""
    return (one & other).sum() / (one | other).sum()


@pytest.mark.parametrize("name", SCENES)
def test_the_picture_is_the_one_that_was_kept(viewer, gallery, name):
    scene = gallery.SCENES[name]()
    picture, mask = viewer.render(scene.meshes, scene.colors, scene.camera, scene.background)
    kept = gallery.golden(name, "pyrender")
    behind = PLAIN if scene.background is None else scene.background
    body = np.abs(kept.astype(int) - behind).max(-1) > 6
    assert overlap(body, mask) > 0.95
    difference = np.abs(picture.astype(int) - kept)
    assert difference.mean() < 0.5
    assert np.quantile(difference, 0.999) < 24


@pytest.mark.parametrize("name", SCENES)
def test_the_renderer_without_gl_covers_the_same_pixels(viewer, gallery, name):
    """Two independent ways to draw: they share the light, not the geometry."""
    scene = gallery.SCENES[name]()
    _, mask = viewer.render(scene.meshes, scene.colors, scene.camera)
    with gallery.SoftwareViewer() as other:
        _, without_gl = other.render(scene.meshes, scene.colors, scene.camera)
    assert overlap(mask, without_gl) > 0.97
