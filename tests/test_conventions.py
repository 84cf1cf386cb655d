"""Every line of `lift3d.conventions`, pinned on numbers from outside the library."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation
from torch import Tensor

from lift3d.body import BodyParams
from lift3d.camera import Camera
from lift3d.conventions import DEFAULT_FOV, WORLD_FROM_CAMERA
from lift3d.errors import InputError
from lift3d.geometry.kinematics import forward_kinematics
from lift3d.geometry.rigid import rigid_from
from lift3d.geometry.rotations import (
    quat_wxyz_from_axis_angle,
    rotmat_from_axis_angle,
    rotmat_from_quat_wxyz,
)
from lift3d.geometry.triangulation import triangulate_rays
from lift3d.motion import Motion
from lift3d.pose import Pose2D, Pose3D
from lift3d.skeletons import BODY_25B, COCO_17
from lift3d_body_models import DefaultBody
from tests.helpers.toml import tomllib

# The trial's markers, with the names of BODY_25B.
TRC_NAMES = {
    "Nose": "nose", "Neck": "upper_neck", "Head": "head_top",
    "LShoulder": "left_shoulder", "RShoulder": "right_shoulder",
    "LElbow": "left_elbow", "RElbow": "right_elbow", "LWrist": "left_wrist",
    "RWrist": "right_wrist", "LHip": "left_hip", "RHip": "right_hip", "LKnee": "left_knee",
    "RKnee": "right_knee", "LAnkle": "left_ankle", "RAnkle": "right_ankle",
    "LBigToe": "left_big_toe", "RBigToe": "right_big_toe", "LSmallToe": "left_small_toe",
    "RSmallToe": "right_small_toe", "LHeel": "left_heel", "RHeel": "right_heel",
}  # fmt: skip


def double(values: object) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


# ---- units ------------------------------------------------------------------------------------


def test_convention_units_are_metres_seconds_and_radians() -> None:
    quarter = rotmat_from_axis_angle(double([0.0, 0.0, math.pi / 2]))
    torch.testing.assert_close(quarter @ double([1.0, 0, 0]), double([0.0, 1, 0]))
    assert math.degrees(DEFAULT_FOV) == pytest.approx(53.130102, abs=1e-6)


def test_convention_frames_per_second() -> None:
    pose = Pose3D.certain(torch.zeros(3, 17, 3), COCO_17, "world")
    seen = torch.ones(3, dtype=torch.bool)
    assert Motion(pose, fps=50.0, person=0, observed=seen, first_frame=100).first_frame / 50 == 2
    with pytest.raises(InputError, match="frame rate"):
        Motion(pose, fps=0.0, person=0, observed=seen)


# ---- pixels -----------------------------------------------------------------------------------


def test_convention_whole_numbers_are_pixel_centres_like_cv2() -> None:
    picture = np.zeros((4, 6), np.float32)
    picture[1, 4] = 1  # row 1, column 4: x = 4, y = 1
    moments = cv2.moments(picture)
    lit = (moments["m10"] / moments["m00"], moments["m01"] / moments["m00"])
    camera = Camera.from_intrinsics((4, 6), focal=10.0, dtype=torch.float64)
    # From the centre (2.5, 1.5) that pixel lies 1.5 right and 0.5 up.
    pixel = camera.project(double([[0.15, -0.05, 1.0]]))[0]
    assert pixel.tolist() == pytest.approx(lit) == [4, 1]
    sampled = cv2.remap(
        picture, np.float32([[pixel[0]]]), np.float32([[pixel[1]]]), cv2.INTER_LINEAR
    )
    assert sampled[0, 0] == 1


def test_convention_a_picture_is_centred_between_its_outer_pixels() -> None:
    camera = Camera.from_intrinsics((480, 640), focal=500.0, dtype=torch.float64)
    points = torch.randn(5, 3, dtype=torch.float64) * 0.2 + double([0, 0, 3])
    mirrored = camera.project(points * double([-1, 1, 1]))
    # Flipping a picture takes column x to column width - 1 - x.
    columns = np.arange(640, dtype=np.float32)[None]
    assert cv2.flip(columns, 1)[0, 100] == 640 - 1 - 100
    torch.testing.assert_close(mirrored[:, 0], 639 - camera.project(points)[:, 0])


def test_convention_resizing_keeps_the_corner_of_the_picture_in_place() -> None:
    # cv2.resize by two takes the centre of pixel x to 2 x + 0.5.
    small = np.zeros((8, 8), np.float32)
    small[:, 3] = 1
    large = cv2.resize(small, (16, 16), interpolation=cv2.INTER_LINEAR)
    moved = float((large[0] * np.arange(16)).sum() / large[0].sum())
    assert moved == pytest.approx(2 * 3 + 0.5)
    points = double([[0.1, 0.2, 2.0]])
    low = Camera.from_intrinsics((8, 8), focal=10.0, dtype=torch.float64).project(points)
    high = Camera.from_intrinsics((16, 16), focal=20.0, dtype=torch.float64).project(points)
    torch.testing.assert_close(high, 2 * low + 0.5)


def test_convention_image_size_is_height_then_width() -> None:
    picture = np.zeros((480, 640, 3), np.uint8)
    camera = Camera.default(picture.shape[:2])
    assert camera.image_size == picture.shape[:2]
    assert camera.intrinsics[:2, 2].tolist() == [319.5, 239.5]  # (x, y)


@pytest.mark.parametrize(("height", "width"), [(480, 640), (1920, 1080)])
def test_convention_the_default_field_of_view_spans_the_longer_side(
    height: int, width: int
) -> None:
    camera = Camera.default((height, width), dtype=torch.float64)
    longer = max(height, width)
    assert float(camera.intrinsics[0, 0]) == pytest.approx(longer)
    assert float(camera.intrinsics[1, 1]) == pytest.approx(longer)
    edge = math.tan(math.radians(53.13010235415598) / 2)
    axis = 0 if width >= height else 1
    points = torch.zeros(2, 3, dtype=torch.float64)
    points[:, 2] = 1
    points[0, axis], points[1, axis] = -edge, edge
    # The outer edges of the outermost pixels.
    assert camera.project(points)[:, axis].tolist() == pytest.approx([-0.5, longer - 0.5])


# ---- camera and world frames ------------------------------------------------------------------


def test_convention_camera_axes_and_extrinsics_are_those_of_cv2() -> None:
    rotvec, shift = np.array([0.3, -0.5, 0.2]), np.array([0.1, -0.2, 5.0])
    matrix = np.array([[900.0, 0, 320], [0, 880, 250], [0, 0, 1]])
    lens = np.array([0.1, -0.05, 0.003, -0.004, 0.02])
    points = np.random.default_rng(0).normal(size=(20, 3))
    theirs, _ = cv2.projectPoints(points, rotvec, shift, matrix, lens)
    cam_from_world = np.eye(4)
    cam_from_world[:3, :3], cam_from_world[:3, 3] = cv2.Rodrigues(rotvec)[0], shift
    ours = Camera(
        torch.from_numpy(matrix),
        torch.from_numpy(cam_from_world),
        torch.from_numpy(lens),
        (480, 640),
    )
    np.testing.assert_allclose(ours.project(torch.from_numpy(points)), theirs[:, 0], atol=1e-9)


def test_convention_right_is_plus_x_down_is_plus_y_ahead_is_plus_z() -> None:
    camera = Camera.default((100, 200), dtype=torch.float64)
    ahead, right, down = camera.project(double([[0.0, 0, 5], [1, 0, 5], [0, 1, 5]]))
    assert right[0] > ahead[0]
    assert right[1] == ahead[1]
    assert down[1] > ahead[1]
    assert down[0] == ahead[0]
    assert bool((camera.rays(ahead[None])[0] == double([0.0, 0, 1])).all())


def test_convention_the_world_is_y_up_and_right_handed() -> None:
    x, y, z = WORLD_FROM_CAMERA.unbind(-1)
    assert torch.equal(torch.linalg.cross(x, y), z)
    assert torch.equal(WORLD_FROM_CAMERA @ WORLD_FROM_CAMERA, torch.eye(3, dtype=torch.float64))
    half_turn = Rotation.from_euler("x", 180, degrees=True).as_matrix()
    np.testing.assert_allclose(WORLD_FROM_CAMERA, half_turn, atol=1e-15)
    # What a camera sees upwards in its picture (-y) is up (+y) in that world; ahead becomes -z,
    # as in glTF, whose cameras look along their -z.
    assert (WORLD_FROM_CAMERA @ double([0.0, -1, 0])).tolist() == [0, 1, 0]
    assert (WORLD_FROM_CAMERA @ double([0.0, 0, 1])).tolist() == [0, 0, -1]


def test_convention_an_upright_camera_sees_up_in_the_world_as_up_in_the_picture() -> None:
    base = Camera.default((100, 100), dtype=torch.float64)
    rotmat = WORLD_FROM_CAMERA.T
    cam_from_world = rigid_from(rotmat, -(rotmat @ double([0.0, 1.5, 4.0])))
    camera = Camera(base.intrinsics, cam_from_world, base.distortion, base.image_size)
    feet, head, east = camera.project(double([[0.0, 0, 0], [0, 1.7, 0], [1, 0, 0]]))
    assert head[1] < feet[1]
    assert east[0] > feet[0]


# ---- the body ---------------------------------------------------------------------------------


def test_convention_a_body_at_rest_stands_in_y_looks_along_z_and_has_its_left_at_plus_x() -> None:
    body = DefaultBody()
    zero = torch.zeros(1, 3)
    mesh = body(BodyParams(torch.zeros(1, 10), torch.zeros(1, 23, 3), zero, zero))
    joints = dict(zip(body.skeleton.joints, mesh.joints[0], strict=True))
    marks = dict(
        zip(body.articulation.landmarks, body.articulation.landmarks_template, strict=True)
    )
    assert marks["head_top"][1] > joints["head"][1] > joints["pelvis"][1] > joints["left_foot"][1]
    assert 1.5 < float(mesh.vertices[0, :, 1].max() - mesh.vertices[0, :, 1].min()) < 1.9
    assert marks["nose"][2] > joints["head"][2] + 0.05
    for side, sign in (("left", 1), ("right", -1)):
        assert marks[f"{side}_big_toe"][2] > marks[f"{side}_heel"][2] + 0.15
        for joint in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist"):
            assert sign * joints[f"{side}_{joint}"][0] > 0.05


# ---- rotations --------------------------------------------------------------------------------


def test_convention_matrices_act_on_columns_and_quaternions_start_with_w() -> None:
    rotvec, vector = np.array([0.4, -1.1, 0.7]), np.array([0.3, 0.2, -0.9])
    rotation = Rotation.from_rotvec(rotvec)
    ours = rotmat_from_axis_angle(torch.from_numpy(rotvec)) @ torch.from_numpy(vector)
    np.testing.assert_allclose(ours, rotation.apply(vector), atol=1e-15)
    quat = quat_wxyz_from_axis_angle(torch.from_numpy(rotvec))
    np.testing.assert_allclose(quat[[1, 2, 3, 0]], rotation.as_quat(), atol=1e-15)
    half = math.sqrt(0.5)
    quarter = rotmat_from_quat_wxyz(double([half, half, 0, 0]))  # 90 degrees about x: y to z
    torch.testing.assert_close(quarter @ double([0.0, 1, 0]), double([0.0, 0, 1]))


def test_convention_axis_angle_follows_the_right_hand() -> None:
    for axis in range(3):
        unit = torch.eye(3, dtype=torch.float64)
        turn = rotmat_from_axis_angle(unit[axis] * math.pi / 2)
        # x to y about z, y to z about x, z to x about y.
        torch.testing.assert_close(turn @ unit[(axis + 1) % 3], unit[(axis + 2) % 3])


def test_convention_a_local_rotation_turns_a_joint_in_its_parents_frame() -> None:
    # The root looks to the side (90 degrees about y); then the child lifts about its local z.
    turns = Rotation.from_rotvec([[0, np.pi / 2, 0], [0, 0, np.pi / 2]])
    rotmats = torch.from_numpy(turns.as_matrix())
    offsets = double([[0.0, 0, 0], [1, 0, 0]])
    world, positions = forward_kinematics(rotmats, offsets, (-1, 0))
    torch.testing.assert_close(positions[1], double([0.0, 0, -1]))
    np.testing.assert_allclose(world[1], (turns[0] * turns[1]).as_matrix(), atol=1e-15)


# ---- missing values ---------------------------------------------------------------------------


def test_convention_missing_keypoints_are_nan_with_confidence_zero() -> None:
    written = torch.zeros(17, 2, dtype=torch.float64)  # how OpenPose writes what it did not see
    pose = Pose2D.from_detections(written, torch.zeros(17, dtype=torch.float64), COCO_17)
    assert pose.keypoints.isnan().all()
    assert bool((pose.confidence == 0).all())
    with pytest.raises(InputError, match="NaN"):
        Pose2D(written, torch.zeros(17, dtype=torch.float64), COCO_17, None)


# ---- all of it together, on a real trial ------------------------------------------------------


@dataclass(frozen=True)
class Trial:
    """A person standing still in four calibrated cameras; joints in BODY_25B's order."""

    cameras: tuple[Camera, ...]
    keypoints: Tensor  # [4 25 2]
    confidence: Tensor  # [4 25]
    markers: Tensor  # [25 3], the world of the trial's own file, y up, NaN where it has none


