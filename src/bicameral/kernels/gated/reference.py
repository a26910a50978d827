"""What the gated cells are: the readable definitions every faster path must equal.

A step takes `a`, the projected input of every gate, and gives the next state, its output first. Gates stand
in PyTorch's order. A row that has ended keeps its state, and its outputs are zero.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional

from bicameral.kernels.frames import stacked

State = tuple[Tensor, ...]
EPS = 1e-5  # of the variances of layer norm


class Weights(NamedTuple):
    """Of one layer: g gates of e units each see the input, k of them the state."""

    w_x: Float[Tensor, "ge d"] | None  # None where the input comes projected
    w_h: Float[Tensor, "ke h"]
    b_x: Float[Tensor, "ge"] | None = None
    b_h: Float[Tensor, "ke"] | None = None
    extra: Float[Tensor, "p e"] | None = None  # parameters of single units, or a projection of the output

    def of_input(self, x: Tensor) -> Tensor:
        """Project the input for all its gates."""
        if self.w_x is None:
            return x if self.b_x is None else x + self.b_x
        return functional.linear(x, self.w_x, self.b_x)

    def of_state(self, h: Tensor) -> Tensor:
        """Project the state for the gates that see it."""
        return functional.linear(h, self.w_h, self.b_h)


Step = Callable[[Tensor, State, Weights], State]


def scan(
    step: Step, x: Float[Tensor, "b t d"], state: State, weights: Weights, lengths: Int[Tensor, "b"] | None
) -> tuple[Float[Tensor, "b t e"], State]:
    """Return every output and the last state: one step after another."""
    outputs = []
    for t, a in enumerate(weights.of_input(x).unbind(1)):
        new = step(a, state, weights)
        y_t = new[0]
        if lengths is not None:
            active = (t < lengths)[:, None]
            y_t = y_t.where(active, 0)
            new = tuple(torch.where(active, after, before) for after, before in zip(new, state, strict=True))
        state = new
        outputs.append(y_t)
    return stacked(outputs, state[0]), state


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


def layer_norm_lstm(a: Float[Tensor, "b g"], state: State, weights: Weights) -> State:
    """Normalise what the state says to all gates together, and the cell; `a` comes normalised.

    Extra: a gain for each of the four gates, gain and bias of the cell.
    """
    h, c = state
    assert weights.extra is not None
    gain, bias = weights.extra[4], weights.extra[5]
    seen = functional.layer_norm(
        weights.of_state(h), weights.w_h.shape[:1], weights.extra[:4].flatten(), eps=EPS
    )
    i, f, g, o = (a + seen).chunk(4, 1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * functional.layer_norm(c, gain.shape, gain, bias, EPS).tanh(), c


def projected_lstm(a: Float[Tensor, "b g"], state: State, weights: Weights) -> State:
    """Project the output, and let the gates see the projection; extra: its weights."""
    h, c = state
    i, f, g, o = (a + weights.of_state(h)).chunk(4, 1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    assert weights.extra is not None
    return functional.linear(o.sigmoid() * c.tanh(), weights.extra), c


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


def reset_before_gru(a: Float[Tensor, "b g"], state: State, weights: Weights) -> State:
    """n = tanh(n + U (σ(r) h)): the reset gate before the product."""
    (h,) = state
    r, z, n = a.chunk(3, 1)
    of_gates, of_n = weights.w_h.split([2 * h.shape[1], h.shape[1]])
    b_gates, b_n = (None, None) if weights.b_h is None else weights.b_h.split([2 * h.shape[1], h.shape[1]])
    seen_r, seen_z = functional.linear(h, of_gates, b_gates).chunk(2, 1)
    n = (n + functional.linear((r + seen_r).sigmoid() * h, of_n, b_n)).tanh()
    return (n + (z + seen_z).sigmoid() * (h - n),)


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
