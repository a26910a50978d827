"""Hawk: its blocks equal the paper's equations in float64; its sizes have the paper's parameters."""

import math

import pytest
import torch

from bicameral.errors import ConfigError
from bicameral.models.hawk import Hawk, HawkConfig, RecurrentBlock

TABLE = {  # millions: width, recurrent width, depth
    100: (768, 1024, 12),
    400: (1536, 2048, 12),
    1_300: (2048, 2560, 24),
    3_000: (3072, 4096, 24),
    7_000: (4096, 5632, 32),
    14_000: (5120, 8192, 40),
}


def gelu(x):
    return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def rms_norm(x, gain):
    return x / (x.square().mean(-1, keepdim=True) + 1e-6).sqrt() * gain


def recurrent_block(block, x):
    u = x @ block.x.weight.T + block.x.bias
    padded = torch.cat([torch.zeros(len(u), 3, u.shape[2]).double(), u], 1)
    u = sum(padded[:, j : j + x.shape[1]] * block.conv.weight[j] for j in range(4)) + block.conv.bias
    unit, h, states = block.rg_lru, torch.zeros_like(u[:, 0]), []
    for u_t in u.unbind(1):
        r, i = (
            (u_t @ torch.block_diag(*gate.weight) + gate.bias.flatten()).sigmoid()
            for gate in (unit.gate_a, unit.gate_x)
        )
        a = unit.decay.sigmoid() ** (8 * r)
        h = a * h + (1 - a**2).sqrt() * i * u_t
        states.append(h)
    y = gelu(x @ block.y.weight.T + block.y.bias)
    return (torch.stack(states, 1) * y) @ block.out.weight.T + block.out.bias


def mlp(module, x):
    gate, up = (x @ layer.weight.T + layer.bias for layer in (module.gate, module.up))
    return (gelu(gate) * up) @ module.down.weight.T + module.down.bias


@torch.no_grad()
def test_equals_the_paper():
    model = Hawk((20, 3), HawkConfig(width=8, recurrent_width=12, depth=2, num_blocks=4)).double()
    for parameter in model.parameters():
        parameter.add_(torch.randn_like(parameter) / 10)  # so that no bias is zero and no gain is one
    x = torch.randn(2, 20, 3).double()
    project, *residuals, last = model
    y = x @ project.module.weight.T + project.module.bias
    for temporal, channel in zip(residuals[::2], residuals[1::2], strict=True):
        y = y + recurrent_block(temporal.inner, rms_norm(y, temporal.norm.weight))
        y = y + mlp(channel.inner.module, rms_norm(y, channel.norm.weight))
    torch.testing.assert_close(model(x)[0], rms_norm(y, last.module.weight))


@pytest.mark.parametrize("millions", TABLE)
def test_sizes_of_the_paper(millions):
    """Named by their parameters, tokens not counted; the names are round, within 7 %."""
    width, recurrent_width, depth = TABLE[millions]
    config = HawkConfig(width=width, recurrent_width=recurrent_width, depth=depth, num_blocks=16)
    with torch.device("meta"):
        model = Hawk((1, 1), config)
    count = sum(parameter.numel() for parameter in model.parameters())
    assert count / 1e6 == pytest.approx(millions, rel=0.07)
    mlps = 9 * width**2 + 7 * width
    gates = 2 * (recurrent_width**2 // 16 + recurrent_width) + recurrent_width
    block = 3 * width * recurrent_width + 2 * recurrent_width + width + 5 * recurrent_width + gates
    assert count == depth * (mlps + block + 2 * width) + 3 * width


def test_first_weights_are_the_released_codes():
    block = RecurrentBlock(HawkConfig(width=256, recurrent_width=512, depth=8))
    assert block.x.weight.std().item() == pytest.approx(1 / 16, rel=0.02)
    assert block.out.weight.std().item() == pytest.approx(math.sqrt(2 / 8 / 512), rel=0.02)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"init": "papers"}, "did you mean 'paper'"),
        ({"recurrent_width": 50, "num_blocks": 8}, "a multiple of num_blocks = 8"),
    ],
)
def test_refuses(fields, message):
    with pytest.raises(ConfigError, match=message):
        HawkConfig(**fields)
