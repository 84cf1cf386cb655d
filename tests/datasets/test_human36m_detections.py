"""Human3.6M's detections: archives of VideoPose3D, hourglass files, lengths and layouts."""

import importlib
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

from lift3d.errors import FileFormatError, InputError, SkeletonError
from lift3d.skeletons import COCO_17, H36M_17, H36M_17_LEFT_FIRST, MPII_16
from lift3d_datasets.human36m import Human36m
from lift3d_datasets.human36m_facts import HOURGLASS_16

SIDES_17 = [[4, 5, 6, 11, 12, 13], [1, 2, 3, 14, 15, 16]]
SIDES_16 = [[3, 4, 5, 13, 14, 15], [0, 1, 2, 10, 11, 12]]


@pytest.fixture(scope="module")
def files() -> Any:
    folder = str(Path(__file__).parents[1] / "helpers")
    if folder not in sys.path:
        sys.path.insert(0, folder)
    return importlib.import_module("human36m_files")


@pytest.fixture
def walk(files: Any, tmp_path: Path) -> Any:
    """One clip of 200 frames in VideoPose3D's archive."""
    made = files.takes({"S9": ["Walking"]}, frames=200)
    files.write_npz(tmp_path, made)
    return made["S9", "Walking"]


def only(root: Path, detections: Any, **options: Any) -> Any:
    options = {"partial": True, "dtype": torch.float64, **options}
    (clip,) = Human36m(root, detections=detections, **options).clips("test")
    return clip


def save(files: Any, root: Path, name: str, views: list[Any], metadata: dict[str, Any]) -> None:
    files.save_objects(
        root / f"data_2d_h36m_{name}.npz",
        positions_2d={"S9": {"Walking": views}},
        metadata=metadata,
    )


def test_ground_truth_archive(files: Any, walk: Any, tmp_path: Path) -> None:
    clip = only(tmp_path, "gt")
    assert [view.source for view in clip.views] == ["gt"] * 4
    for view in clip.views:
        expected = files.pixels(walk[:, files.MOVING], "S9", view.name)
        assert np.abs(view.keypoints.pose.keypoints.numpy() - expected).max() < 1e-3
        assert view.keypoints.pose.skeleton == H36M_17
    assert only(tmp_path, "gt", skeleton=H36M_17_LEFT_FIRST).views[0].keypoints.pose.skeleton == (
        H36M_17_LEFT_FIRST
    )


def test_detections_for_another_form_come_by_path(files: Any, walk: Any, tmp_path: Path) -> None:
    views = [np.full((200, 17, 2), 500.0 + index, np.float32) for index in range(4)]
    save(files, tmp_path, "cpn_ft_h36m_dbb", views, {"keypoints_symmetry": SIDES_17})
    other = tmp_path / "cdf"
    other.mkdir()
    files.write_cdf(other, {("S9", "Walking"): walk})
    clip = only(other, tmp_path / "data_2d_h36m_cpn_ft_h36m_dbb.npz")
    assert [view.source for view in clip.views] == ["cpn_ft_h36m_dbb"] * 4
    assert [float(view.keypoints.pose.keypoints.max()) for view in clip.views] == [
        500,
        501,
        502,
        503,
    ]


def test_a_camera_without_detections_has_no_view(files: Any, walk: Any, tmp_path: Path) -> None:
    del walk
    view = np.ones((200, 17, 2), np.float32)
    save(files, tmp_path, "x", [None, view, view, view], {"keypoints_symmetry": SIDES_17})
    assert [v.name for v in only(tmp_path, "x").views] == list(files.CAMERAS[1:])


def test_spare_frames_are_cut_and_lacking_ones_are_missing(
    files: Any, walk: Any, tmp_path: Path
) -> None:
    del walk
    metadata = {"keypoints_symmetry": SIDES_17}
    views = [np.full((count, 17, 2), 300.0, np.float32) for count in (203, 200, 180, 200)]
    views[3][7] = np.nan
    save(files, tmp_path, "x", views, metadata)
    clip = only(tmp_path, "x")
    observed = [int(view.keypoints.observed.sum()) for view in clip.views]
    assert observed == [200, 200, 180, 199]
    late = clip.views[2].keypoints.pose
    assert bool(late.keypoints[180:].isnan().all())
    assert not late.seen[180:].any()
    save(files, tmp_path, "x", [np.ones((40, 17, 2), np.float32)] * 4, metadata)
    with pytest.raises(FileFormatError, match=r"about 200 frames .* got 40"):
        only(tmp_path, "x")


@pytest.mark.parametrize(
    ("name", "sides", "skeleton"),
    [
        ("cpn", SIDES_17, H36M_17),
        ("cpn", [[1, 2, 3, 11, 12, 13], [4, 5, 6, 14, 15, 16]], H36M_17_LEFT_FIRST),
        ("coco", [[1, 3, 5, 7, 9, 11, 13, 15], [2, 4, 6, 8, 10, 12, 14, 16]], COCO_17),
        ("sh_pt_mpii", SIDES_16, MPII_16),
        ("sh_ft_h36m", SIDES_16, HOURGLASS_16),
    ],
)
def test_layouts_are_told_by_their_sides(
    files: Any, walk: Any, tmp_path: Path, name: str, sides: Any, skeleton: Any
) -> None:
    del walk
    keypoints = np.tile(np.arange(len(skeleton), dtype=np.float32)[:, None], (200, 1, 2))
    save(files, tmp_path, name, [keypoints] * 4, {"keypoints_symmetry": sides})
    pose = only(tmp_path, name).views[0].keypoints.pose
    right_wrist = pose.keypoints[0, pose.skeleton.index("right_wrist"), 0]
    assert float(right_wrist) == skeleton.index("right_wrist")
    # Layouts of Human3.6M's own joints are brought into the order that was asked for.
    own = {"h36m_17", "h36m_17_left_first"}
    assert pose.skeleton == (H36M_17 if skeleton.name in own else skeleton)


