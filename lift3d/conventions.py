"""The conventions page: units, axes, frames. Every line has a test in `tests/test_conventions.py`.

Units
    Metres, seconds, radians and pixels, always; another unit stands in the name (`error_mm`).

Pixels
    x to the right, y down. A whole number is the centre of a pixel (OpenCV): the top-left pixel
    covers [-0.5, 0.5) in both axes, and a picture of width w is centred on x = (w - 1) / 2.
    `image_size` is (height, width), like the shape of an array.

Camera frame
    OpenCV: x right, y down, z forward out of the lens. `cam_from_world @ p_world = p_camera`.

World frame
    Right-handed, y up (glTF and SMPL). A camera that stands upright in it sees the world's +y as the
    picture's -y. Where nothing is known of a camera's tilt, the world is the camera's frame turned
    half a turn about x: `WORLD_FROM_CAMERA`. Lifting estimates the tilt from people's balance.

Body
    In the rest pose of a body model the person stands upright in +y, looks along +z, and the
    person's own left is +x. `left_...` is always the person's left, in every skeleton.

Rotations
    Matrices act on column vectors from the left. Quaternions are (w, x, y, z). An axis-angle vector
    points along the axis by the right-hand rule; its length is the angle. The local rotation of a
    joint turns the joint's frame in its parent's; the root's is `global_orient`.

Missing values
    A keypoint that was not seen has confidence 0 and NaN coordinates, never (0, 0). A person who
    was not seen in a frame has NaN joints there.
"""

import math
from typing import Final, Literal

import torch
from torch import Tensor

Frame = Literal["camera", "world", "root_relative"]

WORLD_FROM_CAMERA: Final[Tensor] = torch.diag(torch.tensor([1.0, -1.0, -1.0], dtype=torch.float64))
"""Half a turn about x: OpenCV's camera axes to a y-up world. It is its own inverse."""

FPS_RANGE: Final = (0.01, 1e6)
"""Frames per second from time lapse to the fastest camera; nothing that moves has others."""

MAX_SIDE: Final = 10**6
"""Pixels of a picture's longer side; a keypoint beyond is `FAR_OUT`."""

DEFAULT_FOV: Final[float] = 2 * math.atan(0.5)
"""The field of view (radians, 53.1 degrees) assumed along the longer side of a picture whose
intrinsics nobody knows: the focal length in pixels then equals that side. Phones and action cameras
lie at 50 to 75 degrees, studio lenses at 40 to 60."""
