"""The positive candidate of minGRU and minLSTM (arXiv 2410.01201, appendix B)."""

import torch
from jaxtyping import Float
from torch import Tensor


def positive(v: Float[Tensor, "*b d"]) -> Float[Tensor, "*b d"]:
    """v + 1/2 for v >= 0, else σ(v): above zero everywhere, so that a logarithm of it exists."""
    return torch.where(v >= 0, v + 0.5, v.sigmoid())