def read_camera(calibration: Mapping[str, list[object]]) -> Camera:
    rotmat = double(cv2.Rodrigues(np.array(calibration["rotation"]))[0].tolist())
    # The calibration's world is z up: its x, y, z are the markers' z, x, y.
    z_up_from_y_up = double([[0, 0, 1], [1, 0, 0], [0, 1, 0]])
    cam_from_world = rigid_from(rotmat @ z_up_from_y_up, double(calibration["translation"]))
    lens = double([*calibration["distortions"], 0.0])
    return Camera(double(calibration["matrix"]), cam_from_world, lens, (1920, 1088))


def read_trc(path: Path) -> Tensor:
    lines = path.read_text().splitlines()
    names = [name for name in lines[3].split("\t")[2:] if name]
    values = [float(value) for value in lines[5].split("\t")[2:] if value]
    markers = torch.full((25, 3), torch.nan, dtype=torch.float64)
    for name, place in zip(names, double(values).reshape(-1, 3), strict=True):
        markers[BODY_25B.index(TRC_NAMES[name])] = place
    return markers


@pytest.fixture(scope="module")
def trial(shared: Path) -> Trial:
    folder = shared / "keypoints" / "pose2sim"
    calibration = tomllib.loads((folder / "Calib_qualisys.toml").read_text())
    people = []
    for number in range(1, 5):
        file = folder / "static" / f"cam0{number}_json" / f"Static_cam_0{number}.00000.json"
        people.append(json.loads(file.read_text())["people"][0]["pose_keypoints_2d"])
    detected = double(people).reshape(4, 25, 3)
    return Trial(
        tuple(read_camera(calibration[f"cam_0{number}"]) for number in range(1, 5)),
        detected[..., :2],
        detected[..., 2],
        read_trc(folder / "static" / "S00_P00_T00_StaticTrial_0-12.trc"),
    )


