"""Putting panels together: cut-outs of the video, captions, the row of panels."""

from typing import Final

import cv2
import numpy as np
import torch
from jaxtyping import UInt8
from numpy import ndarray

from lift3d.clip import Clip
from lift3d.pictures.theme import Picture, Theme, text_width, write_text
from lift3d.pictures.view import Window

__all__ = ["GAP", "beside", "caption", "counter", "cut", "fitted", "footnote", "frame_of_video"]

GAP: Final = 2  # pixels between panels


def cut(
    picture: UInt8[ndarray, "height width 3"], window: Window, theme: Theme
) -> UInt8[ndarray, "window_height window_width 3"]:
    """The part of a picture that a window shows, the theme's colours beyond its borders."""
    if window.scale < 0.7:  # averaged first: sampling alone would shimmer
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), 0.4 / window.scale))
    height, width = window.size
    cut = cv2.warpAffine(
        picture,
        window.matrix.numpy()[:2],
        (width, height),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=theme.bottom,
    )
    return np.asarray(cut)


def fitted(
    picture: UInt8[ndarray, "height width 3"], size: tuple[int, int]
) -> UInt8[ndarray, "new_height new_width 3"]:
    """The whole picture in another size; always a copy, to be drawn on."""
    if picture.shape[:2] == size:
        return picture.copy()
    way = cv2.INTER_AREA if size[0] < picture.shape[0] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, size[::-1], interpolation=way))


def frame_of_video(
    large: UInt8[ndarray, "height width 3"],
    image_size: tuple[int, int],
    window: Window,
    theme: Theme,
) -> None:
    """A faint line where the video's picture ends, as far as the window shows it."""
    height, width = image_size
    corners = torch.tensor([[-0.5, -0.5], [width - 0.5, height - 0.5]], dtype=torch.float64)
    low, high = (2 * window.through(corners) + 0.5).round().int().tolist()
    cv2.rectangle(large, low, high, theme.edge, 2, cv2.LINE_AA)


def caption(picture: UInt8[ndarray, "height width 3"], text: str, theme: Theme) -> None:
    """Write a panel's name into its upper left corner, in place."""
    size = max(11, round(picture.shape[0] * 0.026))
    at = (round(1.1 * size), round(2.0 * size))
    write_text(picture, text, at, size, theme.text, theme.bottom)


def counter(
    picture: UInt8[ndarray, "height width 3"], frame: int, clip: Clip, theme: Theme
) -> None:
    """Write the frame's number, as pictures count them, and its time into the lower right corner."""
    size = max(10, round(picture.shape[0] * 0.021))
    height, width = picture.shape[:2]
    number = clip.first_frame + frame
    text = f"frame {number}   {number / clip.fps:.2f} s"
    x = max(2, width - text_width(text, size) - round(1.2 * size))
    write_text(picture, text, (x, height - round(1.2 * size)), size, theme.faint, theme.bottom)


def footnote(picture: UInt8[ndarray, "height width 3"], text: str, theme: Theme) -> None:
    """A line at the lower left, made smaller until it fits."""
    height, width = picture.shape[:2]
    size = max(11, round(height * 0.026))
    while size > 6 and text_width(text, size) > width - 2 * size:
        size -= 1
    write_text(picture, text, (size, height - size), size, theme.text, theme.bottom)


def beside(panels: list[Picture], theme: Theme) -> UInt8[ndarray, "height all_widths 3"]:
    """Panels of one height from left to right, with gaps between them."""
    gap = np.full((panels[0].shape[0], GAP, 3), theme.gap, dtype=np.uint8)
    row = [part for panel in panels for part in (gap, panel)]
    return np.concatenate(row[1:], 1)
