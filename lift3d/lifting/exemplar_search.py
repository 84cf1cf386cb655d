"""The nearest of many pictures of people to one of which only some keypoints are seen.

Pictures are compared after the best shift and scale, over the seen keypoints only. With both shapes
centred on their seen keypoints and q of unit length, the best scale leaves the squared distance
1 - c^2, c = (q . e) / |e|: the larger c, the nearer. c of all pictures is a few matrix products.
"""

from collections import Counter, OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

__all__ = ["Nearest", "PictureSearch"]

_FRAMES, _VIEWS = 64, 8192
"""Rows and columns of a block of similarities: 2 MB, which stay in a processor's cache."""
_SMALLEST: Final = 1e-4
"""Squared length below which a shape is a point; whole pictures have 1."""
# The tree holds the principal directions, which have 95 % of the variance; more make it slow. With
# these values it costs less than 1 mm against exact search and is five to ten times as fast.
_DIRECTIONS, _CANDIDATES, _SLACK = 12, 128, 1.0
_TREE_FRAMES: Final = 32
"""A tree is planted for a set of keypoints once so many frames had it, while there is room."""
_TREES: Final = 4
_NEW_TREE_FRAMES: Final = 1000
"""In place of an old tree when so many frames of one call have it: planting costs as much as those."""
_REMEMBERED: Final = 1000
_GROUP: Final = 64


@dataclass(frozen=True, slots=True)
class Nearest:
    """Numbers of pictures, nearest first, and their squared distances between unit shapes (2 - 2c)."""

    index: Int[Tensor, "frames count"]
    distance: Float[Tensor, "frames count"]


@dataclass(frozen=True, slots=True)
class _Tree:
    tree: Any
    mean: Tensor
    directions: Tensor

    def candidates(self, shapes: Tensor, count: int) -> Tensor:
        rows = ((shapes - self.mean) @ self.directions).numpy()
        return torch.from_numpy(self.tree.query(rows, k=count, eps=_SLACK)[1])


class PictureSearch:
    """Search among pictures, exact or through a k-d tree.

    A tree belongs to one set of seen keypoints: those that occur often get one, up to four. All other
    frames are searched exactly in either mode.
    """

    def __init__(self, pictures: Float[Tensor, "views inputs 2"]) -> None:
        self._joints = pictures.shape[1]
        everything = torch.ones(1, self._joints, dtype=torch.bool)
        # One row per number: a single frame then reads memory in the order that it lies in.
        self._shapes = _unit(_flat(pictures), everything).T.contiguous()  # [numbers views]
        x, y = self._shapes[: self._joints], self._shapes[self._joints :]
        self._squares = x * x + y * y
        self._trees: OrderedDict[bytes, _Tree] = OrderedDict()
        self._met: Counter[bytes] = Counter()

    def __len__(self) -> int:
        return self._shapes.shape[1]

    def __call__(
        self,
        points: Float[Tensor, "frames inputs 2"],
        seen: Bool[Tensor, "frames inputs"],
        count: int,
        *,
        approximate: bool = False,
    ) -> Nearest:
        """The nearest `count` pictures (or all there are); at least two keypoints must be seen."""
        count = min(count, len(self))
        query = _unit(_flat(points), seen)
        index = torch.zeros(len(query), count, dtype=torch.long)
        cosine = torch.zeros(len(query), count)
        left = torch.ones(len(query), dtype=torch.bool)
        if approximate and max(count, _CANDIDATES) <= len(self):
            for rows in self._frequent(seen):
                cosine[rows], index[rows] = self._by_tree(query[rows], seen[rows[0]], count)
                left[rows] = False
        for rows in torch.split(torch.nonzero(left)[:, 0], _FRAMES):
            if len(rows):
                cosine[rows], index[rows] = self._exact(query[rows], seen[rows], count)
        return Nearest(index, 2 - 2 * cosine.clamp(max=1))

    def _exact(self, query: Tensor, seen: Tensor, count: int) -> tuple[Tensor, Tensor]:
        """Lengths of shapes depend on which keypoints are seen, hence once for each such set."""
        sets, which = torch.unique(seen, dim=0, return_inverse=True)
        masks = sets.to(query.dtype)
        share = 1 / masks.sum(1, keepdim=True).clamp(min=1)
        values, places = [], []
        for start in range(0, len(self), _VIEWS):
            block = slice(start, start + _VIEWS)
            x, y = torch.split(self._shapes[:, block], self._joints)
            lengths = (
                masks @ self._squares[:, block] - ((masks @ x) ** 2 + (masks @ y) ** 2) * share
            )
            scale = lengths.clamp(min=_SMALLEST).rsqrt()
            cosine = query @ self._shapes[:, block]
            cosine *= scale if len(sets) == 1 else scale[which]
            value, place = _largest(cosine, min(count, cosine.shape[1]))
            values.append(value)
            places.append(place + start)
        best, at = torch.cat(values, 1).topk(count, 1)
        return best, torch.cat(places, 1).gather(1, at)

    def _frequent(self, seen: Tensor) -> Iterator[Int[Tensor, " rows"]]:
        """Rows of each set of keypoints that has a tree or gets one, the most frequent set first."""
        sets, which, counts = torch.unique(seen, dim=0, return_inverse=True, return_counts=True)
        for number in counts.argsort(descending=True, stable=True).tolist():
            mask = sets[number]
            if int(mask.sum()) > 1 and self._worth_a_tree(_key(mask), int(counts[number])):
                yield torch.nonzero(which == number)[:, 0]

    def _worth_a_tree(self, key: bytes, frames: int) -> bool:
        if len(self._met) > _REMEMBERED:
            self._met.clear()
        self._met[key] += frames
        room = len(self._trees) < _TREES and self._met[key] >= _TREE_FRAMES
        return key in self._trees or room or frames >= _NEW_TREE_FRAMES

    def _by_tree(self, query: Tensor, mask: Tensor, count: int) -> tuple[Tensor, Tensor]:
        both = mask.repeat(2)
        tree = self._tree(mask)
        values, places = [], []
        for part in torch.split(query, _FRAMES):
            found = tree.candidates(part[:, both], max(count, _CANDIDATES))
            shapes = _unit(self._shapes[:, found].movedim(0, -1), mask)
            value, at = (shapes @ part[..., None])[..., 0].topk(count, 1)
            values.append(value)
            places.append(found.gather(1, at))
        return torch.cat(values), torch.cat(places)

    def _tree(self, mask: Tensor) -> _Tree:
        key = _key(mask)
        if key not in self._trees:
            while len(self._trees) >= _TREES:
                self._trees.popitem(last=False)
            self._trees[key] = _planted(_unit(self._shapes.T, mask)[:, mask.repeat(2)])
        self._trees.move_to_end(key)
        return self._trees[key]


