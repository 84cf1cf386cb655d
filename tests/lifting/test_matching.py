"""Laws of the matching lifter with a few exemplars, and sense with those in the package."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from lift3d.camera import Camera
from lift3d.errors import FileFormatError, InputError
from lift3d.geometry.rotations import rotmat_from_axis_angle
from lift3d.lifting.exemplar_search import PictureSearch
from lift3d.lifting.exemplars import INPUT_JOINTS
from lift3d.lifting.matching import (
    ExemplarLibrary,
    MatchingLifter,
    MatchingOptions,
    ViewGrid,
    build_library,
    load_library,
    save_library,
)
from lift3d.metrics import CAPTURED_JOINTS
from lift3d.motion import Motion
from lift3d.pose import Pose2D, Pose3D
from lift3d.protocols import Lifter
from lift3d.skeletons import LIFT_23

SIZE = (1000, 1000)
INPUT = list(INPUT_JOINTS)
GRID = ViewGrid(yaws=8, pitches=(-0.2, 0.1))
FACE_AND_FEET = tuple(
    name for name in LIFT_23.joints if name.split("_")[-1] in ("nose", "ear", "toe", "heel")
)


def standing() -> torch.Tensor:
    """A person of 1.7 m, y up, with hips and shoulders across x, pelvis at the origin."""
    places = {
        "pelvis": (0, 0, 0), "spine": (0, 0.3, 0), "thorax": (0, 0.45, 0),
        "head": (0, 0.62, 0), "nose": (0, 0.67, 0.13),
        "ear": (0.075, 0.68, 0.02), "hip": (0.09, 0, 0), "knee": (0.1, -0.42, 0.02),
        "ankle": (0.1, -0.83, -0.02), "toe": (0.11, -0.9, 0.16), "heel": (0.1, -0.89, -0.07),
        "shoulder": (0.18, 0.5, 0), "elbow": (0.22, 0.22, -0.02), "wrist": (0.23, -0.03, 0.05),
    }  # fmt: skip
    rows = []
    for name in LIFT_23.joints:
        x, y, z = places[name.split("_")[-1]]
        rows.append((-x if name.startswith("right_") else x, y, z))
    return torch.tensor(rows)


def people(count: int) -> torch.Tensor:
    """Bodies that differ by more than a camera's place can."""
    poses = standing() + torch.randn(count, len(LIFT_23), 3) * 0.12
    return poses - poses[:, :1]


@pytest.fixture(scope="module")
def library() -> ExemplarLibrary:
    torch.manual_seed(5)
    return ExemplarLibrary(people(40), GRID)


@pytest.fixture(scope="module")
def packaged() -> MatchingLifter:
    return MatchingLifter()


def seen_by(joints: torch.Tensor, camera: Camera, hidden: tuple[str, ...] = ()) -> Motion[Pose2D]:
    """Joints in the camera frame as a detector gives them."""
    confidence = torch.zeros(joints.shape[:2])
    confidence[:, INPUT] = 1
    confidence[:, [LIFT_23.index(name) for name in hidden]] = 0
    pose = Pose2D.from_detections(camera.project(joints), confidence, LIFT_23, SIZE)
    return Motion(pose, 30.0, 7, torch.ones(len(joints), dtype=torch.bool), first_frame=5)


def ahead(library: ExemplarLibrary, camera: int, distance: float = 5.0) -> torch.Tensor:
    """The exemplars before a camera of the grid, hips in the middle of the picture."""
    joints = library.joints @ library.grid.turns[camera].mT
    hips = [LIFT_23.index("left_hip"), LIFT_23.index("right_hip")]
    return joints - joints[:, hips].mean(1, keepdim=True) + torch.tensor([0, 0, distance])


def nearest_only() -> MatchingOptions:
    return MatchingOptions(neighbours=1)


# The lifter ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("hidden", [(), FACE_AND_FEET, ("left_wrist", "right_ankle")])
def test_an_exemplar_is_found_again(library: ExemplarLibrary, hidden: tuple[str, ...]) -> None:
    """Its own picture is the nearest, so the answer is the exemplar at its true place."""
    camera, lifter = Camera.from_intrinsics(SIZE, 1100.0), MatchingLifter(library, nearest_only())
    for number in (0, 5, 11):
        true = ahead(library, number)
        lifted = lifter(seen_by(true, camera, hidden), camera)
        assert lifted.observed.all()
        assert (lifted.pose.joints - true).norm(dim=-1).max() < 0.02


