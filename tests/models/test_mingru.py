"""minGRU: one layer equals the paper's equation and its log-space formulation, carried state included."""

import pytest
import torch
from torch.nn.functional import softplus

from bicameral.models.mingru import MinGRULayer


def by_the_equation(layer, x, h):
    states = []
    for x_t in x.unbind(1):
        z = layer.gate(x_t).sigmoid()
        v = layer.candidate(x_t)
        h = (1 - z) * h + z * torch.where(v >= 0, v + 0.5, v.sigmoid())
        states.append(h)
    return torch.stack(states, 1)


def in_log_space(layer, x, h):
    """Appendix B of the paper: h = exp(a* + logcumsumexp(log values - a*))."""
    k, v = layer.gate(x), layer.candidate(x)
    log_g = torch.where(v >= 0, (v.relu() + 0.5).log(), -softplus(-v))
    a_star = torch.cat([torch.zeros_like(k[:, :1]), (-softplus(k)).cumsum(1)], 1)
    values = torch.cat([h.log()[:, None], -softplus(-k) + log_g], 1)
    return (a_star + (values - a_star).logcumsumexp(1)).exp()[:, 1:]


@pytest.mark.parametrize("oracle", [by_the_equation, in_log_space])
@pytest.mark.parametrize("num_frames", [1, 20, 100])
def test_layer_equals_the_paper(oracle, num_frames):
    layer = MinGRULayer(6).double()
    x, h = torch.randn(3, num_frames, 6).double(), torch.rand(3, 6).double()
    y, last = layer(x, h)
    torch.testing.assert_close(y, oracle(layer, x, h))
    torch.testing.assert_close(last, y[:, -1])
