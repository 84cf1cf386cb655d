"""Animated bodies as Universal Scene Description (UsdSkel): .usda is text, .usdc binary.

Needs `usd-core`, the extra `usd`. Each person is a `SkelRoot` with a mesh at rest, a skeleton with
joints named as in the body, and a `SkelAnimation` with a rotation per joint and frame and the root's
path. Unlike glTF, UsdSkel holds any number of joints per vertex.

FBX is not written, since no well-kept free library writes it with skins and motion: Autodesk's SDK is
not free software and not on PyPI, ufbx only reads, and Blender's `bpy` is a whole program under the GPL.
Tools that want FBX read GLB, BVH or USD, or turn these into it.
"""

import os
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from lift3d.clip import Clip
from lift3d.errors import InputError, MissingDependencyError, OutputError
from lift3d.io.files.atomic import atomic_path
from lift3d.io.motion.world_body import people_in_world
from lift3d.io.scenes.glb_motion import Move, moved
from lift3d.protocols import BodyModel

__all__ = ["write_usd"]

_ENDINGS: Final = (".usda", ".usdc", ".usd")


def write_usd(
    path: str | os.PathLike[str], clip: Clip, body: BodyModel, *, on_floor: bool = True
) -> None:
    """Write everybody of a clip who has a body as a skinned, animated USD stage: metres, y up.

    Time codes are frames from 0. Frames with NaN hold the nearest known pose. Surfaces lack pose
    blend shapes; joints are exact. Raises `InputError` for a clip without bodies or a path of another
    ending, `MissingDependencyError` without usd-core, and `OutputError` where the file cannot be
    written.
    """
    if Path(path).suffix.lower() not in _ENDINGS:
        raise InputError(
            f"expected a file ending in {', '.join(_ENDINGS)}, got '{path}': rename it"
        )
    if find_spec("pxr") is None:
        raise MissingDependencyError(
            "expected usd-core to write USD, got no such package: pip install 'lift3d[usd]'"
        )
    people = people_in_world(clip, body, on_floor=on_floor)
    moves = [moved(body, person) for person in people]
    with atomic_path(path) as partial:
        stage = _stage(body, moves, clip.fps)
        refused: Any = _pxr("Tf").ErrorException
        try:
            if not stage.GetRootLayer().Export(str(partial)):
                raise refused("a refusal")
        except refused as error:
            raise OutputError(
                f"expected to write '{path}', got a refusal of usd-core: free some room or choose "
                "another output folder"
            ) from error


def _pxr(module: str) -> Any:
    """A module of USD, which ships no types and takes long to import."""
    return import_module(f"pxr.{module}")


def _stage(body: BodyModel, moves: Sequence[Move], fps: float) -> Any:
    Usd, UsdGeom = _pxr("Usd"), _pxr("UsdGeom")

    stage = Usd.Stage.CreateInMemory()
    UsdGeom.SetStageUpAxis(stage, UsdGeom.Tokens.y)
    UsdGeom.SetStageMetersPerUnit(stage, 1.0)
    stage.SetTimeCodesPerSecond(fps)
    stage.SetFramesPerSecond(fps)
    stage.SetStartTimeCode(0)
    stage.SetEndTimeCode(len(moves[0].root) - 1)
    stage.SetDefaultPrim(UsdGeom.Xform.Define(stage, "/clip").GetPrim())
    for number, move in enumerate(moves):
        _add_person(stage, f"/clip/person{number + 1}", body, move)
    return stage


def _add_person(stage: Any, root: str, body: BodyModel, move: Move) -> None:
    Gf, UsdSkel, Vt = _pxr("Gf"), _pxr("UsdSkel"), _pxr("Vt")

    UsdSkel.Root.Define(stage, root)
    skeleton = UsdSkel.Skeleton.Define(stage, f"{root}/skeleton")
    joints = _joint_paths(body)
    skeleton.CreateJointsAttr(joints)
    offsets = _offsets(body, move)
    skeleton.CreateBindTransformsAttr(_shifts(move.rest_joints))
    skeleton.CreateRestTransformsAttr(_shifts(offsets))
    animation = UsdSkel.Animation.Define(stage, f"{root}/skeleton/motion")
    animation.CreateJointsAttr(joints)
    animation.CreateScalesAttr(Vt.Vec3hArray([Gf.Vec3h(1, 1, 1)] * len(joints)))
    way, turns = animation.CreateTranslationsAttr(), animation.CreateRotationsAttr()
    for frame, (place, quats) in enumerate(zip(move.root, move.rotations, strict=True)):
        offsets[0] = place
        way.Set(Vt.Vec3fArray.FromNumpy(offsets), frame)
        turns.Set(_quaternions(quats), frame)
    binding = UsdSkel.BindingAPI.Apply(skeleton.GetPrim())
    binding.CreateAnimationSourceRel().SetTargets([animation.GetPath()])
    _add_mesh(stage, f"{root}/body", body, move, skeleton)