def misses(trial: Trial, markers: Tensor) -> NDArray[np.float64]:
    """Median distance in pixels between projected markers and keypoints, per camera."""
    medians = []
    for camera, keypoints in zip(trial.cameras, trial.keypoints, strict=True):
        distance = (camera.project(markers) - keypoints).norm(dim=-1)
        medians.append(float(distance[~distance.isnan()].median()))
    return np.array(medians)


def test_convention_real_markers_land_on_real_keypoints(trial: Trial) -> None:
    # Triangulating these keypoints without our code gives the markers to 0.1 mm, and leaves 7 to
    # 15 px in these cameras: as near as this calibration comes. People are about 1000 px tall.
    assert misses(trial, trial.markers).max() < 20


def test_convention_real_cameras_project_as_in_cv2(trial: Trial, shared: Path) -> None:
    file = shared / "keypoints" / "pose2sim" / "Calib_qualisys.toml"
    calibration = tomllib.loads(file.read_text())
    known = trial.markers[~trial.markers.isnan().any(-1)]
    for number, camera in enumerate(trial.cameras, start=1):
        raw = calibration[f"cam_0{number}"]
        theirs, _ = cv2.projectPoints(
            known[:, [2, 0, 1]].numpy(),
            np.array(raw["rotation"]),
            np.array(raw["translation"]),
            np.array(raw["matrix"]),
            np.array(raw["distortions"]),
        )
        np.testing.assert_allclose(camera.project(known), theirs[:, 0], atol=1e-8)


