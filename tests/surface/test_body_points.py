"""Bodies and keypoints out of exact surface maps."""

import math

import pytest
import torch

from lift3d.errors import InputError
from lift3d.fitting import FitOptions
from lift3d.protocols import BodyModel
from lift3d.surface.body_points import points_of_map, sites_of_points, skin_evidence_of_maps
from lift3d.surface.bone_poses import guess_of_maps, keypoints_of_map
from lift3d.surface.fit_maps import fit_maps
from lift3d.surface.lookup import Lookup
from lift3d.surface.surface_map import SurfaceDoubt, SurfaceMap
from tests.helpers.drawn_people import CAMERA, at_rest, drawn, people

SHARP = FitOptions(iterations=40, prior_weight=0.003, outlier=50.0)


def test_cells_of_a_map_are_places_on_the_skin(body: BodyModel, lookup: Lookup) -> None:
    (one,) = drawn(body, lookup.atlas, people(0.2, 0.4))
    points = points_of_map(one.map, 500)
    assert len(points.part) == 500
    sites = sites_of_points(points, lookup)
    seen = CAMERA.project(sites.of(one.mesh.vertices))
    off = (seen - points.pixels).norm(dim=-1)
    assert off[points.part < 23].max() < 0.01
    assert off.quantile(0.95) < 0.01
    again = points_of_map(one.map, 500)
    assert torch.equal(points.pixels, again.pixels)


def test_an_exact_map_gives_the_body_back(body: BodyModel, lookup: Lookup) -> None:
    """Shape to some millimetres; how far away it is, perspective tells to a few per cent."""
    params = people(0.25, 0.3, 3)
    found = drawn(body, lookup.atlas, params)
    fitted = fit_maps(
        body, [one.map for one in found], CAMERA, lookup=lookup, options=SHARP, std=0.004
    )
    off = body(fitted.params).vertices - body(params).vertices
    assert off.norm(dim=-1).mean() < 0.02
    still = off - off.mean(1, keepdim=True)
    assert still.norm(dim=-1).mean() < 0.006
    assert fitted.rms["surface pixels"].max() < 0.002


def test_a_pose_is_read_off_the_skin(body: BodyModel, lookup: Lookup) -> None:
    params = people(0.25, 0.3)
    (one,) = drawn(body, lookup.atlas, params)
    guess = guess_of_maps([one.map, None], lookup, body, CAMERA)
    assert guess.params.finite.tolist() == [True, False]
    known = guess.turn_std[0] < 1
    assert known.float().mean() > 0.7
    from lift3d.geometry.rotations import rotmat_from_axis_angle

    turned = rotmat_from_axis_angle(guess.params.axis_angle[0]).mT
    off = turned @ rotmat_from_axis_angle(params.axis_angle[0])
    angle = ((off.diagonal(dim1=-2, dim2=-1).sum(-1) - 1) / 2).clamp(-1, 1).acos()
    assert angle[known].median() < math.radians(12)
    assert (guess.params.transl[0] - params.transl[0]).norm() < 0.6


def test_keypoints_without_a_detector(body: BodyModel, lookup: Lookup) -> None:
    (one,) = drawn(body, lookup.atlas, people(0.25, -0.5))
    found = keypoints_of_map(one.map, lookup, body)
    true = CAMERA.project(one.mesh.joints)
    off = (found.keypoints - true).norm(dim=-1)
    tall = one.map.pixels[one.map.seen][:, 1]
    tall = tall.max() - tall.min()
    sure = found.confidence > 0.9
    assert sure.float().mean() > 0.6
    assert off[sure].mean() < 0.01 * tall
    assert off[sure].max() < 0.04 * tall


def test_half_a_person_has_half_the_keypoints(body: BodyModel, lookup: Lookup) -> None:
    (one,) = drawn(body, lookup.atlas, people(0.0, 0.0))
    part = one.map.part.clone()
    rows = torch.nonzero(one.map.seen)[:, 0]
    part[int(rows.float().mean()) :] = 0
    half = SurfaceMap.over_picture(part, one.map.uv)
    found = keypoints_of_map(half, lookup, body)
    names = dict(zip(found.skeleton.joints, found.seen.tolist(), strict=True))
    assert names["head"]
    assert not names["left_ankle"]
    assert not names["right_knee"]


def test_doubt_lowers_confidence(body: BodyModel, lookup: Lookup) -> None:
    (one,) = drawn(body, lookup.atlas, people(0.0, 0.0))
    shape = one.map.part.shape
    maps = [
        SurfaceMap(
            one.map.part,
            one.map.uv,
            one.map.box,
            one.map.image_size,
            1.0,
            SurfaceDoubt(torch.full(shape, sigma), torch.zeros(2, *shape)),
        )
        for sigma in (1e-4, 0.1)
    ]
    evidence = skin_evidence_of_maps(maps, lookup, at_rest(body), most=200)
    assert evidence.confidence is not None
    sure, unsure = evidence.confidence[0, :200], evidence.confidence[1, 200:]
    assert sure.min() > 0.99
    assert unsure.max() < 0.5
    assert (evidence.confidence[0, 200:] == 0).all()
    assert evidence.pixels is not None
    assert evidence.pixels[0, 200:].isnan().all()


def test_nobody(body: BodyModel, lookup: Lookup) -> None:
    empty = SurfaceMap.over_picture(torch.zeros(9, 9, dtype=torch.long), torch.zeros(2, 9, 9))
    with pytest.raises(InputError, match="somebody"):
        fit_maps(body, [empty, None], CAMERA, lookup=lookup)
    assert not keypoints_of_map(empty, lookup, body).seen.any()
