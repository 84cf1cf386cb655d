"""Clothes, hair and face paint: regions with clean borders cut into the mesh of the default body.

Each layer is a scalar field over the T-posed mean body, positive inside the region. The mesh is
cut twice along each border, at 0 and one band further in, so that colours that are interpolated
over triangles change over a few millimetres and not over a triangle's width.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

from .layout import REGION_COLOURS, REGION_NAMES
from .surface import Surface, cut, faired, smoothed, vertex_normals

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Sites:
    """The places of the T-posed mean body that clothes are measured from, in metres."""

    joints: dict[str, Array]
    eye: Array
    mouth: Array
    mouth_corner: Array
    head_top: float


@dataclass(frozen=True, slots=True)
class Layer:
    """One coat of paint: the fields whose common positive side it covers, and its thickness.

    A field is smooth across its own border even where the coat is thinner than a triangle, which
    a distance to the coat would not be.
    """

    region: str
    fields: Callable[[Array], list[Array]]
    where: Callable[[Array], Mask]
    band: float = 0.0016
    thickness: float = 0.0
    eyes: bool = False
    reach: float = 0.012


@dataclass(frozen=True, slots=True)
class Painted:
    """The cut surface: colours (V, 3) linear, regions (F,), outward offsets (V,) in metres.

    `insides` tells for each region how far inside it each vertex lies (V,), in metres or less.
    """

    surface: Surface
    mean: Array
    colours: Array
    regions: NDArray[np.int64]
    offsets: Array
    insides: dict[str, Array]


def layers(sites: Sites) -> list[Layer]:
    """Return the coats from the skin outwards; a later one covers an earlier one."""
    joints, eye, mouth = sites.joints, sites.eye, sites.mouth
    hip, knee = joints["left_hip"], joints["left_knee"]
    shoulder, elbow = joints["left_shoulder"], joints["left_elbow"]
    waist = hip[1] + 0.02
    hem = hip[1] + 0.70 * (knee[1] - hip[1])
    sleeve = shoulder[0] + 0.52 * (elbow[0] - shoulder[0])
    collar = joints["neck"] + np.array([0.0, 0.01, 0.043])
    shoe = joints["left_ankle"][1] + 0.012

    def shirt(v: Array) -> list[Array]:
        neckline = 0.09 * (np.linalg.norm((v - collar) / [0.108, 0.09, 0.112], axis=1) - 1.0)
        under_chin = collar[1] + 0.015 - v[:, 1]
        return [sleeve - np.abs(v[:, 0]), v[:, 1] - waist, neckline, under_chin]

    def face(v: Array) -> Mask:
        return np.asarray(v[:, 2] > eye[2] - 0.04)

    return [
        Layer("lips", lambda v: _lips(v, mouth), lambda v: v[:, 2] > mouth[2] - 0.02, band=0.0015),
        Layer(
            "shorts",
            lambda v: [v[:, 1] - hem, waist + 0.03 - v[:, 1]],
            lambda v: v[:, 1] < waist + 0.02,
            thickness=0.004,
        ),
        Layer("shirt", shirt, lambda v: v[:, 1] < collar[1] + 0.011, thickness=0.005),
        Layer(
            "shoes",
            lambda v: [shoe - v[:, 1] + 0.12 * (v[:, 2] - joints["left_ankle"][2])],
            lambda v: v[:, 1] < hem,
            thickness=0.004,
        ),
        Layer(
            "hair",
            lambda v: [_hair(v, sites)],
            lambda v: v[:, 1] > joints["neck"][1] + 0.02,
            band=0.003,
            thickness=0.003,
        ),
        Layer("hair", lambda v: _brow(v, eye), face, band=0.001),
        Layer("sclera", lambda v: [np.ones(len(v))], face, eyes=True),
        Layer("iris", lambda v: _disc(v, eye, 0.0058), face, band=0.0004, eyes=True, reach=0.001),
        Layer("pupil", lambda v: _disc(v, eye, 0.0026), face, band=0.0003, eyes=True, reach=0.001),
    ]


def _disc(vertices: Array, eye: Array, radius: float) -> list[Array]:
    """Ten straight sides: unlike a distance, they are cut truly through large triangles."""
    x, y = np.abs(vertices[:, 0]) - eye[0], vertices[:, 1] - eye[1]
    angles = np.arange(10) * (2.0 * np.pi / 10)
    return [radius - (x * np.cos(a) + y * np.sin(a)) for a in angles]


def _lips(vertices: Array, mouth: Array) -> list[Array]:
    across, up = np.abs(vertices[:, 0]) / 0.0255, vertices[:, 1] - mouth[1]
    room = np.sqrt(np.clip(1.0 - across**2, 0.0, None)) - 2.0 * np.clip(across - 1.0, 0.0, None)
    upper = 0.0078 * room * (1.0 - 0.18 * np.exp(-((across / 0.12) ** 2)))
    return [upper - up, up + 0.0098 * room]


def _brow(vertices: Array, eye: Array) -> list[Array]:
    x, y = np.abs(vertices[:, 0]) - eye[0], vertices[:, 1] - eye[1]
    t = (x + 0.016) / 0.040
    inner = np.clip(t, 0.0, 1.0)
    ridge = 0.0200 + 0.0050 * np.sin(np.pi * 0.85 * inner)
    half = 0.0030 * (1.0 - 0.7 * inner**2) * np.clip(0.55 + 3.0 * inner, 0.0, 1.0)
    return [half - (y - ridge), half + (y - ridge), 0.040 * t, 0.040 * (1.0 - t)]


def _hair(vertices: Array, sites: Sites) -> Array:
    """Height above a hairline that runs brow - temple - over the ear - nape, by azimuth."""
    eye_y, top = sites.eye[1], sites.head_top
    azimuth = np.degrees(
        np.arctan2(np.abs(vertices[:, 0]), vertices[:, 2] - sites.joints["head"][2] + 0.005)
    )
    heights = {
        0.0: top - 0.050,
        25.0: top - 0.052,
        45.0: top - 0.063,
        58.0: eye_y + 0.030,
        70.0: eye_y + 0.004,
        84.0: eye_y + 0.008,
        106.0: eye_y + 0.006,
        122.0: eye_y - 0.030,
        142.0: eye_y - 0.062,
        180.0: eye_y - 0.075,
    }
    line = PchipInterpolator(list(heights), list(heights.values()))(azimuth)
    return np.asarray(vertices[:, 1] - line)


def paint(surface: Surface, mean: Array, sites: Sites) -> Painted:
    """Cut every border into the surface and colour it; `mean` is its T-posed mean body (V, 3)."""
    coats = layers(sites)
    # Fields are taken once and interpolated from then on: curved ones would otherwise disagree
    # with the straight cuts that were made for them.
    fields = [np.stack(coat.fields(mean), axis=1) for coat in coats]
    for c, coat in enumerate(coats):
        for k, level in product(range(fields[c].shape[1]), (0.0, coat.band)):
            ground = coat.where(mean) & (_of_eyes(surface, len(mean)) == coat.eyes)
            others = np.delete(fields[c], k, axis=1) + coat.reach > 0
            surface, carry, values = cut(
                surface,
                mean,
                fields[c][:, k],
                level,
                ground & others.all(axis=1),
                tolerance=0.25 * coat.band,
            )
            mean = np.asarray(carry @ mean)
            fields = [np.asarray(carry @ field) for field in fields]
            fields[c][:, k] = values
    return _coloured(surface, mean, coats, [field.min(axis=1) for field in fields])


def _coloured(surface: Surface, mean: Array, coats: list[Layer], insides: list[Array]) -> Painted:
    colours = np.tile(REGION_COLOURS["skin"], (len(mean), 1))
    regions = np.zeros(len(surface.faces), dtype=np.int64)
    offsets = np.zeros(len(mean))
    of_eyes = _of_eyes(surface, len(mean))
    for coat, inside in zip(coats, insides, strict=True):
        amount = np.clip(inside / coat.band, 0.0, 1.0)
        amount = amount * (coat.where(mean) & (of_eyes == coat.eyes))
        colours += amount[:, None] * (np.array(REGION_COLOURS[coat.region]) - colours)
        if coat.thickness:
            offsets += amount * (coat.thickness - offsets)
        regions[amount[surface.faces].mean(axis=1) > 0.5] = REGION_NAMES.index(coat.region)
    by_region = {coat.region: inside for coat, inside in zip(coats, insides, strict=True)}
    return Painted(surface, mean, colours, regions, offsets, by_region)


def identity_mix(count: int) -> sp.csr_array:
    """Return the mix of a surface whose vertices are the source's own."""
    return sp.eye_array(count, format="csr")


