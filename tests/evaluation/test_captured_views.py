"""Evaluation through a dataset's own cameras, with every figure worked out by hand."""

import math
from dataclasses import replace

import pytest
import torch

from lift3d.errors import InputError
from lift3d.evaluation import EvaluationConfig, evaluate_lifter
from lift3d.motion import Motion
from lift3d.pose import Pose2D, Pose3D
from lift3d.skeletons import H36M_17

CAPTURED = EvaluationConfig(cameras="captured")


def test_an_exact_lifter_has_no_error(flat) -> None:
    lifter = flat.FlatLifter()
    result = evaluate_lifter(lifter, flat.FlatData(), CAPTURED)
    assert result.frames == 4
    assert result.figures["mpjpe_mm"] == pytest.approx(0, abs=0.01)
    assert result.figures["pck_150_percent"] == 100
    assert result.figures["bone_error_mm"] == pytest.approx(0, abs=0.01)
    assert result.figures["foot_speed_mm_per_s"] == pytest.approx(0, abs=0.1)
    assert result.figures["lifted_share"] == result.figures["lifted_joint_share"] == 1
    # A whole clip with its gap is shown; the camera tells its lens and nothing of its place.
    assert [len(keypoints) for keypoints, _ in lifter.shown] == [4, 1]
    assert torch.equal(lifter.shown[0][1].cam_from_world, torch.eye(4))


def test_means_over_frames_and_over_actions(flat) -> None:
    """One of 17 joints is off by 17 mm in three frames of one action, by 170 mm in one of another."""
    result = evaluate_lifter(flat.FlatLifter(flat.wrist_off), flat.FlatData(), CAPTURED)
    assert result.figures["mpjpe_mm"] == pytest.approx((3 * 1 + 10) / 4, abs=0.01)
    assert result.action_means["mpjpe_mm"] == pytest.approx((1 + 10) / 2, abs=0.01)
    assert result.per_action["walk"].mpjpe_mm == pytest.approx(1, abs=0.01)
    assert result.per_subject["s2"].mpjpe_mm == pytest.approx(10, abs=0.01)
    assert result.per_subject["s1"].frames == 3
    # Of 31 thresholds a right joint is below 30, one off by 17 mm below 27, by 170 mm below none.
    auc = (3 * (16 * 30 + 27) + 16 * 30) / (4 * 17 * 31)
    assert result.figures["auc_percent"] == pytest.approx(100 * auc, abs=1e-3)
    assert list(result.per_view) == ["front projected"]
    assert result.per_joint_mm["left_wrist"] == pytest.approx((3 * 17 + 170) / 4, abs=0.05)
    assert result.per_joint_mm["pelvis"] == 0
    assert result.figures["pck_150_percent"] == pytest.approx(100 * (3 + 16 / 17) / 4, abs=1e-3)
    assert result.windows[0].frames.tolist() == [0, 1, 3]
    wrist = [frames[H36M_17.index("left_wrist")] for frames in result.windows[0].joints]
    assert [round(float(w) * 1000) for w in wrist] == [17, 17, 17]


def test_fourteen_joints(flat) -> None:
    config = replace(CAPTURED, joints="h36m_14")
    result = evaluate_lifter(flat.FlatLifter(flat.wrist_off), flat.FlatData(), config)
    assert len(result.per_joint_mm) == 14
    assert {"pelvis", "spine", "neck_nose"}.isdisjoint(result.per_joint_mm)
    assert result.figures["mpjpe_mm"] == pytest.approx((3 * 17 + 170) / 4 / 14, abs=0.01)
    seventeen = evaluate_lifter(flat.FlatLifter(flat.wrist_off), flat.FlatData(), CAPTURED)
    assert seventeen.figures["pa_mpjpe_14_mm"] == result.figures["pa_mpjpe_mm"]


def test_what_was_not_lifted_is_told(flat) -> None:
    def second_frame_and_a_foot_lost(joints: torch.Tensor) -> torch.Tensor:
        out = joints.clone()
        out[1:2] = torch.nan
        out[:, H36M_17.index("left_ankle")] = torch.nan
        return out

    result = evaluate_lifter(
        flat.FlatLifter(second_frame_and_a_foot_lost), flat.FlatData(), CAPTURED
    )
    assert result.figures["lifted_share"] == pytest.approx(3 / 4)
    assert result.figures["lifted_joint_share"] == pytest.approx(3 / 4 * 16 / 17, abs=1e-3)
    assert result.figures["mpjpe_mm"] == pytest.approx(0, abs=0.01)
    assert math.isnan(result.per_joint_mm["left_ankle"])
    with pytest.raises(InputError, match="to answer for a frame"):
        evaluate_lifter(flat.FlatLifter(lambda j: j * torch.nan), flat.FlatData(), CAPTURED)


