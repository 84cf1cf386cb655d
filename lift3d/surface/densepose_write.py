"""Writes maps as `apply_net.py dump` does, without detectron2: the layout of `densepose_dump`."""

from collections.abc import Sequence
from os import PathLike

import torch

from lift3d.surface.densepose_dump import CHART_MODULE, PictureMaps
from lift3d.surface.quantised import bytes_of_map
from lift3d.surface.surface_map import SurfaceMap
from lift3d.surface.torch_zip import NamedObject, write_torch_zip

__all__ = ["write_densepose_dump"]


def write_densepose_dump(
    path: str | PathLike[str], pictures: Sequence[PictureMaps], *, quantised: bool = False
) -> None:
    """Write a file that `torch.load` reads where detectron2's DensePose is installed.

    `quantised` keeps a byte a number: a ninth of the size, U and V to 1/510, without doubt. Raises
    `OutputError`.
    """
    write_torch_zip(path, [_picture(picture, quantised) for picture in pictures])


def _picture(picture: PictureMaps, quantised: bool) -> dict[str, object]:
    corners = [torch.cat([p.box[:2], p.box[:2] + p.box[2:]]) for p in picture.people]
    form = _quantised if quantised else _chart
    return {
        "file_name": picture.file_name,
        "scores": torch.tensor([person.score for person in picture.people]),
        "pred_boxes_XYXY": torch.stack(corners).float() if corners else torch.zeros(0, 4),
        "pred_densepose": [form(person) for person in picture.people],
    }


def _quantised(person: SurfaceMap) -> NamedObject:
    layers = torch.from_numpy(bytes_of_map(person))
    return NamedObject(CHART_MODULE, "DensePoseChartResultQuantized", {"labels_uv_uint8": layers})


def _chart(person: SurfaceMap) -> NamedObject:
    fields: dict[str, object] = {"labels": person.part.long(), "uv": person.uv.float()}
    if person.doubt is None:
        return NamedObject(CHART_MODULE, "DensePoseChartResult", fields)
    fields |= {
        "sigma_1": None,
        "sigma_2": person.doubt.sigma.float().square(),
        "kappa_u": person.doubt.kappa[0].float(),
        "kappa_v": person.doubt.kappa[1].float(),
        "fine_segm_confidence": None,
        "coarse_segm_confidence": None,
    }
    return NamedObject(CHART_MODULE, "DensePoseChartResultWithConfidences", fields)
