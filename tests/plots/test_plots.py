"""Plots: what they show is what was measured; what cannot be shown is told in a sentence."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from scipy.stats import chi2

from lift3d.camera import Camera
from lift3d.clip import Clip, Person
from lift3d.errors import FileFormatError, InputError, OutputError
from lift3d.geometry.rotations import rotmat_from_axis_angle
from lift3d.io.motion.joint_angles import joint_angles
from lift3d.motion import Motion
from lift3d.plots import (
    compared,
    plot_angles,
    plot_clip,
    plot_joint_errors,
    plot_path,
    plot_reliability,
    plot_run,
    plot_training,
    plot_uncertainty,
    read_log,
    reliability,
)
from lift3d.plots.door import _figure
from lift3d.pose import Pose2D, Pose3D
from lift3d.skeletons import LIFT_23

FRAMES, FPS = 60, 20.0


def standing():
    """Joints of somebody who stands 4 m before a level camera and looks at it (metres)."""
    place = {
        "pelvis": (0, 0), "hip": (0.1, 0), "knee": (0.1, 0.45), "ankle": (0.1, 0.88), "spine": (0, -0.2),
        "thorax": (0, -0.45), "head": (0, -0.7), "shoulder": (0.18, -0.45), "elbow": (0.2, -0.18),
        "wrist": (0.2, 0.07), "nose": (0, -0.62), "ear": (0.08, -0.65), "big_toe": (0.1, 0.93),
        "heel": (0.1, 0.93),
    }  # fmt: skip
    rows = []
    for name in LIFT_23.joints:
        side = 1 if name.startswith("left_") else -1 if name.startswith("right_") else 0
        part = name.removeprefix("left_").removeprefix("right_")
        x, y = place[part]
        depth = -0.15 if part == "big_toe" else 0.05 if part == "heel" else 0.0
        rows.append((side * x, y, 4.0 + depth))
    return torch.tensor(rows)


@pytest.fixture
def clip():
    """One person who glides 1 m to the right, raises the left arm forward, and is lost for 5 frames."""
    joints = standing().repeat(FRAMES, 1, 1)
    arm = [LIFT_23.index(f"left_{name}") for name in ("elbow", "wrist")]
    shoulder = joints[:, LIFT_23.index("left_shoulder")][:, None]
    turn = torch.zeros(FRAMES, 3)
    turn[:, 0] = torch.linspace(0, -1.2, FRAMES)
    joints[:, arm] = shoulder + (joints[:, arm] - shoulder) @ rotmat_from_axis_angle(turn).mT
    joints[..., 0] += torch.linspace(0, 1, FRAMES)[:, None]
    joints[30:35] = torch.nan
    seen = joints.isfinite().all(-1).all(-1)
    spread = torch.diag_embed(torch.tensor([0.01, 0.01, 0.04]) ** 2)
    pose = replace(
        Pose3D.certain(joints, LIFT_23, "camera"),
        covariance=spread.expand(FRAMES, 23, 3, 3).clone(),
    )
    points = Pose2D(
        joints[..., :2] * 100, seen[:, None].expand(FRAMES, 23).float(), LIFT_23, (480, 640)
    )
    person = Person(Motion(points, FPS, 7, seen), Motion(pose, FPS, 7, seen), None)
    return Clip((person,), Camera.default((480, 640)), FPS, 10, "")


def line(axes, label):
    return next(
        np.asarray(each.get_ydata()) for each in axes.get_lines() if each.get_label() == label
    )


def panel(figure, title):
    return next(axes for axes in figure.axes if axes.get_title(loc="left").startswith(title))


def test_angles_are_those_of_the_exporter_in_degrees(clip):
    figure = plot_angles(clip, clip.people[0])
    shown = line(panel(figure, "Shoulder: arm forward"), "left")
    angles = joint_angles(clip, clip.people[0])
    np.testing.assert_allclose(shown, np.degrees(angles["arm_flex_l"]))
    assert shown[-1] == pytest.approx(np.degrees(1.2), abs=6)
    assert np.isnan(shown[30:35]).all()
    assert {axes.get_ylabel() for axes in figure.axes[:-1]} == {"degrees"}


def test_paths_are_in_metres_with_speed_and_contacts(clip):
    figure = plot_path(clip, clip.people[0])
    heights = panel(figure, "Height")
    np.testing.assert_allclose(line(heights, "root")[:30], 0, atol=1e-6)
    assert line(heights, "left foot")[0] == pytest.approx(-0.93, abs=0.03)
    speed = np.asarray(panel(figure, "Speed").get_lines()[0].get_ydata())
    np.testing.assert_allclose(speed[2:28], FPS / (FRAMES - 1), rtol=1e-4)
    assert panel(figure, "From above").get_xlabel().endswith("(m)")


def test_standard_deviations_are_shown_in_millimetres(clip):
    figure = plot_uncertainty(clip, clip.people[0])
    bars = panel(figure, "Medians").containers
    widths = {bar.get_label(): bar.patches[0].get_width() for bar in bars}
    assert widths["across the line of sight"] == pytest.approx(10, rel=1e-4)
    assert widths["along it (depth)"] == pytest.approx(40, rel=1e-4)
    image = panel(figure, "Over time").get_images()[0].get_array()
    assert float(image[0, 0]) == pytest.approx(np.sqrt((100 + 100 + 1600) / 3), rel=1e-4)


def test_joints_without_covariances_have_no_uncertainty_to_show(clip):
    person = clip.people[0]
    pose = replace(person.joints.pose, covariance=torch.full((FRAMES, 23, 3, 3), torch.nan))
    with pytest.raises(InputError, match="expected joints with covariances"):
        plot_uncertainty(clip, replace(person, joints=replace(person.joints, pose=pose)))


@pytest.mark.parametrize("too_large", [1.0, 1.5])
def test_reliability_of_normal_errors_is_what_the_distribution_says(too_large):
    """Errors `c` times too large lie in a share-p ellipsoid with chance F(F^-1(p) / c^2)."""
    draw = torch.Generator().manual_seed(3)
    root = torch.randn(900, 8, 3, 3, generator=draw, dtype=torch.float64)
    error = (root @ torch.randn(900, 8, 3, 1, generator=draw, dtype=torch.float64))[..., 0]
    mask = torch.ones(900, 8, dtype=torch.bool)
    found = reliability(too_large * error, torch.zeros_like(error), root @ root.mT, mask)
    expected = chi2.cdf(chi2.ppf(found.nominal, 3) / too_large**2, 3)
    np.testing.assert_allclose(found.observed, expected, atol=0.02)
    assert ((found.low <= found.observed) & (found.observed <= found.high)).all()
    inside = (found.low - 0.005 <= expected) & (expected <= found.high + 0.005)
    assert inside.mean() > 0.7
    shown = plot_reliability(found).axes[0]
    assert shown.get_xlabel().endswith("(%)")
    assert shown.get_ylabel().endswith("(%)")


def test_a_clip_beside_itself_is_without_error_and_beside_a_shifted_wrist_is_not(clip):
    person = clip.people[0]
    wrist = LIFT_23.index("left_wrist")
    joints = person.joints.pose.joints.clone()
    joints[:, wrist, 1] += 0.05
    joints += torch.tensor([0.3, 0.2, 0.1])  # the root's place does not count
    moved = replace(person.joints, pose=replace(person.joints.pose, joints=joints))
    found = compared(person, replace(person, joints=moved))
    error = 1000 * (found.predicted - found.true).norm(dim=-1)
    place = found.names.index("left_wrist")
    assert float(error[0, place]) == pytest.approx(50, abs=1e-3)
    assert float(error[0].sum()) == pytest.approx(50, abs=0.02)
    assert int(found.mask.any(1).sum()) == FRAMES - 5
    assert "pelvis" not in found.names
    names = [text.get_text() for text in plot_joint_errors(found).axes[0].get_yticklabels()]
    assert "left wrist" in names


def test_clips_of_other_lengths_are_not_compared(clip):
    person = clip.people[0]
    shorter = Motion(
        Pose3D.certain(standing()[None], LIFT_23, "camera"), FPS, 7, torch.tensor([True])
    )
    points = Pose2D(torch.zeros(1, 23, 2), torch.ones(1, 23), LIFT_23, (480, 640))
    other = Person(Motion(points, FPS, 7, torch.tensor([True])), shorter, None)
    with pytest.raises(InputError, match="as many frames as in the truth"):
        compared(person, other)


@pytest.mark.parametrize("what", ["angles", "path", "uncertainty", "errors", "reliability"])
@pytest.mark.parametrize("ending", [".png", ".svg"])
def test_each_plot_is_written(clip, what, ending, tmp_path):
    path = tmp_path / f"plot{ending}"
    plot_clip(clip, path, what, truth=clip)
    if ending == ".png":
        picture = cv2.imread(str(path))
        assert min(picture.shape[:2]) >= 400
        assert (picture < 100).mean() > 0.002  # ink
    else:
        assert path.read_text().startswith("<?xml")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"person": 3}, "expected the id of a person .7., got 3"),
        ({"what": "errors"}, "expected a clip with the truth"),
    ],
)
def test_what_cannot_be_plotted_is_told(clip, arguments, message, tmp_path):
    with pytest.raises(InputError, match=message):
        plot_clip(clip, tmp_path / "plot.png", **arguments)
    assert not list(tmp_path.iterdir())


def test_an_unknown_plot_is_told(clip):
    with pytest.raises(InputError, match="expected a plot out of angles, path"):
        _figure(clip, "pie", None, None, None)


def test_files_of_other_kinds_and_in_no_folder_are_refused(clip, tmp_path):
    with pytest.raises(InputError, match="expected a plot ending in"):
        plot_clip(clip, tmp_path / "plot.txt")
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(OutputError):
        plot_clip(clip, tmp_path / "file" / "plot.png")


def entry(step, **more):
    return json.dumps({"step": step, "loss/joints": 1 / step, "mm/clean/a": 90.0, "mm/clean/b": 110.0,
                       "score": 100.0 - step, "cpu_seconds": 3600.0} | more)  # fmt: skip


def test_training_curves_come_from_the_log_as_far_as_it_is_whole(tmp_path):
    lines = [entry(1), entry(2, score=float("nan")), entry(3), entry(4)[:-9], "[1, 2]"]
    (tmp_path / "log.jsonl").write_text("\n".join(lines))
    log = read_log(tmp_path)
    np.testing.assert_array_equal(log["step"], [1, 2, 3])
    np.testing.assert_array_equal(log["score"], [99, np.nan, 97])
    figure = plot_training(tmp_path)
    errors = panel(figure, "Validation")
    np.testing.assert_allclose(line(errors, "clean, mean of 2 people"), 100)
    assert line(errors, "best score")[0] == 97
    assert "best score 97.0 mm at step 3; 1.0 hours" in figure.texts[-1].get_text()
    plot_run(tmp_path, tmp_path / "curves.png")
    assert (tmp_path / "curves.png").stat().st_size > 5000


def test_a_folder_without_a_run_is_told(tmp_path):
    with pytest.raises(FileFormatError, match=r"expected the folder of a training run"):
        plot_run(tmp_path, tmp_path / "curves.png")
    (tmp_path / "log.jsonl").write_text("")
    with pytest.raises(FileFormatError, match="got none"):
        plot_run(tmp_path, tmp_path / "curves.png")
