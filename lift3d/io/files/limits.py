"""How large files may be before readers take them for broken or hostile.

The environment raises or lowers each of them, for a whole process: `LIFT3D_MAX_PEOPLE=5000` and so on,
by the names of the fields below. They are read once, when lift3d is imported.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Final

from lift3d.errors import InputError

__all__ = ["LIMITS", "Limits"]

_PREFIX: Final = "LIFT3D_MAX_"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one file may hold. Lists that are read piece by piece may be longer than `bytes`."""

    people: int = 1_000
    """People in one picture."""
    joints: int = 2_000
    """Joints of a recorded skeleton."""
    values: int = 60_000_000
    """Numbers that are made arrays: 26 keypoints of somebody over 770,000 frames, 0.5 GB."""
    bytes: int = 1 << 30
    """Bytes of a text or a recording that is read whole."""
    unpacked: int = 2 << 30
    """Bytes of arrays in archives and pickles; the largest body model that people hold has 0.9 GB."""
    pixels: int = 250_000_000
    """Pixels of a picture, or of all frames of an animated one: 0.75 GB. Phones have 200 million."""
    steps: int = 3_000_000
    """Opcodes of a pickle; containers and calls count for ten: about 2 s."""

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "Limits":
        """The limits that an environment asks for; `InputError` for what is no whole number above 0."""
        asked = {field.name: environment.get(_PREFIX + field.name.upper()) for field in fields(cls)}
        return cls(**{name: _whole(name, text) for name, text in asked.items() if text})


def _whole(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < len(text) <= 18 and int(text) > 0):
        raise InputError(
            f"expected a whole number above 0 in {_PREFIX}{name.upper()}, got '{text[:40]}': correct "
            "or unset it"
        )
    return int(text)


LIMITS: Final = Limits.of(os.environ)
"""Those of this process."""
