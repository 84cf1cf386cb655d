"""What a DensePose-style network says of a person: a part of the surface, U and V for each pixel."""

from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from lift3d.errors import InputError

__all__ = ["PARTS", "SurfaceDoubt", "SurfaceMap"]

PARTS: Final = 24


@dataclass(frozen=True, slots=True)
class SurfaceDoubt:
    """How uncertain U and V are: their covariance is sigma^2 I + kappa kappa^T, in units of U and V.

    The anisotropic model of N. Neverova, D. Novotny, A. Vedaldi: Correlated uncertainty for learning
    dense correspondences from noisy labels, NeurIPS 2019. `kappa` is 0 in the isotropic one.
    """

    sigma: Float[Tensor, "height width"]
    kappa: Float[Tensor, "2 height width"]

    def __post_init__(self) -> None:
        if self.kappa.shape != (2, *self.sigma.shape) or not bool((self.sigma > 0).all()):
            raise InputError(
                f"expected sigma above 0 and kappa [2 {' '.join(map(str, self.sigma.shape))}], got "
                f"kappa {list(self.kappa.shape)}: give zeros where there is none"
            )


@dataclass(frozen=True, slots=True)
class SurfaceMap:
    """One person's part (0 nobody, 1 to 24), U and V in [0, 1] on a grid over a box of the picture.

    `box` is left, top, width and height in pixels, counted from the picture's corner, as COCO's are.
    Cell (row, column) of the grid lies at the pixel left + (column + 1/2) width / columns - 1/2, and
    likewise downwards. `image_size` is (height, width), or None where nobody says it. U and V mean
    nothing where the part is 0.
    """

    part: Int[Tensor, "height width"]
    uv: Float[Tensor, "2 height width"]
    box: Float[Tensor, "4"]
    image_size: tuple[int, int] | None = None
    score: float = 1.0
    doubt: SurfaceDoubt | None = None

    def __post_init__(self) -> None:
        shape = self.part.shape
        if len(shape) != 2 or 0 in shape or self.uv.shape != (2, *shape) or self.box.shape != (4,):
            raise InputError(
                "expected a part [height width], U and V [2 height width] and a box of four numbers, "
                f"got {list(shape)}, {list(self.uv.shape)} and {list(self.box.shape)}: give one grid"
            )
        if self.part.is_floating_point() or not 0 <= int(self.part.min()) <= self._largest <= PARTS:
            raise InputError(
                f"expected whole numbers from 0 to {PARTS} as parts, got {self.part.dtype} up to "
                f"{float(self.part.max()):g}: give DensePose's labels"
            )
        here = self.uv[:, self.seen]
        if not bool(((here >= 0) & (here <= 1)).all()):
            raise InputError("expected U and V from 0 to 1 on the body, got others: clamp them")
        if not bool(self.box.isfinite().all()) or not bool((self.box[2:] > 0).all()):
            raise InputError(
                f"expected a box of some width and height, got {self.box.tolist()}: give left, top, "
                "width and height"
            )
        if self.doubt is not None and self.doubt.sigma.shape != shape:
            raise InputError(
                f"expected doubt on the grid {list(shape)}, got {list(self.doubt.sigma.shape)}: give "
                "one for each cell"
            )

    @classmethod
    def over_picture(
        cls, part: Int[Tensor, "height width"], uv: Float[Tensor, "2 height width"]
    ) -> "SurfaceMap":
        """A map whose grid is the picture."""
        height, width = part.shape
        box = torch.tensor([0.0, 0.0, width, height])
        return cls(part, uv, box, (height, width))

    @property
    def _largest(self) -> int:
        return int(self.part.max())

    @property
    def seen(self) -> Bool[Tensor, "height width"]:
        """Where the person is."""
        return self.part > 0

    @property
    def pixels(self) -> Float[Tensor, "height width 2"]:
        """Where in the picture each cell lies (pixels)."""
        rows, columns = self.part.shape
        left, top, width, height = self.box.unbind()
        x = left + (torch.arange(columns) + 0.5) * width / columns - 0.5
        y = top + (torch.arange(rows) + 0.5) * height / rows - 0.5
        return torch.stack(torch.meshgrid(x, y, indexing="xy"), -1)

    def on_picture(self, image_size: tuple[int, int] | None = None) -> "SurfaceMap":
        """The same on the grid of the picture (height, width): each pixel takes the cell it lies in.

        Raises `InputError` where neither the map nor the caller says the picture's size.
        """
        size = image_size or self.image_size
        if size is None:
            raise InputError(
                "expected the picture's size (height, width), got none: give image_size"
            )
        rows, columns = self.part.shape
        left, top, width, height = self.box.tolist()
        y = ((torch.arange(size[0]) + 0.5 - top) * rows / height).floor().long()
        x = ((torch.arange(size[1]) + 0.5 - left) * columns / width).floor().long()
        inside = ((y >= 0) & (y < rows))[:, None] & ((x >= 0) & (x < columns))[None]
        at = (y.clamp(0, rows - 1)[:, None], x.clamp(0, columns - 1)[None])
        part = torch.where(inside, self.part[at], torch.zeros_like(self.part[:1, :1]))
        uv = torch.where(inside, self.uv[:, at[0], at[1]], torch.zeros_like(self.uv[:, :1, :1]))
        doubt = self.doubt
        if doubt is not None:
            doubt = SurfaceDoubt(doubt.sigma[at], doubt.kappa[:, at[0], at[1]])
        box = torch.tensor([0.0, 0.0, size[1], size[0]])
        return SurfaceMap(part, uv, box, size, self.score, doubt)
