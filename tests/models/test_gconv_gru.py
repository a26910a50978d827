"""GConvGRU: a GRU that filters the spectrum of the Laplacian."""

import numpy as np
import torch

from bicameral.models.gconv_gru import GConvGRU, GConvGRUConfig

RNG = np.random.default_rng(0)
N, K, WIDTH = 5, 3, 3
WEIGHTS = RNG.random((N, N)) * (RNG.random((N, N)) < 0.6)
GRAPH = WEIGHTS + WEIGHTS.T + np.roll(np.eye(N), 1, 1) + np.roll(np.eye(N), -1, 1)


def spectral(x, weights):
    """U (sum of cos(k arccos λ) θ_k) U' x, from the eigenvectors of the normalised Laplacian."""
    scale = GRAPH.sum(1) ** -0.5
    values, vectors = np.linalg.eigh(np.eye(N) - scale[:, None] * GRAPH * scale)
    angles = np.arccos(np.clip(2 * values / values[-1] - 1, -1, 1))
    blocks = np.split(weights, K + 1)
    return sum(vectors * np.cos(k * angles) @ vectors.T @ x @ block for k, block in enumerate(blocks))


def test_equals_a_spectral_gru():
    model = GConvGRU(
        (6, N), GConvGRUConfig(horizon=2, graph=GRAPH.tolist(), num_steps=K, width=WIDTH)
    ).double()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    (layer,) = model.layers
    p = {name: value.detach().numpy() for name, value in layer.named_parameters()}
    w_x, bias = np.split(p["input_weight"], 3, 1), np.split(p["bias"], 3)
    w_h = [*np.split(p["gates_weight"], 2, 1), p["candidate_weight"]]
    x, h = RNG.normal(size=(6, N)), np.zeros((N, WIDTH))
    for x_t in x[..., None]:
        r, z = (1 / (1 + np.exp(-spectral(x_t, w_x[i]) - spectral(h, w_h[i]) - bias[i])) for i in range(2))
        h = z * h + (1 - z) * np.tanh(spectral(x_t, w_x[2]) + spectral(r * h, w_h[2]) + bias[2])
    out = h @ model.read_out.weight.detach().numpy().T + model.read_out.bias.detach().numpy()
    forecast = model(torch.tensor(x[None]))[0].detach().numpy()
    np.testing.assert_allclose(forecast, x[-1] + out.T, atol=1e-5)


def test_parameters_are_those_of_six_convolutions():
    model = GConvGRU((6, N), GConvGRUConfig(num_steps=K, width=WIDTH))
    convolutions = 3 * (K + 1) * (1 + WIDTH) * WIDTH + 3 * WIDTH  # each gate has one bias instead of two
    assert sum(p.numel() for p in model.layers.parameters()) == convolutions
