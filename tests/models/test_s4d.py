"""S4D: its recurrence, its convolution and the zero-order hold of its differential equation are one thing."""

import math

import pytest
import torch

from bicameral.models import s4d
from bicameral.models.s4d import S4DLayer
from bicameral.testing import lengths_laws, recurrent_laws

SHAPE = (17, 4)


@pytest.fixture
def _short_pieces(monkeypatch):
    monkeypatch.setattr(s4d, "PIECE", 5)


@pytest.mark.usefixtures("_short_pieces")
@pytest.mark.parametrize(
    ("name", "law"),
    [
        *recurrent_laws(lambda: S4DLayer(4, 3), SHAPE),
        *lengths_laws(lambda: S4DLayer(4, 3), SHAPE, 1, 1),
    ],
)
def test_layer_obeys_in_pieces(name, law):
    law()


def modes(layer):
    A = torch.complex(-layer.log_decay.exp(), layer.frequency)
    return layer.log_dt.exp(), A, torch.complex(layer.C[..., 0], layer.C[..., 1])


@torch.no_grad()
def test_kernel_is_the_papers():
    """K_l = 2 Re Σ_n C_n (e^{ΔA_n} - 1)/A_n e^{ΔA_n l}, one number at a time; y = K * x + D x."""
    layer, x = S4DLayer(3, 4).double(), torch.randn(2, 30, 3).double()
    dt, A, C = modes(layer)
    kernel = torch.zeros(30, 3).double()
    for time in range(30):
        for channel in range(3):
            z = dt[channel] * A[channel]
            terms = C[channel] * (z.exp() - 1) / A[channel] * (z * time).exp()
            kernel[time, channel] = 2 * terms.sum().real
    y = torch.stack([(kernel[: t + 1].flip(0) * x[:, : t + 1]).sum(1) for t in range(30)], 1)
    torch.testing.assert_close(layer(x)[0], y + layer.D * x)


@torch.no_grad()
def test_step_holds_the_input_for_one_interval():
    """h' = A h + x with x held for Δ: the exponential of a system in which x is a state that stands still."""
    layer = S4DLayer(3, 4).double()
    x_t, h = torch.randn(1, 3).double(), torch.randn(1, 3, 4, dtype=torch.complex128)
    dt, A, C = modes(layer)
    system = torch.zeros(3, 4, 2, 2, dtype=torch.complex128)
    system[..., 0, 0], system[..., 0, 1] = A, 1
    joint = torch.stack([h[0], x_t[0, :, None].expand(3, 4).to(h.dtype)], -1)[..., None]
    after = (torch.matrix_exp(system * dt[:, None, None, None]) @ joint)[None, ..., 0, 0]
    y_t, state = layer.step(x_t, torch.view_as_real(h))
    torch.testing.assert_close(torch.view_as_complex(state), after)
    torch.testing.assert_close(y_t, 2 * (C * after).sum(-1).real + layer.D * x_t)


def test_starts_as_s4d_lin():
    layer = S4DLayer(4000, 5)
    assert torch.allclose(-layer.log_decay.exp(), torch.tensor(-0.5))
    assert layer.frequency[17].tolist() == pytest.approx([math.pi * n for n in range(5)])
    assert 1e-3 <= layer.log_dt.exp().min() < 1.01e-3
    assert 0.099 < layer.log_dt.exp().max() <= 0.1
    assert layer.log_dt.exp().median().item() == pytest.approx(1e-2, rel=0.1)


def test_kernel_parameters_are_trained_with_care():
    assert set(S4DLayer.slow) == set(dict(S4DLayer(2, 2).named_parameters())) - {"C", "D"}
