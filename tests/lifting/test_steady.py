import pytest
import torch

from lift3d.lifting.steady import Smoothing, steady_motion
from lift3d.motion import Motion
from lift3d.pose import Pose3D
from lift3d.skeletons import H36M_17


def walk(frames: int, noise: float, fps: float = 30.0) -> tuple[torch.Tensor, Motion[Pose3D]]:
    """Somebody sliding 1 m/s sideways at 4 m, trembling as lifted joints do, most in depth."""
    time = torch.arange(frames, dtype=torch.float64) / fps
    shape = torch.randn(17, 3, dtype=torch.float64) * 0.3
    root = torch.stack([time, torch.zeros_like(time), torch.full_like(time, 4.0)], -1)
    truth = (shape - shape[0]) + root[:, None]
    shake = torch.randn(frames, 17, 3, dtype=torch.float64) * noise
    shake += torch.randn(frames, 1, 1, dtype=torch.float64) * noise * truth[:, :1]
    pose = Pose3D.certain(truth + shake, H36M_17, "camera")
    return truth, Motion(pose, fps, 0, torch.ones(frames, dtype=torch.bool))


def test_steady_motion_moves_nearer_to_the_truth() -> None:
    truth, motion = walk(120, 0.02)
    before = (motion.pose.joints - truth).abs().mean()
    after = (steady_motion(motion).pose.joints - truth).abs().mean()
    assert after < 0.6 * before


def test_uniform_motion_passes_unchanged() -> None:
    truth, motion = walk(60, 0.0)
    torch.testing.assert_close(steady_motion(motion).pose.joints, truth, atol=2e-3, rtol=0)


def test_a_window_of_no_width_keeps_every_frame() -> None:
    _, motion = walk(60, 0.02)
    torch.testing.assert_close(steady_motion(motion, 0.0).pose.joints, motion.pose.joints)


def test_short_gaps_are_bridged_and_long_ones_stay() -> None:
    truth, motion = walk(120, 0.0)
    joints, observed = motion.pose.joints.clone(), motion.observed.clone()
    for gap in (slice(10, 14), slice(60, 100)):
        joints[gap] = torch.nan
        observed[gap] = False
    holed = Motion(Pose3D.certain(joints, H36M_17, "camera"), 30.0, 0, observed)
    steady = steady_motion(holed)
    assert torch.equal(steady.observed, observed)
    assert torch.nonzero(steady.inferred)[:, 0].tolist() == [10, 11, 12, 13]
    assert torch.equal(~steady.shown, steady.pose.joints.isnan().any(-1).any(-1))
    assert bool(steady.pose.joints[60:100].isnan().all())
    torch.testing.assert_close(steady.pose.joints[10:14], truth[10:14], atol=5e-3, rtol=0)


def test_a_joint_that_is_missing_for_a_while_does_not_spoil_its_neighbours() -> None:
    truth, motion = walk(60, 0.0)
    joints = motion.pose.joints.clone()
    joints[20:25, 9] = torch.nan
    holed = Motion(Pose3D.certain(joints, H36M_17, "camera"), 30.0, 0, motion.observed)
    steady = steady_motion(holed).pose.joints
    assert torch.equal(steady.isnan(), joints.isnan())
    seen = joints.isfinite()
    torch.testing.assert_close(steady[seen], truth[seen], atol=2e-3, rtol=0)


def with_covariance(motion: Motion[Pose3D], size: float) -> Motion[Pose3D]:
    """Told to be that uncertain (metres), three times as much in depth."""
    spread = torch.diag(torch.tensor([1.0, 1.0, 9.0]).double() * size**2).expand(
        *motion.pose.joints.shape, 3
    )
    pose = Pose3D(motion.pose.joints, spread, H36M_17, "camera")
    return Motion(pose, motion.fps, 0, motion.observed)


def hidden(motion: Motion[Pose3D], gap: slice) -> Motion[Pose3D]:
    """The same motion with frames in which nobody was seen."""
    joints, observed = motion.pose.joints.clone(), motion.observed.clone()
    joints[gap], observed[gap] = torch.nan, False
    pose = Pose3D(joints, motion.pose.covariance, H36M_17, "camera")
    return Motion(pose, motion.fps, 0, observed)


def test_kalman_smoothing_is_nearer_to_the_truth_where_detectors_make_outliers() -> None:
    truth, motion = walk(120, 0.02)
    joints = motion.pose.joints.clone()
    joints[torch.rand(120, 17) < 0.02] += 0.3
    noisy = with_covariance(
        Motion(Pose3D.certain(joints, H36M_17, "camera"), 30.0, 0, motion.observed), 0.05
    )
    gaussian, kalman = (
        (steady_motion(noisy, smoothing=kind).pose.joints - truth).norm(dim=-1).mean()
        for kind in ("gaussian", "kalman")
    )
    assert kalman < 0.8 * gaussian


@pytest.mark.parametrize("smoothing", ["gaussian", "kalman"])
def test_bridged_frames_are_inferred_and_not_observed(smoothing: Smoothing) -> None:
    truth, motion = walk(90, 0.0)
    holed = hidden(with_covariance(motion, 0.05), slice(40, 46))
    steady = steady_motion(holed, smoothing=smoothing)
    assert torch.equal(steady.observed, holed.observed)
    assert torch.nonzero(steady.inferred)[:, 0].tolist() == list(range(40, 46))
    assert bool(steady.shown.all())
    torch.testing.assert_close(steady.pose.joints, truth, atol=5e-3, rtol=0)


def test_kalman_smoothing_is_less_sure_in_gaps_than_beside_them() -> None:
    _, motion = walk(90, 0.01)
    steady = steady_motion(hidden(with_covariance(motion, 0.05), slice(40, 50)), smoothing="kalman")
    size = steady.pose.covariance.diagonal(dim1=-2, dim2=-1).sum(-1)[:, 1:]
    assert (size[44] > 1.05 * size[20]).all()
    assert (size[20] < 11 * 0.05**2).all()  # surer than each frame alone


@pytest.mark.parametrize("smoothing", ["gaussian", "kalman"])
def test_wider_windows_are_calmer_and_none_changes_nothing(smoothing: Smoothing) -> None:
    _, motion = walk(90, 0.02)
    shake = [
        float(steady_motion(motion, width, smoothing=smoothing).pose.joints.diff(2, dim=0).norm())
        for width in (0.0, 0.03, 0.06, 0.12)
    ]
    assert shake == sorted(shake, reverse=True)
    same = steady_motion(motion, 0.0, smoothing=smoothing).pose.joints
    torch.testing.assert_close(same, motion.pose.joints)
