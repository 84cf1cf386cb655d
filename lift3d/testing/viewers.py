"""Laws of viewers: meshes and a camera to a picture."""

from dataclasses import replace
from typing import Final

import numpy as np
import torch
from jaxtyping import Bool, UInt8
from numpy import ndarray
from torch import Tensor

from lift3d.body import BodyMesh
from lift3d.camera import Camera
from lift3d.geometry.rotations import rotmat_from_axis_angle
from lift3d.protocols import Viewer
from lift3d.skeleton import Skeleton
from lift3d.testing.laws import Kept, demand

__all__ = ["check_viewer"]

_SIZE: Final = (90, 131)  # height and width of no common multiple
_EDGE: Final = 2
"""Pixels by which an outline may be off."""
_POINT: Final = Skeleton("point", ("root",), (-1,))
_RED, _BLUE = (0.8, 0.02, 0.02), (0.02, 0.02, 0.8)


def check_viewer(viewer: Viewer) -> None:
    """`BrokenLawError` where a viewer does not obey `lift3d.protocols.Viewer`; it is closed afterwards.

    - A picture is uint8 [height width 3] and the mask bool [height width], of the camera's size.
    - A mesh covers what `camera.project` says, up to two pixels, in its own colour: x to the right, y
      down; nearer meshes hide others whatever their order, and what is behind the camera is not drawn.
    - The camera's place counts: camera and mesh moved together give the same outline.
    - Where nothing covers it the background stays as it was, also outside of the viewer.
    - The same scene gives the same picture; `close` may be called twice.
    """
    camera = Camera.from_intrinsics(_SIZE, 110.0)
    _empty(viewer, camera)
    _outline(viewer, camera)
    _moved(viewer, camera)
    _hidden(viewer, camera)
    _behind(viewer, camera)
    _same_again(viewer, camera)
    probe = getattr(viewer, "probe", None)
    demand(
        probe is None or isinstance(probe(), str),
        "one line of text from probe()",
        "something else",
        "return a str, and never raise",
    )
    viewer.close()
    viewer.close()


def _box(left: float, top: float, right: float, bottom: float, depth: float) -> BodyMesh:
    """A flat box across the line of sight, seen from both sides; metres in the camera's axes."""
    corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    vertices = torch.tensor([(x, y, depth) for x, y in corners])
    faces = torch.tensor([[0, 1, 2], [0, 2, 3], [0, 2, 1], [0, 3, 2]])
    return BodyMesh(vertices, torch.zeros(1, 3), faces, _POINT)


def _color(mesh: BodyMesh, rgb: tuple[float, float, float]) -> Tensor:
    return torch.tensor(rgb).expand(len(mesh.vertices), 3).clone()


Picture = tuple[UInt8[ndarray, "height width 3"], Bool[ndarray, "height width"]]


def _drawn(
    viewer: Viewer,
    scene: list[tuple[BodyMesh, tuple[float, float, float]]],
    camera: Camera,
    background: UInt8[ndarray, "height width 3"] | None = None,
) -> Picture:
    meshes = [mesh for mesh, _ in scene]
    colors = [_color(mesh, rgb) for mesh, rgb in scene]
    kept = Kept(meshes, colors, camera, background)
    picture, mask = viewer.render(meshes, colors, camera, background)
    kept.demand_untouched("a viewer")
    demand(
        picture.shape == (*camera.image_size, 3) and picture.dtype == np.uint8,
        f"a picture of shape {(*camera.image_size, 3)} and type uint8",
        f"{picture.shape} of {picture.dtype}",
        "draw in the camera's size",
    )
    demand(
        mask.shape == camera.image_size and mask.dtype == np.bool_,
        f"a mask of shape {camera.image_size} and type bool",
        f"{mask.shape} of {mask.dtype}",
        "tell for each pixel whether a body covers it",
    )
    return picture, mask


def _empty(viewer: Viewer, camera: Camera) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (*_SIZE, 3), dtype=np.uint8)
    picture, mask = _drawn(viewer, [], camera, noise)
    demand(
        not mask.any() and np.array_equal(picture, noise),
        "nothing but the background where there are no meshes",
        "something else",
        "copy the background into the picture",
    )
    _, mask = _drawn(viewer, [], camera)
    demand(not mask.any(), "an empty mask without meshes", int(mask.sum()), "cover nothing")


