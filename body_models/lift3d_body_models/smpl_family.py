"""SMPL, SMPL-H, SMPL-X, MANO and FLAME from the files that people hold.

`SmplBody(path)` reads any form of the file (`model_files`); without a path it is looked up (`lookup`).
Poses are whole: the rotations of all joints but the root, in the order of `skeleton`; zeros are the
T-pose with flat hands. `hand_poses` makes finger rotations of principal components.
"""

import functools
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final, Generic, ParamSpec

import torch
from torch import Tensor

from lift3d.body import Surface
from lift3d.errors import InputError
from lift3d.protocols import BodyModel
from lift3d_body_models.family import FAMILY
from lift3d_body_models.hands import HandPca
from lift3d_body_models.linear_blend import LinearBlendBody
from lift3d_body_models.lookup import find_model, variant_in_name
from lift3d_body_models.model_arrays import ModelArrays
from lift3d_body_models.model_files import read_model, write_model
from lift3d_body_models.vertex_ids import landmarks_of

__all__ = ["FlameBody", "ManoBody", "SmplBody", "SmplhBody", "SmplxBody", "hand_poses"]

Place = str | os.PathLike[str] | None

_COLOR: Final = (0.42, 0.45, 0.50)
"""Linear RGB of bodies without colours: the grey of unpainted clay."""

P = ParamSpec("P")


class _Factory(Generic[P]):
    """Makes a body model, as the function does that it stands for, and converts its files."""

    def __init__(self, make: Callable[P, BodyModel]) -> None:
        self._make = make
        functools.update_wrapper(self, make)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> BodyModel:
        return self._make(*args, **kwargs)

    @staticmethod
    def convert(source: Path, target: Path) -> list[tuple[str, str]]:
        """Write any file of the family as `lift3d-body-arrays`; says what was found in it."""
        arrays = read_model(source)
        variant = arrays.gender or variant_in_name(arrays.member, source)
        write_model(target, replace(arrays, gender=variant))
        return [
            ("model", arrays.member.title),
            ("gender or side", variant or "not said by file or name"),
            ("vertices", str(len(arrays.v_template))),
            ("triangles", str(len(arrays.faces))),
            ("joints", str(len(arrays.member.skeleton))),
            ("betas", str(arrays.shapedirs.shape[2])),
            ("expressions", str(arrays.expressiondirs.shape[2])),
            ("texture coordinates", str(len(arrays.uv) or "none")),
            ("hand components", ", ".join(arrays.hands) or "none"),
            ("licence", f"that of the source ({arrays.member.licence})"),
        ]


@_Factory
def SmplBody(  # noqa: N802 - these factories stand for classes
    path: Place = None,
    *,
    gender: str = "neutral",
    num_betas: int = 10,
    backend: str = "lift3d",
) -> BodyModel:
    """SMPL: 24 joints (`SMPL_24`).

    `path` is a file, or a folder to search; `num_betas` of the file's betas are used. With the backend
    "smplx" the package of that name computes (extra `lift3d[smplx]`). Raises `InputError` for more betas
    than there are and an unknown gender, `FileFormatError` for a file that holds something else, and
    `MissingDependencyError` where there is no file.

    M. Loper et al., SMPL: a skinned multi-person linear model, ACM Transactions on Graphics 34(6), 2015.
    """
    return _body("smpl", path, gender, num_betas, 0, backend)


@_Factory
def SmplhBody(  # noqa: N802
    path: Place = None,
    *,
    gender: str = "neutral",
    num_betas: int = 10,
    backend: str = "lift3d",
) -> BodyModel:
    """SMPL-H: SMPL's body with fingers, 52 joints (`SMPLH_52`); see `SmplBody`.

    J. Romero et al., Embodied Hands, ACM Transactions on Graphics 36(6), 2017.
    """
    return _body("smplh", path, gender, num_betas, 0, backend)


@_Factory
def SmplxBody(  # noqa: N802
    path: Place = None,
    *,
    gender: str = "neutral",
    num_betas: int = 10,
    num_expressions: int = 10,
    backend: str = "lift3d",
) -> BodyModel:
    """SMPL-X: body, fingers and face, 55 joints (`SMPLX_55`) and expressions; see `SmplBody`.

    G. Pavlakos et al., Expressive body capture: 3D hands, face, and body from a single image, CVPR 2019.
    """
    return _body("smplx", path, gender, num_betas, num_expressions, backend)


