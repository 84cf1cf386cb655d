"""`Painter`: one picture with its truth after the other, each out of its number alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Float64, Int32, UInt8
from numpy import ndarray
from numpy.random import Generator, default_rng
from torch import Tensor

from lift3d.body import BodyParams
from lift3d.camera import Camera
from lift3d.errors import InputError
from lift3d.fitting.detector_points import SKIN_POINTS, with_skin_points
from lift3d.fitting.points import place_points, point_table
from lift3d.geometry.normals import vertex_normals
from lift3d.geometry.rotations import axis_angle_from_rotmat, rotmat_from_axis_angle
from lift3d.painting.backdrop import clutter, draw_background, pictures_in
from lift3d.painting.config import PaintConfig
from lift3d.painting.kernels import displace, shade
from lift3d.painting.loose import Sheet, long_hair, skirt
from lift3d.painting.placing import Shot, frame_subject, place_people
from lift3d.painting.spoiling import spoilt
from lift3d.painting.values import IGNORED, PaintedPerson, Painting, Postures
from lift3d.painting.wardrobe import ZONES, Outfit, draw_outfit
from lift3d.protocols import BodyModel
from lift3d.surface.atlas import Atlas, atlas_of

__all__ = ["Painter"]

_NEAR: Final = 0.3
_BEHIND: Final = 0.18
"""Metres under the visible surface at which a joint still counts as in view: limbs are thick."""

_MIDDLES: Final = {
    "mid_shoulder": ("left_shoulder", "right_shoulder"),
    "mid_hip": ("left_hip", "right_hip"),
}


@dataclass(frozen=True, slots=True)
class _Clay:
    """What is the same in every picture: the body at rest, its charts and the tints of its face."""

    atlas: Atlas
    rest: Float32[ndarray, "vertices 3"]
    vertex_parts: Int32[ndarray, " vertices"]
    tints: Float32[ndarray, "vertices 3"]


@dataclass(frozen=True, slots=True)
class _Figure:
    """One dressed person in the camera's frame (metres)."""

    vertices: Float32[ndarray, "vertices 3"]
    normals: Float32[ndarray, "vertices 3"]
    rest: Float32[ndarray, "vertices 3"]
    tints: Float32[ndarray, "vertices 3"]
    faces: Int32[ndarray, "faces 3"]
    parts: Int32[ndarray, " faces"]
    outfit: Outfit


