"""What a running signature is: the readable definition every faster path must equal."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from bicameral.kernels.frames import stacked


def signature(delta: Float[Tensor, "b t d"], s: Float[Tensor, "b e"], depth: int) -> Float[Tensor, "b t e"]:
    """Return S_t = S_{t-1} ⊗ exp(delta_t) for every t, levels 1 to `depth` side by side."""
    levels = list(s.split([delta.shape[2] ** level for level in range(1, depth + 1)], 1))
    signatures = []
    for step in delta.unbind(1):
        levels = _product([torch.ones_like(s[:, :1]), *levels], _exponential(step, depth))
        signatures.append(torch.cat(levels, 1))
    return stacked(signatures, s)


def _exponential(step: Float[Tensor, "b d"], depth: int) -> list[Tensor]:
    """Return the signature of a straight line: step^{⊗k} / k! for k = 0 to `depth`."""
    powers = [torch.ones_like(step[:, :1])]
    for _ in range(depth):
        powers.append(_tensor(powers[-1], step))
    return [power / math.factorial(level) for level, power in enumerate(powers)]


def _product(a: list[Tensor], b: list[Tensor]) -> list[Tensor]:
    """Return levels 1 and higher of the truncated product of two signatures with their level 0."""
    return [
        torch.stack([_tensor(a[level - other], b[other]) for other in range(level + 1)]).sum(0)
        for level in range(1, len(a))
    ]


def _tensor(a: Float[Tensor, "b d"], b: Float[Tensor, "b e"]) -> Float[Tensor, "b f"]:
    return (a[:, :, None] * b[:, None, :]).flatten(1)
