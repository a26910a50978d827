"""A linear recurrence with complex eigenvalues on a ring just inside the unit circle.

Orvieto et al. 2023, arXiv 2303.06349. Differs: layer norm instead of batch norm.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Complex, Float
from torch import Tensor, nn
from torch.nn import functional

from bicameral.errors import ConfigError
from bicameral.kernels.linear_scan import linear_scan
from bicameral.models import require_counts, require_fractions
from bicameral.nn.masking import Lengths, Resets, forgetting, last_state
from bicameral.nn.pre_norm import PreNormStack
from bicameral.nn.recurrent import Recurrent
from bicameral.nn.stack import Framewise, Stack
from bicameral.registry import model


@dataclass(frozen=True, kw_only=True)
class LRUConfig:
    """How wide and deep, and how long it remembers at the start."""

    width: int = 64  # of the residual stream
    num_states: int = 64  # complex units of each recurrence
    depth: int = 2  # layers
    r_min: float = 0.5  # least modulus of the eigenvalues at the start
    r_max: float = 0.99  # largest; tasks with long memory need a ring from 0.9 to 0.999
    max_phase: float = 2 * math.pi  # largest angle, in radians; long memory needs a small one
    dropout: float = 0.0  # on each residual branch and before its gate, in training

    def __post_init__(self) -> None:
        require_counts(self, "width", "num_states", "depth")
        require_fractions(self, "r_min", "r_max", "dropout")
        if self.r_min >= self.r_max:
            raise ConfigError(f"LRUConfig.r_min is {self.r_min}; expected less than r_max = {self.r_max}")
        if not 0 < self.max_phase <= 2 * math.pi:
            raise ConfigError(f"LRUConfig.max_phase is {self.max_phase}; expected more than 0, at most 2π")


class LRULayer(Recurrent[Tensor]):
    """h_t = λ ⊙ h_{t-1} + γ ⊙ B x_t; y_t = Re(C h_t) + D ⊙ x_t. The last axis of the state is (Re, Im)."""

    slow: ClassVar = ("nu", "theta", "gamma")

    def __init__(self, config: LRUConfig):
        super().__init__()
        self.width, num_states = config.width, config.num_states
        radius = torch.empty(num_states).uniform_(config.r_min**2, config.r_max**2).sqrt()
        phase = config.max_phase * (1 - torch.rand(num_states))  # above zero: it has a logarithm
        self.nu, self.theta = nn.Parameter((-radius.log()).log()), nn.Parameter(phase.log())
        self.gamma = nn.Parameter((1 - radius**2).log() / 2)
        self.B = nn.Parameter(torch.randn(num_states, 2, self.width) / math.sqrt(2 * self.width))
        self.C = nn.Parameter(torch.randn(self.width, num_states, 2) / math.sqrt(num_states))
        self.D = nn.Parameter(torch.randn(self.width))

    def eigenvalues(self) -> Complex[Tensor, "n"]:
        """Return λ = exp(-exp ν + i exp θ)."""
        return torch.polar((-self.nu.exp()).exp(), self.theta.exp())

    def initial_state(self, x_t: Float[Tensor, "b d"]) -> Float[Tensor, "b n 2"]:
        return self.nu.new_zeros(x_t.shape[0], len(self.nu), 2)

    def scan(
        self,
        x: Float[Tensor, "b t d"],
        state: Float[Tensor, "b n 2"],
        lengths: Lengths,
        resets: Resets = None,
    ) -> tuple[Float[Tensor, "b t d"], Float[Tensor, "b n 2"]]:
        inputs = functional.linear(x, self.B.flatten(0, 1)).to(state.dtype).unflatten(-1, (-1, 2))
        inputs = torch.view_as_complex(inputs) * self.gamma.exp()
        a = self.eigenvalues().expand_as(inputs)
        a = forgetting(a, resets)
        h = torch.view_as_real(linear_scan(a, inputs, torch.view_as_complex(state)))
        real_part = self.C * self.C.new_tensor([1, -1])
        y = functional.linear(h.flatten(-2), real_part.flatten(1)) + self.D * x
        return y, last_state(h, state, lengths)


@model(
    "lru",
    config=LRUConfig,
    family="recurrent",
    reads="sequence",
    gives="steps",
    paper="https://arxiv.org/abs/2303.06349",
    sizes={
        "small": {"width": 32, "num_states": 32},
        "medium": {"width": 64},
        "large": {"width": 128, "num_states": 128, "depth": 4},
    },
    causal=True,
)
class LRU(PreNormStack):
    """A projection, residual layers, each with a GLU behind its recurrence, a last norm."""

    def __init__(self, shape: tuple[int, ...], config: LRUConfig):
        layers = [Stack([LRULayer(config), _glu(config)]) for _ in range(config.depth)]
        super().__init__(shape[-1], layers, dropout=config.dropout)


def _glu(config: LRUConfig) -> Framewise:
    width = config.width
    linear = nn.Linear(width, 2 * width)
    return Framewise(nn.Sequential(nn.GELU(), nn.Dropout(config.dropout), linear, nn.GLU()), width)
