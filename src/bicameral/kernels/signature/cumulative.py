"""The running signature without a loop over time: each level is a cumulative sum over the level below."""

import torch
from jaxtyping import Float
from torch import Tensor


def signature_by_sums(
    delta: Float[Tensor, "b t d"], s: Float[Tensor, "b e"], depth: int
) -> Float[Tensor, "b t e"]:
    """Level k grows by sum_j S^(k-j)_{t-1} ⊗ delta^j / j!, formed from the levels below by Horner's rule."""
    starts = s.split([delta.shape[2] ** level for level in range(1, depth + 1)], 1)
    after: list[Tensor] = []
    before: list[Tensor] = []
    for start in starts:
        after.append(start[:, None] + _growth(delta, before).cumsum(1))
        before.append(torch.cat([start[:, None], after[-1]], 1)[:, :-1])
    return torch.cat(after, 2)


def _growth(delta: Float[Tensor, "b t d"], before: list[Tensor]) -> Float[Tensor, "b t e"]:
    level = len(before) + 1
    growth = delta / level
    for lower, known in enumerate(before, start=1):
        growth = ((growth + known)[..., None] * (delta / (level - lower))[:, :, None, :]).flatten(2)
    return growth
