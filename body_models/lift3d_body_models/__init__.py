"""Parametric bodies for lift3d: the free default body, and any SMPL-format arrays.

`DefaultBody()` needs no file and no licence; `LinearBlendBody` takes arrays in SMPL's format.
"""

from lift3d_body_models.default import DefaultBody
from lift3d_body_models.linear_blend import Landmark, LinearBlendBody, PoseShapes

__all__ = ["DefaultBody", "Landmark", "LinearBlendBody", "PoseShapes"]
