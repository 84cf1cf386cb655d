"""GPS, and AP by it, on hand-made people."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from lift3d.capture import AnnotatedPerson
from lift3d.errors import InputError
from lift3d.pose import Pose2D
from lift3d.protocols import BodyModel
from lift3d.skeletons import COCO_17
from lift3d.surface.body_points import points_of_map
from lift3d.surface.judging import JudgedPicture, TruePerson, gps_of_map, surface_ap
from lift3d.surface.lookup import Lookup
from lift3d.surface.rulers import BodyRuler, ruler_of
from lift3d.surface.surface_map import SurfaceMap
from tests.helpers.drawn_people import drawn, people


@pytest.fixture(scope="module")
def ruler(body: BodyModel, lookup: Lookup) -> BodyRuler:
    return ruler_of(body, lookup)


@pytest.fixture(scope="module")
def surface(body: BodyModel, lookup: Lookup) -> SurfaceMap:
    return drawn(body, lookup.atlas, people(0.0, 0.3))[0].map


def true_person(surface: SurfaceMap, *, crowd: bool = False) -> TruePerson:
    nothing = Pose2D(torch.full((17, 2), torch.nan), torch.zeros(17), COCO_17, None)
    points = points_of_map(surface, 60)
    person = AnnotatedPerson(nothing, surface.box, 20_000.0, crowd, points)
    return TruePerson(person, surface.seen.numpy())


def test_a_perfect_map_and_one_that_sees_nobody(surface: SurfaceMap, ruler: BodyRuler) -> None:
    points = points_of_map(surface, 60)
    assert gps_of_map(points, surface, ruler) == pytest.approx(1)
    nobody = replace(surface, part=torch.zeros_like(surface.part))
    assert gps_of_map(points, nobody, ruler) == 0
    half = surface.part.clone()
    half[points.pixels[::2, 1].long(), points.pixels[::2, 0].long()] = 0
    assert gps_of_map(points, replace(surface, part=half), ruler) == pytest.approx(0.5)


def test_the_further_off_the_worse(surface: SurfaceMap, ruler: BodyRuler) -> None:
    points = points_of_map(surface, 60)
    scores = [
        gps_of_map(points, replace(surface, uv=(surface.uv + shift).clamp(0, 1)), ruler)
        for shift in (0.0, 0.05, 0.15, 0.4)
    ]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] > 0.999
    assert scores[3] < 0.9


def test_a_shift_by_a_known_distance(body: BodyModel, lookup: Lookup, ruler: BodyRuler) -> None:
    """Two vertices of the trunk: the similarity is that of the distance between them."""
    atlas = lookup.atlas
    front = np.flatnonzero(atlas.part == 2)[[0, 200]]
    a, b = front
    uv = atlas.uv[:, 0].astype(float)
    part = np.array([2])
    far = ruler.between(part, uv[[a]], part, uv[[b]])
    straight = np.linalg.norm(
        np.diff(body(people(0.0, 0.0)).vertices[0][atlas.faces[front, 0]].numpy(), axis=0)
    )
    assert straight <= far[0] < 3 * straight + 0.05


def test_average_precision_of_hand_made_pictures(surface: SurfaceMap, ruler: BodyRuler) -> None:
    size = (480, 360)
    nobody = replace(surface, part=torch.zeros_like(surface.part), score=0.9)
    truth = (true_person(surface),)
    perfect = JudgedPicture(truth, (replace(surface, score=0.8),), size)
    with_ghost = JudgedPicture(truth, (nobody, replace(surface, score=0.8)), size)
    missed = JudgedPicture(truth, (), size)
    for by in ("gps", "gpsm"):
        assert surface_ap([perfect], ruler, by).ap == pytest.approx(1)
        assert surface_ap([with_ghost], ruler, by).ap == pytest.approx(0.5)
        both = surface_ap([perfect, missed], ruler, by)
        assert both.ar == pytest.approx(0.5)
        assert both.ap == pytest.approx(51 / 101)  # full precision up to a recall of one half
    crowd = JudgedPicture((true_person(surface, crowd=True),), (nobody,), size)
    assert np.isnan(surface_ap([crowd], ruler, "gps").ap)


def test_masks_count_in_gpsm_only(surface: SurfaceMap, ruler: BodyRuler) -> None:
    """A map that covers the whole picture has the points right and the mask wrong."""
    wide = torch.where(surface.seen, surface.part, 1)
    picture = JudgedPicture((true_person(surface),), (replace(surface, part=wide),), (480, 360))
    assert surface_ap([picture], ruler, "gps").ap == pytest.approx(1)
    assert surface_ap([picture], ruler, "gpsm").ap == 0
    unknown = TruePerson(picture.truth[0].person)
    with pytest.raises(InputError, match="mask"):
        surface_ap([replace(picture, truth=(unknown,))], ruler)
