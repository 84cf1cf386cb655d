"""Bodies from keypoints, four ways: optimisation from the mean pose, a fit to lifted joints, the
regressor, and the regressor with a few steps of refinement.

Accuracy: runs of 60 frames of the six people of the CMU motion capture's test split, on the default
body in random shapes, so that all parameters are known, before random cameras (as `lift3d eval` has
them). `clean` keypoints are exact, `noisy` ones are jittered, far off or missing as a detector's are,
and `third_missing` lacks a third of the keypoints throughout. CPU time per pose is of whole clips on one
thread, lifting included. `optimised` is SMPLify's way (`_smplify`, weights chosen on the validation
split); `starts` is `lift3d.fitting.fit` on keypoints alone, which tries eight directions and shares one
shape: the strongest that we have without learning. `steadied` is refined and smoothed as `lift` does it.

On real detections (`LIFT3D_TEST_DATA`/keypoints): how far the body is from its keypoints, and in how
many rotations out of a hundred a joint is bent further than people's are.
"""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from benches._bodies_seen import KINDS, SeenClip, seen_clips
from benches._harness import few, report
from benches._smplify import smplify
from torch import Tensor

from lift3d.body import BodyParams
from lift3d.evaluation.bodies import evaluate_body
from lift3d.fitting import fit, fitted_keypoints
from lift3d.fitting.limits import joint_limits, limit_violations
from lift3d.fitting.points import point_table
from lift3d.geometry.rotations import rotmat_from_axis_angle
from lift3d.io import KeypointFile, read_keypoints
from lift3d.lifting.temporal import TemporalLifter, TemporalOptions
from lift3d.lifting.vocabulary import VOCABULARY
from lift3d.metrics import acceleration_error
from lift3d.pipeline import LiftOptions, lift, reprojection
from lift3d.plugins import body_models
from lift3d.protocols import BodyModel
from lift3d.regressing.refinement import RefineOptions, refine
from lift3d.regressing.smpl import SmplRegressor

PER_SUBJECT = 5
EVERY = 6
"""Frames between those whose meshes are compared."""
BEYOND = 0.1
"""Radians beyond a joint's limits that count as a violation: the limits are percentiles themselves."""

PORTRAIT = (1920, 1088)
"""Height and width of the pictures behind Pose2Sim's files."""

Method = Callable[[SeenClip, str], BodyParams]


def methods(body: BodyModel) -> dict[str, Method]:
    table = point_table(body.articulation, torch.float32)
    lifter = TemporalLifter(options=TemporalOptions(skeleton=VOCABULARY))
    regressor = SmplRegressor(body, lifter)

    def joints_fit(clip: SeenClip, kind: str) -> BodyParams:
        joints = lifter(clip.keypoints[kind], clip.camera)
        return fit(body.articulation, joints, clip.keypoints[kind], clip.camera).params

    def regressed(clip: SeenClip, kind: str) -> BodyParams:
        return regressor(clip.keypoints[kind], clip.camera).params

    def refined(clip: SeenClip, kind: str) -> BodyParams:
        estimate = regressor(clip.keypoints[kind], clip.camera)
        return refine(estimate, body.articulation, clip.keypoints[kind], clip.camera).params

    def steadied(clip: SeenClip, kind: str) -> BodyParams:
        keypoints = clip.keypoints[kind]
        estimate = regressor(keypoints, clip.camera)
        told = RefineOptions(smooth_seconds=LiftOptions().smooth_seconds)
        return refine(estimate, body.articulation, keypoints, clip.camera, told).params

    def starts(clip: SeenClip, kind: str) -> BodyParams:
        return fit(body.articulation, keypoints=clip.keypoints[kind], camera=clip.camera).params

    def optimised(clip: SeenClip, kind: str) -> BodyParams:
        return smplify(table, clip.keypoints[kind], clip.camera)

    return {
        "optimised": optimised, "starts": starts, "joints_fit": joints_fit,
        "regressed": regressed, "refined": refined, "steadied": steadied,
    }  # fmt: skip


