"""The RG-LRU equals the paper's equations in float64, remembers as long as it says, and stays finite."""

import math

import pytest
import torch

from bicameral.kernels.rg_lru.reference import bounded_sqrt
from bicameral.nn.depthwise_conv import DepthwiseCausalConv1d
from bicameral.nn.rg_lru import RGLRU
from bicameral.testing import lengths_laws, recurrent_laws

SHAPE = (11, 6)
BLOCKS = {
    "rg_lru": lambda: RGLRU(6, num_blocks=3),
    "depthwise_conv": lambda: DepthwiseCausalConv1d(6, 4),
    "one_tap": lambda: DepthwiseCausalConv1d(6, 1),
}


@pytest.mark.parametrize(
    "law",
    [
        pytest.param(law, id=f"{block}-{name}")
        for block, build in BLOCKS.items()
        for name, law in [*recurrent_laws(build, SHAPE), *lengths_laws(build, SHAPE, 1, 1)]
    ],
)
def test_block_obeys(law):
    law()


def dense(gate):
    return torch.block_diag(*gate.weight), gate.bias.flatten()


def by_the_paper(layer, x, h):
    """Equations 1 to 4, without logarithms: a = σ(Λ), a_t = a^(c r_t)."""
    (w_a, b_a), (w_x, b_x) = dense(layer.gate_a), dense(layer.gate_x)
    states = []
    for x_t in x.unbind(1):
        r = 1 / (1 + (-(x_t @ w_a + b_a)).exp())
        i = 1 / (1 + (-(x_t @ w_x + b_x)).exp())
        a = (1 / (1 + (-layer.decay).exp())) ** (8 * r)
        h = a * h + (1 - a**2) ** 0.5 * (i * x_t)
        states.append(h)
    return torch.stack(states, 1)


@pytest.mark.parametrize("init", ["paper", "recurrentgemma"])
def test_equals_the_paper(init):
    layer = RGLRU(6, num_blocks=2, init=init).double()
    torch.nn.init.normal_(layer.gate_a.bias)
    x, h = torch.randn(3, 40, 6).double(), torch.randn(3, 6).double()
    y, last = layer(x, h)
    expected = by_the_paper(layer, x, h)
    torch.testing.assert_close(y, expected)
    torch.testing.assert_close(last, y[:, -1])
    parameters = list(layer.parameters())
    torch.testing.assert_close(
        torch.autograd.grad(y.square().sum(), parameters),
        torch.autograd.grad(expected.square().sum(), parameters),
    )


@pytest.mark.parametrize(("init", "steps"), [("paper", 38.6), ("recurrentgemma", 4.95)])
def test_memory_at_the_start(init, steps):
    """Half of the units forget by a factor e in as many steps, while the gates are half open."""
    decay = RGLRU(20_000, num_blocks=2000, init=init).decay.double()
    constants = -1 / (8 * 0.5 * decay.sigmoid().log())
    assert constants.median().item() == pytest.approx(steps, rel=0.03)


def test_decays_are_spread_as_the_paper_says():
    decay = RGLRU(20_000, num_blocks=2000).decay.double().sigmoid() ** 8
    assert 0.9 <= decay.min() < 0.9002
    assert 0.9988 < decay.max() <= 0.999001
    assert decay.mean().item() == pytest.approx(0.9495, abs=1e-3)


def test_gates_start_by_lecun():
    gate = RGLRU(512, num_blocks=4).gate_a
    assert gate.weight.std().item() == pytest.approx(1 / math.sqrt(128), rel=0.02)
    assert not gate.bias.any()


def test_gradient_of_the_root_is_bounded():
    x = torch.tensor([0.0, 1e-12, 1e-8, 0.25], dtype=torch.float64, requires_grad=True)
    y = bounded_sqrt(x)
    torch.testing.assert_close(y, x.sqrt())
    y.sum().backward()
    torch.testing.assert_close(x.grad, torch.tensor([1000.0, 1000.0, 1000.0, 1.0], dtype=torch.float64))


def test_what_never_forgets_has_finite_gradients():
    layer = RGLRU(4, num_blocks=1)
    torch.nn.init.constant_(layer.decay, 50.0)  # σ of it is one exactly
    y, _ = layer(torch.randn(2, 9, 4))
    y.sum().backward()
    assert all(parameter.grad.isfinite().all() for parameter in layer.parameters())


def test_state_is_kept_in_float32():
    """In half precision, h + 1/1000 would stand still."""
    layer = RGLRU(4, num_blocks=1).bfloat16()
    x = torch.randn(2, 30, 4).bfloat16()
    y, state = layer(x)
    assert (y.dtype, state.dtype) == (torch.bfloat16, torch.float32)
    pieces = torch.cat([layer(x[:, :13])[0], layer(x[:, 13:], layer(x[:, :13])[1])[0]], 1)
    torch.testing.assert_close(pieces, y, rtol=0.02, atol=0.02)


def test_depthwise_convolution_equals_torchs():
    layer = DepthwiseCausalConv1d(5, 4)
    x = torch.randn(2, 9, 5)
    padded = torch.nn.functional.pad(x.transpose(1, 2), (3, 0))
    expected = torch.nn.functional.conv1d(padded, layer.weight.T[:, None], layer.bias, groups=5)
    torch.testing.assert_close(layer(x)[0], expected.transpose(1, 2))
