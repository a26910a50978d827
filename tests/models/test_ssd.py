"""Mamba-2: chunks equal the recurrence and the quadratic form; the block equals the paper's."""

import pytest
import torch
from torch.nn import functional

from bicameral.errors import ConfigError
from bicameral.models import ssd
from bicameral.models.ssd import SSDBlock, SSDConfig
from bicameral.testing import lengths_laws, recurrent_laws

CONFIG = SSDConfig(width=8, head_width=4, num_states=3)
SHAPE = (17, 8)


@pytest.fixture
def _short_chunks(monkeypatch):
    monkeypatch.setattr(ssd, "CHUNK", 5)


@pytest.mark.usefixtures("_short_chunks")
@pytest.mark.parametrize(
    ("name", "law"),
    [
        *recurrent_laws(lambda: SSDBlock(CONFIG), SHAPE),
        *lengths_laws(lambda: SSDBlock(CONFIG), SHAPE, 1, 1),
    ],
)
def test_block_obeys_in_chunks(name, law):
    law()


def example(num_frames):
    log_a = -torch.rand(2, num_frames, 3).double()
    x, h = torch.randn(2, num_frames, 3, 4).double(), torch.randn(2, 3, 4, 5).double()
    b, c = torch.randn(2, 2, num_frames, 5).double()
    return tuple(v.requires_grad_() for v in (log_a, x, b, c, h))


def by_recurrence(log_a, x, b, c, h):
    outputs = []
    for t in range(x.shape[1]):
        h = log_a[:, t, :, None, None].exp() * h + torch.einsum("bnp,bs->bnps", x[:, t], b[:, t])
        outputs.append(torch.einsum("bnps,bs->bnp", h, c[:, t]))
    return torch.stack(outputs, 1), h


def by_the_quadratic_form(log_a, x, b, c):
    """y = (L ⊙ C Bᵀ) x, every L_ij = a_i ... a_{j+1} a product of its own."""
    y = torch.zeros_like(x)
    for i in range(x.shape[1]):
        for j in range(i + 1):
            weight = log_a[:, j + 1 : i + 1].exp().prod(1) * (c[:, i] * b[:, j]).sum(-1, keepdim=True)
            y[:, i] += weight[..., None] * x[:, j]
    return y


@pytest.mark.parametrize("num_frames", [1, 4, 32, 33, 150])
def test_chunks_equal_the_recurrence(num_frames):
    problem = example(num_frames)
    actual, expected = ssd.ssd(*problem), by_recurrence(*problem)
    torch.testing.assert_close(actual, expected)
    actual, expected = (torch.autograd.grad((y * y).sum() + h.sum(), problem) for y, h in (actual, expected))
    torch.testing.assert_close(actual, expected)


@pytest.mark.usefixtures("_short_chunks")
def test_chunks_equal_the_quadratic_form():
    *problem, h = example(23)
    y, _ = ssd.ssd(*problem, torch.zeros_like(h))
    torch.testing.assert_close(y, by_the_quadratic_form(*problem))


def test_strong_decay_stays_finite():
    log_a, *rest = example(100)
    log_a = (1000 * log_a).detach().requires_grad_()
    y, _ = ssd.ssd(log_a, *rest)
    y.sum().backward()
    assert y.isfinite().all()
    assert log_a.grad.isfinite().all()


@torch.no_grad()
def test_block_equals_the_paper():
    block, x = SSDBlock(CONFIG).double(), torch.randn(2, 20, 8).double()
    torch.nn.init.normal_(block.D)
    projected = x @ block.project.weight.T
    z, u, dt = projected[..., :16], projected[..., 16:38], projected[..., 38:]
    padded = functional.pad(u, (0, 0, 3, 0))
    u = sum(padded[:, j : j + 20] * block.conv.weight[j] for j in range(4)) + block.conv.bias
    u = u * u.sigmoid()
    values, b, c = u[..., :16].unflatten(-1, (4, 4)), u[..., 16:19], u[..., 19:]
    dt = (1 + (dt + block.dt_bias).exp()).log()
    h = torch.zeros(2, 4, 4, 3).double()
    y, _ = by_recurrence(-dt * block.log_decay.exp(), values * dt[..., None], b, c, h)
    y = (y + block.D[:, None] * values).flatten(2) * z * z.sigmoid()
    y = y / (y.square().mean(-1, keepdim=True) + 1e-6).sqrt() * block.norm.weight
    torch.testing.assert_close(block(x)[0], y @ block.out.weight.T)


def test_starts_as_mamba_2():
    block = SSDBlock(SSDConfig(width=4000, head_width=1, num_states=1, expansion=1))
    dt, decay = functional.softplus(block.dt_bias), block.log_decay.exp()
    assert 0.99e-3 < dt.min() < 1.02e-3
    assert 0.098 < dt.max() < 0.101
    assert dt.median().item() == pytest.approx(1e-2, rel=0.1)
    assert 1 <= decay.min() < 1.1
    assert 15.9 < decay.max() <= 16


def test_refuses_heads_that_do_not_fit():
    with pytest.raises(ConfigError, match="a multiple of head_width = 24"):
        SSDConfig(width=64, head_width=24)
