"""The gated MLP of Griffin: one of two projections opens or shuts the other (Dauphin 2016, Shazeer 2020)."""

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from bicameral.nn.lecun import lecun_linear


class GatedMLP(nn.Module):
    """W_o(GELU(W_g x) ⊙ W_u x), `expansion` times as wide inside."""

    def __init__(self, width: int, *, expansion: float, variance: float = 1.0):
        super().__init__()
        hidden = round(expansion * width)
        self.gate, self.up = (lecun_linear(width, hidden) for _ in range(2))
        self.down = lecun_linear(hidden, width, variance=variance)

    def forward(self, x: Float[Tensor, "*b d"]) -> Float[Tensor, "*b d"]:
        return self.down(functional.gelu(self.gate(x), approximate="tanh") * self.up(x))
