"""What the OpenAPI document says beside what FastAPI knows by itself: bodies, answers, refusals."""

from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from lift3d.serving.answers import MEDIA
from lift3d.serving.bodies import FORM, OCTETS
from lift3d.serving.refused import JSON
from lift3d.serving.values import OutputName, schemas

__all__ = ["EXAMPLE", "document", "request_body", "responses"]

_WHY: Final = {
    400: "A request that is not whole, or names no host.",
    401: "The token is missing or another.",
    403: "Another host, or a page of another site.",
    406: "Nothing of `Accept` can be written.",
    408: "The body came too slowly.",
    413: "Too many bytes or frames.",
    415: "Another content type.",
    422: "What was sent cannot be lifted; the sentence says why, and what to do.",
    429: "Too many requests wait; `Retry-After` says when to come again.",
    501: "Something that it needs is not installed.",
    503: "Not ready yet, stopping, or not done in time; `Retry-After` says when to come again.",
}
_STANDING: Final = (
    (500, 200), (520, 180), (480, 180), (545, 190), (455, 190), (580, 300), (420, 300), (600, 420),
    (400, 420), (610, 530), (390, 530), (550, 540), (450, 540), (550, 720), (450, 720), (550, 900),
    (450, 900),
)  # fmt: skip
EXAMPLE: Final[dict[str, Any]] = {
    "skeleton": "coco_17",
    "fps": 30,
    "image_size": [1080, 1000],
    "keypoints": [[[x, y, 0.9] for x, y in _STANDING]],
}
"""Somebody who stands, seen in one frame."""


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


def request_body() -> dict[str, Any]:
    """Keypoints as JSON, or a file of any format as it is or in a form."""
    file = {
        "type": "string",
        "format": "binary",
        "description": "A keypoint file, or a zip of frames.",
    }
    form = {"type": "object", "properties": {"file": file}, "required": ["file"]}
    return {
        "required": True,
        "content": {
            JSON: {"schema": _ref("KeypointsIn"), "example": EXAMPLE},
            OCTETS: {"schema": file},
            FORM: {"schema": form},
        },
    }


def responses(names: tuple[OutputName, ...]) -> dict[int | str, dict[str, Any]]:
    """The answer in each form, and the refusals."""
    binary = {"schema": {"type": "string", "format": "binary"}}
    content = {MEDIA[name]: binary for name in names} | {JSON: {"schema": _ref("LiftedOut")}}
    out: dict[int | str, dict[str, Any]] = {200: {"description": "Lifted.", "content": content}}
    why = {JSON: {"schema": _ref("Refusal")}}
    for status, description in _WHY.items():
        out[status] = {"description": description, "content": why}
        if status in (429, 503):
            seconds = {"description": "Seconds.", "schema": {"type": "integer"}}
            out[status]["headers"] = {"Retry-After": seconds}
    return out


def document(app: FastAPI, version: str) -> dict[str, Any]:
    """The whole document."""
    found = get_openapi(
        title="lift3d",
        version=version,
        description="2D keypoints in, 3D joints, bodies and animations out.",
        routes=app.routes,
    )
    found.setdefault("components", {})["schemas"] = schemas()
    bearer = {"type": "http", "scheme": "bearer", "description": "Where the service has a token."}
    found["components"]["securitySchemes"] = {"token": bearer}
    found["security"] = [{}, {"token": []}]
    return found