def test_the_mirror_image_of_an_exemplar_is_found_too(library: ExemplarLibrary) -> None:
    camera, lifter = Camera.from_intrinsics(SIZE, 1100.0), MatchingLifter(library, nearest_only())
    flip = list(LIFT_23.flip_permutation)
    true = ahead(library, 3)[:, flip] * torch.tensor([-1.0, 1, 1])
    lifted = lifter(seen_by(true, camera), camera).pose.joints
    assert (lifted - true).norm(dim=-1).max() < 0.02


def test_seen_joints_lie_on_their_rays(library: ExemplarLibrary) -> None:
    camera, lifter = Camera.from_intrinsics(SIZE, 1100.0), MatchingLifter(library)
    motion = seen_by(people(6) * torch.tensor([1.0, -1, 1]) + torch.tensor([0.4, 0.1, 4]), camera)
    lifted = lifter(motion, camera).pose.joints
    error = camera.project(lifted)[:, INPUT] - motion.pose.keypoints[:, INPUT]
    assert error.norm(dim=-1).max() < 0.1


def test_without_warping_bones_stay_as_the_exemplar_has_them(library: ExemplarLibrary) -> None:
    camera = Camera.from_intrinsics(SIZE, 1100.0)
    lifter = MatchingLifter(library, MatchingOptions(neighbours=1, warp=False))
    shown = people(3) * torch.tensor([1.0, -1, 1]) + torch.tensor([0, 0, 5.0])
    lifted = lifter(seen_by(shown, camera), camera).pose.joints
    lengths = [
        torch.stack([(j[:, a] - j[:, b]).norm(dim=-1) for a, b in LIFT_23.bones], 1)
        for j in (lifted, library.both_sides)
    ]
    assert (torch.cdist(lengths[0], lengths[1]).amin(1) < 1e-4).all()


def test_it_is_a_lifter_and_keeps_what_the_motion_says(library: ExemplarLibrary) -> None:
    camera, lifter = Camera.default(SIZE, dtype=torch.float64), MatchingLifter(library)
    assert isinstance(lifter, Lifter)
    lifted = lifter(seen_by(ahead(library, 0).double(), camera), camera)
    assert (lifted.fps, lifted.person, lifted.first_frame, len(lifted)) == (30.0, 7, 5, 40)
    assert lifted.pose.joints.dtype == torch.float64
    assert lifted.pose.frame == "camera"


def test_too_few_keypoints_are_not_lifted_and_spoil_no_neighbour(library: ExemplarLibrary) -> None:
    camera, lifter = Camera.default(SIZE), MatchingLifter(library)
    motion = seen_by(ahead(library, 2)[:3], camera)
    confidence, pixels = motion.pose.confidence.clone(), motion.pose.keypoints.clone()
    confidence[1, INPUT[5:]], pixels[1, INPUT[5:]] = 0, torch.nan
    some = Motion(Pose2D(pixels, confidence, LIFT_23, SIZE), 30.0, 7, motion.observed)
    lifted = lifter(some, camera)
    assert lifted.observed.tolist() == [True, False, True]
    assert lifted.pose.joints[1].isnan().all()
    assert lifted.pose.covariance[1].isnan().all()
    whole = lifter(motion, camera).pose.joints
    assert (lifted.pose.joints[[0, 2]] - whole[[0, 2]]).abs().max() < 1e-5


def test_nobody_to_lift_is_no_error(library: ExemplarLibrary) -> None:
    camera = Camera.default(SIZE)
    lifted = MatchingLifter(library)(seen_by(torch.ones(2, 23, 3), camera, LIFT_23.joints), camera)
    assert not lifted.observed.any()


def test_the_answer_can_be_learnt_through(library: ExemplarLibrary) -> None:
    """No tensor of inference mode gets out: fitting differentiates behind the lifter."""
    camera = Camera.default(SIZE)
    lifted = MatchingLifter(library)(seen_by(ahead(library, 1)[:2], camera), camera)
    scale = torch.ones((), requires_grad=True)
    ((lifted.pose.joints * scale) ** 2).sum().backward()
    assert scale.grad is not None


# Search -------------------------------------------------------------------------------------------


def brute(pictures: torch.Tensor, points: torch.Tensor, seen: torch.Tensor) -> np.ndarray:
    """1 - c^2 by numpy's least squares, picture by picture: best scale and shift."""
    costs = []
    target = points[seen].double().numpy().ravel()
    spread = ((points[seen] - points[seen].mean(0)) ** 2).sum().item()
    for picture in pictures[:, seen].double().numpy():
        ones = np.tile(np.eye(2), (len(picture), 1))
        columns = np.column_stack([picture.ravel(), ones])
        solved = np.linalg.lstsq(columns, target, rcond=None)[0]
        costs.append(((columns @ solved - target) ** 2).sum() / spread if solved[0] > 0 else 2.0)
    return np.array(costs)


