"""The charts cover the body once, are as DensePose numbers them, and mirror as the body does."""

import numpy as np
import pytest
import torch
from numpy import ndarray
from scipy.spatial import cKDTree

from lift3d.body import BodyMesh, BodyParams
from lift3d.errors import InputError
from lift3d.plugins import body_models
from lift3d.surface.atlas import COARSE_PARTS, PART_NAMES, Atlas, atlas_of, mirrored_part


@pytest.fixture(scope="module")
def rest() -> BodyMesh:
    body = body_models["default"]()
    return body(BodyParams(torch.zeros(10), torch.zeros(23, 3), torch.zeros(3), torch.zeros(3)))


@pytest.fixture(scope="module")
def atlas() -> Atlas:
    return atlas_of(body_models["default"]())


@pytest.fixture(scope="module")
def middles(rest: BodyMesh, atlas: Atlas) -> ndarray:
    return rest.vertices.numpy()[atlas.faces].mean(1)


def signed_areas(uv: ndarray) -> ndarray:
    one, other = uv[:, 1] - uv[:, 0], uv[:, 2] - uv[:, 0]
    return (one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0]) / 2


def test_every_chart_fills_its_square_without_folds(atlas: Atlas) -> None:
    for part, name in enumerate(PART_NAMES, 1):
        uv = atlas.uv[atlas.part == part].astype(np.float64)
        assert uv.min() >= 0
        assert uv.max() <= 1
        areas = signed_areas(uv)
        if name.endswith("_head"):  # eyeballs lie where the head's own skin is nearest
            assert (areas * np.sign(areas.sum()) <= 0).mean() < 0.06
            continue
        assert (areas * np.sign(areas.sum()) > 0).all(), name
        assert np.abs(areas).sum() > (0.35 if name.endswith(("_hand", "_foot")) else 0.9)


def test_neighbours_in_a_chart_are_neighbours_on_the_body(rest: BodyMesh, atlas: Atlas) -> None:
    """A hundredth of a chart is millimetres to a few centimetres on the body, never another limb."""
    vertices = rest.vertices.numpy()
    for part in range(1, 25):
        faces = atlas.part == part
        uv, places = atlas.uv[faces].reshape(-1, 2), vertices[atlas.faces[faces]].reshape(-1, 3)
        pairs = cKDTree(uv).query_pairs(0.01, output_type="ndarray")
        apart = np.linalg.norm(places[pairs[:, 0]] - places[pairs[:, 1]], axis=1)
        assert np.percentile(apart, 99) < 0.05, PART_NAMES[part - 1]


@pytest.mark.parametrize(
    ("joint", "parts"),
    [
        ("left_hand", {"left_hand"}),
        ("right_hand", {"right_hand"}),
        ("left_foot", {"left_foot"}),
        ("right_foot", {"right_foot"}),
        ("spine2", {"trunk_front", "trunk_back"}),
    ],
)
def test_parts_lie_where_their_names_say(
    joint: str, parts: set[str], rest: BodyMesh, atlas: Atlas, middles: ndarray
) -> None:
    place = rest.joints[rest.skeleton.index(joint)].numpy()
    nearest = np.argsort(np.linalg.norm(middles - place, axis=1))[:20]
    assert {PART_NAMES[part - 1] for part in atlas.part[nearest]} <= parts


def test_between_two_joints_lies_the_limb(rest: BodyMesh, atlas: Atlas, middles: ndarray) -> None:
    limbs = {
        "upper_arm": ("shoulder", "elbow"),
        "lower_arm": ("elbow", "wrist"),
        "upper_leg": ("hip", "knee"),
        "lower_leg": ("knee", "ankle"),
    }
    for side in ("left", "right"):
        for limb, ends in limbs.items():
            a, b = (rest.joints[rest.skeleton.index(f"{side}_{end}")].numpy() for end in ends)
            nearest = np.argsort(np.linalg.norm(middles - (a + b) / 2, axis=1))[:30]
            found = {PART_NAMES[part - 1] for part in atlas.part[nearest]}
            assert all(name.startswith(f"{side}_{limb}") for name in found), (limb, found)
            assert {COARSE_PARTS[part - 1] for part in atlas.part[nearest]} == {f"{side}_{limb}"}


def test_front_is_the_side_of_the_toes(atlas: Atlas, middles: ndarray) -> None:
    for front, back in ((2, 1), (9, 7), (10, 8), (13, 11), (14, 12)):
        assert middles[atlas.part == front, 2].mean() > middles[atlas.part == back, 2].mean() + 0.05


def test_u_leads_away_from_the_trunk(atlas: Atlas, middles: ndarray) -> None:
    u = atlas.uv.mean(1)[:, 0]
    for part, name in enumerate(PART_NAMES, 1):
        here = atlas.part == part
        if "arm" in name:
            assert np.corrcoef(u[here], np.abs(middles[here, 0]))[0, 1] > 0.9
        elif "leg" in name:
            assert np.corrcoef(u[here], -middles[here, 1])[0, 1] > 0.9
        elif "trunk" in name:
            assert np.corrcoef(u[here], middles[here, 1])[0, 1] > 0.9


def test_charts_mirror_as_the_body_does(atlas: Atlas, middles: ndarray) -> None:
    away, twin = cKDTree(middles * [-1, 1, 1]).query(middles)
    assert away.max() < 1e-5
    mirrored = np.array([mirrored_part(int(part)) for part in range(25)])
    np.testing.assert_array_equal(mirrored[atlas.part], atlas.part[twin])
    uv = atlas.uv.mean(1).copy()
    trunk = atlas.part <= 2
    uv[trunk, 1] = 1 - uv[trunk, 1]
    off = np.abs(uv - atlas.uv.mean(1)[twin])
    assert off[atlas.part < 23].max() < 0.01
    assert off.max() < 0.03


def test_mirrored_parts_are_an_involution() -> None:
    assert [mirrored_part(mirrored_part(part)) for part in range(25)] == list(range(25))
    assert [mirrored_part(part) for part in (0, 1, 2, 3, 23)] == [0, 1, 2, 4, 24]


def test_other_bodies_are_refused(atlas: Atlas) -> None:
    with pytest.raises(InputError, match="expected a body whose"):
        atlas_of(body_models["stick"]())
    with pytest.raises(InputError, match="parts from 1 to 24"):
        Atlas(atlas.part * 0, atlas.uv, atlas.faces)
