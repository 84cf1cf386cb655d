"""Draw adult bodies from `anny`: rest vertices and bone heads of many phenotypes, y up."""

from __future__ import annotations

from dataclasses import dataclass

import anny
import numpy as np
import torch
from anny.face_segmentation import get_face_segmentation_mask
from numpy.typing import NDArray

from .layout import SOURCE_TO_BODY

Array = NDArray[np.float64]
Ints = NDArray[np.int64]

# Never seen from outside: taken off the mesh.
HIDDEN = ("mouth_cavity", "eye_cavity.L", "eye_cavity.R", "eye_back.L", "eye_back.R", "tongue")
EYES = ("eye_front.L", "eye_front.R")

# Mean and standard deviation of the phenotypes, all in [0, 1]; height 0.385 is about 1.71 m.
PHENOTYPES = {
    "gender": (0.5, 0.26),
    "age": (0.72, 0.08),
    "muscle": (0.5, 0.19),
    "weight": (0.5, 0.19),
    "height": (0.385, 0.07),
    "proportions": (0.5, 0.2),
}
# Limbs and girths that vary between people beside the phenotypes: standard deviations in [-1, 1].
LOCAL_CHANGES = {
    "measure-upperarm-length-incr": 0.3,
    "measure-lowerarm-length-incr": 0.3,
    "measure-upperleg-height-incr": 0.3,
    "measure-lowerleg-height-incr": 0.3,
    "measure-napetowaist-dist-incr": 0.25,
    "measure-shoulder-dist-incr": 0.3,
    "measure-hips-circ-incr": 0.25,
    "measure-neck-height-incr": 0.2,
}


@dataclass(frozen=True, slots=True)
class Source:
    """What is taken from anny: one mesh of quads, many bodies in its A-pose, y up, in metres."""

    faces: Ints
    uv: Array
    uv_faces: Ints
    visible: NDArray[np.bool_]
    eyes: NDArray[np.bool_]
    bone_names: tuple[str, ...]
    bone_weights: Array
    vertices: Array
    bone_heads: Array


def load(count: int, seed: int) -> Source:
    """Return `count` adult bodies drawn with `seed`."""
    model = anny.Anny(topology="anny-notongue-quads", local_changes=list(LOCAL_CHANGES)).double()
    vertices, heads = _sample(model, count, np.random.default_rng(seed))
    return Source(
        faces=model.faces.numpy(),
        uv=model.texture_coordinates.double().numpy(),
        uv_faces=model.face_texture_coordinate_indices.numpy(),
        visible=~_segment(model, HIDDEN),
        eyes=_segment(model, EYES),
        bone_names=tuple(model.bone_labels),
        bone_weights=_dense_weights(model),
        vertices=vertices,
        bone_heads=heads,
    )


def _segment(model: anny.Anny, labels: tuple[str, ...]) -> NDArray[np.bool_]:
    return np.asarray(get_face_segmentation_mask(model, list(labels)).numpy())


def _dense_weights(model: anny.Anny) -> Array:
    weights = np.zeros((len(model.template_vertices), len(model.bone_labels)))
    rows = np.arange(len(weights))[:, None]
    np.add.at(weights, (rows, model.vertex_bone_indices.numpy()), model.vertex_bone_weights.numpy())
    return weights / weights.sum(1, keepdims=True)


def _draw(count: int, rng: np.random.Generator) -> tuple[dict[str, Array], dict[str, Array]]:
    phenotypes = {
        name: np.clip(rng.normal(mean, spread, count), 0.0, 1.0)
        for name, (mean, spread) in PHENOTYPES.items()
    }
    changes = {
        name: np.clip(rng.normal(0.0, spread, count), -1.0, 1.0)
        for name, spread in LOCAL_CHANGES.items()
    }
    return phenotypes, changes


def _sample(model: anny.Anny, count: int, rng: np.random.Generator) -> tuple[Array, Array]:
    phenotypes, changes = _draw(count, rng)
    vertices, heads = [], []
    identity = torch.eye(4, dtype=torch.float64).expand(1, len(model.bone_labels), 4, 4)
    for k in range(count):
        with torch.no_grad():
            out = model(
                pose_parameters=identity,
                phenotype_kwargs={n: torch.tensor(v[k : k + 1]) for n, v in phenotypes.items()},
                local_changes_kwargs={n: torch.tensor(v[k : k + 1]) for n, v in changes.items()},
            )
        vertices.append(out["rest_vertices"][0].numpy())
        heads.append(out["rest_bone_heads"][0].numpy())
    return np.stack(vertices) @ SOURCE_TO_BODY.T, np.stack(heads) @ SOURCE_TO_BODY.T