def test_exact_search_agrees_with_least_squares() -> None:
    pictures = torch.randn(150, 19, 2)
    points = pictures[:3] * 0.3 + 4 + torch.randn(3, 19, 2) * 0.2
    seen = torch.rand(3, 19) < 0.6
    found = PictureSearch(pictures)(points * seen[..., None], seen, 5)
    for row in range(3):
        costs = brute(pictures, points[row], seen[row])
        assert found.index[row].tolist() == np.argsort(costs)[:5].tolist()
        cosine = 1 - found.distance[row].numpy() / 2
        assert cosine == pytest.approx(np.sqrt(1 - np.sort(costs)[:5]), abs=1e-4)


def test_shift_and_scale_of_a_picture_do_not_matter() -> None:
    search, seen = PictureSearch(torch.randn(500, 19, 2)), torch.ones(4, 19, dtype=torch.bool)
    points = torch.randn(4, 19, 2)
    a, b = search(points, seen, 3), search(points * 7 - 2, seen, 3)
    assert torch.equal(a.index, b.index)
    assert (a.distance - b.distance).abs().max() < 1e-4


def test_blocks_of_pictures_and_frames_change_nothing() -> None:
    pictures = torch.randn(8192 + 77, 19, 2)
    search = PictureSearch(pictures)
    rows = torch.tensor([0, 8191, 8192, 8268])
    found = search(pictures[rows].repeat(40, 1, 1), torch.ones(160, 19, dtype=torch.bool), 2)
    assert torch.equal(found.index[:, 0], rows.repeat(40))
    assert found.distance[:, 0].max() < 1e-5


def test_the_tree_finds_what_the_exact_search_finds() -> None:
    """Near pictures as people's are, on few directions; the tree may miss one of fifty."""
    torch.manual_seed(1)
    basis = torch.randn(6, 38)
    pictures = (torch.randn(4000, 6) @ basis).unflatten(1, (19, 2))
    points = pictures[::40] + torch.randn(100, 19, 2) * 0.05
    seen = torch.ones(100, 19, dtype=torch.bool)
    seen[:50, 4] = False
    points = points * seen[..., None]
    search = PictureSearch(pictures)
    exact, near = search(points, seen, 4), search(points, seen, 4, approximate=True)
    assert len(search._trees) == 2  # one for each set of keypoints
    assert (exact.index[:, 0] == near.index[:, 0]).float().mean() > 0.98
    assert (near.distance[:, 0] - exact.distance[:, 0]).median() < 1e-5


def test_rare_sets_of_keypoints_get_no_tree() -> None:
    search = PictureSearch(torch.randn(500, 19, 2))
    seen = torch.ones(19, 19, dtype=torch.bool).fill_diagonal_(False)
    points = torch.randn(19, 19, 2)
    near, exact = search(points, seen, 3, approximate=True), search(points, seen, 3)
    assert torch.equal(near.index, exact.index)
    assert not search._trees


# The library --------------------------------------------------------------------------------------


@dataclass
class Clip:
    motion: Motion[Pose3D]
    weight: float = 1.0
    name: str = "clip"
    subject: str = "somebody"
    action: str = "stand"


def clip_of(joints: torch.Tensor, weight: float = 1.0) -> Clip:
    pose = Pose3D.certain(joints, LIFT_23, "world")
    return Clip(Motion(pose, 30.0, 0, joints[:, 0].isfinite().all(-1)), weight)


def two_kinds() -> Iterator[Clip]:
    """One pose with arms down and one with a leg far out, each in all directions and places."""
    other = standing()
    other[[LIFT_23.index(f"left_{part}") for part in ("knee", "ankle", "heel")], 0] += 0.5
    for pose in (standing(), other):
        yaw = torch.rand(24, 1) * 6 * torch.tensor([0.0, 1, 0])
        turned = pose @ rotmat_from_axis_angle(yaw).mT + torch.randn(24, 1, 3)
        turned[3] = torch.nan  # not observed
        yield clip_of(turned)


