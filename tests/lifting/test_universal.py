"""Laws of the frame lifter, with small random weights, and sense on real people with the real ones."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from lift3d.camera import Camera
from lift3d.errors import FileFormatError
from lift3d.geometry.rigid import rigid_from, transform_points
from lift3d.geometry.rotations import rotmat_from_axis_angle
from lift3d.geometry.triangulation import triangulate_rays
from lift3d.lifting.exemplars import INPUT_JOINTS
from lift3d.lifting.universal import UniversalLifter
from lift3d.lifting.universal_net import (
    UniversalConfig,
    UniversalNet,
    features_of,
    load_weights,
    save_weights,
)
from lift3d.lifting.view import View
from lift3d.lifting.vocabulary import HIPS
from lift3d.metrics import CAPTURED_JOINTS, mpjpe, pa_mpjpe
from lift3d.motion import Motion
from lift3d.pose import Pose2D
from lift3d.protocols import Lifter
from lift3d.skeletons import BODY_25, BODY_25B, COCO_17, LIFT_23, MEDIAPIPE_33
from tests.helpers.toml import tomllib

SAMPLE = Path(__file__).parents[2] / "lift3d/samples/balancing_mediapipe.json"
SIZE = (1000, 800)


@pytest.fixture(scope="module")
def lifter(tmp_path_factory: pytest.TempPathFactory) -> UniversalLifter:
    """Small random weights: people whose limbs point anywhere, at about the right distance."""
    torch.manual_seed(3)
    network = UniversalNet(UniversalConfig(width=64, blocks=1)).eval()
    torch.nn.init.normal_(network.head.weight, std=0.02)
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    save_weights(network, path)
    return UniversalLifter(path)


@pytest.fixture(scope="module")
def trained() -> UniversalLifter:
    return UniversalLifter()


def standing() -> torch.Tensor:
    """A person of 1.7 m, upright and facing the camera, in the camera frame, pelvis at the origin."""
    places = {
        "pelvis": (0, 0, 0), "spine": (0, -0.3, 0), "thorax": (0, -0.45, 0),
        "head": (0, -0.62, 0), "nose": (0, -0.67, -0.13),
        "ear": (0.075, -0.68, -0.02), "hip": (0.09, 0, 0), "knee": (0.1, 0.42, -0.02),
        "ankle": (0.1, 0.83, 0.02), "toe": (0.11, 0.9, -0.16), "heel": (0.1, 0.89, 0.07),
        "shoulder": (0.18, -0.5, 0), "elbow": (0.22, -0.22, 0.02), "wrist": (0.23, 0.03, -0.05),
    }  # fmt: skip
    rows = []
    for name in LIFT_23.joints:
        x, y, z = places[name.split("_")[-1]]
        # The person faces the camera: their left is on the picture's right.
        rows.append((-x if name.startswith("right_") else x, y, z))
    return torch.tensor(rows)


def person(frames: int = 1, jitter: float = 0.0) -> torch.Tensor:
    return standing() + torch.randn(frames, len(LIFT_23), 3) * jitter


def keypoints_of(
    joints: torch.Tensor, camera: Camera, root: tuple[float, float, float] = (0.3, 0.1, 4)
) -> Motion[Pose2D]:
    pixels = camera.project(joints + torch.tensor(root, dtype=joints.dtype))
    confidence = torch.zeros(joints.shape[:2])
    confidence[:, list(INPUT_JOINTS)] = 1
    pose = Pose2D.from_detections(pixels, confidence, LIFT_23, camera.image_size)
    return Motion(pose, 30.0, 7, torch.ones(len(joints), dtype=torch.bool), first_frame=5)


def without(motion: Motion[Pose2D], *names: str) -> Motion[Pose2D]:
    confidence = motion.pose.confidence.clone()
    confidence[:, [LIFT_23.index(name) for name in names]] = 0
    pose = Pose2D.from_detections(motion.pose.keypoints, confidence, LIFT_23, SIZE)
    return Motion(pose, motion.fps, motion.person, motion.observed, motion.first_frame)


def test_it_is_a_lifter_and_keeps_what_the_motion_says(lifter: UniversalLifter) -> None:
    assert isinstance(lifter, Lifter)
    assert lifter.skeleton == LIFT_23
    lifted = lifter(keypoints_of(person(3), Camera.default(SIZE)), Camera.default(SIZE))
    assert (lifted.fps, lifted.person, lifted.first_frame, len(lifted)) == (30.0, 7, 5, 3)
    assert lifted.pose.frame == "camera"
    assert lifted.observed.all()


def test_a_crop_changes_nothing(lifter: UniversalLifter) -> None:
    whole = Camera.from_intrinsics(SIZE, 900.0)
    crop = Camera.from_intrinsics((400, 300), 900.0, centre=(100.0, 50.0))
    joints = person(4, jitter=0.1)
    a = lifter(keypoints_of(joints, whole), whole).pose.joints
    b = lifter(keypoints_of(joints, crop), crop).pose.joints
    assert (a - b).abs().max() < 1e-3


def test_a_zoom_with_right_intrinsics_changes_nothing(lifter: UniversalLifter) -> None:
    cameras = [Camera.from_intrinsics(SIZE, focal) for focal in (500.0, 2000.0)]
    joints = person(4, jitter=0.1)
    a, b = (lifter(keypoints_of(joints, camera), camera).pose.joints for camera in cameras)
    assert (a - b).abs().max() < 1e-3


@pytest.mark.parametrize("angle", [-0.5, 0.2, 0.6])
def test_turning_the_camera_turns_the_answer(lifter: UniversalLifter, angle: float) -> None:
    """About its own y axis, while the person's root stays at the camera's height."""
    camera = Camera.from_intrinsics(SIZE, 900.0)
    turn = rotmat_from_axis_angle(torch.tensor([0.0, angle, 0.0]))
    ahead = person(4, jitter=0.1)
    # The root ray is the mean of the hips' rays, so the hips must lie at the camera's height.
    hips = [LIFT_23.index("left_hip"), LIFT_23.index("right_hip")]
    ahead[:, hips, 1] = 0
    straight = keypoints_of(ahead, camera, (0, 0, 4))
    root = tuple((turn @ torch.tensor([0.0, 0, 4])).tolist())
    turned = keypoints_of(ahead @ turn.mT, camera, root)
    a = lifter(straight, camera).pose.joints @ turn.mT
    b = lifter(turned, camera).pose.joints
    assert (a - b).abs().max() < 2e-3


def test_the_mirrored_picture_gives_the_mirrored_person(lifter: UniversalLifter) -> None:
    camera = Camera.from_intrinsics(SIZE, 900.0)
    flip = list(LIFT_23.flip_permutation)
    mirror = torch.tensor([-1.0, 1, 1])
    joints = person(4, jitter=0.1)
    a = lifter(keypoints_of(joints, camera), camera).pose
    b = lifter(keypoints_of(joints[:, flip] * mirror, camera, (-0.3, 0.1, 4)), camera).pose
    assert (a.joints[:, flip] * mirror - b.joints).abs().max() < 1e-3


def test_a_batch_is_its_frames(lifter: UniversalLifter) -> None:
    camera = Camera.default(SIZE)
    motion = keypoints_of(person(700, jitter=0.1), camera)
    batch = lifter(motion, camera).pose.joints
    for frame in (0, 511, 512, 699):
        one = Pose2D(motion.pose.keypoints[[frame]], motion.pose.confidence[[frame]], LIFT_23, SIZE)
        single = lifter(Motion(one, 30.0, 7, torch.tensor([True])), camera).pose.joints[0]
        assert (batch[frame] - single).abs().max() < 1e-3


@pytest.mark.parametrize(
    "names",
    [
        ("left_wrist",),
        ("left_hip",),
        ("left_hip", "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle"),
        tuple(n for n in LIFT_23.joints if n.split("_")[-1] in ("nose", "ear", "toe", "heel")),
    ],
)
def test_missing_keypoints_leave_everything_finite(
    lifter: UniversalLifter, names: tuple[str, ...]
) -> None:
    camera = Camera.default(SIZE)
    lifted = lifter(without(keypoints_of(person(2), camera), *names), camera)
    assert lifted.pose.joints.isfinite().all()
    assert lifted.pose.covariance.isfinite().all()


def test_too_few_keypoints_are_not_lifted_and_spoil_no_neighbour(lifter: UniversalLifter) -> None:
    camera = Camera.default(SIZE)
    motion = keypoints_of(person(3, jitter=0.05), camera)
    keypoints, confidence = motion.pose.keypoints.clone(), motion.pose.confidence.clone()
    confidence[1, list(INPUT_JOINTS)[5:]] = 0
    keypoints[1, list(INPUT_JOINTS)[5:]] = torch.nan
    pose = Pose2D(keypoints, confidence, LIFT_23, SIZE)
    lifted = lifter(Motion(pose, 30.0, 7, motion.observed), camera)
    assert lifted.observed.tolist() == [True, False, True]
    assert lifted.pose.joints[1].isnan().all()
    whole = lifter(motion, camera).pose.joints
    assert (lifted.pose.joints[[0, 2]] - whole[[0, 2]]).abs().max() < 1e-5


def test_double_precision_stays_double(lifter: UniversalLifter) -> None:
    camera = Camera.default(SIZE, dtype=torch.float64)
    motion = keypoints_of(person(2).double(), camera)
    assert lifter(motion, camera).pose.joints.dtype == torch.float64


def test_weights_that_are_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="expected weights of this lifter"):
        UniversalLifter(tmp_path / "none.safetensors")
    (tmp_path / "text.safetensors").write_text("no weights")
    with pytest.raises(FileFormatError, match="expected weights"):
        load_weights(tmp_path / "text.safetensors")
    save_file({"x": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(FileFormatError, match="format None"):
        load_weights(tmp_path / "other.safetensors")


def test_weights_come_back_with_their_shape(tmp_path: Path) -> None:
    network = UniversalNet(UniversalConfig(width=32, blocks=3, dropout=0.2)).eval()
    save_weights(network, tmp_path / "w.safetensors")
    back = load_weights(tmp_path / "w.safetensors")
    assert back.config == network.config
    rays = torch.nn.functional.normalize(torch.rand(5, 40, 3) + torch.tensor([0.0, 0, 3]), dim=-1)
    features = features_of(View.of(rays, torch.ones(5, 40, dtype=torch.bool), HIPS))
    assert (back(features) - network(features)).abs().max() < 1e-2


# With the weights in the package ------------------------------------------------------------------


def test_the_packaged_weights_are_small() -> None:
    path = Path(__file__).parents[2] / "lift3d/lifting/weights/universal.safetensors"
    assert path.stat().st_size < 10_000_000


def test_a_plain_pose_is_found(trained: UniversalLifter) -> None:
    camera = Camera.default(SIZE)
    lifted = trained(keypoints_of(person(), camera), camera).pose.joints[0]
    root = lifted[0]
    assert (lifted - root - standing()).norm(dim=-1).mean() < 0.05
    assert root[2] == pytest.approx(4, abs=0.3)


def test_lifted_joints_project_onto_their_keypoints(trained: UniversalLifter) -> None:
    camera = Camera.default(SIZE)
    motion = keypoints_of(person(), camera)
    lifted = trained(motion, camera).pose.joints
    error = (
        camera.project(lifted)[:, list(INPUT_JOINTS)] - motion.pose.keypoints[:, list(INPUT_JOINTS)]
    )
    height = (
        motion.pose.keypoints[0, LIFT_23.index("left_heel"), 1]
        - motion.pose.keypoints[0, LIFT_23.index("nose"), 1]
    )
    assert error.norm(dim=-1).mean() < 0.01 * height


def test_a_hidden_joint_is_less_certain(trained: UniversalLifter) -> None:
    camera = Camera.default(SIZE)
    motion = keypoints_of(person(), camera)
    wrist = LIFT_23.index("left_wrist")
    seen = trained(motion, camera).pose.covariance[0, wrist]
    hidden = trained(without(motion, "left_wrist"), camera).pose.covariance[0, wrist]
    assert torch.linalg.eigvalsh(seen).min() > 0
    assert hidden.trace() > seen.trace()


def mediapipe_sample() -> Motion[Pose2D]:
    """Every tenth frame of a person who walks along a beam, seen from the front."""
    document = json.loads(SAMPLE.read_text())
    rows = [frame["landmarks"] for frame in document["frames"] if frame["landmarks"]][::10]
    values = torch.tensor([[[p["x"], p["y"], p["visibility"]] for p in row] for row in rows])
    height, width = document["image_size"]
    pixels = values[..., :2] * torch.tensor([float(width), float(height)])
    pose = Pose2D.from_detections(pixels, values[..., 2], MEDIAPIPE_33, (height, width))
    return Motion(pose, document["fps"] / 10, 0, torch.ones(len(pixels), dtype=torch.bool))


def openpose_clip(folder: Path) -> Motion[Pose2D]:
    rows = []
    for file in sorted(folder.glob("*_keypoints.json")):
        people = json.loads(file.read_text())["people"]
        rows.append(people[0]["pose_keypoints_2d"] if people else [0.0] * 75)
    values = torch.tensor(rows).reshape(-1, 25, 3)
    pose = Pose2D.from_detections(values[..., :2], values[..., 2], BODY_25, None)
    return Motion(pose, 30.0, 0, pose.seen.any(-1))


def expect_upright_person(lifted: torch.Tensor) -> None:
    """Camera frame, y down: the median body stands, has human bones, and feet that point forwards."""
    at = {name: lifted[:, i] for i, name in enumerate(LIFT_23.joints)}
    feet = (at["left_ankle"] + at["right_ankle"]) / 2
    across = at["left_hip"] - at["right_hip"]
    forwards = torch.linalg.cross(across, at["thorax"] - at["pelvis"], dim=-1)
    assert ((at["head"] - at["pelvis"])[:, 1].nanmedian()) < -0.4
    assert ((feet - at["pelvis"])[:, 1].nanmedian()) > 0.5
    for side in ("left", "right"):
        thigh = (at[f"{side}_knee"] - at[f"{side}_hip"]).norm(dim=-1).nanmedian()
        shank = (at[f"{side}_ankle"] - at[f"{side}_knee"]).norm(dim=-1).nanmedian()
        arm = (at[f"{side}_wrist"] - at[f"{side}_shoulder"]).norm(dim=-1).nanmedian()
        assert 0.3 < thigh < 0.55
        assert 0.3 < shank < 0.55
        assert 0.2 < arm < 0.7
        foot = at[f"{side}_big_toe"] - at[f"{side}_heel"]
        assert ((foot * forwards).sum(-1) > 0).float().mean() > 0.9
    nose = at["nose"] - (at["left_ear"] + at["right_ear"]) / 2
    assert ((nose * forwards).sum(-1) > 0).float().mean() > 0.9


def test_a_real_mediapipe_clip_gives_an_upright_person(trained: UniversalLifter) -> None:
    lifted = trained(mediapipe_sample(), Camera.default((1920, 1080)))
    assert lifted.observed.all()
    expect_upright_person(lifted.pose.joints)


@pytest.mark.parametrize("clip", ["clip_a", "clip_b"])
def test_a_real_openpose_clip_gives_an_upright_person(
    trained: UniversalLifter, shared: Path, clip: str
) -> None:
    motion = openpose_clip(shared / "keypoints/openpose_body25" / clip)
    lifted = trained(motion, Camera.default((1080, 1920)))
    assert lifted.observed.float().mean() > 0.9
    expect_upright_person(lifted.pose.joints[lifted.observed])


def test_coco_keypoints_suffice(trained: UniversalLifter) -> None:
    camera = Camera.default(SIZE)
    whole = keypoints_of(person(), camera)
    index = [LIFT_23.joints.index(n) for n in COCO_17.joints if n in LIFT_23.joints]
    place = [COCO_17.index(LIFT_23.joints[i]) for i in index]
    pixels = torch.full((1, 17, 2), torch.nan)
    confidence = torch.zeros(1, 17)
    pixels[:, place], confidence[:, place] = whole.pose.keypoints[:, index], 1.0
    motion = Motion(Pose2D(pixels, confidence, COCO_17, SIZE), 30.0, 7, whole.observed)
    lifted = trained(motion, camera).pose.joints[0]
    assert (lifted - lifted[0] - standing()).norm(dim=-1).mean() < 0.06


def test_a_real_person_agrees_with_two_calibrated_views(
    trained: UniversalLifter, shared: Path
) -> None:
    """One view lifted, against the same person triangulated from two (another detector, BODY_25B)."""
    folder = shared / "keypoints/pose2sim"
    views = [balancing(folder, number) for number in ("01", "03")]
    directions, origins, weights = [], [], []
    for motion, camera in views:
        pose, turn = motion.pose.to(LIFT_23), camera.cam_from_world[:3, :3]
        directions.append(camera.rays(pose.keypoints.nan_to_num()) @ turn)
        origins.append(-turn.mT @ camera.cam_from_world[:3, 3])
        weights.append(torch.where(pose.confidence > 0.3, pose.confidence, 0.0))
    stack = (torch.stack(part) for part in (origins, directions, weights))
    world = triangulate_rays(*stack)
    limbs = [i for i in CAPTURED_JOINTS if LIFT_23.joints[i] not in ("spine", "thorax", "head")]
    hips = [LIFT_23.index("left_hip"), LIFT_23.index("right_hip")]
    for motion, camera in views:
        lifted = trained(motion, camera).pose.joints
        true = transform_points(camera.cam_from_world, world)
        root = true[:, hips].mean(1)
        true = (true - root[:, None])[:, limbs]
        found = (lifted - lifted[:, :1])[:, limbs]
        mask = true.isfinite().all(-1) & found.isfinite().all(-1)
        assert mpjpe(found, true, mask).nanmean() < 0.15
        assert pa_mpjpe(found, true, mask).nanmean() < 0.09
        assert ((lifted[:, 0, 2] / root[:, 2]).nanmedian() - 1).abs() < 0.1


def balancing(folder: Path, number: str) -> tuple[Motion[Pose2D], Camera]:
    """The tallest person of each frame, and the calibrated camera."""
    calibration = tomllib.loads((folder / "Calib_qualisys.toml").read_text())[f"cam_{number}"]
    rows = []
    for file in sorted((folder / f"balancing/cam{number}_json").glob("*.json")):
        people = json.loads(file.read_text())["people"]
        found = torch.tensor([p["pose_keypoints_2d"] for p in people]).reshape(-1, 25, 3)
        y = torch.where(found[..., 2] > 0.1, found[..., 1], torch.nan)
        height = y.nan_to_num(-1e9).amax(-1) - y.nan_to_num(1e9).amin(-1)
        rows.append(found[height.argmax()])
    values = torch.stack(rows)
    width, height = (int(side) for side in calibration["size"])
    pose = Pose2D.from_detections(values[..., :2], values[..., 2], BODY_25B, (height, width))
    turn = rotmat_from_axis_angle(torch.tensor(calibration["rotation"]))
    place = rigid_from(turn, torch.tensor(calibration["translation"]))
    lens = torch.tensor([*calibration["distortions"], 0.0])
    camera = Camera(torch.tensor(calibration["matrix"]), place, lens, (height, width))
    return Motion(pose, 60.0, 0, pose.seen.any(-1)), camera
