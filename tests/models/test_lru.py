"""The LRU equals its equations in complex float64; its eigenvalues start on the ring that is asked for."""

import math

import pytest
import torch

from bicameral.errors import ConfigError
from bicameral.models.lru import LRUConfig, LRULayer


def by_the_equations(layer, x, h):
    """Equations 2, 5 and 7 of the paper, with λ and γ written out."""
    modulus, angle = (-layer.nu.exp()).exp(), layer.theta.exp()
    eigenvalues = torch.complex(modulus * angle.cos(), modulus * angle.sin())
    B = torch.complex(layer.B[:, 0], layer.B[:, 1])
    C = torch.complex(layer.C[..., 0], layer.C[..., 1])
    outputs = []
    for x_t in x.unbind(1):
        h = eigenvalues * h + layer.gamma.exp() * (x_t.to(B.dtype) @ B.T)
        outputs.append((h @ C.T).real + layer.D * x_t)
    return torch.stack(outputs, 1), h


def test_equals_the_paper():
    layer = LRULayer(LRUConfig(width=5, num_states=7)).double()
    x, h = torch.randn(3, 40, 5).double(), torch.randn(3, 7, dtype=torch.complex128)
    y, state = layer(x, torch.view_as_real(h))
    expected, last = by_the_equations(layer, x, h)
    torch.testing.assert_close(y, expected)
    torch.testing.assert_close(torch.view_as_complex(state), last)
    parameters = list(layer.parameters())
    torch.testing.assert_close(
        torch.autograd.grad(y.square().sum(), parameters),
        torch.autograd.grad(expected.square().sum(), parameters),
    )


@pytest.mark.parametrize(("r_min", "r_max", "max_phase"), [(0.0, 0.99, 2 * math.pi), (0.9, 0.999, 0.3)])
def test_eigenvalues_are_uniform_on_the_ring(r_min, r_max, max_phase):
    """Uniform in area: the squares of the moduli and the angles are uniform, and independent."""
    config = LRUConfig(num_states=20_000, r_min=r_min, r_max=r_max, max_phase=max_phase)
    eigenvalues = LRULayer(config).double().eigenvalues()
    areas = (eigenvalues.abs().square() - r_min**2) / (r_max**2 - r_min**2)
    angles = eigenvalues.angle().remainder(2 * math.pi) / max_phase
    for share in (areas, angles):
        quantiles = share.quantile(torch.tensor([0.0, 0.25, 0.5, 0.75, 1.0]).double())
        torch.testing.assert_close(quantiles, torch.linspace(0, 1, 5).double(), atol=0.02, rtol=0)
    assert abs(torch.corrcoef(torch.stack([areas, angles]))[0, 1]) < 0.03


def test_gain_keeps_the_variance():
    """γ = √(1 - |λ|²): white noise of variance one in, states of variance one in the long run."""
    torch.manual_seed(0)
    layer = LRULayer(LRUConfig(width=64, num_states=32, r_max=0.9))
    with torch.no_grad():
        _, state = layer(torch.randn(200, 300, 64))
    assert state.square().sum(-1).mean().item() == pytest.approx(1.0, rel=0.1)


def test_eigenvalues_are_trained_with_care():
    assert set(LRULayer.slow) <= set(dict(LRULayer(LRUConfig()).named_parameters()))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"r_min": 0.9, "r_max": 0.5}, "less than r_max = 0.5"),
        ({"max_phase": 7.0}, "at most 2π"),
        ({"max_phase": 0.0}, "more than 0"),
    ],
)
def test_refuses(fields, message):
    with pytest.raises(ConfigError, match=message):
        LRUConfig(**fields)
