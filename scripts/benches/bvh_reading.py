"""Numbers of BVH files: our parser against `numpy.fromstring`, on text in memory.

`bvh_vs_fromstring` is for a made clip of 1901 frames and 132 channels: smooth angles with six decimals,
as most exporters write them. With LIFT3D_TEST_DATA there are also two real rigs: MotionBuilder's
files have six decimals, Daz's six significant digits and many exponents. Each ratio is that of the
medians, interleaved, on one thread.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from benches._harness import measure, report

from lift3d.io.files.numbers import parse_numbers

FRAMES, CHANNELS = 1901, 132
ROUNDS = 15


def made_clip() -> bytes:
    draw = np.random.default_rng(0)
    angles = np.cumsum(draw.normal(0, 1, (FRAMES, CHANNELS)), 0)
    rows = (" ".join(f"{value:.6f}" for value in row) for row in angles)
    return "\n".join([*rows, ""]).encode()


def real_rigs() -> Iterator[tuple[str, bytes]]:
    """The frames of all files of a rig, one after the other."""
    folder = Path(os.environ.get("LIFT3D_TEST_DATA", "")) / "mocap/original_files"
    for rig in ("motionbuilder", "daz"):
        texts = [path.read_bytes() for path in sorted((folder / f"bvh_{rig}").glob("*.bvh"))]
        if texts:
            yield rig, b"".join(text.split(b"Frame Time:")[1].split(b"\n", 1)[1] for text in texts)


def compared(text: bytes) -> tuple[float, float]:
    """How many times as fast, and our speed in megabytes per second."""
    wanted = np.fromstring(text, sep=" ")
    if not np.array_equal(parse_numbers(text), wanted):
        raise SystemExit("expected the same numbers from both parsers")
    seconds = measure(
        {
            "fromstring": lambda: np.fromstring(text, sep=" "),
            "ours": lambda: parse_numbers(text, len(wanted)),
        },
        rounds=ROUNDS,
    )
    for name, (least, median, most) in seconds.items():
        print(f"  {name:12s} {1e3 * median:7.2f} ms ({1e3 * least:.2f} to {1e3 * most:.2f})")
    ours = seconds["ours"][1]
    return seconds["fromstring"][1] / ours, len(text) / ours / 1e6


def figures() -> dict[str, float]:
    out: dict[str, float] = {}
    for name, text in [("", made_clip()), *real_rigs()]:
        tail = f"_{name}" if name else ""
        print(f"{name or 'made clip'}: {len(text) / 1e6:.1f} MB")
        out[f"bvh_vs_fromstring{tail}"], out[f"bvh_mb_per_second{tail}"] = compared(text)
    return out


if __name__ == "__main__":
    report(figures())
