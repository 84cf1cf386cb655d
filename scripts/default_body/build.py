"""The journey from drawn bodies to the asset."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from . import check, landmarks, layout, pack, paint, pose_shapes, rig, shape, source
from .surface import Surface, keep_faces, mouth_cap, triangulated

Array = NDArray[np.float64]


def build(target: Path, *, bodies: int, seed: int) -> dict[str, float]:
    """Build the default body, write it to `target`, and return the figures of its card."""
    drawn = source.load(bodies, seed)
    joints, weights, bone_of = gather_joints(drawn)
    sites, painted = dress(drawn, joints, weights)
    surface, cloth = paint.dressed(
        painted, drawn.vertices.mean(axis=0), bottom=sites.joints["spine2"][1]
    )

    a_pose = np.stack([surface.mix @ body for body in drawn.vertices]) + cloth
    mirror = shape.mirror_map(a_pose.mean(axis=0))
    a_pose = shape.symmetric(a_pose, mirror)
    figures: dict[str, float] = {}
    joints = joints_in_skin(a_pose, joints, mirror, figures)
    weights = four_bone_weights(np.asarray(surface.mix @ weights), mirror)

    rest_bodies, rest_joints, lifts = t_pose_all(a_pose, joints, weights)
    mean, shapes, shape_figures = shape.principal_shapes(rest_bodies)
    figures |= shape_figures
    shapes = shape.symmetric(shapes.transpose(2, 0, 1), mirror).transpose(1, 2, 0)
    half = bodies // 2
    regressor = shape.regressor(rest_bodies[:half:2], rest_joints[:half:2], mirror)
    errors = shape.regressor_error_mm(regressor, rest_bodies[half:], rest_joints[half:])
    figures |= {"regressor_mean_mm": float(errors.mean())}
    figures |= {"regressor_worst_joint_mm": float(errors.max())}
    # The mean body's pelvis goes to the origin exactly as its own regressor sees it.
    mean = mean - regressor[0] @ mean

    posedirs, pose_figures = fit_pose_shapes(
        joints.mean(axis=0), mean, regressor, weights, mirror, seed
    )
    figures |= pose_figures
    found = landmarks.find(
        landmarks.Body(
            surface=surface,
            bodies=rest_bodies[:60],
            mean=mean,
            mirror=mirror,
            skin_weights=weights,
            bone_weights=toe_weights(drawn, surface),
            bone_heads={
                bone: places[:60]
                for bone, places in knuckle_places(drawn, lifts, joints[:, 0], bone_of).items()
            },
            head=layout.index("head"),
            eye=sites.eye,
            mouth_corner=sites.mouth_corner,
        )
    )
    arrays = pack.BodyArrays(
        rest=mean,
        shapes=shapes,
        posedirs=posedirs,
        regressor=regressor,
        weights=weights,
        faces=surface.faces,
        uv=surface.uv,
        uv_faces=surface.uv_faces,
        parts=weights[surface.faces].sum(axis=1).argmax(axis=1),
        regions=painted.regions,
        colours=painted.colours,
        landmarks=found,
    )
    figures |= {"vertices": len(mean), "faces": len(surface.faces)}
    pack.write(target, arrays, figures)
    figures["asset_error_max_mm"] = check.asset_error_mm(target, check.exact(arrays), seed)
    figures["asset_megabytes"] = target.stat().st_size / 1e6
    return figures


def gather_joints(drawn: source.Source) -> tuple[Array, Array, dict[str, int]]:
    """Return joints (N, 24, 3), skinning weights (V, 24), and the joint that carries each bone."""
    heads, skins = layout.bone_tables()
    at = {bone: k for k, bone in enumerate(drawn.bone_names)}
    joints = np.stack(
        [drawn.bone_heads[:, [at[b] for b in heads[n]]].mean(axis=1) for n in layout.JOINT_NAMES],
        axis=1,
    )
    weights = np.stack(
        [drawn.bone_weights[:, [at[b] for b in skins[n]]].sum(axis=1) for n in layout.JOINT_NAMES],
        axis=1,
    )
    bone_of = {bone: j for j, n in enumerate(layout.JOINT_NAMES) for bone in skins[n]}
    return joints, weights, bone_of


def dress(drawn: source.Source, joints: Array, weights: Array) -> tuple[paint.Sites, paint.Painted]:
    """Return the places clothes are measured from, and the visible surface cut and painted."""
    rest, posed, lift = t_pose(drawn.vertices.mean(axis=0), joints.mean(axis=0), weights)
    surface, corners = visible_surface(drawn)
    mean = np.asarray(surface.mix @ rest)
    mean = shape.symmetric(mean, shape.mirror_map(mean))
    head = layout.index("head")
    eye = _through(lift[head], drawn.bone_heads.mean(axis=0)[drawn.bone_names.index("eye.L")])
    eye = eye - _through(lift[0], joints.mean(axis=0)[0])
    sites = paint.Sites(
        joints=dict(zip(layout.JOINT_NAMES, posed, strict=True)),
        eye=eye,
        mouth=rest[corners].mean(axis=0),
        mouth_corner=rest[corners[0]],
        head_top=float(mean[:, 1].max()),
    )
    return sites, paint.paint(surface, mean, sites)


def joints_in_skin(
    bodies: Array, joints: Array, mirror: NDArray[np.int64], figures: dict[str, float]
) -> Array:
    """Return joints (N, 24, 3) that keep their place in the flesh of every body.

    The source's bone heads slide along the skin with stature and sex (the knee by 9 mm a standard
    deviation). A body of SMPL's format cannot say that, nor is it anatomy: each joint is put where
    one fixed mean of the skin around it lies nearest to its bone head.
    """
    joints = 0.5 * (joints + joints[:, layout.mirrored_joints()] * shape.MIRROR)
    matrix = shape.regressor(bodies[::3], joints[::3], mirror)
    errors = shape.regressor_error_mm(matrix, bodies, joints)
    figures["bone_head_shift_mean_mm"] = float(errors.mean())
    figures["bone_head_shift_worst_joint_mm"] = float(errors.max())
    return np.einsum("jv,nvc->njc", matrix, bodies)


def visible_surface(drawn: source.Source) -> tuple[Surface, list[int]]:
    """Return the visible mesh as triangles, and the source vertices at the mouth's corners."""
    mean = drawn.vertices.mean(axis=0)
    mirror = shape.mirror_map(mean)
    seen, uv_seen = drawn.faces[drawn.visible], drawn.uv_faces[drawn.visible]
    cap, uv_cap, mouth = mouth_cap(seen, uv_seen, mean, mirror)
    quads, uv_quads = np.concatenate([seen, cap]), np.concatenate([uv_seen, uv_cap])
    eyes = np.concatenate([drawn.eyes[drawn.visible], np.zeros(len(cap), dtype=bool)])
    corners = triangulated(quads, mean, mirror)
    quad = np.repeat(np.arange(len(quads)), 2)[:, None]
    faces = quads[quad, corners]
    full = Surface(
        faces=faces,
        uv=drawn.uv,
        uv_faces=uv_quads[quad, corners],
        eyes=np.repeat(eyes, 2),
        mix=paint.identity_mix(len(mean)),
    )
    proper = (faces != np.roll(faces, 1, axis=1)).all(axis=1)
    return keep_faces(full, proper), list(mouth)


