"""The real-gated linear recurrent unit (De et al. 2024, "Griffin", arXiv 2402.19427, equations 1 to 6).

Equation 6 of the paper writes log a_t with the sign of Λ turned; here it is that of equation 2. The first
frame of a sequence is weighted like every other, as in the paper; the released code leaves out its weight.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from bicameral.kernels.rg_lru import rg_lru
from bicameral.nn.masking import Lengths, Resets, last_state
from bicameral.nn.recurrent import Recurrent

INITS = ("paper", "recurrentgemma")
SHARPNESS = 8  # c: how far the recurrence gate moves the decay
SHORTEST, LONGEST = 0.9, 0.999  # range of the decays at the start


class RGLRU(Recurrent[Tensor]):
    """h_t = a_t h_{t-1} + √(1 - a_t²) (i_t x_t), a_t = σ(Λ)^(8 r_t); r, i = σ(W x_t + b) in blocks.

    The state is at least float32, whatever the input is: half precision would forget what decays slowly.
    """

    def __init__(self, width: int, *, num_blocks: int, init: str = "paper"):
        super().__init__()
        self.width = width
        self.gate_a, self.gate_x = BlockDiagonal(width, num_blocks), BlockDiagonal(width, num_blocks)
        self.decay = nn.Parameter(initial_decay(width, init))

    def initial_state(self, x_t: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
        return torch.zeros_like(x_t, dtype=_at_least_float32(x_t))

    def scan(
        self, x: Float[Tensor, "b t d"], state: Float[Tensor, "b d"], lengths: Lengths, resets: Resets = None
    ) -> tuple[Float[Tensor, "b t d"], Float[Tensor, "b d"]]:
        exact = _at_least_float32(x)
        gate_a, gate_x = self.gate_a(x).to(exact), self.gate_x(x).to(exact)
        log_a = -SHARPNESS * functional.softplus(-self.decay.to(exact))
        h = rg_lru(x.to(exact), gate_a, gate_x, log_a, state, resets)
        return h.to(x.dtype), last_state(h, state, lengths)


class BlockDiagonal(nn.Module):
    """A linear layer in which each block of outputs reads its own block of inputs."""

    def __init__(self, width: int, num_blocks: int):
        super().__init__()
        size = width // num_blocks
        self.weight = nn.Parameter(torch.empty(num_blocks, size, size))
        self.bias = nn.Parameter(torch.zeros(num_blocks, size))
        nn.init.normal_(self.weight, std=size**-0.5)

    def forward(self, x: Float[Tensor, "*b d"]) -> Float[Tensor, "*b d"]:
        blocks = x.reshape(-1, *self.bias.shape).transpose(0, 1)
        y = torch.baddbmm(self.bias[:, None], blocks, self.weight)
        return y.transpose(0, 1).reshape(x.shape)


def initial_decay(width: int, init: str) -> Float[Tensor, "d"]:
    """Return Λ: in the paper σ(Λ)^8 is uniform in [0.9, 0.999], in the released code the square of σ(Λ).

    With half-open gates half of the units remember 39 frames or more in the paper, 5 in the code.
    """
    if init == "paper":
        log_a = torch.empty(width).uniform_(SHORTEST, LONGEST).log() / SHARPNESS
    else:
        log_a = torch.empty(width).uniform_(SHORTEST**2, LONGEST**2).log() / 2
    return log_a - torch.log(-torch.expm1(log_a))


def _at_least_float32(x: Tensor) -> torch.dtype:
    return torch.promote_types(x.dtype, torch.float32)
