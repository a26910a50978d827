"""ConvLSTM with a second memory that climbs through the layers and falls back to the first at the next frame.

Wang, Long, Wang, Gao and Yu 2017, PredRNN, NeurIPS. Differs: no layer norm; a bias for each of the seven
gates, in the released code for none; a forget bias of one in both memories.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from bicameral.models import require_counts, require_odd
from bicameral.nn.conv_recurrent import ConvLSTMState, input_conv, maps_like, state_conv
from bicameral.nn.patches import Patches
from bicameral.nn.recurrent import Recurrent
from bicameral.nn.stack import Stack
from bicameral.registry import model


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
    """Spatiotemporal LSTM, one frame; the input has seven gates: i f g of either memory, and o."""

    def __init__(self, num_inputs: int, width: int, kernel: int):
        super().__init__()
        self.width = width
        self.conv_x = input_conv(num_inputs, width, kernel, num_gates=7, forget=(1, 4))
        self.conv_h = state_conv(width, kernel, num_gates=4)
        self.conv_m = state_conv(width, kernel, num_gates=3)
        self.conv_o = nn.Conv2d(2 * width, width, kernel, padding=kernel // 2, bias=False)
        self.merge = nn.Conv2d(2 * width, width, 1, bias=False)
        for conv in (self.conv_o, self.merge):
            nn.init.xavier_uniform_(conv.weight)

    def forward(
        self, x_t: Float[Tensor, "b c h w"], state: ConvLSTMState, m: Float[Tensor, "b d h w"]
    ) -> tuple[ConvLSTMState, Float[Tensor, "b d h w"]]:
        x_c, x_m, x_o = self.conv_x(x_t).split((3 * self.width, 3 * self.width, self.width), 1)
        h_c, h_o = self.conv_h(state.h).split((3 * self.width, self.width), 1)
        c = remember(x_c + h_c, state.c)
        m = remember(x_m + self.conv_m(m), m)
        both = torch.cat([c, m], 1)
        o = (x_o + h_o + self.conv_o(both)).sigmoid()
        return ConvLSTMState(o * self.merge(both).tanh(), c), m


class ZigZag(Recurrent[PredRNNState]):
    """Layers of ST-LSTM, of which each gives h and m to the next."""

    def __init__(self, num_inputs: int, width: int, depth: int, kernel: int):
        super().__init__()
        self.width = width
        inputs = [num_inputs] + [width] * (depth - 1)
        self.cells = nn.ModuleList(STLSTMCell(channels, width, kernel) for channels in inputs)

    def initial_state(self, x_t: Float[Tensor, "b c h w"]) -> PredRNNState:
        zeros = self.output_like(x_t)
        return PredRNNState((ConvLSTMState(zeros, zeros),) * len(self.cells), zeros)

    def output_like(self, x_t: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d h w"]:
        return maps_like(x_t, self.width)

    def step(
        self, x_t: Float[Tensor, "b c h w"], state: PredRNNState
    ) -> tuple[Float[Tensor, "b d h w"], PredRNNState]:
        y_t, layers, m = x_t, [], state.m
        for cell, before in zip(self.cells, state.layers, strict=True):
            layer, m = cell(y_t, before, m)
            layers.append(layer)
            y_t = layer.h
        return y_t, PredRNNState(tuple(layers), m)


@model(
    "predrnn",
    config=PredRNNConfig,
    family="recurrent",
    reads="frames",
    gives="frames",
    paper="https://proceedings.neurips.cc/paper/2017/hash/e5f6ad6ce374177eef023bf5d0c018b6-Abstract.html",
    sizes={
        "small": {"width": 16, "depth": 2},
        "medium": {"width": 32},
        "large": {"width": 64, "depth": 4, "kernel": 5},
    },
)
class PredRNN(Stack):
    """c = f c + i g within a layer; m = f' m + i' g' from layer to layer; h = o tanh(W [c, m])."""

    def __init__(self, shape: tuple[int, ...], config: PredRNNConfig):
        patches = Patches(shape[1], (shape[2], shape[3]), config.patch)
        layers = ZigZag(patches.width, config.width, config.depth, config.kernel)
        super().__init__([patches, layers])
        self.stride = patches.stride


def remember(gates: Float[Tensor, "b e h w"], memory: Float[Tensor, "b d h w"]) -> Float[Tensor, "b d h w"]:
    """σ(f) memory + σ(i) tanh(g), from the maps of i, f and g."""
    i, f, g = gates.chunk(3, 1)
    return f.sigmoid() * memory + i.sigmoid() * g.tanh()
