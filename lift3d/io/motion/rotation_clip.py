"""A clip as animation files hold it: a skeleton with offsets, and a rotation per joint and frame."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from lift3d.errors import InputError
from lift3d.geometry.kinematics import forward_kinematics

__all__ = ["RotationClip"]


@dataclass(frozen=True, slots=True)
class RotationClip:
    """Local rotations and offsets of all joints, in metres, the root's offset being its path.

    Joints have their files' names, parents before children, -1 for the root; tips of limbs are joints
    without a turn of their own. `rest` are the offsets of the skeleton itself: `offsets` differ from
    them in the root, and where a file moves a joint in its parent's frame.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    rest: Float[Tensor, "joints 3"]
    offsets: Float[Tensor, "frames joints 3"]
    rotmats: Float[Tensor, "frames joints 3 3"]
    fps: float

    def __post_init__(self) -> None:
        frames, joints = self.offsets.shape[:2]
        if self.rotmats.shape != (frames, joints, 3, 3) or self.rest.shape != (joints, 3):
            raise InputError(
                f"expected rotmats [{frames}, {joints}, 3, 3] and rest [{joints}, 3], got "
                f"{list(self.rotmats.shape)} and {list(self.rest.shape)}: give one of each joint"
            )
        topological = all(parent < child for child, parent in enumerate(self.parents))
        if not (len(self.names) == len(self.parents) == joints and topological):
            raise InputError(
                f"expected {joints} names and parents, a parent before its child, got {self.names} and "
                f"{self.parents}: put them in that order"
            )

    def __len__(self) -> int:
        return len(self.offsets)

    def world(self) -> tuple[Float[Tensor, "frames joints 3 3"], Float[Tensor, "frames joints 3"]]:
        """Rotations and places (metres) of all joints in the file's world."""
        return forward_kinematics(self.rotmats, self.offsets, self.parents)

    def joints(self) -> Float[Tensor, "frames joints 3"]:
        """Places of all joints in the file's world, in metres."""
        return self.world()[1]
