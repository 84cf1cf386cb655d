"""What is known about a body, in the form that the solver takes: places and directions of points.

Joints, landmarks, keypoints, vertices and points of the surface all become rows of one table: which
point of the body, where it is or in which direction it is seen, and how precisely.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from lift3d.camera import Camera
from lift3d.errors import InputError
from lift3d.fitting.skin import SkinSites
from lift3d.pose import Pose2D, Pose3D

__all__ = [
    "Evidence",
    "SkinEvidence",
    "distance_of",
    "gather_evidence",
    "skin_evidence",
    "together",
]

# How much further off than others a detector's keypoints lie from the body's points by definition: an
# annotator's hip is some centimetres outside the joint.
_LOOSENESS: Final[Mapping[str, float]] = {
    "left_hip": 2.5,
    "right_hip": 2.5,
    "left_shoulder": 1.5,
    "right_shoulder": 1.5,
    "left_ear": 1.5,
    "right_ear": 1.5,
    "left_pinky": 2.0,
    "right_pinky": 2.0,
    "left_index": 2.0,
    "right_index": 2.0,
    "left_thumb": 2.0,
    "right_thumb": 2.0,
}
# Points of the trunk that every source defines in its own way.
_NOT_IN_SPACE: Final = frozenset({"pelvis", "spine", "thorax", "neck", "head"})
_NOT_IN_PICTURE: Final = frozenset({"pelvis", "head"})


@dataclass(frozen=True, slots=True)
class SkinEvidence:
    """Where places on the skin are (metres), or where they are seen (pixels), or both; NaN: unknown.

    `confidence` in [0, 1] scales the precision, 1 where it is not given. `std` is how far off they
    are, in metres at the person's distance.
    """

    sites: SkinSites
    places: Float[Tensor, "frames sites 3"] | None = None
    pixels: Float[Tensor, "frames sites 2"] | None = None
    confidence: Float[Tensor, "frames sites"] | None = None
    std: float = 0.01

    def __post_init__(self) -> None:
        sites = len(self.sites.vertices)
        pairs = ((self.places, 3), (self.pixels, 2))
        given = [(x, axes) for x, axes in pairs if x is not None]
        wanted = (len(given[0][0]), sites) if given else ()
        if not given or any(x.shape != (*wanted, axes) for x, axes in given):
            raise InputError(
                f"expected places or pixels of {sites} sites in the same frames, "
                f"got {[list(x.shape) for x, _ in given]}: give one for each site"
            )
        if self.confidence is not None and self.confidence.shape != wanted:
            raise InputError(
                f"expected confidences {list(wanted)}, got {list(self.confidence.shape)}: give one "
                "for each site in each frame"
            )
        if not self.std > 0:
            raise InputError(f"expected a std above 0 metres, got {self.std}: correct it")

    @property
    def values(self) -> Tensor:
        """Places, or pixels where there are no places."""
        return self.places if self.places is not None else self.pixels  # type: ignore[return-value]

    @property
    def seen(self) -> Bool[Tensor, "frames sites"]:
        """Where a site's place or its pixel is known."""
        known = [x.isfinite().all(-1) for x in (self.places, self.pixels) if x is not None]
        return torch.stack(known).any(0)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What some of a body's points should be near: a place each, and a direction each.

    `points` are their indices among the body's points, those of its `PointTable` and then those of
    its `SkinTable`; a point may have several rows. `places` in metres with `place_precision` in
    1 / m^2, zero where nothing is known; `slopes` are (x / z, y / z) of the viewing ray with
    `slope_precision` in 1 / slope^2, likewise. `kinds` says what kind of evidence a row is.
    """

    points: Int[Tensor, " used"]
    places: Float[Tensor, "frames used 3"]
    place_precision: Float[Tensor, "frames used 3 3"]
    slopes: Float[Tensor, "frames used 2"]
    slope_precision: Float[Tensor, "frames used"]
    kinds: tuple[str, ...] = ()

    @property
    def placed(self) -> Bool[Tensor, "frames used"]:
        """Whether something is known about the point's place."""
        return self.place_precision.diagonal(dim1=-2, dim2=-1).sum(-1) > 0

    @property
    def informed(self) -> Bool[Tensor, " frames"]:
        """Whether something is known about any point."""
        return (self.placed | (self.slope_precision > 0)).any(-1)

    def __getitem__(self, frames: slice | Tensor) -> "Evidence":
        return Evidence(
            self.points,
            self.places[frames],
            self.place_precision[frames],
            self.slopes[frames],
            self.slope_precision[frames],
            self.kinds,
        )


