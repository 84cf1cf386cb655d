"""Our own 24 charts on the default body: DensePose's parts, each laid out flat.

A chart gives every point of its part two numbers U and V in [0, 1]. Limbs and both halves of the
trunk are laid onto the unit square by a convex combination map with mean value weights (M. Floater,
Mean value coordinates, CAGD 2003): with the border on a convex shape no triangle folds over (W. Tutte,
1963). U runs along the limb, away from the trunk (on the trunk upwards), V from one side of the half
to the other. Hands, feet and the halves of the head keep the body's own texture layout, which has one
piece for each, stretched to [0, 1].

The numbers of the parts are DensePose's (R. A. Gueler, N. Neverova, I. Kokkinos: DensePose, CVPR 2018);
which half of an arm is which, and U and V inside of a part, are ours: maps of other atlases must go
through their own tables.
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import Final

import numpy as np
import torch
from jaxtyping import Bool, Float32, Float64, Int, Int32
from numpy import ndarray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import spsolve
from scipy.spatial import cKDTree
from torch import Tensor

from lift3d.body import BodyParams, Surface
from lift3d.errors import InputError
from lift3d.protocols import BodyModel

__all__ = ["COARSE_PARTS", "PART_NAMES", "Atlas", "atlas_of", "mirrored_part"]

PART_NAMES: Final = (
    "trunk_back",
    "trunk_front",
    "right_hand",
    "left_hand",
    "left_foot",
    "right_foot",
    "right_upper_leg_back",
    "left_upper_leg_back",
    "right_upper_leg_front",
    "left_upper_leg_front",
    "right_lower_leg_back",
    "left_lower_leg_back",
    "right_lower_leg_front",
    "left_lower_leg_front",
    "left_upper_arm_inner",
    "right_upper_arm_inner",
    "left_upper_arm_outer",
    "right_upper_arm_outer",
    "left_lower_arm_inner",
    "right_lower_arm_inner",
    "left_lower_arm_outer",
    "right_lower_arm_outer",
    "right_head",
    "left_head",
)
"""Part k of a map is `PART_NAMES[k - 1]`; 0 is the background."""

COARSE_PARTS: Final = (
    *("trunk", "trunk", "right_hand", "left_hand", "left_foot", "right_foot"),
    *("right_upper_leg", "left_upper_leg") * 2,
    *("right_lower_leg", "left_lower_leg") * 2,
    *("left_upper_arm", "right_upper_arm") * 2,
    *("left_lower_arm", "right_lower_arm") * 2,
    *("head", "head"),
)
"""The 14 parts that people are annotated with, by part as in `PART_NAMES`."""


def mirrored_part(part: int) -> int:
    """The number of the part on the other side; the trunk's and the background's are their own."""
    if part == 0:
        return 0
    name = PART_NAMES[part - 1]
    sides = {"left": "right", "right": "left"}
    side, _, rest = name.partition("_")
    return PART_NAMES.index(f"{sides.get(side, side)}_{rest}") + 1


@dataclass(frozen=True, slots=True)
class Atlas:
    """Which part each triangle belongs to (1 to 24), and U and V of its corners."""

    part: Int32[ndarray, " faces"]
    uv: Float32[ndarray, "faces 3 2"]
    faces: Int32[ndarray, "faces 3"]

    def __post_init__(self) -> None:
        count = len(self.faces)
        if self.part.shape != (count,) or self.uv.shape != (count, 3, 2):
            raise InputError(
                f"expected a part [faces] and UV [faces 3 2] for each of {count} triangles, got "
                f"{list(self.part.shape)} and {list(self.uv.shape)}: give one for each"
            )
        if count and not (self.part.min() >= 1 and self.part.max() <= len(PART_NAMES)):
            raise InputError(
                f"expected parts from 1 to {len(PART_NAMES)}, got {self.part.min()} to "
                f"{self.part.max()}: number them as DensePose does"
            )


def atlas_of(body: BodyModel) -> Atlas:
    """Charts on a body of the default body's format, worked out once in a process.

    Raises `InputError` for a body whose parts are not named as SMPL's 24 joints, or whose texture
    layout has no piece of its own for head, hands and feet; read its own table instead.
    """
    shape = _rest(body)
    surface = shape.surface
    if not len(surface.uv):
        raise InputError(
            f"expected a body whose surface has a texture layout, got '{body.name}' without: read the "
            "charts of this body from its own table"
        )
    parts = (surface.faces, surface.uv, surface.uv_faces, surface.parts)
    held = b"".join([*(tensor.numpy().tobytes() for tensor in parts), shape.vertices.tobytes()])
    key = sha256(held).digest()
    if key not in _MADE:
        _MADE[key] = _charted(shape)
    return _MADE[key]


_MADE: Final[dict[bytes, Atlas]] = {}


@dataclass(frozen=True, slots=True)
class _Shape:
    """A body in its rest pose."""

    surface: Surface
    vertices: Float64[ndarray, "vertices 3"]
    joints: dict[str, Float64[ndarray, "3"]]


def _rest(body: BodyModel) -> _Shape:
    count = len(body.skeleton.joints)
    betas = torch.zeros(body.articulation.joints_shapedirs.shape[-1])
    mesh = body(BodyParams(betas, torch.zeros(count - 1, 3), torch.zeros(3), torch.zeros(3)))
    places = mesh.joints.double().numpy()
    joints = dict(zip(body.skeleton.joints, places, strict=True))
    return _Shape(body.surface, mesh.vertices.double().numpy(), joints)


_TRUNK: Final = ("pelvis", "spine1", "spine2", "spine3", "neck", "head")
_LIMBS: Final = {  # the body's parts -> the chart's stem, the line through it
    "hip": ("upper_leg", ("hip", "knee")),
    "knee": ("lower_leg", ("knee", "ankle")),
    "ankle": ("lower_leg", ("knee", "ankle")),
    "shoulder": ("upper_arm", ("shoulder", "elbow")),
    "elbow": ("lower_arm", ("elbow", "wrist")),
    "wrist": ("lower_arm", ("elbow", "wrist")),
}


def _charted(shape: _Shape) -> Atlas:
    surface = shape.surface
    faces = surface.faces.numpy().astype(np.int32)
    part = _parts(shape, faces)
    uv = np.zeros((len(faces), 3, 2))
    layout = surface.uv.double().numpy()[surface.uv_faces.numpy()]
    pieces = _pieces(surface.uv_faces, len(surface.uv))
    for number, name in enumerate(PART_NAMES, 1):
        here = part == number
        if name.endswith(("_hand", "_foot", "_head")):
            uv[here] = _stretched(layout[here], shape.vertices[faces[here]], pieces[here])
            if name.startswith("right"):  # the layout has the left side's mirror image there
                axis = 1 if name.endswith("_head") else 0
                uv[here, :, axis] = 1 - uv[here, :, axis]
        else:
            line, across = _frame(name, shape.joints)
            uv[here] = _flattened(shape.vertices, faces[here], line, across)
    return Atlas(part, uv.astype(np.float32), faces)


def _parts(shape: _Shape, faces: Int32[ndarray, "faces 3"]) -> Int32[ndarray, " faces"]:
    """The chart of each triangle."""
    surface = shape.surface
    pieces = _pieces(surface.uv_faces, len(surface.uv))
    names = np.array(surface.part_names)[surface.parts.numpy()]
    middle = shape.vertices[faces].mean(1)
    out = np.zeros(len(faces), np.int32)
    own = _own_pieces(pieces, names)
    for stem, here in own.items():
        for side, sign in (("left", 1), ("right", -1)):
            chosen = here & (middle[:, 0] * sign > 0)
            out[chosen] = PART_NAMES.index(f"{side}_{stem}") + 1
    for face in np.flatnonzero(out == 0):
        out[face] = _limb_or_trunk(str(names[face]), middle[face], shape.joints)
    return _whole(out, faces)


def _pieces(uv_faces: Int[Tensor, "faces 3"], count: int) -> Int32[ndarray, " faces"]:
    """The number of the connected piece of the texture layout that each triangle lies on."""
    corners = uv_faces.numpy()
    edges = np.concatenate([corners[:, [0, 1]], corners[:, [1, 2]]])
    graph = coo_array((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), shape=(count, count))
    labels = connected_components(graph, directed=False)[1]
    return np.asarray(labels[corners[:, 0]], np.int32)


def _own_pieces(
    pieces: Int32[ndarray, " faces"], names: ndarray
) -> dict[str, Bool[ndarray, " faces"]]:
    """Where the layout has pieces that hold mostly hands, feet or a head."""
    kinds = {"hand": ("hand", "wrist"), "foot": ("foot", "ankle"), "head": ("head",)}
    out = {stem: np.zeros(len(pieces), bool) for stem in kinds}
    for piece in np.unique(pieces):
        here = pieces == piece
        for stem, endings in kinds.items():
            held = np.mean([str(name).endswith(endings) for name in names[here]])
            if held > 0.8:
                out[stem] |= here
    if not all(here.any() for here in out.values()):
        raise InputError(
            "expected a body whose texture layout has pieces of their own for head, hands and feet, "
            "got one without: read the charts of this body from its own table"
        )
    return out


def _limb_or_trunk(name: str, at: Float64[ndarray, "3"], joints: dict[str, ndarray]) -> int:
    side, _, joint = name.partition("_")
    if joint in _LIMBS:
        stem, ends = _LIMBS[joint]
        axis = 0 if stem.endswith("arm") else 1
        begin, end = (joints[f"{side}_{place}"] for place in ends)
        share = (at[axis] - begin[axis]) / (end[axis] - begin[axis])
        beyond = at - (begin + share * (end - begin))
        half = ("outer" if beyond[1] > 0 else "inner") if axis == 0 else None
        half = half or ("front" if beyond[2] > 0 else "back")
        return PART_NAMES.index(f"{side}_{stem}_{half}") + 1
    if name not in _TRUNK and joint != "collar":
        raise InputError(
            f"expected a body whose parts are named as SMPL's joints, got a part '{name}': read the "
            "charts of this body from its own table"
        )
    hips, chest = joints["pelvis"], joints["left_shoulder"]
    share = np.clip((at[1] - hips[1]) / (chest[1] - hips[1]), 0, 1)
    return 2 if at[2] > hips[2] + share * (chest[2] - hips[2]) else 1


def _whole(part: Int32[ndarray, " faces"], faces: Int32[ndarray, "faces 3"]) -> ndarray:
    """The same charts without crumbs: what is cut off from the rest goes to a neighbour."""
    out = part.copy()
    shared = _neighbours(faces)
    kept = np.array(["_head" not in PART_NAMES[number - 1] for number in part])
    for _ in range(4):
        same = out[shared[:, 0]] == out[shared[:, 1]]
        pairs = shared[same]
        graph = coo_array(
            (np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(len(out), len(out))
        )
        labels = connected_components(graph, directed=False)[1]
        size = np.bincount(labels)[labels]
        largest = np.zeros(len(PART_NAMES) + 1, int)
        np.maximum.at(largest, out, size)
        crumbs = kept & (size < largest[out])
        for a, b in np.concatenate([shared[~same], shared[~same][:, ::-1]]):
            if crumbs[a] and not crumbs[b] and kept[b]:
                out[labels == labels[a]] = out[b]
    return out


def _neighbours(faces: Int32[ndarray, "faces 3"]) -> Int32[ndarray, "pairs 2"]:
    """Triangles with a common edge."""
    edges = np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]), 1)
    owner = np.tile(np.arange(len(faces)), 3)
    order = np.lexsort((edges[:, 1], edges[:, 0]))
    twins = (edges[order][1:] == edges[order][:-1]).all(1)
    return np.stack([owner[order][:-1][twins], owner[order][1:][twins]], 1).astype(np.int32)


def _stretched(
    uv: Float64[ndarray, "faces 3 2"],
    corners: Float64[ndarray, "faces 3 3"],
    pieces: Int32[ndarray, " faces"],
) -> Float64[ndarray, "faces 3 2"]:
    """The largest piece of the layout on [0, 1]; others (eyes) lie where it is nearest to them."""
    main = pieces == np.bincount(pieces).argmax()
    low, high = uv[main].reshape(-1, 2).min(0), uv[main].reshape(-1, 2).max(0)
    out = (uv - low) / (high - low)
    if not main.all():
        nearest = cKDTree(corners[main].reshape(-1, 3)).query(corners[~main].reshape(-1, 3))[1]
        out[~main] = out[main].reshape(-1, 2)[nearest].reshape(-1, 3, 2)
    return np.asarray(out)


def _frame(name: str, joints: dict[str, ndarray]) -> tuple[ndarray, ndarray]:
    """The directions of U and V of a limb's or trunk's chart in the rest pose."""
    if name.startswith("trunk"):
        return np.array([0.0, 1.0, 0.0]), np.array([1.0, 0.0, 0.0])
    side, _, rest = name.partition("_")
    stem = rest.rpartition("_")[0]
    begin, end = next(ends for known, ends in _LIMBS.values() if known == stem)
    line = joints[f"{side}_{end}"] - joints[f"{side}_{begin}"]
    across = np.array([1.0 if side == "left" else -1.0, 0.0, 0.0])
    if "arm" in name:
        across = np.array([0.0, 0.0, 1.0])
    return line / np.linalg.norm(line), across


def _flattened(
    vertices: Float64[ndarray, "vertices 3"],
    faces: Int32[ndarray, "faces 3"],
    line: Float64[ndarray, "3"],
    across: Float64[ndarray, "3"],
) -> Float64[ndarray, "faces 3 2"]:
    """A piece of the body with one border, laid onto the unit square."""
    used, local = np.unique(faces, return_inverse=True)
    local = local.reshape(faces.shape).astype(np.int32)
    points = vertices[used]
    border = _border(local)
    fixed = _on_square(points[border], line, across)
    weights = _mean_value_weights(points, local)
    inner = np.setdiff1d(np.arange(len(used)), border)
    flat = np.zeros((len(used), 2))
    flat[border] = fixed
    total = np.asarray(weights.sum(1)).ravel()
    system = (coo_array((total, (np.arange(len(used)),) * 2)) - weights).tocsr()
    right = -system[inner][:, border] @ fixed
    flat[inner] = spsolve(system[inner][:, inner].tocsc(), right)
    return np.asarray(flat[local])


def _border(faces: Int32[ndarray, "faces 3"]) -> Int32[ndarray, " border"]:
    """The vertices around the piece in order; the longest border where there are holes."""
    directed = {
        (int(a), int(b)) for f in faces for a, b in ((f[0], f[1]), (f[1], f[2]), (f[2], f[0]))
    }
    onward: dict[int, list[int]] = {}
    for a, b in directed:
        if (b, a) not in directed:
            onward.setdefault(a, []).append(b)
    loops = []
    while onward:
        start = min(onward)
        loop, here = [], start
        while here in onward:
            loop.append(here)
            ways = onward[here]
            step = ways.pop()
            if not ways:
                del onward[here]
            here = step
        loops.append(loop)
    return np.array(max(loops, key=len), np.int32)


_BULGE: Final = 0.1
"""How far sides bend outwards: on straight ones triangles of three border points would be flat."""


def _on_square(
    border: Float64[ndarray, "border 3"], line: Float64[ndarray, "3"], across: Float64[ndarray, "3"]
) -> Float64[ndarray, "border 2"]:
    """The border on the bent sides of the unit square, by length; corners are outmost points."""
    u, v = border @ line, border @ across
    u, v = (u - u.min()) / (u.max() - u.min()), (v - v.min()) / (v.max() - v.min())
    wanted = [np.array([0.0, 0]), np.array([1.0, 0]), np.array([1.0, 1]), np.array([0.0, 1])]
    corners = [int(np.argmax((u - 0.5) * (c[0] - 0.5) + (v - 0.5) * (c[1] - 0.5))) for c in wanted]
    out = np.zeros((len(border), 2))
    order = sorted(range(4), key=lambda k: corners[k])
    length = np.linalg.norm(np.roll(border, -1, 0) - border, axis=1)
    for k, following in zip(order, order[1:] + order[:1], strict=True):
        begin, end = corners[k], corners[following]
        steps = np.arange(begin, end if end > begin else end + len(border)) % len(border)
        run = np.concatenate([[0.0], np.cumsum(length[steps])])
        share = (run / run[-1])[:-1, None]
        outward = (wanted[k] + wanted[following]) / 2 - 0.5
        out[steps] = wanted[k] * (1 - share) + wanted[following] * share
        out[steps] += _BULGE * 4 * share * (1 - share) * outward
    low, high = out.min(0), out.max(0)
    return np.asarray((out - low) / (high - low))


def _mean_value_weights(
    points: Float64[ndarray, "points 3"], faces: Int32[ndarray, "faces 3"]
) -> coo_array:
    """(tan(a / 2) + tan(b / 2)) / length for each directed edge, a and b its angles at its start."""
    rows, columns, values = [], [], []
    for turn in range(3):
        i, j, k = (faces[:, (turn + step) % 3] for step in range(3))
        to_j, to_k = points[j] - points[i], points[k] - points[i]
        long_j, long_k = np.linalg.norm(to_j, axis=1), np.linalg.norm(to_k, axis=1)
        cosine = (to_j * to_k).sum(1) / (long_j * long_k)
        half = np.sqrt((1 - np.clip(cosine, -1, 0.999999)) / (1 + np.clip(cosine, -0.999999, 1)))
        rows += [i, i]
        columns += [j, k]
        values += [half / long_j, half / long_k]
    size = (len(points), len(points))
    return coo_array(
        (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), shape=size
    )
