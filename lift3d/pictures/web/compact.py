"""A GLB of ours with fewer bits, for a page that only shows it.

Texture coordinates go, whole numbers get as narrow as they may be, and floats are rounded to what
can be seen: their last bytes become zeros, which gzip takes away.
"""

import json
import struct
from typing import Any, Final

import numpy as np
from numpy import ndarray

__all__ = ["compact_glb"]

_KINDS: Final = {5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_CODES: Final = {kind: code for code, kind in _KINDS.items()}
_WIDTHS: Final = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}
_PLACE: Final = 8192.0
"""Steps in a metre: an eighth of a millimetre."""
_NORMAL: Final = 64.0
_JSON, _BINARY = 0x4E4F534A, 0x004E4942


def compact_glb(glb: bytes) -> bytes:
    """The same meshes, skins and motion; surfaces move by less than 0.3 mm."""
    document, blob = _parts(glb)
    uses = _uses(document)
    views: list[dict[str, Any]] = []
    accessors: list[dict[str, Any]] = []
    packed = bytearray()
    places: dict[int, int] = {}
    for index, use in sorted(uses.items()):
        old = document["accessors"][index]
        values = _rounded(_values(document, blob, old), use)
        places[index] = len(accessors)
        new = {
            "bufferView": len(views),
            "componentType": _CODES[values.dtype.str.replace("|", "<")],
            "count": len(values),
            "type": old["type"],
        }
        if use in {"weights", "turns", "colors"}:
            new["normalized"] = True
        accessors.append(new)
        views.append({"buffer": 0, "byteOffset": len(packed), "byteLength": values.nbytes})
        packed += values.tobytes() + b"\0" * (-values.nbytes % 4)
    _renumber(document, places)
    document |= {
        "accessors": accessors,
        "bufferViews": views,
        "buffers": [{"byteLength": len(packed)}],
    }
    return _joined(document, bytes(packed))


def _parts(glb: bytes) -> tuple[dict[str, Any], bytes]:
    size = struct.unpack_from("<I", glb, 12)[0]
    return json.loads(glb[20 : 20 + size]), glb[28 + size :]


def _joined(document: dict[str, Any], blob: bytes) -> bytes:
    text = json.dumps(document, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    total = 28 + len(text) + len(blob)
    head = struct.pack("<4sIIII", b"glTF", 2, total, len(text), _JSON)
    return head + text + struct.pack("<II", len(blob), _BINARY) + blob


_ATTRIBUTES: Final = {
    "POSITION": "places",
    "NORMAL": "normals",
    "JOINTS_0": "whole",
    "WEIGHTS_0": "weights",
    "COLOR_0": "colors",
}


def _uses(document: dict[str, Any]) -> dict[int, str]:
    """What each accessor that is kept is for."""
    uses: dict[int, str] = {}
    for mesh in document["meshes"]:
        for part in mesh["primitives"]:
            part["attributes"].pop("TEXCOORD_0", None)
            uses[part["indices"]] = "whole"
            uses |= {at: _ATTRIBUTES[name] for name, at in part["attributes"].items()}
            uses |= {target["POSITION"]: "places" for target in part.get("targets", ())}
    uses |= {skin["inverseBindMatrices"]: "exact" for skin in document.get("skins", ())}
    for motion in document.get("animations", ()):
        uses |= {sampler["input"]: "exact" for sampler in motion.get("samplers", ())}
        for channel in motion.get("channels", ()):
            turns = channel["target"]["path"] == "rotation"
            output = motion["samplers"][channel["sampler"]]["output"]
            uses[output] = "turns" if turns else "exact"
    return uses


def _renumber(document: dict[str, Any], places: dict[int, int]) -> None:
    for mesh in document["meshes"]:
        for part in mesh["primitives"]:
            part["indices"] = places[part["indices"]]
            for name in part["attributes"]:
                part["attributes"][name] = places[part["attributes"][name]]
            for target in part.get("targets", ()):
                target["POSITION"] = places[target["POSITION"]]
    for skin in document.get("skins", ()):
        skin["inverseBindMatrices"] = places[skin["inverseBindMatrices"]]
    for motion in document.get("animations", ()):
        for sampler in motion.get("samplers", ()):
            sampler["input"], sampler["output"] = (
                places[sampler["input"]],
                places[sampler["output"]],
            )


def _values(document: dict[str, Any], blob: bytes, accessor: dict[str, Any]) -> ndarray:
    width = _WIDTHS[accessor["type"]]
    kind = _KINDS[accessor["componentType"]]
    start = document["bufferViews"][accessor["bufferView"]].get("byteOffset", 0)
    flat = np.frombuffer(blob, kind, accessor["count"] * width, start)
    return flat.reshape(accessor["count"], width)


def _rounded(values: ndarray, use: str) -> ndarray:
    if use in {"places", "normals"}:
        step = _PLACE if use == "places" else _NORMAL
        return np.asarray((np.round(values.astype(np.float64) * step) / step).astype("<f4"))
    if use == "turns":
        return np.asarray(np.round(values.astype(np.float64) * 32767).astype("<i2"))
    if use == "weights":
        return _whole_weights(values)
    if use == "whole" and values.dtype.itemsize == 4 and int(values.max(initial=0)) < 65535:
        return np.asarray(values.astype("<u2"))
    return values


def _whole_weights(values: ndarray) -> ndarray:
    """Shares of 255 that sum to 255: the largest takes what rounding leaves."""
    shares = np.round(values.astype(np.float64) * 255).astype(np.int64)
    largest = shares.argmax(1)
    shares[np.arange(len(shares)), largest] += 255 - shares.sum(1)
    return shares.astype(np.uint8)
