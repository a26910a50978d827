"""What a GRU on the nodes of a graph is: the readable definition every faster path must equal."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from bicameral.kernels.frames import stacked

# (... n f) to (... n mf): the sums over every node's neighbours, term by term
Propagate = Callable[[Tensor], Tensor]


class Weights(NamedTuple):
    """Rows by term, first those of the node itself; columns r, u, c."""

    input: Float[Tensor, "mf g"]
    gates: Float[Tensor, "me r"]  # r and u
    candidate: Float[Tensor, "me e"]
    bias: Float[Tensor, "g"]


def graph_gru(
    x: Float[Tensor, "b t n f"],
    h: Float[Tensor, "b n e"],
    weights: Weights,
    propagate: Propagate,
    lengths: Int[Tensor, "b"] | None,
) -> tuple[Float[Tensor, "b t n e"], Float[Tensor, "b n e"]]:
    """Return every output and the last state; a row that has ended keeps its state."""
    inputs = _convolve(weights.bias, x.transpose(0, 1), weights.input, propagate)  # of all frames at once
    outputs, start = [], h
    for t, frame in enumerate(inputs.unbind(0)):
        new = _update(frame, h, weights, propagate)
        h = new if lengths is None else torch.where((t < lengths).view(-1, 1, 1), new, h)
        outputs.append(new)
    return stacked(outputs, start), h


def _update(
    inputs: Float[Tensor, "b n g"], h: Float[Tensor, "b n e"], weights: Weights, propagate: Propagate
) -> Float[Tensor, "b n e"]:
    gates, candidate = inputs.split([2 * h.shape[-1], h.shape[-1]], -1)
    r, u = _convolve(gates, h, weights.gates, propagate).sigmoid().chunk(2, -1)
    c = _convolve(candidate, r * h, weights.candidate, propagate).tanh()
    return c + u * (h - c)


def _convolve(
    to: Float[Tensor, "*#bn e"],
    x: Float[Tensor, "*b n f"],
    weight: Float[Tensor, "mf e"],
    propagate: Propagate,
) -> Float[Tensor, "*b n e"]:
    """Return `to` and the graph convolution of x, without a copy of the neighbours' sums."""
    own, others = weight.split([x.shape[-1], len(weight) - x.shape[-1]])
    total = torch.addmm(to.reshape(-1, to.shape[-1]), x.flatten(0, -2), own)
    if len(others):
        total = torch.addmm(total, propagate(x).flatten(0, -2), others)
    return total.unflatten(0, x.shape[:-1])
