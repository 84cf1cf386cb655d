"""Draw bodies read from keypoints beside the true ones, from two sides, as one picture.

    LIFT3D_TEST_DATA=... python scripts/look_at_regressed.py bodies.png --kind noisy
    LIFT3D_TEST_DATA=... python scripts/look_at_regressed.py real.png --real

Twelve frames of captured people in known shapes, evenly over the people of a split (`_bodies_seen`):
the true body on the left of each cell, the regressed and refined one on the right; above as the camera
sees them with the keypoints, below 90 degrees to the side, their pelvises laid on each other, with the
true outline round the other one. Captions give the vertex error in mm. With `--real` some frames of
each person in real keypoint files instead, as `lift3d.lift` lays bodies on them: over the keypoints and
from the side; of those nobody knows the true bodies. Look for limbs bent backwards, wrung forearms,
heads turned round and floating feet.
"""

import argparse
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch
from benches._bodies_seen import KINDS, SeenClip, seen_clips
from benches.regressor import real_files
from torch import Tensor

from lift3d import samples
from lift3d.body import BodyMesh, BodyParams
from lift3d.camera import Camera
from lift3d.conventions import WORLD_FROM_CAMERA
from lift3d.evaluation.bodies import evaluate_body
from lift3d.geometry.projection import pixels_from_points
from lift3d.io import KeypointFile, read_keypoints
from lift3d.lifting.temporal import TemporalLifter, TemporalOptions
from lift3d.lifting.vocabulary import VOCABULARY
from lift3d.motion import Motion
from lift3d.pictures import draw_keypoints, write_png
from lift3d.pictures.theme import DARK, Picture, person_colors, write_text
from lift3d.pictures.view import camera_through, orbit, window_around
from lift3d.pipeline import lift
from lift3d.plugins import body_models
from lift3d.pose import Pose2D
from lift3d.protocols import BodyModel
from lift3d.regressing.refinement import refine
from lift3d.regressing.smpl import SmplRegressor
from lift3d_viewer.offscreen import OffscreenViewer

SIZE = (320, 250)
FRAMES, COLUMNS = 12, 4
PER_SUBJECT = 3
REAL_FRAMES = 4
OUTLINE = (255, 220, 60)


def mesh_of(body: BodyModel, params: BodyParams, frame: int) -> BodyMesh:
    mesh = body(params[frame : frame + 1])
    return replace(mesh, vertices=mesh.vertices[0], joints=mesh.joints[0])


class Studio:
    """Draws one body model."""

    def __init__(self, body: BodyModel) -> None:
        self.body, self.viewer = body, OffscreenViewer()

    def in_camera(
        self, mesh: BodyMesh, seen: Motion[Pose2D], frame: int, camera: Camera, around: Tensor
    ) -> Picture:
        """As the camera sees it, cut out around some points, with the keypoints."""
        pixels = pixels_from_points(around.to(camera.intrinsics), camera.intrinsics)
        window = window_around(pixels, SIZE)
        picture, _ = self._drawn(mesh, camera_through(camera, window))
        pose = seen.pose
        points = window.through(pose.keypoints[frame])
        shown = Pose2D(points, pose.confidence[frame], pose.skeleton, None)
        draw_keypoints(picture, shown, person_colors(0, DARK), 2.0)
        return picture

    def from_side(
        self,
        mesh: BodyMesh,
        around: Tensor,
        world: Tensor = WORLD_FROM_CAMERA,
        outlined: BodyMesh | None = None,
    ) -> Picture:
        """From the right-hand side of the picture, level with the body; `world` is from the camera."""
        camera = orbit(around, world, SIZE, math.pi / 2, 0.0)
        picture, _ = self._drawn(mesh, camera)
        if outlined is not None:
            _, covered = self._drawn(outlined, camera)
            rims, _ = cv2.findContours(
                covered.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE
            )
            cv2.drawContours(picture, rims, -1, OUTLINE, 1, cv2.LINE_AA)
        return picture

    def _drawn(self, mesh: BodyMesh, camera: Camera) -> tuple[Picture, np.ndarray]:
        picture, covered = self.viewer.render([mesh], [self.body.surface.colors], camera)
        return np.ascontiguousarray(picture), covered


