"""minLSTM: one layer equals the paper's recurrence and its log-space form, carried state included."""

import pytest
import torch
from torch.nn.functional import softplus

from bicameral.models.minlstm import MinLSTM, MinLSTMConfig, MinLSTMLayer


def by_the_equation(layer, x, h):
    states = []
    for x_t in x.unbind(1):
        f, i = layer.gates(x_t).sigmoid().chunk(2, 1)
        v = layer.candidate(x_t)
        h = f / (f + i) * h + i / (f + i) * torch.where(v >= 0, v + 0.5, v.sigmoid())
        states.append(h)
    return torch.stack(states, 1)


def in_log_space(layer, x, h):
    """Appendix B of the paper: h = exp(a* + logcumsumexp(log values - a*))."""
    f, i = layer.gates(x).chunk(2, 2)
    difference = softplus(-f) - softplus(-i)
    v = layer.candidate(x)
    log_g = torch.where(v >= 0, (v.relu() + 0.5).log(), -softplus(-v))
    a_star = torch.cat([torch.zeros_like(f[:, :1]), (-softplus(difference)).cumsum(1)], 1)
    values = torch.cat([h.log()[:, None], -softplus(-difference) + log_g], 1)
    return (a_star + (values - a_star).logcumsumexp(1)).exp()[:, 1:]


@pytest.mark.parametrize("oracle", [by_the_equation, in_log_space])
@pytest.mark.parametrize("num_frames", [1, 20, 100])
def test_layer_equals_the_paper(oracle, num_frames):
    layer = MinLSTMLayer(6).double()
    x, h = torch.randn(3, num_frames, 6).double(), torch.rand(3, 6).double()
    y, last = layer(x, h)
    torch.testing.assert_close(y, oracle(layer, x, h))
    torch.testing.assert_close(last, y[:, -1])


def test_constant_input_is_remembered_at_its_own_size():
    """The shares sum to one: the state cannot outgrow the candidate, however long the sequence."""
    layer = MinLSTMLayer(4)
    x = torch.randn(1, 1, 4).expand(1, 3000, 4)
    v = layer.candidate(x[:, -1])
    torch.testing.assert_close(layer(x)[0][:, -1], torch.where(v >= 0, v + 0.5, v.sigmoid()))


def test_saturated_gates_stay_finite():
    layer = MinLSTMLayer(2)
    with torch.no_grad():
        layer.gates.bias.copy_(torch.tensor([-200.0, 200, -200, -200]))
    assert layer(torch.randn(1, 5, 2))[0].isfinite().all()


def test_parameters():
    model = MinLSTM((20, 3), MinLSTMConfig(width=8, depth=2))
    layer = 3 * (8 * 8 + 8) + 2 * 8
    assert sum(p.numel() for p in model.parameters()) == (3 * 8 + 8) + 2 * layer + 2 * 8
