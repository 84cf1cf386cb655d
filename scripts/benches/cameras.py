"""Cameras: how exact known ones are, how well an unknown one is found, and what a wrong one costs.

`crop_..._mm` and `turn_..._mm` are the largest change of any joint of a lifter's answer on real
keypoints after random crops, zooms and turns of the picture, and after random turns of the camera
about its centre, with the right intrinsics; `crop_invariance_mm` is the largest of all of them.
`plain_turn_..._mm` is the same where the camera's tilt is not told. `fov_...` are errors of the log
of the focal length, as shares: of the prior and of the estimate, on the validation and the test split
through random still cameras of 35 to 90 degrees, and on real calibrated cameras. `wrong_...` is what
a focal length that is wrong by so much changes on the validation split. Needs LIFT3D_TEST_DATA.
"""

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import torch
from benches._harness import few, report
from benches._views import SIZE, Shot, mocap_root, shots
from torch import Generator, Tensor

from lift3d.camera import Camera
from lift3d.conventions import WORLD_FROM_CAMERA
from lift3d.geometry.projection import pixels_from_points
from lift3d.geometry.rigid import rigid_from
from lift3d.geometry.rotations import rotmat_from_axis_angle
from lift3d.io import read_keypoints
from lift3d.lifting.field_of_view import estimate_field_of_view
from lift3d.lifting.level import LevelLifter
from lift3d.metrics import CAPTURED_JOINTS, mpjpe, pa_mpjpe
from lift3d.motion import Motion
from lift3d.plugins import lifters
from lift3d.pose import Pose2D
from lift3d.protocols import Lifter
from tests.helpers.toml import tomllib

__all__ = ["figures", "real_clips", "turned_keypoints", "warped_keypoints"]

LIFTERS = ("universal", "matching", "martinez")
DRAWS = 6
WRONG = (-30, -20, -10, 0, 10, 20, 40)
"""Per cent that a focal length is too long."""


def real_clips(every: int = 12) -> dict[str, tuple[Motion[Pose2D], Camera]]:
    """Each with its calibration, or a level camera of the default view where nobody knows it."""
    folder = mocap_root().parent / "keypoints"
    level = rigid_from(WORLD_FROM_CAMERA, torch.zeros(3).double()).float()
    found: dict[str, tuple[Motion[Pose2D], Camera]] = {}
    for name in ("clip_a", "clip_b"):
        motion = read_keypoints(folder / "openpose_body25" / name).people[0]
        size = motion.pose.image_size or SIZE
        camera = replace(Camera.default(size), cam_from_world=level)
        found[name] = (thinned(motion, every), camera)
    for number in ("01", "03"):
        motion, camera = calibrated(folder / "pose2sim", "balancing", number)
        found[f"balancing_{number}"] = (thinned(motion, every), camera)
    return found