def _add_mesh(stage: Any, path: str, body: BodyModel, move: Move, skeleton: Any) -> None:
    UsdGeom, UsdSkel, Vt = _pxr("UsdGeom"), _pxr("UsdSkel"), _pxr("Vt")

    surface = body.surface
    faces = surface.faces.numpy().astype(np.int32)
    mesh = UsdGeom.Mesh.Define(stage, path)
    mesh.CreateSubdivisionSchemeAttr(UsdGeom.Tokens.none)
    mesh.CreatePointsAttr(Vt.Vec3fArray.FromNumpy(move.vertices))
    mesh.CreateFaceVertexCountsAttr(Vt.IntArray([3] * len(faces)))
    mesh.CreateFaceVertexIndicesAttr(Vt.IntArray.FromNumpy(faces.ravel()))
    mesh.CreateExtentAttr(
        Vt.Vec3fArray.FromNumpy(np.stack([move.vertices.min(0), move.vertices.max(0)]))
    )
    colors = mesh.CreateDisplayColorPrimvar(UsdGeom.Tokens.vertex)
    colors.Set(Vt.Vec3fArray.FromNumpy(np.ascontiguousarray(surface.colors.float().numpy())))
    joints, weights = _influences(surface.lbs_weights.float().numpy())
    binding = UsdSkel.BindingAPI.Apply(mesh.GetPrim())
    binding.CreateSkeletonRel().SetTargets([skeleton.GetPath()])
    count = joints.shape[1]
    binding.CreateJointIndicesPrimvar(False, count).Set(Vt.IntArray.FromNumpy(joints.ravel()))
    binding.CreateJointWeightsPrimvar(False, count).Set(Vt.FloatArray.FromNumpy(weights.ravel()))


def _joint_paths(body: BodyModel) -> list[str]:
    """The joints' names behind those of all their ancestors, as UsdSkel tells a tree."""
    paths: list[str] = []
    for name, parent in zip(body.skeleton.joints, body.skeleton.parents, strict=True):
        paths.append(f"{paths[parent]}/{name}" if parent >= 0 else name)
    return paths


def _offsets(body: BodyModel, move: Move) -> Float[ndarray, "joints 3"]:
    """From parents to joints at rest; the root's from the origin."""
    parents = np.array(body.skeleton.parents)
    above = np.where(parents[:, None] >= 0, move.rest_joints[parents], 0)
    return np.ascontiguousarray(move.rest_joints - above, dtype=np.float32)


def _shifts(places: Float[ndarray, "joints 3"]) -> Any:
    """Translations as USD's matrices, which act on rows."""
    Vt = _pxr("Vt")

    matrices = np.tile(np.eye(4), (len(places), 1, 1))
    matrices[:, 3, :3] = places
    return Vt.Matrix4dArray.FromNumpy(matrices)


def _quaternions(xyzw: Float[ndarray, "joints 4"]) -> Any:
    Gf, Vt = _pxr("Gf"), _pxr("Vt")

    return Vt.QuatfArray([Gf.Quatf(w, x, y, z) for x, y, z, w in xyzw.tolist()])


def _influences(weights: Float[ndarray, "vertices joints"]) -> tuple[ndarray, ndarray]:
    """As many joints per vertex as the vertex with the most has, the strongest first."""
    count = int((weights > 0).sum(1).max())
    joints = np.argsort(-weights, axis=1, kind="stable")[:, :count]
    return joints.astype(np.int32), np.take_along_axis(weights, joints, 1).astype(np.float32)
