"""BVH of three rigs: joints as in the body, by our reader, pybvh and scipy; trees as in real files."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from lift3d.camera import Camera
from lift3d.errors import InputError, OutputError
from lift3d.io.motion.bvh import BvhMotion, read_bvh
from lift3d.io.motion.bvh_rigs import BVH_RIGS
from lift3d.io.motion.bvh_write import write_bvh, write_bvh_motion
from lift3d.io.motion.euler import continuous_euler
from lift3d.io.motion.world_body import person_in_world
from lift3d.skeletons import SMPL_24

RIGS = ("smpl", "cmu", "mixamo")


@pytest.fixture
def clip(helpers):
    return helpers.clip_of(helpers.swinging(40), fps=25.0)


def wanted_joints(clip, body) -> dict[str, np.ndarray]:
    """The body's joints in its y-up world, by name; [frames 3] each."""
    joints = body.joints(person_in_world(clip, body)).numpy()
    return {name: joints[:, i] for i, name in enumerate(SMPL_24.joints)}


def by_scipy(motion: BvhMotion, scale: float) -> dict[str, np.ndarray]:
    """Places of all joints from a file's numbers, with scipy's intrinsic angles."""
    places, turns, at = {}, {}, 0
    for joint, channels in enumerate(motion.channels):
        values = motion.values[:, at : at + len(channels)]
        at += len(channels)
        order = "".join(c[0] for c in channels if c.endswith("rotation"))
        angles = values[:, [i for i, c in enumerate(channels) if c.endswith("rotation")]]
        local = Rotation.from_euler(order, angles, degrees=True) if order else None
        parent = motion.parents[joint]
        if parent < 0:
            places[joint], turns[joint] = values[:, :3] * scale, local
            continue
        up = turns[parent]
        places[joint] = places[parent] + up.apply(motion.offsets[joint] * scale)
        turns[joint] = up * local if local is not None else up
    return {name: places[joint] for joint, name in enumerate(motion.names)}


@pytest.mark.parametrize("unit", ["cm", "m"])
@pytest.mark.parametrize("rig", RIGS)
def test_three_readers_find_the_body_s_joints(tmp_path, clip, body, rig, unit):
    """Within 1e-4 of the body's height, as was asked; it is 1e-6 and less."""
    path = tmp_path / "a.bvh"
    write_bvh(path, clip, body, rig=rig, unit=unit)
    scale = {"cm": 0.01, "m": 1.0}[unit]
    motion = read_bvh(path)
    assert (len(motion), motion.fps) == (40, 25.0)
    ours = motion.clip(scale).joints().numpy()
    wanted = wanted_joints(clip, body)
    height = 1.7
    followed = {joint.follows: joint.name for joint in BVH_RIGS[rig].joints if not joint.towards}
    assert set(followed) == set(SMPL_24.joints)
    scipys = by_scipy(motion, scale)
    for joint, name in followed.items():
        for found in (ours[:, motion.names.index(name)], scipys[name]):
            assert np.abs(found - wanted[joint]).max() < 1e-5 * height, (joint, name)
    pybvh = pytest.importorskip("pybvh", reason="the package pybvh is absent: pip install pybvh")
    other = pybvh.read_bvh_file(str(path))
    theirs = dict(zip(other.joint_names, np.moveaxis(other.joint_positions(), 1, 0), strict=True))
    for joint, name in followed.items():
        assert np.abs(theirs[name] * scale - wanted[joint]).max() < 1e-5 * height, (joint, name)


@pytest.mark.parametrize("rig", ["cmu", "mixamo"])
def test_other_rigs_rest_in_a_t_pose(tmp_path, clip, body, rig):
    """Arms level along x, legs straight down, palms and feet as the body has them."""
    write_bvh(tmp_path / "a.bvh", clip, body, rig=rig, unit="m")
    motion = read_bvh(tmp_path / "a.bvh")
    prefix = "mixamorig:" if rig == "mixamo" else ""
    for side, sign in (("Left", 1), ("Right", -1)):
        for name in ("ForeArm", "Hand"):
            bone = motion.offsets[motion.names.index(f"{prefix}{side}{name}")]
            assert bone[0] * sign > 0.2
            assert np.abs(bone[1:]).max() < 1e-6
        for name in ("Leg", "Foot"):
            bone = motion.offsets[motion.names.index(f"{prefix}{side}{name}")]
            assert bone[1] < -0.35
            assert np.abs(bone[[0, 2]]).max() < 1e-6


