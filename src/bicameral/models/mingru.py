"""A gated recurrence without recurrent weights in its gates, so that a linear scan computes it.

Feng, Tung, Ahmed, Bengio and Hajimirsadeghi 2024, "Were RNNs all we needed?", arXiv 2410.01201. Differs: the
scan is computed directly, not in log space (gates in (0, 1) cannot overflow it); the blocks are pre-norm
residuals, without the paper's convolution and MLP; gates and candidates have biases.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from bicameral.kernels.linear_scan import linear_scan
from bicameral.models import require_counts, require_fractions
from bicameral.nn.masking import Lengths, Resets, forgetting, last_state
from bicameral.nn.positive import positive
from bicameral.nn.pre_norm import PreNormStack
from bicameral.nn.recurrent import Recurrent
from bicameral.registry import model


@dataclass(frozen=True, kw_only=True)
class MinGRUConfig:
    """How wide and deep."""

    width: int = 128  # of the residual stream and of each state
    depth: int = 2  # layers
    dropout: float = 0.0  # on each residual branch, in training

    def __post_init__(self) -> None:
        require_counts(self, "width", "depth")
        require_fractions(self, "dropout")


class MinGRULayer(Recurrent[Tensor]):
    """z = σ(W x_t); h = (1 - z) h + z g(V x_t), with g(v) = v + 1/2 for v >= 0, else σ(v)."""

    def __init__(self, width: int):
        super().__init__()
        self.width = width
        self.gate, self.candidate = nn.Linear(width, width), nn.Linear(width, width)

    def initial_state(self, x_t: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
        return torch.zeros_like(x_t)

    def scan(
        self,
        x: Float[Tensor, "b t d"],
        state: Float[Tensor, "b d"],
        lengths: Lengths,
        resets: Resets = None,
    ) -> tuple[Float[Tensor, "b t d"], Float[Tensor, "b d"]]:
        k, v = self.gate(x), self.candidate(x)
        y = linear_scan(forgetting((-k).sigmoid(), resets), k.sigmoid() * positive(v), state)
        return y, last_state(y, state, lengths)


@model(
    "mingru",
    config=MinGRUConfig,
    family="recurrent",
    reads="sequence",
    gives="steps",
    paper="https://arxiv.org/abs/2410.01201",
    sizes={"small": {"width": 32}, "medium": {"width": 96}, "large": {"width": 160, "depth": 3}},
    causal=True,
)
class MinGRU(PreNormStack):
    """A projection, residual layers, a last norm."""

    def __init__(self, shape: tuple[int, ...], config: MinGRUConfig):
        layers = [MinGRULayer(config.width) for _ in range(config.depth)]
        super().__init__(shape[-1], layers, dropout=config.dropout)
