"""Texts and other files that reach outside, never end, or ask for much: JSON, XML, motion, pictures."""

import json
import struct
import zlib
from collections.abc import Callable, Mapping
from typing import Final

from tests.helpers.attack_lair import Lair
from tests.helpers.attack_zeros import zlib_zeros

__all__ = ["TEXTS"]

Make = Callable[[Lair], bytes]


def _deep(start: bytes, again: bytes, times: int = 200_000) -> Make:
    return lambda _: start + again * times


def _json(value: object) -> Make:
    return lambda _: json.dumps(value).encode()


def _safetensors(header: bytes, size: int | None = None, rest: bytes = b"") -> Make:
    return lambda _: struct.pack("<Q", len(header) if size is None else size) + header + rest


def _network(config: str, kind: str = "lift3d universal 2") -> Make:
    header = json.dumps({"__metadata__": {"format": kind, "config": config}})
    return _safetensors(header.encode())


def _tensors(length: int, kind: str = "F32") -> Make:
    about = {"dtype": kind, "shape": [length], "data_offsets": [0, 4 * length]}
    return _safetensors(json.dumps({"v_template": about}).encode(), rest=bytes(8))


def _picture(width: int, height: int) -> bytes:
    """A PNG of that size whose rows are black, all but the last, packed a thousand to one."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    packed = zlib_zeros(((1 + width) * height) & ~0xFFFFF)
    about = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", about) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
    )


def _bvh(joints: str, frames: int, row: str = "0 0 0 0 0 0\n") -> Make:
    head = "ROOT a\n{\nOFFSET 0 0 0\nCHANNELS 6 Xposition Yposition Zposition "
    head += "Zrotation Xrotation Yrotation\n"
    motion = f"MOTION\nFrames: {frames}\nFrame Time: 0.1\n"
    return lambda _: f"HIERARCHY\n{head}{joints}}}\n{motion}{row * min(frames, 40_000)}".encode()


_NESTED: Final = "".join(f"JOINT j{n}\n{{\nOFFSET 0 1 0\nCHANNELS 0\n" for n in range(9_000))
_TIPS: Final = "End Site\n{\nOFFSET 0 1 0\n}\n"


def _asf(bones: int, chain: bool) -> bytes:
    rows = "".join(
        f"begin\nname b{n}\ndirection 0 1 0\nlength 1\naxis 0 0 0 XYZ\nend\n" for n in range(bones)
    )
    above = [f"b{n - 1} b{n}" if chain and n else f"root b{n}" for n in range(bones)]
    tree = "\n".join(above)
    return f":units\nlength 1\nangle deg\n:root\n:bonedata\n{rows}:hierarchy\n{tree}\n".encode()


def _xml(entities: str, word: str) -> Make:
    return lambda _: (
        f'<?xml version="1.0"?><!DOCTYPE a [{entities}]><a><w0>{word}</w0></a>'.encode()
    )


_LAUGHS: Final = '<!ENTITY l0 "1 ">' + "".join(
    f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 20)
)
_CLIMBING: Final = "../../../../../../../../../../../../etc/passwd"


def _outside(lair: Lair) -> str:
    """A file that is no business of any reader."""
    path = lair.secret / "outside"
    path.write_text("1 2 3")
    return str(path)


TEXTS: Final[Mapping[str, tuple[str, Make]]] = {
    "lists in lists": ("json", _deep(b"", b"[")),
    "objects in objects": ("json", _deep(b"", b'{"a":')),
    "depth behind a good beginning": ("json", _deep(b'{"people":[],"images":', b"[")),
    "depth that closes": ("json", lambda _: b"[" * 100_000 + b"]" * 100_000),
    "5,000 digits": ("json", lambda _: b'[{"size":' + b"9" * 5_000 + b"}]"),
    "a number of a million digits": ("json", lambda _: b'{"images":[' + b"9" * 1_000_000 + b"]}"),
    "exponents": ("json", lambda _: b'{"people":[{"pose_keypoints_2d":[1e999999999,1,1]}]}'),
    "a name of digits without end": (
        "json",
        _json([{"image_id": "1" * 400_000 + "a1/", "keypoints": [1.0] * 51, "score": 1}]),
    ),
    "names that are no UTF-8": ("json", lambda _: b'{"\xff\xfe": [1], "people": []}'),
    "half a surrogate": ("json", lambda _: b'{"\\ud800": 1, "people": [{"a": "\\udfff"}]}'),
    "pictures outside": (
        "json",
        lambda at: json.dumps(
            [
                {
                    "image": _outside(at), "center": [1, 1], "scale": 1, "joints": [[1, 1]] * 16,
                    "joints_vis": [1] * 15,
                }
            ]
        ).encode(),
    ),
    "files of pictures that climb": (
        "json",
        _json(
            {
                "images": [{"id": 1, "file_name": _CLIMBING, "width": 9, "height": 9}],
                "annotations": [{"image_id": 1, "keypoints": [1, 1, 2] * 17, "dp_I": [1]}],
            }
        ),
    ),
    "Python's tags in YAML": (
        "json text",
        lambda at: f'!!python/object/apply:os.system ["touch {at.canary}"]\n'.encode(),
    ),
    "anchors without end in YAML": (
        "json text",
        lambda _: b"a: &a [x,x]\n" + b"".join(b"%d: &b%d [*a,*a]\n" % (n, n) for n in range(99)),
    ),
    "a glTF whose buffer is elsewhere": ("json", lambda at: _gltf(_outside(at))),
    "an OBJ with a library elsewhere": (
        "text",
        lambda at: f"mtllib {_outside(at)}\ncall {_outside(at)}\nv 0 0 0\nf 1 1 1\n".encode(),
    ),
    "a formula in a table": ("text", lambda _: b"frame,joint,x,y\n=cmd|'/c calc'!A1,nose,1,1\n"),
    "settings outside": ("text", lambda at: _mapping(at)),  # noqa: PLW0108 - it stands below
    "entities in entities": ("xml", _xml(_LAUGHS, "&l19;")),
    "an entity of a file": (
        "xml",
        lambda at: _xml(f'<!ENTITY x SYSTEM "file://{_outside(at)}">', "&x;")(at),
    ),
    "an entity of an address": ("xml", _xml('<!ENTITY x SYSTEM "http://127.0.0.1:9/x">', "&x;")),
    "a document type elsewhere": (
        "xml",
        lambda at: f'<!DOCTYPE a SYSTEM "{_outside(at)}"><a><w0>1</w0></a>'.encode(),
    ),
    "elements in elements": ("xml", _deep(b"", b"<a>", 1_000_000)),
    "an inclusion": ("xml", lambda at: _including(_outside(at))),
    "lines without end before MOTION": ("bvh", lambda _: b"HIERARCHY" + b"\n" * 400_000),
    "MOTION again and again": ("bvh", lambda _: b"HIERARCHY\n" + b"MOTION\nFrames: \n" * 50_000),
    "joints 9,000 deep": ("bvh", _bvh(_NESTED + "}\n" * 9_000, 1)),
    "9,000 tips of one joint": ("bvh", _bvh(_TIPS * 9_000, 1)),
    "still joints over many frames": ("bvh", _bvh(_TIPS * 5_000, 40_000)),
    "10^9 frames claimed": ("bvh", _bvh(_TIPS, 999_999_999)),
    "one number without end": ("bvh", _bvh(_TIPS, 1, "9" * 2_000_000 + " 0 0 0 0 0\n")),
    "9,000 bones in a row": ("asf", lambda _: _asf(9_000, chain=True)),
    "9,000 bones of one parent": ("asf", lambda _: _asf(9_000, chain=False)),
    "a bone that is its own root": (
        "asf",
        lambda _: _asf(1, chain=False).replace(b"b0", b"root"),
    ),
    "frames of still bones": (
        "amc",
        lambda _: b":DEGREES\n" + b"".join(b"%d\nroot 0 0 0 0 0 0\n" % n for n in range(1, 60_000)),
    ),
    "a frame's number of 5,000 digits": ("amc", lambda _: b":DEGREES\n" + b"9" * 5_000 + b"\nroot 0\n"),
    "a file included": ("amc asf", lambda at: f"#include {_outside(at)}\n".encode()),
    "65,535 points over as many frames": (
        "c3d",
        lambda _: bytes([2, 0x50]) + struct.pack("<6H", 65535, 0, 1, 65535, 0, 0) + bytes(2_000),
    ),
    "a header of 2^63 bytes": ("safetensors", _safetensors(b"{}", 1 << 63)),
    "a header of 90 MB": ("safetensors", _safetensors(b"{" + b" " * 90_000_000 + b"}")),
    "a header of brackets": ("safetensors", _safetensors(b"{" + b'"a":{' * 10_000)),
    "a tensor beyond the file": ("safetensors", _tensors(10**12)),
    "a tensor of negative length": ("safetensors", _tensors(-1)),
    "8-bit floats": ("safetensors", _tensors(2, "F8_E4M3")),
    "a billion blocks": ("safetensors", _network('{"width": 8, "blocks": 1000000000}')),
    "a network of 10^18 neurons": ("safetensors", _network('{"width": 1000000000000000000}')),
    "settings that are a list": ("safetensors", _network("[1, 2]")),
    "settings that are nested": ("safetensors", _network("[" * 100_000)),
    "unknown settings": ("safetensors", _network('{"__class__": "os.system"}')),
    "30,000 x 30,000 black pixels": ("picture", lambda _: _picture(30_000, 30_000)),
    "a shape beyond 64 bits": ("binary", lambda _: struct.pack("<4f", 3, 1e18, 1e18, 1e18) + bytes(64)),
    "a MATLAB array of 10^9": ("mat", lambda _: _mat(struct.pack("<2i", 1 << 30, 1), bytes(8))),
    "a MATLAB array of negative length": ("mat", lambda _: _mat(struct.pack("<2i", -5, 1), bytes(8))),
    "400 MB of MATLAB's zeros": ("mat", lambda _: _packed_mat(400)),
    "a CDF's first bytes": ("cdf", lambda _: b"\xcd\xf3\x00\x01\x00\x00\xff\xff" + b"\xff" * 400),
    "a packed CDF": ("cdf", lambda _: b"\xcd\xf3\x00\x01\xcc\xcc\x00\x01" + b"\x00" * 400),
}  # fmt: skip
"""What is wrong, for which kinds of readers, and what makes the file."""


def _gltf(uri: str) -> bytes:
    buffers = [{"uri": where, "byteLength": 9} for where in (uri, "http://127.0.0.1:9/x")]
    return json.dumps({"asset": {"version": "2.0"}, "buffers": buffers}).encode()


def _including(href: str) -> bytes:
    space = "http://www.w3.org/2001/XInclude"
    return f'<a xmlns:x="{space}"><w0><x:include href="{href}" parse="text"/></w0></a>'.encode()


def _mapping(lair: Lair) -> bytes:
    """A list that says that a sequence's cameras are in another place."""
    from tests.helpers.attack_seeds_sets import DANCE, aistpp_cameras

    (lair.secret / "stolen.json").write_bytes(aistpp_cameras()[0])
    return f"{DANCE} {lair.secret}/stolen\n".encode()


def _element(kind: int, data: bytes) -> bytes:
    return struct.pack("<ii", kind, len(data)) + data + bytes(-len(data) % 8)


def _matrix(dims: bytes, data: bytes, name: bytes) -> bytes:
    about = _element(6, struct.pack("<ii", 6, 0)) + _element(5, dims) + _element(1, name)
    return _element(14, about + _element(9, data))


def _mat(dims: bytes, data: bytes) -> bytes:
    head = b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack("<HH", 0x0100, 0x4D49)
    return head + b"".join(_matrix(dims, data, name) for name in (b"RELEASE", b"annot2", b"annot3"))


def _packed_mat(megabytes: int) -> bytes:
    size = megabytes << 20
    about = _matrix(struct.pack("<ii", size // 8, 1), b"", b"RELEASE")[8:-8]
    tags = struct.pack("<ii", 14, size + len(about) + 8) + about + struct.pack("<ii", 9, size)
    packed = zlib_zeros(size, tags)
    start = b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack("<HH", 0x0100, 0x4D49)
    return start + struct.pack("<ii", 15, len(packed)) + packed
