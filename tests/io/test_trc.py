"""TRC tables: real ones in metres, Sports2D's in pixels, and headers that do not fit."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lift3d.errors import FileFormatError
from lift3d.io.keypoints.trc import is_trc, read_trc, read_trc_table
from tests.helpers.array_files import trc, walk

NAMES = ("Hip", "RKnee", "LKnee", "Neck", "Nose")
JOINTS = ("mid_hip", "right_knee", "left_knee", "mid_shoulder", "nose")


def flat(frames: int, seed: int = 0) -> np.ndarray:
    """As Sports2D writes pixels: Z is 0."""
    points = walk(frames, 5, 1, seed)[:, 0]
    points[..., 2] = 0
    return points


@pytest.mark.parametrize(
    ("name", "markers", "first"),
    [
        ("S00_P00_T00_StaticTrial_0-12.trc", 21, "-0.0805892909022766"),
        ("S00_P00_T00_StaticTrial_0-12_filt_butterworth.trc", 21, "-0.08058929090227662"),
        ("S00_P00_T00_StaticTrial_0-12_filt_butterworth_LSTM.trc", 64, "-0.0805893"),
    ],
)
def test_real_files(shared: Path, name: str, markers: int, first: str) -> None:
    path = shared / "keypoints/pose2sim/static" / name
    assert is_trc(path.read_bytes()[:65536], path)
    table = read_trc_table(path)
    assert (len(table), len(table.names), table.units) == (12, markers, "m")
    assert table.names[:3] == ("RHip", "RKnee", "RAnkle")
    assert (table.data_rate, table.camera_rate, table.original_rate) == (60.0, 60.0, 60.0)
    assert table.frames.tolist() == list(range(1, 13))
    assert table.times[0] == pytest.approx(1 / 60, abs=1e-6)
    assert f"{table.positions[0, 0, 0]:.16g}".startswith(first[:10])
    last = path.read_text().rstrip("\n").splitlines()[-1].rstrip("\t").split("\t")
    assert table.positions[-1, -1, -1] == float(last[-1])


def test_people_stand_upright_in_the_real_files(shared: Path) -> None:
    """Y is up, in metres: the nose of a grown person lies a metre and a half above the heels."""
    path = shared / "keypoints/pose2sim/static/S00_P00_T00_StaticTrial_0-12.trc"
    table = read_trc_table(path)
    heights = dict(zip(table.names, table.positions[..., 1].mean(0), strict=True))
    assert 1.2 < heights["Nose"] - heights["RHeel"] < 1.9
    tracks = table.tracks()
    assert (tracks.fps, tracks.first_frame, tracks.names) == (60.0, 1, table.names)
    np.testing.assert_array_equal(tracks.places, table.positions)


def test_metres_are_no_keypoints(shared: Path) -> None:
    path = shared / "keypoints/pose2sim/static/S00_P00_T00_StaticTrial_0-12.trc"
    with pytest.raises(FileFormatError, match="got markers in space in m: read_trc_table"):
        read_trc(path)


def test_pixels_of_sports2d(write) -> None:
    """Its unit says metres; a gap is an empty cell, a person not seen at all is zeros."""
    points = flat(6)
    points[2, 1] = np.nan
    points[4] = 0
    found = read_trc(write("clip_px.trc", trc(points, NAMES, rate="29.97", first=0)))
    assert found.facts.skeleton is not None
    assert found.facts.skeleton.joints == JOINTS
    assert (found.facts.fps, found.facts.space) == (29.97, "pixels")
    assert found.frames.tolist() == [0, 1, 2, 3, 5]
    assert found.persons.tolist() == [0] * 5
    assert found.last_frame == 5
    np.testing.assert_array_equal(found.points[0, :, :2], points[0, :, :2])
    assert found.points[2, :, 2].tolist() == [1, 0, 1, 1, 1]


def test_a_flat_person_in_metres_is_not_in_pixels(write) -> None:
    with pytest.raises(FileFormatError, match="markers in space in m"):
        read_trc(write("clip_m.trc", trc(flat(3) / 500, NAMES)))


def test_units_that_say_pixels(write) -> None:
    found = read_trc(write("a.trc", trc(flat(3) / 500, NAMES, units="px")))
    assert len(found.frames) == 3


def test_a_blank_line_and_windows_ends(write) -> None:
    text = trc(flat(3), NAMES).replace("Z5\n", "Z5\n\n").replace("\n", "\r\n")
    assert len(read_trc_table(write("a.trc", text.encode()))) == 3


def test_tracks_in_metres_with_frames_left_out(write) -> None:
    text = trc(flat(3), NAMES, units="mm").replace("\n2\t", "\n5\t").replace("\n3\t", "\n6\t")
    tracks = read_trc_table(write("a.trc", text)).tracks()
    assert tracks.first_frame == 1
    assert np.isnan(tracks.places[1:4]).all()
    np.testing.assert_allclose(tracks.places[[0, 4, 5]], flat(3) / 1000)
    with pytest.raises(FileFormatError, match="expected markers in m"):
        read_trc_table(write("a.trc", trc(flat(3), NAMES, units="px"))).tracks()


GOOD = trc(flat(3), NAMES)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "an empty one"),
        ("PathFileType\t4\n", "five lines"),
        ("hello\n" * 9, "five lines"),
        (GOOD.replace("Units", "Unit"), "got no units"),
        (GOOD.replace("\t3\t5\tm", "\t4\t5\tm"), "4 frames of 5 markers"),
        (GOOD.replace("\t3\t5\tm", "\t3\t6\tm"), "3 frames of 6 markers"),
        (GOOD.replace("\t3\t5\tm", "\t1e12\t5\tm"), "frames of 5 markers"),
        (GOOD.replace("\t3\t5\tm", "\tx\t5\tm"), "line 3, number 1, got 'x'"),
        (GOOD.replace("\t3\t5\tm", "\tnan\t5\tm"), "numframes as a number"),
        (GOOD.replace("LKnee", "RKnee"), "each once"),
        (GOOD.replace("RKnee\t\t\t", "RKnee\t"), "every third cell"),
        (GOOD.replace("\n2\t", "\n1\t"), "every frame's number once"),
        (GOOD.replace("\n2\t", "\n1.5\t"), "every frame's number once"),
        (GOOD.replace("\n2\t", "\ninf\t"), "every frame's number once"),
        (GOOD.rstrip("\n").rpartition("\t")[0], "line 8, got 16"),
        (GOOD.replace("\n2\t", "\n2\tx\t", 1), "line 7, got 18"),
        (GOOD.rpartition("\n3\t")[0], "3 frames of 5 markers"),
    ],
)
def test_broken_files(write, text: str, message: str) -> None:
    path = write("a.trc", text)
    with pytest.raises(FileFormatError, match=message) as caught:
        read_trc_table(path)
    assert str(path) in str(caught.value)


@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    frames=st.integers(1, 5),
    seed=st.integers(0, 999),
    gap=st.integers(0, 4),
    first=st.integers(0, 9999),
)
def test_round_trip(write, frames: int, seed: int, gap: int, first: int) -> None:
    positions = walk(frames, 5, 1, seed)[:, 0]
    positions[-1, gap] = np.nan
    table = read_trc_table(write("a.trc", trc(positions, NAMES, units="mm", first=first)))
    np.testing.assert_array_equal(table.positions, positions)
    assert table.frames.tolist() == list(range(first, first + frames))
    assert table.units == "mm"
