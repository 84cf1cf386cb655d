"""Inverse problems without learning: body parameters from joints and keypoints."""

from lift3d.fitting.body import fit_body, fitted_keypoints
from lift3d.fitting.problem import FitOptions

__all__ = ["FitOptions", "fit_body", "fitted_keypoints"]
