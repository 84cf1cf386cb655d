"""Many zeros in few bytes, made at once: packed blocks that stand alone are repeated."""

import zlib

__all__ = ["adler_of_zeros", "crc_of_zeros", "raw_zeros", "zlib_zeros"]

_BLOCK = bytes(1 << 20)


def raw_zeros(size: int, before: bytes = b"") -> bytes:
    """Deflated: some bytes, then whole megabytes of zeros, about `size` of them, 1,000 to one."""
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    start = squeeze.compress(before) + squeeze.flush(zlib.Z_FULL_FLUSH)
    again = squeeze.compress(_BLOCK) + squeeze.flush(zlib.Z_FULL_FLUSH)
    return start + again * (size >> 20) + squeeze.flush()


def zlib_zeros(size: int, before: bytes = b"") -> bytes:
    """The same in zlib's form, with its checksum."""
    check = adler_of_zeros(size, zlib.adler32(before))
    return b"\x78\x9c" + raw_zeros(size, before) + check.to_bytes(4, "big")


def adler_of_zeros(size: int, start: int) -> int:
    """The checksum of zlib, carried over whole megabytes of zeros."""
    for _ in range(size >> 20):
        start = zlib.adler32(_BLOCK, start)
    return start


def crc_of_zeros(size: int, start: int) -> int:
    """The checksum of archives, carried over whole megabytes of zeros."""
    for _ in range(size >> 20):
        start = zlib.crc32(_BLOCK, start)
    return start
