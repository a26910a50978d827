"""DCRNN against the paper's equations, step by step in numpy, and against the authors' parameter count."""

import numpy as np
import torch

from bicameral.models.dcrnn import DCRNN, DCRNNConfig

RNG = np.random.default_rng(0)
N, K, WIDTH = 4, 2, 3
GRAPH = RNG.random((N, N)) * (RNG.random((N, N)) < 0.7)


def diffusion(x, weights):
    """Sum over k and both directions of T_k(D^-1 W) x: one block of weights each, the node itself first."""
    onward, back = (w / np.maximum(w.sum(1, keepdims=True), 1e-12) for w in (GRAPH, GRAPH.T))
    terms = [np.eye(N)]
    for walk in (onward, back):
        terms += [walk, 2 * walk @ walk - np.eye(N)]
    blocks = np.split(weights, len(terms))
    return sum(term @ x @ block for term, block in zip(terms, blocks, strict=True))


def cell(p, x, h):
    bias, w_x, w_g, w_c = p["bias"], p["input_weight"], p["gates_weight"], p["candidate_weight"]
    gates = diffusion(x, w_x[:, : 2 * WIDTH]) + diffusion(h, w_g) + bias[: 2 * WIDTH]
    r, u = np.split(1 / (1 + np.exp(-gates)), 2, axis=1)
    c = np.tanh(diffusion(x, w_x[:, 2 * WIDTH :]) + diffusion(r * h, w_c) + bias[2 * WIDTH :])
    return u * h + (1 - u) * c


def parameters(stack):
    return [{k: v.detach().numpy() for k, v in layer.named_parameters()} for layer in stack]


def test_encodes_and_continues_as_in_the_paper():
    config = DCRNNConfig(horizon=3, graph=GRAPH.tolist(), num_steps=K, width=WIDTH)
    model = DCRNN((5, N), config).double()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    encoder, decoder = parameters(model.encoder), parameters(model.decoder)
    weight, bias = model.read_out.weight.detach().numpy(), model.read_out.bias.item()
    x = RNG.normal(size=(5, N))
    h = [np.zeros((N, WIDTH)) for _ in encoder]

    def run(layers, x):
        for i, layer in enumerate(layers):
            h[i] = x = cell(layer, x, h[i])
        return x

    for x_t in x:
        run(encoder, x_t[:, None])
    change, expected = np.zeros((N, 1)), []
    for _ in range(3):
        change = run(decoder, change) @ weight.T + bias
        expected.append(x[-1] + change[:, 0])
    forecast = model(torch.tensor(x[None]))[0].detach().numpy()
    np.testing.assert_allclose(forecast, np.stack(expected), atol=1e-6)  # the graph is kept in float32


def test_the_first_forecast_is_not_fed_by_the_number_of_forecasts():
    model = DCRNN((5, N), DCRNNConfig(horizon=4)).double()
    x = torch.randn(2, 5, N, dtype=torch.float64)
    longer = model(x)
    model.horizon = 2
    torch.testing.assert_close(model(x), longer[:, :2])


def test_gates_start_with_a_bias_of_one():
    for layer in DCRNN((5, N), DCRNNConfig(width=WIDTH)).encoder:
        assert layer.bias.tolist() == [1.0] * 2 * WIDTH + [0.0] * WIDTH


def test_counts_as_many_parameters_as_the_authors():
    """372,353 for METR-LA, whose nodes have a second feature, the time of day, in the encoder."""
    one_way = np.triu(np.ones((N, N)), 1).tolist()
    with torch.device("meta"):
        model = DCRNN((12, N), DCRNNConfig(graph=one_way, horizon=12))
    time_of_day = (2 * K + 1) * 3 * 64
    assert sum(p.numel() for p in model.parameters()) + time_of_day == 372_353
