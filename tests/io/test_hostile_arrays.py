"""Every hostile array and table is refused by name, in two seconds and a gigabyte."""

import resource
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from lift3d.errors import FileFormatError
from lift3d.io.keypoints.deeplabcut import is_deeplabcut, read_deeplabcut
from lift3d.io.keypoints.detections import Detections
from lift3d.io.keypoints.hdf5_keypoints import is_hdf5_keypoints, read_hdf5_keypoints
from lift3d.io.keypoints.mediapipe_csv import is_mediapipe_csv, read_mediapipe_csv
from lift3d.io.keypoints.mediapipe_npy import is_mediapipe_npy, read_mediapipe_npy
from lift3d.io.keypoints.npy_keypoints import is_npy_keypoints, read_npy_keypoints
from lift3d.io.keypoints.npz_keypoints import is_npz_keypoints, read_npz_keypoints
from lift3d.io.keypoints.pickle_keypoints import is_pickle_keypoints, read_pickle_keypoints
from lift3d.io.keypoints.table_csv import is_table_csv, read_table_csv
from lift3d.io.keypoints.trc import is_trc, read_trc
from tests.helpers.hostile_arrays import HOSTILE

Recognises = Callable[[bytes, Path], bool]
Reads = Callable[[Path], Detections]
READERS: list[tuple[str, Recognises, Reads]] = [
    (".npy", is_npy_keypoints, read_npy_keypoints),
    (".npy", is_mediapipe_npy, read_mediapipe_npy),
    (".npz", is_npz_keypoints, read_npz_keypoints),
    (".h5", is_hdf5_keypoints, read_hdf5_keypoints),
    (".pkl", is_pickle_keypoints, read_pickle_keypoints),
    (".csv", is_deeplabcut, read_deeplabcut),
    (".csv", is_mediapipe_csv, read_mediapipe_csv),
    (".csv", is_table_csv, read_table_csv),
    (".trc", is_trc, read_trc),
]


@pytest.mark.parametrize(("name", "ending", "build"), HOSTILE, ids=[row[0] for row in HOSTILE])
def test_refused(name: str, ending: str, build: Callable[[], bytes], tmp_path: Path) -> None:
    path = tmp_path / f"hostile{ending}"
    path.write_bytes(build())
    head = path.read_bytes()[:65536]
    claimed = [read for _, recognises, read in READERS if recognises(head, path)]
    assert len(claimed) <= 1, f"{name} is claimed by {len(claimed)} readers"
    own = [read for end, _, read in READERS if end == ending]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for read in claimed or own:
        started = time.process_time()
        with pytest.raises(FileFormatError) as caught:
            read(path)
        assert time.process_time() - started < 2
        text = str(caught.value)
        assert path.name in text
        assert text.startswith("expected")
        assert "\n" not in text
        assert len(text) < 500
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 700_000  # kB
    assert not Path("/tmp/a-hostile-file-ran").exists()  # noqa: S108


def test_there_are_enough() -> None:
    assert len({name for name, _, _ in HOSTILE}) == len(HOSTILE) >= 60