def test_convention_real_left_is_left(trial: Trial) -> None:
    flipped = trial.markers[list(BODY_25B.flip_permutation)]
    assert misses(trial, flipped).min() > 30  # swapped names miss by far more than any true one
    up = double([0.0, 1, 0])
    for side in ("left", "right"):
        toe, heel = (trial.markers[BODY_25B.index(f"{side}_{p}")] for p in ("big_toe", "heel"))
        own_left = torch.linalg.cross(up, toe - heel)
        for joint in ("shoulder", "hip", "knee", "ankle"):
            left, right = (trial.markers[BODY_25B.index(f"{s}_{joint}")] for s in ("left", "right"))
            assert own_left @ (left - right) > 0


def test_convention_real_world_is_y_up_in_metres(trial: Trial) -> None:
    head = trial.markers[BODY_25B.index("head_top")]
    feet = trial.markers[[BODY_25B.index("left_heel"), BODY_25B.index("right_heel")]].mean(0)
    assert 1.4 < float(head[1] - feet[1]) < 2.0
    for camera in trial.cameras:  # every camera stands upright
        above, below = camera.project(torch.stack([head, feet]))
        assert above[1] < below[1] - 500


def test_convention_real_rays_meet_in_the_markers(trial: Trial) -> None:
    origins, rays = [], []
    for camera, keypoints in zip(trial.cameras, trial.keypoints, strict=True):
        rotmat, shift = camera.cam_from_world[:3, :3], camera.cam_from_world[:3, 3]
        origins.append(-rotmat.T @ shift)
        rays.append(camera.rays(keypoints) @ rotmat)
    weights = (trial.confidence > 0).to(torch.float64)
    found = triangulate_rays(torch.stack(origins), torch.stack(rays), weights)
    distance = (found - trial.markers).norm(dim=-1)
    distance = distance[~distance.isnan()]
    assert len(distance) == 21
    assert float(distance.median()) < 0.001
