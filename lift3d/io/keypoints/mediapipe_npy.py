"""MediaPipe Pose landmarks as a NumPy array [frames, 33, 4 or 5]: x, y, z, visibility (, presence).

Frames of NaN or zeros are empty. Units and names as in `mediapipe`.
"""

from pathlib import Path

import numpy as np

from lift3d.errors import FileFormatError
from lift3d.io.keypoints.detections import Detections, FileFacts, gather
from lift3d.io.keypoints.mediapipe import FORMAT, landmark_space
from lift3d.io.keypoints.npy_keypoints import MAGIC, map_npy, shape_in
from lift3d.io.keypoints.point_arrays import PointArray, rows_of
from lift3d.skeletons import MEDIAPIPE_33

__all__ = ["is_mediapipe_npy", "read_mediapipe_npy"]


def is_mediapipe_npy(head: bytes, path: Path) -> bool:  # noqa: ARG001 - every reader is asked alike
    """Whether the header of an .npy file claims 33 landmarks of four or five numbers."""
    shape = shape_in(head) if head.startswith(MAGIC) else ()
    return len(shape) == 3 and shape[1] == len(MEDIAPIPE_33) and shape[2] in (4, 5)


def read_mediapipe_npy(path: Path) -> Detections:
    """One person's landmarks. Raises `FileFormatError`; arrays of objects are refused."""
    array = map_npy(path)
    if array.ndim != 3 or array.shape[1] != len(MEDIAPIPE_33) or array.shape[2] not in (4, 5):
        raise FileFormatError(
            f"expected MediaPipe landmarks of shape (frames, 33, 4 or 5) in '{path}', got "
            f"{array.shape}: save x, y, z, visibility for each"
        )
    points = PointArray(array[:, None, :, :2], array[:, None, :, 3])
    rows = rows_of(points, range(len(array)), f"'{path}'", tracked=True)
    picked = [row.points for row in rows[:: max(1, len(rows) // 1000)]]
    space = landmark_space(np.stack(picked) if picked else np.empty((0, len(MEDIAPIPE_33), 3)))
    facts = FileFacts(f"{FORMAT} (.npy)", space, MEDIAPIPE_33)
    return gather(rows, range(len(array)), facts, f"'{path}'")