def _key(mask: Tensor) -> bytes:
    return mask.numpy().tobytes()


def _largest(values: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """`topk` over columns, in a third of the time: the `count` best lie in the `count` best groups."""
    groups = torch.nn.functional.pad(values, (0, -values.shape[1] % _GROUP), value=-torch.inf)
    groups = groups.reshape(len(groups), groups.shape[1] // _GROUP, _GROUP)
    _, chosen = groups.amax(2).topk(min(count, groups.shape[1]), 1, sorted=False)
    few = groups.gather(1, chosen[..., None].expand(-1, -1, _GROUP)).flatten(1)
    best, at = few.topk(count, 1)
    return best, chosen.gather(1, at // _GROUP) * _GROUP + at % _GROUP


def _planted(shapes: Float[Tensor, "views numbers"]) -> _Tree:
    """A tree over the principal directions of shapes."""
    mean = shapes.mean(0)
    away = shapes - mean
    _, vectors = torch.linalg.eigh(away.T @ away)
    directions = vectors[:, -_DIRECTIONS:]
    # Without balancing the tree is built five times as fast and found through as quickly.
    from scipy.spatial import cKDTree  # `import lift3d` need not wait for it

    tree = cKDTree((away @ directions).numpy(), 32, compact_nodes=False, balanced_tree=False)
    return _Tree(tree, mean, directions)


def _flat(points: Float[Tensor, "*rows inputs 2"]) -> Float[Tensor, "*rows numbers"]:
    """All x, then all y."""
    return points.mT.flatten(-2)


def _unit(
    flat: Float[Tensor, "*rows numbers"], seen: Bool[Tensor, "*#rows inputs"]
) -> Float[Tensor, "*rows numbers"]:
    """Shapes about the middle of what is seen, of length 1, and 0 where nothing is."""
    mask = seen.to(flat.dtype)
    points = flat.reshape(*flat.shape[:-1], 2, flat.shape[-1] // 2)  # [*rows 2 inputs]
    weights = mask[..., None, :]
    middle = (points * weights).sum(-1, keepdim=True) / weights.sum(-1, keepdim=True).clamp(min=1)
    return torch.nn.functional.normalize(((points - middle) * weights).flatten(-2), dim=-1)
