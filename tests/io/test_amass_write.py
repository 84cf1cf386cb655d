"""AMASS files of our bodies: the keys of both releases, and the same mesh when read back."""

import numpy as np
import pytest
import torch

from lift3d.errors import InputError
from lift3d.io.motion.amass_npz import write_amass, write_wham
from lift3d.io.motion.world_body import person_in_world
from lift3d.skeletons import SMPLH_52, SMPLX_55
from lift3d_datasets.amass import Amass

SKELETONS = {"smplh": SMPLH_52, "smplx": SMPLX_55}


@pytest.fixture
def clip(helpers):
    return helpers.clip_of(helpers.swinging(9), fps=60.0)


@pytest.mark.parametrize("layout", ["smplh", "smplx"])
def test_read_back_it_is_the_same_mesh(tmp_path, clip, body, layout):
    """By the dataset reader, which turns AMASS's world upright again; the floor is y = 0."""
    folder = tmp_path / "Set/subject"
    write_amass(folder / "take_poses.npz", clip, body, layout=layout)
    (capture,) = Amass(tmp_path, body=body).clips("train")
    assert capture.motion.fps == 60
    assert capture.body_format == layout
    read = capture.bodies
    assert read is not None
    names = SKELETONS[layout].joints
    turns = torch.zeros(9, 24, 3)
    for joint, name in enumerate(body.skeleton.joints):
        if name in names:
            turns[:, joint] = read.axis_angle[:, names.index(name)]
    again = type(read)(read.betas[None, :10], turns[:, 1:], turns[:, 0], read.transl)
    wanted = body(person_in_world(clip, body))
    found = body(again)
    np.testing.assert_allclose(found.vertices, wanted.vertices, atol=2e-5)
    points = capture.motion.pose.joints[:, :24]
    np.testing.assert_allclose(points[:, :22], wanted.joints[:, :22], atol=2e-5)


@pytest.mark.parametrize("layout", ["smplh", "smplx"])
def test_the_file_has_the_release_s_keys(tmp_path, clip, body, layout):
    write_amass(tmp_path / "a.npz", clip, body, layout=layout, gender="female")
    with np.load(tmp_path / "a.npz", allow_pickle=False) as file:
        arrays = dict(file)
    assert str(arrays["gender"]) == "female"
    assert arrays["betas"].shape == (16,)
    assert arrays["trans"].shape == (9, 3)
    if layout == "smplh":
        assert arrays["poses"].shape == (9, 156)
        assert float(arrays["mocap_framerate"]) == 60
        assert arrays["dmpls"].shape == (9, 8)
        return
    assert float(arrays["mocap_frame_rate"]) == 60
    assert float(arrays["mocap_time_length"]) == pytest.approx(9 / 60)
    assert int(arrays["num_betas"]) == 16
    assert str(arrays["surface_model_type"]) == "smplx"
    # The order that the release's documentation gives to the columns of poses.
    parts = [arrays[f"pose_{part}"] for part in ("body", "jaw", "eye", "hand")]
    assert [part.shape[1] for part in parts] == [63, 3, 6, 90]
    whole = np.concatenate([arrays["root_orient"], *parts], 1)
    assert np.array_equal(whole, arrays["poses"])


def test_the_world_is_z_up(tmp_path, helpers, body):
    """Somebody who stands: up goes through the head, and the feet are on z = 0."""
    still = helpers.swinging(2)
    still.body_pose[:] = 0
    write_amass(tmp_path / "a.npz", helpers.clip_of(still), body)
    with np.load(tmp_path / "a.npz") as file:
        poses, place = torch.from_numpy(file["poses"]), torch.from_numpy(file["trans"])
        betas = torch.from_numpy(file["betas"])[None, :10]
    turned = type(still)(betas, torch.zeros(2, 23, 3).double(), poses[:, :3], place)
    mesh = body(turned)
    lowest = mesh.vertices[0].amin(0)
    assert float(lowest[2]) == pytest.approx(0, abs=1e-4)
    head, pelvis = mesh.joints[0, 15], mesh.joints[0, 0]
    assert float(head[2] - pelvis[2]) > 0.5
    assert float((head - pelvis)[:2].norm()) < 0.1


def test_hands_turn_the_first_joints_of_fingers(tmp_path, helpers, body):
    moved = helpers.swinging(3)
    moved.body_pose[:, 21] = torch.tensor([0.1, 0.2, 0.3])  # left_hand
    write_amass(tmp_path / "a.npz", helpers.clip_of(moved), body)
    with np.load(tmp_path / "a.npz") as file:
        turns = file["poses"].reshape(3, 52, 3)
    for joint, name in enumerate(SMPLH_52.joints[22:], start=22):
        turned = name.startswith("left") and name.endswith("1")
        wanted = [0.1, 0.2, 0.3] if turned else [0, 0, 0]
        np.testing.assert_allclose(turns[0, joint], wanted, atol=1e-6, err_msg=name)


def test_wham_s_keys_in_both_worlds(tmp_path, helpers, body):
    moved = helpers.swinging(7)
    moved.transl[2] = torch.nan
    clip = helpers.clip_of(moved)
    write_wham(tmp_path / "a.npz", clip, body)
    with np.load(tmp_path / "a.npz", allow_pickle=False) as file:
        arrays = dict(file)
    assert arrays["frame_ids"].tolist() == [0, 1, 3, 4, 5, 6]
    assert arrays["pose"].shape == arrays["pose_world"].shape == (6, 72)
    assert arrays["betas"].shape == (6, 10)
    for tail, wanted in (("", moved), ("_world", person_in_world(clip, body))):
        turns = torch.from_numpy(arrays[f"pose{tail}"]).reshape(6, 24, 3)
        again = type(moved)(
            torch.from_numpy(arrays["betas"]), turns[:, 1:], turns[:, 0],
            torch.from_numpy(arrays[f"trans{tail}"]),
        )  # fmt: skip
        kept = torch.tensor([0, 1, 3, 4, 5, 6])
        np.testing.assert_allclose(body.joints(again), body.joints(wanted[kept]), atol=1e-5)


def test_unknown_layouts_are_refused(tmp_path, clip, body):
    with pytest.raises(InputError, match="layout of smplh, smplx"):
        write_amass(tmp_path / "a.npz", clip, body, layout="smpl")
    assert not list(tmp_path.iterdir())
