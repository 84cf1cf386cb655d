"""Options of the verb `lift` for many clips at once."""

from dataclasses import dataclass
from typing import Literal

__all__ = ["ManyOptions"]


@dataclass(frozen=True)
class ManyOptions:
    """How many clips are lifted in one go (docs/scaling.md)."""

    each: bool = False
    """Every entry of the folder is a clip of its own; else a folder is one clip, a file per frame."""
    to: str = "npz"
    """For many clips: the ending of the files in the folder of outputs."""
    engine: Literal["local", "ray"] = "local"
    """For many clips: processes of this machine, or actors of a Ray cluster (extra `ray`)."""
    workers: int = 0
    """For many clips: how many work at once; 0 means one for each core."""
    gpus: float = 0.0
    """With ray: the share of a GPU that a worker reserves, for lifters that use one; ours do not."""
    batch: int = 0
    """For many clips: files that a worker takes at a time, at most; 0 takes what suits."""
    resume: bool = False
    """Leave out what is written already, where input and options are still the same."""