def judged(body: BodyModel, clip: SeenClip, found: BodyParams) -> dict[str, float]:
    """PVE and the rest for one clip (mm, degrees, pixels)."""
    some = torch.arange(0, len(clip.true.transl), EVERY)
    shown = evaluate_body(body, found[some], clip.true[some])
    clean = clip.keypoints["clean"].pose
    _, off = fitted_keypoints(body.articulation, found, clean, clip.camera)
    joints = [body.joints(params) for params in (found, clip.true)]
    joints = [each - each[:, :1] for each in joints]
    known = torch.ones(joints[0].shape[:2], dtype=torch.bool)
    return {
        "pve_mm": shown.pve_mm,
        "pa_pve_mm": shown.pa_pve_mm,
        "mpjpe_mm": shown.mpjpe_mm,
        "pa_mpjpe_mm": shown.pa_mpjpe_mm,
        "rotation_degrees": shown.rotation_degrees,
        "beta_error": float((found.betas - clip.true.betas).abs().mean()),
        "reprojection_px": float(off.nanmean()),
        "acceleration_mm": float(acceleration_error(joints[0], joints[1], known).nanmean()) * 1000,
    }


def accuracy_figures(split: str = "test") -> dict[str, float]:
    body = body_models["default"]()
    clips = seen_clips(body, split, few(PER_SUBJECT, 1))[: few(None, 1)]
    ways = methods(body)
    for way in ways.values():
        way(clips[0], "clean")  # compiled and loaded before anything is timed
    figures: dict[str, float] = {}
    for kind in KINDS:
        rows: dict[str, list[dict[str, float]]] = {name: [] for name in ways}
        for clip in clips:
            for name, way in ways.items():
                started = time.process_time()
                found = way(clip, kind)
                spent = (time.process_time() - started) / len(found.transl)
                rows[name].append(judged(body, clip, found) | {"ms_per_pose": spent * 1000})
        for name, values in rows.items():
            means = {key: sum(row[key] for row in values) / len(values) for key in values[0]}
            print(f"{kind:14s} {name:11s}" + "".join(f" {k} {v:.4g}" for k, v in means.items()))
            figures |= {f"{kind}_{name}_{key}": value for key, value in means.items()}
    return figures


def real_files() -> Iterator[tuple[str, KeypointFile]]:
    folder = Path(os.environ["LIFT3D_TEST_DATA"]) / "keypoints"
    for name in few(("clip_a", "clip_b"), ("clip_a",)):
        yield name, read_keypoints(folder / "openpose_body25" / name)
    for path in sorted((folder / "pose2sim").glob("*/cam*_json"))[: few(None, 1)]:
        yield f"{path.parent.name}/{path.name}", read_keypoints(path, fps=60.0, image_size=PORTRAIT)


def real_figures() -> dict[str, float]:
    body = body_models["default"]()
    limits = joint_limits(body.skeleton)
    shares: list[float] = []
    beyond: list[Tensor] = []
    for name, file in real_files():
        clip = lift(file)
        for person in clip.people:
            assert person.body is not None  # noqa: S101 - a body was asked for
            share = 100 * reprojection(clip, person, body).share
            turns = person.body.axis_angle[person.joints.observed].double()
            over = limit_violations(rotmat_from_axis_angle(turns), limits)[:, 1:] > BEYOND
            print(
                f"{name} person {person.id}: {len(turns)} frames, {share:.2f} % of the height, "
                f"{100 * float(over.double().mean()):.2f} % beyond limits"
            )
            shares.append(share)
            beyond.append(over.flatten())
    return {
        "reprojection_percent_real": float(torch.tensor(shares).median()),
        "joint_limit_violations_percent": 100 * float(torch.cat(beyond).double().mean()),
    }


def figures() -> dict[str, float]:
    if "LIFT3D_TEST_DATA" not in os.environ:
        raise SystemExit("motion capture and keypoints are absent: set LIFT3D_TEST_DATA")
    out = accuracy_figures()
    for name in ("optimised", "joints_fit", "regressed", "refined", "starts"):
        out[f"pve_mm_{name}"] = out[f"clean_{name}_pve_mm"]
    for name in ("optimised", "starts", "joints_fit"):
        out[f"refined_vs_{name}_pve"] = out["pve_mm_refined"] / out[f"pve_mm_{name}"]
        faster = out[f"clean_{name}_ms_per_pose"] / out["clean_refined_ms_per_pose"]
        out[f"refined_vs_{name}_speed"] = faster
    return out | real_figures()


if __name__ == "__main__":
    torch.set_num_threads(1)
    report(figures())
