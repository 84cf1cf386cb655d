"""Bodies drawn from captured rotations stay bodies: bones, sides, limits and paths."""

import torch
from torch import Generator

from lift3d.body import BodyParams
from lift3d.fitting.detector_points import SKIN_POINTS, with_skin_points
from lift3d.fitting.limits import joint_limits, limit_violations
from lift3d.geometry.rotations import (
    axis_angle_from_quat_wxyz,
    rotmat_from_quat_wxyz,
)
from lift3d.skeletons import COCO_17, SMPL_24
from lift3d.training.pose_bank import RotationBank
from lift3d.training.posed_bodies import BodyFactory, PosedConfig
from lift3d_body_models import DefaultBody

BODY = DefaultBody()
STILL = PosedConfig(share=0.0, beta=0.0, size=0.0, mirror=0.0, speed=1.0)
BONES = (("left_hip", "left_knee"), ("right_shoulder", "right_elbow"), ("left_knee", "left_ankle"))


def bank(frames: int = 60) -> RotationBank:
    """Two clips of small random rotations; the second has a bad frame."""
    noise = torch.randn(frames, 24, 3, generator=Generator().manual_seed(1)) * 0.1
    ok = torch.ones(frames, dtype=torch.bool)
    ok[frames // 2 + 3] = False
    return RotationBank(
        SMPL_24.joints,
        noise,
        torch.arange(frames)[:, None] * torch.tensor([0.01, 0.0, 0.02]),
        ok,
        torch.tensor([0, frames // 2, frames]),
        torch.tensor([30.0, 30.0], dtype=torch.float64),
        torch.ones(2, dtype=torch.float64),
        ("a", "b"),
        ("ann", "bob"),
    )


def generator(seed: int = 0) -> Generator:
    return Generator().manual_seed(seed)


def factory(config: PosedConfig) -> BodyFactory:
    return BodyFactory(bank(), BODY.articulation, config)


def test_kinematics_are_those_of_the_body_model() -> None:
    made = factory(STILL)
    quats, _ = made.rotations(8, 1, generator())
    betas, _ = factory(PosedConfig()).shapes(8, generator())
    places = made.places(quats[:, 0], betas)
    axis_angle = axis_angle_from_quat_wxyz(quats[:, 0])
    params = BodyParams(betas, axis_angle[:, 1:], axis_angle[:, 0], torch.zeros(8, 3))
    assert torch.allclose(places[:, :24], BODY.joints(params), atol=1e-5)


def test_a_draw_depends_on_the_generator_only() -> None:
    first, again = (factory(PosedConfig()).poses(50, generator(3)).places for _ in range(2))
    other = factory(PosedConfig()).poses(50, generator(4)).places
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_bad_frames_are_never_drawn() -> None:
    rows = bank().draw(5000, generator())
    assert 33 not in rows
    assert len(rows.unique()) == 59
    starts = bank().draw_runs(2000, 10, generator())
    inside = ((starts + 10 <= 30) | ((starts >= 34) & (starts + 10 <= 60))).all()
    assert inside


def test_changes_keep_bones_and_sides() -> None:
    config = PosedConfig(share=1.0, swap=0.5, turn=0.2, beta=0.0, size=0.0)
    points = factory(config).poses(200, generator())
    rest = BODY.articulation.joints_template
    for a, b in BONES:
        i, j = SMPL_24.index(a), SMPL_24.index(b)
        length = (points.places[:, i] - points.places[:, j]).norm(dim=-1)
        assert torch.allclose(length, (rest[i] - rest[j]).norm().expand(200), atol=1e-4)
    hips = points.places[:, SMPL_24.index("left_hip"), 0] - points.places[:, 2, 0]
    assert (hips > 0).all()


def test_turns_stay_within_the_limits() -> None:
    captured, _ = factory(STILL).rotations(300, 1, generator(5))
    config = PosedConfig(share=1.0, swap=0.0, turn=0.5, mirror=0.0)
    turned, _ = factory(config).rotations(300, 1, generator(5))
    limits = joint_limits(SMPL_24)
    before = limit_violations(rotmat_from_quat_wxyz(captured), limits).amax()
    after = limit_violations(rotmat_from_quat_wxyz(turned), limits).amax()
    assert after <= before + 0.05
    moved = (captured - turned).abs().amax(-1) > 0.01
    assert moved[:, 0, 1:].float().mean() > 0.3


def test_recombined_limbs_come_from_the_bank() -> None:
    """With swaps only, each joint's rotation is some captured frame's rotation of that joint."""
    made = factory(PosedConfig(share=1.0, swap=0.5, turn=0.0, mirror=0.0))
    quats, _ = made.rotations(20, 1, generator())
    captured = axis_angle_from_quat_wxyz(quats[:, 0])
    knee = SMPL_24.index("left_knee")
    away = captured[:, None, knee] - bank().axis_angle[None, :, knee]
    assert away.norm(dim=-1).amin(1).max() < 1e-5


def test_mirrored_bodies_are_mirror_images() -> None:
    plain = factory(STILL).poses(40, generator(2))
    config = PosedConfig(share=0.0, beta=0.0, size=0.0, mirror=1.0)
    mirrored = factory(config).poses(40, generator(2))
    flip = list(SMPL_24.flip_permutation)
    expected = plain.places[:, :24][:, flip] * torch.tensor([-1.0, 1.0, 1.0])
    assert torch.allclose(mirrored.places[:, :24], expected, atol=2e-3)


def test_clips_move_smoothly_at_another_rate() -> None:
    clips = factory(STILL).clips(6, 12, generator(), fps=60.0)
    pelvis = clips.places[:, :, 0]
    # The bank's root moves 0.02 m along z a frame at 30 Hz.
    assert torch.allclose(pelvis[:, 1:, 2] - pelvis[:, :-1, 2], torch.tensor(0.01), atol=1e-5)
    faster = factory(PosedConfig(share=0.0, beta=0.0, size=0.0, mirror=0.0, speed=2.0))
    paths = faster.clips(200, 6, generator()).places[:, -1, 0, 2] / 5
    assert paths.min() < 0.012
    assert paths.max() > 0.035
    assert (paths > 0.0099).all()
    assert (paths < 0.0401).all()


def test_any_layout_gets_its_joints_by_name() -> None:
    made = BodyFactory(bank(), with_skin_points(BODY), PosedConfig())
    points = made.poses(10, generator())
    joints, known = points.of(COCO_17)
    assert known.all()
    hip = COCO_17.index("left_hip")
    assert torch.equal(joints[:, hip], points.places[:, points.names.index("left_hip")])
    skin, _ = points.of(COCO_17, skin=1.0)
    assert torch.allclose(skin[:, hip], points.places[:, points.names.index("left_hip_skin")])
    assert torch.equal(skin[:, 0], joints[:, 0])


def test_skin_points_lie_outside_of_hips_and_above_shoulders() -> None:
    points = with_skin_points(BODY)
    rest = points.landmarks_template
    for joint, landmark in SKIN_POINTS.items():
        away = rest[points.landmarks.index(landmark)] - points.joints_template[SMPL_24.index(joint)]
        side = 1.0 if joint.startswith("left") else -1.0
        out = away[0] * side if "hip" in joint else away[1]
        assert 0.01 < out < 0.12
