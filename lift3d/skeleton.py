"""A skeleton: names of joints, and which one hangs on which. Named layouts are in `skeletons`."""

from dataclasses import dataclass
from functools import cached_property

from lift3d.errors import SkeletonError

__all__ = ["Skeleton"]


@dataclass(frozen=True)
class Skeleton:
    """Joints of a body in a fixed order, as a tree.

    `parents[j]` is the index of joint j's parent, -1 for a root. In body and motion-capture
    skeletons a parent stands before its child. The order of a detector's layout is given from
    outside: there `topological` may be false, and the tree serves drawing, not kinematics.
    A skeleton is never guessed from a number of joints.
    """

    name: str
    joints: tuple[str, ...]
    parents: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.joints) != len(self.parents):
            raise SkeletonError(
                f"expected one parent per joint in skeleton '{self.name}', got "
                f"{len(self.joints)} joints and {len(self.parents)} parents: give -1 to a root"
            )
        if len(set(self.joints)) != len(self.joints):
            twice = next(joint for joint in self.joints if self.joints.count(joint) > 1)
            raise SkeletonError(
                f"expected unique joint names in skeleton '{self.name}', got '{twice}' twice: rename one"
            )
        for joint, parent in enumerate(self.parents):
            if not -1 <= parent < len(self.joints):
                raise SkeletonError(
                    f"expected a parent between -1 and {len(self.joints) - 1} in skeleton "
                    f"'{self.name}', got {parent} for joint '{self.joints[joint]}': correct it"
                )
            self._check_root_reached(joint)

    def _check_root_reached(self, joint: int) -> None:
        steps, at = 0, joint
        while at >= 0:
            at, steps = self.parents[at], steps + 1
            if steps > len(self.joints):
                raise SkeletonError(
                    f"expected a tree in skeleton '{self.name}', got a circle through joint "
                    f"'{self.joints[joint]}': give one of them the parent -1"
                )

    def __len__(self) -> int:
        return len(self.joints)

    @cached_property
    def bones(self) -> tuple[tuple[int, int], ...]:
        """(parent, child) index pairs, in the order of the children."""
        return tuple((p, c) for c, p in enumerate(self.parents) if p >= 0)

    @cached_property
    def topological(self) -> bool:
        """Whether every parent stands before its children, as forward kinematics needs."""
        return all(parent < child for child, parent in enumerate(self.parents))

    def index(self, joint: str) -> int:
        """The position of a joint by its name; `SkeletonError` names the joints there are."""
        try:
            return self.joints.index(joint)
        except ValueError:
            raise SkeletonError(
                f"expected a joint of skeleton '{self.name}' ({', '.join(self.joints)}), got '{joint}': "
                "name one of them"
            ) from None

    @cached_property
    def flip_permutation(self) -> tuple[int, ...]:
        """For each joint the index of its mirror image: left and right swapped, the rest in place."""
        return tuple(self.index(_mirrored(joint)) for joint in self.joints)

    def subset(self, name: str, joints: tuple[str, ...]) -> "Skeleton":
        """A skeleton of some joints, each hung on its nearest ancestor that is kept."""
        kept = [self.index(joint) for joint in joints]
        return Skeleton(name, joints, tuple(self._kept_ancestor(index, kept) for index in kept))

    def _kept_ancestor(self, joint: int, kept: list[int]) -> int:
        parent = self.parents[joint]
        while parent >= 0 and parent not in kept:
            parent = self.parents[parent]
        return kept.index(parent) if parent >= 0 else -1


def _mirrored(joint: str) -> str:
    if joint.startswith("left_"):
        return "right_" + joint.removeprefix("left_")
    if joint.startswith("right_"):
        return "left_" + joint.removeprefix("right_")
    return joint
