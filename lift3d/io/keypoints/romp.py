"""People of ROMP and BEV: what they write to `.npz`, as 2D keypoints.

One entry `results`, an object: the dictionary of a picture, or {picture: dictionary} of a video, in the
order of its pictures' names. `pj2d_org` [people, 54 or 71, 2] are joints projected into the picture
(pixels), SMPL's 24 first; the others are left out (Sun et al., ICCV 2021, arXiv:2008.12272).
`track_ids` tell people apart where they were followed.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

from lift3d.errors import FileFormatError
from lift3d.io.keypoints.detections import ANONYMOUS, Detection, Detections, FileFacts, gather
from lift3d.io.keypoints.plain_keypoints import numbers_of
from lift3d.skeletons import SMPL_24

__all__ = ["RESULTS", "is_romp", "romp_detections"]

RESULTS: Final = "results"
_POINTS: Final = "pj2d_org"
_SMPL: Final = len(SMPL_24)


def is_romp(entries: Mapping[str, object]) -> bool:
    """Whether an archive's entries are ROMP's."""
    return isinstance(entries.get(RESULTS), dict)


def romp_detections(entries: Mapping[str, Any], where: str) -> Detections:
    """Everybody in every picture; no confidences are told, so that each is 1."""
    results: dict[Any, Any] = entries[RESULTS]
    pictures: list[object] = (
        [results] if _POINTS in results else [results[name] for name in sorted(results, key=str)]
    )
    rows: list[Detection] = []
    for frame, picture in enumerate(pictures):
        if not isinstance(picture, dict) or _POINTS not in picture:
            raise FileFormatError(
                f"expected {_POINTS} in picture {frame} of ROMP's results in {where}, got none: "
                "save the results with their 2D joints"
            )
        rows += _people(picture, frame, f"{where}, picture {frame}")
    facts = FileFacts("ROMP results", "pixels", SMPL_24)
    return gather(rows, range(len(pictures)), facts, where)


def _people(picture: Mapping[str, Any], frame: int, where: str) -> list[Detection]:
    points = numbers_of(picture[_POINTS], where)
    if points.ndim != 3 or points.shape[1] < _SMPL or points.shape[2] != 2:
        raise FileFormatError(
            f"expected [people, joints, 2] with at least {_SMPL} joints in {where}, got "
            f"{list(points.shape)}: write it again"
        )
    ids = numbers_of(picture["track_ids"], where).ravel() if "track_ids" in picture else None
    followed = ids is not None and len(ids) == len(points)
    return [
        Detection(frame, _sure(some), int(ids[at]) if followed and ids is not None else ANONYMOUS)
        for at, some in enumerate(points[:, :_SMPL].astype(np.float64))
    ]


def _sure(points: Float64[ndarray, "joints 2"]) -> Float64[ndarray, "joints 3"]:
    return np.concatenate([points, np.ones((len(points), 1))], 1)
