"""A GRU on every node of a graph, whose matrix products are graph convolutions."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from bicameral.kernels.graph_gru import Adjacency, Weights, graph_gru
from bicameral.nn.graph_conv import GraphConv, Propagate, Sparse, by_node, self_loops
from bicameral.nn.masking import Lengths
from bicameral.nn.recurrent import Recurrent

FEW = 200  # nodes, for which the compiled recurrence is the faster one even where all are joined


class GraphGRU(Recurrent[Tensor]):
    """r, u = σ([x, h] ∗ Θ + b); c = tanh([x, r h] ∗ Θ_c + b_c); h = u h + (1 - u) c.

    Random walks as supports make it the DCGRU of arXiv 1707.01926, Chebyshev polynomials the GConvGRU of
    1612.07659; without any support every node is alone with the same GRU. Frames are (b n f).
    """

    adjacency: Sparse | None
    transposed: Sparse | None

    def __init__(
        self, num_inputs: int, width: int, supports: Float[Tensor, "m n n"], *, gate_bias: float = 0.0
    ):
        super().__init__()
        self.width, self.propagate = width, Propagate(supports)
        num_terms, num_nodes = len(supports) + 1, supports.shape[-1]  # that of the node itself comes first
        self.adjacency = self.transposed = None
        if self.propagate.is_sparse or num_nodes <= FEW:
            own = torch.eye(num_nodes, dtype=supports.dtype, device=supports.device)
            terms = torch.cat([own.unsqueeze(0), supports])
            self.adjacency, self.transposed = Sparse(by_node(terms)), Sparse(by_node(terms.mT))
        self.input_weight = nn.Parameter(torch.empty(num_terms * num_inputs, 3 * width))
        self.gates_weight = nn.Parameter(torch.empty(num_terms * width, 2 * width))
        self.candidate_weight = nn.Parameter(torch.empty(num_terms * width, width))
        self.bias = nn.Parameter(torch.zeros(3 * width))
        self.bias.data[: 2 * width] = gate_bias
        for weight in (self.input_weight, self.gates_weight, self.candidate_weight):
            for block in weight.data.split(width, 1):
                nn.init.xavier_uniform_(block)

    def output_like(self, x_t: Float[Tensor, "b n f"]) -> Float[Tensor, "b n h"]:
        return x_t.new_zeros(*x_t.shape[:2], self.width)

    def initial_state(self, x_t: Float[Tensor, "b n f"]) -> Float[Tensor, "b n h"]:
        return self.output_like(x_t)

    def scan(
        self, x: Float[Tensor, "b t n f"], state: Float[Tensor, "b n h"], lengths: Lengths
    ) -> tuple[Float[Tensor, "b t n h"], Float[Tensor, "b n h"]]:
        weights = Weights(self.input_weight, self.gates_weight, self.candidate_weight, self.bias)
        adjacency = (
            Adjacency(self.adjacency.rows(), self.transposed.rows())
            if self.adjacency and self.transposed
            else None
        )
        return graph_gru(x, state, weights, self.propagate, adjacency, lengths)


class ConvolvedGRU(Recurrent[Tensor]):
    """σ(Â relu(Â X W_0) W_1) of every frame (arXiv 1811.05320), then the same GRU on every node."""

    def __init__(self, num_inputs: int, width: int, graph: Float[Tensor, "n n"]):
        super().__init__()
        self.width, supports = width, self_loops(graph)
        self.convolutions = nn.Sequential(
            GraphConv(num_inputs, width, supports, own=False),
            nn.ReLU(),
            GraphConv(width, width, supports, own=False),
            nn.Sigmoid(),
        )
        self.gru = GraphGRU(width, width, supports[:0])

    def output_like(self, x_t: Float[Tensor, "b n f"]) -> Float[Tensor, "b n h"]:
        return self.gru.output_like(x_t)

    def initial_state(self, x_t: Float[Tensor, "b n f"]) -> Float[Tensor, "b n h"]:
        return self.gru.initial_state(x_t)

    def scan(
        self, x: Float[Tensor, "b t n f"], state: Float[Tensor, "b n h"], lengths: Lengths
    ) -> tuple[Float[Tensor, "b t n h"], Float[Tensor, "b n h"]]:
        return self.gru(self.convolutions(x), state, lengths=lengths)
