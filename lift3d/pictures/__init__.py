"""Pictures of clips: keypoints, skeletons and bodies side by side or over their video."""

from lift3d.pictures.clothes import Outfit
from lift3d.pictures.draw import draw_keypoints
from lift3d.pictures.footage import Footage
from lift3d.pictures.panels import Look, Panel
from lift3d.pictures.people import telling_frame
from lift3d.pictures.render import cutout, frames, frames_between, render_clip, still, write_moving
from lift3d.pictures.renderers import open_viewer
from lift3d.pictures.skeleton3d import draw_skeletons
from lift3d.pictures.storyboard import Storyboard
from lift3d.pictures.theme import DARK, LIGHT, LimbColors, Theme
from lift3d.pictures.turntable import contact_sheet, turntable
from lift3d.pictures.video import StoppedByHandError, write_gif, write_png, write_video

__all__ = [
    "DARK",
    "LIGHT",
    "Footage",
    "LimbColors",
    "Look",
    "Outfit",
    "Panel",
    "StoppedByHandError",
    "Storyboard",
    "Theme",
    "contact_sheet",
    "cutout",
    "draw_keypoints",
    "draw_skeletons",
    "frames",
    "frames_between",
    "open_viewer",
    "render_clip",
    "still",
    "telling_frame",
    "turntable",
    "write_gif",
    "write_moving",
    "write_png",
    "write_video",
]
