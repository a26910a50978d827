"""Supports and convolutions on graphs, in float64, against powers, eigenvectors and the GCN formula."""

import numpy as np
import pytest
import torch

from bicameral.errors import ConfigError
from bicameral.nn import graph_conv
from bicameral.nn.graph_conv import GraphConv, chebyshev, graph_matrix, random_walks, self_loops
from bicameral.nn.graph_gru import ConvolvedGRU, GraphGRU
from bicameral.nn.stack import Stack
from bicameral.testing import recurrent_laws

RNG = np.random.default_rng(3)
N, K = 6, 3
DIRECTED = RNG.random((N, N)) * (RNG.random((N, N)) < 0.5)
DIRECTED[2] = 0  # no edge leaves node 2
DIRECTED[:, 4] = 0  # no edge reaches node 4
ALONE = DIRECTED.copy()
ALONE[5] = ALONE[:, 5] = 0
BOTH_WAYS = ALONE + ALONE.T


def walk(weights):
    """D^-1 W, row by row."""
    rows = [row / row.sum() if row.sum() else 0 * row for row in weights]
    return np.stack(rows)


def polynomials(matrix):
    """cos(k arccos x) of a matrix, by its powers: T_1 = x, T_2 = 2x^2 - 1, T_3 = 4x^3 - 3x."""
    one = np.eye(len(matrix))
    return [matrix, 2 * matrix @ matrix - one, 4 * matrix @ matrix @ matrix - 3 * matrix]


def test_random_walks_go_both_ways():
    expected = polynomials(walk(DIRECTED)) + polynomials(walk(DIRECTED.T))
    np.testing.assert_allclose(random_walks(torch.tensor(DIRECTED), K), np.stack(expected), atol=1e-12)


def test_a_graph_of_two_way_roads_has_one_walk():
    np.testing.assert_allclose(
        random_walks(torch.tensor(BOTH_WAYS), K), np.stack(polynomials(walk(BOTH_WAYS))), atol=1e-12
    )


def test_walks_keep_a_constant_signal():
    """T_k(1) = 1, wherever a node has edges."""
    ring = np.roll(np.eye(N), 1, axis=1) + np.eye(N)
    neighbours = random_walks(torch.tensor(ring), 4) @ torch.ones(N, dtype=torch.float64)
    torch.testing.assert_close(neighbours, torch.ones_like(neighbours))


def test_chebyshev_filters_the_spectrum_of_the_laplacian():
    degree = BOTH_WAYS.sum(1)
    scale = np.array([1 / np.sqrt(d) if d else 0 for d in degree])
    laplacian = np.eye(N) - scale[:, None] * BOTH_WAYS * scale
    values, vectors = np.linalg.eigh(laplacian)
    scaled = np.clip(2 * values / values.max() - 1, -1, 1)
    expected = [(vectors * np.cos(k * np.arccos(scaled))) @ vectors.T for k in range(1, K + 1)]
    np.testing.assert_allclose(chebyshev(torch.tensor(BOTH_WAYS), K), np.stack(expected), atol=1e-7)


def test_gcn_formula():
    looped = ALONE + np.eye(N)
    scale = np.diag(looped.sum(1) ** -0.5)
    np.testing.assert_allclose(self_loops(torch.tensor(ALONE))[0], scale @ looped @ scale)


@pytest.mark.parametrize("make", [lambda w: random_walks(w, 4), lambda w: chebyshev(w, 4), self_loops])
@pytest.mark.parametrize("weights", [DIRECTED, ALONE, np.zeros((N, N)), np.zeros((1, 1))])
def test_nodes_without_edges_stay_finite(make, weights):
    assert make(torch.tensor(weights)).isfinite().all()


@pytest.mark.parametrize("own", [True, False])
@pytest.mark.parametrize("num_inputs", [1, 2])
def test_convolution_is_the_sum_over_supports(own, num_inputs):
    supports = random_walks(torch.tensor(DIRECTED), 2)
    conv = GraphConv(num_inputs, 3, supports, own=own).double()
    x = RNG.normal(size=(4, 5, N, num_inputs))
    blocks = conv.linear.weight.detach().numpy().T.reshape(-1, num_inputs, 3)
    expected = sum(
        np.einsum("ij,btjf,fe->btie", matrix, x, block)
        for matrix, block in zip([np.eye(N)] * own + list(supports.numpy()), blocks, strict=True)
    )
    np.testing.assert_allclose(conv(torch.tensor(x)).detach().numpy(), expected, atol=1e-12)


