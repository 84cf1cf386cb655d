"""What every HDF5 file from a stranger passes before it is opened here."""

from pathlib import Path

from lift3d.io.files.hdf5_heaps import check_heaps
from lift3d.io.files.hdf5_probe import probe_hdf5

__all__ = ["check_hdf5"]


def check_hdf5(path: Path) -> None:
    """Raise `OSError` for what is no plain file, `ValueError` for what HDF5 would not come back from."""
    check_heaps(path)
    probe_hdf5(path)
