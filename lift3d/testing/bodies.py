"""Laws of body models: parameters to meshes."""

from dataclasses import replace
from typing import Final

import torch
from torch import Tensor

from lift3d.body import Articulation, BodyMesh, BodyParams, Surface
from lift3d.geometry.rotations import axis_angle_from_rotmat, rotmat_from_axis_angle
from lift3d.protocols import BodyModel
from lift3d.testing.laws import Kept, all_alike, apart, demand, demand_kind, demand_skeleton
from lift3d.testing.specimens import random_params

__all__ = ["check_body_model"]

EXACT: Final = 1e-4
"""Metres by which two ways to the same body may differ in float32."""
_SIZES: Final = (0.05, 4.0)
_BATCHES: Final = ((), (1,), (3,), (2, 3))


def check_body_model(body: BodyModel, *, tolerance: float = EXACT) -> None:
    """`BrokenLawError` where a body does not obey `lift3d.protocols.BodyModel`; `tolerance` in metres.

    - Vertices, joints and triangles have the shapes of `BodyMesh` for every batch, in the dtype of the
      parameters, in metres; a body alone is as it is in a batch.
    - `joints(params)` are the mesh's joints; at rest they are those of `articulation`.
    - `transl` moves all points, `global_orient` turns them about the root joint at rest.
    - `surface` has one row of weights per vertex that sums to 1, colours in [0, 1], and triangles of
      vertices that exist; a closed surface has them counter-clockwise seen from outside.
    - Gradients of all parameters are finite, at rest as well. The same parameters give the same body and
      stay as they are.
    """
    name = getattr(body, "name", None)
    demand(isinstance(name, str) and bool(name), "a body's name", name, "give it one")
    demand_skeleton(getattr(body, "skeleton", None), "`skeleton` of a body")
    _articulation(body.articulation, body)
    _surface(body.surface, body)
    for batch in _BATCHES:
        _form(body, batch)
    _alone(body, tolerance)
    _rest(body, tolerance)
    _moves(body, tolerance)
    _closed(body)
    _gradients(body)
    _same_again(body)


def _articulation(told: Articulation, body: BodyModel) -> None:
    joints, marks = len(told.skeleton), len(told.landmarks)
    shapes = {
        "joints_template": (joints, 3),
        "joints_shapedirs": (joints, 3, told.joints_shapedirs.shape[-1]),
        "landmarks_template": (marks, 3),
        "landmarks_shapedirs": (marks, 3, told.joints_shapedirs.shape[-1]),
    }
    for name, shape in shapes.items():
        got = tuple(getattr(told, name).shape)
        demand(got == shape, f"articulation.{name} of shape {shape}", got, "correct it")
    demand(
        told.skeleton == body.skeleton and told.skeleton.topological,
        "the articulation of the body's own skeleton, with parents before children",
        f"'{told.skeleton.name}'",
        "make both the same",
    )
    demand(
        len(told.landmark_joints) == marks and all(0 <= j < joints for j in told.landmark_joints),
        "one joint for each landmark",
        told.landmark_joints,
        "name the joint that it rides on",
    )


def _surface(surface: Surface, body: BodyModel) -> None:
    vertices = len(body(random_params(body, ())).vertices)
    weights = surface.lbs_weights
    demand(
        tuple(weights.shape) == (vertices, len(body.skeleton)),
        f"skinning weights of shape {(vertices, len(body.skeleton))}",
        tuple(weights.shape),
        "give each vertex a row",
    )
    demand(
        apart(weights.sum(-1), torch.ones(vertices)) < 1e-3 and bool((weights >= -1e-6).all()),
        "rows of skinning weights of at least 0 that sum to 1",
        f"sums from {float(weights.sum(-1).min()):g} to {float(weights.sum(-1).max()):g}",
        "normalise them",
    )
    colors = surface.colors
    demand(
        tuple(colors.shape) == (vertices, 3) and bool(((colors >= 0) & (colors <= 1)).all()),
        f"colours of shape {(vertices, 3)} from 0 to 1",
        tuple(colors.shape),
        "give linear RGB",
    )
    _corners(surface.faces, vertices, "triangles of vertices")
    if len(surface.uv):
        _corners(surface.uv_faces, len(surface.uv), "uv_faces of uv")
    parts = surface.parts
    demand(
        len(parts) == len(surface.faces)
        and bool(((parts >= 0) & (parts < max(1, len(surface.part_names)))).all()),
        "one part for each triangle, by its place in part_names",
        f"{len(parts)} of {len(surface.part_names)} names",
        "correct it",
    )


def _corners(faces: Tensor, count: int, what: str) -> None:
    inside = bool(((faces >= 0) & (faces < count)).all()) if len(faces) else True
    demand(
        faces.ndim == 2 and faces.shape[-1] == 3 and inside,
        f"{what} from 0 to {count - 1}, of shape (faces, 3)",
        tuple(faces.shape),
        "correct them",
    )


def _form(body: BodyModel, batch: tuple[int, ...]) -> None:
    for dtype in (torch.float32, torch.float64):
        params = random_params(body, batch, dtype)
        kept = Kept(params)
        mesh, joints = body(params), body.joints(params)
        kept.demand_untouched("a body")
        demand_kind(mesh, BodyMesh, "a BodyMesh", "return one")
        vertices = (*batch, len(body.surface.lbs_weights), 3)
        places = (*batch, len(body.skeleton), 3)
        got = (tuple(mesh.vertices.shape), tuple(mesh.joints.shape), tuple(joints.shape))
        demand(
            got == (vertices, places, places),
            f"vertices {vertices} and joints {places} for a batch {batch}",
            got,
            "keep the batch axes of the parameters",
        )
        demand(
            mesh.vertices.dtype == mesh.joints.dtype == joints.dtype == dtype,
            f"points of the parameters' type, {dtype}",
            mesh.vertices.dtype,
            "compute in the type of the parameters",
        )
        demand(
            torch.equal(mesh.faces, body.surface.faces) and mesh.skeleton == body.skeleton,
            "the mesh's triangles and skeleton to be the body's",
            mesh.skeleton.name,
            "hand them on",
        )