class Painter:
    """Paints people of one body model. The body must be of the default body's format.

    Picture `index` depends on the seed, the index, the postures and the configuration only; the
    same on every machine up to rounding. Not for several threads at once.
    """

    def __init__(
        self, body: BodyModel, config: PaintConfig | None = None, *, seed: int = 0
    ) -> None:
        self.body, self.config, self.seed = body, config or PaintConfig(), seed
        self.table = point_table(with_skin_points(body))
        self.names = self._known(self.config)
        self.photos = pictures_in(self.config.backgrounds) if self.config.backgrounds else ()
        self.clay = _clay(body)

    def _known(self, config: PaintConfig) -> tuple[str, ...]:
        known = (*self.table.names, *_MIDDLES)
        missing = [name for name in config.skeleton.joints if name not in known]
        if missing:
            raise InputError(
                f"expected a layout whose keypoints the body has, got '{config.skeleton.name}' with "
                f"{', '.join(missing)}: choose another (halpe_26, coco_17, body_25)"
            )
        return config.skeleton.joints

    def paint(self, postures: Postures, index: int) -> Painting:
        """One picture; its subject has the first posture, others around it the next ones."""
        rng = default_rng([self.seed, index])
        config = self.config
        count = 1 if rng.random() < 0.5 else int(rng.integers(1, config.people + 1))
        count = min(count, len(postures.betas))
        vertices, points = self._posed(postures, count)
        placed = place_people(config, rng, count)
        seen = [
            (v @ turn.T + at, p @ turn.T + at)
            for v, p, (turn, at) in zip(vertices, points, placed.people, strict=True)
        ]
        shot = frame_subject(config, rng, seen[0][0], placed)
        outfits = [draw_outfit(rng, config.dressed) for _ in range(count)]
        figures = [
            self._figure(v, p, outfit, rng) for (v, p), outfit in zip(seen, outfits, strict=True)
        ]
        view = _View.of(figures, shot.intrinsics, (config.height, config.width))
        canvas = draw_background(rng, config.height, config.width, shot.horizon, self.photos)
        _lit(canvas, figures, view, rng)
        owner, part, uv, depth = self._truth(figures, view)
        if rng.random() < config.occluded:
            things, where = clutter(rng, config.height, config.width, shot.box)
            canvas[where] = things[where]
            owner[where], part[where], depth[where], uv[:, where] = 0, 0, np.nan, np.nan
        inside = _inside(config, rng)
        if not inside.all():
            owner[~inside], part[~inside] = 0, 0
            depth[~inside], uv[:, ~inside] = np.nan, np.nan
        canvas = cv2.GaussianBlur(canvas, (3, 3), float(rng.uniform(0.3, 0.6)))
        if rng.random() < config.spoilt:
            canvas = spoilt(canvas, rng)
        canvas[~inside] = 0
        truth = _Truth(owner, depth, inside)
        people = tuple(
            self._person(number, p, truth, shot, _params(postures, number, *placed.people[number]))
            for number, (_, p) in enumerate(seen)
        )
        camera = Camera(
            torch.from_numpy(shot.intrinsics).float(),
            torch.eye(4),
            torch.zeros(5),
            (config.height, config.width),
        )
        return Painting(canvas, config.skeleton, people, owner, part, uv, depth, camera)

    def _posed(
        self, postures: Postures, count: int
    ) -> tuple[Float64[ndarray, "people vertices 3"], Float64[ndarray, "people points 3"]]:
        """Vertices, and joints and landmarks; the root at the origin."""
        turns, betas = postures.axis_angle[:count], postures.betas[:count]
        still = torch.zeros(count, 3)
        with torch.inference_mode():
            mesh = self.body(BodyParams(betas, turns[:, 1:], turns[:, 0], still))
            points = place_points(self.table, rotmat_from_axis_angle(turns), still, betas).places
            root = mesh.joints[:, :1]
            return (mesh.vertices - root).double().numpy(), (
                points - points[:, :1]
            ).double().numpy()

    def _figure(
        self, vertices: ndarray, points: ndarray, outfit: Outfit, rng: Generator
    ) -> _Figure:
        clay, faces = self.clay, self.clay.atlas.faces
        skin = np.ascontiguousarray(vertices, np.float32)
        normals = np.empty_like(skin)
        vertex_normals(skin, faces, normals)
        if outfit.thick.any():
            dressing = (outfit.cut, outfit.thick, outfit.waves, int(rng.integers(1 << 30)))
            displace(skin, normals, clay.rest, clay.vertex_parts, *dressing)
        sheets = self._sheets(points, outfit, rng)
        everything = np.concatenate([skin, *(sheet.points for sheet, _ in sheets)])
        rest = np.concatenate([clay.rest, *(sheet.rest for sheet, _ in sheets)])
        plain = np.ones((len(rest) - len(clay.rest), 3), np.float32)
        all_faces, parts, start = [faces], [clay.atlas.part], len(skin)
        for sheet, zone in sheets:
            all_faces.append(sheet.faces + start)
            parts.append(np.full(len(sheet.faces), 100 + zone, np.int32))
            start += len(sheet.points)
        faces = np.concatenate(all_faces)
        normals = np.empty_like(everything)
        # A sheet has two sides: its normals come from the outer one.
        halves = [clay.atlas.faces, *(f[: len(f) // 2] for f in all_faces[1:])]
        vertex_normals(everything, np.concatenate(halves), normals)
        tints = np.concatenate([clay.tints, plain])
        return _Figure(everything, normals, rest, tints, faces, np.concatenate(parts), outfit)

    def _sheets(self, points: ndarray, outfit: Outfit, rng: Generator) -> list[tuple[Sheet, int]]:
        at = dict(zip(self.table.names, points, strict=True))
        sheets: list[tuple[Sheet, int]] = []
        if outfit.skirt:
            sheets.append((skirt(at, outfit.skirt, rng), ZONES.index("trousers")))
        if outfit.hair:
            middle = (at["left_ear"] + at["right_ear"]) / 2
            left = at["left_ear"] - at["right_ear"]
            left = left / np.linalg.norm(left)
            up = at["head_top"] - middle
            up = up - (up @ left) * left
            up = up / np.linalg.norm(up)
            axes = np.stack([left, up, np.cross(left, up)])
            sheets.append((long_hair(middle, axes, outfit.hair, rng), ZONES.index("hair")))
        return sheets

    def _truth(
        self, figures: Sequence[_Figure], view: "_View"
    ) -> tuple[ndarray, ndarray, ndarray, ndarray]:
        shape = view.owner.shape
        owner = np.zeros(shape, np.int32)
        part = np.zeros(shape, np.uint8)
        uv = np.full((2, *shape), np.nan, np.float32)
        for number, (start, figure) in enumerate(zip(view.starts, figures, strict=True)):
            here = (view.owner > start) & (view.owner <= start + len(figure.faces))
            face = view.owner[here] - 1 - start
            owner[here] = number + 1
            shown = figure.parts[face]
            part[here] = np.where(shown >= 100, IGNORED, shown)
            body = np.minimum(face, len(self.clay.atlas.uv) - 1)
            places = (self.clay.atlas.uv[body] * view.barycentrics[here][..., None]).sum(1)
            places[shown >= 100] = np.nan
            uv[:, here] = places.T
        depth = np.where(view.owner > 0, view.depth, np.nan).astype(np.float32)
        return owner, part, uv, depth

    def _person(
        self, number: int, points: ndarray, truth: "_Truth", shot: Shot, params: BodyParams
    ) -> PaintedPerson:
        places = self._layout(points)
        pixels = places @ shot.intrinsics.T
        pixels = pixels[:, :2] / pixels[:, 2:]
        seen = _seen(pixels, places[:, 2], number, truth)
        rows, columns = np.nonzero(truth.owner == number + 1)
        box = np.zeros(4, np.float32)
        if len(rows):
            left, top = columns.min(), rows.min()
            box[:] = left, top, columns.max() + 1 - left, rows.max() + 1 - top
        return PaintedPerson(pixels.astype(np.float32), seen, box, params)

    def _layout(self, points: ndarray) -> Float64[ndarray, "joints 3"]:
        at = dict(zip(self.table.names, points, strict=True))
        for joint, mark in SKIN_POINTS.items():
            at[joint] = at[joint] + self.config.skin * (at[mark] - at[joint])
        for middle, (one, other) in _MIDDLES.items():
            at[middle] = (at[one] + at[other]) / 2
        return np.stack([at[name] for name in self.names])


@dataclass(frozen=True, slots=True)
class _View:
    """Which triangle of all figures each pixel shows; `starts` is where each figure's begin."""

    owner: Int32[ndarray, "height width"]
    barycentrics: Float32[ndarray, "height width 3"]
    depth: Float32[ndarray, "height width"]
    starts: tuple[int, ...]

    @classmethod
    def of(cls, figures: Sequence[_Figure], intrinsics: ndarray, size: tuple[int, int]) -> "_View":
        from lift3d.geometry.raster import cover, locate, outline

        points = np.concatenate([figure.vertices for figure in figures]).astype(np.float64)
        first = np.cumsum([0, *(len(figure.vertices) for figure in figures)])
        faces = np.concatenate(
            [figure.faces + np.int32(start) for figure, start in zip(figures, first, strict=False)]
        )
        centre, seen = np.zeros(1), np.ascontiguousarray(points @ intrinsics.T)
        planes = np.empty((len(faces), 13))
        boxes, kept = np.empty((len(faces), 4), np.int32), np.empty(len(faces), np.int32)
        found = outline(seen, faces, False, _NEAR, *size, centre, planes, boxes, kept)
        nearness, owner = np.zeros(size, np.float32), np.zeros(size, np.int32)
        cover(planes[:found], boxes[:found], centre, _NEAR, 0, 0, nearness, owner)
        barycentrics, depth = np.zeros((*size, 3), np.float32), np.zeros(size, np.float32)
        locate(planes[:found], owner, 0, 0, barycentrics, depth)
        covered = owner > 0
        owner[covered] = kept[owner[covered] - 1] + 1
        starts = np.cumsum([0, *(len(figure.faces) for figure in figures)])[:-1]
        return cls(owner, barycentrics, depth, tuple(starts.tolist()))


def _lit(
    canvas: UInt8[ndarray, "height width 3"],
    figures: Sequence[_Figure],
    view: _View,
    rng: Generator,
) -> None:
    """Paint the figures onto the canvas, all in the same light."""
    lamps = np.zeros((int(rng.integers(1, 4)), 6), np.float32)
    for lamp in lamps:
        way = np.array([rng.normal(), -abs(rng.normal()) - 0.1, -rng.uniform(-0.4, 1.5)])
        lamp[:3] = way / np.linalg.norm(way)
        lamp[3:] = rng.uniform(0.1, 1.0) * rng.uniform(0.85, 1.15, 3)
    ambient = (rng.uniform(0.1, 0.7) * rng.uniform(0.85, 1.15, (2, 3))).astype(np.float32)
    ambient[1] *= rng.uniform(0.3, 1.0)
    exposure = float(np.exp(rng.normal(0, 0.35)) / (0.4 + 0.5 * lamps[:, 3:].sum() / 3))
    for start, figure in zip(view.starts, figures, strict=True):
        mine = np.where(
            (view.owner > start) & (view.owner <= start + len(figure.faces)), view.owner - start, 0
        ).astype(np.int32)
        looks = (figure.outfit.cut, figure.outfit.cloths, lamps, ambient)
        shape = (figure.faces, figure.rest, figure.normals, figure.tints, figure.parts)
        shade(mine, view.barycentrics, *shape, *looks, int(rng.integers(1 << 30)), exposure, canvas)


@dataclass(frozen=True, slots=True)
class _Truth:
    """What each pixel shows; `inside` is where the picture is that the crop was cut from."""

    owner: Int32[ndarray, "height width"]
    depth: Float32[ndarray, "height width"]
    inside: Bool[ndarray, "height width"]


def _inside(config: PaintConfig, rng: Generator) -> Bool[ndarray, "height width"]:
    """Crops at a picture's edge reach beyond it: at times a strip on one side is black."""
    inside = np.ones((config.height, config.width), bool)
    if rng.random() < config.edged:
        share, side = rng.uniform(0.03, 0.4), rng.integers(4)
        if side < 2:
            columns = int(share * config.width)
            inside[:, slice(0, columns) if side else slice(config.width - columns, None)] = False
        else:
            rows = int(share * config.height)
            inside[slice(0, rows) if side == 2 else slice(config.height - rows, None)] = False
    return inside


def _seen(
    pixels: Float64[ndarray, "joints 2"],
    depths: Float64[ndarray, " joints"],
    person: int,
    truth: _Truth,
) -> Int32[ndarray, " joints"]:
    """COCO's v: 0 outside, 1 hidden, 2 in view."""
    height, width = truth.owner.shape
    out = np.zeros(len(pixels), np.int32)
    surface = np.where(truth.owner == person + 1, truth.depth, -np.inf)
    for joint, (x, y) in enumerate(pixels):
        if not (-0.5 <= x < width - 0.5 and -0.5 <= y < height - 0.5 and depths[joint] > _NEAR):
            continue
        column, row = round(x), round(y)
        if not truth.inside[row, column]:
            continue
        around = surface[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
        out[joint] = 2 if around.max() > depths[joint] - _BEHIND else 1
    return out


def _params(postures: Postures, number: int, turn: ndarray, at: ndarray) -> BodyParams:
    """The person in the camera frame: `turn` and `at` place the root."""
    turns = postures.axis_angle[number]
    whole = torch.from_numpy(turn).to(turns.dtype) @ rotmat_from_axis_angle(turns[0])
    return BodyParams(
        postures.betas[number],
        turns[1:],
        axis_angle_from_rotmat(whole),
        torch.from_numpy(at).float(),
    )


def _clay(body: BodyModel) -> _Clay:
    atlas = atlas_of(body)
    count = len(body.skeleton.joints)
    none = torch.zeros(body.articulation.joints_shapedirs.shape[-1])
    still = BodyParams(none, torch.zeros(count - 1, 3), torch.zeros(3), torch.zeros(3))
    mesh = body(still)
    rest = (mesh.vertices - mesh.joints[0]).numpy().astype(np.float32)
    parts = np.zeros(len(rest), np.int32)
    for corner in range(3):
        parts[atlas.faces[:, corner]] = atlas.part
    return _Clay(atlas, rest, parts, _face_tints(body.surface.colors, rest, parts))


def _face_tints(
    colors: Float[Tensor, "vertices 3"], rest: ndarray, parts: ndarray
) -> Float32[ndarray, "vertices 3"]:
    """How eyes and lips differ from skin: their colours as shares of the skin's, elsewhere 1."""
    values = colors.numpy()
    kinds, of, counts = np.unique(values, axis=0, return_inverse=True, return_counts=True)
    skin = kinds[counts.argmax()]
    features = (parts >= 23) & (rest[:, 2] > 0.10) & (rest[:, 1] < 0.72)
    features &= of.ravel() != counts.argmax()
    tints = np.ones_like(values)
    tints[features] = values[features] / skin
    return tints.astype(np.float32)
