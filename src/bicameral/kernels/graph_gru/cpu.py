"""The compiled GRU on a graph: float32 on a CPU, one example at a time through all frames."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from bicameral.errors import ShapeError
from bicameral.kernels import native
from bicameral.kernels.graph_gru.reference import Weights
from bicameral.kernels.lengths import checked
from bicameral.kernels.sparse_rows import Rows
from bicameral.kernels.sparse_rows.cpu import require_nodes

GROUPS = 8  # of examples that share sums of weight gradients, whatever the number of threads


def forward(
    x: Float[Tensor, "b t n f"],
    h: Float[Tensor, "b n e"],
    weights: Weights,
    adjacency: Rows,
    lengths: Int[Tensor, "b"] | None,
    keep: bool,
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Return every output, the last state and, where they are to be kept, r, u and c."""
    sizes = _sizes(x, h, weights, adjacency)
    y, last = (
        x.new_empty(*x.shape[:3], h.shape[2]),
        torch.empty_like(h, memory_format=torch.contiguous_format),
    )
    kept = x.new_empty(*x.shape[:3], 3 * h.shape[2]) if keep else None
    integers = (*sizes, torch.get_num_threads())
    _call("graph_gru_forward", integers, *adjacency, *weights, x, h, _within(lengths, x), y, last, kept)
    return y, last, kept


def backward(
    x: Float[Tensor, "b t n f"],
    h: Float[Tensor, "b n e"],
    weights: Weights,
    transposed: Rows,
    lengths: Int[Tensor, "b"] | None,
    y: Float[Tensor, "b t n e"],
    kept: Float[Tensor, "b t n g"],
    grads: tuple[Float[Tensor, "b t n e"], Float[Tensor, "b n e"]],
    needs_x: bool,
) -> tuple[Tensor | None, Tensor, Weights]:
    """Return the gradients of x, where it needs one, of h and of weights, given those of what came out."""
    batch, _, _, inputs, width, terms = sizes = _sizes(x, h, weights, transposed)
    dx = torch.empty_like(x, memory_format=torch.contiguous_format) if needs_x else None
    dh, groups = torch.empty_like(h, memory_format=torch.contiguous_format), min(batch, GROUPS)
    shapes = (
        (inputs, terms, 2 * width),
        (inputs, terms, width),
        (width, terms, 2 * width),
        (width, terms, width),
    )
    partial = [x.new_zeros(groups, *shape) for shape in (*shapes, (3 * width,))]
    read = (*transposed, *weights[:3], x, h, _within(lengths, x), y, kept, *grads)
    _call("graph_gru_backward", (*sizes, groups, torch.get_num_threads()), *read, dx, dh, *partial)
    of_r_and_u, of_c, gates, candidate, bias = (part.sum(0) for part in partial)
    of_input = torch.cat([of_r_and_u, of_c], -1)
    return dx, dh, Weights(_by_term(of_input), _by_term(gates), _by_term(candidate), bias)


def _by_term(weight: Float[Tensor, "f m e"]) -> Float[Tensor, "mf e"]:
    return weight.transpose(0, 1).flatten(0, 1)


def _sizes(x: Tensor, h: Tensor, weights: Weights, matrix: Rows) -> tuple[int, ...]:
    (batch, frames, nodes, inputs), width = x.shape, h.shape[2]
    terms = (len(matrix.starts) - 1) // nodes
    require_nodes(matrix, nodes)
    if len(matrix.starts) != nodes * terms + 1:
        raise ShapeError(f"x has {nodes} nodes; the graph was made for others")
    native.require(
        x.dtype,
        h=(h, (batch, nodes, width)),
        input=(weights.input, (terms * inputs, 3 * width)),
        gates=(weights.gates, (terms * width, 2 * width)),
        candidate=(weights.candidate, (terms * width, width)),
        bias=(weights.bias, (3 * width,)),
    )
    return batch, frames, nodes, inputs, width, terms


def _within(lengths: Tensor | None, x: Tensor) -> Tensor | None:
    return None if lengths is None else checked(lengths, *x.shape[:2])


def _call(name: str, integers: tuple[int, ...], *tensors: Tensor | None) -> None:
    held = [v if v is None else native.plain(v) for v in tensors]  # until it returns
    run = native.function(name, len(integers), len(held))
    run(*integers, *(None if v is None else v.data_ptr() for v in held))
