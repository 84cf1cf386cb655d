"""Options of the verb `convert`."""

from dataclasses import dataclass
from pathlib import Path

from lift3d.io.motion.bvh_rigs import RigName
from lift3d.io.output_formats import FormatName

__all__ = ["ConvertOptions"]


@dataclass(frozen=True)
class ConvertOptions:
    """What `convert` takes beside its two files."""

    to: FormatName | None = None
    """The format to write, where the ending of OUT leaves it open: angles (.csv), amass and wham (.npz),
    obj and ply (a folder or .zip)."""
    person: int | None = None
    """Id of the one person to write; everybody otherwise."""
    body_model: str = ""
    """The body to convert a clip to, or to move by a recording (see `lift3d list`)."""
    path: Path | None = None
    """File or folder that the body model is read from, if it is not in the usual places."""
    rig: RigName = "smpl"
    """For .bvh: whose names and rest pose the skeleton gets."""
    correctives: int = 0
    """For .glb: how many morph targets bring the skin nearer to the body model's."""
    format: str | None = None
    """For keypoints: format of IN, where its content is told wrongly (openpose, coco, csv, ...)."""
    skeleton: str | None = None
    """For keypoints: joint layout of IN, where it cannot be told or is told wrongly."""
    fps: float | None = None
    """Frames per second, where IN does not say them or says them wrongly."""
    image_size: tuple[int, int] | None = None
    """For keypoints: height and width of the picture, where IN does not say them."""