def test_keypoints_of_one_maker(flat) -> None:
    clip = flat.flat_clip("walk", "s1", 2, 0.0, sources=("projected", "cpn"))
    with pytest.raises(InputError, match="one maker, got cpn and projected"):
        evaluate_lifter(flat.FlatLifter(), flat.FlatData((clip,)), CAPTURED)
    config = replace(CAPTURED, source="cpn")
    result = evaluate_lifter(flat.FlatLifter(), flat.FlatData((clip,)), config)
    assert result.frames == 2
    assert "made by: cpn" in result.protocol.keypoints
    with pytest.raises(InputError, match=r"by 'hrnet'.*cpn, projected only"):
        evaluate_lifter(
            flat.FlatLifter(), flat.FlatData((clip,)), replace(CAPTURED, source="hrnet")
        )


def test_true_joints_may_be_projected(flat) -> None:
    clip = flat.flat_clip("walk", "s1", 2, 0.0)
    view = clip.views[0]
    pose = view.keypoints.pose
    spoilt = Pose2D(pose.keypoints + 50, pose.confidence, pose.skeleton, pose.image_size)
    moved = replace(view, keypoints=Motion(spoilt, 50.0, 0, view.keypoints.observed), source="bad")
    data = flat.FlatData((replace(clip, views=(moved,)),))
    lifter = flat.FlatLifter()
    evaluate_lifter(lifter, data, replace(CAPTURED, keypoints="projected"))
    assert torch.allclose(lifter.shown[0][0].pose.keypoints, pose.keypoints, atol=1e-3)
    assert (
        "projected"
        in evaluate_lifter(
            lifter, data, replace(CAPTURED, keypoints="projected")
        ).protocol.keypoints
    )


def test_a_camera_that_moves(flat) -> None:
    clip = flat.flat_clip("walk", "s1", 3, 0.0)
    view = clip.views[0]
    camera = view.camera
    shift = torch.eye(4).repeat(3, 1, 1)
    shift[:, 0, 3] = torch.tensor([0.0, 0.1, 0.2])
    placed = shift @ camera.cam_from_world
    moving = replace(
        camera,
        intrinsics=camera.intrinsics.expand(3, 3, 3),
        distortion=camera.distortion.expand(3, 5),
        cam_from_world=placed,
    )
    pixels = moving.project(clip.motion.pose.joints)
    pose = Pose2D.from_detections(pixels, torch.ones(3, 17), H36M_17, camera.image_size)
    followed = replace(view, camera=moving, keypoints=Motion(pose, 50.0, 0, clip.motion.observed))
    data = flat.FlatData((replace(clip, views=(followed,)),))
    figures = evaluate_lifter(flat.FlatLifter(), data, CAPTURED).figures
    assert figures["mpjpe_mm"] == pytest.approx(0, abs=0.01)
    assert figures["foot_speed_mm_per_s"] == pytest.approx(0, abs=0.1)


def test_several_answers_are_labelled(flat) -> None:
    class Doubtful(flat.FlatLifter):
        """Answers at 17 mm to both sides of the truth in one joint, and once 34 mm off."""

        def hypotheses(self, keypoints, camera, count) -> list[Motion[Pose3D]]:
            answers = []
            for off in (0.017, -0.017, 0.034)[:count]:
                motion = self(keypoints, camera)
                joints = motion.pose.joints.clone()
                joints[:, flat.WRIST, 2] += off
                pose = Pose3D.certain(joints, H36M_17, "camera")
                answers.append(replace(motion, pose=pose))
            return answers

    result = evaluate_lifter(Doubtful(), flat.FlatData(), replace(CAPTURED, hypotheses=2))
    assert result.figures["mpjpe_mm"] == pytest.approx(0, abs=0.01)  # the mean is right
    assert result.figures["best_of_2_mpjpe_mm"] == pytest.approx(1, abs=0.01)
    assert result.figures["best_joints_of_2_mpjpe_mm"] == pytest.approx(1, abs=0.01)
    assert "by sight of the truth" in result.protocol.hypotheses
    with pytest.raises(InputError, match="has no 'hypotheses'"):
        evaluate_lifter(flat.FlatLifter(), flat.FlatData(), replace(CAPTURED, hypotheses=2))


def test_random_cameras_where_there_are_no_others(flat) -> None:
    clip = replace(flat.flat_clip("walk", "s1", 2, 0.0), views=())
    with pytest.raises(
        InputError, match="captured cameras in split 'test', got clips without views"
    ):
        evaluate_lifter(flat.FlatLifter(), flat.FlatData((clip,)), CAPTURED)
    with pytest.raises(InputError, match="with captured cameras only"):
        EvaluationConfig(source="cpn")
