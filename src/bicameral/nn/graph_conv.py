"""Convolution on a graph: sums over the neighbours by polynomials of its matrix, each weighted by itself.

A graph is the matrix W (n n) of its weights, from row to column. The functions make the supports (m n n), the
matrices that mix the nodes; a node without edges gets nothing, and nothing is divided by its zero.
"""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from bicameral.errors import ConfigError
from bicameral.kernels.sparse_rows import Rows, compress, is_fast, sparse_rows

LARGE = 300  # nodes; beyond, no dense matrix is kept
SPARSE = 0.3  # of the weights are at most not zero, for a sparse product to be the faster one
WIDE = 8  # features, likewise


def graph_matrix(weights: Sequence[Any] | None, num_nodes: int) -> Float[Tensor, "n n"]:
    """Return the weights as a matrix; without any, every node is joined to every other by a weight of one.

    On the processor, where its zeroes can be seen, also while a model is built elsewhere.
    """
    if weights is None:
        return 1 - torch.eye(num_nodes, device="cpu")
    if len(weights) != num_nodes:
        raise ConfigError(
            f"the graph has {len(weights)} nodes, and the series {num_nodes} channels (a channel with gaps "
            "brings a second that marks them); expected one node a channel, in their order"
        )
    return torch.tensor(weights, dtype=torch.float32, device="cpu")


def random_walks(graph: Float[Tensor, "n n"], num_steps: int) -> Float[Tensor, "m n n"]:
    """T_1 ... T_K of the walk along the edges, then of the walk against them (arXiv 1707.01926).

    Where every edge has two equal weights, both are the same walk, and it is given once.
    """
    directions = [graph] if torch.equal(graph, graph.T) else [graph, graph.T]
    return torch.stack([T for edges in directions for T in _chebyshev(_by_row(edges), num_steps)])


def chebyshev(graph: Float[Tensor, "n n"], num_steps: int) -> Float[Tensor, "m n n"]:
    """T_1 ... T_K of the normalised Laplacian, scaled into [-1, 1] (arXiv 1606.09375).

    Edges count in both directions, each with half of the two weights.
    """
    laplacian = _one(graph) - _by_both((graph + graph.T) / 2)
    largest = torch.linalg.eigvalsh(laplacian.double())[-1].to(graph)
    return torch.stack(_chebyshev(2 / largest * laplacian - _one(graph), num_steps))


def self_loops(graph: Float[Tensor, "n n"]) -> Float[Tensor, "1 n n"]:
    """D^-1/2 (W + 1) D^-1/2 with the degrees of W + 1 (arXiv 1609.02907)."""
    return _by_both(graph + _one(graph)).unsqueeze(0)


def _one(like: Float[Tensor, "n n"]) -> Float[Tensor, "n n"]:
    return torch.eye(len(like), dtype=like.dtype, device=like.device)


def _by_row(graph: Float[Tensor, "n n"]) -> Float[Tensor, "n n"]:
    degree = graph.sum(1, keepdim=True)
    return torch.where(degree > 0, graph / degree.where(degree > 0, 1), 0)


def _by_both(graph: Float[Tensor, "n n"]) -> Float[Tensor, "n n"]:
    degree = graph.sum(1)
    scale = degree.where(degree > 0, 1).rsqrt() * (degree > 0)
    return scale[:, None] * graph * scale


def _chebyshev(matrix: Float[Tensor, "n n"], num_steps: int) -> list[Tensor]:
    """T_k = 2 M T_k-1 - T_k-2, from T_0 = 1 and T_1 = M on."""
    terms = [_one(matrix), matrix]
    while len(terms) <= num_steps:
        terms.append(2 * matrix @ terms[-1] - terms[-2])
    return terms[1 : num_steps + 1]


def by_node(matrices: Float[Tensor, "m n n"]) -> Float[Tensor, "nm n"]:
    """Rows ordered by node, then by matrix: a product is then already laid out for the weights."""
    return matrices.transpose(0, 1).flatten(0, 1).contiguous()


class Sparse(nn.Module):
    """What of a matrix is not zero."""

    def __init__(self, matrix: Float[Tensor, "r n"]):
        super().__init__()
        for part, values in compress(matrix)._asdict().items():
            self.register_buffer(part, values, persistent=False)

    def rows(self) -> Rows:
        return Rows(*(self.get_buffer(part) for part in Rows._fields))


class Propagate(nn.Module):
    """Every node's sums over all nodes, one for each support, side by side."""

    dense: Tensor | None

    def __init__(self, supports: Float[Tensor, "m n n"]):
        super().__init__()
        self.num_supports, num_nodes, _ = supports.shape
        rows = by_node(supports)
        self.is_sparse = bool(rows.count_nonzero() <= SPARSE * rows.numel())
        is_large = self.is_sparse and num_nodes > LARGE
        self.register_buffer("dense", None if is_large else rows, persistent=False)
        if self.is_sparse:
            self.adjacency, self.transposed = Sparse(rows), Sparse(rows.T)

    def forward(self, x: Float[Tensor, "*b n f"]) -> Float[Tensor, "*b n mf"]:
        if self.dense is None or (self.is_sparse and x.shape[-1] >= WIDE and is_fast(x)):
            neighbours = sparse_rows(self.adjacency.rows(), self.transposed.rows(), x.flatten(0, -3))
        elif x.shape[-1] == 1:  # one product for all rows instead of one for each
            neighbours = x.squeeze(-1) @ self.dense.T
        else:
            neighbours = self.dense @ x
        return neighbours.reshape(*x.shape[:-1], self.num_supports * x.shape[-1])


class GraphConv(nn.Module):
    """x W_0 + sum of T_m x W_m + b; W_0, of the node itself, only where `own`."""

    def __init__(self, num_inputs: int, width: int, supports: Float[Tensor, "m n n"], *, own: bool = True):
        super().__init__()
        self.propagate, self.own = Propagate(supports), own
        self.linear = nn.Linear((len(supports) + own) * num_inputs, width)
        nn.init.xavier_uniform_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, x: Float[Tensor, "*b n f"]) -> Float[Tensor, "*b n e"]:
        neighbours = self.propagate(x)
        return self.linear(torch.cat([x, neighbours], -1) if self.own else neighbours)
