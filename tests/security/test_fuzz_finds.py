"""What fuzzing and attacks once brought down, as small cases: each is refused by name, and soon."""

import json
import sys
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from lift3d.camera import Camera
from lift3d.clip import Clip
from lift3d.errors import FileFormatError, InputError
from lift3d.io import read_clip, read_keypoints, write_clip
from lift3d.io.files import hdf5_probe
from lift3d.io.files.hdf5_check import check_hdf5
from lift3d.io.files.safe_torch import read_torch_tensors
from lift3d.io.motion.asf_amc import read_asf
from lift3d.io.motion.bvh import read_bvh
from lift3d.io.motion.recordings import read_recording
from lift3d.lifting.universal_net import UniversalConfig, UniversalNet, load_weights
from lift3d_datasets.amass import Amass
from lift3d_datasets.human36m_cameras import cameras_of
from lift3d_datasets.mocap_h5 import MocapH5
from lift3d_datasets.mpi_inf_3dhp import MpiInf3dhp
from tests.datasets import test_mocap_h5
from tests.datasets import test_mpi_inf_3dhp as mpi
from tests.datasets.test_amass import save
from tests.helpers.attack_seeds import beside_amc
from tests.helpers.hostile_case import FLAT
from tests.helpers.world_clip import random_clip

Write = Callable[[str, bytes], Path]
HEAD = b"HIERARCHY\nROOT a\n{\nOFFSET 0 0 0\nCHANNELS 1 Xposition\n"
TIP = b"End Site\n{\nOFFSET 0 1 0\n}\n"
MOTION = b"MOTION\nFrames: 1\nFrame Time: 0.1\n0\n"
BONE = "begin\nname {}\ndirection 0 1 0\nlength 1\naxis 0 0 0 XYZ\nend\n"


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def to(name: str, content: bytes) -> Path:
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return to


def quickly(read: Callable[[Path], object], path: Path) -> str:
    started = time.process_time()
    with pytest.raises(FileFormatError, match=path.name) as caught:
        read(path)
    assert time.process_time() - started < 5  # types are checked while testing
    return str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        b'{"people": [], "\xff": 1}',
        b'[{"image_id": "\xff\xfe", "keypoints": [1, 2, 3]}]',
        b'[{"image_id": "a", "keypoints": [1, 2, 3]}, {"\xed\xa0\x80": 1}]',
        b'{"meta_info": {"\xff": 1}, "instance_info": [{"frame_id": 0, "instances": []}]}',
    ],
)
def test_names_in_json_that_are_no_utf8(content: bytes, write: Write) -> None:
    quickly(read_keypoints, write("a.json", content))


def test_names_of_pictures_that_are_a_hundred_thousand_digits(write: Write) -> None:
    entry = {"image_id": "1" * 100_000 + "a1/", "keypoints": FLAT, "score": 1.0}
    started = time.process_time()
    read_keypoints(write("a.json", json.dumps([entry]).encode()), "coco_17")
    assert time.process_time() - started < 5


def test_a_bvh_of_empty_lines(write: Write) -> None:
    quickly(read_bvh, write("a.bvh", b"HIERARCHY" + b"\n" * 300_000))


@pytest.mark.parametrize("line", ["OFFSET 0 1 0", "CHANNELS 1 Xposition"])
def test_a_bvh_of_braces_without_a_joint(line: str, write: Write) -> None:
    text = f"HIERARCHY a\n{{\n{line}\n}}\n".encode()
    quickly(read_bvh, write("a.bvh", text + MOTION))


def test_a_bvh_of_tips_has_a_name_for_each(write: Write) -> None:
    motion = read_bvh(write("a.bvh", HEAD + TIP * 1_500 + b"}\n" + MOTION))
    assert motion.names[:4] == ("a", "a_end", "a_end2", "a_end3")
    assert len(set(motion.names)) == 1_501
    assert "at most" in quickly(read_bvh, write("b.bvh", HEAD + TIP * 9_000 + b"}\n" + MOTION))


def test_still_joints_over_many_frames(write: Write) -> None:
    """Two bytes a frame would have become 90 MB of rotations each thousand frames."""
    many = MOTION.replace(b"Frames: 1\n", b"Frames: 9000\n") + b"0\n" * 8_999
    quickly(read_bvh, write("a.bvh", HEAD + TIP * 1_200 + b"}\n" + many))