def told(picture: Picture, text: str) -> Picture:
    write_text(picture, text, (6, 16), 12, DARK.text, DARK.bottom)
    return picture


def compared(studio: Studio, regressor: SmplRegressor, clip: SeenClip, kind: str) -> Picture:
    """One frame: the true body beside the one that was read, above from the camera, below the side."""
    body, seen, frame = studio.body, clip.keypoints[kind], len(clip.true.transl) // 2
    estimate = regressor(seen, clip.camera)
    found = refine(estimate, body.articulation, seen, clip.camera).params
    errors = evaluate_body(body, found, clip.true).per_frame_pve_mm
    true, ours = (mesh_of(body, params, frame) for params in (clip.true, found))
    around = torch.cat([true.vertices, ours.vertices])
    above = [studio.in_camera(mesh, seen, frame, clip.camera, around) for mesh in (true, ours)]
    laid = replace(ours, vertices=ours.vertices - ours.joints[0] + true.joints[0])
    around = torch.cat([true.vertices, laid.vertices])
    below = [studio.from_side(true, around), studio.from_side(laid, around, outlined=true)]
    told(above[0], f"person {clip.subject}")
    told(above[1], f"PVE {float(errors[frame]):.0f}, clip {float(errors.mean()):.0f} mm")
    return np.concatenate([np.concatenate(row, 1) for row in (above, below)], 0)


def known_bodies(studio: Studio, split: str, kind: str) -> list[list[Picture]]:
    """Rows of cells."""
    lifter = TemporalLifter(options=TemporalOptions(skeleton=VOCABULARY))
    regressor = SmplRegressor(studio.body, lifter)
    clips = seen_clips(studio.body, split, PER_SUBJECT)
    chosen = torch.linspace(0, len(clips) - 1, FRAMES).round().long().tolist()
    cells = [compared(studio, regressor, clips[at], kind) for at in chosen]
    return [cells[n : n + COLUMNS] for n in range(0, len(cells), COLUMNS)]


def all_real() -> Iterator[tuple[str, KeypointFile]]:
    with samples.balancing() as path:
        yield "sample", read_keypoints(path)
    yield from real_files()


def real_bodies(studio: Studio) -> list[list[Picture]]:
    """A row for each person, of frames that lie evenly over the time in which they are seen."""
    rows: list[list[Picture]] = []
    for name, file in all_real():
        clip = lift(file)
        # Bodies are in the camera's frame; the clip's camera knows its tilt.
        camera = replace(clip.camera, cam_from_world=torch.eye(4))
        world = clip.world_from_camera
        for person in clip.people:
            assert person.body is not None  # noqa: S101 - a body was asked for
            shown = torch.nonzero(person.joints.observed)[:, 0]
            some = shown[torch.linspace(0, len(shown) - 1, REAL_FRAMES + 2).long()[1:-1]].tolist()
            cells: list[Picture] = []
            for frame in some:
                mesh = mesh_of(studio.body, person.body, frame)
                seen = person.keypoints
                above = studio.in_camera(mesh, seen, frame, camera, mesh.vertices)
                side = studio.from_side(mesh, mesh.vertices, world)
                told(above, f"{name} p{person.id} {frame}")
                cells.append(np.concatenate([above, side], 1))
            rows.append(cells)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("picture", type=Path)
    parser.add_argument("--kind", choices=KINDS, default="clean")
    parser.add_argument("--split", default="test")
    parser.add_argument("--real", action="store_true", help="real keypoint files instead")
    args = parser.parse_args()
    torch.set_num_threads(1)
    with torch.inference_mode():
        studio = Studio(body_models["default"]())
        rows = real_bodies(studio) if args.real else known_bodies(studio, args.split, args.kind)
    write_png(args.picture, np.concatenate([np.concatenate(row, 1) for row in rows], 0))


if __name__ == "__main__":
    main()
