"""Parametric bodies for lift3d: the free default body, SMPL's family from files, Anny, and sticks.

`DefaultBody()` needs no file and no licence; `LinearBlendBody` takes arrays in SMPL's format. All of
them are reached by name, as in `lift3d.body_models["smpl"](path)`.
"""

from lift3d_body_models.default import DefaultBody
from lift3d_body_models.linear_blend import Landmark, LinearBlendBody, PoseShapes

__all__ = ["DefaultBody", "Landmark", "LinearBlendBody", "PoseShapes"]
