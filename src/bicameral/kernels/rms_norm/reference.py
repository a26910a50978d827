"""The definition of RMS normalisation."""

import torch
from jaxtyping import Float
from torch import Tensor

EPS = 1e-6  # added to the mean square


def rms_norm(x: Float[Tensor, "*b d"], weight: Float[Tensor, "d"]) -> Float[Tensor, "*b d"]:
    """Return x / √(mean of x² + EPS) ⊙ weight."""
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + EPS) * weight
