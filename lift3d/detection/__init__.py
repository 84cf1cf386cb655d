"""Pictures in: people's 2D keypoints out of videos and photographs.

`detect(source, detector)` gives what `read_keypoints` gives for a file, ready for `lift3d.lift`. The
detectors are plug-ins (`lift3d.detectors`); docs/detection.md says what each needs.
"""

from typing import Final

from lift3d.detection.following import FollowingDetector, FollowingOptions
from lift3d.detection.found import Found, Keeper
from lift3d.detection.run import DetectedPicture, DetectOptions, detect, detect_pictures
from lift3d.detection.sources import PictureSource, VideoReader, holds_pictures, open_pictures

__all__ = [
    "DEFAULT_DETECTOR",
    "DetectOptions",
    "DetectedPicture",
    "FollowingDetector",
    "FollowingOptions",
    "Found",
    "Keeper",
    "PictureSource",
    "VideoReader",
    "detect",
    "detect_pictures",
    "holds_pictures",
    "open_pictures",
]

DEFAULT_DETECTOR: Final = "builtin"
"""The detector that the verbs use where none is named."""
