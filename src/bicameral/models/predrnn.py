"""ConvLSTM with a second memory that climbs through the layers and falls back to the first at the next frame.

Wang, Long, Wang, Gao and Yu 2017, PredRNN, NeurIPS. Differs: no layer norm; a forget bias of one, twice.
"""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from bicameral.models import require_counts, require_odd
from bicameral.nn.conv_recurrent import ConvLSTMState, FrameConv, initialise_gates, initialise_input
from bicameral.nn.patches import Patches
from bicameral.nn.recurrent import Recurrent
from bicameral.nn.stack import Stack
from bicameral.registry import model

NUM_GATES = 7  # of the input: i f g of either memory, and o


@dataclass(frozen=True, kw_only=True)
class PredRNNConfig:
    """How wide, deep and far-sighted."""

    width: int = 64  # maps of each state; the paper has 128
    depth: int = 3  # layers; the paper has four
    kernel: int = 3  # pixels under each convolution, odd; the paper has 5
    patch: int = 4  # a square of so many pixels a side becomes one, its pixels channels

    def __post_init__(self) -> None:
        require_counts(self, "width", "depth", "kernel", "patch")
        require_odd(self, "kernel")


class PredRNNState(NamedTuple):
    """Each layer's own h and c, and the memory m that all share."""

    layers: tuple[ConvLSTMState, ...]
    m: Float[Tensor, "b d h w"]


class STLSTMCell(nn.Module):
    """Spatiotemporal LSTM: one frame, of which it is given W∗x_t + b."""

    def __init__(self, width: int, kernel: int):
        super().__init__()
        self.width = width
        self.conv_h = nn.Conv2d(width, 4 * width, kernel, padding=kernel // 2, bias=False)
        self.conv_m = nn.Conv2d(width, 3 * width, kernel, padding=kernel // 2, bias=False)
        self.conv_o = nn.Conv2d(2 * width, width, kernel, padding=kernel // 2, bias=False)
        self.merge = nn.Conv2d(2 * width, width, 1, bias=False)
        for conv in (self.conv_h, self.conv_m):
            initialise_gates(conv, width)
        for conv in (self.conv_o, self.merge):
            initialise_input(conv, width)

    def forward(
        self, x_t: Float[Tensor, "b e h w"], state: ConvLSTMState, m: Float[Tensor, "b d h w"]
    ) -> tuple[ConvLSTMState, Float[Tensor, "b d h w"]]:
        x_c, x_m, x_o = x_t.split((3 * self.width, 3 * self.width, self.width), 1)
        h_c, h_o = self.conv_h(state.h).split((3 * self.width, self.width), 1)
        c = remember(x_c + h_c, state.c)
        m = remember(x_m + self.conv_m(m), m)
        both = torch.cat([c, m], 1)
        o = (x_o + h_o + self.conv_o(both)).sigmoid()
        return ConvLSTMState(o * self.merge(both).tanh(), c), m


class ZigZag(Recurrent[PredRNNState]):
    """Layers of ST-LSTM; reads the first layer's W∗x_t + b."""

    def __init__(self, width: int, depth: int, kernel: int):
        super().__init__()
        self.width = width
        self.cells = nn.ModuleList(STLSTMCell(width, kernel) for _ in range(depth))
        self.inputs = nn.ModuleList(seven_gates(width, width, kernel).conv for _ in range(depth - 1))

    def initial_state(self, x_t: Float[Tensor, "b e h w"]) -> PredRNNState:
        zeros = self.output_like(x_t)
        return PredRNNState((ConvLSTMState(zeros, zeros),) * len(self.cells), zeros)

    def output_like(self, x_t: Float[Tensor, "b e h w"]) -> Float[Tensor, "b d h w"]:
        return x_t.new_zeros(len(x_t), self.width, *x_t.shape[2:])

    def step(
        self, x_t: Float[Tensor, "b e h w"], state: PredRNNState
    ) -> tuple[Float[Tensor, "b d h w"], PredRNNState]:
        first, m = self.cells[0](x_t, state.layers[0], state.m)
        layers = [first]
        for cell, inputs, before in zip(self.cells[1:], self.inputs, state.layers[1:], strict=True):
            layer, m = cell(inputs(layers[-1].h), before, m)
            layers.append(layer)
        return layers[-1].h, PredRNNState(tuple(layers), m)


@model(
    "predrnn",
    config=PredRNNConfig,
    family="recurrent",
    reads="frames",
    gives="frames",
    paper="https://proceedings.neurips.cc/paper/2017/hash/e5f6ad6ce374177eef023bf5d0c018b6-Abstract.html",
)
class PredRNN(Stack):
    """c = f c + i g within a layer; m = f' m + i' g' from layer to layer; h = o tanh(W [c, m])."""

    sizes: ClassVar = {
        "small": {"width": 16, "depth": 2},
        "medium": {"width": 32},
        "large": {"width": 64, "depth": 4, "kernel": 5},
    }

    def __init__(self, shape: tuple[int, ...], config: PredRNNConfig):
        patches = Patches(shape[1], (shape[2], shape[3]), config.patch)
        first = seven_gates(patches.width, config.width, config.kernel)
        super().__init__([patches, first, ZigZag(config.width, config.depth, config.kernel)])
        self.stride = patches.stride


def seven_gates(num_inputs: int, width: int, kernel: int) -> FrameConv:
    """The input convolution of a layer."""
    inputs = FrameConv(num_inputs, NUM_GATES * width, kernel)
    initialise_input(inputs.conv, width)
    bias = inputs.conv.bias
    assert bias is not None
    for forget in (1, 4):
        nn.init.ones_(bias.data[forget * width : (forget + 1) * width])
    return inputs


def remember(gates: Float[Tensor, "b e h w"], memory: Float[Tensor, "b d h w"]) -> Float[Tensor, "b d h w"]:
    """σ(f) memory + σ(i) tanh(g), from the maps of i, f and g."""
    i, f, g = gates.chunk(3, 1)
    return f.sigmoid() * memory + i.sigmoid() * g.tanh()
