"""A page that lifts keypoint files by itself: readers, network and player in one script.

What runs the network is not in the page but beside it, as scripts that hand over bytes: a page opened
from a disk may load scripts, yet fetch nothing.
"""

import base64
import gzip
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch

from lift3d.conventions import DEFAULT_FOV
from lift3d.errors import InputError
from lift3d.io.keypoints.pixels import COMMON_SIZES
from lift3d.pictures.web.clips import FILE
from lift3d.pictures.web.packing import packed
from lift3d.pictures.web.page import (
    PLAYER,
    as_json,
    asset,
    filled,
    script_hash,
    script_of,
    variables,
)
from lift3d.pictures.web.stage import Figure, Stage
from lift3d.skeleton import Skeleton
from lift3d.skeletons import SKELETONS

__all__ = ["PACKS", "LiftingFacts", "lifting_page", "pack"]

PACKS: Final = ("runtime", "wasm", "universal")
"""What lies beside the page: ONNX Runtime Web's script, its WebAssembly, and the network."""

_SCRIPTS: Final = ("openpose", "coco", "mediapipe", "reading", "following", "lifting", "steady",
                   "staging", "saving", "page")  # fmt: skip
_LAYOUTS: Final = ("coco_17", "coco_18", "body_25", "halpe_26", "mpii_16", "mpi_15", "mediapipe_33")
_COLOURS: Final = 6
_STAGE: Final = re.compile(r"<main.*</main>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class LiftingFacts:
    """What the page must know of the network.

    `vocabulary` are the points that it reads, in its order; those of `skeleton` come first and are
    what the page shows. `hips` are two of them; keypoints below `min_confidence` do not count, and
    frames with fewer than `min_keypoints` are not lifted.
    """

    vocabulary: tuple[str, ...]
    skeleton: Skeleton
    hips: tuple[int, int]
    min_confidence: float
    min_keypoints: int

    def __post_init__(self) -> None:
        if self.vocabulary[: len(self.skeleton)] != self.skeleton.joints:
            raise InputError(
                f"expected a vocabulary that begins with the joints of {self.skeleton.name}, got "
                "another order: give the network's own"
            )


def lifting_page(facts: LiftingFacts) -> str:
    """The page's HTML; `pack` makes the files of `PACKS` that it needs beside it.

    Its security policy lets it run its own script, load what lies beside it and compile WebAssembly;
    it can send nothing: every other request is refused.
    """
    script = script_of((*PLAYER, *(f"lifting/{name}" for name in _SCRIPTS)))
    parts = {
        "policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; "
        f"form-action 'none'; script-src 'self' blob: 'wasm-unsafe-eval' '{script_hash(script)}'",
        "style": variables() + asset("viewer.css") + asset("lifting/page.css"),
        "stage": _stage(),
        "facts": as_json(_told(facts)),
        "script": script,
    }
    return filled(asset("lifting/page.html"), parts)


def pack(name: str, data: bytes) -> str:
    """A script that hands bytes to the page under a name of `PACKS`."""
    text = base64.b64encode(gzip.compress(data, 6, mtime=0)).decode()
    return f'lift3dPack("{name}", "{text}");\n'


def _stage() -> str:
    found = _STAGE.search(asset("viewer.html"))
    assert found  # noqa: S101 - the template is ours
    return filled(found[0], {"title": ""})


def _told(facts: LiftingFacts) -> dict[str, Any]:
    return {
        "vocabulary": facts.vocabulary,
        "joints": len(facts.skeleton),
        "hips": facts.hips,
        "minConfidence": facts.min_confidence,
        "minKeypoints": facts.min_keypoints,
        "angle": math.degrees(DEFAULT_FOV),
        "sizes": COMMON_SIZES,
        "mostFrames": FILE.person_frames,
        "layouts": _layouts(),
        "scene": _scene(facts.skeleton),
    }


def _layouts() -> Mapping[str, Sequence[str]]:
    # BODY_135 begins with the points of a body, which are all that is lifted.
    body_135 = {"body_135": SKELETONS["body_25b"].joints}
    return {name: SKELETONS[name].joints for name in _LAYOUTS} | body_135


def _scene(skeleton: Skeleton) -> dict[str, Any]:
    """Colours and limbs of the first few people, as the player wants them."""
    joints = torch.zeros(1, len(skeleton), 3)
    nobody = torch.zeros(1, dtype=torch.bool)
    feet = torch.zeros(1, 2, dtype=torch.bool)
    figures = tuple(
        Figure(
            "", skeleton, joints, torch.zeros(*joints.shape, 3), nobody, nobody, feet, None, number
        )
        for number in range(_COLOURS)
    )
    told, _ = packed(Stage("", figures, 30.0))
    keys = ("body", "dye", "colors", "joints", "sides", "limbs", "feet", "hips")
    people = [{key: person[key] for key in keys} for person in told["people"]]
    return {"themes": told["themes"], "people": people}
