"""What goes in and out, as types: the OpenAPI document is made of them, and requests are read by them.

Pixels are x right, y down; metres are in the camera frame (x right, y down, z forward), rotations
axis-angle in radians. A `null` is a number that is not known.
"""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

__all__ = [
    "Answer",
    "BodyKind",
    "BodyOut",
    "CameraOut",
    "Job",
    "KeypointsIn",
    "LiftedOut",
    "OutputName",
    "PersonOut",
    "Refusal",
    "SkeletonOut",
    "Wanted",
    "schemas",
]

OutputName = Literal["json", "npz", "glb", "bvh", "csv", "trc", "c3d"]
"""What an answer can be written as."""

BodyKind = Literal["plain", "file", "form"]
"""`plain` is JSON as `KeypointsIn`, `file` a keypoint file, `form` one in a form, as curl sends it."""

Number = float | None
Points = list[list[list[Number]]]


class KeypointsIn(Struct, forbid_unknown_fields=True):
    """One person's keypoints over time."""

    skeleton: Annotated[
        str, Meta(description="Joint layout by name, as `lift3d list` shows them.", max_length=100)
    ]
    image_size: Annotated[
        tuple[int, int], Meta(description="Height and width of the picture in pixels.")
    ]
    keypoints: Annotated[
        Points,
        Meta(
            description="[frames, joints, 3]: x and y in pixels and the confidence, 0 to 1. Missing: "
            "null, or a confidence of 0."
        ),
    ]
    fps: Annotated[float, Meta(description="Frames per second.", ge=0.01, le=1e6)] = 30.0
    focal: Annotated[
        float | None, Meta(description="Focal length in pixels, where it is known.")
    ] = None
    centre: Annotated[
        tuple[float, float] | None,
        Meta(description="Principal point (x, y) in pixels; the middle of the picture without."),
    ] = None
    distortion: Annotated[
        list[float], Meta(description="Lens coefficients k1 k2 p1 p2 k3.", max_length=5)
    ] = []


class SkeletonOut(Struct):
    """A joint layout: `parents` holds each joint's parent by its place, -1 for a root."""

    name: str
    joints: list[str]
    parents: list[int]


class CameraOut(Struct):
    """What people were seen by; `cam_from_world` is null where nobody asked for a level world."""

    intrinsics: list[list[float]]
    image_size: tuple[int, int]
    cam_from_world: list[list[float]] | None = None


class BodyOut(Struct):
    """Body parameters of one person: [betas], [frames, rotations, 3], [frames, 3], [frames, 3]."""

    betas: list[Number]
    body_pose: Points
    global_orient: list[list[Number]]
    transl: list[list[Number]]


class PersonOut(Struct):
    """One person: joints [frames, joints, 3] in metres, and a standard deviation of each in metres.

    `observed` tells the frames that come from keypoints; others are null, or bridged from them.
    """

    id: int
    observed: list[bool]
    joints: Points
    std: list[list[Number]]
    body: BodyOut | UnsetType = UNSET


class LiftedOut(Struct):
    """Everybody over the same frames; `note` says what was assumed, found and doubted."""

    fps: float
    first_frame: int
    frames: int
    skeleton: SkeletonOut
    camera: CameraOut
    people: list[PersonOut]
    note: str
    body_model: str = ""


class Refusal(Struct):
    """Why there is no answer: what was expected, what came, what to do."""

    error: str


class Wanted(Struct, frozen=True, kw_only=True):
    """How a request is to be lifted and answered; empty `body_model` stops after the joints."""

    output: OutputName = "json"
    lifter: str = "universal"
    body_model: str = ""
    skeleton: str = ""
    fps: float | None = None
    height: int | None = None
    width: int | None = None
    focal: float | None = None
    smooth_seconds: float = 0.06
    max_people: int = 0
    person: int = 0
    repair_swaps: bool = False


class Job(Struct, frozen=True):
    """A request on its way to a worker; the parts of a `form` lie between its `boundary`."""

    body: bytes
    kind: BodyKind
    wanted: Wanted
    boundary: str = ""


class Answer(Struct, frozen=True):
    """A worker's answer; `seconds` is its share of the work."""

    status: int
    media: str
    content: bytes
    frames: int = 0
    seconds: float = 0.0


def schemas() -> dict[str, Any]:
    """JSON Schemas of what goes in and out, for an OpenAPI document."""
    _, found = msgspec.json.schema_components(
        [KeypointsIn, LiftedOut, Refusal], ref_template="#/components/schemas/{name}"
    )
    return found
