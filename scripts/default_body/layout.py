"""Names and tables of the default body: joints, the bones they gather, regions and their colours."""

from __future__ import annotations

import numpy as np

JOINT_NAMES: tuple[str, ...] = (
    "pelvis",
    "left_hip",
    "right_hip",
    "spine1",
    "left_knee",
    "right_knee",
    "spine2",
    "left_ankle",
    "right_ankle",
    "spine3",
    "left_foot",
    "right_foot",
    "neck",
    "left_collar",
    "right_collar",
    "head",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "left_hand",
    "right_hand",
)
PARENTS: tuple[int, ...] = (
    *(-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8),
    *(9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21),
)
JOINT_COUNT = len(JOINT_NAMES)

# SMPL's y-up, facing +z, from the source's z-up, facing -y.
SOURCE_TO_BODY = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])

_TOES = ("toe1-1", "toe1-2", *(f"toe{toe}-{part}" for toe in range(2, 6) for part in (1, 2, 3)))
_FINGERS = tuple(f"finger{finger}-{part}" for finger in range(1, 6) for part in (1, 2, 3))
_PALM = tuple(f"metacarpal{k}" for k in range(1, 5))

# joint: (bones whose heads average to the joint's position, bones whose skin the joint moves).
_CENTRE: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "pelvis": (("root",), ("root", "pelvis.L", "pelvis.R", "spine05")),
    "spine1": (("spine04",), ("spine04", "spine03")),
    "spine2": (("spine02",), ("spine02",)),
    "spine3": (("spine01",), ("spine01",)),
    "neck": (("neck01",), ("neck01", "neck02")),
    "head": (("head",), ("neck03", "head", "eye.L", "eye.R")),
}
_SIDE: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "hip": (("upperleg01",), ("upperleg01", "upperleg02")),
    "knee": (("lowerleg01",), ("lowerleg01", "lowerleg02")),
    "ankle": (("foot",), ("foot",)),
    "foot": (("toe1-1", "toe2-1", "toe3-1"), _TOES),
    "collar": (("clavicle",), ("clavicle", "shoulder01")),
    "shoulder": (("upperarm01",), ("upperarm01", "upperarm02")),
    "elbow": (("lowerarm01",), ("lowerarm01", "lowerarm02")),
    "wrist": (("wrist",), ("wrist", *_PALM)),
    "hand": (("finger3-1",), _FINGERS),
}


def bone_tables() -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]]:
    """Return `(joint -> bones whose heads place it, joint -> bones whose skin it carries)`."""
    heads = {name: bones for name, (bones, _) in _CENTRE.items()}
    skins = {name: bones for name, (_, bones) in _CENTRE.items()}
    for side, letter in (("left", "L"), ("right", "R")):
        for name, (head, skin) in _SIDE.items():
            heads[f"{side}_{name}"] = tuple(f"{bone}.{letter}" for bone in head)
            skins[f"{side}_{name}"] = tuple(f"{bone}.{letter}" for bone in skin)
    return heads, skins


def index(name: str) -> int:
    """Return the index of a joint by its name."""
    return JOINT_NAMES.index(name)


def mirrored_joints() -> list[int]:
    """Return for every joint the index of its mirror image (itself on the midline)."""
    swap = {"left": "right", "right": "left"}
    names = [
        "_".join([swap.get(head, head), *tail])
        for head, *tail in (name.split("_") for name in JOINT_NAMES)
    ]
    return [index(name) for name in names]


# Region name -> linear RGB (the space of glTF's COLOR_0), in the order of the stored labels.
REGION_COLOURS: dict[str, tuple[float, float, float]] = {
    "skin": (0.54, 0.30, 0.19),
    "shirt": (0.075, 0.22, 0.36),
    "shorts": (0.045, 0.055, 0.075),
    "hair": (0.035, 0.020, 0.012),
    "shoes": (0.10, 0.10, 0.11),
    "sclera": (0.78, 0.76, 0.73),
    "iris": (0.07, 0.10, 0.09),
    "pupil": (0.006, 0.006, 0.006),
    "lips": (0.44, 0.165, 0.125),
}
REGION_NAMES: tuple[str, ...] = tuple(REGION_COLOURS)
