"""From where to look: cut-outs of the real camera, cameras that walk around."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.camera import Camera
from lift3d.geometry.rigid import rigid_from, transform_points

__all__ = ["Window", "camera_through", "orbit", "window_around"]


@dataclass(frozen=True, slots=True)
class Window:
    """A cut-out of a picture: its left upper corner and size in pixels, and its size when shown.

    The corner counts from the picture's corner, not from the first pixel's centre.
    """

    x: float
    y: float
    scale: float
    size: tuple[int, int]

    @property
    def matrix(self) -> Float[Tensor, "3 3"]:
        """Maps pixels of the picture to pixels as shown, both counted from pixel centres."""
        s = self.scale
        shift_x, shift_y = (0.5 - self.x) * s - 0.5, (0.5 - self.y) * s - 0.5
        return torch.tensor([[s, 0, shift_x], [0, s, shift_y], [0, 0, 1]], dtype=torch.float64)

    def through(self, pixels: Float[Tensor, "*batch 2"]) -> Float[Tensor, "*batch 2"]:
        """Where pixels of the picture are shown."""
        matrix = self.matrix.to(pixels.dtype)
        return pixels * matrix[0, 0] + matrix[:2, 2]


def camera_through(camera: Camera, window: Window) -> Camera:
    """The same camera, giving the window as its picture: K' = A K."""
    matrix = window.matrix.to(camera.intrinsics)
    return Camera(
        matrix @ camera.intrinsics,
        camera.cam_from_world,
        camera.distortion,
        window.size,
        camera.lens,
    )


def window_around(
    points: Float[Tensor, "points 2"], size: tuple[int, int], margin: float = 0.14
) -> Window:
    """The window of `size` (height, width) that shows all points (pixels), centred, with a margin.

    One point in two hundred may lie outside, so that a stray detection does not shrink everything.
    """
    low, high = _bounds(points)
    span = (high - low).clamp(min=8.0) * (1 + 2 * margin)
    scale = float(torch.minimum(size[1] / span[0], size[0] / span[1]))
    middle = (low + high) / 2 + 0.5
    return Window(
        float(middle[0]) - size[1] / scale / 2, float(middle[1]) - size[0] / scale / 2, scale, size
    )


def _bounds(points: Tensor) -> tuple[Tensor, Tensor]:
    ordered = points[points.isfinite().all(-1)].double().sort(0).values
    cut = len(ordered) // 200
    return ordered[cut], ordered[len(ordered) - 1 - cut]


def orbit(
    points: Float[Tensor, "points 3"],
    world_from_clip: Float[Tensor, "3 3"],
    size: tuple[int, int],
    yaw: float,
    elevation: float,
    margin: float = 0.10,
) -> Camera:
    """A camera that looks at all points from the side, `size` (height, width).

    `points` (metres) are in the clip's camera frame, and so is what the camera shows. `yaw`
    (radians) walks around the people to their right-hand side as seen by the real camera,
    `elevation` looks down on them. Far away with a long lens, since short lenses distort bodies.
    """
    level = points[points.isfinite().all(-1)].double() @ world_from_clip.transpose(0, 1)
    low, high = level.amin(0), level.amax(0)
    middle, radius = (low + high) / 2, float((high - low).norm()) / 2
    turned = _look_from(yaw, elevation)
    distance = max(3.2 * radius, 2.5)
    back = torch.tensor([0.0, 0.0, distance], dtype=torch.float64)
    shift = back - turned @ middle
    cam_from_clip = rigid_from(turned @ world_from_clip, shift)
    seen = transform_points(cam_from_clip, points[points.isfinite().all(-1)].double())
    flat = seen[:, :2] / seen[:, 2:]
    low2, high2 = flat.amin(0), flat.amax(0)
    span = (high2 - low2).clamp(min=0.05) * (1 + 2 * margin)
    focal = float(torch.minimum(size[1] / span[0], size[0] / span[1]))
    centre = (low2 + high2) / 2
    image = (torch.tensor([size[1], size[0]], dtype=torch.float64) - 1) / 2 - focal * centre
    base = Camera.from_intrinsics(size, focal, (float(image[0]), float(image[1])))
    return Camera(base.intrinsics, cam_from_clip.float(), base.distortion, size)


def _look_from(yaw: float, elevation: float) -> Float[Tensor, "3 3"]:
    """Rows right, down, forward of a camera that looks at the origin of a y-up world."""
    angle = torch.tensor([yaw, elevation], dtype=torch.float64)
    (sy, se), (cy, ce) = angle.sin(), angle.cos()
    forward = -torch.stack([sy * ce, se, cy * ce])
    right = torch.stack([cy, torch.zeros_like(cy), -sy])
    return torch.stack([right, torch.linalg.cross(forward, right), forward])
