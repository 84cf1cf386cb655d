"""What the verb `texture` does: pictures of a person and their surface maps to a texture."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import torch

from lift3d.body import BodyParams
from lift3d.cli.console import show_table
from lift3d.cli.verbs import check_place
from lift3d.errors import FileFormatError, InputError
from lift3d.pictures import write_png
from lift3d.pictures.picture_files import read_picture
from lift3d.pipeline import make_body
from lift3d.surface.atlas import atlas_of
from lift3d.surface.atlas_picture import rebaked
from lift3d.surface.densepose_dump import read_densepose_dump
from lift3d.surface.iuv_png import read_iuv_png
from lift3d.surface.lookup import lookup_of
from lift3d.surface.map_npz import read_map_npz
from lift3d.surface.mirror import mirror_of
from lift3d.surface.surface_map import SurfaceMap
from lift3d.surface.unwrapping import filled, merged, unwrapped

__all__ = ["make_texture", "read_maps"]

_SIDE: Final = 1024
_LARGEST_TILE: Final = 1024


def make_texture(
    pictures: Sequence[Path],
    maps: Sequence[Path],
    output: Path,
    *,
    person: int = 0,
    tile: int = 200,
    own_layout: bool = False,
) -> None:
    """Unwrap, merge, fill up and write a texture; a table says how much of the skin was seen.

    Raises `InputError` and its kin for files that do not belong together.
    """
    if len(pictures) != len(maps) or not pictures:
        raise InputError(
            f"expected a file of maps for each picture, got {len(maps)} for {len(pictures)}: give them "
            "in the same order"
        )
    if not 8 <= tile <= _LARGEST_TILE:
        raise InputError(
            f"expected tiles of 8 to {_LARGEST_TILE} texels, got {tile}: correct --tile"
        )
    if output.suffix.lower() != ".png":
        raise InputError(f"expected an output that ends in .png, got '{output.name}': rename it")
    check_place(output)
    body = make_body("default", None)
    lookup = lookup_of(atlas_of(body))
    parts = [
        unwrapped(
            read_picture(picture), _of_person(read_maps(place, picture.name), person, place), tile
        )
        for picture, place in zip(pictures, maps, strict=True)
    ]
    still = torch.zeros(len(body.skeleton), 3)
    betas = torch.zeros(body.articulation.joints_shapedirs.shape[-1])
    rest = body(BodyParams(betas, still[1:], still[0], still[0])).vertices
    both = merged(parts)
    whole = filled(both, lookup, mirror_of(lookup, rest))
    if own_layout:
        write_png(output, rebaked(whole, lookup.atlas, body.surface, _SIDE))
    else:
        write_png(output, whole.picture)
    seen = f"{100 * float((both.weight > 0).mean()):.0f} % of the tiles"
    show_table("written", ("file", "size", "seen"), [(str(output), _size(output), seen)])


def read_maps(path: Path, picture: str) -> tuple[SurfaceMap, ...]:
    """The people of one picture out of an IUV picture, an .npz of ours, or a dump of DensePose.

    Of a dump's pictures that of the same file name counts, or the only one. Raises `FileFormatError`.
    """
    if path.suffix.lower() == ".png":
        return (read_iuv_png(path),)
    if path.suffix.lower() == ".npz":
        return read_map_npz(path)
    found = read_densepose_dump(path)
    named = [one for one in found if Path(one.file_name).name == picture]
    if not named and len(found) != 1:
        raise FileFormatError(
            f"expected the picture '{picture}' in '{path}', got {len(found)} others: name its file as "
            "it was when it was dumped"
        )
    return (named or list(found))[0].people


def _of_person(people: tuple[SurfaceMap, ...], person: int, path: Path) -> SurfaceMap:
    if not 0 <= person < len(people):
        raise InputError(
            f"expected a person from 0 to {len(people) - 1} in '{path}', got {person}: correct --person"
        )
    return people[person]


def _size(path: Path) -> str:
    return f"{path.stat().st_size / 1000:.0f} kB"