@_Factory
def ManoBody(  # noqa: N802
    path: Place = None,
    *,
    side: str = "right",
    num_betas: int = 10,
    backend: str = "lift3d",
) -> BodyModel:
    """MANO: one hand, 16 joints (`MANO_16`); see `SmplBody`. `side` is "right" or "left".

    J. Romero et al., Embodied Hands, ACM Transactions on Graphics 36(6), 2017.
    """
    return _body("mano", path, side, num_betas, 0, backend)


@_Factory
def FlameBody(  # noqa: N802
    path: Place = None,
    *,
    gender: str = "neutral",
    num_betas: int = 10,
    num_expressions: int = 10,
    backend: str = "lift3d",
) -> BodyModel:
    """FLAME: a head, 5 joints (`FLAME_5`) and expressions; see `SmplBody`.

    T. Li et al., Learning a model of facial shape and expression from 4D scans, ACM Transactions on
    Graphics 36(6), 2017.
    """
    return _body("flame", path, gender, num_betas, num_expressions, backend)


def hand_poses(
    path: Place = None, *, model: str = "smplh", variant: str = "neutral"
) -> dict[str, HandPca]:
    """The principal components of a file's hands: "left" and "right", or "hand" for MANO.

    `model` is "smplh", "smplx" or "mano", `variant` its gender or side. Empty where the file has none.
    Raises as `SmplBody` does.
    """
    if model not in FAMILY:
        raise InputError(
            f"expected one of {', '.join(FAMILY)}, got model '{model}': choose one of these"
        )
    arrays, _ = find_model(FAMILY[model], path, variant)
    return dict(arrays.hands)


def _body(
    key: str, path: Place, variant: str, num_betas: int, num_expressions: int, backend: str
) -> BodyModel:
    builders: dict[str, Callable[[str, ModelArrays, int, int], BodyModel]] = {
        "lift3d": _ours,
        "smplx": _reference,
    }
    if backend not in builders:
        raise InputError(
            f"expected a backend of {', '.join(builders)}, got '{backend}': choose one of these"
        )
    arrays, found = find_model(FAMILY[key], path, variant)
    for what, wanted, there in (
        ("betas", num_betas, arrays.shapedirs.shape[2]),
        ("expressions", num_expressions, arrays.expressiondirs.shape[2]),
    ):
        # A face without expressions is a face; fewer of them than asked for is a surprise.
        if not 0 <= wanted <= there and not (what == "expressions" and there == 0):
            raise InputError(
                f"expected at most {there} {what} of '{found}', got {wanted}: ask for less"
            )
    with torch.inference_mode(False):
        return builders[backend](key, arrays, num_betas, num_expressions)


def _ours(key: str, arrays: ModelArrays, betas: int, expressions: int) -> LinearBlendBody:
    return LinearBlendBody.from_smpl_arrays(
        key,
        arrays.member.skeleton,
        v_template=arrays.v_template,
        shapedirs=arrays.shapedirs[..., :betas],
        expressiondirs=arrays.expressiondirs[..., :expressions],
        posedirs=arrays.posedirs,
        j_regressor=arrays.j_regressor,
        surface=_surface(arrays),
        landmarks=landmarks_of(arrays.lbs_weights),
    )


def _reference(key: str, arrays: ModelArrays, betas: int, expressions: int) -> BodyModel:
    from lift3d_body_models.smplx_backend import SmplxPackageBody

    return SmplxPackageBody(_ours(key, arrays, betas, expressions), arrays, betas, expressions)


def _surface(arrays: ModelArrays) -> Surface:
    return Surface(
        faces=arrays.faces,
        lbs_weights=arrays.lbs_weights,
        colors=torch.tensor(_COLOR).repeat(len(arrays.v_template), 1),
        uv=arrays.uv,
        uv_faces=arrays.uv_faces,
        parts=_parts(arrays.faces, arrays.lbs_weights),
        part_names=arrays.member.skeleton.joints,
    )


def _parts(faces: Tensor, weights: Tensor) -> Tensor:
    """For each triangle the joint that its corners follow most."""
    return weights[faces].sum(1).argmax(1)
