"""Body parameters from joints, keypoints and places on the skin, and from those of another body."""

from lift3d.fitting.body import BodyFit, ContactOptions, fit, fit_body, fitted_keypoints
from lift3d.fitting.evidence import SkinEvidence
from lift3d.fitting.guess import PoseGuess
from lift3d.fitting.prior import PosePrior
from lift3d.fitting.problem import FitOptions
from lift3d.fitting.skin import SkinSites
from lift3d.fitting.transfer import Conversion, convert_body, convert_clip

__all__ = [
    "BodyFit",
    "ContactOptions",
    "Conversion",
    "FitOptions",
    "PoseGuess",
    "PosePrior",
    "SkinEvidence",
    "SkinSites",
    "convert_body",
    "convert_clip",
    "fit",
    "fit_body",
    "fitted_keypoints",
]
