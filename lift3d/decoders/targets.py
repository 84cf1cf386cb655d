"""The maps that a perfect network would give: Gaussians at joints, fields along limbs.

Gaussians stand at the joints themselves, not at rounded pixels (the unbiased encoding of Zhang et
al., DARK, CVPR 2020, section 3.2), and may have a width of their own each (Luo et al., Rethinking the
Heatmap Regression, CVPR 2021). Limb fields are Cao et al.'s (Realtime Multi-Person 2D Pose
Estimation using Part Affinity Fields, CVPR 2017), eq. 8 and 9.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.decoders.limbs import LimbModel
from lift3d.errors import InputError

__all__ = ["gaussian_maps", "limb_fields"]


def gaussian_maps(
    keypoints: Float[Tensor, "*batch joints 2"],
    map_size: tuple[int, int],
    sigma: float | Float[Tensor, "*#batch #joints"] = 2.0,
) -> Float[Tensor, "*batch joints height width"]:
    """exp(-|p - joint|^2 / 2 sigma^2) at each pixel p of (height, width); 0 for a missing joint (NaN).

    `sigma` in heat-map pixels. The largest of several people's maps is what networks learn:
    `gaussian_maps(people, size).amax(0)`.

    Raises `InputError` for a sigma of 0 or below.
    """
    widths = torch.as_tensor(sigma, dtype=keypoints.dtype, device=keypoints.device)
    if not bool((widths > 0).all()):
        raise InputError(f"expected a sigma above 0, got {widths.min():g}: 2 is usual")
    xs, ys = (
        torch.arange(n, dtype=keypoints.dtype, device=keypoints.device) for n in map_size[::-1]
    )
    scale = -0.5 / widths.square()
    along, down = (
        torch.exp((pixels - keypoints[..., axis, None]).square() * scale[..., None])
        for axis, pixels in enumerate((xs, ys))
    )
    return (down[..., :, None] * along[..., None, :]).nan_to_num(0.0)


def limb_fields(
    people: Float[Tensor, "people joints 2"],
    model: LimbModel,
    map_size: tuple[int, int],
    half_width: float = 1.0,
) -> Float[Tensor, "fields height width"]:
    """On the pixels of each limb the unit vector along it, averaged over the people who have one there.

    A pixel belongs to a limb if it lies beside it, at most `half_width` heat-map pixels away. Limbs
    with a missing end (NaN) are left out. Fields stand in the model's order, x and y in turn.
    """
    fields = people.new_zeros(2 * len(model.pairs), *map_size)
    for (first, second), place in zip(model.pairs, model.fields, strict=True):
        fields[place : place + 2] = _field(
            people[:, first], people[:, second], map_size, half_width
        )
    return fields


def _field(
    starts: Float[Tensor, "people 2"],
    ends: Float[Tensor, "people 2"],
    map_size: tuple[int, int],
    half_width: float,
) -> Float[Tensor, "2 height width"]:
    length = torch.linalg.vector_norm(ends - starts, dim=-1)[:, None, None]
    along = (ends - starts)[:, :, None, None] / length[:, None]
    ys, xs = torch.meshgrid(
        *(torch.arange(n, dtype=starts.dtype, device=starts.device) for n in map_size),
        indexing="ij",
    )
    x, y = xs - starts[:, 0, None, None], ys - starts[:, 1, None, None]
    forward = x * along[:, 0] + y * along[:, 1]
    aside = (x * along[:, 1] - y * along[:, 0]).abs()
    on = (forward >= 0) & (forward <= length) & (aside <= half_width)
    total = torch.where(on[:, None], along, 0.0).sum(0)
    field: Tensor = total / on.sum(0).clamp(min=1)
    return field
