"""Which refinement of a regressed body gives less error per millisecond: learned, or Gauss-Newton.

`learned` is a small network in the manner of Song, Chen and Hilliges, "Human body model fitting by
learned gradient descent", ECCV 2020 (`_descent`): it reads where the body is now and how far its points
are off their rays, says how to turn its bones and change its shape, and is asked again. It learns from
the posture network's first answers on `PostureTask`'s draws, with one step of Adam after each of 4
applications and no gradient from one to the next, for so many CPU minutes (`--minutes`, default 15;
data included). `newton` is `lift3d.regressing.refinement`, which also sees the lifter's joints.

Judged on runs of 60 frames of CMU's validation people in random shapes (`_bodies_seen`), exact (`clean`)
and detector-like (`noisy`) keypoints: PVE in mm, and CPU milliseconds per pose of the refinement alone,
60 poses at once on one thread, candidates in turn (median over clips). One shape per clip for all:
`learned` takes the mean of what its frames say. With 6 minutes, one run with one seed (4 minutes gave
0.2 mm more; much longer training may change it):

              regressed  learned x1   x2    x4   newton x1   x2    x3    x6
    clean mm       56.4        53.9  52.8  51.9       46.7  44.4  44.1  44.0
    noisy mm       63.0        61.1  60.3  60.1       56.3  54.7  54.6  54.5
    ms a pose                  0.07  0.11  0.18       0.17  0.26  0.36  0.59

Needs `LIFT3D_TEST_DATA`; `--bodies FILE` (from `scripts/retarget_mocap.py`) saves putting the training
people onto bodies, `--per-subject` (default 5) is how many runs of each person there are.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

import torch
from benches._bodies_seen import SeenClip, seen_clips
from benches._descent import Descent, Seen, State
from benches._harness import report
from benches._views import mocap_root
from torch import Generator, Tensor, nn

from lift3d.body import BodyParams
from lift3d.estimate import BodyEstimate
from lift3d.evaluation.bodies import evaluate_body
from lift3d.fitting.detector_points import with_skin_points
from lift3d.geometry.rays import root_from_rays, virtual_from_camera
from lift3d.geometry.rotations import (
    axis_angle_from_rotmat,
    rotmat_from_axis_angle,
    rotmat_from_quat_wxyz,
)
from lift3d.lifting.temporal import TemporalLifter, TemporalOptions
from lift3d.lifting.universal import packaged_weights
from lift3d.lifting.universal_net import load_weights, predict
from lift3d.lifting.vocabulary import HIPS, VOCABULARY, known_keypoints
from lift3d.plugins import body_models, datasets
from lift3d.protocols import BodyModel
from lift3d.regressing.posture_net import SeenPerson
from lift3d.regressing.refinement import RefineOptions, refine
from lift3d.regressing.smpl import SmplRegressor
from lift3d.training.data import held_out
from lift3d.training.people import PosedPeople
from lift3d.training.pose_bank import read_rotations
from lift3d.training.posed_bodies import BodyFactory, PosedConfig
from lift3d.training.posture_task import Teacher
from lift3d.training.retarget_file import retarget_dataset
from lift3d.training.shown import MIN_KEYPOINTS, ShownConfig, show
from lift3d.training.universal_task import distances

BATCH = 256
APPLIED: Final = (1, 2, 4)
NEWTON: Final = (1, 2, 3, 6)
RATE, WARMUP = 1e-3, 50
BONES, BETA = 0.02, 0.002
"""As `PostureTask` weighs turned bones and betas beside skin."""
MIN_CONFIDENCE, EVERY = 0.2, 6
KINDS: Final = ("clean", "noisy")


@dataclass(frozen=True, slots=True)
class Drawn:
    """Bodies as the posture network first sees them, and what they are."""

    first: State
    true: State
    rays: Seen


class School:
    """Draws bodies as `PostureTask` does, with their rays, and teaches."""

    def __init__(self, body: BodyModel, people: PosedPeople, regressor: SmplRegressor) -> None:
        self.people, self.posture = people, regressor.network
        self.lifter = load_weights(packaged_weights("universal"))
        self.teacher = Teacher(body)
        self.network = Descent(self.teacher.table)
        self.optimizer = torch.optim.AdamW(self.network.parameters(), lr=RATE, fused=True)
        self.used, self.steps = 0.0, 0

    @torch.no_grad()
    def draw(self, count: int, generator: Generator) -> Drawn:
        bodies = self.people.factory.bodies(count, 1, generator)
        shown = show(self.people.people_of(bodies, generator), ShownConfig(), generator)
        view = shown.view
        answer = predict(self.lifter, view, flip=False)
        root = root_from_rays(answer.joints, view.rays, view.seen.float())
        straight = torch.eye(3).expand(count, 3, 3)
        person = SeenPerson(answer.joints, answer.covariance, view.seen, root, straight)
        features = person.features
        enough = (view.seen.sum(-1) >= MIN_KEYPOINTS) & (root[:, 2] > 0)
        enough &= features.isfinite().all(-1)
        said = self.posture.posture(self.posture(features.nan_to_num()), person.frame)
        rotmats = rotmat_from_quat_wxyz(bodies.quats[:, 0])
        rotmats = torch.cat([(shown.turn @ rotmats[:, 0])[:, None], rotmats[:, 1:]], 1)
        first, true = State(said.rotmats, said.betas), State(rotmats, bodies.betas)
        rays, rows = Seen(view.points, view.seen), torch.nonzero(enough)[:, 0]
        return Drawn(first[rows], true[rows], rays[rows])

    def go_on(self, generator: Generator, budget: float) -> None:
        """One draw, and a step after each application; the rate falls along a cosine."""
        started = time.process_time()
        drawn = self.draw(BATCH, generator)
        _, skin = self.teacher.places(drawn.true.rotmats, drawn.true.betas)
        part, state = min(1.0, self.used / budget), drawn.first
        for group in self.optimizer.param_groups:
            rise = min(1.0, (self.steps + 1) / WARMUP)
            group["lr"] = RATE * rise * (1 + math.cos(math.pi * part)) / 2
        for _ in range(max(APPLIED)):
            moved = self.network(state, drawn.rays)
            loss = self.loss(moved, drawn.true, skin)
            self.optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
            self.optimizer.step()
            state = State(moved.rotmats.detach(), moved.betas.detach())
            self.steps += 1
        self.used += time.process_time() - started

    def loss(self, found: State, true: State, skin: Tensor) -> Tensor:
        _, ours = self.teacher.places(found.rotmats, found.betas)
        bones = distances(found.rotmats.mT, true.rotmats.mT).mean()
        shape = (found.betas - true.betas).square().mean()
        return distances(ours, skin).mean() + BONES * bones + BETA * shape


def learned(
    network: Descent, estimate: BodyEstimate, clip: SeenClip, kind: str, times: int
) -> BodyParams:
    """The estimate after so many applications, with one shape."""
    params, joints = estimate.params, estimate.joints.pose.joints.float()
    pixels, confidence = known_keypoints(clip.keypoints[kind].pose)
    virtual = virtual_from_camera(joints[:, list(HIPS)].mean(1))
    rays = clip.camera.rays(pixels) @ virtual.mT
    seen = (confidence >= MIN_CONFIDENCE) & (rays[..., 2] > 0)
    slopes = torch.where(seen[..., None], rays[..., :2] / rays[..., 2:], 0.0)
    sights = Seen(slopes.float(), seen)
    rotmats = rotmat_from_axis_angle(params.axis_angle.float())
    rotmats = torch.cat([(virtual @ rotmats[:, 0])[:, None], rotmats[:, 1:]], 1)
    state = State(rotmats, params.betas.float().expand(len(rotmats), -1))
    for _ in range(times):
        state = network(state, sights)
        state = replace(state, betas=state.betas.nanmean(0, keepdim=True).expand(len(rotmats), -1))
    _, transl, _ = network.placed(state, sights)
    turns = axis_angle_from_rotmat(state.rotmats)
    orient = axis_angle_from_rotmat(virtual.mT @ state.rotmats[:, 0])
    moved = (transl[:, None] @ virtual)[:, 0]
    return BodyParams(state.betas[:1], turns[:, 1:], orient, moved)


def refined(
    body: BodyModel, estimate: BodyEstimate, clip: SeenClip, kind: str, steps: int
) -> BodyParams:
    """The estimate after so many steps of Gauss-Newton, else as the regressor is refined."""
    told = RefineOptions(fit=replace(RefineOptions().fit, iterations=steps))
    return refine(estimate, body.articulation, clip.keypoints[kind], clip.camera, told).params


Way = Callable[[BodyEstimate, SeenClip, str], BodyParams]


def ways(body: BodyModel, network: Descent) -> Mapping[str, Way]:
    """All that is compared, from the same estimate."""

    def both(estimate: BodyEstimate, clip: SeenClip, kind: str) -> BodyParams:
        moved = replace(estimate, params=learned(network, estimate, clip, kind, 2))
        return refined(body, moved, clip, kind, 1)

    found: dict[str, Way] = {"regressed": lambda estimate, _clip, _kind: estimate.params}
    found |= {f"learned x{n}": partial(learned, network, times=n) for n in APPLIED}
    found |= {f"newton x{n}": partial(refined, body, steps=n) for n in NEWTON}
    return found | {"learned x2, newton x1": both}


@torch.inference_mode()
def judged(
    body: BodyModel, network: Descent, regressor: SmplRegressor, clips: list[SeenClip]
) -> dict[str, float]:
    """Mean PVE (mm) and median CPU milliseconds per pose of each way."""
    compared, figures = ways(body, network), dict[str, float]()
    for kind in KINDS:
        errors: dict[str, list[float]] = {name: [] for name in compared}
        spent: dict[str, list[float]] = {name: [] for name in compared}
        for clip in clips:
            estimate = regressor(clip.keypoints[kind], clip.camera)
            some = torch.arange(0, len(clip.true.transl), EVERY)
            for name, way in compared.items():
                way(estimate, clip, kind)  # what it needs is in the caches
                started = time.process_time()
                found = way(estimate, clip, kind)
                spent[name].append((time.process_time() - started) / len(clip.true.transl))
                errors[name].append(evaluate_body(body, found[some], clip.true[some]).pve_mm)
        for name in compared:
            figures[f"{kind} {name}: PVE mm"] = statistics.mean(errors[name])
            figures[f"{kind} {name}: ms per pose"] = 1000 * statistics.median(spent[name])
    return figures


def school(body: BodyModel, regressor: SmplRegressor, bodies: Path) -> School:
    """Learning from the training split without the people that training holds out."""
    bank = read_rotations(bodies, "train")
    bank = bank.without(held_out(None, sorted(set(bank.subjects))))
    factory = BodyFactory(bank, with_skin_points(body), PosedConfig(size=0.0))
    return School(body, PosedPeople(factory), regressor)


def main() -> None:
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--bodies", type=Path)
    parser.add_argument("--per-subject", type=int, default=5)
    told, sys.argv[1:] = parser.parse_known_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    body = body_models["default"]()
    lifter = TemporalLifter(options=TemporalOptions(skeleton=VOCABULARY))
    regressor = SmplRegressor(body, lifter)
    with tempfile.TemporaryDirectory() as folder:
        bodies: Path = told.bodies or Path(folder) / "bodies.h5"
        if not bodies.exists():
            dataset = datasets["mocap_h5"](mocap_root())
            retarget_dataset(dataset, body.articulation, bodies)
        taught = school(body, regressor, bodies)
        generator = Generator().manual_seed(1)
        while taught.used < 60 * told.minutes:
            taught.go_on(generator, 60 * told.minutes)
    print(f"{taught.steps} steps in {taught.used / 60:.1f} CPU minutes")
    clips = seen_clips(body, "val", told.per_subject)
    report(judged(body, taught.network.eval(), regressor, clips))


if __name__ == "__main__":
    main()
