"""Truncated signatures of a path after every increment: Chen's identity, all frames at once."""

from jaxtyping import Float
from torch import Tensor

from bicameral.kernels.signature.cumulative import signature_by_sums


def signature(delta: Float[Tensor, "b t d"], s: Float[Tensor, "b e"], depth: int) -> Float[Tensor, "b t e"]:
    """Return the signature after each increment, from the signature `s` before the first.

    e  d + d^2 + ... + d^depth: level k holds the integrals over k coordinates, the outermost one last
    """
    return signature_by_sums(delta, s, depth)


def signature_size(num_channels: int, depth: int) -> int:
    """Return the number of terms of levels 1 to `depth`; level 0 is always one and left out."""
    return sum(num_channels**level for level in range(1, depth + 1))
