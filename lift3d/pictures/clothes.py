"""Clothes by part of the body: a small table of colours, for bodies of any model.

Colours are display RGB in [0, 255] here, and linear RGB in [0, 1] where a renderer takes them.
"""

from dataclasses import dataclass
from typing import Final, Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lift3d.body import Surface
from lift3d.pictures.theme import DARK, RGB, person_colors

__all__ = ["OUTFITS", "Garment", "Outfit", "dressed"]

Outfit = Literal["own", "none", "sporty", "casual", "suit", "parts"]
"""`own` are the model's colours, `none` is plain clay, `parts` gives each part a colour of its own."""

_TOP: Final = ("spine", "collar", "shoulder")
_BOTTOM: Final = ("pelvis", "hip")
_SHOES: Final = ("ankle", "foot")
_SKIN: Final[RGB] = (198, 148, 122)
_CLAY: Final[RGB] = (176, 178, 184)
_PLAIN: Final = 1e-3  # spread of the colours of a model that has only one
_NOT_SKIN: Final = 0.12
_BAND: Final = 0.12  # of skinning weight, over which one colour goes over into the next


@dataclass(frozen=True, slots=True)
class Garment:
    """What covers `parts` in a colour; where a model wears clothes of its own, `own` is theirs.

    Parts are told by what their names hold. `beyond` are parts that are covered also where the
    model's own garment leaves them bare.
    """

    color: RGB
    own: tuple[str, ...]
    beyond: tuple[str, ...] = ()


OUTFITS: Final[dict[str, tuple[Garment, ...]]] = {
    "sporty": (
        Garment((38, 42, 56), _BOTTOM),
        Garment((214, 62, 48), _TOP),
        Garment((232, 232, 228), _SHOES),
    ),
    "casual": (
        Garment((58, 78, 116), _BOTTOM, (*_BOTTOM, "knee", "ankle")),
        Garment((94, 140, 126), _TOP, (*_TOP, "elbow")),
        Garment((120, 82, 58), _SHOES),
    ),
    "suit": (
        Garment((46, 49, 60), _BOTTOM, (*_BOTTOM, "knee", "ankle")),
        Garment((58, 63, 80), _TOP, (*_TOP, "elbow")),
        Garment((28, 26, 26), _SHOES),
    ),
}
"""What is put on, in this order: trousers, top, shoes."""


def dressed(surface: Surface, outfit: Outfit, person: int = 0) -> Float[Tensor, "vertices 3"]:
    """Linear RGB per vertex for the n-th person of a clip; tops differ from person to person.

    Skin, hair and eyes stay as the model has them; a model of one colour gets the colour of skin.
    """
    if outfit == "own":
        return surface.colors
    if outfit == "parts":
        return _by_part(surface)
    if outfit == "none":
        clay = _CLAY if person == 0 else person_colors(person, DARK).right
        return _linear(clay).expand(len(surface.colors), 3).clone()
    return _worn(surface, OUTFITS[outfit], person)


def _worn(
    surface: Surface, garments: tuple[Garment, ...], person: int
) -> Float[Tensor, "vertices 3"]:
    plain = float(surface.colors.std(0).max()) < _PLAIN
    bare = _linear(_SKIN).expand_as(surface.colors) if plain else _without_clothes(surface)
    clothed = not plain and bool((_look_of(surface, _TOP) - _skin(surface)).abs().max() > _NOT_SKIN)
    colors, dressed_already = bare.clone(), (surface.colors - bare).abs().amax(-1) > _NOT_SKIN
    for garment in garments:
        top = garment.own == _TOP
        color = person_colors(person, DARK).right if top and person else garment.color
        share = _share(surface, garment.beyond or garment.own)[:, None]
        if clothed:
            own = dressed_already & _of_garment(surface, garment)
            share = share * bool(garment.beyond) * ~dressed_already[:, None]
            share = torch.maximum(share, own[:, None].to(share))
        colors = colors + (_linear(color) - colors) * share
    return colors


def _linear(color: RGB) -> Float[Tensor, "3"]:
    return (torch.tensor(color) / 255) ** 2.2


def _without_clothes(surface: Surface) -> Float[Tensor, "vertices 3"]:
    """The model's colours with the hands' skin everywhere but on the head."""
    colors = surface.colors.clone()
    colors[_share(surface, ("head",)) < 0.5] = _skin(surface)
    return colors


def _skin(surface: Surface) -> Float[Tensor, "3"]:
    return _look_of(surface, ("hand", "wrist"))


def _of_garment(surface: Surface, garment: Garment) -> Bool[Tensor, " vertices"]:
    """Which vertices look like the model's own clothes in the middle of a garment's parts.

    The hem of a shirt hangs over hips: colours tell a garment better than parts do.
    """
    looks = torch.stack([_look_of(surface, words) for words in (_TOP, _BOTTOM, _SHOES)])
    nearest = torch.cdist(surface.colors, looks).argmin(-1)
    return nearest == (_TOP, _BOTTOM, _SHOES).index(garment.own)


def _look_of(surface: Surface, words: tuple[str, ...]) -> Float[Tensor, "3"]:
    """The commonest colour of a garment: that of its first part, which is wholly covered."""
    first = words[1:] if words is _SHOES else words[:1]  # shoes may leave ankles bare
    where = _share(surface, first) > 0.5
    return surface.colors[where if bool(where.any()) else slice(None)].median(0).values


def _share(surface: Surface, words: tuple[str, ...]) -> Float[Tensor, " vertices"]:
    """How much of each vertex belongs to the parts whose names hold one of the words, 0 to 1.

    By skinning weights, which make smoother borders than triangles, where parts are joints.
    """
    wanted = torch.tensor([any(word in part for word in words) for part in surface.part_names])
    if surface.lbs_weights.shape[1] != len(surface.part_names):
        return wanted.float()[_owner(surface)]
    weight = surface.lbs_weights[:, wanted].sum(-1)
    return ((weight - 0.5) / _BAND + 0.5).clamp(0, 1)


def _owner(surface: Surface) -> Tensor:
    """The part of each vertex: the one that most of its triangles belong to."""
    votes = torch.zeros(len(surface.colors), max(1, len(surface.part_names)))
    corners = surface.faces.long().reshape(-1)
    parts = surface.parts.long().repeat_interleave(3)
    votes.index_put_((corners, parts), torch.ones(len(corners)), accumulate=True)
    return votes.argmax(-1)


def _by_part(surface: Surface) -> Float[Tensor, "vertices 3"]:
    wheel = torch.arange(max(1, len(surface.part_names))) * 0.618034 % 1
    hue = wheel[:, None] * 6 - torch.tensor([3.0, 2.0, 4.0])
    saw = torch.tensor([1.0, -1.0, -1.0]) * hue.abs() + torch.tensor([-1.0, 2.0, 2.0])
    display = 0.25 + 0.7 * saw.clamp(0, 1)
    return (display**2.2)[_owner(surface)].to(surface.colors)
