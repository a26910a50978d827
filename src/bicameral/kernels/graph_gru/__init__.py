"""A GRU on the nodes of a graph over whole sequences. The native path has no second derivatives."""

from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.autograd.function import once_differentiable

from bicameral.kernels import native
from bicameral.kernels.graph_gru import cpu, reference
from bicameral.kernels.graph_gru.reference import Propagate, Weights
from bicameral.kernels.sparse_rows import Rows

__all__ = ["Adjacency", "Weights", "graph_gru"]


class Adjacency(NamedTuple):
    """For every node a row of each term's matrix, first of the node itself; and of their transposes."""

    rows: Rows
    transposed: Rows


def graph_gru(
    x: Float[Tensor, "b t n f"],
    h: Float[Tensor, "b n e"],
    weights: Weights,
    propagate: Propagate,
    adjacency: Adjacency | None,
    lengths: Int[Tensor, "b"] | None = None,
) -> tuple[Float[Tensor, "b t n e"], Float[Tensor, "b n e"]]:
    """Return every output and the last state; `adjacency` is what `propagate` multiplies by, or None."""
    if adjacency is None or not _fits_native(x, h, *weights, adjacency.rows.values):
        return reference.graph_gru(x, h, weights, propagate, lengths)
    if torch.is_grad_enabled() and any(v.requires_grad for v in (x, h, *weights)):
        return _Layer.apply(adjacency, lengths, x, h, *weights)
    return cpu.forward(x, h, weights, adjacency.rows, lengths, False)[:2]


def _fits_native(*tensors: Tensor) -> bool:
    unfit = native.is_watched() or native.must_be_plain() or native.must_be_operator(tensors[0])
    return not unfit and native.serves(*tensors)


class _Layer(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, adjacency: Adjacency, lengths: Tensor | None, x: Tensor, h: Tensor, *weights: Tensor
    ) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        y, last, kept = cpu.forward(x, h, Weights(*weights), adjacency.rows, lengths, True)
        ctx.transposed, ctx.lengths = adjacency.transposed, lengths
        ctx.save_for_backward(x, h, y, kept, *weights)
        return y, last

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> Any:  # type: ignore[override]
        x, h, y, kept, *weights = ctx.saved_tensors
        needs_x = ctx.needs_input_grad[2]
        dx, dh, dweights = cpu.backward(
            x, h, Weights(*weights), ctx.transposed, ctx.lengths, y, kept, (grads[0], grads[1]), needs_x
        )
        return None, None, dx, dh, *dweights
