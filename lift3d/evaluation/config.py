"""What is shown to a lifter, and which joints it is judged by."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from lift3d.errors import InputError
from lift3d.metrics import CAPTURED_JOINTS
from lift3d.skeleton import Skeleton
from lift3d.skeletons import H36M_17, LIFT_23

__all__ = ["H36M_14", "JOINT_SETS", "EvaluationConfig", "JointSet"]


JointSetName = Literal["lift_15", "h36m_17", "h36m_14"]


@dataclass(frozen=True, slots=True)
class EvaluationConfig:
    """What is shown to the lifter."""

    split: str = "test"
    """Split of the dataset."""
    cameras: Literal["random", "captured"] = "random"
    """Random cameras around the clips, or the dataset's own cameras and keypoints."""
    joints: Literal["auto", "lift_15", "h36m_17", "h36m_14"] = "auto"
    """Joints that count; auto: lift_15 with random, h36m_17 with captured cameras."""
    keypoints: Literal["given", "projected"] = "given"
    """With captured cameras: the dataset's keypoints, or the true joints projected."""
    source: str = ""
    """With captured cameras: only keypoints of this maker, where a dataset has several."""
    subjects: tuple[str, ...] = ()
    """Only these people; all when empty."""
    actions: tuple[str, ...] = ()
    """Only these actions; all when empty."""
    unmeasured: bool = False
    """Judge also by joints that were not solved from markers for this person's own skeleton."""
    seed: int = 0
    """Seed of cameras and noise."""
    window: int = 60
    """Frames per random camera, at most; 0 shows whole clips. Captured clips are always whole."""
    every: int = 1
    """Use every n-th window (or captured view) only, for a quick look."""
    hypotheses: int = 1
    """Answers asked of a lifter that can give several."""

    def __post_init__(self) -> None:
        if self.window < 0 or self.every < 1 or self.hypotheses < 1:
            raise InputError(
                "expected a window of at least 0 frames, and a step (every) and a number of "
                f"hypotheses of at least 1, got {self.window}, {self.every} and "
                f"{self.hypotheses}: correct them"
            )
        if self.cameras == "random" and (self.source or self.keypoints != "given"):
            raise InputError(
                "expected a choice of keypoints (source, keypoints) with captured cameras only, "
                "got random cameras: add --cameras captured or leave it out"
            )

    @property
    def joint_set(self) -> "JointSet":
        """The joints that count, `auto` decided."""
        automatic: JointSetName = "lift_15" if self.cameras == "random" else "h36m_17"
        return JOINT_SETS[automatic if self.joints == "auto" else self.joints]


@dataclass(frozen=True, slots=True)
class JointSet:
    """Joints of a skeleton that errors are taken over; its joint 0 is the root, `pelvis`."""

    name: JointSetName
    skeleton: Skeleton
    judged: tuple[int, ...]
    words: str

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.skeleton.joints[index] for index in self.judged)

    @property
    def bones(self) -> tuple[tuple[int, int], ...]:
        """Bones between judged joints and the root, as indices of the skeleton."""
        kept = (0, *(index for index in self.judged if index != 0))
        some = self.skeleton.subset(self.name, tuple(self.skeleton.joints[i] for i in kept))
        return tuple((kept[parent], kept[child]) for parent, child in some.bones)

    @property
    def feet(self) -> tuple[int, ...]:
        return tuple(self.skeleton.index(f"{side}_ankle") for side in ("left", "right"))


_LIMBS: Final = tuple(
    f"{side}_{part}"
    for part in ("ankle", "knee", "hip", "wrist", "elbow", "shoulder")
    for side in ("right", "left")
)
H36M_14: Final = tuple(H36M_17.index(joint) for joint in (*_LIMBS, "thorax", "head_top"))
"""The 14 joints of the Leeds Sports set as SMPL regressors are judged by (HMR, CVPR 2018)."""

JOINT_SETS: Final[Mapping[JointSetName, JointSet]] = {
    "lift_15": JointSet(
        "lift_15",
        LIFT_23,
        CAPTURED_JOINTS,
        "hips, knees, ankles, shoulders, elbows, wrists, and spine, thorax, head where the source "
        "defines them as CMU does (15 at most); without the root, and without face and feet, which "
        "are synthesised",
    ),
    "h36m_17": JointSet(
        "h36m_17",
        H36M_17,
        tuple(range(17)),
        "all 17 of Human3.6M with the root, whose error is 0 by definition, as papers count; those "
        "that the truth or the lifter does not have by name are made from others "
        "(lift3d.skeletons.correspondence)",
    ),
    "h36m_14": JointSet(
        "h36m_14",
        H36M_17,
        H36M_14,
        "14 of Human3.6M: hips, knees, ankles, shoulders, elbows, wrists, thorax, top of the head; "
        "without the root",
    ),
}
"""By name."""
