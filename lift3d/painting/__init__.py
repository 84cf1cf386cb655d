"""Exact training pictures: bodies in captured poses, dressed, lit and photographed, with every label."""

from lift3d.painting.config import PaintConfig
from lift3d.painting.painter import Painter
from lift3d.painting.values import PaintedPerson, Painting, Postures

__all__ = ["PaintConfig", "PaintedPerson", "Painter", "Painting", "Postures"]
