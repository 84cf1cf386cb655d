"""Named joint layouts and the correspondences between them.

`SKELETONS` maps names to layouts; `skeleton_named` looks one up and says what it knows otherwise;
`correspondence(source, target)` tells how each joint of one is made from joints of the other.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import Final

from lift3d.errors import SkeletonError
from lift3d.skeleton import Skeleton
from lift3d.skeletons.correspondences import Correspondence, correspondence
from lift3d.skeletons.layouts import (
    AIC_14,
    BODY_25,
    BODY_25B,
    COCO_17,
    COCO_18,
    CROWDPOSE_14,
    FLAME_5,
    H36M_17,
    H36M_17_LEFT_FIRST,
    HALPE_26,
    LIFT_23,
    MANO_16,
    MEDIAPIPE_33,
    MPI_15,
    MPII_16,
    SMPL_24,
    SMPLH_52,
    SMPLX_55,
)
from lift3d.skeletons.whole_body import BODY_135, BODY_OF, COCO_WHOLEBODY_133, HALPE_136

__all__ = [
    "AIC_14",
    "BODY_25",
    "BODY_25B",
    "BODY_135",
    "BODY_OF",
    "COCO_17",
    "COCO_18",
    "COCO_WHOLEBODY_133",
    "CROWDPOSE_14",
    "FLAME_5",
    "H36M_17",
    "H36M_17_LEFT_FIRST",
    "HALPE_26",
    "HALPE_136",
    "LIFT_23",
    "MANO_16",
    "MEDIAPIPE_33",
    "MPII_16",
    "MPI_15",
    "SKELETONS",
    "SMPLH_52",
    "SMPLX_55",
    "SMPL_24",
    "Correspondence",
    "correspondence",
    "skeleton_named",
]

SKELETONS: Final[Mapping[str, Skeleton]] = MappingProxyType(
    {
        layout.name: layout
        for layout in (
            AIC_14,
            BODY_25,
            BODY_25B,
            BODY_135,
            COCO_17,
            COCO_18,
            COCO_WHOLEBODY_133,
            CROWDPOSE_14,
            FLAME_5,
            H36M_17,
            H36M_17_LEFT_FIRST,
            HALPE_26,
            HALPE_136,
            LIFT_23,
            MANO_16,
            MEDIAPIPE_33,
            MPII_16,
            MPI_15,
            SMPL_24,
            SMPLH_52,
            SMPLX_55,
        )
    }
)


def skeleton_named(name: str) -> Skeleton:
    """The layout of that name; upper case and hyphens are forgiven.

    Raises `SkeletonError` for a name that is not known, with the nearest one.
    """
    key = name.lower().replace("-", "_")
    if key in SKELETONS:
        return SKELETONS[key]
    near = get_close_matches(key, SKELETONS, n=1)
    hint = f"did you mean '{near[0]}'?" if near else "give one of those names"
    raise SkeletonError(f"expected one of {', '.join(SKELETONS)}, got skeleton '{name}': {hint}")