def _of_eyes(surface: Surface, count: int) -> Mask:
    mask = np.zeros(count, dtype=bool)
    mask[surface.faces[surface.eyes]] = True
    return mask


def dressed(painted: Painted, drawn: Array, bottom: float) -> tuple[Surface, Array]:
    """Return the surface smoothed under its clothes, and the outward offsets (V, 3) of the cloth.

    `drawn` is the source's mean body (A-pose), the chest lies above `bottom`. Smoothing is linear
    in the vertices and fades out towards every border, so that borders stay put; across the chest
    the cloth is faired.
    """
    shirt, shorts = painted.insides["shirt"], painted.insides["shorts"]
    cloth = np.maximum(shirt, shorts) > 0
    far = np.minimum(np.abs(shirt), np.abs(shorts))
    amount = 0.5 * cloth * np.clip((far - 0.003) / 0.03, 0.0, 1.0)
    surface = faired(painted.surface, _bust(painted, bottom))
    surface = smoothed(surface, amount, steps=10)
    normals = vertex_normals(np.asarray(surface.mix @ drawn), surface.faces)
    return surface, normals * painted.offsets[:, None]


def _bust(painted: Painted, bottom: float) -> Mask:
    """Return the vertices within 3 cm of the foremost point of either side of the chest."""
    mean = painted.mean
    shirt = (painted.insides["shirt"] > 0.05) & (mean[:, 0] > 0.08) & (mean[:, 1] > bottom)
    apex = mean[np.flatnonzero(shirt)[mean[shirt, 2].argmax()]]
    either = np.column_stack([np.abs(mean[:, 0]), mean[:, 1:]])
    return np.asarray(np.linalg.norm(either - apex, axis=1) < 0.03)
