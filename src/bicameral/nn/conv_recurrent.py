"""Recurrences whose state is a map: ConvLSTM and ConvGRU, each an input convolution and a cell.

The input convolution runs over all frames at once; only what depends on the state is left to the loop.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from bicameral.nn.masking import Lengths
from bicameral.nn.recurrent import Recurrent
from bicameral.nn.stack import Stack


class FrameConv(Recurrent[tuple]):
    """A convolution on every frame that keeps its size; no state."""

    def __init__(self, num_inputs: int, width: int, kernel: int):
        super().__init__()
        self.width = width
        self.conv = nn.Conv2d(num_inputs, width, kernel, padding=kernel // 2)

    def initial_state(self, x_t: Float[Tensor, "b c h w"]) -> tuple:  # noqa: ARG002
        return ()

    def output_like(self, x_t: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d h w"]:
        return _maps_like(x_t, self.width)

    def scan(
        self,
        x: Float[Tensor, "b t c h w"],
        state: tuple,
        lengths: Lengths,  # noqa: ARG002
    ) -> tuple[Float[Tensor, "b t d h w"], tuple]:
        return self.conv(x.flatten(0, 1)).unflatten(0, x.shape[:2]), state


class ConvLSTMState(NamedTuple):
    """Output and cell."""

    h: Float[Tensor, "b d h w"]
    c: Float[Tensor, "b d h w"]


class ConvLSTMCell(Recurrent[ConvLSTMState]):
    """Reads W∗x_t + b, the maps of i, f, g and o; peepholes, if any, are weights of one picture size."""

    def __init__(self, width: int, kernel: int, *, peepholes: tuple[int, int] | None = None):
        super().__init__()
        self.width = width
        self.conv = nn.Conv2d(width, 4 * width, kernel, padding=kernel // 2, bias=False)
        initialise_gates(self.conv, width)
        self.peepholes = None if peepholes is None else nn.Parameter(torch.zeros(3, width, *peepholes))

    def initial_state(self, x_t: Float[Tensor, "b e h w"]) -> ConvLSTMState:
        zeros = self.output_like(x_t)
        return ConvLSTMState(zeros, zeros)

    def output_like(self, x_t: Float[Tensor, "b e h w"]) -> Float[Tensor, "b d h w"]:
        return _maps_like(x_t, self.width)

    def step(
        self, x_t: Float[Tensor, "b e h w"], state: ConvLSTMState
    ) -> tuple[Float[Tensor, "b d h w"], ConvLSTMState]:
        i, f, g, o = (x_t + self.conv(state.h)).chunk(4, 1)
        if self.peepholes is not None:
            i, f = i + self.peepholes[0] * state.c, f + self.peepholes[1] * state.c
        c = f.sigmoid() * state.c + i.sigmoid() * g.tanh()
        if self.peepholes is not None:
            o = o + self.peepholes[2] * c
        h = o.sigmoid() * c.tanh()
        return h, ConvLSTMState(h, c)


class ConvGRUCell(Recurrent[Tensor]):
    """Reads W∗x_t + b, the maps of r, z and n; the reset gate stands before the convolution."""

    def __init__(self, width: int, kernel: int):
        super().__init__()
        self.width = width
        self.gates = nn.Conv2d(width, 2 * width, kernel, padding=kernel // 2, bias=False)
        self.candidate = nn.Conv2d(width, width, kernel, padding=kernel // 2, bias=False)
        for conv in (self.gates, self.candidate):
            initialise_gates(conv, width)

    def initial_state(self, x_t: Float[Tensor, "b e h w"]) -> Float[Tensor, "b d h w"]:
        return self.output_like(x_t)

    def output_like(self, x_t: Float[Tensor, "b e h w"]) -> Float[Tensor, "b d h w"]:
        return _maps_like(x_t, self.width)

    def step(
        self, x_t: Float[Tensor, "b e h w"], state: Float[Tensor, "b d h w"]
    ) -> tuple[Float[Tensor, "b d h w"], Float[Tensor, "b d h w"]]:
        gates, n = x_t.split((2 * self.width, self.width), 1)
        r, z = (gates + self.gates(state)).sigmoid().chunk(2, 1)
        n = (n + self.candidate(r * state)).tanh()
        h = state + z * (n - state)
        return h, h


def conv_lstm(num_inputs: int, width: int, kernel: int, *, peepholes: tuple[int, int] | None = None) -> Stack:
    """A layer of ConvLSTM with a forget bias of one."""
    inputs = FrameConv(num_inputs, 4 * width, kernel)
    initialise_input(inputs.conv, width)
    nn.init.ones_(inputs.conv.bias.data[width : 2 * width])  # pyright: ignore[reportOptionalMemberAccess]
    return Stack([inputs, ConvLSTMCell(width, kernel, peepholes=peepholes)])


def conv_gru(num_inputs: int, width: int, kernel: int) -> Stack:
    """A layer of ConvGRU."""
    inputs = FrameConv(num_inputs, 3 * width, kernel)
    initialise_input(inputs.conv, width)
    return Stack([inputs, ConvGRUCell(width, kernel)])


def initialise_input(conv: nn.Conv2d, width: int) -> None:
    """Xavier weights for each gate of `width` maps, biases zero."""
    for gate in conv.weight.data.split(width):
        nn.init.xavier_uniform_(gate)
    if conv.bias is not None:
        nn.init.zeros_(conv.bias)


def initialise_gates(conv: nn.Conv2d, width: int) -> None:
    """Orthogonal weights for each gate of `width` maps."""
    for gate in conv.weight.data.split(width):
        nn.init.orthogonal_(gate)


def _maps_like(x_t: Float[Tensor, "b c h w"], width: int) -> Float[Tensor, "b d h w"]:
    return x_t.new_zeros(len(x_t), width, *x_t.shape[2:])
