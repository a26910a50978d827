"""T-GCN against its equations in numpy."""

import numpy as np
import torch

from bicameral.models.tgcn import TGCN, TGCNConfig

RNG = np.random.default_rng(0)
N, WIDTH = 5, 3
GRAPH = RNG.random((N, N)) * (RNG.random((N, N)) < 0.6)


def sigmoid(v):
    return 1 / (1 + np.exp(-v))


def states(cells, x):
    """h_1 ... h_t for one series: f(A, X) = σ(Â relu(Â X W_0) W_1), then a GRU of [f, h] on each node."""
    looped = GRAPH + np.eye(N)
    scale = looped.sum(1) ** -0.5
    mixed = scale[:, None] * looped * scale
    first, _, second, _ = cells.convolutions
    (w0, b0), (w1, b1) = (
        (c.linear.weight.detach().numpy(), c.linear.bias.detach().numpy()) for c in (first, second)
    )
    p = {name: value.detach().numpy() for name, value in cells.gru.named_parameters()}
    h = np.zeros((N, WIDTH))
    for x_t in x[..., None]:
        f = sigmoid(mixed @ np.maximum(mixed @ x_t @ w0.T + b0, 0) @ w1.T + b1)
        seen = f @ p["input_weight"] + p["bias"]
        r, u = np.split(sigmoid(seen[:, : 2 * WIDTH] + h @ p["gates_weight"]), 2, 1)
        h = u * h + (1 - u) * np.tanh(seen[:, 2 * WIDTH :] + (r * h) @ p["candidate_weight"])
        yield h


def test_forecasts_from_the_last_state():
    model = TGCN((6, N), TGCNConfig(horizon=2, graph=GRAPH.tolist(), width=WIDTH)).double()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter)
    x = RNG.normal(size=(6, N))
    *_, last = states(model.cells, x)
    out = last @ model.read_out.weight.detach().numpy().T + model.read_out.bias.detach().numpy()
    forecast = model(torch.tensor(x[None]))[0].detach().numpy()
    np.testing.assert_allclose(forecast, x[-1] + out.T, atol=1e-5)


def test_count_by_hand():
    model = TGCN((6, N), TGCNConfig(horizon=2, width=WIDTH))
    convolutions = (1 + 1) * WIDTH + (WIDTH + 1) * WIDTH
    gates = 3 * (2 * WIDTH + 1) * WIDTH
    assert sum(p.numel() for p in model.parameters()) == convolutions + gates + (WIDTH + 1) * 2