def test_the_library_holds_the_kinds_of_poses_facing_one_way() -> None:
    library = build_library(two_kinds(), 2, every=1, rounds=10, seed=1, grid=GRID)
    lowest = library.joints[:, LIFT_23.index("left_ankle"), 0].sort().values
    assert lowest.tolist() == pytest.approx([0.1, 0.6], abs=0.01)
    assert library.joints[:, 0].abs().max() < 1e-6
    across = (
        library.joints[:, LIFT_23.index("left_hip")] - library.joints[:, LIFT_23.index("right_hip")]
    )
    assert across[:, 0].min() > 0.15


def test_joints_that_a_source_does_not_give_are_completed() -> None:
    """By a linear map, which between poses that differ linearly is exact."""
    poses = standing() * torch.linspace(0.8, 1.2, 60)[:, None, None]
    partial = poses.clone()
    partial[::2, LIFT_23.index("thorax")] = torch.nan
    library = build_library([clip_of(partial)], 60, every=1, rounds=1)
    height = library.joints[:, LIFT_23.index("thorax"), 1].sort().values
    assert (height - poses[:, LIFT_23.index("thorax"), 1]).abs().max() < 1e-3


def test_clips_that_count_less_give_fewer_frames() -> None:
    poses = standing() + torch.arange(40.0)[:, None, None] * 0.001
    both = [clip_of(poses), clip_of(poses, weight=0.25), clip_of(poses, weight=0.0)]
    assert len(build_library(both, 1000, every=2, rounds=1)) == 20 + 5


def test_no_frame_is_an_error() -> None:
    lost = torch.full((4, 23, 3), torch.nan)
    with pytest.raises(InputError, match="expected frames with all of 19 joints"):
        build_library([clip_of(lost)])
    with pytest.raises(InputError, match="expected frames"):
        build_library([])


def test_a_library_comes_back_from_its_file(library: ExemplarLibrary, tmp_path: Path) -> None:
    save_library(library, tmp_path / "l.safetensors")
    back = load_library(tmp_path / "l.safetensors")
    assert back.grid == library.grid
    assert (back.joints - library.joints).abs().max() <= 0.51e-4
    assert len(MatchingLifter(tmp_path / "l.safetensors").library) == 40


def test_a_file_that_is_no_library_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    with pytest.raises(FileFormatError, match="expected exemplars"):
        load_library(path)
    save_file({"joints": torch.zeros(3, 23, 3)}, path)
    with pytest.raises(FileFormatError, match="format None"):
        load_library(path)
    about = {"format": "lift3d matching 1", "grid": '{"yaws": 4, "pitches": [0], "distance": 5}'}
    save_file({"joints": torch.zeros(3, 9, 3, dtype=torch.int16)}, path, metadata=about)
    with pytest.raises(FileFormatError, match=r"joints torch.int16 \(3, 9, 3\)"):
        load_library(path)
    about["grid"] = '{"yaws": 1000000, "pitches": [0], "distance": 5}'
    save_file({"joints": torch.zeros(3, 23, 3, dtype=torch.int16)}, path, metadata=about)
    with pytest.raises(FileFormatError, match="1000000 x 1 cameras"):
        load_library(path)


# With the exemplars in the package ----------------------------------------------------------------


def test_the_packaged_library_is_small() -> None:
    path = Path(__file__).parents[2] / "lift3d/lifting/weights/matching.safetensors"
    assert path.stat().st_size < 2_000_000


@pytest.mark.parametrize("search", ["exact", "approximate"])
@pytest.mark.parametrize("hidden", [(), FACE_AND_FEET])
def test_a_standing_person_is_found(
    packaged: MatchingLifter, search: str, hidden: tuple[str, ...]
) -> None:
    """From all sides, 4 m away."""
    lifter = packaged
    lifter.options = MatchingOptions(search=search)  # type: ignore[arg-type]
    camera = Camera.from_intrinsics(SIZE, 1100.0)
    yaw = torch.linspace(0, 6, 40)[:, None] * torch.tensor([0.0, 1, 0])
    upside_down = torch.tensor([1.0, -1, -1])
    person = (standing() @ rotmat_from_axis_angle(yaw).mT) * upside_down
    true = person + torch.tensor([0.3, 0.1, 4])
    lifted = lifter(seen_by(true, camera, hidden), camera)
    found = lifted.pose.joints - lifted.pose.joints[:, :1]
    judged = list(CAPTURED_JOINTS)
    error = found[:, judged] - (true - true[:, :1])[:, judged]
    assert error.norm(dim=-1).mean() < 0.06
    assert (lifted.pose.joints[:, 0, 2] - 4).abs().max() < 0.4
    assert torch.linalg.eigvalsh(lifted.pose.covariance).min() > 0
