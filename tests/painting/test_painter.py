"""Painted pictures and their truth agree with the body, the camera and each other."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from numpy import ndarray

from lift3d.body import BodyParams
from lift3d.errors import InputError
from lift3d.geometry.rotations import axis_angle_from_rotmat
from lift3d.painting import PaintConfig, Painter, Painting, Postures
from lift3d.plugins import body_models
from lift3d.skeletons import COCO_17, MPII_16
from lift3d.surface.atlas import atlas_of

PLAIN = PaintConfig(dressed=0.0, occluded=0.0, spoilt=0.0, edged=0.0)


def postures(seed: int, people: int = 3) -> Postures:
    """Arms and legs bent at random, upright."""
    generator = torch.Generator().manual_seed(seed)
    turns = torch.randn(people, 24, 3, generator=generator) * 0.25
    turns[:, 0] *= 0.2
    return Postures(turns, torch.randn(people, 10, generator=generator) * 0.7)


def painted(config: PaintConfig, index: int, seed: int = 0) -> Painting:
    return Painter(body_models["default"](), config, seed=seed).paint(postures(index), index)


def nearest_hit(rays: ndarray, corners: ndarray) -> tuple[ndarray, ndarray, ndarray]:
    """Triangle (-1 for none), weights of its corners and distance, of rays from the origin.

    T. Moeller and B. Trumbore, Fast, minimum storage ray/triangle intersection, 1997; front sides only.
    """
    a, edge_b, edge_c = corners[:, 0], corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    faces, weights, away = [], [], []
    for ray in rays:
        across = np.cross(ray, edge_c)
        scale = (edge_b * across).sum(1)
        with np.errstate(divide="ignore", invalid="ignore"):
            u = (-a * across).sum(1) / scale
            turned = np.cross(-a, edge_b)
            v = turned @ ray / scale
            distance = (edge_c * turned).sum(1) / scale
        good = (scale > 0) & (u >= 0) & (v >= 0) & (u + v <= 1) & (distance > 0)
        distance = np.where(good, distance, np.inf)
        best = int(distance.argmin())
        faces.append(best if good[best] else -1)
        weights.append([1 - u[best] - v[best], u[best], v[best]])
        away.append(distance[best])
    return np.array(faces), np.array(weights), np.array(away)


def test_a_picture_depends_on_seed_and_index_only() -> None:
    first, again = painted(PaintConfig(), 3), painted(PaintConfig(), 3)
    np.testing.assert_array_equal(first.picture, again.picture)
    np.testing.assert_array_equal(first.part, again.part)
    assert (painted(PaintConfig(), 3, seed=1).picture != first.picture).any()
    painter = Painter(body_models["default"](), PaintConfig())
    painter.paint(postures(9), 9)  # what was painted before does not matter
    np.testing.assert_array_equal(painter.paint(postures(3), 3).picture, first.picture)


@pytest.mark.parametrize("index", range(6))
def test_keypoints_are_the_projected_joints_of_the_params(index: int) -> None:
    painting = painted(PaintConfig(), index)
    body = body_models["default"]()
    for person in painting.people:
        mesh = body(person.params)
        # The params put the root where the body's rest root is moved to.
        moved = mesh.joints - mesh.joints[0] + person.params.transl
        for name in ("left_knee", "right_wrist", "left_elbow", "right_ankle"):
            place = moved[body.skeleton.index(name)]
            pixel = painting.camera.project(place[None].float())[0].numpy()
            at = person.keypoints[painting.skeleton.index(name)]
            np.testing.assert_allclose(at, pixel, atol=0.05, rtol=1e-4)


@pytest.mark.parametrize("index", range(4))
def test_maps_show_the_point_of_the_body_that_a_ray_meets(index: int) -> None:
    """Brute-force ray casting tells triangle and place; the maps must name the same."""
    painting = painted(replace(PLAIN, people=1), index)
    body = body_models["default"]()
    person = painting.people[0]
    mesh = body(person.params)
    vertices = (mesh.vertices - mesh.joints[0] + person.params.transl).double().numpy()
    atlas = atlas_of(body)
    # Hair is pushed outwards and shoes are not; arms and legs are bare and exact.
    rows, columns = np.nonzero((painting.part >= 9) & (painting.part <= 22))
    rng = np.random.default_rng(index)
    chosen = rng.choice(len(rows), min(60, len(rows)), replace=False)
    pixels = np.stack([columns[chosen], rows[chosen]], 1).astype(np.float32)
    rays = painting.camera.rays(torch.from_numpy(pixels)).double().numpy()
    face, weights, away = nearest_hit(rays, vertices[atlas.faces])
    met = face >= 0
    assert met.mean() > 0.95
    face, weights, away, rays = face[met], weights[met], away[met], rays[met]
    rows, columns = rows[chosen][met], columns[chosen][met]
    same = atlas.part[face] == painting.part[rows, columns]
    assert same.mean() > 0.95  # on a border either may win
    off = np.abs(painting.depth[rows, columns] - away * rays[:, 2])
    assert np.median(off) < 1e-3
    uv = (atlas.uv[face] * weights[..., None]).sum(1)
    told = painting.uv[:, rows, columns].T
    near = same & (off < 2e-3)
    assert np.abs(uv - told)[near].max() < 0.02


@pytest.mark.parametrize("index", range(8))
def test_truth_is_consistent_with_itself(index: int) -> None:
    painting = painted(PaintConfig(), index)
    height, width = painting.picture.shape[:2]
    assert painting.picture.dtype == np.uint8
    assert ((painting.owner > 0) == (painting.part > 0)).all()
    on_body = (painting.part > 0) & (painting.part <= 24)
    assert np.isfinite(painting.uv[:, on_body]).all()
    assert np.isfinite(painting.depth[on_body]).all()
    assert (painting.uv[:, on_body] >= 0).all()
    assert (painting.uv[:, on_body] <= 1).all()
    for number, person in enumerate(painting.people):
        mask = painting.mask(number)
        inside = (person.keypoints >= -0.5).all(1)
        inside &= (person.keypoints < np.array([width, height]) - 0.5).all(1)
        assert not person.seen[~inside].any()
        if mask.any():
            left, top, wide, tall = person.box.astype(int)
            assert mask[top : top + tall, left : left + wide].sum() == mask.sum()
            assert mask[top].any()
            assert mask[:, left].any()
        else:
            assert not person.box.any()
            assert not (person.seen == 2).any()


def test_keypoints_in_view_lie_on_the_person() -> None:
    """Over many pictures nearly all keypoints in view are on or right beside their person's pixels."""
    near, count = 0, 0
    for index in range(30):
        painting = painted(PaintConfig(), index)
        person = painting.people[0]
        mask = cv2.dilate(painting.mask(0).astype(np.uint8), np.ones((3, 3), np.uint8))
        for x, y in person.keypoints[person.seen == 2]:
            count += 1
            near += int(mask[int(np.clip(round(y), 0, 255)), int(np.clip(round(x), 0, 191))])
    assert count > 150
    assert near == count


