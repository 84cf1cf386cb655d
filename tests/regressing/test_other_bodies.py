"""Bodies of SMPL's family, and others with its joints, get poses of their own size and number."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lift3d.estimate import BodyEstimate
from lift3d.fitting import fitted_keypoints
from lift3d.protocols import BodyModel
from lift3d.regressing.refinement import refine
from lift3d.regressing.smpl import SmplRegressor
from lift3d.skeletons import BODY_25, SMPL_24
from lift3d_body_models.family import FAMILY
from lift3d_body_models.smpl_family import SmplBody, SmplhBody, SmplxBody
from tests.helpers.family_files import JOINTS, PARENTS, arrays, write_npz
from tests.regressing.people import CAMERA, keypoints_of, swaying

MAKERS = {"smpl": SmplBody, "smplh": SmplhBody, "smplx": SmplxBody}


def model_of(kind: str, rest: torch.Tensor) -> dict[str, Any]:
    """A random model whose joints are where the default body has them; fingers go on from wrists."""
    model = arrays(kind)
    names = FAMILY[kind].skeleton.joints
    places = np.zeros((JOINTS[kind], 3))
    for joint, name in enumerate(names):
        if name in SMPL_24.joints:
            places[joint] = rest[SMPL_24.index(name)].numpy()
        else:
            places[joint] = places[PARENTS[kind][joint]] + [0.03, 0.01, 0.01]
    model["v_template"][: len(places)] = places
    model["shapedirs"] *= 0.3
    model["J_regressor"] = np.eye(len(places), len(model["v_template"]))
    return model


def made(kind: str, body: BodyModel, folder: Path) -> BodyModel:
    path = write_npz(folder / f"{kind}.npz", model_of(kind, body.articulation.joints_template))
    return MAKERS[kind](path)


def done(model: BodyModel, body: BodyModel, regressor: SmplRegressor) -> tuple[BodyEstimate, float]:
    """The refined estimate, and how far its joints are off, as a share of the person's height."""
    keypoints = keypoints_of(body.articulation, swaying("standing", yaw=0.7))
    mine = SmplRegressor(model, regressor.lifter)
    found = refine(mine(keypoints, CAMERA), model.articulation, keypoints, CAMERA)
    _, miss = fitted_keypoints(model.articulation, found.params, keypoints.pose, CAMERA)
    y = keypoints.pose.keypoints[:, [BODY_25.index("nose"), BODY_25.index("left_ankle")], 1]
    limbs = [
        BODY_25.index(f"{side}_{joint}")
        for side in ("left", "right")
        for joint in ("knee", "ankle", "elbow", "wrist")
    ]
    return found, float(miss[:, limbs].median() / (y[:, 1] - y[:, 0]).median())


@pytest.mark.parametrize("kind", MAKERS)
def test_the_family_gets_its_own_joints_and_betas(
    kind: str, body: BodyModel, regressor: SmplRegressor, tmp_path: Path
) -> None:
    model = made(kind, body, tmp_path)
    found, share = done(model, body, regressor)
    assert found.params.body_pose.shape == (4, JOINTS[kind] - 1, 3)
    assert found.params.betas.shape == (1, 10)
    assert model(found.params).vertices.isfinite().all()
    assert share < 0.02


@pytest.mark.parametrize("kind", MAKERS)
def test_what_the_network_cannot_know_stays_at_rest(
    kind: str, body: BodyModel, regressor: SmplRegressor, tmp_path: Path
) -> None:
    model = made(kind, body, tmp_path)
    keypoints = keypoints_of(body.articulation, swaying("standing", yaw=0.7))
    said = SmplRegressor(model, regressor.lifter)(keypoints, CAMERA)
    known = regressor(keypoints, CAMERA)
    assert (said.params.betas == 0).all()
    assert said.betas_std.isnan().all()
    for joint, name in enumerate(model.skeleton.joints):
        turn = said.params.axis_angle[:, joint]
        if name in SMPL_24.joints:
            theirs = known.params.axis_angle[:, SMPL_24.index(name)]
            torch.testing.assert_close(turn, theirs, atol=1e-4, rtol=0)
        else:
            assert turn.abs().max() < 1e-3
    assert (said.turn_std > 0).all()
