"""An LSTM without recurrent weights, whose two gates share the memory, so that a linear scan computes it.

Feng, Tung, Ahmed, Bengio and Hajimirsadeghi 2024, "Were RNNs all we needed?", arXiv 2410.01201. Differs: the
scan is computed directly, not in log space (shares in (0, 1) cannot overflow it); the blocks are pre-norm
residuals, without the paper's convolution and MLP; gates and candidates have biases.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import softplus

from bicameral.kernels.linear_scan import linear_scan
from bicameral.models.mingru import MinGRUConfig
from bicameral.nn.masking import Lengths, Resets, forgetting, last_state
from bicameral.nn.positive import positive
from bicameral.nn.pre_norm import PreNormStack
from bicameral.nn.recurrent import Recurrent
from bicameral.registry import model


@dataclass(frozen=True, kw_only=True)
class MinLSTMConfig(MinGRUConfig):
    """How wide and deep."""


class MinLSTMLayer(Recurrent[Tensor]):
    """f, i = σ(W x_t); h = f / (f + i) h + i / (f + i) g(V x_t): the shares sum to one at any length."""

    def __init__(self, width: int):
        super().__init__()
        self.width = width
        self.gates, self.candidate = nn.Linear(width, 2 * width), nn.Linear(width, width)

    def initial_state(self, x_t: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
        return torch.zeros_like(x_t)

    def scan(
        self,
        x: Float[Tensor, "b t d"],
        state: Float[Tensor, "b d"],
        lengths: Lengths,
        resets: Resets = None,
    ) -> tuple[Float[Tensor, "b t d"], Float[Tensor, "b d"]]:
        f, i = self.gates(x).chunk(2, 2)
        keep = softplus(-i) - softplus(-f)  # log σ(f) - log σ(i), so that f / (f + i) = σ(keep)
        taken = (-keep).sigmoid() * positive(self.candidate(x))
        y = linear_scan(forgetting(keep.sigmoid(), resets), taken, state)
        return y, last_state(y, state, lengths)


@model(
    "minlstm",
    config=MinLSTMConfig,
    family="recurrent",
    reads="sequence",
    gives="steps",
    paper="https://arxiv.org/abs/2410.01201",
    sizes={"small": {"width": 32}, "medium": {"width": 96}, "large": {"width": 160, "depth": 3}},
    causal=True,
)
class MinLSTM(PreNormStack):
    """A projection, residual layers, a last norm."""

    def __init__(self, shape: tuple[int, ...], config: MinLSTMConfig):
        layers = [MinLSTMLayer(config.width) for _ in range(config.depth)]
        super().__init__(shape[-1], layers, dropout=config.dropout)
