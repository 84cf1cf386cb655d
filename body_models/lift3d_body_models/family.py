"""The members of SMPL's family: what tells them apart, and where their files come from."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from lift3d.skeleton import Skeleton
from lift3d.skeletons import FLAME_5, MANO_16, SMPL_24, SMPLH_52, SMPLX_55

__all__ = ["FAMILY", "GENDERS", "Member", "member_of"]

GENDERS: Final = ("neutral", "female", "male")


@dataclass(frozen=True, slots=True)
class Member:
    """One kind of body model.

    The number of joints tells what a file holds. `hints` are words in names of files and folders, which
    only decide what is looked at first. `file` is how a user may call the file.
    """

    key: str
    title: str
    factory: str
    skeleton: Skeleton
    hints: tuple[str, ...]
    file: str
    address: str
    licence: str
    genders: tuple[str, ...] = GENDERS
    expressive: bool = False


_RESEARCH: Final = "free for research, not for commerce"

FAMILY: Final[Mapping[str, Member]] = MappingProxyType(
    {
        member.key: member
        for member in (
            Member(
                "smpl", "SMPL", "SmplBody", SMPL_24,
                ("smpl", "basicmodel"), "SMPL_NEUTRAL.pkl",
                "https://smpl.is.tue.mpg.de", _RESEARCH,
            ),
            Member(
                "smplh", "SMPL-H", "SmplhBody", SMPLH_52,
                ("smplh", "smpl-h", "smpl_h", "smpl+h"), "SMPLH_MALE.pkl",
                "https://mano.is.tue.mpg.de", _RESEARCH,
            ),
            Member(
                "smplx", "SMPL-X", "SmplxBody", SMPLX_55,
                ("smplx", "smpl-x", "smpl_x"), "SMPLX_NEUTRAL.npz",
                "https://smpl-x.is.tue.mpg.de", _RESEARCH, expressive=True,
            ),
            Member(
                "mano", "MANO", "ManoBody", MANO_16,
                ("mano",), "MANO_RIGHT.pkl",
                "https://mano.is.tue.mpg.de", _RESEARCH, genders=("right", "left"),
            ),
            Member(
                "flame", "FLAME", "FlameBody", FLAME_5,
                ("flame", "generic_model"), "FLAME_NEUTRAL.pkl",
                "https://flame.is.tue.mpg.de", "CC BY 4.0 or research only, by the version",
                expressive=True,
            ),
        )
    }
)  # fmt: skip


def member_of(joints: int) -> Member | None:
    """The member with so many joints; a model file says no more about what it is."""
    return next((m for m in FAMILY.values() if len(m.skeleton) == joints), None)