def test_bones_in_a_row_and_a_bone_called_root(write: Write) -> None:
    def asf(names: list[str], tree: str) -> bytes:
        bones = "".join(BONE.format(name) for name in names)
        return f":units\n:root\n:bonedata\n{bones}:hierarchy\n{tree}\n".encode()

    names = [f"b{n}" for n in range(300)]
    row = "\n".join(f"{a} {b}" for a, b in zip(["root", *names], names, strict=False))
    assert len(read_asf(write("a.asf", asf(names, row))).joints()[0]) == 302
    quickly(read_asf, write("b.asf", asf(["root"], "root root")))
    quickly(read_asf, write("c.asf", asf(names, "root b0\nb1 b2\nb2 b1")))


def test_a_frame_number_of_many_digits(write: Write, tmp_path: Path) -> None:
    beside_amc(tmp_path)
    quickly(read_recording, write("take_01.amc", b":DEGREES\n" + b"9" * 5_000 + b"\nroot 0\n"))


@pytest.mark.parametrize(
    "config", [[1], 7, {"blocks": 10**9}, {"width": [[10**18]]}, {"width": "8"}]
)
def test_weights_with_nonsense_about_their_network(config: object, tmp_path: Path) -> None:
    network = UniversalNet(UniversalConfig(width=2, blocks=1, hypotheses=1))
    path = tmp_path / "w.safetensors"
    about = {"format": "lift3d universal 2", "config": json.dumps(config)}
    save_file(network.state_dict(), path, about)
    quickly(load_weights, path)


@pytest.mark.parametrize("encoding", ["none-such", "utf-7", "rot13", "idna"])
def test_xml_in_encodings_that_nobody_knows(encoding: str, write: Write, tmp_path: Path) -> None:
    write("metadata.xml", f'<?xml version="1.0" encoding="{encoding}"?><a><w0>1</w0></a>'.encode())
    with pytest.raises(FileFormatError, match=r"metadata\.xml"):
        cameras_of(tmp_path)


def test_a_clip_of_a_hundred_thousand_joints_in_a_row(tmp_path: Path) -> None:
    clip: Clip = random_clip(1, 4)
    path = tmp_path / "a.npz"
    write_clip(path, clip)
    with np.load(path, allow_pickle=False) as file:
        arrays = {key: file[key] for key in file.files}
    count = 100_000
    arrays["joint_names"] = np.arange(count).astype("U6")
    arrays["joint_parents"] = np.arange(count) - 1
    arrays["joints"] = np.zeros((1, 4, count, 3), np.float16)
    arrays["covariance"] = np.zeros((1, 4, count, 3, 3), np.float16)
    np.savez(path, **arrays)
    assert "joints" in quickly(read_clip, path)