def _outline(viewer: Viewer, camera: Camera) -> None:
    """A box that is neither in the middle nor as wide as high."""
    box = _box(-0.8, -0.45, 0.1, -0.05, 2.0)
    noise = np.random.default_rng(1).integers(0, 256, (*_SIZE, 3), dtype=np.uint8)
    picture, mask = _drawn(viewer, [(box, _RED)], camera, noise)
    (left, top), (right, bottom) = (camera.project(box.vertices[[0, 2]])).tolist()
    inside = _rectangle(left + _EDGE, top + _EDGE, right - _EDGE, bottom - _EDGE)
    around = _rectangle(left - _EDGE, top - _EDGE, right + _EDGE, bottom + _EDGE)
    demand(
        bool(mask[inside].all()) and not bool(mask[~around].any()),
        f"a box to cover columns {left:.0f} to {right:.0f} and rows {top:.0f} to {bottom:.0f}",
        _extent(mask),
        "draw where camera.project puts the vertices: x right, y down, z forward",
    )
    demand(
        np.array_equal(picture[~around], noise[~around]),
        "the background as it was where nothing covers it",
        "other colours there",
        "draw over a copy of it",
    )
    red, green, blue = picture[inside].reshape(-1, 3).mean(0).tolist()
    demand(
        red > 1.3 * max(green, blue),
        "a red box for a red mesh",
        f"RGB {red:.0f}, {green:.0f}, {blue:.0f}",
        "take colours as linear RGB, in this order",
    )


def _rectangle(left: float, top: float, right: float, bottom: float) -> Bool[ndarray, "..."]:
    rows, columns = np.mgrid[: _SIZE[0], : _SIZE[1]]
    there: Bool[ndarray, ...] = (
        (columns > left) & (columns < right) & (rows > top) & (rows < bottom)
    )
    return there


def _extent(mask: Bool[ndarray, "height width"]) -> str:
    rows, columns = np.nonzero(mask)
    if not len(rows):
        return "nothing"
    return f"columns {columns.min()} to {columns.max()} and rows {rows.min()} to {rows.max()}"


def _moved(viewer: Viewer, camera: Camera) -> None:
    box = _box(-0.8, -0.45, 0.1, -0.05, 2.0)
    place = torch.eye(4)
    place[:3, :3] = rotmat_from_axis_angle(torch.tensor([0.4, 2.0, -0.3]))
    place[:3, 3] = torch.tensor([0.5, -1.0, 4.0])
    there = (box.vertices - place[:3, 3]) @ place[:3, :3]
    _, before = _drawn(viewer, [(box, _RED)], camera)
    moved = replace(camera, cam_from_world=place)
    _, after = _drawn(viewer, [(replace(box, vertices=there), _RED)], moved)
    share = float((before ^ after).sum()) / max(1.0, float(before.sum()))
    demand(
        share < 0.02,
        "the same outline where camera and mesh are moved together",
        f"{share:.0%} of it elsewhere",
        "bring vertices into the camera's frame by cam_from_world",
    )


def _hidden(viewer: Viewer, camera: Camera) -> None:
    near, far = _box(-0.2, -0.2, 0.2, 0.2, 2.0), _box(-0.6, -0.6, 0.6, 0.6, 3.0)
    height, width = _SIZE
    for scene in ([(near, _RED), (far, _BLUE)], [(far, _BLUE), (near, _RED)]):
        picture, mask = _drawn(viewer, scene, camera)
        red, _, blue = picture[height // 2, width // 2].tolist()
        demand(
            red > 1.3 * blue and bool(mask[height // 2, width // 2]),
            "the nearer of two meshes in front, whatever their order",
            f"RGB {picture[height // 2, width // 2].tolist()} in the middle",
            "compare depths",
        )


def _behind(viewer: Viewer, camera: Camera) -> None:
    _, mask = _drawn(viewer, [(_box(-0.5, -0.5, 0.5, 0.5, -2.0), _RED)], camera)
    demand(
        not mask.any(),
        "nothing of what is behind the camera",
        f"{int(mask.sum())} pixels",
        "leave out triangles with z below 0",
    )


def _same_again(viewer: Viewer, camera: Camera) -> None:
    scene = [(_box(-0.3, -0.2, 0.4, 0.5, 2.5), _BLUE)]
    one, _ = _drawn(viewer, scene, camera)
    _drawn(viewer, [(_box(-0.1, -0.1, 0.1, 0.1, 1.0), _RED)], camera)
    again, _ = _drawn(viewer, scene, camera)
    demand(
        np.array_equal(one, again),
        "the same picture for the same scene",
        "another",
        "clear what was drawn before",
    )
