"""BVH: the tree, channel orders and units by hand, numbers to the last bit, real rigs, broken files."""

import math
import random
import struct
from pathlib import Path

import numpy as np
import pytest
import torch

from lift3d.errors import FileFormatError
from lift3d.io.files.numbers import parse_numbers
from lift3d.io.motion.bvh import read_bvh

TWO_JOINTS = """HIERARCHY
ROOT hips
{
  OFFSET 0 5 0
  CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation
  JOINT upper leg
  {
    OFFSET 0 -10 0
    CHANNELS 3 Xrotation Yrotation Zrotation
    End Site
    {
      OFFSET 0 -8 2
    }
  }
}
MOTION
Frames: 2
Frame Time: 0.0333333
1 2 3 0 0 0 0 0 0
1 2 3 90 0 90 90 0 0
"""


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_two_joints_by_hand(tmp_path: Path) -> None:
    motion = read_bvh(write(tmp_path / "two.bvh", TWO_JOINTS))
    assert motion.names == ("hips", "upper leg", "upper leg_end")
    assert motion.parents == (-1, 0, 1)
    assert motion.fps == 30.0
    joints = motion.clip(0.01).joints()
    # At rest, centimetres to metres; the root's channels stand instead of its offset.
    assert joints[0].tolist() == [
        pytest.approx([0.01, 0.02, 0.03]),
        pytest.approx([0.01, -0.08, 0.03]),
        pytest.approx([0.01, -0.16, 0.05]),
    ]
    # Root Z90 Y90 takes -y to +x. Then the leg: X90 takes (0, -8, 2) to (0, -2, -8), and the root
    # takes that to Z90 (-8, -2, 0) = (2, -8, 0).
    assert joints[1, 1].tolist() == pytest.approx([0.11, 0.02, 0.03])
    assert joints[1, 2].tolist() == pytest.approx([0.13, -0.06, 0.03])


@pytest.mark.parametrize("order", ["XYZ", "XZY", "YXZ", "YZX", "ZXY", "ZYX"])
def test_rotations_are_intrinsic_in_the_listed_order(tmp_path: Path, order: str) -> None:
    channels = " ".join(f"{axis}rotation" for axis in order)
    text = TWO_JOINTS.replace("Xrotation Yrotation Zrotation", channels).replace(
        "90 0 90 90 0 0", "0 0 0 30 40 50"
    )
    turn = read_bvh(write(tmp_path / "a.bvh", text)).rotmats()[1, 1].numpy()
    wanted = np.eye(3)
    for axis, degrees in zip(order, (30, 40, 50), strict=True):
        c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
        i, j = {"X": (1, 2), "Y": (2, 0), "Z": (0, 1)}[axis]
        step = np.eye(3)
        step[i, i], step[j, j], step[i, j], step[j, i] = c, c, -s, s
        wanted = wanted @ step
    assert np.abs(turn - wanted).max() < 1e-15


def test_positions_of_other_joints_replace_or_add_to_offsets(tmp_path: Path) -> None:
    six = "CHANNELS 6 Xposition Yposition Zposition Xrotation Yrotation Zrotation"
    text = TWO_JOINTS.replace("CHANNELS 3 Xrotation Yrotation Zrotation", six)
    for row, y in (("0.1 -10.5 0 0 0 0", -10.5), ("0.1 -0.5 0 0 0 0", -10.5)):
        lines = [f"1 2 3 0 0 0 {row}"] * 2
        made = text.split("0.0333333")[0] + "0.0333333\n" + "\n".join(lines)
        offsets = read_bvh(write(tmp_path / "a.bvh", made)).local_offsets()
        assert offsets[0, 1].tolist() == pytest.approx([0.1, y, 0])


def test_what_joints_are_moved_by_is_told_without_bad_frames_and_absent_channels(
    tmp_path: Path,
) -> None:
    """A frame that is no number says nothing of the habit, and neither does an axis without one."""
    six = "CHANNELS 6 Xposition Yposition Zposition Xrotation Yrotation Zrotation"
    joint = "HIERARCHY\nROOT a\n{{\nOFFSET 0 0 0\nCHANNELS 1 Xrotation\nJOINT b\n{{\nOFFSET 1 2 3\n"
    text = joint + "{0}\n}}\n}}\nMOTION\nFrames: 2\nFrame Time: 0.1\n{1}\n{2}\n"
    added = text.format(six, "0 .1 0 0 0 0 0", "0 nan 0 0 0 0 0")
    placed = read_bvh(write(tmp_path / "added.bvh", added)).local_offsets()[0, 1]
    assert placed.tolist() == pytest.approx([1.1, 2, 3])
    for value, y in (("0.5", 2.5), ("2.5", 2.5)):
        one = text.format("CHANNELS 1 Yposition", f"0 {value}", f"0 {value}")
        placed = read_bvh(write(tmp_path / "one.bvh", one)).local_offsets()[0, 1]
        assert placed.tolist() == pytest.approx([1, y, 3])