def together(parts: list[Evidence]) -> Evidence:
    """All rows of several evidences about the same frames."""
    return Evidence(
        torch.cat([part.points for part in parts]),
        torch.cat([part.places for part in parts], 1),
        torch.cat([part.place_precision for part in parts], 1),
        torch.cat([part.slopes for part in parts], 1),
        torch.cat([part.slope_precision for part in parts], 1),
        sum((part.kinds for part in parts), ()),
    )


def gather_evidence(
    names: tuple[str, ...],
    joints: Pose3D | None,
    keypoints: Pose2D | None = None,
    camera: Camera | None = None,
    *,
    joint_std: float = 0.03,
    keypoint_std: float = 0.02,
    distance: Float[Tensor, " frames"] | None = None,
) -> Evidence:
    """Match joints and keypoints to the body's points, `names`, by name.

    `joint_std` (metres) stands in where the joints carry no covariance; `keypoint_std` is how far off
    keypoints are, in metres at the person's distance, which is the joints' or the one given. Joints
    must be in the camera frame when keypoints are given. Raises `InputError` for keypoints without a
    camera, and for joints that are in another frame or not of the same length.
    """
    _check(joints, keypoints, camera)
    parts: dict[int, list[int]] = {}
    in_space = _matches(names, joints.skeleton.joints, _left_out(names, joints)) if joints else {}
    in_picture = _matches(names, keypoints.skeleton.joints, _NOT_IN_PICTURE) if keypoints else {}
    parts = {point: [] for point in sorted({*in_space, *in_picture})}
    row_of = {point: row for row, point in enumerate(parts)}
    like = joints.joints if joints else keypoints.keypoints if keypoints else torch.zeros(0)
    evidence = _empty(torch.tensor(list(parts), dtype=torch.long), len(like), like)
    if joints is not None:
        at = [row_of[point] for point in in_space]
        places, precision = _places(joints, list(in_space.values()), joint_std)
        evidence.places[:, at], evidence.place_precision[:, at] = places, precision
    if keypoints is not None and camera is not None:
        if distance is None:
            distance = distance_of(joints.joints) if joints else torch.ones(len(like))
        picked = list(in_picture.values())
        looseness = torch.tensor([_LOOSENESS.get(names[point], 1.0) for point in in_picture])
        sigma = keypoint_std / distance.to(like)[:, None] * looseness.to(like)
        confidence = keypoints.confidence[:, picked].to(like).clamp(max=1.0)
        at = [row_of[point] for point in in_picture]
        seen = keypoints.seen[:, picked]
        evidence.slopes[:, at] = _slopes(keypoints.keypoints[:, picked], seen, camera).to(like)
        evidence.slope_precision[:, at] = confidence / sigma**2
    return evidence


