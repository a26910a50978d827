"""Temporal convolutional network: dilated causal convolutions with residuals.

Bai, Kolter and Koltun 2018, arXiv 1803.01271. Differs: the default dropout is zero. Initial weights are those
with which the released code runs: it draws the convolutions from N(0, 0.01), but weight norm undoes that.
"""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from bicameral.models import require_counts, require_fractions
from bicameral.nn.causal_conv import CausalConv1d
from bicameral.nn.masking import Lengths
from bicameral.nn.recurrent import Recurrent
from bicameral.nn.stack import Stack
from bicameral.registry import model


@dataclass(frozen=True, kw_only=True)
class TCNConfig:
    """How wide, deep and far-sighted: y_t sees 1 + 2 (kernel - 1) (2^depth - 1) frames."""

    width: int = 32  # channels of every block
    depth: int = 4  # blocks; the dilation doubles at each
    kernel: int = 7  # taps of every convolution
    dropout: float = 0.0  # after each convolution, in training

    def __post_init__(self) -> None:
        require_counts(self, "width", "depth", "kernel")
        require_fractions(self, "dropout")


class TCNBlock(Recurrent[tuple]):
    """relu(x + conv(conv(x))) with weight norm, ReLU and dropout after each convolution."""

    def __init__(self, num_inputs: int, config: TCNConfig, dilation: int):
        super().__init__()
        self.width = config.width
        self.first = _conv(num_inputs, config, dilation)
        self.second = _conv(config.width, config, dilation)
        self.dropout = nn.Dropout(config.dropout)
        self.shortcut = _shortcut(num_inputs, config.width)

    def initial_state(self, x_t: Float[Tensor, "b d"]) -> tuple[Tensor, Tensor]:
        return self.first.initial_state(x_t), self.second.initial_state(self.first.output_like(x_t))

    def scan(
        self, x: Float[Tensor, "b t d"], state: tuple[Tensor, Tensor], lengths: Lengths
    ) -> tuple[Float[Tensor, "b t e"], tuple[Tensor, Tensor]]:
        y, first = self.first(x, state[0], lengths=lengths)
        y, second = self.second(self.dropout(y.relu()), state[1], lengths=lengths)
        return (self.shortcut(x) + self.dropout(y.relu())).relu(), (first, second)


@model(
    "tcn",
    config=TCNConfig,
    family="convolutional",
    reads="sequence",
    gives="steps",
    paper="https://arxiv.org/abs/1803.01271",
    sizes={"small": {"width": 16}, "medium": {"width": 32}, "large": {"width": 64, "depth": 6}},
    causal=True,
)
class TCN(Stack):
    """Blocks with dilations of 1, 2, 4, ..."""

    def __init__(self, shape: tuple[int, ...], config: TCNConfig):
        inputs = [shape[-1]] + [config.width] * (config.depth - 1)
        super().__init__(TCNBlock(inputs[level], config, 2**level) for level in range(config.depth))


def _conv(num_inputs: int, config: TCNConfig, dilation: int) -> CausalConv1d:
    layer = CausalConv1d(num_inputs, config.width, config.kernel, dilation=dilation)
    weight_norm(layer.conv, dim=0)
    return layer


def _shortcut(num_inputs: int, width: int) -> nn.Module:
    if num_inputs == width:
        return nn.Identity()
    layer = nn.Linear(num_inputs, width)
    nn.init.normal_(layer.weight, std=0.01)
    return layer
