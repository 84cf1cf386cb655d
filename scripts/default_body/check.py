"""How far the packed asset is from the float64 arrays it was made of, in posed vertices."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file
from scipy.spatial.transform import Rotation

from . import rig
from .layout import JOINT_COUNT
from .pack import BodyArrays

Array = NDArray[np.float64]


def unpack(path: Path) -> dict[str, Array]:
    """Return the dense float64 arrays that the asset stands for."""
    data = load_file(path)
    rest = data["v_template"].astype(float)
    weights = np.zeros((len(rest), JOINT_COUNT))
    np.put_along_axis(
        weights, data["lbs_weights.joints"].astype(int), data["lbs_weights.values"], axis=1
    )
    posedirs = np.zeros((JOINT_COUNT - 1, len(rest), 9, 3))
    regressor = np.zeros((JOINT_COUNT, len(rest)))
    for name, table, values in (
        ("posedirs", posedirs, data["posedirs.values"]),
        ("j_regressor", regressor, data["j_regressor.weights"]),
    ):
        starts = data[f"{name}.starts"]
        for k, (a, b) in enumerate(itertools.pairwise(starts)):
            table[k, data[f"{name}.vertices"][a:b]] = values[a:b]
    posedirs *= data["posedirs.scale"][:, None, None, None]
    shapes = data["shapedirs"].astype(float) * data["shapedirs.scale"]
    return {
        "rest": rest,
        "shapes": shapes,
        "posedirs": posedirs,
        "regressor": regressor,
        "weights": weights,
    }


def exact(body: BodyArrays) -> dict[str, Array]:
    """Return the arrays that the asset was made of, named as in `unpack`."""
    return {
        "rest": body.rest,
        "shapes": body.shapes,
        "posedirs": body.posedirs,
        "regressor": body.regressor,
        "weights": body.weights,
    }


def posed(arrays: Mapping[str, Array], betas: Array, rotations: Array) -> Array:
    """Return the vertices (V, 3) of betas (10,) and local rotations (24, 3, 3)."""
    shaped = arrays["rest"] + arrays["shapes"] @ betas
    features = (rotations[1:] - np.eye(3)).reshape(-1, 9)
    rest = shaped + np.einsum("jf,jvfc->vc", features, arrays["posedirs"], optimize=True)
    _, skin = rig.forward(rotations, arrays["regressor"] @ shaped)
    matrix = rig.blend_matrices(skin, arrays["weights"])
    return np.asarray(np.einsum("vab,vb->va", matrix[..., :3], rest) + matrix[..., 3])


def asset_error_mm(path: Path, source: Mapping[str, Array], seed: int, draws: int = 20) -> float:
    """Return the largest vertex distance over random poses (0.5 rad a joint) and betas (sd 1)."""
    rng = np.random.default_rng(seed + 2)
    packed = unpack(path)
    worst = 0.0
    for _ in range(draws):
        betas = rng.normal(size=source["shapes"].shape[-1])
        rotations = Rotation.from_rotvec(rng.normal(size=(JOINT_COUNT, 3)) * 0.5).as_matrix()
        error = posed(packed, betas, rotations) - posed(source, betas, rotations)
        worst = max(worst, float(np.linalg.norm(error, axis=1).max()))
    return 1e3 * worst
