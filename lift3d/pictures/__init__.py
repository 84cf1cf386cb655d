"""Pictures of clips: keypoints, skeletons and bodies side by side, as PNG or video."""

from lift3d.pictures.draw import draw_keypoints
from lift3d.pictures.panels import Look, Panel, Storyboard
from lift3d.pictures.people import telling_frame
from lift3d.pictures.render import frames, render_clip, still
from lift3d.pictures.skeleton3d import draw_skeletons
from lift3d.pictures.theme import DARK, LIGHT, LimbColors, Theme
from lift3d.pictures.video import write_png, write_video

__all__ = [
    "DARK",
    "LIGHT",
    "LimbColors",
    "Look",
    "Panel",
    "Storyboard",
    "Theme",
    "draw_keypoints",
    "draw_skeletons",
    "frames",
    "render_clip",
    "still",
    "telling_frame",
    "write_png",
    "write_video",
]
