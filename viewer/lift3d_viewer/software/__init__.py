"""Drawing bodies without any GL library: compiled kernels on one thread.

`SoftwareViewer` makes pictures, `rasterise` tells exactly which point of which triangle each pixel
shows.
"""

from lift3d_viewer.software.fragments import Fragments, rasterise
from lift3d_viewer.software.texture import Texture
from lift3d_viewer.software.viewer import SoftwareViewer

__all__ = ["Fragments", "SoftwareViewer", "Texture", "rasterise"]