def t_pose(body: Array, joints: Array, weights: Array) -> tuple[Array, Array, Array]:
    """Return T-posed vertices and joints with the pelvis at the origin, and the transforms."""
    posed, skin = rig.forward(rig.t_pose_rotations(joints), joints)
    rest = rig.dual_quaternion_skin(body, skin, weights)
    return rest - posed[0], posed - posed[0], skin


def t_pose_all(bodies: Array, joints: Array, weights: Array) -> tuple[Array, Array, Array]:
    """Return `t_pose` of every body, stacked."""
    done = [t_pose(b, j, weights) for b, j in zip(bodies, joints, strict=True)]
    rest, posed, lifts = (np.stack(part) for part in zip(*done, strict=True))
    return rest, posed, lifts


def four_bone_weights(weights: Array, mirror: NDArray[np.int64]) -> Array:
    """Return mirror-symmetric weights with at most four bones a vertex, summing to 1."""
    weights = 0.5 * (weights + weights[mirror][:, layout.mirrored_joints()])
    fifth = np.sort(weights, axis=1)[:, -5:-4]
    kept = np.where(weights > np.maximum(fifth, 2e-3), weights, 0.0)
    return np.asarray(kept / kept.sum(axis=1, keepdims=True))


def fit_pose_shapes(
    joints: Array,
    mean: Array,
    regressor: Array,
    weights: Array,
    mirror: NDArray[np.int64],
    seed: int,
) -> tuple[Array, dict[str, float]]:
    """Return posedirs (23, V, 9, 3) of the mean body, and how far from the teacher they leave it.

    `joints` (24, 3) are the drawn A-pose's: the teacher skins from there.
    """
    posed, lift = rig.forward(rig.t_pose_rotations(joints), joints)
    lift[:, :3, 3] -= posed[0]
    rest_joints = regressor @ mean
    drawn = rig.dual_quaternion_unskin(mean, lift, weights)
    spread = pose_shapes.twist_weights(weights, mean, rest_joints)
    teacher = pose_shapes.Teacher(drawn=drawn, lift=lift, joints=rest_joints, weights=spread)
    return pose_shapes.fit(teacher, mean, weights, mirror, np.random.default_rng(seed + 1))


def knuckle_places(
    drawn: source.Source, lifts: Array, pelvis: Array, bone_of: dict[str, int]
) -> dict[str, Array]:
    """Return the T-posed places (N, 3) of the left hand's knuckles; `pelvis` (N, 3) is A-posed."""
    origin = np.einsum("nab,nb->na", lifts[:, 0, :3, :3], pelvis) + lifts[:, 0, :3, 3]
    out = {}
    for bone in (f"{name}.L" for name in landmarks.KNUCKLES.values()):
        lift, head = lifts[:, bone_of[bone]], drawn.bone_heads[:, drawn.bone_names.index(bone)]
        out[bone] = np.einsum("nab,nb->na", lift[:, :3, :3], head) + lift[:, :3, 3] - origin
    return out


def toe_weights(drawn: source.Source, surface: Surface) -> dict[str, Array]:
    """Return how much (V,) each bone at the end of a left toe moves the surface."""
    bones = [f"{bone}.L" for tips in landmarks.TOES.values() for bone in tips]
    columns = [drawn.bone_weights[:, drawn.bone_names.index(bone)] for bone in bones]
    return {b: np.asarray(surface.mix @ c) for b, c in zip(bones, columns, strict=True)}


def _through(transform: Array, point: Array) -> Array:
    return np.asarray(transform[:3, :3] @ point + transform[:3, 3])
