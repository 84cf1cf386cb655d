"""Capsules on any skeleton: a body without a surface of its own, for layouts that have none.

`StickBody(skeleton)` is a body model that rotations drive; `StickBody.around(pose)` puts capsules
between given joints, which needs no rotations and also works for layouts that are no tree of bones
from a pelvis.
"""

import math
from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.body import Articulation, BodyMesh, BodyParams, Surface
from lift3d.errors import InputError
from lift3d.pose import Pose3D
from lift3d.skeleton import Skeleton
from lift3d.skeletons import SMPL_24, skeleton_named
from lift3d_body_models.default import DefaultBody
from lift3d_body_models.linear_blend import LinearBlendBody

__all__ = ["StickBody"]

_AROUND: Final = 12
_RADIUS: Final = 0.03  # metres
_SIZE: Final = 0.05
"""The only beta: one standard deviation makes the body 5 % larger."""
# Rings of a capsule: how far along the bone, and latitude of the round ends (radians).
_RINGS: Final = tuple(
    (end, latitude)
    for end, latitudes in ((0.0, (-1.5, -1.0, -0.5, 0.0)), (1.0, (0.0, 0.5, 1.0, 1.5)))
    for latitude in latitudes
)
# Linear RGB of what pictures of skeletons show: the left orange, the right blue.
_LEFT, _RIGHT, _MIDDLE = (0.72, 0.20, 0.08), (0.07, 0.25, 0.62), (0.35, 0.35, 0.38)


class StickBody:
    """Capsules along the bones of a skeleton; obeys `lift3d.protocols.BodyModel`.

    `skeleton` is a layout or its name. At rest it stands as the default body does, in T-pose, so that
    SMPL's rotations drive a stick body of `SMPL_24`; other layouts take the same places. Raises
    `InputError` for a layout with joints that the default body cannot place, or whose parents do not
    come before their children: `around` serves those.
    """

    def __init__(self, skeleton: Skeleton | str = SMPL_24, *, radius: float = _RADIUS) -> None:
        layout = skeleton_named(skeleton) if isinstance(skeleton, str) else skeleton
        if not 0 < radius < 1:
            raise InputError(
                f"expected a radius in metres above 0 and below 1, got {radius}: 0.03 looks like a limb"
            )
        rest = _rest_joints(layout)
        vertices = _capsules(rest, layout, radius)
        self._body = LinearBlendBody(
            "stick",
            layout,
            v_template=vertices,
            shapedirs=(vertices * _SIZE)[..., None],
            pose_shapes=(),
            j_regressor=_ring_centres(layout),
            surface=_surface(layout),
            landmarks={},
        )

    @property
    def name(self) -> str:
        """The body's name in messages and files."""
        return "stick"

    @property
    def skeleton(self) -> Skeleton:
        """The layout that the capsules follow."""
        return self._body.skeleton

    @property
    def articulation(self) -> Articulation:
        """Rest joints as functions of the size."""
        return self._body.articulation

    @property
    def surface(self) -> Surface:
        """Triangles, rigid skinning, and colours by side: left orange, right blue."""
        return self._body.surface

    def joints(self, params: BodyParams) -> Float[Tensor, "*batch joints 3"]:
        """Posed joints in metres."""
        return self._body.joints(params)

    def __call__(self, params: BodyParams) -> BodyMesh:
        """Posed capsules."""
        return self._body(params)

    @staticmethod
    def around(pose: Pose3D, *, radius: float = _RADIUS) -> BodyMesh:
        """Capsules between the joints of a pose, in its frame; bones with a missing end are NaN."""
        vertices = _capsules(pose.joints, pose.skeleton, radius)
        return BodyMesh(vertices, pose.joints, _faces(len(pose.skeleton.bones)), pose.skeleton)


def _rest_joints(skeleton: Skeleton) -> Float[Tensor, "joints 3"]:
    """The layout's joints on the default body at rest, by name or by rule."""
    articulation = DefaultBody().articulation
    names = (*articulation.skeleton.joints, *articulation.landmarks)
    places = torch.cat([articulation.joints_template, articulation.landmarks_template])
    known = Skeleton("rest", names, (-1, *(0 for _ in names[1:])))
    rest = Pose3D.certain(places[None], known, "world").to(skeleton).joints[0]
    missing = [
        name for name, place in zip(skeleton.joints, rest, strict=True) if place.isnan().any()
    ]
    if missing:
        raise InputError(
            f"expected joints that the default body can place, got {', '.join(missing)} in "
            f"'{skeleton.name}': put capsules around a pose instead (StickBody.around)"
        )
    return rest


