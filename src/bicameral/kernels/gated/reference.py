"""What the gated cells are: the readable definitions every faster path must equal.

A step takes `a`, the projected input of every gate, and gives the next state, its output first. Gates stand
in PyTorch's order. A row that has ended keeps its state, and its outputs are zero.
"""

from typing import TYPE_CHECKING, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

if TYPE_CHECKING:
    from bicameral.kernels.gated.cells import Cell

State = tuple[Tensor, ...]


class Weights(NamedTuple):
    """Of one layer: g gates of e units each see the input, k of them the state."""

    w_x: Float[Tensor, "ge d"] | None  # None where the input comes projected
    w_h: Float[Tensor, "ke e"]
    b_x: Float[Tensor, "ge"] | None = None
    b_h: Float[Tensor, "ke"] | None = None
    extra: Float[Tensor, "p e"] | None = None  # parameters of single units

    def of_input(self, x: Tensor) -> Tensor:
        """Project the input for all its gates."""
        if self.w_x is None:
            return x if self.b_x is None else x + self.b_x
        return functional.linear(x, self.w_x, self.b_x)

    def of_state(self, h: Tensor) -> Tensor:
        """Project the state for the gates that see it."""
        return functional.linear(h, self.w_h, self.b_h)


def scan(
    cell: "Cell", x: Float[Tensor, "b t d"], state: State, weights: Weights, lengths: Int[Tensor, "b"] | None
) -> tuple[Float[Tensor, "b t e"], State]:
    """Return every output and the last state: one step after another."""
    outputs = []
    for t, a in enumerate(weights.of_input(x).unbind(1)):
        new = cell.step(a, state, weights)
        y_t = new[0]
        if lengths is not None:
            active = (t < lengths)[:, None]
            y_t = y_t.where(active, 0)
            new = tuple(torch.where(active, after, before) for after, before in zip(new, state, strict=True))
        state = new
        outputs.append(y_t)
    return torch.stack(outputs, 1), state


def lstm(a: Float[Tensor, "b g"], state: State, weights: Weights) -> State:
    """c = σ(f) c + σ(i) tanh(g); h = σ(o) tanh(c)."""
    h, c = state
    i, f, g, o = (a + weights.of_state(h)).chunk(4, 1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


def peephole_lstm(a: Float[Tensor, "b g"], state: State, weights: Weights) -> State:
    """Let i and f also see the old cell, o the new one, each unit its own."""
    h, c = state
    i, f, g, o = (a + weights.of_state(h)).chunk(4, 1)
    see_i, see_f, see_o = weights.extra  # type: ignore[misc]
    c = (f + see_f * c).sigmoid() * c + (i + see_i * c).sigmoid() * g.tanh()
    return (o + see_o * c).sigmoid() * c.tanh(), c


def coupled_lstm(a: Float[Tensor, "b g"], state: State, weights: Weights) -> State:
    """c = σ(f) c + (1 - σ(f)) tanh(g); h = σ(o) tanh(c)."""
    h, c = state
    f, g, o = (a + weights.of_state(h)).chunk(3, 1)
    f = f.sigmoid()
    c = f * c + (1 - f) * g.tanh()
    return o.sigmoid() * c.tanh(), c


def sig_lstm(a: Float[Tensor, "b g"], state: State, weights: Weights) -> State:
    """Keep the state from the forget gate: w_h holds i, g and o."""
    h, c = state
    i, f, g, o = a.chunk(4, 1)
    seen_i, seen_g, seen_o = weights.of_state(h).chunk(3, 1)
    c = f.sigmoid() * c + (i + seen_i).sigmoid() * (g + seen_g).tanh()
    return (o + seen_o).sigmoid() * c.tanh(), c


def gru(a: Float[Tensor, "b g"], state: State, weights: Weights) -> State:
    """n = tanh(n + σ(r) (U h)); h = (1 - σ(z)) n + σ(z) h."""
    (h,) = state
    r, z, n = a.chunk(3, 1)
    seen_r, seen_z, seen_n = weights.of_state(h).chunk(3, 1)
    n = (n + (r + seen_r).sigmoid() * seen_n).tanh()
    z = (z + seen_z).sigmoid()
    return (n + z * (h - n),)


def sig_gru(a: Float[Tensor, "b g"], state: State, weights: Weights) -> State:
    """Keep the state from the reset gate: w_h holds z and n."""
    (h,) = state
    r, z, n = a.chunk(3, 1)
    seen_z, seen_n = weights.of_state(h).chunk(2, 1)
    n = (n + r.sigmoid() * seen_n).tanh()
    z = (z + seen_z).sigmoid()
    return (n + z * (h - n),)


def tanh_rnn(a: Float[Tensor, "b g"], state: State, weights: Weights) -> State:
    """h = tanh(W x + U h)."""
    return ((a + weights.of_state(state[0])).tanh(),)


def relu_rnn(a: Float[Tensor, "b g"], state: State, weights: Weights) -> State:
    """h = max(0, W x + U h)."""
    return ((a + weights.of_state(state[0])).relu(),)
