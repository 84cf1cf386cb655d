"""A reader of `stickcam 1 WIDTH HEIGHT FPS`, then lines of frame, person, 17 times x, y, confidence."""

import numpy as np

from lift3d.errors import FileFormatError
from lift3d.io.keypoints.detections import Detection, Detections, FileFacts, gather
from lift3d.io.keypoints.specimen import Specimen
from lift3d.skeletons import COCO_17


class StickcamReader:
    """Obeys `lift3d.io.keypoints.reader_plugins.KeypointReader`."""

    def signs(self, specimen: Specimen) -> str:
        """By what a file is known to be of stickcam's."""
        return "a first line 'stickcam 1'" if specimen.head.startswith(b"stickcam 1 ") else ""

    def read(self, specimen: Specimen) -> Detections:
        """Who was found where."""
        try:
            first, *lines = specimen.content.decode("ascii").splitlines()
            width, height, fps = (float(word) for word in first.split()[2:])
            facts = FileFacts("stickcam", "pixels", COCO_17, (int(height), int(width)), fps)
            rows = np.array([line.split() for line in lines], float).reshape(-1, 53)
            found = [Detection(int(row[0]), row[2:].reshape(17, 3), int(row[1])) for row in rows]
        except (ValueError, OverflowError) as error:
            told = f"expected stickcam's numbers in {specimen.where}, got {error}: record it again"
            raise FileFormatError(told) from error
        return gather(found, [one.frame for one in found], facts, specimen.where)