def test_line_endings_and_braces_on_the_same_line(tmp_path: Path) -> None:
    one = read_bvh(write(tmp_path / "a.bvh", TWO_JOINTS))
    (tmp_path / "b.bvh").write_bytes(b"\xef\xbb\xbf" + TWO_JOINTS.replace("\n", "\r\n").encode())
    tight = TWO_JOINTS.replace("hips\n{", "hips {").replace("End Site\n    {", "End Site {")
    for other in (read_bvh(tmp_path / "b.bvh"), read_bvh(write(tmp_path / "c.bvh", tight))):
        assert (other.names, other.parents, other.channels) == (
            one.names,
            one.parents,
            one.channels,
        )
        assert np.array_equal(other.values, one.values)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("HIERARCHY", "", "expected HIERARCHY and MOTION"),
        ("Frame Time: 0.0333333\n", "", "cut off"),
        ("Frames: 2", "Frames: 3", r"3 frames of 9 numbers.*got 18"),
        ("90 90 0 0\n", "90 90\n", r"2 frames of 9 numbers.*got 16"),
        ("1 2 3 90", "1 2 3 ninety", "ninety"),
        ("0.0333333", "0", "above 0 seconds"),
        ("CHANNELS 3", "CHANNELS 2", "their number"),
        ("Zrotation Xrotation Y", "Zrotation Zrotation Y", "CHANNELS"),
        ("OFFSET 0 -10 0", "OFFSET 0 -10", "three numbers"),
        ("OFFSET 0 -10 0", "OFFSET 0 nan 0", "three numbers"),
        ("JOINT upper leg", "JOINT hips", "name once"),
        ("JOINT upper leg", "BONE upper leg", "OFFSET, CHANNELS"),
        ("}\nMOTION", "MOTION", "every brace closed"),
    ],
)
def test_broken_files_are_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in TWO_JOINTS
    path = write(tmp_path / "a.bvh", TWO_JOINTS.replace(old, new))
    with pytest.raises(FileFormatError, match=message):
        read_bvh(path)


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"none\.bvh"):
        read_bvh(tmp_path / "none.bvh")


def test_numbers_are_those_of_python_to_the_last_bit() -> None:
    """Random doubles in several spellings, long enough for the compiled scanner."""
    draw = random.Random(0)  # noqa: S311 - no secrets here
    words = ["-0", "+1.5", ".5", "5.", "1e5", "1E-05", "-8.47028e-15", "nan", "-inf", "1" * 30]
    words += [
        "9007199254740993",
        "0.1",
        "123456789012345678.9",
        "2.2250738585072011e-308",
        "1e-400",
    ]
    for _ in range(4000):
        number = struct.unpack("d", draw.randbytes(8))[0]
        words += [repr(number), f"{draw.gauss(0, 90):.6f}", f"{draw.gauss(0, 1):.17g}"]
    wanted = np.array([float(word) for word in words])
    text = "  \r\n\t".join(words).encode()
    assert len(text) > 200_000
    few = b" 1.5" * 60_000 + b" " + text[:200_000].rpartition(b" ")[0]
    assert (
        parse_numbers(few)[60_000:].tobytes() == wanted.tobytes()[: 8 * len(few[240_000:].split())]
    )
    for got in (parse_numbers(text), parse_numbers(text[: text.index(b"1" * 30)])):
        assert got.tobytes() == wanted[: len(got)].tobytes()


@pytest.mark.parametrize(
    "word", ["1.2.3", "--1", "1e", "e5", ".", "-", "0x1", "1_0", "1,5", "-1.#IND"]
)
@pytest.mark.parametrize("padding", [0, 60_000])
def test_words_that_are_no_numbers_are_refused(word: str, padding: int) -> None:
    with pytest.raises(ValueError, match="could not convert"):
        parse_numbers(b"1.5 " * padding + word.encode() + b" 2")


def test_three_real_rigs(shared: Path) -> None:
    """Bone lengths and heights as in the files; frames as announced."""
    folder = shared / "mocap/original_files"
    walk = read_bvh(folder / "bvh_motionbuilder/02_01.bvh")
    assert (len(walk), len(walk.names), walk.fps) == (343, 38, 120.0)
    thigh = walk.offsets[walk.names.index("LeftLeg")]
    assert np.linalg.norm(thigh) * 0.0254 / 0.45 == pytest.approx(0.42, abs=0.02)
    daz = read_bvh(folder / "bvh_daz/06_05.bvh")
    assert (len(daz), daz.fps) == (386, 120.0)
    joints = daz.clip(0.01).joints()
    lengths = (joints[:, daz.names.index("lShin")] - joints[:, daz.names.index("lThigh")]).norm(
        dim=-1
    )
    assert torch.allclose(lengths, lengths[:1].expand_as(lengths), atol=1e-9)
    assert 1.3 < float(joints[..., 1].amax()) < 1.8
    rest = read_bvh(folder / "bvh_makehuman/tpose.bvh")
    assert (len(rest), len(rest.names)) == (1, 222)
    # MakeHuman adds its positions to the offsets: bones keep their lengths.
    assert (
        float((rest.local_offsets()[0, 1:] - torch.from_numpy(rest.offsets[1:])).abs().max()) < 1e-3
    )
