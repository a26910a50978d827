"""LSTMs with exponential gates: one kind with a matrix as memory, one that mixes its units over time.

Beck et al. 2024, "xLSTM: Extended Long Short-Term Memory", arXiv 2405.04517; initial values that the paper
leaves open are those of its code but for the block-diagonal projections, which keep the variance of what they
read (there all weights start at a deviation of √(2 / 5 width)). Differs: frames are projected instead of
tokens embedded; all projections and layer norms have biases; the MLP is 4/3 as wide as the stream, as in the
paper (in the code 1.3, rounded up to a multiple of 64), with GELU by its tanh formula; the read-out divides
by max(|n q|, 1) without adding 1e-6.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import silu

from bicameral.errors import ConfigError
from bicameral.models import require_counts, require_fractions, require_multiple
from bicameral.nn.depthwise_conv import DepthwiseCausalConv1d
from bicameral.nn.gated_mlp import GatedMLP
from bicameral.nn.head_norm import HeadNorm
from bicameral.nn.masking import Lengths
from bicameral.nn.mlstm import MLSTM, MLSTMState
from bicameral.nn.pre_norm import PreNormStack
from bicameral.nn.recurrent import Recurrent
from bicameral.nn.rg_lru import BlockDiagonal
from bicameral.nn.slstm import SLSTM, SLSTMState
from bicameral.nn.stack import Framewise
from bicameral.registry import model

PROJECTION = 4  # channels of each block of the projections to q, k and v
EXPANSION = 4 / 3  # of the MLP after an sLSTM


@dataclass(frozen=True, kw_only=True)
class XLSTMConfig:
    """How wide and deep, and which cells."""

    width: int = 64  # of the residual stream; the matrix memories see twice that
    depth: int = 2  # blocks
    num_heads: int = 4  # of each block
    cells: str = "ms"  # of the blocks, over and over: m a matrix memory, s one that mixes over time
    kernel: int = 4  # taps of the convolution before each cell
    dropout: float = 0.0  # on each residual branch, in training

    def __post_init__(self) -> None:
        require_counts(self, "width", "depth", "num_heads", "kernel")
        require_fractions(self, "dropout")
        require_multiple(self, "width", "num_heads", 2)
        if not self.cells or set(self.cells) - set("ms"):
            raise ConfigError(
                f"XLSTMConfig.cells is {self.cells!r}; expected letters m and s, such as ms or mms"
            )


class MLSTMBlockState(NamedTuple):
    """The last inputs of the convolution, and the cell's."""

    conv: Float[Tensor, "b k d"]
    cell: MLSTMState


class MLSTMBlock(Recurrent[MLSTMBlockState]):
    """[u, z] = W x; a = silu(conv(u)); W_o((norm(cell(q(a), k(a), v(u))) + skip a) silu(z))."""

    def __init__(self, config: XLSTMConfig):
        super().__init__()
        self.width, inner = config.width, 2 * config.width
        self.up, self.down = nn.Linear(config.width, 2 * inner), nn.Linear(inner, config.width)
        self.conv = DepthwiseCausalConv1d(inner, config.kernel)
        self.q, self.k, self.v = (BlockDiagonal(inner, inner // PROJECTION) for _ in range(3))
        self.cell, self.norm = MLSTM(inner, config.num_heads), HeadNorm(inner, config.num_heads)
        self.skip = nn.Parameter(torch.ones(inner))
        _start_small(self.up, _small(config.width))
        _start_small(self.down, _deep(config))

    def initial_state(self, x_t: Float[Tensor, "b d"]) -> MLSTMBlockState:
        u = x_t.new_zeros(x_t.shape[0], 2 * self.width)
        return MLSTMBlockState(self.conv.initial_state(u), self.cell.initial_state(u))

    def scan(
        self, x: Float[Tensor, "b t d"], state: MLSTMBlockState, lengths: Lengths
    ) -> tuple[Float[Tensor, "b t d"], MLSTMBlockState]:
        u, z = self.up(x).chunk(2, 2)
        a, conv = self.conv(u, state.conv, lengths=lengths)
        a = silu(a)
        h, cell = self.cell(torch.cat([self.q(a), self.k(a), self.v(u)], 2), state.cell, lengths=lengths)
        return self.down((self.norm(h) + self.skip * a) * silu(z)), MLSTMBlockState(conv, cell)


class SLSTMBlockState(NamedTuple):
    """The last inputs of the convolution, and the cell's."""

    conv: Float[Tensor, "b k d"]
    cell: SLSTMState


class SLSTMBlock(Recurrent[SLSTMBlockState]):
    """a = silu(conv(x)); norm(cell(i(a), f(a), z(x), o(x)))."""

    def __init__(self, config: XLSTMConfig, *, depth: float):
        super().__init__()
        self.width, num_heads = config.width, config.num_heads
        self.conv = DepthwiseCausalConv1d(self.width, config.kernel)
        self.i, self.f, self.z, self.o = (BlockDiagonal(self.width, num_heads) for _ in range(4))
        self.cell, self.norm = SLSTM(self.width, num_heads, depth=depth), HeadNorm(self.width, num_heads)

    def initial_state(self, x_t: Float[Tensor, "b d"]) -> SLSTMBlockState:
        return SLSTMBlockState(self.conv.initial_state(x_t), self.cell.initial_state(x_t))

    def scan(
        self, x: Float[Tensor, "b t d"], state: SLSTMBlockState, lengths: Lengths
    ) -> tuple[Float[Tensor, "b t d"], SLSTMBlockState]:
        a, conv = self.conv(x, state.conv, lengths=lengths)
        a = silu(a)
        gates = torch.cat([self.i(a), self.f(a), self.z(x), self.o(x)], 2)
        h, cell = self.cell(gates, state.cell, lengths=lengths)
        return self.norm(h), SLSTMBlockState(conv, cell)


@model(
    "xlstm",
    config=XLSTMConfig,
    family="recurrent",
    reads="sequence",
    gives="steps",
    paper="https://arxiv.org/abs/2405.04517",
    sizes={"small": {"width": 32}, "medium": {"width": 64}, "large": {"width": 96, "depth": 4}},
    causal=True,
)
class XLSTM(PreNormStack):
    """A projection, pre-norm residual blocks, a last norm; a gated MLP follows each sLSTM."""

    def __init__(self, shape: tuple[int, ...], config: XLSTMConfig):
        super().__init__(shape[-1], _blocks(config), dropout=config.dropout)


def _blocks(config: XLSTMConfig) -> Iterator[Recurrent]:
    for level in range(config.depth):
        if config.cells[level % len(config.cells)] == "m":
            yield MLSTMBlock(config)
        else:
            yield SLSTMBlock(config, depth=level / max(1, config.depth - 1))
            yield Framewise(_mlp(config), config.width)


def _mlp(config: XLSTMConfig) -> GatedMLP:
    mlp = GatedMLP(config.width, expansion=EXPANSION)
    _start_small(mlp.gate, _small(config.width))
    _start_small(mlp.up, _small(config.width))
    _start_small(mlp.down, _deep(config))
    return mlp


def _small(num_inputs: int) -> float:
    return (2 / (5 * num_inputs)) ** 0.5


def _deep(config: XLSTMConfig) -> float:
    return 2 / config.depth / config.width**0.5


def _start_small(layer: nn.Linear, std: float) -> None:
    nn.init.normal_(layer.weight, std=std)
    nn.init.zeros_(layer.bias)
