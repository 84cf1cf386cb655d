"""Surface maps as an `.npz` file of plain arrays: `numpy.load(path)` reads it, without pickle.

Axes: people P, cells of all grids one after the other C.

| key | shape | what |
|---|---|---|
| `format_version` | () | 1 |
| `grids` | P 2 | rows and columns of each person's grid |
| `boxes` | P 4 | left, top, width, height in pixels, counted from the picture's corner |
| `scores` | P | how sure the detector was |
| `image_size` | 2 | (height, width); 0, 0 where unknown |
| `part` | C | 0 nobody, 1 to 24 DensePose's parts, row by row |
| `uv` | 2 C | U and V in [0, 1] |
| `sigma`, `kappa` | C, 2 C | covariance sigma^2 I + kappa kappa^T of U and V; NaN where unknown |
"""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy import ndarray

from lift3d.errors import FileFormatError, InputError
from lift3d.io.files.atomic import atomic_path
from lift3d.io.files.plain_npz import check_arrays, load_arrays
from lift3d.surface.surface_map import SurfaceDoubt, SurfaceMap

__all__ = ["FORMAT_VERSION", "read_map_npz", "write_map_npz"]

FORMAT_VERSION: Final = 1
_SHAPES: Final = {
    "grids": ("iu", "P 2"),
    "boxes": ("f", "P 4"),
    "scores": ("f", "P"),
    "image_size": ("iu", "2"),
    "part": ("u", "C"),
    "uv": ("f", "2 C"),
    "sigma": ("f", "C"),
    "kappa": ("f", "2 C"),
}


def write_map_npz(path: str | PathLike[str], maps: Sequence[SurfaceMap]) -> None:
    """Write the people of one picture. Raises `InputError` for people of different pictures' sizes."""
    sizes = {one.image_size for one in maps}
    if len(sizes) > 1:
        raise InputError(
            f"expected people of one picture, got pictures of {len(sizes)} sizes: write a file each"
        )
    nothing = [np.zeros((2, 0), np.float32)]
    doubts = [_doubt(one) for one in maps]
    arrays: dict[str, Any] = {
        "format_version": np.array(FORMAT_VERSION),
        "grids": np.array([one.part.shape for one in maps], np.int64).reshape(-1, 2),
        "boxes": np.array([one.box.tolist() for one in maps], np.float64).reshape(-1, 4),
        "scores": np.array([one.score for one in maps], np.float64),
        "image_size": np.array((sizes.pop() if sizes else None) or (0, 0), np.int64),
        "part": _flat([one.part.cpu().numpy().astype(np.uint8) for one in maps]),
        "uv": np.concatenate(nothing + [_rows(one.uv) for one in maps], 1),
        "sigma": np.concatenate([n[0] for n in nothing] + [rows[0] for rows in doubts]),
        "kappa": np.concatenate(nothing + [rows[1:] for rows in doubts], 1),
    }
    with atomic_path(path) as partial, partial.open("wb") as file:
        np.savez_compressed(file, **arrays)


def read_map_npz(path: str | PathLike[str]) -> tuple[SurfaceMap, ...]:
    """The people of one picture. Raises `FileFormatError`."""
    arrays = load_arrays(Path(path))
    check_arrays(arrays, FORMAT_VERSION, _SHAPES, Path(path))
    grids = arrays["grids"].astype(np.int64)
    cells = grids.prod(1)
    if not (grids > 0).all() or cells.sum() != len(arrays["part"]):
        raise FileFormatError(
            f"expected grids of {len(arrays['part'])} cells in '{path}', got {int(cells.sum())}: write "
            "it again"
        )
    height, width = (int(n) for n in arrays["image_size"])
    ends = np.cumsum(cells)
    try:
        return tuple(
            _person(arrays, person, slice(end - count, end), (height, width) if height else None)
            for person, (end, count) in enumerate(zip(ends, cells, strict=True))
        )
    except InputError as error:
        raise FileFormatError(
            f"expected surface maps in '{path}', got others ({error}): write it again"
        ) from error


def _person(
    arrays: dict[str, ndarray], person: int, cells: slice, size: tuple[int, int] | None
) -> SurfaceMap:
    rows, columns = (int(n) for n in arrays["grids"][person])

    def grid(values: ndarray) -> torch.Tensor:
        return torch.from_numpy(np.array(values)).reshape(*values.shape[:-1], rows, columns)

    sigma = grid(arrays["sigma"][cells].astype(np.float32))
    kappa = grid(arrays["kappa"][:, cells].astype(np.float32))
    return SurfaceMap(
        grid(arrays["part"][cells].astype(np.int64)),
        grid(arrays["uv"][:, cells].astype(np.float32)),
        torch.from_numpy(arrays["boxes"][person].astype(np.float32)),
        size,
        float(arrays["scores"][person]),
        None if bool(sigma.isnan().all()) else SurfaceDoubt(sigma, kappa),
    )


def _flat(grids: list[ndarray]) -> ndarray:
    return np.concatenate([np.zeros(0, np.uint8), *(grid.ravel() for grid in grids)])


def _rows(layers: torch.Tensor) -> ndarray:
    return layers.detach().cpu().float().flatten(1).numpy()


def _doubt(surface: SurfaceMap) -> ndarray:
    if surface.doubt is None:
        return np.full((3, surface.part.numel()), np.nan, np.float32)
    return _rows(torch.cat([surface.doubt.sigma[None], surface.doubt.kappa]))