def _capsules(joints: Tensor, skeleton: Skeleton, radius: float) -> Tensor:
    """Vertices [..., bones * rings * around, 3] of one capsule per bone."""
    ends = torch.tensor(skeleton.bones)
    start, end = joints[..., ends[:, 0], :], joints[..., ends[:, 1], :]
    axis = torch.nn.functional.normalize(end - start, dim=-1)
    side, other = _across(axis)
    rings: list[Tensor] = []
    phi = torch.arange(_AROUND, dtype=joints.dtype, device=joints.device) * (2 * math.pi / _AROUND)
    circle = phi.cos()[:, None] * side[..., None, :] + phi.sin()[:, None] * other[..., None, :]
    for along, latitude in _RINGS:
        centre = start + (end - start) * along + axis * (radius * math.sin(latitude))
        rings.append(centre[..., None, :] + circle * (radius * math.cos(latitude)))
    return torch.stack(rings, -3).flatten(-4, -2)


def _across(axis: Tensor) -> tuple[Tensor, Tensor]:
    """Two directions across each bone that follow it without a jump over time.

    Duff et al., Building an orthonormal basis, revisited, JCGT 6(1), 2017.
    """
    x, y, z = axis.unbind(-1)
    sign = torch.where(z >= 0, 1.0, -1.0).to(axis.dtype)
    a = -1 / (sign + z)
    b = x * y * a
    side = torch.stack([1 + sign * x * x * a, sign * b, -sign * x], -1)
    return side, torch.stack([b, sign + y * y * a, -y], -1)


def _faces(bones: int) -> Tensor:
    """Triangles of all capsules, counter-clockwise seen from outside, with a fan at each end."""
    one: list[tuple[int, int, int]] = []
    last = (len(_RINGS) - 1) * _AROUND
    for i in range(_AROUND):
        j = (i + 1) % _AROUND
        for ring in range(0, last, _AROUND):
            a, b = ring + i, ring + j
            one += [(a, b, b + _AROUND), (a, b + _AROUND, a + _AROUND)]
        if 0 < i < _AROUND - 1:
            one += [(0, j, i), (last, last + i, last + j)]
    step = len(_RINGS) * _AROUND
    return (torch.tensor(one) + torch.arange(bones)[:, None, None] * step).reshape(-1, 3)


def _ring_centres(skeleton: Skeleton) -> Float[Tensor, "joints vertices"]:
    """Each joint as the mean of the ring around it."""
    step = len(_RINGS) * _AROUND
    out = torch.zeros(len(skeleton), step * len(skeleton.bones))
    rings = {0.0: _RINGS.index((0.0, 0.0)), 1.0: _RINGS.index((1.0, 0.0))}
    for bone, (parent, child) in enumerate(skeleton.bones):
        for joint, along in ((parent, 0.0), (child, 1.0)):
            if not out[joint].any():
                first = bone * step + rings[along] * _AROUND
                out[joint, first : first + _AROUND] = 1 / _AROUND
    return out


def _surface(skeleton: Skeleton) -> Surface:
    step = len(_RINGS) * _AROUND
    bones = skeleton.bones
    weights = torch.zeros(len(bones) * step, len(skeleton))
    colors = torch.zeros(len(bones) * step, 3)
    for bone, (parent, child) in enumerate(bones):
        rows = slice(bone * step, (bone + 1) * step)
        weights[rows, parent] = 1.0
        colors[rows] = torch.tensor(_color(skeleton.joints[child]))
    faces = _faces(len(bones))
    per_bone = len(faces) // max(1, len(bones))
    return Surface(
        faces=faces,
        lbs_weights=weights,
        colors=colors,
        uv=torch.zeros(0, 2),
        uv_faces=torch.zeros_like(faces),
        parts=torch.arange(len(bones)).repeat_interleave(per_bone),
        part_names=tuple(skeleton.joints[child] for _, child in bones),
    )


def _color(joint: str) -> tuple[float, float, float]:
    if joint.startswith("left_"):
        return _LEFT
    return _RIGHT if joint.startswith("right_") else _MIDDLE
