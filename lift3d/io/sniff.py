"""Which format is it? Told by a file's content, never by its name."""

from pathlib import Path
from typing import Final

from lift3d.errors import FileFormatError
from lift3d.io import alphapose, coco, mediapipe, openpose
from lift3d.io.detections import Detections, load_json, read_bytes

__all__ = ["read_detections"]

_FORMATS: Final = "OpenPose, COCO, AlphaPose or MediaPipe"


def read_detections(path: Path) -> Detections:
    """Detections of a file in any format known, or of a folder with one OpenPose file per frame."""
    if path.is_dir():
        return _folder(path)
    content = read_bytes(path)
    if content.startswith(b"\x93NUMPY"):
        return mediapipe.read_mediapipe_npy(content, path)
    text = content.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not text.startswith((b"{", b"[")):
        got = "something else" if text else "an empty file"
        raise FileFormatError(
            f"expected a JSON or .npy file of {_FORMATS} at '{path}', got {got}: "
            "give the file that the detector wrote"
        )
    return _document(load_json(text, path), path)


def _folder(folder: Path) -> Detections:
    try:
        inside = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError as error:
        raise FileFormatError(
            f"expected a readable folder at '{folder}', got {error.strerror or error}: "
            "check its permissions"
        ) from error
    files = [path for path in inside if path.suffix.lower() == ".json"]
    if not files:
        got = ", ".join(path.name for path in inside[:3]) or "an empty folder"
        raise FileFormatError(
            f"expected JSON files, one per frame, in '{folder}', got {got}: "
            "give the folder that holds the keypoint files themselves"
        )
    if len(files) == 1:
        return read_detections(files[0])
    return openpose.read_openpose_folder(folder, files)


def _document(document: object, path: Path) -> Detections:
    if openpose.is_openpose(document):
        return openpose.read_openpose_document(document, path)
    if alphapose.is_alphapose(document):
        return alphapose.read_alphapose_document(document, path)
    if coco.is_coco(document):
        return coco.read_coco_document(document, path)
    if mediapipe.is_mediapipe(document):
        return mediapipe.read_mediapipe_document(document, path)
    if document in ([], {}):
        raise FileFormatError(
            f"expected at least one person in '{path}', got an empty list: "
            "check the detector's pictures"
        )
    raise FileFormatError(
        f"expected keypoints of {_FORMATS} in '{path}', got other JSON: convert it to one of these"
    )
