import torch

from lift3d.lifting.steady import steady_motion
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
    assert bool(steady.observed[10:14].all())
    assert not bool(steady.observed[60:100].any())
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
