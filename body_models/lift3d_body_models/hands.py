"""Hand poses by principal components, as SMPL-H, SMPL-X and MANO files hold them.

J. Romero, D. Tzionas and M. J. Black, Embodied Hands: modeling and capturing hands and bodies together,
ACM Transactions on Graphics 36(6), 2017.
"""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from lift3d.errors import InputError

__all__ = ["HandPca"]


@dataclass(frozen=True, slots=True)
class HandPca:
    """Directions in which the 15 finger joints of one hand move together, and a relaxed hand's pose.

    Poses in `BodyParams` are whole: zeros are a flat hand, whatever the mean is.
    """

    components: Float[Tensor, "components 45"]
    mean: Float[Tensor, " 45"]

    def pose(
        self, coefficients: Float[Tensor, "*batch used"], *, flat: bool = False
    ) -> Float[Tensor, "*batch 15 3"]:
        """Axis-angle (radians) of the finger joints: the mean plus coefficients times components.

        The first components are used where fewer are given. With `flat`, zeros give the flat hand
        instead of the mean. Raises `InputError` for more coefficients than there are.
        """
        used = coefficients.shape[-1]
        if used > len(self.components):
            raise InputError(
                f"expected at most {len(self.components)} hand coefficients, got {used}: cut them"
            )
        moved = coefficients @ self.components[:used].to(coefficients)
        whole = moved if flat else moved + self.mean.to(coefficients)
        return whole.reshape(*whole.shape[:-1], 15, 3)

    def coefficients(
        self, pose: Float[Tensor, "*batch 15 3"], count: int, *, flat: bool = False
    ) -> Float[Tensor, "*batch count"]:
        """The coefficients whose pose is nearest, by least squares; the inverse of `pose`."""
        given = pose.flatten(-2)
        moved = given if flat else given - self.mean.to(given)
        return moved @ self.components[:count].to(given).pinverse()
