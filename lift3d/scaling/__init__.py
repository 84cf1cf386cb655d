"""One journey for many keypoint files: on the cores of one machine, or on a Ray cluster.

`lift_files` takes a `Listing` of files and writes a clip for each, to a folder or as rows of Parquet.
Files that cannot be lifted are listed and do not end the run; a run that was stopped goes on from what
is written. Both engines run the same worker, so their numbers are the same.
"""

from lift3d.scaling.listing import Listing, listing_of
from lift3d.scaling.local import LocalEngine
from lift3d.scaling.many import Report, lift_files
from lift3d.scaling.ray_engine import RayEngine
from lift3d.scaling.values import Failure
from lift3d.scaling.work import Reading, Work

__all__ = [
    "Failure",
    "Listing",
    "LocalEngine",
    "RayEngine",
    "Reading",
    "Report",
    "Work",
    "lift_files",
    "listing_of",
]