def calibrated(folder: Path, take: str, number: str) -> tuple[Motion[Pose2D], Camera]:
    """The person seen longest, and the camera; the calibration's world has z up, ours y."""
    told = tomllib.loads((folder / "Calib_qualisys.toml").read_text())[f"cam_{number}"]
    width, height = (int(side) for side in told["size"])
    file = read_keypoints(folder / take / f"cam{number}_json", fps=60.0, image_size=(height, width))
    z_up = torch.tensor([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    turn = rotmat_from_axis_angle(torch.tensor(told["rotation"])) @ z_up
    lens = torch.tensor([*told["distortions"], 0.0])
    place = rigid_from(turn, torch.tensor(told["translation"]))
    return file.people[0], Camera(torch.tensor(told["matrix"]), place, lens, (height, width))


def thinned(motion: Motion[Pose2D], every: int) -> Motion[Pose2D]:
    pose = motion.pose
    some = Pose2D(pose.keypoints[::every], pose.confidence[::every], pose.skeleton, pose.image_size)
    return Motion(some, motion.fps / every, motion.person, motion.observed[::every])


def warped_keypoints(
    motion: Motion[Pose2D], camera: Camera, generator: Generator
) -> tuple[Motion[Pose2D], Camera]:
    """The picture cropped at random, made 0.3 to 3 times as large, and turned by any angle."""
    crop = torch.rand(2, generator=generator).double() * 800 - 400
    factor = 3 ** (2 * float(torch.rand((), generator=generator)) - 1)
    angle = 2 * math.pi * float(torch.rand((), generator=generator))
    cos, sin = math.cos(angle), math.sin(angle)
    matrix = factor * torch.tensor([[cos, -sin], [sin, cos]]).double()
    pixels = (motion.pose.keypoints.double() - crop) @ matrix.T
    size = (2000, 2000)
    return moved(motion, pixels, size), camera.warped(matrix, -matrix @ crop, size)


def turned_keypoints(
    motion: Motion[Pose2D], camera: Camera, generator: Generator
) -> tuple[Motion[Pose2D], Camera, Tensor]:
    """The camera panned and tilted by up to 20 degrees, and turned about its axis by any angle."""
    share = 2 * torch.rand(3, generator=generator).double() - 1
    angles = torch.diag(share * torch.tensor([0.35, 0.35, math.pi]))
    about_x, about_y, about_z = rotmat_from_axis_angle(angles)
    turn = about_z @ about_y @ about_x
    rays = camera.rays(motion.pose.keypoints.nan_to_num()).double() @ turn.T
    pixels = pixels_from_points(
        rays, camera.intrinsics.double(), camera.distortion.double(), camera.lens
    )
    return moved(motion, pixels, camera.image_size), camera.turned(turn), turn


def moved(motion: Motion[Pose2D], pixels: Tensor, size: tuple[int, int]) -> Motion[Pose2D]:
    pose = motion.pose
    points = pixels.to(pose.keypoints.dtype)
    return replace(
        motion, pose=Pose2D.from_detections(points, pose.confidence, pose.skeleton, size)
    )


def invariance(generator: Generator) -> dict[str, float]:
    largest: dict[str, float] = {}
    for motion, camera in real_clips().values():
        for name in LIFTERS:
            for key, change in changes(lifters[name](), motion, camera, generator):
                largest[f"{key}_{name}_mm"] = max(largest.get(f"{key}_{name}_mm", 0.0), change)
    exact = [value for key, value in largest.items() if not key.startswith("plain")]
    return {"crop_invariance_mm": max(exact)} | largest


def changes(
    plain: Lifter, motion: Motion[Pose2D], camera: Camera, generator: Generator
) -> Iterator[tuple[str, float]]:
    """Largest change of a joint in mm after each draw, once the known turn is undone."""
    level = LevelLifter(plain)
    untold = replace(camera, cam_from_world=torch.eye(4).to(camera.cam_from_world))
    for _ in range(few(DRAWS, 1)):
        pixels, other = warped_keypoints(motion, camera, generator)
        yield "crop", difference(level, (motion, camera), (pixels, other), torch.eye(3).double())
        pixels, other, turn = turned_keypoints(motion, camera, generator)
        yield "turn", difference(level, (motion, camera), (pixels, other), turn)
        yield "plain_turn", difference(plain, (motion, untold), (pixels, untold), turn)


def difference(
    lifter: Lifter,
    before: tuple[Motion[Pose2D], Camera],
    after: tuple[Motion[Pose2D], Camera],
    turn: Tensor,
) -> float:
    first, second = (lifter(*shown).pose.joints.double() for shown in (before, after))
    both = first[..., 0].isfinite()
    if not torch.equal(both, second[..., 0].isfinite()):
        return math.inf
    return 1000 * float((first @ turn.T - second)[both].norm(dim=-1).max())


def field_of_view(split: str, generator: Generator, share: float) -> dict[str, float]:
    errors, priors, held, told = [], [], [], []
    for shot in shots(split, generator, share):
        found = estimate_field_of_view([shot.keypoints], SIZE)
        true = float(shot.camera.field_of_view)
        priors.append(abs(math.log(2 * math.tan(true / 2))))
        errors.append(abs(log_ratio(found.angle, true)))
        held.append(found.low <= true <= found.high)
        told.append(found.told)
    error, prior = torch.tensor(errors), torch.tensor(priors)
    return {
        f"fov_{split}_clips": len(errors),
        f"fov_{split}_prior": float(prior.mean()),
        f"fov_{split}_estimate": float(error.mean()),
        f"fov_{split}_estimate_p90": float(error.quantile(0.9)),
        f"fov_{split}_within": sum(held) / len(held),
        f"fov_{split}_told": sum(told) / len(told),
        f"fov_{split}_worse_than_prior_by_a_tenth": float((error > prior + 0.1).float().mean()),
    }


def log_ratio(found: float, true: float) -> float:
    return math.log(math.tan(true / 2) / math.tan(found / 2))


def real_fields_of_view() -> dict[str, float]:
    folder = mocap_root().parent / "keypoints/pose2sim"
    figures: dict[str, float] = {}
    for take, numbers in (("balancing", ("01", "03")), ("static", ("01", "02", "03", "04"))):
        for number in numbers:
            motion, camera = calibrated(folder, take, number)
            found = estimate_field_of_view([motion], camera.image_size)
            true = float(camera.field_of_view)
            figures[f"fov_{take}_{number}_true_degrees"] = math.degrees(true)
            figures[f"fov_{take}_{number}_estimate_degrees"] = math.degrees(found.angle)
    return figures


def wrong_focal(clips: list[Shot]) -> dict[str, float]:
    lifter = lifters["universal"]()
    figures: dict[str, float] = {}
    for percent in WRONG:
        rows = [judged(shot, lifter, 1 + percent / 100) for shot in clips]
        means = torch.stack(rows).nanmean(0).tolist()
        for name, value in zip(("mpjpe_mm", "pa_mpjpe_mm", "distance_percent"), means, strict=True):
            figures[f"wrong_{percent:+d}_{name}"] = value
    return figures


def judged(shot: Shot, lifter: Lifter, factor: float) -> Tensor:
    """MPJPE and PA-MPJPE in mm, and by how many per cent the person seems further away."""
    focal = float(shot.camera.intrinsics[0, 0]) * factor
    found = lifter(shot.keypoints, Camera.from_intrinsics(SIZE, focal)).pose.joints.double()
    judged_joints = list(CAPTURED_JOINTS)
    ours, true = ((x - x[:, :1])[:, judged_joints] for x in (found, shot.true))
    mask = ours.isfinite().all(-1) & true.isfinite().all(-1)
    further = (found[:, 0].norm(dim=-1) / shot.true[:, 0].norm(dim=-1)).nanmedian() - 1
    errors = [1000 * score(ours, true, mask).nanmean() for score in (mpjpe, pa_mpjpe)]
    return torch.stack([*errors, 100 * further])


def figures() -> dict[str, float]:
    torch.set_num_threads(1)
    generator = Generator().manual_seed(0)
    return (
        invariance(generator)
        | wrong_focal(shots("val", generator))
        | real_fields_of_view()
        | field_of_view("val", generator, 1.0)
        | field_of_view("test", generator, 0.5)
    )


if __name__ == "__main__":
    report(figures())