def test_left_is_left() -> None:
    """Seen from the front, the left shoulder is to the right of the picture."""
    agreed = []
    for index in range(20):
        painting = painted(replace(PLAIN, people=1, turned=0.0), index)
        shoulders = [painting.skeleton.index(f"{side}_shoulder") for side in ("left", "right")]
        left, right = painting.people[0].keypoints[shoulders]
        trunk = [(painting.part == part).sum() for part in (1, 2)]  # back, front
        if max(trunk) > 4 * min(trunk):
            agreed.append((left[0] > right[0]) == (trunk[1] > trunk[0]))
    assert len(agreed) > 5
    assert np.mean(agreed) > 0.9


def test_any_layout_and_own_backgrounds(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "grey.png"), np.full((300, 400, 3), 77, np.uint8))
    config = replace(PLAIN, skeleton=COCO_17, backgrounds=tmp_path, height=128, width=96)
    pictures = [painted(config, index) for index in range(6)]
    assert all(len(one.people[0].keypoints) == 17 for one in pictures)
    grey = [(one.picture[one.owner == 0] == 77).all(1).mean() for one in pictures]
    assert any(share > 0.7 for share in grey)


def test_bad_input_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected a layout whose keypoints the body has"):
        Painter(body_models["default"](), PaintConfig(skeleton=MPII_16))
    with pytest.raises(InputError, match="expected shares in"):
        PaintConfig(dressed=1.5)
    with pytest.raises(InputError, match="expected shares in"):
        PaintConfig(height=3)
    with pytest.raises(InputError, match="folder of pictures"):
        Painter(body_models["default"](), PaintConfig(backgrounds=tmp_path))
    with pytest.raises(InputError, match="finite postures"):
        Postures(torch.full((1, 24, 3), torch.nan), torch.zeros(1, 10))
    with pytest.raises((InputError, TypeError), match="betas"):
        Postures(torch.zeros(2, 24, 3), torch.zeros(1, 10))


def test_params_are_in_the_camera_frame() -> None:
    """A subject nearly upright before a level camera is turned by about half a turn about x."""
    painting = painted(replace(PLAIN, people=1, turned=0.0), 2)
    person = painting.people[0]
    assert isinstance(person.params, BodyParams)
    body = body_models["default"]()
    mesh = body(person.params)
    head, ankle = (mesh.joints[body.skeleton.index(n), 1] for n in ("head", "left_ankle"))
    assert float(person.params.transl[2]) > 1.0
    assert float(head) < float(ankle)  # y points down
    turn = axis_angle_from_rotmat(torch.eye(3))
    assert float(turn.abs().max()) == 0.0
