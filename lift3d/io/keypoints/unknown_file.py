"""What a file is that is no keypoint file, and what its owner may want to do about it."""

from typing import Final

from lift3d.io.keypoints.specimen import Specimen

__all__ = ["what_is_it"]

_DETECT: Final = "run a keypoint detector on it and give what that writes"
_UNPACK: Final = "unpack it first"
_CONVERT: Final = "convert it to one of these, or name the format (--format)"

_STARTS: Final = (
    (b"\x89PNG", "a PNG picture", _DETECT),
    (b"\xff\xd8\xff", "a JPEG picture", _DETECT),
    (b"GIF8", "a GIF picture", _DETECT),
    (b"\x1aE\xdf\xa3", "a Matroska video", _DETECT),
    (b"RIFF", "a RIFF video or sound", _DETECT),
    (b"\x1f\x8b", "gzip", _UNPACK),
    (b"BZh", "bzip2", _UNPACK),
    (b"\xfd7zXZ", "xz", _UNPACK),
    (b"7z\xbc\xaf", "a 7z archive", _UNPACK),
    (b"PK", "a zip archive without the arrays of a keypoint file", _CONVERT),
    (b"\x89HDF", "HDF5 without the tables of a keypoint file", _CONVERT),
    (
        b"HIERARCHY",
        "BVH, which holds motion and no pictures' keypoints",
        "lift3d reads it as motion",
    ),
    (b"glTF", "GLB, an animation", "give the keypoints that it was made from"),
    (b"%PDF", "a PDF", "give the keypoints themselves"),
)


def what_is_it(specimen: Specimen) -> tuple[str, str]:
    """What was found, and what to do."""
    start = specimen.start
    if not start:
        return "an empty file", "run the detector again"
    if specimen.head[4:8] == b"ftyp":
        return "an MP4 video", _DETECT
    for magic, name, hint in _STARTS:
        if specimen.head.startswith(magic):
            return name, hint
    if start.startswith((b"{", b"[")):
        return _json(specimen)
    if b"\0" in specimen.head:
        return "something else than text, JSON or arrays", _CONVERT
    line = start.split(b"\n", 1)[0][:40].decode("utf-8", "replace").strip()
    return f"text that begins with {line!r}", _CONVERT


def _json(specimen: Specimen) -> tuple[str, str]:
    entry = specimen.first
    if specimen.members:
        return f"other JSON, an object with {_listed(list(specimen.members))}", _CONVERT
    if isinstance(entry, dict) and "keypoints3d" in entry:
        return "joints in space, EasyMocap's keypoints3d", "give its 2D annotations (annots)"
    if isinstance(entry, dict) and {"Rh", "Th", "poses"} <= entry.keys():
        return "body parameters of EasyMocap", "give its 2D annotations (annots)"
    if isinstance(entry, dict):
        return f"other JSON, a list of objects with {_listed(list(entry))}", _CONVERT
    return f"other JSON, a list of {type(entry).__name__}", _CONVERT


def _listed(names: list[str]) -> str:
    some = ", ".join(f"'{name[:20]}'" for name in names[:5])
    return some + (f" and {len(names) - 5} more" if len(names) > 5 else "")
