"""Acclaim files: units, axes, degrees of freedom by hand; real takes against another reader."""

import math
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

from lift3d.errors import FileFormatError
from lift3d.geometry.kinematics import forward_kinematics
from lift3d.geometry.rotations import rotmat_from_axis_angle
from lift3d.io.motion.asf_amc import read_amc, read_asf

ASF = """# a comment
:version 1.10
:units
  mass 1.0
  length 0.5
  angle deg
:root
   order TX TY TZ RX RY RZ
   axis XYZ
   position 0 0 0
   orientation 0 0 0
:bonedata
  begin
     id 1
     name thigh
     direction 0 -1 0
     length 2
     axis 0 0 90 XYZ
    dof rx ry rz
    limits (-160.0 20.0)
           (-70.0 70.0)
           (-60.0 70.0)
  end
  begin
     id 2
     name shank
     direction 0 -1 0
     length 1
     axis 0 0 0 XYZ
    dof rx
  end
:hierarchy
  begin
    root thigh
    thigh shank
  end
"""
AMC = """#!OML:ASF somewhere
:FULLY-SPECIFIED
:DEGREES
1
root 1 2 3 0 90 0
thigh 90 0 0
shank 90
2
root 0 0 0 0 0 0
thigh 10 20 30
shank 0
"""
UNIT = 0.0254 / 0.5


def pair(folder: Path, asf: str = ASF, amc: str = AMC) -> tuple[Path, Path]:
    (folder / "a.asf").write_text(asf)
    (folder / "a_1.amc").write_text(amc)
    return folder / "a.asf", folder / "a_1.amc"


def test_a_leg_by_hand(tmp_path: Path) -> None:
    asf, amc = pair(tmp_path)
    clip = read_amc(amc, read_asf(asf), 60.0)
    assert clip.names == ("root", "thigh", "shank", "shank_end")
    assert clip.parents == (-1, 0, 1, 2)
    assert clip.fps == 60.0
    joints = clip.joints() / UNIT
    assert joints[0, 0].tolist() == pytest.approx([1, 2, 3])
    assert joints[0, 1].tolist() == pytest.approx([1, 2, 3])
    # The thigh's axes are turned by 90 about z, so its "x" is +y: -y stays. All is turned by the root.
    assert joints[0, 2].tolist() == pytest.approx([1, 0, 3])
    # The shank turns 90 about its x, in the thigh's frame turned 90 about y, in the root's 90 about y:
    # -y to -z, to -x, to +z.
    assert joints[0, 3].tolist() == pytest.approx([1, 0, 4])


def test_the_first_angle_acts_first(tmp_path: Path) -> None:
    asf, amc = pair(tmp_path, ASF.replace("axis 0 0 90", "axis 0 0 0"))
    turn = read_amc(amc, read_asf(asf), 60.0).rotmats[1, 1].numpy()
    x, y, z = (
        rotmat_from_axis_angle(torch.tensor(axis, dtype=torch.float64) * math.pi / 180).numpy()
        for axis in ([10.0, 0, 0], [0, 20.0, 0], [0, 0, 30.0])
    )
    assert np.abs(turn - z @ y @ x).max() < 1e-14


def test_radians_are_read_as_such(tmp_path: Path) -> None:
    quarter = str(math.pi / 2)
    asf, amc = pair(tmp_path, amc=AMC.replace("90", quarter).replace(":DEGREES", ":RADIANS"))
    assert (read_amc(amc, read_asf(asf), 60.0).joints()[0, 3] / UNIT).tolist() == pytest.approx(
        [1, 0, 4]
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (":units", ":unit", "a section :units"),
        ("length 0.5", "length 0", "above 0"),
        ("name shank", "name thigh", "name once"),
        ("dof rx ry rz", "dof tx ry rz", "dof of rx, ry, rz"),
        ("direction 0 -1 0\n     length 2", "direction 0 -1\n     length 2", "3 numbers"),
        ("0 0 90 XYZ", "0 0 90 XXY", "an order like XYZ"),
        ("thigh shank", "shank shank", "below the root"),
        ("root thigh", "root thigh foot", "in the hierarchy"),
        ("TX TY TZ RX", "TX TY TZ TX", "root's order"),
    ],
)
def test_broken_skeletons_are_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in ASF
    asf, _ = pair(tmp_path, ASF.replace(old, new))
    with pytest.raises(FileFormatError, match=message):
        read_asf(asf)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("shank 0\n", "", "2 bones, frame 2"),
        ("\n2\n", "\n3\n", "got 3 bones, frame 3"),
        ("thigh 10 20 30", "thigh 10 20", "frame 2"),
        ("shank 90", "shank 90 5", "another skeleton"),
        ("shank", "foot", "another skeleton"),
        ("thigh 10", "thigh ten", "numbers in frame 2"),
        (AMC, "", "frames, each below its number"),
        ("thigh 90 0 0\n", "", "bones that move"),
    ],
)
def test_broken_motions_are_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    asf, amc = pair(tmp_path, amc=AMC.replace(old, new))
    with pytest.raises(FileFormatError, match=message):
        read_amc(amc, read_asf(asf), 60.0)


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"none\.asf"):
        read_asf(tmp_path / "none.asf")


@pytest.mark.parametrize("take", ["02_01", "05_06", "49_06", "127_23", "135_08", "11_01"])
def test_real_takes_agree_with_another_reader(shared: Path, take: str) -> None:
    """All joints of every fourth frame (120 to 30 Hz), against those of the HDF5 collection."""
    folder = shared / "mocap/original_files/asfamc"
    skeleton = read_asf(folder / f"{take.split('_', 1)[0]}.asf")
    clip = read_amc(folder / f"{take}.amc", skeleton, 120.0)
    with h5py.File(shared / "mocap/cmu_mocap_30hz.h5") as file:
        other = file["clips"][take]
        names = [name.decode() for name in other["joint_names"][()]]
        turns = rotmat_from_axis_angle(torch.from_numpy(other["rotvec"][()]).double())
        offsets = torch.from_numpy(other["offsets"][()]).double().repeat(len(turns), 1, 1)
        offsets[:, 0] = torch.from_numpy(other["root_trans"][()]).double()
        wanted = forward_kinematics(turns, offsets, other["parents"][()].tolist())[1]
    got = clip.joints()[::4][:, [clip.names.index(name) for name in names]]
    assert len(got) == len(wanted)
    assert float((got - wanted).norm(dim=-1).max()) < 0.001
