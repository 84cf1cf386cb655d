"""Captured people on the default body, whose parameters are known, before random cameras."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch
from benches._harness import few
from benches._views import mocap_root
from torch import Generator, Tensor

from lift3d.body import BodyParams
from lift3d.camera import Camera
from lift3d.evaluation.views import FOCAL, SIZE, random_view
from lift3d.fitting.points import place_points, point_table
from lift3d.geometry.projection import pixels_from_points
from lift3d.geometry.rotations import axis_angle_from_rotmat, rotmat_from_axis_angle
from lift3d.motion import Motion
from lift3d.plugins import datasets
from lift3d.pose import Pose2D
from lift3d.protocols import BodyModel, Dataset, MotionClip
from lift3d.skeletons import BODY_25
from lift3d.training.pose_bank import RotationBank, read_rotations
from lift3d.training.retarget_file import retarget_dataset

__all__ = ["KINDS", "OneSplit", "SeenClip", "seen_clips"]

KINDS = ("clean", "noisy", "third_missing")
FRAMES = 60
JITTER, FAR, OFTEN, MISSING = 0.012, 6.0, 0.02, 0.05
"""As `lift3d eval` has it: metres at the person; how much further outliers lie; shares."""


@dataclass
class SeenClip:
    """A body in the frame of its camera (metres), and what is seen of it, by the kind of keypoints."""

    subject: str
    true: BodyParams
    keypoints: dict[str, Motion[Pose2D]]
    camera: Camera


@dataclass
class OneSplit:
    """CMU's part of a dataset, as if it had these splits alone."""

    whole: Dataset
    splits: tuple[str, ...]

    def clips(self, split: str) -> Iterator[MotionClip]:
        cmu = (clip for clip in self.whole.clips(split) if clip.subject.isdecimal())
        return islice(cmu, few(None, 4))


def seen_clips(body: BodyModel, split: str, per_subject: int, seed: int = 0) -> list[SeenClip]:
    """Runs of 60 captured frames of each of CMU's subjects in a split, spread over their clips."""
    generator = Generator().manual_seed(seed)
    bank = _bank(body, split)
    kept: list[SeenClip] = []
    for subject in sorted(set(bank.subjects)):
        one = bank.without(set(bank.subjects) - {subject})
        for start in one.draw_runs(per_subject, FRAMES, generator).tolist():
            kept.append(_seen(body, subject, one, slice(start, start + FRAMES), generator))
    return kept


def _bank(body: BodyModel, split: str) -> RotationBank:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bodies.h5"
        dataset = OneSplit(datasets["mocap_h5"](mocap_root()), (split,))
        retarget_dataset(dataset, body.articulation, path)
        return read_rotations(path, split)


def _seen(
    body: BodyModel, subject: str, bank: RotationBank, rows: slice, generator: Generator
) -> SeenClip:
    """One run, with a shape of its own; the camera keeps the root where it is."""
    turn, root = random_view(generator)
    turns = bank.axis_angle[rows].clone()
    betas = torch.randn(1, body.articulation.joints_shapedirs.shape[-1], generator=generator)
    rotmats = rotmat_from_axis_angle(turns)
    orient = axis_angle_from_rotmat(turn @ rotmats[:, 0])
    table = point_table(body.articulation, torch.float32)
    rest = table.template[0] + table.shapedirs[0] @ betas[0]
    transl = (root - rest).expand(FRAMES, 3)
    true = BodyParams(betas.clamp(-2.5, 2.5), turns[:, 1:], orient, transl.clone())
    camera = Camera.from_intrinsics(SIZE, FOCAL)
    fps = float(bank.fps[0])
    seen = {kind: _keypoints(table, true, camera, kind, fps, generator) for kind in KINDS}
    return SeenClip(subject, true, seen, camera)


def _keypoints(
    table: object, true: BodyParams, camera: Camera, kind: str, fps: float, generator: Generator
) -> Motion[Pose2D]:
    rotmats = rotmat_from_axis_angle(true.axis_angle)
    places = place_points(table, rotmats, true.transl, true.betas).places  # type: ignore[arg-type]
    names: tuple[str, ...] = table.names  # type: ignore[attr-defined]
    shared = [joint for joint in BODY_25.joints if joint in names and joint not in _OWN_IDEA]
    points = places[:, [names.index(joint) for joint in shared]]
    pixels = pixels_from_points(points, camera.intrinsics)
    confidence = (points[..., 2] > 0.1).float()
    if kind == "noisy":
        pixels, confidence = _detected(pixels, confidence, points[..., 2], generator)
    if kind == "third_missing":
        lost = torch.randperm(len(shared), generator=generator)[: len(shared) // 3]
        confidence[:, lost] = 0
    out = torch.full((len(pixels), len(BODY_25), 2), torch.nan)
    sure = torch.zeros(out.shape[:2])
    at = [BODY_25.index(joint) for joint in shared]
    out[:, at], sure[:, at] = pixels, confidence
    pose = Pose2D.from_detections(out, sure, BODY_25, SIZE)
    return Motion(pose, fps, 0, pose.seen.any(-1))


_OWN_IDEA = ("pelvis", "neck", "mid_hip")
"""Points that each detector places where it likes."""


def _detected(
    pixels: Tensor, confidence: Tensor, depth: Tensor, generator: Generator
) -> tuple[Tensor, Tensor]:
    shape = confidence.shape
    far = torch.where(torch.rand(shape, generator=generator) < OFTEN, FAR, 1.0)
    size = JITTER * FOCAL / depth * far
    pixels = pixels + torch.randn(*shape, 2, generator=generator) * size[..., None]
    return pixels, confidence * (torch.rand(shape, generator=generator) >= MISSING)