def test_unknown_layouts_are_refused(files: Any, walk: Any, tmp_path: Path) -> None:
    del walk
    views = [np.ones((200, 15, 2), np.float32)] * 4
    save(files, tmp_path, "x", views, {"keypoints_symmetry": [[1], [2]]})
    with pytest.raises(SkeletonError, match=r"left \[1\] and right \[2\]"):
        Human36m(tmp_path, detections="x", partial=True)
    save(files, tmp_path, "x", views, {"num_joints": 15})
    with pytest.raises(SkeletonError, match=r"keypoints_symmetry"):
        Human36m(tmp_path, detections="x", partial=True)
    with pytest.raises(InputError, match=r"data_2d_h36m_cnp.npz"):
        Human36m(tmp_path, detections="cnp", partial=True)


def test_clips_without_detections_are_refused(files: Any, walk: Any, tmp_path: Path) -> None:
    del walk
    files.save_objects(
        tmp_path / "data_2d_h36m_x.npz",
        positions_2d={"S9": {"Walking 1": [np.ones((200, 17, 2), np.float32)] * 4}},
        metadata={"keypoints_symmetry": SIDES_17},
    )
    with pytest.raises(FileFormatError, match=r"detections of S9 Walking"):
        only(tmp_path, "x")


@pytest.mark.parametrize(
    ("folder", "name", "skeleton"),
    [
        ("StackedHourglass", "sh_pt_mpii", MPII_16),
        ("StackedHourglassFineTuned240", "sh_ft_h36m", HOURGLASS_16),
    ],
)
def test_hourglass_files(files: Any, tmp_path: Path, folder: str, name: str, skeleton: Any) -> None:
    """`Walking_1.<camera>.h5` belongs to `Walking 1.h5`, not to `Walking.h5`."""
    made = files.takes({"S9": ["Walking", "Walking 1"]}, frames=5)
    files.write_h5(tmp_path, made)
    (tmp_path / "S9" / folder).mkdir(parents=True)
    for take, value in (("Walking", 1.0), ("Walking_1", 2.0)):
        for camera in files.CAMERAS[:3]:
            with h5py.File(tmp_path / "S9" / folder / f"{take}.{camera}.h5", "w") as file:
                file["poses"] = np.full((5, 16, 2), value)
    clips = list(Human36m(tmp_path, detections=name, partial=True).clips("test"))
    assert [clip.name for clip in clips] == ["S9 Walking", "S9 Walking 1"]
    for clip, value in zip(clips, (1.0, 2.0), strict=True):
        assert [view.name for view in clip.views] == list(files.CAMERAS[:3])
        assert all(view.keypoints.pose.skeleton == skeleton for view in clip.views)
        assert all(float(view.keypoints.pose.keypoints.max()) == value for view in clip.views)


def test_takes_without_hourglass_files_are_refused(files: Any, tmp_path: Path) -> None:
    files.write_h5(tmp_path, files.takes({"S9": ["Walking", "Walking 1"]}, frames=5))
    (tmp_path / "S9" / "StackedHourglass").mkdir(parents=True)
    with h5py.File(tmp_path / "S9/StackedHourglass/Walking_1.54138969.h5", "w") as file:
        file["poses"] = np.ones((5, 16, 2))
    with pytest.raises(FileFormatError, match=r"'sh_pt_mpii' of S9 Walking, got none"):
        list(Human36m(tmp_path, detections="sh_pt_mpii", partial=True).clips("test"))


def test_the_owners_pixels(files: Any, tmp_path: Path) -> None:
    made = files.takes({"S9": ["Sitting", "SittingDown"]}, frames=5)
    files.write_cdf(tmp_path, made)
    files.write_cdf(tmp_path, made, "D2_Positions")
    for clip in Human36m(tmp_path, detections="gt", partial=True, dtype=torch.float64).clips(
        "test"
    ):
        world = made["S9", clip.action][:, files.MOVING]
        for view in clip.views:
            assert np.allclose(
                view.keypoints.pose.keypoints.numpy(), files.pixels(world, "S9", view.name)
            )


def test_motionberts_detections(files: Any, tmp_path: Path) -> None:
    made = files.takes({"S9": ["Walking"]}, frames=5)
    source = ("S9", "s_09_act_14_subact_01", made["S9", "Walking"])
    files.write_motionbert(tmp_path, {"test": [source]}, lens=True)
    clip = only(tmp_path, "joint_2d")
    joints = made["S9", "Walking"][:, files.MOVING]
    for view in clip.views:
        pose = view.keypoints.pose
        assert np.abs(pose.keypoints.numpy() - files.pixels(joints, "S9", view.name)).max() < 1e-3
        assert bool((pose.confidence == 0.5).all())
    x, y, z = np.moveaxis(joints, -1, 0)  # also with projections through the lens
    world = np.stack([x, z, -y], -1) / 1000
    assert np.abs(clip.motion.pose.joints.numpy() - world).max() < 1e-5
