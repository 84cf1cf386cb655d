"""USD read back by UsdSkel itself: joints and skin at ten frames."""

import importlib
import importlib.util

import numpy as np
import pytest

from lift3d.errors import InputError, MissingDependencyError
from lift3d.io.motion.world_body import people_in_world
from lift3d.io.scenes.usd_write import write_usd


@pytest.fixture
def clip(helpers):
    return helpers.clip_of(helpers.swinging(12), helpers.swinging(12, aside=1.0, seed=1), fps=24.0)


@pytest.fixture
def usd_core() -> None:
    pytest.importorskip("pxr", reason="usd-core is absent: pip install 'lift3d[usd]'")


@pytest.mark.usefixtures("usd_core")
@pytest.mark.parametrize("ending", ["usda", "usdc"])
def test_joints_and_skin_move_as_in_the_body(tmp_path, clip, body, ending):
    from pxr import Usd, UsdGeom, UsdSkel

    write_usd(tmp_path / f"a.{ending}", clip, body)
    stage = Usd.Stage.Open(str(tmp_path / f"a.{ending}"))
    assert (stage.GetTimeCodesPerSecond(), stage.GetEndTimeCode()) == (24, 11)
    assert UsdGeom.GetStageUpAxis(stage) == "Y"
    assert UsdGeom.GetStageMetersPerUnit(stage) == 1
    cache = UsdSkel.Cache()
    for number, params in enumerate(people_in_world(clip, body)):
        mesh = body(params)
        root = UsdSkel.Root(stage.GetPrimAtPath(f"/clip/person{number + 1}"))
        cache.Populate(root, Usd.PrimDefaultPredicate)
        skeleton = UsdSkel.Skeleton(stage.GetPrimAtPath(f"/clip/person{number + 1}/skeleton"))
        query = cache.GetSkelQuery(skeleton)
        names = [path.split("/")[-1] for path in query.GetJointOrder()]
        assert names == list(body.skeleton.joints)
        surface = stage.GetPrimAtPath(f"/clip/person{number + 1}/body")
        skin = cache.GetSkinningQuery(surface)
        for frame in range(10):
            world = UsdGeom.XformCache(frame)
            places = np.array(query.ComputeJointWorldTransforms(world))[:, 3, :3]
            np.testing.assert_allclose(places, mesh.joints[frame], atol=1e-5)
            points = UsdGeom.Mesh(surface).GetPointsAttr().Get()
            assert skin.ComputeSkinnedPoints(query.ComputeSkinningTransforms(frame), points, frame)
            gap = np.linalg.norm(np.array(points) - mesh.vertices[frame].numpy(), axis=1)
            # What pose blend shapes do is missing: millimetres.
            assert gap.mean() < 0.004
            assert np.median(gap) < 0.001


@pytest.mark.usefixtures("usd_core")
def test_the_surface_is_the_body_s(tmp_path, clip, body):
    from pxr import Usd, UsdGeom

    write_usd(tmp_path / "a.usdc", clip, body)
    stage = Usd.Stage.Open(str(tmp_path / "a.usdc"))
    mesh = UsdGeom.Mesh(stage.GetPrimAtPath("/clip/person1/body"))
    faces = np.array(mesh.GetFaceVertexIndicesAttr().Get()).reshape(-1, 3)
    assert np.array_equal(faces, body.surface.faces.numpy())
    assert set(mesh.GetFaceVertexCountsAttr().Get()) == {3}
    assert mesh.GetOrientationAttr().Get() == "rightHanded"


def test_without_the_package_the_way_out_is_named(tmp_path, clip, body, monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        "lift3d.io.scenes.usd_write.find_spec", lambda name: None if name == "pxr" else found(name)
    )
    with pytest.raises(MissingDependencyError, match=r"lift3d\[usd\]"):
        write_usd(tmp_path / "a.usda", clip, body)
    assert list(tmp_path.iterdir()) == []


def test_other_endings_are_refused(tmp_path, clip, body):
    with pytest.raises(InputError, match=r"\.usda, \.usdc"):
        write_usd(tmp_path / "a.fbx", clip, body)
