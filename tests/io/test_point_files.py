"""TRC and C3D: what is written reads back, by our readers and by others."""

import warnings
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy import ndarray

from lift3d.errors import FileFormatError, InputError
from lift3d.io import read_keypoints
from lift3d.io.keypoints.point_tracks import PointTracks
from lift3d.io.keypoints.trc import read_trc_table
from lift3d.io.motion.c3d import read_c3d
from lift3d.io.motion.c3d_write import write_c3d
from lift3d.io.motion.recordings import read_recording
from lift3d.io.motion.trc_write import pixel_tracks, write_trc
from lift3d.io.motion.world_points import world_joints
from tests.helpers.world_clip import random_clip

Places = st.tuples(st.integers(1, 6), st.integers(1, 4)).flatmap(
    lambda shape: arrays(np.float64, (*shape, 3), elements=st.floats(-50, 50, width=32))
)
FASTER = settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def tracks_of(places: ndarray, fps: float = 120.0, first: int = 3) -> PointTracks:
    names = tuple(f"point {n}" for n in range(places.shape[1]))
    return PointTracks(names, places, fps, first)


def with_gaps(places: ndarray) -> ndarray:
    places = places.copy()
    places[len(places) // 2, 0] = np.nan
    return places


@FASTER
@given(Places, st.floats(0.5, 5000), st.integers(0, 10**6))
def test_trc_reads_back(tmp_path: Path, places: ndarray, fps: float, first: int) -> None:
    written = tracks_of(with_gaps(places), fps, first)
    write_trc(tmp_path / "a.trc", written)
    read = read_trc_table(tmp_path / "a.trc")
    assert read.units == "mm"
    again = read.tracks("here")
    assert again.names == written.names
    assert again.first_frame == first
    assert again.fps == pytest.approx(fps, rel=1e-8)
    np.testing.assert_allclose(again.places, written.places, rtol=1e-8, atol=1e-30)
    np.testing.assert_allclose(read.times, (first + np.arange(len(places))) / fps, rtol=1e-8)


@FASTER
@given(Places, st.floats(1, 1000, width=32), st.integers(0, 60_000))
def test_c3d_reads_back(tmp_path: Path, places: ndarray, fps: float, first: int) -> None:
    written = tracks_of(with_gaps(places), fps, first)
    write_c3d(tmp_path / "a.c3d", written)
    read = read_c3d(tmp_path / "a.c3d")
    assert read.names == written.names
    assert read.first_frame == first
    assert read.fps == pytest.approx(fps)
    # Single precision, in millimetres.
    single = np.float32(written.places * 1000).astype(np.float64) / 1000
    np.testing.assert_allclose(read.places, single, rtol=1e-15, atol=0)


def test_c3d_by_another_reader(tmp_path: Path) -> None:
    """The package c3d sees millimetres, z up, and residual -1 where a point is missing."""
    c3d = pytest.importorskip("c3d", reason="needs the package c3d, an independent reader")
    places = np.array([[[0.1, 1.7, 0.3], [1, 2, 3]], [[0.1, 1.8, 0.3], [np.nan] * 3]])
    write_c3d(tmp_path / "a.c3d", tracks_of(places, 59.94, 40))
    with (tmp_path / "a.c3d").open("rb") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it misses analogue channels
        reader = c3d.Reader(file)
        frames = [(number, points.copy()) for number, points, _ in reader.read_frames()]
        assert [label.strip() for label in reader.point_labels] == ["point 0", "point 1"]
        assert reader.point_rate == pytest.approx(59.94)
        assert reader.get("POINT").get("UNITS").string_value.strip() == "mm"
        assert reader.get("POINT").get("Y_SCREEN").string_value.strip() == "+Z"
    assert [number for number, _ in frames] == [41, 42]  # C3D counts from 1
    np.testing.assert_allclose(frames[0][1][0, :3], [100, -300, 1700], rtol=1e-6)
    assert frames[1][1][1, 3] == -1
    assert frames[0][1][1, 3] >= 0


@FASTER
@given(Places, st.floats(1, 1000, width=32), st.integers(0, 60_000))
def test_ezc3d_reads_what_we_write(tmp_path: Path, places: ndarray, fps: float, first: int) -> None:
    ezc3d = pytest.importorskip("ezc3d", reason="needs the package ezc3d, an independent reader")
    written = tracks_of(with_gaps(places), fps, first)
    write_c3d(tmp_path / "a.c3d", written)
    file = ezc3d.c3d(str(tmp_path / "a.c3d"))
    about = file["parameters"]["POINT"]
    assert tuple(about["LABELS"]["value"]) == written.names
    assert about["RATE"]["value"][0] == pytest.approx(fps)
    assert file["header"]["points"]["first_frame"] == first
    x, y, z = file["data"]["points"][:3].transpose(0, 2, 1) / 1000
    np.testing.assert_allclose(np.stack([x, z, -y], -1), written.places, rtol=1e-6, atol=1e-40)


@pytest.mark.parametrize("processor", ["intel", "dec", "mips"])
@pytest.mark.parametrize("scale", [-0.1, 0.05])
def test_all_ways_to_write_numbers(processor: str, scale: float, tmp_path: Path) -> None:
    """Headers, floats and scaled 16-bit numbers as each of the three processors wrote them."""
    write_c3d(tmp_path / "a.c3d", tracks_of(np.array([[[0.1, 1.5, -0.2], [np.nan] * 3]]), 50.0, 0))
    blocks = bytearray((tmp_path / "a.c3d").read_bytes()[:-512])
    order = ">" if processor == "mips" else "<"

    def number(kind: str, *values: float) -> bytes:
        if kind != "f" or processor != "dec":
            return np.array(values, f"{order}{kind}").tobytes() if kind != "f" else (
                np.array(values, f"{order}f4").tobytes()
            )  # fmt: skip
        as_words = (np.array(values, "<f4") * 4).view("<u2").reshape(-1, 2)[:, ::-1]
        return as_words.tobytes()

    blocks[2:12] = number("u2", 2, 1, 1, 1, 0)  # one analogue value per frame
    blocks[12:16], blocks[16:18] = number("f", scale), number("u2", 4)
    blocks[20:24] = number("f", 50.0)
    whole = bytes(blocks[:512]) + bytes([1, 80, 2, {"intel": 84, "dec": 85, "mips": 86}[processor]])
    whole = whole.ljust(3 * 512, b"\0")  # no parameters: millimetres, z up, numbered points
    divisor = 1.0 if scale < 0 else scale
    kind = "f" if scale < 0 else "i2"
    whole += number(kind, *(value / divisor for value in (100, -300, 1500)), 0)
    whole += number(kind, 0, 0, 0, -1) + number(kind, 7)
    path = tmp_path / "b.c3d"
    path.write_bytes(whole.ljust(5 * 512, b"\0"))
    read = read_c3d(path)
    assert (read.names, read.fps, read.first_frame) == (("point0", "point1"), 50.0, 0)
    np.testing.assert_allclose(read.places[0, 0], [0.1, 1.5, 0.3], rtol=1e-6)
    assert np.isnan(read.places[0, 1]).all()


@pytest.mark.parametrize(("units", "up", "place"), [
    ("m", "+Y", (1, 2, 3)), ("cm", "+Y", (0.01, 0.02, 0.03)), ("mm", "+Z", (0.001, 0.003, -0.002)),
])  # fmt: skip
def test_units_and_axes_of_other_writers(
    units: str, up: str, place: tuple[float, float, float], tmp_path: Path
) -> None:
    ezc3d = pytest.importorskip("ezc3d", reason="needs the package ezc3d, an independent reader")
    file = ezc3d.c3d()
    about = file["parameters"]["POINT"]
    about["UNITS"]["value"], about["RATE"]["value"] = [units], [100.0]
    about["LABELS"]["value"] = ["RHip", "RHip"]
    file.add_parameter("POINT", "Y_SCREEN", [up])
    file["data"]["points"] = np.array([1, 2, 3, 1.0])[:, None, None].repeat(2, 1).repeat(4, 2)
    file.write(str(tmp_path / "a.c3d"))
    read = read_c3d(tmp_path / "a.c3d")
    assert read.names == ("RHip", "RHip_1")
    np.testing.assert_allclose(read.places[2, 1], place, rtol=1e-6)


def damaged(content: bytes) -> dict[str, bytes]:
    header = bytearray(content)
    header[2:4] = (60_000).to_bytes(2, "little")  # points
    header[8:10] = (60_000).to_bytes(2, "little")  # the last frame
    return {
        "empty": b"",
        "text": b"HIERARCHY\n" * 100,
        "cut": content[: len(content) // 2],
        "header only": content[:512],
        "claims 60,000 points and frames": bytes(header),
        "parameters of zeros": content[:512] + b"\0" * (len(content) - 512),
    }


@pytest.mark.parametrize("case", sorted(damaged(bytes(2000))))
def test_damaged_c3d_is_told_in_one_sentence(case: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    write_c3d(tmp_path / "whole.c3d", tracks_of(rng.normal(size=(300, 20, 3))))
    path = tmp_path / "broken.c3d"
    path.write_bytes(damaged((tmp_path / "whole.c3d").read_bytes())[case])
    with pytest.raises(FileFormatError, match="expected"):
        read_c3d(path)


@pytest.mark.parametrize("seed", range(4))
def test_c3d_with_wrong_bytes_is_read_or_refused(seed: int, tmp_path: Path) -> None:
    """Whatever stands in header and parameters: never another error, no crash, no endless work."""
    rng = np.random.default_rng(seed)
    path = tmp_path / "a.c3d"
    write_c3d(path, tracks_of(rng.normal(size=(30, 20, 3))))
    whole = np.frombuffer(path.read_bytes(), np.uint8)
    for _ in range(150):
        broken = whole.copy()
        broken[rng.integers(0, 1400, rng.integers(1, 10))] = rng.integers(0, 256)
        path.write_bytes(broken.tobytes())
        with suppress(FileFormatError):
            read_c3d(path)


@pytest.mark.parametrize("shape", [(65_536, 1, 3), (2, 256, 3), (0, 3, 3)])
def test_what_no_c3d_file_can_hold_is_refused(shape: tuple[int, int, int], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected 1 to 65535 frames and 1 to 255 points"):
        write_c3d(tmp_path / "a.c3d", tracks_of(np.zeros(shape)))
    assert not any(tmp_path.iterdir())


def test_as_many_points_as_a_c3d_file_can_hold(tmp_path: Path) -> None:
    names = tuple(f"person{n % 11}_a_joint_with_a_long_name_{n}" for n in range(255))
    write_c3d(tmp_path / "a.c3d", PointTracks(names, np.ones((2, 255, 3)), 30.0))
    assert read_c3d(tmp_path / "a.c3d").names == names


def test_keypoints_in_pixels_read_back_as_keypoints(tmp_path: Path) -> None:
    person = random_clip(1, frames=9).people[0].keypoints
    write_trc(tmp_path / "a.trc", pixel_tracks(person), units="px")
    table = read_trc_table(tmp_path / "a.trc")
    assert table.units == "px"
    np.testing.assert_allclose(
        table.positions[..., :2], person.pose.keypoints.numpy(), rtol=1e-7, equal_nan=True
    )
    file = read_keypoints(tmp_path / "a.trc", image_size=(480, 640))
    assert file.people[0].pose.skeleton == person.pose.skeleton
    np.testing.assert_allclose(
        file.people[0].pose.keypoints.numpy(), person.pose.keypoints.numpy(), rtol=1e-6
    )


def test_pose2sims_own_file_goes_through_both_forms(shared: Path, tmp_path: Path) -> None:
    path = min((shared / "keypoints/pose2sim/static").rglob("*.trc"))
    original = read_trc_table(path).tracks("the file")
    write_trc(tmp_path / "a.trc", original)
    again = read_trc_table(tmp_path / "a.trc").tracks("ours")
    np.testing.assert_allclose(again.places, original.places, rtol=1e-8)
    write_c3d(tmp_path / "a.c3d", original)
    np.testing.assert_allclose(read_c3d(tmp_path / "a.c3d").places, original.places, rtol=1e-6)
    # Heels stand on the ground, the nose is 1.6 m above it.
    assert 1.4 < original.places[:, original.names.index("Nose"), 1].mean() < 1.8


@pytest.mark.parametrize("name", ["a.trc", "a.c3d"])
def test_a_recording_is_a_clip_in_its_own_world(name: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    written = tracks_of(with_gaps(rng.normal(size=(6, 3, 3))))
    (write_trc if name.endswith("trc") else write_c3d)(tmp_path / name, written)
    clip = read_recording(tmp_path / name)
    (person,) = clip.people
    assert clip.first_frame == 3
    assert person.joints.pose.skeleton.joints == written.names
    places = world_joints(clip, person).numpy()
    np.testing.assert_allclose(places, written.places, rtol=1e-6, atol=1e-12)
    ahead = person.joints.pose.joints[..., 2]
    assert bool((ahead[ahead.isfinite()] > 1).all())  # in front of the camera
