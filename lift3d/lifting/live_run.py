"""The temporal network frame by frame: each layer keeps the inputs that it will need again.

A new frame costs one pass through each layer, whatever the reach of the network.
"""

from collections import deque
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from lift3d.lifting.packed_temporal import PackedTemporal
from lift3d.lifting.temporal_net import (
    ClipNumbers,
    clip_inputs,
    corrected,
    said_of,
)
from lift3d.lifting.universal_net import Answer, mirrored_view
from lift3d.lifting.view import View

__all__ = ["Run"]


class Run:
    """Frames at about the network's rate, with the mirror image beside them where `flip` is set."""

    def __init__(self, packed: PackedTemporal, *, flip: bool) -> None:
        self._packed, self._flip = packed, flip
        parts = zip(packed.layers, packed.residual, packed.config.reaches, strict=True)
        self._layers = [_Kept(*part) for part in parts]
        self._asked: deque[tuple[ClipNumbers, View, Tensor]] = deque()
        self._said: dict[int, Answer] = {}
        self._count = 0

    def push(self, view: View, *, enough: bool) -> None:
        """The next frame: its view from the camera that `bridged` turns, empty where not `enough`."""
        both = _beside(view, mirrored_view(view)) if self._flip else view
        there = torch.full((len(both),), enough)
        single, features = clip_inputs(self._packed, both, there, 1)
        self._asked.append((single, both, there))
        self._through(features[:, 0], 0)

    def finish(self) -> None:
        """The last frame was pushed: for the network it stands still from now on."""
        for at, kept in enumerate(self._layers):
            for hidden in kept.finish():
                self._through(hidden, at + 1)

    def answer(self, frame: int) -> Answer | None:
        """What is said of a frame, where that is known by now; frames before it are forgotten."""
        for old in [number for number in self._said if number < frame]:
            del self._said[old]
        return self._said.pop(frame, None)

    def _through(self, hidden: Float[Tensor, "sides numbers"], start: int) -> None:
        for kept in self._layers[start:]:
            after = kept.push(hidden)
            if after is None:
                return
            hidden = after
        single, view, there = self._asked.popleft()
        said = corrected(single, self._packed.head(hidden)[:, None])
        answer = said_of(self._packed, said, view, there)
        self._said[self._count] = (
            answer[:1].mean_with_mirrored(answer[1:]) if self._flip else answer
        )
        self._count += 1


class _Kept:
    """A layer over time with the inputs that it still needs."""

    def __init__(
        self, layer: Callable[[Tensor], Tensor], residual: bool, reach: tuple[int, int, int]
    ) -> None:
        first, middle, last = reach
        self._layer, self._residual = layer, residual
        self._ahead, self._back = last, -first
        self._three = (0, middle - first, last - first)
        self._inputs: deque[Tensor] = deque(maxlen=last - first + 1)

    def push(self, hidden: Tensor) -> Tensor | None:
        """The next input; the output of the frame whose last input this is, if there is one."""
        if not self._inputs:  # before the first frame everything stood still
            self._inputs.extend([hidden] * self._back)
        self._inputs.append(hidden)
        if len(self._inputs) <= self._three[2]:
            return None
        out = self._layer(torch.cat([self._inputs[at] for at in self._three], -1))
        return self._inputs[self._back] + out if self._residual else out

    def finish(self) -> list[Tensor]:
        """The outputs still due, with the last input standing still."""
        if not self._inputs:
            return []
        last = self._inputs[-1]
        outputs = [self.push(last) for _ in range(self._ahead)]
        return [out for out in outputs if out is not None]


def _beside(one: View, other: View) -> View:
    return View(
        torch.cat([one.points, other.points]),
        torch.cat([one.seen, other.seen]),
        torch.cat([one.virtual, other.virtual]),
    )