def test_archives_of_zeros(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez_compressed(path, joints=np.zeros(40_000_000, np.uint16), format_version=1)
    assert "more than arrays can be packed" in quickly(read_clip, path)


@pytest.mark.parametrize(
    "changes",
    [{"mocap_framerate": "fast"}, {"poses": 1.0}, {"betas": "x"}, {"gender": [], "trans": 1.0}],
)
def test_a_motion_of_amass_with_other_values(changes: dict[str, object], tmp_path: Path) -> None:
    save(tmp_path, "CMU/01/a_poses.npz", **changes)
    with pytest.raises(FileFormatError, match=r"a_poses\.npz"):
        list(Amass(tmp_path).clips("train"))


def test_texts_of_hdf5_whose_heap_has_no_end(tmp_path: Path) -> None:
    """HDF5 2.0 looks for the next piece of free space in the same place, for ever."""
    path = test_mocap_h5.write(tmp_path / "cmu_mocap_30hz.h5", {})
    check_hdf5(path)
    data = bytearray(path.read_bytes())
    at = data.find(b"GCOL") + 16
    while at_number := int.from_bytes(data[at : at + 2], "little"):
        assert at_number < 100
        size = int.from_bytes(data[at + 8 : at + 16], "little")
        at += 16 + size + -size % 8
    data[at + 8 : at + 16] = bytes(8)
    path.write_bytes(data)
    with pytest.raises(FileFormatError, match="heap"):
        list(MocapH5(path).clips("train"))


def test_names_of_hdf5_whose_free_pieces_go_round(tmp_path: Path) -> None:
    """HDF5 2.0 takes memory for each of them, for ever: 9 GB of a file of 16 KB."""
    path = tmp_path / "a.h5"
    with h5py.File(path, "w", libver="earliest") as file:
        file.create_group("subject1/camera1")
    data = bytearray(path.read_bytes())
    at = data.find(b"HEAP")
    check_hdf5(path)
    free, place = (int.from_bytes(data[at + n : at + n + 8], "little") for n in (16, 24))
    data[place + free : place + free + 8] = free.to_bytes(8, "little")
    path.write_bytes(data)
    with pytest.raises(ValueError, match="heap of names"):
        check_hdf5(path)
    data[at + 8 : at + 16] = (1 << 60).to_bytes(8, "little")  # it also says that it is endless
    path.write_bytes(data)
    with pytest.raises(ValueError, match="heap of names"):
        check_hdf5(path)


def test_tracks_in_one_giant_piece(tmp_path: Path) -> None:
    """HDF5 takes the memory of a piece before it looks what of it is there."""
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        limits = {"maxshape": (None,) * 4, "chunks": (1, 2, 5, 40_000_000), "compression": "gzip"}
        tracks = file.create_dataset("tracks", (1, 2, 5, 2), "<f4", **limits)
        tracks.id.write_direct_chunk((0, 0, 0, 0), zlib.compress(bytes(1000)))
        file["node_names"] = np.array([f"n{n}" for n in range(5)], "S")
        file["track_names"] = np.empty(0)
    assert "pieces" in quickly(read_keypoints, path)


@pytest.mark.parametrize("content", [b"", b"\x89HDF\r\n\x1a\n", b"x" * 40])
def test_hdf5_of_a_few_bytes(content: bytes, write: Write, tmp_path: Path) -> None:
    write("cameras.h5", content)
    with pytest.raises(FileFormatError, match=r"cameras\.h5"):
        cameras_of(tmp_path)


def test_texts_of_characters_beyond_unicode(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    write_clip(path, random_clip(1, 4))
    with np.load(path, allow_pickle=False) as file:
        arrays = {key: file[key] for key in file.files}
    arrays["body_model"] = np.frombuffer(b"\xff\xff\xff\x7f", "<u4").view("<U1")[0:1].reshape(())
    np.savez(path, **arrays)
    assert "beyond Unicode" in quickly(read_clip, path)


def test_points_of_no_camera(tmp_path: Path) -> None:
    folder = tmp_path / "mpi_inf_3dhp_test_set" / "TS1"
    mpi.write_test(folder)
    with h5py.File(folder / "annot_data.mat", "r+") as file:
        file["annot3"][:] = np.inf
    with pytest.raises(FileFormatError, match="camera"):
        list(MpiInf3dhp(tmp_path, partial=True).clips("test"))


def test_one_number_as_a_giant_tensor(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    torch.save({"a": torch.zeros(1).expand(1 << 14, 1 << 14)}, path)
    assert "larger than limit_bytes" in quickly(read_torch_tensors, path)


def names_in_attributes(path: Path) -> bytes:
    """A small file with a text of any length in an attribute, as bytes."""
    with h5py.File(path, "w", libver="earliest") as file:
        file.attrs["joint_names"] = '["pelvis", "spine"]'
        file["values"] = np.arange(5.0)
    return path.read_bytes()


def test_attributes_of_hdf5_over_which_its_library_crashes(tmp_path: Path) -> None:
    """HDF5 2.0 believes how many dimensions an attribute has, and reads on beyond the end."""
    path = tmp_path / "a.h5"
    good = names_in_attributes(path)
    check_hdf5(path)
    refused = 0
    start = good.find(b"joint_names")
    for place in range(start, start + 48):
        for value in (5, 255):
            path.write_bytes(good[:place] + bytes([value]) + good[place + 1 :])
            try:
                check_hdf5(path)
            except ValueError:
                refused += 1
            else:  # what was let through does not end this process
                with (
                    suppress(OSError, KeyError, ValueError, RuntimeError, TypeError),
                    h5py.File(path) as file,
                ):
                    list(file.attrs.items())
    assert refused > 0
    path.write_bytes(good)
    check_hdf5(path)


def test_a_process_that_is_gone_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    names_in_attributes(path)
    check_hdf5(path)
    process = hdf5_probe._PROBE._process
    assert process is not None
    process.kill()
    process.wait()
    check_hdf5(path)
    assert hdf5_probe._PROBE._process not in (None, process)


def test_an_application_of_one_file_is_not_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.h5"
    names_in_attributes(path)
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    probe = hdf5_probe._Probe()
    assert probe.survives(path)
    assert probe._process is None


def test_pictures_larger_than_any_number() -> None:
    """The calibration files of MPI-INF-3DHP say how large a camera's pictures are."""
    with pytest.raises(InputError, match="at most 1,000,000"):
        Camera(torch.eye(3), torch.eye(4), torch.zeros(5), (2048, 219999999999999999999948))
