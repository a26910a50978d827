"""Recurrences whose state is a map: ConvLSTM and ConvGRU.

The input is convolved frame by frame: over all frames at once its maps leave the caches before they are used.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from bicameral.nn.recurrent import Recurrent


class ConvLSTMState(NamedTuple):
    """Output and cell."""

    h: Float[Tensor, "b d h w"]
    c: Float[Tensor, "b d h w"]


class ConvLSTM(Recurrent[ConvLSTMState]):
    """A layer with a forget bias of one; peepholes, if any, are weights of one picture size."""

    def __init__(self, num_inputs: int, width: int, kernel: int, *, peepholes: tuple[int, int] | None = None):
        super().__init__()
        self.width = width
        self.inputs = input_conv(num_inputs, width, kernel, num_gates=4, forget=(1,))
        self.recurrent = state_conv(width, kernel, num_gates=4)
        self.peepholes = None if peepholes is None else nn.Parameter(torch.zeros(3, width, *peepholes))

    def initial_state(self, x_t: Float[Tensor, "b c h w"]) -> ConvLSTMState:
        zeros = self.output_like(x_t)
        return ConvLSTMState(zeros, zeros)

    def output_like(self, x_t: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d h w"]:
        return maps_like(x_t, self.width)

    def step(
        self, x_t: Float[Tensor, "b c h w"], state: ConvLSTMState
    ) -> tuple[Float[Tensor, "b d h w"], ConvLSTMState]:
        i, f, g, o = (self.inputs(x_t) + self.recurrent(state.h)).chunk(4, 1)
        if self.peepholes is not None:
            i, f = i + self.peepholes[0] * state.c, f + self.peepholes[1] * state.c
        c = f.sigmoid() * state.c + i.sigmoid() * g.tanh()
        if self.peepholes is not None:
            o = o + self.peepholes[2] * c
        h = o.sigmoid() * c.tanh()
        return h, ConvLSTMState(h, c)


class ConvGRU(Recurrent[Tensor]):
    """A layer whose reset gate stands before the convolution."""

    def __init__(self, num_inputs: int, width: int, kernel: int):
        super().__init__()
        self.width = width
        self.inputs = input_conv(num_inputs, width, kernel, num_gates=3)
        self.gates = state_conv(width, kernel, num_gates=2)
        self.candidate = state_conv(width, kernel, num_gates=1)

    def initial_state(self, x_t: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d h w"]:
        return self.output_like(x_t)

    def output_like(self, x_t: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d h w"]:
        return maps_like(x_t, self.width)

    def step(
        self, x_t: Float[Tensor, "b c h w"], state: Float[Tensor, "b d h w"]
    ) -> tuple[Float[Tensor, "b d h w"], Float[Tensor, "b d h w"]]:
        gates, n = self.inputs(x_t).split((2 * self.width, self.width), 1)
        r, z = (gates + self.gates(state)).sigmoid().chunk(2, 1)
        n = (n + self.candidate(r * state)).tanh()
        h = state + z * (n - state)
        return h, h


def input_conv(
    num_inputs: int, width: int, kernel: int, *, num_gates: int, forget: tuple[int, ...] = ()
) -> nn.Conv2d:
    """Maps of a frame for each gate: Xavier weights, biases zero, one at the gates `forget`."""
    conv = nn.Conv2d(num_inputs, num_gates * width, kernel, padding=kernel // 2)
    for gate in conv.weight.data.split(width):
        nn.init.xavier_uniform_(gate)
    assert conv.bias is not None
    for place, gate in enumerate(conv.bias.data.split(width)):
        nn.init.constant_(gate, float(place in forget))
    return conv


def state_conv(width: int, kernel: int, *, num_gates: int) -> nn.Conv2d:
    """Maps of a state for each gate: orthogonal weights, no bias."""
    conv = nn.Conv2d(width, num_gates * width, kernel, padding=kernel // 2, bias=False)
    for gate in conv.weight.data.split(width):
        nn.init.orthogonal_(gate)
    return conv


def maps_like(x_t: Float[Tensor, "b c h w"], width: int) -> Float[Tensor, "b d h w"]:
    """Zeros of the same batch and picture size."""
    return x_t.new_zeros(x_t.shape[0], width, *x_t.shape[2:])
