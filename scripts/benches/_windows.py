"""Frames of a clip, each answered alone from the frames around it, to compare whole clips with."""

from __future__ import annotations

import torch
from torch import Tensor

from lift3d.lifting.packed_temporal import PackedTemporal
from lift3d.lifting.temporal_net import (
    WHOLE,
    ClipNumbers,
    TemporalNet,
    clip_inputs,
    corrected,
    said_of,
)
from lift3d.lifting.universal_net import Answer, mirrored_view
from lift3d.lifting.view import View

__all__ = ["ALONE", "Windows"]

ALONE = 8
"""How many frames are answered."""
WINDOW = 2 * WHOLE + 1


class Windows:
    """Some frames, each alone from the frames around it."""

    def __init__(self, network: TemporalNet, packed: PackedTemporal, view: View) -> None:
        self.network, self.packed = network, packed
        self.windows = [beside(view[at : at + WINDOW]) for at in range(ALONE)]
        self.there = torch.ones(2 * WINDOW, dtype=torch.bool)
        self.inputs = [self.read(window) for window in self.windows]

    def read(self, window: View) -> tuple[ClipNumbers, Tensor]:
        return clip_inputs(self.packed, window, self.there, WINDOW)

    def afresh(self) -> list[Answer]:
        return [self.said(window, *self.read(window)) for window in self.windows]

    def kept(self) -> list[Answer]:
        """As if the single-frame answers of the other frames were at hand."""
        for window in self.windows:
            clip_inputs(self.packed, window[WHOLE::WINDOW], self.there[:2], 1)
        pairs = zip(self.windows, self.inputs, strict=True)
        return [self.said(window, *inputs) for window, inputs in pairs]

    def said(self, window: View, single: ClipNumbers, features: Tensor) -> Answer:
        """Each layer at the frames that the next one needs: 27, 9, 3 and 1."""
        hidden = features
        for layer, residual in zip(self.packed.layers, self.packed.residual, strict=True):
            three = hidden.reshape(-1, 3 * hidden.shape[-1])
            out = layer(three).view(2, hidden.shape[1] // 3, -1)
            hidden = hidden[:, 1::3] + out if residual else out
        middle = ClipNumbers(single.places[WHOLE::WINDOW], single.spreads[WHOLE::WINDOW])
        numbers = corrected(middle, self.packed.head(hidden.flatten(0, 1))[:, None])
        answer = said_of(self.network, numbers, window[WHOLE::WINDOW], self.there[:2])
        return answer[:1].mean_with_mirrored(answer[1:])

    def check(self, whole: Answer) -> None:
        """Both ways must say the same."""
        joints = torch.cat([answer.joints for answer in self.afresh()])
        apart = float((joints - whole.joints[WHOLE : WHOLE + ALONE]).abs().max())
        if apart > 1e-4:
            raise RuntimeError(f"expected the same answers of frames alone, got {apart} m apart")


def beside(view: View) -> View:
    other = mirrored_view(view)
    columns = ("points", "seen", "virtual")
    return View(*(torch.cat([getattr(view, name), getattr(other, name)]) for name in columns))