@pytest.mark.parametrize("num_inputs", [1, 2, 20])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_large_sparse_graph_equals_the_dense_one(monkeypatch, num_inputs, dtype):
    supports = random_walks(torch.tensor(DIRECTED), 2).to(dtype)
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(3, 4, N, num_inputs, generator=generator, dtype=dtype).requires_grad_()
    monkeypatch.setattr(graph_conv, "SPARSE", 0.0)
    dense = graph_conv.Propagate(supports)
    monkeypatch.setattr(graph_conv, "SPARSE", 1.0)
    small = graph_conv.Propagate(supports)
    monkeypatch.setattr(graph_conv, "LARGE", 1)
    large = graph_conv.Propagate(supports)
    assert large.dense is None
    expected = torch.einsum("mij,btjf->btimf", supports, x).flatten(-2)
    (wanted,) = torch.autograd.grad(expected.square().sum(), x, retain_graph=True)
    for propagate in (dense, small, large):
        torch.testing.assert_close(propagate(x), expected, atol=1e-5, rtol=1e-5)
        (gradient,) = torch.autograd.grad(propagate(x).square().sum(), x)
        torch.testing.assert_close(gradient, wanted, atol=1e-4, rtol=1e-4)


def test_graph_gru_equals_a_loop_over_nodes_and_steps():
    """DCGRU: u, r = σ([x, h] ∗ Θ + b), c = tanh([x, r h] ∗ Θ_c + b_c), h = u h + (1 - u) c."""
    supports = random_walks(torch.tensor(DIRECTED), 2)
    cell = GraphGRU(2, 3, supports).double()
    for parameter in cell.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    terms = [np.eye(N), *supports.numpy()]
    w_x, w_g, w_c, bias = (p.detach().numpy() for p in cell.parameters())
    w_x, w_g, w_c = (w.reshape(len(terms), -1, w.shape[1]) for w in (w_x, w_g, w_c))
    x, h = RNG.normal(size=(4, 5, N, 2)), np.zeros((4, N, 3))

    def convolved(signal, weights):
        return sum(
            np.stack([matrix @ row @ block for row in signal])
            for matrix, block in zip(terms, weights, strict=True)
        )

    expected = []
    for t in range(5):
        both = np.concatenate([w_x[..., :6], w_g], 1)
        gates = 1 / (1 + np.exp(-convolved(np.concatenate([x[:, t], h], -1), both) - bias[:6]))
        r, u = gates[..., :3], gates[..., 3:]
        both = np.concatenate([w_x[..., 6:], w_c], 1)
        c = np.tanh(convolved(np.concatenate([x[:, t], r * h], -1), both) + bias[6:])
        h = u * h + (1 - u) * c
        expected.append(h)
    np.testing.assert_allclose(cell(torch.tensor(x))[0].detach().numpy(), np.stack(expected, 1), atol=1e-12)


@pytest.mark.parametrize("graph", [DIRECTED, BOTH_WAYS, 1 - np.eye(N)])
@pytest.mark.parametrize("num_steps", [0, 2])
def test_graph_gru_gives_the_same_in_single_precision(graph, num_steps):
    """Which runs natively where kernels were compiled."""
    supports = random_walks(torch.tensor(graph).float(), 2)[: 2 * num_steps]
    cell = GraphGRU(2, 20, supports)
    assert cell.adjacency is not None
    x = torch.tensor(RNG.normal(size=(4, 5, N, 2)))
    parameters = list(cell.parameters())
    single = cell(x.float())[0]
    gradients = torch.autograd.grad(single.square().sum(), parameters)
    cell.double()
    torch.testing.assert_close(single.double(), cell(x)[0], atol=1e-5, rtol=1e-5)
    exact = torch.autograd.grad(cell(x)[0].square().sum(), list(cell.parameters()))
    for one, other in zip(gradients, exact, strict=True):
        torch.testing.assert_close(one.double(), other, atol=1e-4, rtol=1e-4)


CELLS = {
    "two walks": lambda graph: GraphGRU(2, 3, random_walks(graph, 2)),
    "no support": lambda graph: GraphGRU(2, 3, torch.zeros(0, N, N)),
    "convolved": lambda graph: ConvolvedGRU(2, 3, graph),
    "layers": lambda graph: Stack(GraphGRU(width, 2, chebyshev(graph, 2)) for width in (2, 2)),
}
LAWS = [
    (f"{cell}-{name}", law)
    for cell, make in CELLS.items()
    for name, law in recurrent_laws(lambda make=make: make(torch.tensor(DIRECTED).float()), (5, N, 2))
]


@pytest.mark.parametrize("law", [law for _, law in LAWS], ids=[name for name, _ in LAWS])
def test_cells_obey(law):
    law()


def test_update_gate_starts_open_and_weights_have_the_scale_of_one_gate():
    cell = GraphGRU(1, 32, random_walks(torch.tensor(DIRECTED).float(), 2), gate_bias=1.0)
    gates, candidate = cell.bias.detach().split([64, 32])
    assert (gates == 1).all()
    assert (candidate == 0).all()
    expected = (2 / (5 * 32 + 32)) ** 0.5
    for gate in cell.gates_weight.detach().split(32, 1):
        assert gate.std().item() == pytest.approx(expected, rel=0.1)


def test_no_graph_joins_all_alike():
    torch.testing.assert_close(graph_matrix(None, 3), torch.tensor([[0.0, 1, 1], [1, 0, 1], [1, 1, 0]]))


def test_a_graph_of_other_size_is_refused():
    with pytest.raises(ConfigError, match="2 nodes, and the series 3 channels"):
        graph_matrix(((0.0, 1.0), (1.0, 0.0)), 3)
