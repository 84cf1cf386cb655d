"""Pictures of strangers: every depth and kind of colours, moving, broken, tiny and huge ones."""

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from lift3d.errors import FileFormatError
from lift3d.io.files.limits import LIMITS
from lift3d.pictures.picture_files import read_moving_picture, read_picture
from lift3d.pictures.picture_headers import picture_header

RGB = np.zeros((6, 9, 3), dtype=np.uint8)
RGB[..., 0], RGB[..., 1], RGB[2, 3] = 200, 100, (10, 20, 30)


def save(path: Path, picture: np.ndarray) -> Path:
    assert cv2.imwrite(str(path), picture)
    return path


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tif", "a.webp"])
def test_colours_come_as_they_are_shown(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    flags = [cv2.IMWRITE_WEBP_QUALITY, 101] if name == "a.webp" else []
    assert cv2.imwrite(str(path), RGB[..., ::-1], flags)
    np.testing.assert_array_equal(read_picture(path), RGB)
    header = picture_header(path.read_bytes())
    assert header is not None
    assert (header.size, header.moves) == ((6, 9), False)


def test_jpeg_and_its_size(tmp_path: Path) -> None:
    path = save(tmp_path / "a.jpg", np.full((32, 48, 3), (30, 100, 200), np.uint8))
    assert np.abs(read_picture(path).astype(int) - (200, 100, 30)).max() <= 3
    header = picture_header(path.read_bytes())
    assert header is not None
    assert (header.kind, header.size) == ("JPEG", (32, 48))


def test_sixteen_bits_and_decimal_numbers(tmp_path: Path) -> None:
    deep = RGB[..., ::-1].astype(np.uint16) * 257
    np.testing.assert_array_equal(read_picture(save(tmp_path / "a.png", deep)), RGB)
    np.testing.assert_array_equal(read_picture(save(tmp_path / "a.tif", deep)), RGB)
    shares = (RGB[..., ::-1] / 255).astype(np.float32)
    np.testing.assert_array_equal(read_picture(save(tmp_path / "b.tif", shares)), RGB)


def test_grey_has_three_equal_channels(tmp_path: Path) -> None:
    for picture in (RGB[..., 0], RGB[..., 0].astype(np.uint16) * 257):
        seen = read_picture(save(tmp_path / "a.png", picture))
        np.testing.assert_array_equal(seen, RGB[..., :1].repeat(3, -1))


def test_what_is_transparent_lies_on_white(tmp_path: Path) -> None:
    alpha = np.full((6, 9, 1), 255, np.uint8)
    alpha[0], alpha[1] = 0, 51
    path = save(tmp_path / "a.png", np.concatenate([RGB[..., ::-1], alpha], -1))
    seen = read_picture(path)
    assert (seen[0] == 255).all()
    assert seen[1, 0].tolist() == [244, 224, 204]  # a fifth of (200, 100, 0) on white
    np.testing.assert_array_equal(seen[2:], RGB[2:])


@pytest.mark.parametrize("name", ["a.gif", "a.png", "a.webp"])
def test_moving_pictures_are_read_frame_by_frame(name: str, tmp_path: Path) -> None:
    if not hasattr(cv2, "imwriteanimation"):
        pytest.skip("this OpenCV is older than 4.11, which reads no moving pictures")
    film = cv2.Animation()
    film.frames = [np.full((20, 30, 3), grey, np.uint8) for grey in (10, 120, 240)]
    film.durations = [100, 200, 100]
    path = tmp_path / name
    assert cv2.imwriteanimation(str(path), film)
    moving = read_moving_picture(path)
    assert moving is not None
    assert [round(float(frame.mean()), -1) for frame in moving.frames] == [10, 120, 240]
    assert moving.fps == pytest.approx(3 / 0.4)
    assert not moving.left_out
    assert read_picture(path).shape == (20, 30, 3)
    assert read_moving_picture(save(tmp_path / "still.png", RGB)) is None


def test_one_pixel(tmp_path: Path) -> None:
    seen = read_picture(save(tmp_path / "a.png", np.full((1, 1, 3), 77, np.uint8)))
    assert seen.tolist() == [[[77, 77, 77]]]


def huge_png(path: Path, side: int) -> Path:
    """A small file that says it is huge, and is: rows of zeros."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    body = zlib.compress(bytes(1 << 20), 9)
    data = chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + data)
    return path


def test_huge_pictures_are_refused_before_they_are_decoded(tmp_path: Path) -> None:
    if LIMITS.pixels >= 400_000_000:
        pytest.skip("this environment allows pictures of 20,000 x 20,000 (LIFT3D_MAX_PIXELS)")
    with pytest.raises(FileFormatError, match=r"20000 x 20000.*LIFT3D_MAX_PIXELS"):
        read_picture(huge_png(tmp_path / "a.png", 20_000))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "an empty file"),
        (b"to be or not to be", "something else"),
        (b"\x89PNG\r\n\x1a\n\0\0", "something else"),
        (b"\x89PNG\r\n\x1a\n" + bytes(8) + b"\0\0\0\5\0\0\0\5garbage", "cannot be decoded"),
        (b"GIF89a\5\0\5\0garbage", "cannot be decoded"),
        (b"\xff\xd8\xff\xc0\0\x11\x08\0\5\0\5garbage", "cannot be decoded"),
        (b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f\4\0\1\0garbage", "cannot be decoded"),
    ],
)
def test_broken_files_get_a_sentence(content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=said):
        read_picture(path)


def test_folders_and_nothing_are_no_pictures(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="a folder"):
        read_picture(tmp_path)
    with pytest.raises(FileFormatError, match="nothing there"):
        read_picture(tmp_path / "a.png")


def test_headers_cut_anywhere_tell_nothing_or_the_truth(tmp_path: Path) -> None:
    for name in ("a.png", "a.jpg", "a.tif", "a.webp", "a.bmp", "a.gif"):
        if name == "a.gif":
            data = b"GIF89a\x09\0\x06\0" + bytes(20)
        else:
            data = save(tmp_path / name, RGB).read_bytes()
        for end in range(min(len(data), 300)):
            header = picture_header(data[:end])
            assert header is None or header.size == (6, 9)