def skin_evidence(
    skin: SkinEvidence,
    first: int,
    camera: Camera | None,
    like: Tensor,
    distance: Float[Tensor, " frames"] | None = None,
) -> Evidence:
    """Rows for places on the skin; `first` is the index of the first among the body's points.

    Raises `InputError` for pixels without a camera.
    """
    sites = len(skin.sites.vertices)
    frames = len(skin.values)
    kind = "vertices" if skin.sites.vertices.shape[1] == 1 else "surface"
    evidence = _empty(first + torch.arange(sites), frames, like, kind)
    sure = torch.ones(frames, sites) if skin.confidence is None else skin.confidence
    sure = sure.to(like).nan_to_num().clamp(0, 1)
    if skin.places is not None:
        known = skin.places.isfinite().all(-1)
        evidence.places.copy_(torch.where(known[..., None], skin.places.to(like), 0))
        precision = torch.where(known, sure / skin.std**2, 0)
        evidence.place_precision.copy_(precision[..., None, None] * torch.eye(3).to(like))
    if skin.pixels is not None:
        if camera is None:
            raise InputError("expected a camera with the pixels, got none: pass camera=...")
        distance = torch.ones(frames) if distance is None else distance
        seen = skin.pixels.isfinite().all(-1)
        evidence.slopes.copy_(_slopes(skin.pixels, seen, camera).to(like))
        sigma = skin.std / distance.to(like)[:, None]
        evidence.slope_precision.copy_(torch.where(seen, sure / sigma**2, 0))
    return evidence


def _check(joints: Pose3D | None, keypoints: Pose2D | None, camera: Camera | None) -> None:
    if keypoints is not None and camera is None:
        raise InputError("expected a camera with the keypoints, got none: pass camera=...")
    if keypoints is not None and joints is not None:
        frames = len(joints.require_frame("camera").joints)
        if len(keypoints.keypoints) != frames:
            raise InputError(
                f"expected keypoints for the {frames} frames of the joints, got "
                f"{len(keypoints.keypoints)}: cut them to common frames"
            )


def _left_out(names: tuple[str, ...], joints: Pose3D) -> frozenset[str]:
    """Joints of the body's own skeleton mean the same by every name."""
    own = joints.skeleton.joints
    return frozenset() if names[: len(own)] == own else _NOT_IN_SPACE


def _empty(points: Tensor, frames: int, like: Tensor, kind: str = "joints") -> Evidence:
    used = len(points)
    return Evidence(
        points.to(like.device),
        like.new_zeros(frames, used, 3),
        like.new_zeros(frames, used, 3, 3),
        like.new_zeros(frames, used, 2),
        like.new_zeros(frames, used),
        (kind,) * used,
    )


def _places(joints: Pose3D, picked: list[int], std: float) -> tuple[Tensor, Tensor]:
    eye = torch.eye(3).to(joints.joints)
    place, covariance = joints.joints[:, picked], joints.covariance[:, picked]
    stated = covariance.isfinite().flatten(2).all(-1)[..., None, None]
    covariance = torch.where(stated, covariance, eye * std**2) + eye * 1e-6
    seen = place.isfinite().all(-1)
    precision = torch.linalg.inv(covariance)
    return torch.where(seen[..., None], place, 0), torch.where(seen[..., None, None], precision, 0)


def _slopes(
    pixels: Float[Tensor, "frames points 2"], seen: Bool[Tensor, "frames points"], camera: Camera
) -> Float[Tensor, "frames points 2"]:
    """x / z and y / z of the pixels' rays, 0 where nothing was seen."""
    rays = camera.rays(torch.where(seen[..., None], pixels, 0.0).to(camera.intrinsics))
    return torch.where(seen[..., None], rays[..., :2] / rays[..., 2:], 0.0)


def distance_of(places: Float[Tensor, "frames points 3"]) -> Float[Tensor, " frames"]:
    """The person's depth in each frame (metres); where it is not known, the clip's median."""
    depth = places[..., 2].nanmean(-1)
    return torch.where(depth > 0.1, depth, depth[depth > 0.1].nanmedian()).nan_to_num(1.0)


def _matches(
    names: tuple[str, ...], joints: tuple[str, ...], leave_out: frozenset[str]
) -> dict[int, int]:
    """The body's point of that name: the joint's index."""
    places = {name: index for index, name in enumerate(names)}
    return {
        places[joint]: index
        for index, joint in enumerate(joints)
        if joint in places and joint not in leave_out
    }
