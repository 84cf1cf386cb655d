"""The pictures of docs/surface.md: python scripts/make_surface_pictures.py"""

from pathlib import Path

import cv2
import numpy as np
import torch
from numpy import ndarray

from lift3d.body import BodyMesh, BodyParams
from lift3d.camera import Camera
from lift3d.fitting import FitOptions
from lift3d.geometry.rotations import axis_angle_from_rotmat, rotmat_from_axis_angle
from lift3d.pictures import write_png
from lift3d.plugins import body_models
from lift3d.protocols import BodyModel
from lift3d.surface.atlas import atlas_of
from lift3d.surface.atlas_picture import texture_corners
from lift3d.surface.drawn_map import map_of_fragments
from lift3d.surface.fit_maps import fit_maps
from lift3d.surface.lookup import Lookup, lookup_of
from lift3d.surface.mirror import mirror_of
from lift3d.surface.surface_map import SurfaceMap
from lift3d.surface.unwrapping import filled, merged, unwrapped
from lift3d_viewer.software import SoftwareViewer, Texture, rasterise

IMAGES = Path(__file__).parents[1] / "docs" / "images"
CAMERA = Camera.from_intrinsics((640, 440), 950.0)
TILE = 160


def main() -> None:
    body: BodyModel = body_models["default"]()
    lookup = lookup_of(atlas_of(body))
    rest = at_rest(body)
    viewer = SoftwareViewer((246, 246, 248), crevices=0.0)
    clothes = torch.from_numpy(dressed(body, rest.numpy())).float()
    shown: list[ndarray] = []
    textures = []
    for turn in (0.0, 2.7):
        mesh = posed(body, person(turn, arms=0.75))
        picture, _ = viewer.render([mesh], [clothes], CAMERA)
        seen = map_of(mesh, lookup)
        textures.append(unwrapped(picture, seen, TILE))
        shown += [picture, colored(seen)]
    texture = filled(merged(textures), lookup, mirror_of(lookup, rest))
    uv, corners = texture_corners(lookup.atlas, TILE)
    unwrapped_skin = cv2.copyMakeBorder(
        cv2.resize(texture.picture, (400, 600), interpolation=cv2.INTER_AREA),
        *(20, 20, 0, 0),
        cv2.BORDER_CONSTANT,
        value=(246, 246, 248),
    )
    again: list[ndarray] = [unwrapped_skin]
    for turn in (0.5, -2.2):
        mesh = posed(body, dancing(turn))
        black = torch.zeros(len(mesh.vertices), 3)
        laid = [Texture(texture.picture, uv, corners)]
        again.append(viewer.render([mesh], [black], CAMERA, textures=laid)[0])
    write_png(IMAGES / "surface_texture.png", np.hstack([*shown, *again]))
    write_png(IMAGES / "surface_fit.png", fit_picture(body, lookup, viewer, clothes))


def fit_picture(
    body: BodyModel, lookup: Lookup, viewer: SoftwareViewer, clothes: torch.Tensor
) -> ndarray:
    """A person, the map, and the body that was fitted to the map alone, from before and beside."""
    truth = posed(body, dancing(0.6, betas=torch.tensor([1.0, -1.5, 0.8])))
    seen = map_of(truth, lookup)
    options = FitOptions(iterations=40, prior_weight=0.01, outlier=50.0)
    found = fit_maps(body, [seen], CAMERA, lookup=lookup, options=options, std=0.005)
    mesh = single(body(found.params))
    off = (mesh.vertices - truth.vertices).norm(dim=-1)
    print(f"fitted to one exact map: {1000 * float(off.mean()):.1f} mm a vertex")
    plain = torch.full((len(mesh.vertices), 3), 0.55)
    picture, _ = viewer.render([truth], [clothes], CAMERA)
    before, _ = viewer.render([mesh], [plain], CAMERA)
    views = [picture, colored(seen), before]
    turn = rotmat_from_axis_angle(torch.tensor([0.0, 1.5, 0.0]))
    middle = torch.tensor([0.0, 0.0, 3.1])
    for one, color in ((truth, clothes), (mesh, plain)):
        beside = (one.vertices - middle) @ turn.T + middle
        views.append(
            viewer.render([BodyMesh(beside, one.joints, one.faces, one.skeleton)], [color], CAMERA)[
                0
            ]
        )
    return np.hstack(views)