def _alone(body: BodyModel, tolerance: float) -> None:
    params = random_params(body, (4,))
    mesh = body(params)
    for row in range(4):
        one = body(params[torch.tensor([row])])
        off = apart(one.vertices[0], mesh.vertices[row])
        demand(
            off <= tolerance,
            "a body alone as it is in a batch",
            f"{1000 * off:.3g} mm of difference",
            "let no row of a batch touch another",
        )


def _rest(body: BodyModel, tolerance: float) -> None:
    params = _resting(random_params(body, ()))
    told = body.articulation
    wanted = told.joints_template + told.joints_shapedirs @ params.betas
    mesh = body(params)
    for what, got in (("joints()", body.joints(params)), ("the mesh's joints", mesh.joints)):
        off = apart(got, wanted)
        demand(
            off <= tolerance,
            f"{what} at rest as articulation tells them (template + shapedirs @ betas)",
            f"{1000 * off:.3g} mm of difference",
            "make both the same",
        )
    size = float((mesh.vertices.amax(0) - mesh.vertices.amin(0)).max())
    demand(
        _SIZES[0] < size < _SIZES[1],
        f"a body {_SIZES[0]} to {_SIZES[1]} metres large",
        f"{size:.3g}",
        "give metres",
    )


def _moves(body: BodyModel, tolerance: float) -> None:
    """Posed points turn and shift as `BodyParams` says, and both ways to the joints agree."""
    params = random_params(body, (3,), seed=1)
    told = body.articulation
    root = (told.joints_template[0] + params.betas @ told.joints_shapedirs[0].mT)[:, None]
    plain = body(replace(params, transl=torch.zeros(3, 3)))
    moved = body(params)
    turn = rotmat_from_axis_angle(torch.tensor([0.3, -1.1, 0.7]))
    both = turn @ rotmat_from_axis_angle(params.global_orient)
    turned = body(
        replace(params, global_orient=axis_angle_from_rotmat(both), transl=torch.zeros(3, 3))
    )
    for what, points in (("vertices", "vertices"), ("joints", "joints")):
        before, after = getattr(plain, points), getattr(moved, points)
        off = apart(after, before + params.transl[:, None])
        demand(
            off <= tolerance,
            f"{what} that transl moves by itself",
            f"{1000 * off:.3g} mm of difference",
            "add transl to all points after posing",
        )
        off = apart(getattr(turned, points), (before - root) @ turn.mT + root)
        demand(
            off <= tolerance,
            f"{what} that global_orient turns about the root joint at rest",
            f"{1000 * off:.3g} mm of difference",
            "let the root's rotation turn the whole body, and pose shapes not depend on it",
        )
    off = apart(body.joints(params), moved.joints)
    demand(
        off <= tolerance,
        "joints() to be the joints of the mesh",
        f"{1000 * off:.3g} mm of difference",
        "make both the same",
    )


def _closed(body: BodyModel) -> None:
    """A closed surface has a positive volume."""
    faces = body.surface.faces
    if not len(faces):
        return
    ways = torch.cat([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    count = len(body.surface.lbs_weights)
    there, back = ways[:, 0] * count + ways[:, 1], ways[:, 1] * count + ways[:, 0]
    if not torch.equal(there.sort().values, back.sort().values):
        return
    corners = body(_resting(random_params(body, (), torch.float64))).vertices[faces]
    volume = torch.linalg.det(corners).sum() / 6
    demand(
        bool(volume > 0),
        "triangles counter-clockwise seen from outside",
        f"a surface inside out, of {float(volume):.3g} cubic metres",
        "reverse the corners",
    )


def _gradients(body: BodyModel) -> None:
    for params in (random_params(body, (2,)), _resting(random_params(body, (2,)))):
        names = ("betas", "body_pose", "global_orient", "transl")
        leaves = [getattr(params, name).clone().requires_grad_() for name in names]
        with torch.enable_grad():
            mesh = body(BodyParams(*leaves))
            points = _some_number(mesh.vertices) + _some_number(mesh.joints)
            grads = torch.autograd.grad(points, leaves, allow_unused=True, materialize_grads=True)
        for name, leaf, grad in zip(names, leaves, grads, strict=True):
            demand(
                bool(grad.isfinite().all()) and bool(grad.any() or not leaf.numel()),
                f"finite gradients with respect to {name}, at rest as well",
                "none" if not bool(grad.any()) else "NaN or infinity",
                "compute in torch where gradients are wanted (lift3d.geometry.rotations is safe at 0)",
            )


def _some_number(points: Tensor) -> Tensor:
    """A sum that no rotation or shift leaves as it is."""
    weights = torch.linspace(-1.0, 2.0, points.numel(), dtype=points.dtype).square()
    return (points.flatten() * weights).sum() / points.numel()


def _same_again(body: BodyModel) -> None:
    params = random_params(body, (2,))
    one = body(params)
    body(random_params(body, (), seed=5))
    demand(
        all_alike(one, body(params)),
        "the same body for the same parameters",
        "another",
        "keep no state between calls",
    )


def _resting(params: BodyParams) -> BodyParams:
    return BodyParams(
        params.betas,
        torch.zeros_like(params.body_pose),
        torch.zeros_like(params.global_orient),
        torch.zeros_like(params.transl),
    )
