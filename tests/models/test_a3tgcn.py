"""A3T-GCN: attention over states that really are carried from frame to frame."""

import numpy as np
import torch

from bicameral.models.a3tgcn import A3TGCN, A3TGCNConfig

RNG = np.random.default_rng(0)
N, WIDTH = 5, 3
GRAPH = RNG.random((N, N)) * (RNG.random((N, N)) < 0.6)
X = RNG.normal(size=(2, 6, N))


def randomised():
    torch.manual_seed(3)
    model = A3TGCN((6, N), A3TGCNConfig(horizon=2, graph=GRAPH.tolist(), width=WIDTH)).double()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter)
    return model


def carried(cells, x):
    """The states (b t n e), one frame after another."""
    state, states = cells.initial_state(x[:, 0, :, None]), []
    for x_t in x.unbind(1):
        _, state = cells.step(x_t.unsqueeze(-1), state)
        states.append(state)
    return torch.stack(states, 1).detach().numpy()


def test_forecasts_from_the_attended_states():
    model = randomised()
    score = model.score.weight.detach().numpy()[0]
    forecasts, all_states = model(torch.tensor(X)), carried(model.cells, torch.tensor(X))
    for row, forecast, h in zip(X, forecasts.detach().numpy(), all_states, strict=True):
        weights = np.exp(h @ score)
        weights /= weights.sum(0)
        context = (weights[..., None] * h).sum(0)
        out = context @ model.read_out.weight.detach().numpy().T + model.read_out.bias.detach().numpy()
        np.testing.assert_allclose(forecast, row[-1] + out.T, atol=1e-5)


def test_attention_is_a_distribution_over_time():
    _, weights = randomised().attend(torch.tensor(X))
    assert weights.shape == (2, 6, N)
    assert (weights > 0).all()
    torch.testing.assert_close(weights.sum(1), torch.ones(2, N, dtype=torch.float64))


def test_a_state_remembers_the_frames_before_it():
    """With all attention on the last frame, the first frame still matters."""
    model, x = randomised(), torch.tensor(X)
    changed = x.clone()
    changed[:, 0] += 1
    last, other = (model.cells(frames.unsqueeze(-1))[0][:, -1] for frames in (x, changed))
    assert (last != other).all()