def map_of(mesh: BodyMesh, lookup: Lookup) -> SurfaceMap:
    seen = rasterise([mesh], CAMERA)
    return map_of_fragments(seen.face_ids, seen.barycentrics, lookup.atlas)


def colored(surface: SurfaceMap) -> ndarray:
    """The part as a hue, U and V as brightness and depth of colour."""
    part = surface.part.numpy()
    u, v = surface.uv.numpy()
    hue = (part * 67) % 180
    hsv = np.stack([hue, 90 + 120 * u, 130 + 125 * v], -1).astype(np.uint8)
    rgb = np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB))
    return np.where((part > 0)[..., None], rgb, np.uint8(246))


def at_rest(body: BodyModel) -> torch.Tensor:
    still = BodyParams(torch.zeros(10), torch.zeros(23, 3), torch.zeros(3), torch.zeros(3))
    return body(still).vertices


def dressed(body: BodyModel, rest: ndarray) -> ndarray:
    """Linear colours: a striped shirt, trousers with a seam, skin as it is."""
    colors = body.surface.colors.numpy().copy()
    x, y = rest[:, 0], rest[:, 1]
    hand = np.abs(x) > 0.62
    trunk = (y > -0.12) & (y < 0.53) & ~hand
    stripes = (np.sin(70 * y) > 0) & (np.abs(x) < 0.2)
    colors[trunk] = [0.02, 0.16, 0.35]
    colors[trunk & stripes] = [0.75, 0.75, 0.7]
    colors[trunk & (np.abs(x) > 0.2) & (np.sin(50 * x) > 0.3)] = [0.6, 0.08, 0.05]
    trousers = (y <= -0.12) & (y > -0.82) & ~hand
    colors[trousers] = [0.05, 0.05, 0.06]
    colors[trousers & (np.abs(np.abs(x) - 0.12) < 0.015)] = [0.7, 0.5, 0.02]
    return colors


def person(turn: float, arms: float) -> BodyParams:
    pose = torch.zeros(1, 23, 3)
    pose[0, [15, 16], 2] = torch.tensor([-arms, arms])
    return standing(pose, turn, torch.zeros(3))


def dancing(turn: float, betas: torch.Tensor | None = None) -> BodyParams:
    pose = torch.zeros(1, 23, 3)
    pose[0, [0, 3], 0] = torch.tensor([-1.0, 1.1])
    pose[0, 15, 2], pose[0, 16, 2] = 0.5, 1.0
    pose[0, 17, 1] = -1.2
    pose[0, 2, 1] = 0.4
    return standing(pose, turn, torch.zeros(3) if betas is None else betas)


def standing(pose: torch.Tensor, turn: float, betas: torch.Tensor) -> BodyParams:
    upright = rotmat_from_axis_angle(torch.tensor([torch.pi, 0.0, 0.0]))
    about = rotmat_from_axis_angle(torch.tensor([0.0, turn, 0.0]))
    shape = torch.cat([betas, torch.zeros(10 - len(betas))])[None]
    root = axis_angle_from_rotmat(upright @ about)[None]
    return BodyParams(shape, pose, root, torch.tensor([[0.0, -0.05, 3.1]]))


def posed(body: BodyModel, params: BodyParams) -> BodyMesh:
    return single(body(params))


def single(mesh: BodyMesh) -> BodyMesh:
    return BodyMesh(mesh.vertices[0], mesh.joints[0], mesh.faces, mesh.skeleton)


if __name__ == "__main__":
    main()
