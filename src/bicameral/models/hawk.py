"""Gated linear recurrences between gated MLPs.

De et al. 2024, arXiv 2402.19427. Differs: frames are projected instead of tokens embedded; where paper and
released code disagree, as the paper says, but for biases and initial weights, which only the code states.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from bicameral.models import require_choice, require_counts, require_fractions, require_multiple
from bicameral.nn.depthwise_conv import DepthwiseCausalConv1d
from bicameral.nn.gated_mlp import GatedMLP
from bicameral.nn.lecun import lecun_linear
from bicameral.nn.masking import Lengths, Resets
from bicameral.nn.norm import RMSNorm
from bicameral.nn.recurrent import Recurrent
from bicameral.nn.rg_lru import INITS, RGLRU
from bicameral.nn.stack import Framewise, Residual, Stack
from bicameral.registry import model

CONV_VARIANCE = 0.01  # of the sum over the taps at the start, for inputs of variance one


@dataclass(frozen=True, kw_only=True)
class HawkConfig:
    """How wide and deep, and how long it remembers at the start."""

    width: int = 64  # of the residual stream
    recurrent_width: int = 96  # of each recurrence; the paper's are about 4/3 of the width
    depth: int = 2  # pairs of a recurrent block and an MLP
    num_blocks: int = 8  # of each gate's weights; the paper's have 16
    kernel: int = 4  # taps of the convolution before each recurrence
    expansion: int = 3  # width of each MLP, in widths
    init: str = "paper"  # decays as in the paper (long memory) or as in the released code (short)
    dropout: float = 0.0  # on each residual branch, in training

    def __post_init__(self) -> None:
        counts = ("width", "recurrent_width", "depth", "num_blocks", "kernel", "expansion")
        require_counts(self, *counts)
        require_fractions(self, "dropout")
        require_choice(self, "init", INITS)
        require_multiple(self, "recurrent_width", "num_blocks")


class RecurrentState(NamedTuple):
    """The last inputs of the convolution, and the state of the recurrence."""

    conv: Float[Tensor, "b k d"]
    h: Float[Tensor, "b d"]


class RecurrentBlock(Recurrent[RecurrentState]):
    """W_o(GELU(W_y x) ⊙ RG-LRU(conv(W_x x)))."""

    def __init__(self, config: HawkConfig):
        super().__init__()
        self.width, width = config.width, config.recurrent_width
        self.y, self.x = (lecun_linear(config.width, width) for _ in range(2))
        self.conv = DepthwiseCausalConv1d(width, config.kernel, variance=CONV_VARIANCE)
        self.rg_lru = RGLRU(width, num_blocks=config.num_blocks, init=config.init)
        self.out = lecun_linear(width, config.width, variance=2 / config.depth)

    def initial_state(self, x_t: Float[Tensor, "b d"]) -> RecurrentState:
        u_t = x_t.new_zeros(x_t.shape[0], self.conv.width)
        return RecurrentState(self.conv.initial_state(u_t), self.rg_lru.initial_state(u_t))

    def scan(
        self, x: Float[Tensor, "b t d"], state: RecurrentState, lengths: Lengths, resets: Resets = None
    ) -> tuple[Float[Tensor, "b t d"], RecurrentState]:
        u, conv = self.conv(self.x(x), state.conv, lengths=lengths, resets=resets)
        u, h = self.rg_lru(u, state.h, lengths=lengths, resets=resets)
        return self.out(u * functional.gelu(self.y(x), approximate="tanh")), RecurrentState(conv, h)


@model(
    "hawk",
    config=HawkConfig,
    family="recurrent",
    reads="sequence",
    gives="steps",
    paper="https://arxiv.org/abs/2402.19427",
    sizes={
        "small": {"width": 32, "recurrent_width": 48},
        "medium": {"width": 64},
        "large": {"width": 96, "recurrent_width": 128, "depth": 4},
    },
    causal=True,
)
class Hawk(Stack):
    """A projection, pairs of a recurrent block and an MLP, a last norm."""

    def __init__(self, shape: tuple[int, ...], config: HawkConfig):
        blocks = (RecurrentBlock(config) for _ in range(config.depth))
        super().__init__(between_mlps(shape[-1], config, blocks))


def between_mlps(num_inputs: int, config: HawkConfig, blocks: Iterator[Recurrent]) -> Iterator[Recurrent]:
    """Yield a projection, each block and an MLP after it, both residual, and a last norm."""
    width = config.width
    yield Framewise(lecun_linear(num_inputs, width), width)
    for block in blocks:
        mlp = GatedMLP(width, expansion=config.expansion, variance=2 / config.depth)
        yield Residual(block, RMSNorm(width), dropout=config.dropout)
        yield Residual(Framewise(mlp, width), RMSNorm(width), dropout=config.dropout)
    yield Framewise(RMSNorm(width), width)
