"""What a request may ask for beside its body, and what its answer is written as."""

from typing import Annotated, Final, Literal, get_args

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from lift3d.serving.answers import MEDIA
from lift3d.serving.refused import RefusedError
from lift3d.serving.values import OutputName, Wanted

__all__ = ["BodiesQuery", "JointsQuery", "output_of", "wanted_of"]

JointsOutput = Literal["json", "npz", "csv", "trc", "c3d"]
BodiesOutput = Literal["json", "npz", "glb", "bvh", "csv", "trc", "c3d"]

_Name = Annotated[str, Field(max_length=60, pattern=r"^[A-Za-z0-9_-]*$")]
_SIDE: Final = 1_000_000


class _Query(BaseModel):
    model_config = ConfigDict(extra="forbid")

    skeleton: _Name = Field("", description="Joint layout of a file, where it cannot be told.")
    fps: float | None = Field(
        None, ge=0.01, le=1e6, description="Frames per second of a file that does not say them."
    )
    height: int | None = Field(
        None, ge=1, le=_SIDE, description="Height of the picture of a file that does not say it."
    )
    width: int | None = Field(None, ge=1, le=_SIDE, description="Its width.")
    focal: float | None = Field(
        None, gt=0, le=1e9, description="Focal length in pixels of a file's camera."
    )
    repair_swaps: bool = Field(
        False, description="Exchange left and right back where a file's detector mixed them up."
    )
    smooth_seconds: float = Field(
        0.06, ge=0, le=10, description="Width of the smoothing window; 0 smooths nothing."
    )
    max_people: int = Field(
        0, ge=0, le=1000, description="Keep so many people, the longest seen first; 0 keeps all."
    )
    person: int = Field(
        0, ge=0, le=1000, description="Which person goes to a file of one person (BVH, TRC)."
    )


class JointsQuery(_Query):
    """Parameters of `/v1/joints`."""

    lifter: _Name = Field(
        "universal",
        description="The lifter: universal is quick, articulated the most accurate for clips.",
    )
    output: JointsOutput | None = Field(None, description="Overrules `Accept`.")


class BodiesQuery(_Query):
    """Parameters of `/v1/bodies`."""

    lifter: _Name = Field("articulated", description="The lifter.")
    body_model: Literal["default"] = Field("default", description="The body.")
    output: BodiesOutput | None = Field(None, description="Overrules `Accept`.")


def output_of(asked: OutputName | None, accept: str, names: tuple[OutputName, ...]) -> OutputName:
    """What an answer is written as: as asked, else the most wanted of `Accept`; JSON for anything.

    Raises `RefusedError` (406) where nothing of `Accept` is known here.
    """
    if asked is not None:
        return asked
    for media in _by_preference(accept):
        if media in ("*/*", "application/*"):
            return "json"
        for name in names:
            if MEDIA[name] == media:
                return name
    known = ", ".join(MEDIA[name] for name in names)
    raise RefusedError(
        406, f"expected Accept with one of {known}, got '{accept[:80]}': name one of them"
    )


def _by_preference(accept: str) -> list[str]:
    """Media types, the most wanted first (RFC 9110, 12.5.1); refused ones are left out."""
    rows: list[tuple[float, str]] = []
    for entry in (accept or "*/*").split(",")[:50]:
        media, _, rest = entry.partition(";")
        rows.append((_quality(rest), media.strip().lower()))
    return [media for quality, media in sorted(rows, key=lambda row: -row[0]) if quality > 0]


def _quality(parameters: str) -> float:
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            return _number(value.strip())
    return 1.0


def _number(text: str) -> float:
    plain = text.replace(".", "", 1)
    return float(text) if plain.isascii() and plain.isdigit() and len(text) < 10 else 0.0


def wanted_of(query: JointsQuery | BodiesQuery, accept: str) -> Wanted:
    """The query as workers read it."""
    names = get_args(JointsOutput if isinstance(query, JointsQuery) else BodiesOutput)
    values = query.model_dump(exclude={"output"})
    return msgspec.convert(values | {"output": output_of(query.output, accept, names)}, Wanted)