def test_cmu_s_tree_is_that_of_the_database(shared, tmp_path, clip, body):
    """Names, parents, channels, and joints that start where their parents do, as in a real file."""
    real = read_bvh(shared / "mocap/original_files/bvh_motionbuilder/02_01.bvh")
    write_bvh(tmp_path / "a.bvh", clip, body, rig="cmu")
    ours = read_bvh(tmp_path / "a.bvh")
    parent = {
        name: real.names[p] for name, p in zip(real.names, real.parents, strict=True) if p >= 0
    }
    found = {
        name: ours.names[p] for name, p in zip(ours.names, ours.parents, strict=True) if p >= 0
    }
    assert found == parent
    assert ours.channels[0] == real.channels[0]
    assert ours.channels[3] == real.channels[3]
    for name in ("LHipJoint", "RHipJoint", "LeftFingerBase", "RThumb"):
        for motion in (real, ours):
            assert np.abs(motion.offsets[motion.names.index(name)]).max() == 0


def test_people_who_are_not_seen_hold_still_and_all_stand_on_one_floor(tmp_path, helpers, body):
    first, second = helpers.swinging(10), helpers.swinging(10, aside=1.0, seed=1)
    second.transl[:, 1] += 0.4  # stands lower: y is down
    first.transl[:3] = torch.nan
    clip = helpers.clip_of(first, second)
    for person in (0, 1):
        write_bvh(tmp_path / f"{person}.bvh", clip, body, person=person, unit="m")
    one, two = (read_bvh(tmp_path / f"{person}.bvh") for person in (0, 1))
    assert np.array_equal(one.values[:3], one.values[[3, 3, 3]])
    assert np.mean(one.values[:, 1] - two.values[:, 1]) == pytest.approx(0.4, abs=0.1)
    lowest = body(person_in_world(clip, body, 1)).vertices[..., 1].min()
    assert float(lowest) == pytest.approx(0, abs=1e-5)


def test_a_moving_camera_does_not_move_people(helpers, body):
    """The same body, seen by a camera that moves: what the camera does is taken out."""
    still = helpers.swinging(8)
    turn = Rotation.from_euler("y", np.linspace(0, 1, 8)[:, None]).as_matrix()
    cameras = np.tile(np.eye(4), (8, 1, 1))
    cameras[:, :3, :3] = turn @ np.diag([1.0, -1, -1])
    cameras[:, :3, 3] = [0, 0, 2]
    camera = Camera.from_intrinsics((480, 640), focal=500.0)
    moving = type(camera)(
        camera.intrinsics.expand(8, 3, 3).double(),
        torch.from_numpy(cameras),
        camera.distortion.expand(8, 5).double(),
        camera.image_size,
        camera.lens,
    )
    joints = body.joints(still).numpy().astype(np.float64)
    clip = helpers.clip_of(still, camera=moving)
    found = body.joints(person_in_world(clip, body, on_floor=False)).numpy()
    again = np.einsum("fij,fkj->fki", cameras[:, :3, :3], found) + cameras[:, None, :3, 3]
    np.testing.assert_allclose(again, joints, atol=1e-5)


def test_what_was_read_is_written_again(shared, tmp_path):
    """Real files, also one whose joints have positions: the same tree and numbers."""
    folder = shared / "mocap/original_files"
    for name in ("bvh_daz/06_05.bvh", "bvh_makehuman/benchmark.bvh"):
        motion = read_bvh(folder / name)
        write_bvh_motion(tmp_path / "again.bvh", motion)
        again = read_bvh(tmp_path / "again.bvh")
        assert (again.names, again.parents, again.channels) == (
            motion.names,
            motion.parents,
            motion.channels,
        )
        assert np.abs(again.values - motion.values).max() <= 5.1e-7
        assert np.abs(again.offsets - motion.offsets).max() <= 5.1e-7
        assert again.fps == motion.fps


