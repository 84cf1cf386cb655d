"""Options of the verbs that look at pictures."""

from dataclasses import dataclass
from pathlib import Path

from lift3d.detection import DEFAULT_DETECTOR, VideoReader

__all__ = ["PictureOptions"]


@dataclass(frozen=True)
class PictureOptions:
    """How keypoints are found in a video or in pictures."""

    detector: str = DEFAULT_DETECTOR
    """For pictures: what finds keypoints in them (see `lift3d list`)."""
    detector_option: tuple[str, ...] = ()
    """For pictures: options of the detector as NAME=VALUE, path=network.onnx say (docs/detection.md)."""
    boxes: Path | None = None
    """For pictures: a file with boxes around people (COCO JSON, MOT, CSV), by picture number."""
    every: int = 1
    """For pictures: look at every so many-th only; there are so many fewer frames per second."""
    reader: VideoReader = "auto"
    """For pictures: what decodes videos; auto is OpenCV, and PyAV for files that OpenCV cannot open."""
