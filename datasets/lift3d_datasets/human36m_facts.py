"""What is fixed about Human3.6M: its people, actions, cameras, joints, and the names files give them.

Ionescu, Papava, Olaru and Sminchisescu, "Human3.6M", TPAMI 2014. Indices of the moving joints and the
split by subject are those of Martinez et al. 2017 and of everybody since.
"""

import re
from dataclasses import dataclass
from typing import Final

from lift3d.errors import FileFormatError
from lift3d.skeleton import Skeleton
from lift3d.skeletons import H36M_17

__all__ = [
    "ACTIONS",
    "ACTION_CODES",
    "CAMERAS",
    "FPS",
    "H36M_16",
    "HOURGLASS_16",
    "MOVING",
    "TEST",
    "TRAIN",
    "Take",
    "subject_named",
    "take_named",
]

TRAIN: Final = ("S1", "S5", "S6", "S7", "S8")
TEST: Final = ("S9", "S11")
FPS: Final = 50.0

ACTIONS: Final = (
    "Directions", "Discussion", "Eating", "Greeting", "Phoning", "Photo", "Posing", "Purchases",
    "Sitting", "SittingDown", "Smoking", "Waiting", "WalkDog", "WalkTogether", "Walking",
)  # fmt: skip
"""The fifteen actions; each person does each twice."""

ACTION_CODES: Final = {
    2: "Directions", 3: "Discussion", 4: "Eating", 5: "Greeting", 6: "Phoning", 7: "Posing",
    8: "Purchases", 9: "Sitting", 10: "SittingDown", 11: "Smoking", 12: "Photo", 13: "Waiting",
    14: "Walking", 15: "WalkDog", 16: "WalkTogether",
}  # fmt: skip
"""Numbers of the actions in `metadata.xml`, and in names like `s_09_act_02_subact_01_ca_01`."""

_OTHER_NAMES: Final = {
    "TakingPhoto": "Photo",
    "WalkingDog": "WalkDog",
    "WalkingTogether": "WalkTogether",
}

CAMERAS: Final[dict[str, tuple[int, int]]] = {
    "54138969": (1002, 1000),
    "55011271": (1000, 1000),
    "58860488": (1000, 1000),
    "60457274": (1002, 1000),
}
"""Cameras in their usual order, with (height, width) of their pictures."""

MOVING: Final = (0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27)
"""Which of the 32 stored joints are the joints of `H36M_17`, in its order."""

H36M_16: Final = H36M_17.subset("h36m_16", tuple(j for j in H36M_17.joints if j != "neck_nose"))
"""`H36M_17` without its ninth joint, as Martinez et al. feed it."""

HOURGLASS_16: Final = Skeleton(
    "h36m_hourglass_16",
    (
        "right_ankle", "right_knee", "right_hip", "left_hip", "left_knee", "left_ankle", "pelvis",
        "spine", "thorax", "head_top", "right_wrist", "right_elbow", "right_shoulder",
        "left_shoulder", "left_elbow", "left_wrist",
    ),
    (1, 2, 6, 6, 3, 4, -1, 6, 7, 8, 11, 12, 8, 8, 13, 14),
)  # fmt: skip
"""Stacked Hourglass after fine-tuning on Human3.6M: MPII's order with Human3.6M's trunk."""

_NAME: Final = re.compile(r"([A-Za-z]+)(?:[ _](\d+))?")
_BROKEN: Final = ("S11", "Directions")
"""The take whose video is damaged: left out by everybody."""


@dataclass(frozen=True, slots=True)
class Take:
    """One recording: who, what, and the name of the file it came in (canonical spelling)."""

    subject: str
    action: str
    name: str

    @property
    def broken(self) -> bool:
        return (self.subject, self.name) == _BROKEN


def take_named(subject: str, stem: str) -> Take | None:
    """The take that a file's stem names ("Directions 1", "WalkingDog"); None if it is none of them.

    The whole word is compared, so "Sitting" is never "SittingDown", nor "Walking" "WalkDog".
    """
    match = _NAME.fullmatch(stem)
    if match is None:
        return None
    action = _OTHER_NAMES.get(match[1], match[1])
    if action not in ACTIONS:
        return None
    return Take(subject, action, f"{action} {match[2]}" if match[2] else action)


def subject_named(name: str) -> str:
    """The person as "S1", or `FileFormatError`, for names that files use ("S01", "s_01", "1")."""
    match = re.fullmatch(r"[sS]?_?0*(\d+)", name)
    if match is None:
        raise FileFormatError(
            f"expected a person of Human3.6M (S1 to S11), got '{name}': rename the folder or key"
        )
    return f"S{int(match[1])}"