def test_limbs_are_written_one_after_the_other(tmp_path):
    """A tree whose joints stand level by level: the columns follow the joints."""
    turns = ("Zrotation", "Yrotation", "Xrotation")
    motion = BvhMotion(
        ("root", "left", "right", "left_end", "right_end"),
        (-1, 0, 0, 1, 2),
        np.arange(15.0).reshape(5, 3),
        (("Xposition", *turns), turns, turns, (), ()),
        np.arange(20.0).reshape(2, 10),
        0.1,
    )
    write_bvh_motion(tmp_path / "a.bvh", motion)
    again = read_bvh(tmp_path / "a.bvh")
    assert again.names == ("root", "left", "left_end", "right", "right_end")
    assert np.array_equal(again.values, motion.values)
    assert torch.allclose(
        again.clip(1.0).joints()[:, [0, 1, 3, 2, 4]], motion.clip(1.0).joints(), atol=1e-9
    )


def test_deep_trees_are_written(tmp_path):
    count = 1500
    motion = BvhMotion(
        tuple(f"j{i}" for i in range(count)),
        tuple(range(-1, count - 1)),
        np.ones((count, 3)),
        (("Xrotation",),) * count,
        np.zeros((1, count)),
        0.1,
    )
    write_bvh_motion(tmp_path / "a.bvh", motion)
    assert read_bvh(tmp_path / "a.bvh").parents == motion.parents


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["XYZ", "XZY", "YXZ", "YZX", "ZXY", "ZYX"]),
    st.lists(
        st.tuples(*[st.sampled_from([0, 90, -90, 180, -180]) | st.floats(-720, 720)] * 3),
        min_size=1,
        max_size=6,
    ),
)
def test_angles_give_their_rotations_also_at_the_poles(order, angles):
    turned = Rotation.from_euler(order, np.array(angles, dtype=float), degrees=True).as_matrix()
    found = continuous_euler(turned[:, None], order)
    again = Rotation.from_euler(order, found[:, 0]).as_matrix()
    np.testing.assert_allclose(again, turned, atol=1e-7)


@pytest.mark.parametrize("order", ["ZYX", "XZY"])
def test_angles_do_not_jump(order):
    """Twice around, through the pole of the middle angle: steps stay as small as they were."""
    around = np.linspace(0, 4 * np.pi, 200)
    for axis in range(3):
        angles = np.zeros((200, 3))
        angles[:, axis] = around
        angles[:, (axis + 1) % 3] = 0.3
        turned = Rotation.from_euler(order, angles).as_matrix()
        found = continuous_euler(turned[:, None], order)[:, 0]
        assert np.abs(np.diff(found, axis=0)).max() < 0.1


def test_what_cannot_be_written_is_refused(tmp_path, helpers, clip, body):
    for options, message in (
        ({"rig": "daz"}, "expected a rig of smpl, cmu, mixamo"),
        ({"unit": "inch"}, "unit of cm, m"),
        ({"person": 1}, "between 0 and 0"),
    ):
        with pytest.raises(InputError, match=message):
            write_bvh(tmp_path / "a.bvh", clip, body, **options)
    with pytest.raises(InputError, match="joints only"):
        write_bvh(tmp_path / "a.bvh", helpers.clip_of(helpers.swinging(3), None), body, person=1)
    nobody = helpers.swinging(3)
    nobody.transl[:] = torch.nan
    with pytest.raises(InputError, match="at least one finite frame"):
        write_bvh(tmp_path / "a.bvh", helpers.clip_of(nobody), body)
    assert not list(tmp_path.iterdir())
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(OutputError, match="choose another output folder"):
        write_bvh(tmp_path / "file/a.bvh", clip, body)
